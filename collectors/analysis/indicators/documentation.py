"""Text of docs/indicators.md, made from the catalogues: `python -m
collectors.analysis.indicators.documentation > docs/indicators.md`."""

import sys
from collections.abc import Iterable, Sequence

from collectors.analysis.indicators.catalogue import GROUPS
from collectors.analysis.indicators.patterns import DEPTH, PATTERNS
from collectors.analysis.indicators.ranks import RANKED
from collectors.analysis.indicators.signals import FROZEN_SESSIONS, SIGNALS

INTRODUCTION = """\
# Indicators, signals, patterns, ranks

Written by `python -m collectors.analysis.indicators.documentation`; a test compares this page with
the catalogues.

O, H, L, C, V: open, high, low, close (won) and volume (shares) of a session, adjusted to the last
one ([how](documents.md#adjusted-prices)). T = (H + L + C) / 3. EMA n: weight 2 / (n + 1), begun
with the mean of the first n values. W n, Wilder's average: weight 1 / n, begun likewise; the sums
of +DM, -DM and true range within DI begin with the first n - 1. Warm-up: the bars a ticker needs
for the first value. A value that does not exist is null: too few bars, or a division by zero (a
frozen price has no RSI, stochastic, %R, CCI, MFI, DI or %b; no falling session in 20, no VR).

What to know before using them:

- **Only the last listed stretch counts.** A code that was gone for a session or more and came back
  starts again.
- **300 sessions are read**, and no indicator would change by a millionth with 600: the longest
  average takes 120, the squeeze 139, 52 weeks have 260 weekdays, and a smoothing that never forgets
  (EMA, MACD, RSI, ATR, DI, ADX), begun at the first of 300 bars, has forgotten it. With
  `HISTORY_SESSIONS` below 300 there are fewer.
- **OBV is given as differences.** Its level depends on the first bar of the series, which moves on
  every night; the change over 1, 20 and 60 sessions does not. To draw the line, sum
  `history.obv_change_1` up.
- **Ichimoku's shift is 26 with today included**, as Korean charts count it: a span computed today
  is drawn 25 bars ahead. `ichimoku_span_a/b` is the cloud at today's bar (computed 25 bars ago),
  `ichimoku_lead_a/b` the one computed today. The lagging span is today's close drawn 25 bars back.
- **The 52 weeks are 364 days of the calendar** up to the ticker's last bar; a younger listing has
  what there is.
- **Volume is adjusted for splits and consolidations**, so an average over both sides of one counts
  shares of one kind. The exchange itself adjusts no volume.
- **Volume and value change their meaning on 2026-09-14.** From that session on they are the total
  of the regular session and the after-market (16:00 to 20:00), before it of the regular session
  alone ([more](exchange.md#the-day-since-2026-09-14)). The after-market's share of a stock's day
  was 1.9 to 20.1 % (measured once, on 2026-09-14). What it means for each: see [volume](#volume).
  Open and close are those of the regular session as before; whether high and low include the
  after-market is not known.
- **A session without a regular price** (open 0: halted, or traded in the after-market alone) is a
  flat bar at the close that was kept, and no candle: patterns and gaps go from the candle before it
  to the one after it. The high and low of the after-market reach nothing. Its volume and value
  count as the day's, and the price has not moved: OBV leaves them out, VR counts them as unchanged,
  VWAP takes them at the kept close, and MFI goes by T, which is the kept close.
- The chart (`history`) has up to 60 sessions: bars rounded to the won and the share, lines to four
  decimals.
"""


PREFACES = {
    "Volume": """\
V and values traded include the after-market since 2026-09-14. While a window holds sessions on both
sides of that day, each of these compares unlike volumes, and nothing is corrected, because the
share is not known for each ticker:

- `volume_ratio`, and with it the signal `volume_surge`: too high in the first 20 sessions, since a
  day with the after-market is divided by days without it. A share of 20.1 %, the most that was
  measured, makes it a quarter too high.
- `volume_sma_5`, `volume_sma_20`, `value_sma_20`: they rise for 5 and 20 sessions.
- `vr_20`, `mfi_14`, `vwap_20`: the sessions since then weigh more, for 19, 13 and 19 sessions.
- `obv_change_20`, `obv_change_60`: likewise, for 19 and 59 sessions; `obv_change_1` is of one day.

An evening's session is read before the after-market has ended. Until the reading after 20:30 its V
is too low, and so are all of these.
"""
}
"""Group -> text before its table."""


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines) + "\n"


def indicator_tables() -> str:
    """Return one section per group."""
    head = ("name", "indicator", "한글", "formula", "parameters", "unit", "warm-up", "source")
    sections = []
    for group in GROUPS:
        rows = [(f"`{i.name}`", i.title, i.korean, i.formula, i.parameters, i.unit, i.warm_up,
                 i.source) for i in group.indicators]  # fmt: skip
        preface = f"{PREFACES[group.title]}\n" if group.title in PREFACES else ""
        sections.append(f"## {group.title}\n\n{preface}{table(head, rows)}")
    return "\n".join(sections)


def signal_table() -> str:
    """Return the signals in the order in which they are given."""
    rows = [(f"`{s.name}`", s.title, s.korean, s.meaning) for s in SIGNALS]
    return f"""## Signals

A ticker gives none, and no pattern, when it has no regular price in the last session (halted, or
traded in the after-market alone), or is frozen: one single price for {FROZEN_SESSIONS} sessions
(or for all it has). "Crosses" compares with the bar before; equal is not yet crossed. A gap
compares with the last bar before that had a regular price. In the first 20 sessions since
2026-09-14 `volume_surge` fires more easily ([why](#volume)).

{table(("name", "signal", "한글", "fires when"), rows)}"""


def pattern_table() -> str:
    """Return the candlestick patterns."""
    rows = [
        (f"`{p.name}`", p.title, p.korean, p.direction or "bullish or bearish", p.function)
        for p in PATTERNS
    ]
    return f"""## Candlestick patterns

TA-Lib's {len(PATTERNS)} patterns on the last {DEPTH} candles (bars with a regular price), reported
when they complete on the last one, as `{{"name", "direction"}}`; the direction is the sign TA-Lib
gives, unless that sign means nothing.

{table(("name", "pattern", "한글", "direction", "TA-Lib"), rows)}"""


def rank_table() -> str:
    """Return the ranks."""
    rows = [(f"`{name}_all`", f"`{name}_own`", name) for name in RANKED]
    return f"""## Ranks

Percentile rank from 0 (smallest) to 100 (largest): 100 (place - 1) / (n - 1), equal values share
the mean of their places (상대강도 순위). `_all`: in the whole market; `_own`: in the ticker's own
(KOSPI, KOSDAQ, KONEX). A ticker that has no regular price in the last session, or is frozen, has no
rank and takes no place.

{table(("whole market", "own market", "of"), rows)}"""


def page() -> str:
    """Return the whole of docs/indicators.md."""
    return "\n".join(
        (INTRODUCTION, indicator_tables(), signal_table(), pattern_table(), rank_table())
    )


if __name__ == "__main__":
    sys.stdout.write(page())

"""Technical analysis of one night: `TechnicalAnalyzer(panel).analyze(ticker)` for each target.

`collectors.analysis.indicators.catalogue` and docs/indicators.md say what every number is.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np

from collectors.analysis.indicators import derived, patterns, ranks, signals, studies, whole_market
from collectors.analysis.indicators.bars import (
    AnalysisError,
    Bars,
    BoolArray,
    FloatArray,
    Market,
    align,
    check_layout,
    find_faults,
    last_spans,
    listed_cells,
)
from collectors.analysis.indicators.catalogue import INDICATOR_NAMES
from utils.adjustment import to_whole
from utils.market_day import Panel
from utils.store.backend import Columns

__all__ = ["HISTORY_LINES", "VERSION", "Analysis", "AnalysisError", "TechnicalAnalyzer"]

VERSION = 2
"""Version of the meaning of the numbers: raise it when a formula, a name or a parameter changes."""

BAR_LINES = ("open", "high", "low", "close", "volume")
HISTORY_LINES = (
    *("sma_5", "sma_20", "sma_60", "sma_120", "bb_upper", "bb_lower"),
    *("ichimoku_conversion", "ichimoku_base", "ichimoku_span_a", "ichimoku_span_b"),
    *("rsi_14", "rsi_signal", "macd", "macd_signal", "macd_histogram", "stoch_k", "stoch_d"),
    *("volume_sma_20", "obv_change_1"),
)
"""Indicator lines of a chart, besides the bars themselves."""
HISTORY_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Analysis:
    """Result of one ticker; every value but `history` a plain float, int, str or None, ready for
    BSON and JSON.

    `session` and `close` (won) are those of the ticker's last bar. `latest` holds every indicator
    of the catalogue, None where it does not exist (yet). `signals` are names, `patterns` `{"name",
    "direction"}`; both are empty for a ticker that is halted, frozen or no longer listed. `ranks`
    are percentiles 0 to 100. `history` holds parallel arrays of up to 60 sessions, oldest first:
    `session` (list of str), bars (int64: adjusted, rounded to the won; volume in shares) and
    `HISTORY_LINES` (float64, 4 decimals, NaN where there is none).
    """

    ticker: str
    name: str
    market: str
    market_cap: int | None
    session: str
    close: int
    latest: dict[str, float | None]
    signals: list[str]
    patterns: list[dict[str, str]]
    ranks: dict[str, float | None]
    history: Columns


class TechnicalAnalyzer:
    """Analyser of the tickers of one panel. It computes here, once, what needs the whole market,
    and only reads the panel.

    Raise `AnalysisError` when the panel's arrays are not native, C-contiguous float64 of one shape.
    """

    def __init__(self, panel: Panel) -> None:
        check_layout(panel)
        self._panel = panel
        self._rows = {ticker: row for row, ticker in enumerate(panel.tickers)}
        listed = listed_cells(panel)
        self._spans = last_spans(listed)
        self._faults = find_faults(panel, self._spans)
        market = align(panel, listed, self._spans, list(self._faults))
        self._alive = _alive(panel, market)
        self._prepare_values(market)
        self._prepare_patterns(market)
        self._prepare_history(market)

    @property
    def faults(self) -> dict[str, str]:
        """Reasons by ticker, for those that cannot be analysed: `analyze` raises."""
        return {self._panel.tickers[row]: reason for row, reason in self._faults.items()}

    def _prepare_values(self, market: Market) -> None:
        columns = whole_market.compute(market)
        last = {"volume": market.volume[:, -1], "value": market.value[:, -1]}
        self._column_names = tuple(columns)
        self._columns = np.column_stack(list(columns.values()))
        self._ranks = ranks.rank_market(columns | last, self._panel.markets, self._alive)
        self._undefined = whole_market.undefined(market)
        self._has_undefined: BoolArray = np.logical_or.reduce(
            [cells.any(axis=1) for cells in self._undefined.values()]
        )

    def _prepare_patterns(self, market: Market) -> None:
        self._scores, self._whole_won = patterns.score_whole_won(market, self._panel.traded)

    def _prepare_history(self, market: Market) -> None:
        recent = np.stack(
            [getattr(market, name)[:, -studies.HISTORY :] for name in BAR_LINES], axis=1
        )
        self._bar_history = to_whole(np.nan_to_num(recent))

    def analyze(self, ticker: int | str) -> Analysis:
        """Return the analysis of one ticker, by row of the panel or by code.

        Raise `AnalysisError` when its bars cannot be analysed or the panel does not list the code,
        `IndexError` for a row that is not there.
        """
        row = (
            self._row(ticker)
            if isinstance(ticker, str)
            else range(len(self._panel.tickers))[ticker]
        )
        if row in self._faults:
            raise AnalysisError(f"{self._panel.tickers[row]}: {self._faults[row]}")
        bars = self._bars(row)
        candles = self._candles(row, bars)
        lines = studies.compute(bars)
        self._take_out_undefined(row, lines)
        now = self._values(row, bars, lines)
        panel, cap = self._panel, float(self._panel.market_cap[row])
        return Analysis(
            ticker=panel.tickers[row],
            name=panel.names[row],
            market=panel.markets[row],
            market_cap=round(cap) if isfinite(cap) else None,
            session=panel.sessions[self._spans.end[row] - 1],
            close=round(now["close"]),
            latest=_plain(INDICATOR_NAMES, [now[name] for name in INDICATOR_NAMES]),
            signals=signals.fired(now, _before(bars, candles, lines))
            if self._alive[row] and len(bars.close) > 1
            else [],
            patterns=self._patterns(row, candles),
            ranks=_plain(ranks.RANK_NAMES, self._ranks[row].tolist()),
            history=self._history(row, lines),
        )

    def ranks(self) -> dict[str, dict[str, float | None]]:
        """Return the ranks of every ticker of the panel, as an analysis of it has them."""
        return {
            ticker: _plain(ranks.RANK_NAMES, self._ranks[row].tolist())
            for ticker, row in self._rows.items()
        }

    def _row(self, ticker: str) -> int:
        if ticker not in self._rows:
            raise AnalysisError(f"{ticker} is not listed in session {self._panel.sessions[-1]}")
        return self._rows[ticker]

    def _bars(self, row: int) -> Bars:
        panel, listed = self._panel, slice(self._spans.start[row], self._spans.end[row])
        arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
        return Bars(*[array[row, listed] for array in arrays])

    def _candles(self, row: int, bars: Bars) -> Bars:
        """Return the bars with a regular price."""
        traded = self._panel.traded[row, self._spans.start[row] : self._spans.end[row]]
        return bars if traded.all() else Bars(*[series[traded] for series in bars])

    def _take_out_undefined(self, row: int, lines: studies.Lines) -> None:
        if not self._has_undefined[row]:
            return
        for name, cells in self._undefined.items():
            tail = lines[name][-cells.shape[1] :]
            tail[cells[row, -len(tail) :]] = np.nan

    def _values(self, row: int, bars: Bars, lines: studies.Lines) -> dict[str, float]:
        """Return every value of the last bar by name, NaN where there is none."""
        now = dict(zip(self._column_names, self._columns[row].tolist(), strict=True))
        for name, line in lines.items():
            now[name] = line.item(-1)
        for name, series in zip(BAR_LINES, bars, strict=True):
            now[name] = series.item(-1)
        return now | derived.compute(now, lines)

    def _patterns(self, row: int, candles: Bars) -> list[dict[str, str]]:
        if not self._alive[row]:
            return []
        return patterns.describe(
            self._scores[row] if self._whole_won[row] else patterns.score(candles)
        )

    def _history(self, row: int, lines: studies.Lines) -> Columns:
        start, end = int(self._spans.start[row]), int(self._spans.end[row])
        count = min(end - start, studies.HISTORY)
        history: Columns = {"session": self._panel.sessions[end - count : end]}
        history.update(zip(BAR_LINES, self._bar_history[row, :, -count:], strict=True))
        history.update(zip(HISTORY_LINES, _chart(lines, count), strict=True))
        return history


def _alive(panel: Panel, market: Market) -> BoolArray:
    """Return True for tickers that traded in the panel's last session and are not frozen at one
    price. Shape (tickers,)."""
    if not panel.sessions:
        return np.zeros(len(panel.tickers), dtype=np.bool_)
    listed = (~np.isnan(market.close[:, -signals.FROZEN_SESSIONS :])).sum(axis=1)
    frozen = market.flat_run[:, -1] >= np.maximum(listed, 2)
    alive: BoolArray = panel.traded[:, -1] & market.current & (listed > 0) & ~frozen
    return alive


def _before(bars: Bars, candles: Bars, lines: studies.Lines) -> dict[str, float]:
    """Return the values that the rules may ask for of the bar before the last. High and low are
    those of the last candle before it, since gaps are between candles; NaN when it is the first."""
    before = {
        name: lines[name].item(-2) if len(lines[name]) > 1 else np.nan for name in signals.BEFORE
    }
    before |= {name: series.item(-2) for name, series in zip(BAR_LINES, bars, strict=True)}
    several = len(candles.close) > 1
    return before | {
        "high": candles.high.item(-2) if several else np.nan,
        "low": candles.low.item(-2) if several else np.nan,
    }


def _plain(names: tuple[str, ...], values: list[float]) -> dict[str, float | None]:
    return {
        name: value if isfinite(value) else None for name, value in zip(names, values, strict=True)
    }


def _chart(lines: studies.Lines, count: int) -> FloatArray:
    """Return the last `count` values of each of `HISTORY_LINES`, else NaN; shape (lines, count)."""
    block: FloatArray = np.full((len(HISTORY_LINES), count), np.nan)
    for position, name in enumerate(HISTORY_LINES):
        tail = lines[name][-count:]
        block[position, count - len(tail) :] = tail
    block[np.isinf(block)] = np.nan
    return block.round(HISTORY_DECIMALS)

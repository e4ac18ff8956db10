"""Rules of whole markets. Few of them say that an answer is impossible as a session of the exchange
(`check_is_of_its_day`, `repeated_or_continued`). The others find what is odd and may be right
(`oddities`, `lost`): the collector asks again before such a day is stored.

Each rule looks at KOSPI, KOSDAQ and KONEX by themselves. `RULES` and `IMPOSSIBLE` hold what was
measured on the recorded sessions beside the limits; docs/failures.md shows them as a table. Rules
within a row are in `integrity`.
"""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
import pandas as pd

from collectors.rules.integrity import base_continues, beyond_limit
from collectors.rules.price_rules import Bools
from utils.date_utils import AFTER_MARKET_SINCE
from utils.errors import MalformedAnswer
from utils.market_day import MARKETS

ByMarket = tuple[float, float, float]
"""A number for each of KOSPI, KOSDAQ and KONEX."""

RARE_ROWS, USUAL_ROWS = 5, 20
"""Rows of one market that make no day odd, however small the market is: of what hardly ever
happens, and of what happens in every session. Of the former no more than half of a market, and two
in any case."""
VOLUME_JUMP = 10
"""Times as much volume as in the session before, or as little."""
AFTER_MARKET_SLACK = 1.1
"""Since there is an after-market the value may be this many times outside low x volume to high x
volume: its trades may lie beyond the prices of the regular session and are 20.1 % of a volume at
most, docs/exchange.md."""
FEWEST_TICKERS, LARGE_MARKET = 0.5, 0.1
"""Part of a market's tickers without which there is no market, and part of all tickers above which
a market counts for that: KONEX alone, 4 % of them, is no day."""
NEARLY_ALL = 0.9
"""Part of a market's rows that makes it the market of another session. Measured on other sessions:
0.19 at most."""
FEWEST_ROWS = 10
"""Rows that a market needs for that."""


@dataclass(frozen=True)
class Oddity:
    """One rule's finding about one market of a day that is odd and may be right."""

    rule: str
    market: str
    """KOSPI, KOSDAQ or KONEX; empty for the whole day."""
    text: str
    count: int = 1
    """Number of tickers that it is about."""


class Cells(dict[str, np.ndarray]):
    """Columns of a day, in the order of these rows, each taken when it is first looked at."""

    def __init__(self, frame: pd.DataFrame, rows: np.ndarray | None = None) -> None:
        super().__init__()
        self._frame, self._rows = frame, rows

    def __missing__(self, name: str) -> np.ndarray:
        cells = self._frame[name].to_numpy()
        self[name] = cells if self._rows is None else cells[self._rows]
        return self[name]


@dataclass(frozen=True)
class Days:
    """A day beside another one, row by row of the first. Without another one `both` is False."""

    session: str
    frame: pd.DataFrame
    now: Cells
    before: Cells
    """Cells of the same ticker in the other day; they mean nothing where `both` is False."""
    both: Bools
    expected: Bools
    """True for rows whose ticker is expected in the other day too: it was not set aside."""

    @property
    def has_other(self) -> bool:
        return self.before is not self.now


Found = tuple[Bools, Bools]
"""The rows that a rule speaks of, and all that it looks at."""


class Needs(Enum):
    """Days that a rule is applied to."""

    DAY = auto()
    PAIR = auto()
    """The session before is needed too."""
    NO_PAIR = auto()
    """Applied only where the session before is not stored."""
    PAIR_TURNED = auto()
    """As `PAIR`, but the rows counted are those of the session before."""
    EARLIER = auto()
    """As `PAIR_TURNED`, with any earlier session or an earlier reading of the same one: `lost`."""


@dataclass(frozen=True)
class MarketRule:
    """Rule that makes a day odd when more than `most` rows of a market are found."""

    name: str
    among: str
    """The tickers looked at, in words that follow "of 949 KOSPI"."""
    what: str
    """The finding, in words that follow "45" or "that"."""
    find: Callable[[Days], Found]
    measured: ByMarket
    """The most of one recorded session: rows, or percent of a `usual` rule."""
    limit: ByMarket
    """Percent of the tickers looked at."""
    needs: Needs = Needs.PAIR
    usual: bool = False
    """Found in every session, and so measured in percent."""

    def most(self, market: int, rows: int) -> int:
        """Return how many of that many rows may be found. `market` is the position in
        `ByMarket`."""
        least = USUAL_ROWS if self.usual else max(2, min(RARE_ROWS, rows // 2))
        return max(least, int(rows * self.limit[market] / 100))


def oddities(
    frame: pd.DataFrame,
    session: str,
    previous: pd.DataFrame | None,
    set_aside: AbstractSet[str] = frozenset(),
) -> list[Oddity]:
    """Return what is odd about a typed day, one for each rule and market; empty on normal days.

    Args:
        frame: the columns of `MarketDay.frame`, the factor not needed.
        previous: the typed day of the exchange's session right before. With None only the rules of
            a day alone are applied.
        set_aside: tickers whose row of this day or of the day before was set aside. They count
            neither as gone nor as new.
    """
    day = side_by_side(frame, session, previous, set_aside)
    if previous is None:
        return _found(day, Needs.DAY, Needs.NO_PAIR)
    turned = side_by_side(previous, session, frame, set_aside)
    return _found(day, Needs.DAY, Needs.PAIR) + _found(turned, Needs.PAIR_TURNED)


def lost(
    frame: pd.DataFrame,
    session: str,
    other: pd.DataFrame,
    set_aside: AbstractSet[str] = frozenset(),
) -> list[Oddity]:
    """Return the markets of which the day lacks too many tickers that the other one has: the last
    stored session before a gap, or an earlier reading of the same session."""
    return _found(side_by_side(other, session, frame, set_aside), Needs.EARLIER)


def check_is_of_its_day(frame: pd.DataFrame, session: str, previous: pd.DataFrame | None) -> None:
    """Raise `MalformedAnswer` when the typed day cannot be this session's, whatever anybody says:
    no row, no market of which half is there, or a market that is the session before once more.

    Args:
        previous: the typed day of the exchange's session right before; None when it is not stored.
    """
    refused = f"The answer for {session} is not stored: "
    if frame.empty:
        raise MalformedAnswer(f"{refused}it has no row.")
    if previous is None:
        return
    present = tickers_present(frame, previous)
    if present and all(share < FEWEST_TICKERS for share in present.values()):
        raise MalformedAnswer(
            f"{refused}it holds less than half of the tickers that {' and '.join(present)} had in "
            "the session before. It is asked for again at the next run."
        )
    repeated = _nearly_all(repeated_shares(frame, previous))
    if repeated or _is_same(frame, previous):
        raise MalformedAnswer(
            f"{refused}its prices{_of(repeated)} are those of the session before once more. "
            "It is asked for again at the next run."
        )


def repeated_or_continued(frame: pd.DataFrame, other: pd.DataFrame) -> str | None:
    """Return the words that say how the typed day, or a market of it, is the very answer of another
    session or of the one right after that; None when it is neither. The other session's name
    follows the words: "its prices of KOSPI are those of".

    The other one is any stored session but the one right before, which each day continues.
    """
    repeated = _nearly_all(repeated_shares(frame, other))
    if repeated or _is_same(frame, other):
        return f"its prices{_of(repeated)} are those of"
    return continued(frame, other)


def continued(frame: pd.DataFrame, other: pd.DataFrame) -> str | None:
    """Return the words that say how the typed day, or a market of it, is the session right after
    another one; None when it is not. That one may be an earlier reading of the day itself."""
    shares = continued_shares(frame, other)
    if markets := _nearly_all(shares):
        return f"its base prices{_of(markets)} are the closes of"
    if not shares and _continues_small_one(frame, other):
        return "its base prices are the closes of"
    return None


def tickers_present(frame: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Return for each market of the other day the part of its tickers that the day has, in whatever
    market; small markets are left out, see `LARGE_MARKET`."""
    turned = side_by_side(other, "", frame)
    return {
        market: float(turned.both[rows].mean())
        for market, rows in _rows_by_market(other).items()
        if rows.sum() > LARGE_MARKET * len(other)
    }


def _found(days: Days, *needs: Needs) -> list[Oddity]:
    """Return what the rules with these needs find."""
    markets = _rows_by_market(days.frame)
    said = []
    for rule in RULES:
        if rule.needs not in needs:
            continue
        odd, among = rule.find(days)
        odd = odd & among
        for position, (market, rows) in enumerate(markets.items()):
            of = int((among & rows).sum())
            if int((odd & rows).sum()) > rule.most(position, of):
                said.append(_oddity(rule, market, days.now["ticker"][odd & rows], of))
    return said


def _oddity(rule: MarketRule, market: str, tickers: np.ndarray, of: int) -> Oddity:
    usual = rule.measured[list(MARKETS.values()).index(market)]
    text = (
        f"of {of:,} {market} {rule.among} {len(tickers):,} {rule.what}, first {tickers[0]} "
        f"(usually {usual:g}{' %' if rule.usual else ''} at most)"
    )
    return Oddity(rule.name, market, text, len(tickers))


def side_by_side(
    frame: pd.DataFrame,
    session: str,
    other: pd.DataFrame | None,
    set_aside: AbstractSet[str] = frozenset(),
) -> Days:
    """Return the day beside the other one, as the rules look at it."""
    now = Cells(frame)
    expected = np.ones(len(frame), dtype=bool)
    if set_aside:
        expected = ~np.isin(now["ticker"].astype(str), sorted(set_aside))
    if other is None or other.empty:
        return Days(session, frame, now, now, np.zeros(len(frame), dtype=bool), expected)
    positions = pd.Index(other["ticker"]).get_indexer(pd.Index(frame["ticker"]))
    return Days(session, frame, now, Cells(other, positions), positions >= 0, expected)


def _rows_by_market(frame: pd.DataFrame) -> dict[str, Bools]:
    market = frame["market"].to_numpy()
    return {name: market == name for name in MARKETS.values()}


# What another session's answer looks like


def repeated_shares(frame: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Return for each market the part of the tickers traded in both days whose prices are the
    same."""
    return _shares(*_repeated(side_by_side(frame, "", other)), frame)


def continued_shares(frame: pd.DataFrame, other: pd.DataFrame) -> dict[str, float]:
    """Return for each market the part of the tickers with a moved close whose base price is the
    other day's close."""
    return _shares(*_continued(side_by_side(frame, "", other)), frame)


def _shares(found: Bools, among: Bools, frame: pd.DataFrame) -> dict[str, float]:
    """Return the part found in each market with rows enough."""
    return {
        market: float(found[rows & among].mean())
        for market, rows in _rows_by_market(frame).items()
        if (rows & among).sum() >= FEWEST_ROWS
    }


def _nearly_all(shares: dict[str, float]) -> list[str]:
    return [market for market, share in shares.items() if share >= NEARLY_ALL]


def _continues_small_one(frame: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return True when nearly all rows together continue the other day: no market has
    `FEWEST_ROWS`."""
    found, among = _continued(side_by_side(frame, "", other))
    return bool(among.sum() > 2 and found[among].mean() >= NEARLY_ALL)


def _of(markets: list[str]) -> str:
    return f" of {' and '.join(markets)}" if markets else ""


def _repeated(days: Days) -> Found:
    """Volumes are not compared: they may be those of an earlier reading."""
    prices = ("open", "high", "low", "close", "change")
    return _equal(days, *prices), _traded_in_both(days)


def _continued(days: Days) -> Found:
    now, moved = days.now, days.now["change"] != 0
    continues = base_continues(now["close"] - now["change"], days.before["close"])
    return continues, days.both & moved & (now["open"] > 0)


def _is_same(frame: pd.DataFrame, other: pd.DataFrame) -> bool:
    numbers = ["ticker", "close", "volume", "value"]
    return bool(frame["volume"].any()) and bool(
        np.array_equal(frame[numbers].to_numpy(), other[numbers].to_numpy())
    )


def _equal(days: Days, *names: str) -> Bools:
    equal: Bools = np.logical_and.reduce([days.now[name] == days.before[name] for name in names])
    return equal


def _traded_in_both(days: Days) -> Bools:
    return days.both & (days.now["open"] > 0) & (days.before["open"] > 0)


# What is odd: the rows that a rule speaks of, and all that it looks at


def _other_base(days: Days) -> Found:
    base = days.now["close"] - days.now["change"]
    return ~base_continues(base, days.before["close"]), days.both


def _in_one_alone(days: Days) -> Found:
    return ~days.both & days.expected, np.ones_like(days.both)


def _other(name: str) -> Callable[[Days], Found]:
    return lambda days: (days.now[name] != days.before[name], days.both)


def _stopped(days: Days) -> Found:
    return days.now["open"] == 0, days.both & (days.before["open"] > 0)


def _untraded(days: Days) -> Found:
    return days.now["open"] == 0, np.ones_like(days.both)


def _no_volume(days: Days) -> Found:
    return days.now["volume"] == 0, days.now["open"] > 0


def _no_value(days: Days) -> Found:
    volume, value = days.now["volume"], days.now["value"]
    return (volume == 0) | (value == 0), (volume > 0) | (value > 0)


def _value_out_of_range(days: Days) -> Found:
    now = days.now
    slack = AFTER_MARKET_SLACK if days.session >= AFTER_MARKET_SINCE else 1.0
    volume = now["volume"].astype(float)  # a product beyond 64 bits would wrap round
    outside = (now["value"] * slack < now["low"] * volume) | (
        now["value"] > now["high"] * volume * slack
    )
    return outside, (now["volume"] > 0) & (now["low"] > 0)


def _beyond_limit(days: Days) -> Found:
    """Where the session before is known, first sessions and the first ones after a halt are left
    out: the latter may be delisting trades."""
    known = _traded_in_both(days) if days.has_other else days.now["open"] > 0
    return beyond_limit(days.frame, days.session), known


def _unmoved(days: Days) -> Found:
    return days.now["change"] == 0, days.now["open"] > 0


def _one_price(days: Days) -> Found:
    now = days.now
    return (now["open"] == now["high"]) & (now["low"] == now["high"]), now["open"] > 0


def _volume_jumped(days: Days) -> Found:
    now, before = days.now["volume"], days.before["volume"]
    jumped = (now > VOLUME_JUMP * before.astype(float)) | (before > VOLUME_JUMP * now.astype(float))
    return jumped, days.both & (now > 0) & (before > 0)


def _same_again(days: Days) -> Found:
    again = _equal(days, "volume", "value") | _equal(days, "open", "high", "low")
    return again, _traded_in_both(days)


_ALL, _BOTH, _TRADED, _TRADED_IN_BOTH = (
    "tickers",
    "tickers of both sessions",
    "tickers with an opening price",
    "tickers with an opening price in both sessions",
)

RULES = (
    MarketRule(
        "base_price",
        _BOTH,
        "have a base price that is not the close of the session before",
        _other_base,
        (3, 2, 1),
        (2, 2, 2),
    ),
    MarketRule(
        "gone",
        "tickers of the session before",
        "are gone",
        _in_one_alone,
        (2, 1, 0),
        (1, 1, 1),
        Needs.PAIR_TURNED,
    ),
    MarketRule(
        "lost",
        "tickers of an earlier session or reading",
        "are not there any more",
        _in_one_alone,
        (2, 5, 0),
        (2, 2, 2),
        Needs.EARLIER,
    ),
    MarketRule("new", _ALL, "are new", _in_one_alone, (2, 3, 2), (1, 1, 1)),
    MarketRule("names", _BOTH, "have another name", _other("name"), (1, 5, 1), (1, 1, 1)),
    MarketRule("markets", _BOTH, "were in another market", _other("market"), (1, 1, 0), (1, 1, 1)),
    MarketRule(
        "shares", _BOTH, "have another number of shares", _other("shares"), (10, 22, 3), (5, 5, 5)
    ),
    MarketRule(
        "halted",
        "tickers with an opening price in the session before",
        "have none now",
        _stopped,
        (3, 4, 13),
        (2, 2, 30),
    ),
    MarketRule(
        "untraded",
        _ALL,
        "have no opening price",
        _untraded,
        (1.9, 5.0, 27.7),
        (5, 10, 60),
        Needs.NO_PAIR,
        usual=True,
    ),
    MarketRule("volumes", _TRADED, "have no volume", _no_volume, (0, 0, 0), (1, 1, 1), Needs.DAY),
    MarketRule(
        "values",
        "tickers with a volume or a value",
        "have only one of them",
        _no_value,
        (0, 0, 0),
        (1, 1, 1),
        Needs.DAY,
    ),
    MarketRule(
        "value_range",
        "tickers with a volume and a lowest price",
        "have a value outside low x volume to high x volume",
        _value_out_of_range,
        (7, 11, 2),
        (3, 3, 3),
        Needs.DAY,
    ),
    MarketRule(
        "volume_jump",
        "tickers with a volume in both sessions",
        f"have over {VOLUME_JUMP} times the volume of the session before, or under a tenth",
        _volume_jumped,
        (4.4, 4.2, 45.2),
        (10, 10, 70),
        usual=True,
    ),
    MarketRule(
        "price_limit",
        _TRADED_IN_BOTH,
        "have a price beyond the daily limit",
        _beyond_limit,
        (1, 1, 0),
        (2, 2, 2),
        Needs.DAY,
    ),
    MarketRule(
        "unmoved",
        _TRADED,
        "have a close at their base price",
        _unmoved,
        (12.0, 9.9, 16.8),
        (30, 30, 50),
        Needs.DAY,
        usual=True,
    ),
    MarketRule(
        "one_price",
        _TRADED,
        "have one price as open, high and low",
        _one_price,
        (0.4, 0.2, 26.2),
        (5, 5, 60),
        Needs.DAY,
        usual=True,
    ),
    MarketRule(
        "same_cells",
        _TRADED_IN_BOTH,
        "have volume and value, or open, high and low, of the session before",
        _same_again,
        (5, 8, 5),
        (2, 2, 15),
    ),
)
"""Rules that make a day odd."""

PAIR_RULES = frozenset(rule.name for rule in RULES if rule.needs is not Needs.DAY)
"""Names of those that need another day."""


@dataclass(frozen=True)
class ImpossibleRule:
    """Rule that refuses a day, whatever anybody says."""

    name: str
    what: str
    measured: ByMarket
    """Percent, of all recorded sessions the one that is nearest to the limit."""
    limit: str
    """Refused, percent of a market."""


IMPOSSIBLE = (
    ImpossibleRule(
        "present",
        "tickers of the session before that are there",
        (99.8, 99.9, 100.0),
        f"under {FEWEST_TICKERS:.0%} of each",
    ),
    ImpossibleRule(
        "repeated",
        "tickers traded in both that have the five prices of another session",
        (0.2, 0.2, 3.8),
        f"from {NEARLY_ALL:.0%}",
    ),
    ImpossibleRule(
        "continued",
        "tickers with a moved close whose base price is the close of another session than the one "
        "before",
        (13.9, 10.8, 18.8),
        f"from {NEARLY_ALL:.0%}",
    ),
)
"""Rules that refuse a day. One with no row at all is refused too."""

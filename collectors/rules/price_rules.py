"""Price rules of the exchange as data: tick tables and daily price limits, each with its dates and
its source.

Prices are in won, markets are named as they are stored (KOSPI, KOSDAQ, KONEX), sessions are
`YYYY-MM-DD`. The recorded days agree without exception: every traded price of January to
mid-February 2022, 2023 and 2024 is on its tick, and all 763 closes marked as limit up or limit down
on a day with a limit are the prices that `price_limits` gives.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from utils.market_day import MARKETS

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
TextArray = npt.NDArray[np.object_]
Rule = TypeVar("Rule")

OFF_TICK_CLOSES_SINCE = "2025-03-04"
"""Day on which the alternative venue opened. Since then a close may be off its tick, and the next
base price is that close rounded up (measured: docs/exchange.md)."""


@dataclass(frozen=True)
class TickTable:
    """Tick table: `ticks[i]` is the tick of prices below `bounds[i]` (and not below the bound
    before it); the last has no bound."""

    bounds: tuple[int, ...]
    ticks: tuple[int, ...]

    def at(self, price: Ints) -> Ints:
        return np.array(self.ticks, dtype=np.int64)[
            np.searchsorted(self.bounds, price, side="right")
        ]


# https://regulation.krx.co.kr/contents/RGL/03/03010100/RGL03010100T3.jsp, and for the date
# https://money2.daishin.com/html/Notice/2023/n_07.html: one table for the three markets, with
# trading of 2023-01-25.
_ALL_MARKETS = TickTable(
    (2_000, 5_000, 20_000, 50_000, 200_000, 500_000), (1, 5, 10, 50, 100, 500, 1_000)
)
# https://global.krx.co.kr/contents/GLB/06/0602/0602010201/GLB0602010201T3.jsp (as it stood before
# 2023)
_OLD_KOSPI = TickTable(
    (1_000, 5_000, 10_000, 50_000, 100_000, 500_000), (1, 5, 10, 50, 100, 500, 1_000)
)
# https://global.krx.co.kr/contents/GLB/06/0602/0602020201/GLB0602020201.jsp (as it stood before
# 2023). KONEX had the table of KOSDAQ by the press of 2023-01-17; its recorded prices never reached
# 100,000, from where the two differ.
_OLD_KOSDAQ = TickTable((1_000, 5_000, 10_000, 50_000), (1, 5, 10, 50, 100))

TICK_TABLES: dict[str, tuple[tuple[str, TickTable], ...]] = {
    "KOSPI": (("2010-10-04", _OLD_KOSPI), ("2023-01-25", _ALL_MARKETS)),
    "KOSDAQ": (("2010-10-04", _OLD_KOSDAQ), ("2023-01-25", _ALL_MARKETS)),
    "KONEX": (
        ("2013-07-01", _OLD_KOSDAQ),
        ("2023-01-25", _ALL_MARKETS),
    ),  # KONEX opened on 2013-07-01
}
"""Market -> (in force since, table), oldest first. The reform before that of 2023 is known to be of
October 2010, its day only from the press; what was in force earlier is not covered."""

# https://regulation.krx.co.kr/contents/RGL/03/03010100/RGL03010100T5.jsp (its history of changes),
# KOSDAQ: .../03020201/RGL03020201.jsp, KONEX: .../03030207/RGL03030207.jsp
PRICE_LIMITS: dict[str, tuple[tuple[str, int], ...]] = {
    "KOSPI": (("1998-12-07", 15), ("2015-06-15", 30)),
    "KOSDAQ": (
        ("2010-10-04", 15),
        ("2015-06-15", 30),
    ),  # 15 % since some day of 2005; covered as far as its ticks are
    "KONEX": (("2013-07-01", 15),),
}
"""Market -> (in force since, percent of the base price). A first session and the last ones before a
delisting have other limits or none: 76 recorded rows beyond 30 %."""


def has_known_rules(market: Sequence[str] | TextArray, session: str) -> Bools:
    """Return True for rows whose market's ticks and limits are known for that session. Shape
    (rows,)."""
    since = {
        name: max(TICK_TABLES[name][0][0], PRICE_LIMITS[name][0][0]) for name in MARKETS.values()
    }
    known: Bools = np.isin(
        np.asarray(market, dtype=object), [name for name in since if since[name] <= session]
    )
    return known


def tick(price: npt.ArrayLike, market: Sequence[str] | TextArray, session: str) -> Ints:
    """Return the tick at each price of that market in that session, won. Shapes: price and market
    alike, (rows,).

    Raise `ValueError` for an unknown market, and for a session before the rules known for it.
    """
    prices = np.asarray(price, dtype=np.int64)
    step = np.zeros_like(prices)
    for name, rows in _by_market(market):
        step[rows] = _in_force(TICK_TABLES, name, session).at(prices[rows])
    return step


def round_up_to_tick(price: npt.ArrayLike, market: Sequence[str] | TextArray, session: str) -> Ints:
    """Return the lowest price on its tick that is not below `price`, won. Shapes, errors as
    `tick`."""
    prices, step = np.asarray(price, dtype=np.int64), tick(price, market, session)
    return -(-prices // step) * step


def price_limits(
    base: npt.ArrayLike, market: Sequence[str] | TextArray, session: str
) -> tuple[Ints, Ints]:
    """Return the lowest and the highest price each ticker may trade at, won, both inclusive, from
    its base price.

    The limit is the percentage of the base price cut to the base price's tick; the highest price is
    then cut to its own tick, the lowest needs no cutting, because ticks only become finer
    downwards. Shapes and errors as `tick`. Source:
    https://global.krx.co.kr/contents/GLB/06/0602/0602020202/GLB0602020202T2.jsp (base 9,940: limit
    2,982 -> 2,980, highest 12,920 -> 12,900, lowest 6,960).
    """
    prices = np.asarray(base, dtype=np.int64)
    percent = np.zeros_like(prices)
    for name, rows in _by_market(market):
        percent[rows] = _in_force(PRICE_LIMITS, name, session)
    step = tick(prices, market, session)
    limit = prices * percent // 100 // step * step
    highest = prices + limit
    return prices - limit, highest // tick(highest, market, session) * tick(
        highest, market, session
    )


def _by_market(market: Sequence[str] | TextArray) -> list[tuple[str, npt.NDArray[np.intp]]]:
    """Return the rows of each market that has any."""
    names = np.asarray(market, dtype=object)
    found = [(name, np.flatnonzero(names == name)) for name in MARKETS.values()]
    if sum(len(rows) for _, rows in found) != len(names):
        raise ValueError(f"unknown market {sorted(set(names) - set(MARKETS.values()))[0]!r}")
    return [(name, rows) for name, rows in found if len(rows)]


def _in_force(history: dict[str, tuple[tuple[str, Rule], ...]], market: str, session: str) -> Rule:
    known = [rule for since, rule in history[market] if since <= session]
    if not known:
        raise ValueError(
            f"the rules of {market} are known since {history[market][0][0]}, not for {session}"
        )
    return known[-1]

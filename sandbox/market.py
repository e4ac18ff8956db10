"""Interface of a market, synthetic or recorded: days as typed columns, listed tickers, indices."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
TextArray = NDArray[np.object_]

NOT_AVAILABLE = -1
"""Figure that the exchange does not have. It shows `-`, which is not the same as 0."""
MARKET_IDS = ("STK", "KSQ", "KNX")

_TICK_BOUNDS = np.array([2_000, 5_000, 20_000, 50_000, 200_000, 500_000])
_TICKS = np.array([1, 5, 10, 50, 100, 500, 1_000])


@dataclass(frozen=True)
class Day:
    """One session of the whole market, one element per ticker in every column.

    Prices, value and market cap in won, volume and shares in shares. `change` is signed and
    measured from the exchange's base price, so base = close - change. `ratio` is the change in
    hundredths of a percent of the base. `fluctuation` is FLUC_TP_CD: 1 up, 2 down, 3 flat, 4 upper
    limit, 5 lower limit, 0 not traded. Volume and value are those of the whole day; `after_volume`
    and `after_value` are the part of them that was traded in the after-market.
    """

    session: str
    code: TextArray
    isin: TextArray
    name: TextArray
    market_id: TextArray
    market_name: TextArray
    department: TextArray
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    change: Ints
    fluctuation: Ints
    ratio: Ints
    volume: Ints
    value: Ints
    market_cap: Ints
    shares: Ints
    after_volume: Ints
    after_value: Ints

    def __len__(self) -> int:
        return len(self.code)

    @property
    def base(self) -> Ints:
        """The exchange's base price of the session, won."""
        return self.close - self.change

    def take(self, rows: NDArray[Any]) -> "Day":
        """Return the same day, reduced to `rows` (a mask or positions)."""
        return replace(self, **{name: getattr(self, name)[rows] for name in _COLUMNS})

    def of_market(self, market_id: str) -> "Day":
        """Return the rows of STK, KSQ or KNX. ALL is every row, an unknown market none."""
        return self if market_id == "ALL" else self.take(self.market_id == market_id)


_COLUMNS = tuple(field.name for field in fields(Day) if field.name != "session")


@dataclass(frozen=True)
class Fundamentals:
    """Figures per share for the rows of `day`, won; NOT_AVAILABLE where the exchange has none."""

    day: Day
    eps: Ints
    bps: Ints
    dps: Ints


@dataclass(frozen=True)
class Holdings:
    """Shares that foreigners hold and may hold, for the rows of `day`; NOT_AVAILABLE where
    unknown."""

    day: Day
    held: Ints
    limit: Ints


@dataclass(frozen=True)
class Listings:
    """Facts of listing for the rows of `day`: texts as the exchange writes them, `listed` as
    YYYY-MM-DD."""

    day: Day
    full_name: TextArray
    english_name: TextArray
    listed: TextArray
    security_group: TextArray
    share_kind: TextArray
    par_value: Ints


@dataclass(frozen=True)
class IndexSeries:
    """One index, one element per session. Levels and change in hundredths of a point (None: not
    recorded)."""

    sessions: Sequence[str]
    open: Ints | None
    high: Ints | None
    low: Ints | None
    close: Ints | None
    change: Ints | None
    volume: Ints
    value: Ints
    market_cap: Ints


class Market(Protocol):
    """Market that an exchange shows. `recorded`: its figures are quoted, never computed."""

    recorded: bool

    @property
    def sessions(self) -> Sequence[str]:
        """Every session, YYYY-MM-DD, oldest first."""

    def day(self, session: str) -> Day:
        """Return the final figures of a session. Raise KeyError when it is none."""

    def roster(self, date: str) -> Day:
        """Return the listed tickers of any date: the day of the last session up to it, or of the
        first session."""

    def index(self, market_id: str) -> IndexSeries:
        """Return the composite index of STK or KSQ."""

    def fundamentals(self, day: Day) -> Fundamentals: ...

    def holdings(self, day: Day) -> Holdings: ...

    def listings(self, day: Day) -> Listings: ...


def tick(price: NDArray[Any]) -> Ints:
    """Return the tick at a price, won, as KRX has it since 2023-01-25."""
    return np.asarray(_TICKS[np.searchsorted(_TICK_BOUNDS, price, side="right")], dtype=np.int64)


def to_tick(price: NDArray[Any]) -> Ints:
    """Return the nearest price on the tick table, at least 1 won."""
    step = tick(price)
    nearest: Ints = np.rint(price / step).astype(np.int64) * step
    return np.maximum(nearest, 1)


def tick_up(price: NDArray[Any]) -> Ints:
    """Return the lowest price on the tick table that is not below `price`."""
    step = tick(price)
    return np.ceil(price / step).astype(np.int64) * step


def tick_down(price: NDArray[Any]) -> Ints:
    """Return the highest price on the tick table that is not above `price`."""
    step = tick(price)
    return np.floor(price / step).astype(np.int64) * step


def ratio_of(change: Ints, base: Ints) -> Ints:
    """Return FLUC_RT in hundredths of a percent, rounded half away from zero as the exchange does
    (200 of 32,000 is 0.63)."""
    safe = np.maximum(base, 1)
    size = (np.abs(change) * 20_000 + safe) // (2 * safe)
    return np.asarray(np.where(change < 0, -size, size), dtype=np.int64)


def direction_of(change: Ints) -> Ints:
    """Return FLUC_TP_CD of a traded row away from its limits: 1 up, 2 down, 3 flat."""
    return np.where(change > 0, 1, np.where(change < 0, 2, 3)).astype(np.int64)


def isin_of(code: str) -> str:
    """Return KR7 + six character code + 00 + check digit (ISO 6166): 005930 gives KR7005930003."""
    body = f"KR7{code}00"
    digits = "".join(str(int(character, 36)) for character in body)
    total = sum(
        sum(divmod(int(digit) * (2 - position % 2), 10))
        for position, digit in enumerate(reversed(digits))
    )
    return f"{body}{-total % 10}"


def uniform(codes: TextArray, salt: str) -> NDArray[np.float64]:
    """Return a number from 0 to 1 for every ticker, the same for the same salt."""
    return np.array([crc32(f"{code}|{salt}".encode()) for code in codes], dtype=np.float64) / 2**32


def texts(values: Sequence[str]) -> TextArray:
    """Return a column of strings."""
    column = np.empty(len(values), dtype=object)
    column[:] = values
    return column

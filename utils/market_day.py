"""The market in memory: one session across all tickers (`MarketDay`), all sessions of each ticker
(`Panel`)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import pandas as pd

from utils.date_utils import is_final

MARKETS = {"STK": "KOSPI", "KSQ": "KOSDAQ", "KNX": "KONEX"}
"""MKT_ID of the exchange -> the market's name as stored. MKT_NM is no key: it also says `KOSDAQ
GLOBAL`."""

TEXT_COLUMNS = ("ticker", "name", "market")
INTEGER_COLUMNS = (
    "open",
    "high",
    "low",
    "close",
    "change",
    "volume",
    "value",
    "market_cap",
    "shares",
)
FLOAT_COLUMNS = ("factor",)
"""NaN in memory, null at rest, while the value cannot be known."""
PUBLISHED_COLUMNS = TEXT_COLUMNS + INTEGER_COLUMNS
DAY_COLUMNS = PUBLISHED_COLUMNS + FLOAT_COLUMNS
PANEL_COLUMNS = ("open", "high", "low", "close", "volume", "value")
ANALYSED_COLUMNS = ("ticker", "market", *PANEL_COLUMNS)
"""Columns that the analysis reads, besides the factors. A change of others, such as the name,
changes no indicator, signal, pattern or rank."""

DATASET_COLUMNS = {
    "fundamentals": ("eps", "per", "bps", "pbr", "dps", "dividend_yield"),
    "foreign": ("foreign_shares", "foreign_ratio", "foreign_limit", "foreign_limit_used"),
}
"""Dataset -> the float64 columns that it adds to a session; NaN (null at rest) where the exchange
has no figure."""
DATASET_COLUMN_NAMES = tuple(name for columns in DATASET_COLUMNS.values() for name in columns)
"""Columns of all datasets. A session has those of the datasets that were collected for it."""

PROVISIONAL = "provisional"
FINAL = "final"


@dataclass(frozen=True)
class SetAside:
    """Row of a session that cannot be read, or contradicts itself: it is kept as text and has no
    place in the frame. Its ticker counts as listed all the same."""

    ticker: str
    name: str
    """Plain name in the row; empty when there is none."""
    market: str
    """Empty when the row names no market that is known."""
    reason: str
    row: str
    """JSON of the row as the exchange sent it, its beginning."""


class HasRowsSetAside:
    """Base of what has rows that are set aside: a day, its head, and the exchange's table of it."""

    set_aside: tuple[SetAside, ...]

    @property
    def tickers_set_aside(self) -> frozenset[str]:
        return frozenset(each.ticker for each in self.set_aside)


def rules_of(accepted: Sequence[str]) -> frozenset[str]:
    """Return the rules by which a day with these remarks is odd."""
    return frozenset(remark.partition(":")[0] for remark in accepted)


@dataclass(frozen=True)
class MarketDay(HasRowsSetAside):
    """One session of the exchange as it was published: every listed ticker. Prices are never
    adjusted in place.

    `frame` has one row per ticker, sorted by ticker, with the columns of `DAY_COLUMNS`: text; int64
    won (open, high, low, close, change, value, market_cap) and shares (volume, shares); float64
    factor (NaN while it cannot be known). `change` is measured from the exchange's base price, so
    base price = close - change. A halted ticker has open = high = low = volume = value = 0 and
    keeps its close. One that traded in the after-market alone has open = 0 and keeps its close too;
    high, low, volume and value are those of the after-market.
    """

    session: str
    frame: pd.DataFrame
    read_utc: datetime
    """Moment at which the exchange was asked for it."""
    source: str
    further: Mapping[str, np.ndarray] = field(default_factory=dict)
    """Further columns: numbers of the exchange that this program does not know, by the exchange's
    own names, float64 in the order of the frame's rows, NaN where it shows none. No part of the
    digest. A session that was loaded comes without them."""
    set_aside: tuple[SetAside, ...] = ()
    accepted: tuple[str, ...] = ()
    """Remarks with which the day is stored although it is odd."""
    names_of: str = ""
    """Source of the names, where that is another than the day's: sources may write one
    differently, and that is no revision."""

    @property
    def source_of_names(self) -> str:
        return self.names_of or self.source

    @property
    def finality(self) -> str:
        return FINAL if is_final(self.session, self.read_utc) else PROVISIONAL

    def digest(self) -> str:
        """Return the SHA-256 of what the exchange published, without the derived factor: equal
        cells, equal digest."""
        seal = hashlib.sha256(self.session.encode())
        for name in TEXT_COLUMNS:
            seal.update("\n".join(self.frame[name]).encode())
        for name in INTEGER_COLUMNS:
            seal.update(np.ascontiguousarray(self.frame[name], dtype="<i8").tobytes())
        return seal.hexdigest()


def factor_digest(factor: np.ndarray) -> str:
    """Return the SHA-256 of a session's factors: equal factors, equal digest."""
    return hashlib.sha256(np.nan_to_num(factor, nan=-1.0).astype("<f8").tobytes()).hexdigest()


def differing_tickers(one: pd.DataFrame, other: pd.DataFrame, columns: Sequence[str]) -> list[str]:
    """Return the tickers whose cells in these columns (`ticker` among them) differ, or that only
    one frame lists."""
    both = pd.concat([one[list(columns)], other[list(columns)]])
    return sorted(set(both.loc[~both.duplicated(keep=False), "ticker"]))


@dataclass(frozen=True)
class Panel:
    """Ticker x session arrays for analysis, C-contiguous float64: `panel.close[i]` is one ticker's
    series.

    Prices and `volume` (shares) are adjusted to the last session (`utils/adjustment.py`) and not
    rounded; `value` (won) is as published. Where a ticker was not listed every array holds NaN. A
    session without a regular price (open = 0) is filled with its close, so indicators see a flat
    bar; `traded` (bool) is False there and where nothing is listed, so patterns see no candle. Its
    volume and value count, where the ticker traded in the after-market alone. `market_cap` (won) is
    that of each ticker's last stored session within the panel, shape (tickers,).
    """

    sessions: list[str]
    tickers: list[str]
    names: list[str]
    markets: list[str]
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    value: np.ndarray
    traded: np.ndarray
    market_cap: np.ndarray
    sessions_without_factors: list[str] = field(default_factory=list)
    """Sessions whose factors were unknown for some ticker and were taken as 1."""

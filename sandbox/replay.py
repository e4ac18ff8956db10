"""Market of recorded days, from files that hold the exchange's own answers."""

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from sandbox.market import (
    NOT_AVAILABLE,
    Day,
    Fundamentals,
    Holdings,
    IndexSeries,
    Ints,
    Listings,
    TextArray,
    isin_of,
    texts,
)

_TEXT_COLUMNS: dict[Hashable, type[str]] = {
    "Code": str,
    "Name": str,
    "Market": str,
    "MarketId": str,
    "Dept": str,
    "Date": str,
}
_NUMBER_COLUMNS = (  # ChagesRatio is spelled so in the files
    "Open High Low Close Changes ChagesRatio ChangeCode Volume Amount Marcap Stocks".split()
)


class ReplayMarket:
    """Market of the files' days. What the files do not hold is not available, never invented.

    Args:
        paths: CSV files (may be gzipped) with the columns Code, Name, Market, MarketId, Dept, Open,
            High, Low, Close, Changes (signed), ChagesRatio, ChangeCode, Volume, Amount, Marcap,
            Stocks, Date.

    Raises:
        ValueError: no file, a missing column, or a ticker twice on one date.
    """

    recorded = True

    def __init__(self, paths: Iterable[str | Path]) -> None:
        table = _read(list(paths))
        self._rows = {str(date): rows for date, rows in table.groupby("Date", sort=True)}
        self._sessions = list(self._rows)
        self._index: dict[str, IndexSeries] = {}

    @property
    def sessions(self) -> Sequence[str]:
        return self._sessions

    def day(self, session: str) -> Day:
        return _day(session, self._rows[session])

    def roster(self, date: str) -> Day:
        return self.day(self._sessions[max(bisect_right(self._sessions, date) - 1, 0)])

    def index(self, market_id: str) -> IndexSeries:
        """Return the sessions with the sums of their rows; the files hold no index levels."""
        if market_id not in self._index:
            self._index[market_id] = self._sums(market_id)
        return self._index[market_id]

    def _sums(self, market_id: str) -> IndexSeries:
        rows = [table[table.MarketId == market_id] for table in self._rows.values()]
        volume, value, cap = (
            np.array([part[column].sum() for part in rows], dtype=np.int64)
            for column in ("Volume", "Amount", "Marcap")
        )
        return IndexSeries(self._sessions, None, None, None, None, None, volume, value, cap)

    def fundamentals(self, day: Day) -> Fundamentals:
        return Fundamentals(day, _unknown(day), _unknown(day), _unknown(day))

    def holdings(self, day: Day) -> Holdings:
        return Holdings(day, _unknown(day), _unknown(day))

    def listings(self, day: Day) -> Listings:
        """Return the recorded names; dates, par values and groups are not recorded."""
        blank = texts([""] * len(day))
        return Listings(day, day.name, blank, blank, blank, blank, _unknown(day))


def _read(paths: list[str | Path]) -> pd.DataFrame:
    if not paths:
        raise ValueError("a replayed market needs at least one file")
    table = pd.concat([_read_file(path) for path in paths], ignore_index=True)
    if table.duplicated(["Date", "Code"]).any():
        raise ValueError("the files hold a ticker twice on one date")
    return table


def _read_file(path: str | Path) -> pd.DataFrame:
    wanted = [*_TEXT_COLUMNS, *_NUMBER_COLUMNS]
    table = pd.read_csv(path, dtype=dict(_TEXT_COLUMNS), keep_default_na=False)
    missing = [column for column in wanted if column not in table]
    if missing:
        raise ValueError(f"{path} has no column {missing[0]}")
    hundredths_of_percent = table["ChagesRatio"] * 100
    table["ChagesRatio"] = hundredths_of_percent.round()
    return table[wanted].astype(dict.fromkeys(_NUMBER_COLUMNS, np.int64))


def _day(session: str, rows: pd.DataFrame) -> Day:
    def text(column: str) -> TextArray:
        return rows[column].to_numpy(dtype=object)

    def number(column: str) -> Ints:
        return rows[column].to_numpy()

    return Day(
        session=session,
        code=text("Code"),
        isin=texts([_isin(code) for code in rows["Code"]]),
        name=text("Name"),
        market_id=text("MarketId"),
        market_name=text("Market"),
        department=text("Dept"),
        open=number("Open"),
        high=number("High"),
        low=number("Low"),
        close=number("Close"),
        change=number("Changes"),
        fluctuation=number("ChangeCode"),
        ratio=number("ChagesRatio"),
        volume=number("Volume"),
        value=number("Amount"),
        market_cap=number("Marcap"),
        shares=number("Stocks"),
        after_volume=np.zeros(len(rows), dtype=np.int64),
        after_value=np.zeros(len(rows), dtype=np.int64),
    )


_isin = lru_cache(maxsize=None)(isin_of)


def _unknown(day: Day) -> Ints:
    return np.full(len(day), NOT_AVAILABLE, dtype=np.int64)

"""Datasets of the exchange: tables of one session, one request each, parsed into columns with the
day's rows, and the index series.

A dataset belongs to a day's tickers. `-` is null, never 0: the exchange has no figure.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from collectors.exchange.answers import parse_index_dates
from utils.errors import MalformedAnswer, NotPublished
from utils.outside_text import beginning, quoted
from utils.store.backend import Document

LEAST_SHARE_OF_CLOSES = 0.98
"""Part of the dataset's tickers, namely those whose close is the day's. Below it, the answer tells
of another day."""
LEAST_SHARE_LISTED = 0.5
"""Part of the day's KOSPI and KOSDAQ tickers, namely those that a dataset lists. Preferred shares,
SPACs and the like may be missing in it, and are far fewer."""
_TICKER, _CLOSE, _MISSING = "ISU_SRT_CD", "TDD_CLSPRC", "-"
_NUMBER = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,19})(?:\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True)
class Dataset:
    """Dataset with columns. `columns`: ours -> the exchange's, all float64 with NaN for null.

    `on_its_evening`: it is read on the session's own evening. Its figures follow from the closes
    and the last annual accounts, so they are final when the closes are found to be. Any other is
    read once, when it is final.
    """

    name: str
    columns: Mapping[str, str]
    on_its_evening: bool


FUNDAMENTALS = Dataset(
    "fundamentals",
    {
        "eps": "EPS",
        "per": "PER",
        "bps": "BPS",
        "pbr": "PBR",
        "dps": "DPS",
        "dividend_yield": "DVD_YLD",
    },
    on_its_evening=True,
)
"""MDCSTAT03501: EPS, BPS, DPS in won a share, dividend yield in percent, as of the last annual
accounts."""
FOREIGN = Dataset(
    "foreign",
    {
        "foreign_shares": "FORN_HD_QTY",
        "foreign_ratio": "FORN_SHR_RT",
        "foreign_limit": "FORN_ORD_LMT_QTY",
        "foreign_limit_used": "FORN_LMT_EXHST_RT",
    },
    on_its_evening=False,
)
"""MDCSTAT03701: shares that foreigners hold and may hold, in percent of all shares and of the
limit."""
DATASETS = {dataset.name: dataset for dataset in (FUNDAMENTALS, FOREIGN)}

INDICES = "indices"
"""Dataset without columns: the composite indices, a row each in `stock_data.indices`."""
INDEX_NAMES = ("KOSPI", "KOSDAQ")
_LEVELS = {
    "open": "OPNPRC_IDX",
    "high": "HGPRC_IDX",
    "low": "LWPRC_IDX",
    "close": "CLSPRC_IDX",
    "change": "PRV_DD_CMPR",
}
_SUMS = {"volume": "ACC_TRDVOL", "value": "ACC_TRDVAL", "market_cap": "MKTCAP"}


def parse_dataset(
    raw: pd.DataFrame, dataset: Dataset, day: pd.DataFrame, session: str
) -> pd.DataFrame:
    """Return the exchange's table as float64 columns with the day's rows; NaN where the exchange
    has no figure and for tickers that the table does not list.

    Args:
        raw: one row per ticker, all values text, with the exchange's columns and its `TDD_CLSPRC`.
        day: the typed market day, with `ticker`, `market` and `close`.
    Raises:
        NotPublished: every close is `-`.
        MalformedAnswer: few rows or none, a missing column, a ticker twice, an odd number, the
            closes
            of another day.
    """
    what = f"The exchange's {dataset.name} for {session}"
    wanted = [_TICKER, _CLOSE, *dataset.columns.values()]
    if missing := [column for column in wanted if column not in raw.columns]:
        raise MalformedAnswer(
            f"{what} have " + ("no rows." if raw.empty else f"no column {', '.join(missing)}.")
        )
    if (raw[_CLOSE] == _MISSING).all():
        raise NotPublished(f"{what} are not out, or the exchange was closed.")
    if raw[_TICKER].duplicated().any():
        raise MalformedAnswer(
            f"{what} list {beginning(raw.loc[raw[_TICKER].duplicated(), _TICKER].iloc[0])} twice."
        )
    numbers = {
        name: _numbers(raw[column], raw[_TICKER], what) for name, column in dataset.columns.items()
    }
    _check_closes(raw, day, what)
    expected = day.loc[day["market"].isin(["KOSPI", "KOSDAQ"]), "ticker"]
    if (listed := expected.isin(raw[_TICKER]).sum()) < LEAST_SHARE_LISTED * len(expected):
        raise MalformedAnswer(
            f"{what} list only {listed} of the {len(expected)} tickers of KOSPI and KOSDAQ."
        )
    columns = pd.DataFrame(numbers).set_index(pd.Index(raw[_TICKER])).reindex(day["ticker"])
    return columns.reset_index(drop=True)


def parse_index(raw: pd.DataFrame, index: str, first: str, last: str) -> list[Document]:
    """Return the exchange's index series as rows of `stock_data.indices` but for their finality,
    oldest first.

    Levels and change are in points, volume in shares, value and market cap in won, null for what
    the exchange does not show. Raise `MalformedAnswer` for a missing column, an odd cell, a day
    twice or outside the span, a broken order.
    """
    what = f"The exchange's series of the {index} index"
    if raw.empty:
        return []
    wanted = {"session": "TRD_DD"} | _LEVELS | _SUMS
    if missing := [column for column in wanted.values() if column not in raw.columns]:
        raise MalformedAnswer(f"{what} has no column {', '.join(missing)}.")
    days = parse_index_dates(list(raw["TRD_DD"]))
    if len(set(days)) < len(days) or days[0] < first or days[-1] > last:
        raise MalformedAnswer(
            f"{what} has a day twice or one that is not between {first} and {last}."
        )
    numbers = {
        name: _numbers(raw[column], raw["TRD_DD"], what).tolist()
        for name, column in (_LEVELS | _SUMS).items()
    }
    rows = [
        _index_day(index, raw["TRD_DD"].iloc[position], numbers, position)
        for position in range(len(raw))
    ]
    if broken := [row["session"] for row in rows if not _is_in_order(row)]:
        raise MalformedAnswer(f"{what}: low <= open, close <= high is broken on {broken[0]}.")
    return sorted(rows, key=lambda row: str(row["session"]))


def _index_day(
    index: str, day: str, numbers: Mapping[str, Sequence[float]], position: int
) -> Document:
    session = day.replace("/", "-")
    cells = {
        name: None if np.isnan(cells[position]) else cells[position]
        for name, cells in numbers.items()
    }
    sums = {name: None if cells[name] is None else int(cells[name] or 0) for name in _SUMS}
    return {"_id": f"{index}:{session}", "index": index, "session": session} | cells | sums


def _is_in_order(row: Document) -> bool:
    levels = [row[name] for name in ("low", "open", "close", "high")]
    if None in levels:
        return True
    low, opened, close, high = levels
    return bool(0 < low <= min(opened, close) and max(opened, close) <= high)


def _numbers(cells: pd.Series, tickers: pd.Series, what: str) -> np.ndarray:
    texts = [str(cell) for cell in cells]
    odd = next((position for position, text in enumerate(texts) if not _is_number(text)), None)
    if odd is not None:
        raise MalformedAnswer(
            f"{what} hold {quoted(texts[odd])} in {cells.name} of "
            f"{beginning(tickers.iloc[odd])}: no number."
        )
    return np.array(
        [np.nan if text == _MISSING else float(text.replace(",", "")) for text in texts],
        dtype=np.float64,
    )


def _is_number(text: str) -> bool:
    return text == _MISSING or bool(_NUMBER.fullmatch(text))


def _check_closes(raw: pd.DataFrame, day: pd.DataFrame, what: str) -> None:
    closes = _numbers(raw[_CLOSE], raw[_TICKER], what)
    positions = pd.Index(day["ticker"]).get_indexer(pd.Index(raw[_TICKER]))
    same = (positions >= 0) & (day["close"].to_numpy()[positions] == closes)
    if same.mean() < LEAST_SHARE_OF_CLOSES:
        raise MalformedAnswer(
            f"{what} are not stored: only {same.mean():.0%} of their closes are that day's."
        )

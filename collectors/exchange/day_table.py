"""Table of a day: the exchange's text for the whole market becomes a typed day.

A row that cannot be read, or that contradicts itself, is set aside; the others do not pay for it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from collectors.rules.integrity import row_faults
from utils.errors import MalformedAnswer, NotPublished
from utils.market_day import INTEGER_COLUMNS, MARKETS, HasRowsSetAside, SetAside
from utils.outside_text import beginning, plain_name, quoted, visible
from utils.store.further_columns import MOST_FURTHER, is_free_name

RAW_COLUMNS = {
    "ticker": "ISU_SRT_CD",
    "name": "ISU_ABBRV",
    "market": "MKT_ID",
    "open": "TDD_OPNPRC",
    "high": "TDD_HGPRC",
    "low": "TDD_LWPRC",
    "close": "TDD_CLSPRC",
    "change": "CMPPREVDD_PRC",
    "volume": "ACC_TRDVOL",
    "value": "ACC_TRDVAL",
    "market_cap": "MKTCAP",
    "shares": "LIST_SHRS",
}
"""Our columns -> the exchange's. LIST_SHRS is filled even on closed days: no sign of
publication."""

_UNUSED_COLUMNS = "ISU_CD MKT_NM SECT_TP_NM FLUC_TP_CD FLUC_RT lateInfoMsgCd BAS_DD".split()
"""Columns that the data site (lateInfoMsgCd: on closed weekdays) or the Open API has besides."""
_SHOWN_WHEN_PUBLISHED = ("open", "high", "low", "close", "volume", "market_cap")
_INTEGERS = re.compile(r"(?:-?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,19})\n)*", re.ASCII)
_INTEGER = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,19})", re.ASCII)
_FIGURE = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)
_MOST_EXACT = 2**53
"""Up to here a float holds every whole number."""
_TICKER = re.compile(r"[0-9A-Z]{6}")
_MOST_OF_ROW = 1000
"""Characters of a row's raw text that are kept; a real one has some 400."""


@dataclass(frozen=True)
class UnknownColumns:
    """Columns of an answer that this program does not know."""

    kept: dict[str, np.ndarray]
    """Further columns of the day (see `MarketDay.further`)."""
    left_out: dict[str, str]
    """Name -> why it is not kept."""


@dataclass(frozen=True)
class DayTable(HasRowsSetAside):
    """Exchange's answer for one day, typed.

    `frame` has the columns of `MarketDay.frame` but the factor, sorted by ticker; it lacks the rows
    that are set aside.
    """

    frame: pd.DataFrame
    set_aside: tuple[SetAside, ...]
    unknown: UnknownColumns


def parse_day(raw: pd.DataFrame, session: str) -> DayTable:
    """Return the exchange's whole-market table as a typed day. Names are plain (`plain_name`): no
    name costs the row.

    Args:
        raw: one row per ticker, all values text with thousands commas, the columns of
            `RAW_COLUMNS`.
    Raises:
        NotPublished: every price is `-`: closed, too early, or a fault; the answer itself cannot
            say which.
        MalformedAnswer: no rows, a missing column, or more than half of the rows of every market
            to set aside.
    """
    missing = [column for column in RAW_COLUMNS.values() if column not in raw.columns]
    if missing or raw.empty:
        what = "no rows" if raw.empty else f"no column {', '.join(missing)}"
        raise MalformedAnswer(f"The exchange's answer for {session} has {what}.")
    texts = {name: [str(cell) for cell in raw[column]] for name, column in RAW_COLUMNS.items()}
    if all(cell == "-" for name in _SHOWN_WHEN_PUBLISHED for cell in texts[name]):
        raise NotPublished(f"The exchange shows no prices for {session}: closed, or not out yet.")
    numbers, reasons = _numbers(texts)
    reasons |= _odd_markets(texts["market"]) | _odd_codes(texts["ticker"])
    rows = _in_order(texts["ticker"], reasons)
    frame = _to_frame(texts, numbers, rows, raw[RAW_COLUMNS["name"]])
    for broken, reason in row_faults(frame, session):
        reasons |= {int(row): reason for row in rows[broken] if row not in reasons}
    _check_one_market_is_readable(texts, reasons, session)
    whole = np.array([row not in reasons for row in rows], dtype=bool)
    set_aside = tuple(_set_aside(raw, row, reasons[row]) for row in sorted(reasons))
    typed = frame[whole].reset_index(drop=True)
    return DayTable(typed, set_aside, _unknown_columns(raw, rows[whole]))


def _in_order(tickers: list[str], reasons: dict[int, str]) -> np.ndarray:
    """Return the numbers of the rows without a reason to set them aside, by ticker."""
    rows = (row for row in range(len(tickers)) if row not in reasons)
    return np.array(sorted(rows, key=tickers.__getitem__), dtype=np.intp)


def _to_frame(
    texts: dict[str, list[str]], numbers: dict[str, np.ndarray], rows: np.ndarray, names: pd.Series
) -> pd.DataFrame:
    """Return these rows as the columns of `MarketDay.frame`."""
    tickers, shown = [texts["ticker"][row] for row in rows], names.tolist()
    columns: dict[str, object] = {
        "ticker": tickers,
        "name": [plain_name(shown[row], texts["ticker"][row]) for row in rows],
        "market": [MARKETS[texts["market"][row]] for row in rows],
    }
    return pd.DataFrame(columns | {name: column[rows] for name, column in numbers.items()})


def _odd_codes(tickers: list[str]) -> dict[int, str]:
    """Return row -> why its code cannot be a ticker's."""
    found = {
        row: f"{quoted(ticker)} where a ticker belongs"
        for row, ticker in enumerate(tickers)
        if not _TICKER.fullmatch(ticker)
    }
    if len(set(tickers)) == len(tickers):
        return found
    times = Counter(tickers)
    twice = {row: "listed twice" for row, ticker in enumerate(tickers) if times[ticker] > 1}
    return twice | found


def _odd_markets(market_ids: list[str]) -> dict[int, str]:
    """Return row -> which market nobody knows."""
    if set(market_ids) <= MARKETS.keys():
        return {}
    return {
        row: f"an unknown market {quoted(market_id)}"
        for row, market_id in enumerate(market_ids)
        if market_id not in MARKETS
    }


def _numbers(texts: dict[str, list[str]]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
    """Return the columns of numbers, and row -> which of its cells is none (0 stands there)."""
    columns: dict[str, np.ndarray] = {}
    reasons: dict[int, str] = {}
    for name in INTEGER_COLUMNS:
        cells = texts[name]
        if (column := _all_integers(cells)) is None:
            odd = [row for row, cell in enumerate(cells) if not _is_int64(cell)]
            for row in odd:
                what = f"{quoted(cells[row])} in {RAW_COLUMNS[name]}: no whole number"
                reasons.setdefault(row, what)
            column = _all_integers(
                ["0" if row in reasons else cell for row, cell in enumerate(cells)]
            )
        columns[name] = np.zeros(len(cells), dtype=np.int64) if column is None else column
    return columns, reasons


def _all_integers(cells: list[str]) -> np.ndarray | None:
    """Convert text with thousands commas to int64, the whole column in one match. None when a cell
    is no such number."""
    text = "\n".join(cells) + "\n"
    if text.count("\n") != len(cells) or not _INTEGERS.fullmatch(text):
        return None
    try:
        return np.array(list(map(int, text.replace(",", "").split())), dtype=np.int64)
    except OverflowError:
        return None


def _is_int64(cell: str) -> bool:
    return bool(_INTEGER.fullmatch(cell)) and abs(int(cell.replace(",", ""))) < 2**63


def _check_one_market_is_readable(
    texts: dict[str, list[str]], reasons: dict[int, str], session: str
) -> None:
    """Raise `MalformedAnswer` when more than half of the rows of every market would be set aside:
    that is no answer of which a part is odd."""
    if not reasons:
        return
    rows = Counter(texts["market"])
    odd = Counter(texts["market"][row] for row in reasons)
    if any(2 * odd[market] <= rows[market] for market in MARKETS if rows[market]):
        return
    first, tickers = min(reasons), texts["ticker"]
    raise MalformedAnswer(
        f"The answer for {session} is not stored: {len(reasons)} of {len(tickers)} rows cannot be "
        f"used, first {beginning(tickers[first])}: {reasons[first]}."
    )


def _set_aside(raw: pd.DataFrame, row: int, reason: str) -> SetAside:
    cells = {str(name): str(cell) for name, cell in raw.iloc[row].items()}
    return SetAside(
        ticker=beginning(cells[RAW_COLUMNS["ticker"]]),
        name=plain_name(raw[RAW_COLUMNS["name"]].iloc[row], ""),
        market=MARKETS.get(cells[RAW_COLUMNS["market"]], ""),
        reason=reason,
        row=visible(json.dumps(cells, ensure_ascii=False))[:_MOST_OF_ROW],
    )


def _unknown_columns(raw: pd.DataFrame, rows: np.ndarray) -> UnknownColumns:
    """Return the unknown columns of an answer, of these rows in this order: those that hold nothing
    but numbers, and why the others are left out. No column is a reason to refuse the day."""
    known = {*RAW_COLUMNS.values(), *_UNUSED_COLUMNS}
    found = UnknownColumns({}, {})
    for name in [name for name in raw.columns if name not in known]:
        try:
            figures = _figures(name, raw[name].iloc[rows])
            if len(found.kept) == MOST_FURTHER:
                raise ValueError(f"{MOST_FURTHER} others are kept")
            found.kept[name] = figures
        except ValueError as reason:
            found.left_out[name] = str(reason)
    return found


def _figures(name: str, column: Iterable[object]) -> np.ndarray:
    """Return a column as float64, NaN where there is no figure. Raise `ValueError` when it holds
    anything else, or cannot be kept under its name."""
    if not is_free_name(name):
        raise ValueError("the name is odd, or one of our own")
    cells = ["-" if cell is None or cell != cell or cell == "" else str(cell) for cell in column]
    if odd := [cell for cell in cells if cell != "-" and not _FIGURE.fullmatch(cell)]:
        raise ValueError(f"{quoted(odd[0])} is no number")
    figures = np.array([np.nan if cell == "-" else float(cell.replace(",", "")) for cell in cells])
    if np.isnan(figures).all():
        raise ValueError("it shows no number")
    if np.nanmax(np.abs(figures)) > _MOST_EXACT:
        raise ValueError("a number is too large to be kept as it came")
    return figures

"""Cells of a true answer, as faults read and write them.

Rows are texts by column, as the data site (thousands commas) or the Open API (plain digits, BAS_DD)
sends them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from zlib import crc32

import numpy as np

from sandbox.answers import Rows, hundredths
from sandbox.market import direction_of, ratio_of

CLOSE, CHANGE, VOLUME, VALUE = "TDD_CLSPRC", "CMPPREVDD_PRC", "ACC_TRDVOL", "ACC_TRDVAL"
OPEN, HIGH, LOW = "TDD_OPNPRC", "TDD_HGPRC", "TDD_LWPRC"
CAP, SHARES = "MKTCAP", "LIST_SHRS"
DIRECTION, RATIO = "FLUC_TP_CD", "FLUC_RT"
MARKET, MARKET_NAME = "MKT_ID", "MKT_NM"
NAMES = ("ISU_ABBRV", "ISU_NM")
"""Columns of the name, of the data site and of the Open API."""
MARKET_IDS = {"KOSPI": "STK", "KOSDAQ": "KSQ", "KONEX": "KNX"}

Row = dict[str, str]
Change = Callable[[Row], Row]
Fits = Callable[[Row], bool]


@dataclass(frozen=True)
class Extent:
    """Number of rows that a fault hits: a number, or a share of those that it could hit, at least
    one."""

    number: int = 0
    share: float = 0.0

    def of(self, rows: int) -> int:
        return self.number or max(ceil(self.share * rows), 1)


def read_extent(text: str) -> Extent:
    """Return the extent of `5` (rows) or `0.4%`. Raise ValueError otherwise."""
    if text.endswith("%"):
        share = float(text[:-1]) / 100
        if not 0 < share <= 1:
            raise ValueError("a share is above 0 and at most 100 %")
        return Extent(share=share)
    if int(text) < 1:
        raise ValueError("a number of rows is 1 or more")
    return Extent(int(text))


def number_in(row: Row, column: str) -> int | None:
    """Return a cell as an integer (hundredths are cut off); None where there is no number."""
    digits = row.get(column, "").replace(",", "").partition(".")[0]
    return int(digits) if digits.removeprefix("-").isdecimal() else None


def known(row: Row, *columns: str) -> list[int]:
    """Return the numbers of these cells, 0 where there is none."""
    return [number_in(row, column) or 0 for column in columns]


def written(row: Row, number: int) -> str:
    return str(number) if is_openapi(row) else f"{number:,}"


def is_openapi(row: Row) -> bool:
    return "BAS_DD" in row


def code_column(row: Row) -> str:
    return "ISU_CD" if is_openapi(row) else "ISU_SRT_CD"


def has_prices(row: Row) -> bool:
    """Return whether a row of the table of prices shows a close."""
    return {VOLUME, SHARES} <= row.keys() and number_in(row, CLOSE) is not None


def is_traded(row: Row) -> bool:
    return bool(number_in(row, VOLUME)) and bool(number_in(row, HIGH))


def priced(row: Row, close: int, base: int) -> Row:
    """Return the cells of a close and a base price, won: change, its direction and ratio, and the
    market cap."""
    change, from_base = np.array([close - base]), np.array([base])
    cells = {
        CLOSE: written(row, close),
        CHANGE: written(row, close - base),
        DIRECTION: str(direction_of(change)[0]),
        RATIO: hundredths(ratio_of(change, from_base))[0],
        CAP: written(row, close * known(row, SHARES)[0]),
    }
    return {column: cell for column, cell in cells.items() if column in row}


def first(rows: Rows, number: int, fits: Fits) -> list[int]:
    """Return the positions of the first rows that fit, so many at most."""
    return [position for position, row in enumerate(rows) if fits(row)][:number]


def drawn(rows: Rows, number: int, fits: Fits) -> list[int]:
    """Return the positions of so many rows that fit, at most, in their order: always the same ones
    for the same tickers."""
    fitting = first(rows, len(rows), fits)
    fitting.sort(key=lambda position: crc32(rows[position][code_column(rows[position])].encode()))
    return sorted(fitting[:number])


def with_changes(rows: Rows, positions: list[int], change: Change) -> Rows | None:
    """Return the rows with the cells that `change` returns at these positions. None when nothing is
    different."""
    changed = list(rows)
    for position in positions:
        changed[position] = rows[position] | change(rows[position])
    return None if changed == rows else changed

"""Row faults: each takes the rows of a true answer and returns wrong ones.

Rows are texts by column, as the data site (thousands commas) or the Open API (plain digits, BAS_DD)
sends them. None means that the fault does not apply to these rows.
"""

from collections.abc import Callable
from zlib import crc32

import numpy as np

from sandbox.answers import MISSING, Rows, commas, hundredths
from sandbox.market import direction_of, ratio_of

CLOSE, CHANGE, VOLUME, VALUE = "TDD_CLSPRC", "CMPPREVDD_PRC", "ACC_TRDVOL", "ACC_TRDVAL"
INDEX_CLOSE = "CLSPRC_IDX"
LOW, HIGH, CAP, SHARES = "TDD_LWPRC", "TDD_HGPRC", "MKTCAP", "LIST_SHRS"
OPEN = "TDD_OPNPRC"
_KEPT_WHEN_CLOSED = {
    *(
        "ISU_SRT_CD",
        "ISU_CD",
        "ISU_ABBRV",
        "ISU_ABBRV_STR",
        "ISU_NM",
        "MKT_NM",
        "MKT_ID",
        "SECT_TP_NM",
        SHARES,
    ),
    *("BAS_DD", "IDX_CLSS", "IDX_NM", "TRD_DD"),
}
_REPEATED_ROWS = 3
NAMES = ("ISU_ABBRV", "ISU_NM")
"""Columns of the name, of the data site and of the Open API."""
ODD_NAMES = (
    '=HYPERLINK("http://krx.example")',
    "[bold]굵은[/nothing] :warning:",
    "</script><b>@everyone</b>",
    "\u202e자전성삼\u2066\x1b[31m",
    "두\r\n줄",
    "+1",
    " \u200b",
)
_LONG_NAME = "긴" * 1_000_000

Row = dict[str, str]


def no_rows(rows: Rows) -> Rows | None:
    return [] if rows else None


def few_rows(rows: Rows, share: float) -> Rows | None:
    """Keep the first `share` of the rows, at least one."""
    kept = rows[: max(int(len(rows) * share), 1)]
    return kept if len(kept) < len(rows) else None


def duplicated_rows(rows: Rows) -> Rows | None:
    """Repeat the first rows at the end."""
    return [*rows, *rows[:_REPEATED_ROWS]] if rows else None


def no_column(rows: Rows, column: str) -> Rows | None:
    if not _has(rows, column):
        return None
    return [{key: cell for key, cell in row.items() if key != column} for row in rows]


def renamed_column(rows: Rows, column: str) -> Rows | None:
    if not _has(rows, column):
        return None
    return [
        {f"{key}_NEW" if key == column else key: cell for key, cell in row.items()} for row in rows
    ]


def extra_columns(rows: Rows) -> Rows | None:
    """Add a regular and an after-market volume, and a text. What the exchange calls its own two
    since 2026-09-14 is not known: the names are invented."""
    if not _has(rows, VOLUME):
        return None
    return [{**row, **_extra(row)} for row in rows]


def _extra(row: Row) -> Row:
    volume = _number(row, VOLUME)
    if volume is None:
        return {"ACC_TRDVOL_REG": row[VOLUME], "ACC_TRDVOL_AFTER": row[VOLUME], "TRD_NOTE": ""}
    after = volume // 8
    volumes = {"ACC_TRDVOL_REG": _text(row, volume - after), "ACC_TRDVOL_AFTER": _text(row, after)}
    return volumes | {"TRD_NOTE": "정상"}


def odd_names(rows: Rows) -> Rows | None:
    """Give every ticker one of `ODD_NAMES` in turn, and the first one of a million characters."""
    columns = [name for name in NAMES if _has(rows, name)]
    if not columns or not _has(rows, CLOSE):
        return None
    named = [ODD_NAMES[position % len(ODD_NAMES)] for position in range(len(rows))]
    named[0] = _LONG_NAME
    return [row | dict.fromkeys(columns, name) for row, name in zip(rows, named, strict=True)]


def all_dashes(rows: Rows) -> Rows | None:
    """Return the tickers of a weekday without trading: `-` at the site, nothing in the Open API."""
    if not any(_number(row, column) is not None for row in rows for column in (CLOSE, INDEX_CLOSE)):
        return None
    return [_closed(row) for row in rows]


def without_session(rows: Rows, session: str) -> Rows | None:
    """Return an index series without the row of a session (YYYY-MM-DD)."""
    kept = [row for row in rows if row.get("TRD_DD") != session.replace("-", "/")]
    return kept if len(kept) < len(rows) else None


def bad_cell(rows: Rows, text: str) -> Rows | None:
    """Put `text` in place of one close."""
    column = CLOSE if _has(rows, CLOSE) else INDEX_CLOSE
    return _change_one(rows, lambda row: column in row, lambda _: {column: text})


def broken_order(rows: Rows) -> Rows | None:
    """Put the low of one traded ticker above its high."""
    return _change_one(
        rows, _is_traded, lambda row: {LOW: _text(row, int(_number(row, HIGH) or 0) + 1)}
    )


def after_market_only(rows: Rows) -> Rows | None:
    """Take the opening price of one traded ticker that closed at its base price: it traded in the
    after-market alone."""
    return _change_one(
        rows,
        lambda row: _is_traded(row) and bool(_number(row, OPEN)) and _number(row, CHANGE) == 0,
        lambda row: {OPEN: _text(row, 0)},
    )


def wrong_cap(rows: Rows) -> Rows | None:
    """Make the market cap of one ticker a won more than close x shares."""
    return _change_one(
        rows,
        lambda row: _number(row, CAP) is not None,
        lambda row: {CAP: _text(row, int(_number(row, CAP) or 0) + 1)},
    )


def negative(rows: Rows) -> Rows | None:
    """Make the volume of one traded ticker negative."""
    return _change_one(rows, _is_traded, lambda row: {VOLUME: f"-{row[VOLUME]}"})


def revised(rows: Rows, tickers: int, session: str) -> Rows | None:
    """Return plausible figures that are revised later: less volume and value of some tickers,
    another close of one.

    The tickers are always the same for a session, drawn by code. Low <= close <= high and market
    cap = close x shares hold.
    """
    drawn = sorted(
        (position for position, row in enumerate(rows) if _is_traded(row) and row[VOLUME] != "1"),
        key=lambda position: crc32(f"{rows[position]['ISU_SRT_CD']}|{session}|revised".encode()),
    )
    shown = list(rows)
    for position in drawn[:tickers]:
        shown[position] = {**shown[position], **_less_volume(shown[position])}
    for position in [position for position in drawn if rows[position][LOW] != rows[position][HIGH]][
        :1
    ]:
        shown[position] = {**shown[position], **_other_close(shown[position])}
    return shown if drawn else None


def _less_volume(row: Row) -> Row:
    volume, value, high = (_number(row, column) or 0 for column in (VOLUME, VALUE, HIGH))
    missing = max(volume // 50, 1)
    left = volume - missing
    return {
        VOLUME: _text(row, left),
        VALUE: _text(row, min(value - missing * (value // volume), high * left)),
    }


def _other_close(row: Row) -> Row:
    """Return the row's changes for the day's low as its close, or the high where it closed at its
    low."""
    close, change, shares = (_number(row, column) or 0 for column in (CLOSE, CHANGE, SHARES))
    base = close - change
    shown = np.array([_number(row, LOW if row[LOW] != row[CLOSE] else HIGH) or 0])
    return {
        CLOSE: commas(shown)[0],
        CHANGE: commas(shown - base)[0],
        "FLUC_TP_CD": str(direction_of(shown - base)[0]),
        "FLUC_RT": hundredths(ratio_of(shown - base, np.array([base])))[0],
        CAP: commas(shown * shares)[0],
    }


def _closed(row: Row) -> Row:
    if "BAS_DD" in row:
        return {key: cell if key in _KEPT_WHEN_CLOSED else "" for key, cell in row.items()}
    dashed = {key: cell if key in _KEPT_WHEN_CLOSED else MISSING for key, cell in row.items()}
    # Only the table of prices has this column.
    late = {"lateInfoMsgCd": ""} if "MKT_ID" in row else {}
    return {**dashed, "FLUC_TP_CD": "0", **late}


def _change_one(
    rows: Rows, fits: Callable[[Row], bool], change: Callable[[Row], Row]
) -> Rows | None:
    position = next((position for position, row in enumerate(rows) if fits(row)), None)
    if position is None:
        return None
    return [*rows[:position], {**rows[position], **change(rows[position])}, *rows[position + 1 :]]


def _is_traded(row: Row) -> bool:
    return bool(_number(row, VOLUME)) and bool(_number(row, HIGH))


def _has(rows: Rows, column: str) -> bool:
    return any(column in row for row in rows)


def _number(row: Row, column: str) -> int | None:
    """Return a cell as an integer (hundredths are cut off); None where there is no number."""
    digits = row.get(column, "").replace(",", "").partition(".")[0]
    return int(digits) if digits.removeprefix("-").isdecimal() else None


def _text(row: Row, number: int) -> str:
    return str(number) if "BAS_DD" in row else f"{number:,}"

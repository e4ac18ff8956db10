"""Row faults: each takes the rows of a true answer and returns wrong ones.

`number` is how many rows a fault changes: the first ones that it can change. None means that the
fault does not apply to these rows.
"""

from zlib import crc32

import numpy as np

from sandbox.answers import MISSING, Rows, commas, hundredths
from sandbox.cells import (
    CAP,
    CHANGE,
    CLOSE,
    HIGH,
    LOW,
    MARKET,
    NAMES,
    OPEN,
    SHARES,
    VALUE,
    VOLUME,
    Change,
    Fits,
    Row,
    code_column,
    first,
    has_prices,
    is_openapi,
    is_traded,
    known,
    number_in,
    priced,
    with_changes,
    written,
)
from sandbox.market import direction_of, ratio_of

INDEX_CLOSE = "CLSPRC_IDX"
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
_BEYOND_64_BITS = 2**63
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


def no_rows(rows: Rows) -> Rows | None:
    return [] if rows else None


def few_rows(rows: Rows, share: float) -> Rows | None:
    """Keep the first `share` of the rows, at least one."""
    kept = rows[: max(int(len(rows) * share), 1)]
    return kept if len(kept) < len(rows) else None


def duplicated_rows(rows: Rows, number: int) -> Rows | None:
    """Repeat the first rows at the end."""
    return [*rows, *rows[:number]] if rows else None


def conflicting_rows(rows: Rows, number: int) -> Rows | None:
    """Repeat the first rows at the end with another close."""
    again = [rows[position] for position in first(rows, number, has_prices)]
    return [*rows, *(row | _higher_close(row) for row in again)] if again else None


def _higher_close(row: Row) -> Row:
    close, change = known(row, CLOSE, CHANGE)
    return priced(row, close + close // 100 + 1, close - change)


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
    volume = number_in(row, VOLUME)
    if volume is None:
        return {"ACC_TRDVOL_REG": row[VOLUME], "ACC_TRDVOL_AFTER": row[VOLUME], "TRD_NOTE": ""}
    after = volume // 8
    volumes = {
        "ACC_TRDVOL_REG": written(row, volume - after),
        "ACC_TRDVOL_AFTER": written(row, after),
    }
    return volumes | {"TRD_NOTE": "정상"}


def odd_names(rows: Rows, number: int) -> Rows | None:
    """Give tickers one of `ODD_NAMES` in turn, and the first one of a million characters."""
    columns = [name for name in NAMES if _has(rows, name)]
    if not columns or not _has(rows, CLOSE):
        return None
    named = [ODD_NAMES[position % len(ODD_NAMES)] for position in range(len(rows))]
    named[0] = _LONG_NAME
    changed = zip(rows[:number], named[:number], strict=True)
    return [*(row | dict.fromkeys(columns, name) for row, name in changed), *rows[number:]]


def all_dashes(rows: Rows) -> Rows | None:
    """Return the tickers of a weekday without trading: `-` at the site, nothing in the Open API."""
    if not any(
        number_in(row, column) is not None for row in rows for column in (CLOSE, INDEX_CLOSE)
    ):
        return None
    return [_closed(row) for row in rows]


def without_session(rows: Rows, session: str) -> Rows | None:
    """Return an index series without the row of a session (YYYY-MM-DD)."""
    kept = [row for row in rows if row.get("TRD_DD") != session.replace("-", "/")]
    return kept if len(kept) < len(rows) else None


def bad_cell(rows: Rows, number: int, text: str) -> Rows | None:
    """Put `text` in place of closes."""
    column = CLOSE if _has(rows, CLOSE) else INDEX_CLOSE
    return _change(rows, number, lambda row: column in row, lambda _: {column: text})


def no_number(rows: Rows, number: int, column: str) -> Rows | None:
    """Put a text in place of a number, in any column."""
    return _change(rows, number, lambda row: has_prices(row) and column in row, _says(column))


def _says(column: str) -> Change:
    return lambda _: {column: "N/A"}


def beyond_64_bits(rows: Rows, number: int, column: str) -> Rows | None:
    """Put a number in a column that no 64 bits can hold."""
    return _change(
        rows,
        number,
        lambda row: has_prices(row) and column in row,
        lambda row: {column: written(row, _BEYOND_64_BITS)},
    )


def zero_close(rows: Rows, number: int) -> Rows | None:
    return _change(rows, number, has_prices, lambda _: {CLOSE: "0"})


def zero_shares(rows: Rows, number: int) -> Rows | None:
    return _change(rows, number, has_prices, lambda _: {SHARES: "0"})


def odd_code(rows: Rows, number: int) -> Rows | None:
    """Leave the last character of codes out."""
    return _change(
        rows, number, has_prices, lambda row: {code_column(row): row[code_column(row)][:-1]}
    )


def unknown_market(rows: Rows, number: int) -> Rows | None:
    """Name a market that there is not. The Open API has a request for each market instead."""
    return _change(
        rows, number, lambda row: has_prices(row) and MARKET in row, lambda _: {MARKET: "XXX"}
    )


def broken_order(rows: Rows, number: int) -> Rows | None:
    """Put the low of traded tickers above their high."""
    return _change(
        rows, number, is_traded, lambda row: {LOW: written(row, known(row, HIGH)[0] + 1)}
    )


def after_market_only(rows: Rows, number: int) -> Rows | None:
    """Take the opening price of traded tickers that closed at their base price: they traded in the
    after-market alone."""
    return _change(
        rows,
        number,
        lambda row: is_traded(row) and bool(number_in(row, OPEN)) and number_in(row, CHANGE) == 0,
        lambda row: {OPEN: written(row, 0)},
    )


def wrong_cap(rows: Rows, number: int) -> Rows | None:
    """Make the market cap of tickers a won more than close x shares."""
    return _change(
        rows,
        number,
        lambda row: number_in(row, CAP) is not None,
        lambda row: {CAP: written(row, known(row, CAP)[0] + 1)},
    )


def negative(rows: Rows, number: int) -> Rows | None:
    """Make the volume of traded tickers negative."""
    return _change(rows, number, is_traded, lambda row: {VOLUME: f"-{row[VOLUME]}"})


def revised(rows: Rows, tickers: int, session: str) -> Rows | None:
    """Return plausible figures that are revised later: less volume and value of some tickers,
    another close of one.

    The tickers are always the same for a session, drawn by code. Low <= close <= high and market
    cap = close x shares hold.
    """
    drawn = sorted(
        (position for position, row in enumerate(rows) if is_traded(row) and row[VOLUME] != "1"),
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
    volume, value, high = (number_in(row, column) or 0 for column in (VOLUME, VALUE, HIGH))
    missing = max(volume // 50, 1)
    left = volume - missing
    return {
        VOLUME: written(row, left),
        VALUE: written(row, min(value - missing * (value // volume), high * left)),
    }


def _other_close(row: Row) -> Row:
    """Return the row's changes for the day's low as its close, or the high where it closed at its
    low."""
    close, change, shares = (number_in(row, column) or 0 for column in (CLOSE, CHANGE, SHARES))
    base = close - change
    shown = np.array([number_in(row, LOW if row[LOW] != row[CLOSE] else HIGH) or 0])
    return {
        CLOSE: commas(shown)[0],
        CHANGE: commas(shown - base)[0],
        "FLUC_TP_CD": str(direction_of(shown - base)[0]),
        "FLUC_RT": hundredths(ratio_of(shown - base, np.array([base])))[0],
        CAP: commas(shown * shares)[0],
    }


def _closed(row: Row) -> Row:
    if is_openapi(row):
        return {key: cell if key in _KEPT_WHEN_CLOSED else "" for key, cell in row.items()}
    dashed = {key: cell if key in _KEPT_WHEN_CLOSED else MISSING for key, cell in row.items()}
    # Only the table of prices has this column.
    late = {"lateInfoMsgCd": ""} if "MKT_ID" in row else {}
    return {**dashed, "FLUC_TP_CD": "0", **late}


def _change(rows: Rows, number: int, fits: Fits, change: Change) -> Rows | None:
    return with_changes(rows, first(rows, number, fits), change)


def _has(rows: Rows, column: str) -> bool:
    return any(column in row for row in rows)

"""Faults of many rows of a market at once: each takes the rows of a true answer, and how many of
them it changes, and returns rows that are well-formed and wrong.

Each row by itself keeps low <= close <= high and market cap = close x shares, unless it is said
otherwise. The rows are drawn by their codes, so two readings show the same ones. None means that
the fault does not apply.
"""

from sandbox.answers import Rows
from sandbox.cells import (
    CAP,
    CHANGE,
    CLOSE,
    HIGH,
    LOW,
    MARKET,
    MARKET_NAME,
    NAMES,
    OPEN,
    SHARES,
    VALUE,
    VOLUME,
    Change,
    Row,
    code_column,
    drawn,
    has_prices,
    is_openapi,
    is_traded,
    known,
    number_in,
    priced,
    with_changes,
    written,
)
from sandbox.market import isin_of

_ANOTHER = {"STK": ("KSQ", "KOSDAQ"), "KSQ": ("STK", "KOSPI"), "KNX": ("KSQ", "KOSDAQ")}
"""MKT_ID -> MKT_ID and MKT_NM of a market that it is taken for."""


def no_volume(rows: Rows, number: int) -> Rows | None:
    """Set volumes to zero; the values stay."""
    return _change(rows, number, lambda row: {VOLUME: "0"})


def no_value(rows: Rows, number: int) -> Rows | None:
    """Set values to zero; the volumes stay."""
    return _change(rows, number, lambda row: {VALUE: "0"})


def swapped_turnover(rows: Rows, number: int) -> Rows | None:
    """Show the volume as the value, and the value as the volume."""
    return _change(rows, number, lambda row: {VOLUME: row[VALUE], VALUE: row[VOLUME]})


def thousandfold_value(rows: Rows, number: int) -> Rows | None:
    """Show the value in thousandths of a won."""
    return _change(rows, number, lambda row: {VALUE: written(row, 1000 * known(row, VALUE)[0])})


def tenfold_prices(rows: Rows, number: int) -> Rows | None:
    """Multiply all prices by ten, the base price and the market cap with them."""
    columns = (OPEN, HIGH, LOW, CLOSE, CHANGE, CAP)
    return with_changes(
        rows,
        drawn(rows, number, has_prices),
        lambda row: {name: written(row, 10 * known(row, name)[0]) for name in columns},
    )


def doubled_shares(rows: Rows, number: int) -> Rows | None:
    """Double the shares, and the market cap with them."""
    return with_changes(
        rows,
        drawn(rows, number, has_prices),
        lambda row: {name: written(row, 2 * known(row, name)[0]) for name in (SHARES, CAP)},
    )


def sudden_halts(rows: Rows, number: int) -> Rows | None:
    """Show traded tickers as halted: the base price as close, and nothing traded."""

    def halted(row: Row) -> Row:
        nothing = dict.fromkeys((OPEN, HIGH, LOW, VOLUME, VALUE), "0")
        return nothing | priced(row, _base(row), _base(row))

    return _change(rows, number, halted)


def unchanged_closes(rows: Rows, number: int) -> Rows | None:
    """Show the base price as close."""

    def unchanged(row: Row) -> Row:
        base, (low, high) = _base(row), known(row, LOW, HIGH)
        limits = {LOW: written(row, min(low, base)), HIGH: written(row, max(high, base))}
        return limits | priced(row, base, base)

    return _change(rows, number, unchanged)


def beyond_limit(rows: Rows, number: int) -> Rows | None:
    """Let traded tickers close half above their base price: no market allows more than 30 %."""

    def risen(row: Row) -> Row:
        base, (high,) = _base(row), known(row, HIGH)
        close = base + base // 2 + 1
        return {HIGH: written(row, max(high, close))} | priced(row, close, base)

    return _change(rows, number, risen)


def wrong_bases(rows: Rows, number: int) -> Rows | None:
    """Measure the change from a base price a tenth above the right one."""

    def rebased(row: Row) -> Row:
        base, (close,) = _base(row), known(row, CLOSE)
        return priced(row, close, base + base // 10 + 1)

    return with_changes(rows, drawn(rows, number, has_prices), rebased)


def shifted_names(rows: Rows, number: int) -> Rows | None:
    """Give each of these tickers the name of the one before it, and the first one that of the
    last."""
    positions = drawn(rows, number, has_prices)
    before = dict(zip(positions, [*positions[-1:], *positions[:-1]], strict=True))
    shifted = [
        row | {name: rows[before[position]][name] for name in NAMES if name in row}
        if position in before
        else row
        for position, row in enumerate(rows)
    ]
    return None if shifted == rows else shifted


def swapped_markets(rows: Rows, number: int) -> Rows | None:
    """Name another market: KOSDAQ for KOSPI and KONEX, KOSPI for KOSDAQ. The Open API has a request
    for each market instead."""

    def fits(row: Row) -> bool:
        return has_prices(row) and row.get(MARKET) in _ANOTHER

    return with_changes(
        rows,
        drawn(rows, number, fits),
        lambda row: dict(zip((MARKET, MARKET_NAME), _ANOTHER[row[MARKET]], strict=True)),
    )


def new_tickers(rows: Rows, number: int) -> Rows | None:
    """Add tickers that nobody has listed, with the figures of others."""
    like = [rows[position] for position in drawn(rows, number, has_prices)]
    if not like:
        return None
    return [*rows, *(_invented(like[count % len(like)], count) for count in range(number))]


def _invented(row: Row, count: int) -> Row:
    code, name = f"0Z{count:03d}0", f"가상 {count}"
    codes = {code_column(row): code} | ({} if is_openapi(row) else {"ISU_CD": isin_of(code)})
    return row | codes | {column: name for column in NAMES if column in row}


def missing_tickers(rows: Rows, number: int) -> Rows | None:
    """Leave tickers out."""
    gone = set(drawn(rows, number, has_prices))
    return [row for position, row in enumerate(rows) if position not in gone] if gone else None


def _change(rows: Rows, number: int, change: Change) -> Rows | None:
    """Change so many rows with a regular price."""
    return with_changes(rows, drawn(rows, number, _has_regular_price), change)


def _has_regular_price(row: Row) -> bool:
    return has_prices(row) and is_traded(row) and bool(number_in(row, OPEN))


def _base(row: Row) -> int:
    close, change = known(row, CLOSE, CHANGE)
    return close - change

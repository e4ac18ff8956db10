"""Laws of the border: whatever the exchange answers, it is refused in our own words or comes
through exactly."""

import re
from datetime import date
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.exchange.answers import RAW_COLUMNS, classify_response, parse_day, parse_index_dates
from tests.fakes import read_at
from tests.unit.laws.strategies import PROFILE, SESSION, names, tickers
from utils.errors import (
    Banned,
    LoggedOut,
    MalformedAnswer,
    NotPublished,
    SourceError,
    SourceRefuses,
)
from utils.market_day import FINAL, INTEGER_COLUMNS, MARKETS, MarketDay
from utils.outside_text import MOST_OF_NAME, plain_name

LAW = settings(PROFILE, max_examples=40)
Row = dict[str, Any]
COLUMNS = list(RAW_COLUMNS.values())
NUMBERS = [RAW_COLUMNS[name] for name in INTEGER_COLUMNS]
TICKER, NAME, MARKET = (RAW_COLUMNS[name] for name in ("ticker", "name", "market"))
SHOWN = [RAW_COLUMNS[name] for name in ("open", "high", "low", "close", "volume", "market_cap")]

numbers = st.integers(-(10**15), 10**15).map(lambda number: f"{number:,}") | st.integers(
    0, 10**6
).map(str)
FULL_WIDTH = str.maketrans("0123456789", "０１２３４５６７８９")
groups = st.lists(
    st.sampled_from(["1", "23", "456", "7890", "000", ""]), min_size=2, max_size=3
).map(",".join)
odd_cells = st.one_of(
    numbers.map(lambda text: text.translate(FULL_WIDTH)),
    st.text("0123456789,.-+_ \n\t０１２३", max_size=9),
    st.lists(numbers, min_size=2, max_size=3).map("\n".join),
    st.integers(4_290, 4_310).map(lambda length: "9" * length),
    st.integers(2**63 - 2, 2**63 + 1).map(lambda number: f"{number:,}"),
    st.integers(-(2**63) - 1, -(2**63) + 1).map(str),
    st.text("종A0 \n\0\ud800😀", max_size=3),
    st.none() | st.floats() | st.booleans() | st.integers(),
)


PLAIN = {NAME: "종목", MARKET: "STK", **dict.fromkeys(NUMBERS, "1,000")}
codes = st.lists(tickers, min_size=1, max_size=3, unique=True)
rows_sent = codes.map(lambda listed: [{TICKER: ticker, **PLAIN} for ticker in listed])
"""Rows that the exchange sends of some tickers, in any order."""
full_cells = {
    NAME: names,
    MARKET: st.sampled_from(sorted(MARKETS)),
    **dict.fromkeys(NUMBERS, numbers),
}
full_rows = st.lists(
    st.fixed_dictionaries({TICKER: tickers, **full_cells}),
    min_size=1,
    max_size=3,
    unique_by=itemgetter(TICKER),
)


def table(rows: list[Row]) -> pd.DataFrame:
    return pd.DataFrame(rows, dtype=object)


def shows(cell: object, number: int) -> bool:
    """Return whether this text is that number: only commas at their places and zeros in front make
    no difference."""
    plain = str(abs(number)).zfill(sum(letter.isdigit() for letter in str(cell)))
    grouped = re.sub(r"(?<=\d)(?=(\d{3})+$)", ",", plain)
    signs = ["-"] if number < 0 else [""] if number > 0 else ["", "-"]
    return str(cell) in [sign + digits for sign in signs for digits in (plain, grouped)]


def assert_comes_through(rows: list[Row], frame: pd.DataFrame) -> None:
    wanted = sorted(rows, key=lambda row: str(row[TICKER]))
    assert frame["ticker"].tolist() == [row[TICKER] for row in wanted]
    assert frame["market"].tolist() == [MARKETS[row[MARKET]] for row in wanted]
    assert {str(frame[name].dtype) for name in INTEGER_COLUMNS} == {"int64"}
    for name in INTEGER_COLUMNS:
        for row, number in zip(wanted, frame[name].tolist(), strict=True):
            assert shows(row[RAW_COLUMNS[name]], number)


@LAW
@given(full_rows)
def test_what_the_exchange_may_send_comes_through_exactly(rows: list[Row]) -> None:
    frame = parse_day(table(rows), SESSION)
    assert_comes_through(rows, frame)
    assert frame["name"].tolist() == [
        plain_name(row[NAME], row[TICKER]) for row in sorted(rows, key=lambda row: row[TICKER])
    ]


@settings(PROFILE, max_examples=150)
@given(rows_sent, st.sampled_from(NUMBERS), odd_cells, st.data())
def test_an_odd_number_is_refused_or_comes_through_exactly(
    rows: list[Row], column: str, cell: object, data: st.DataObject
) -> None:
    data.draw(st.sampled_from(rows))[column] = cell
    try:
        frame = parse_day(table(rows), SESSION)
    except MalformedAnswer:
        return
    assert_comes_through(rows, frame)


@settings(PROFILE, max_examples=60)
@given(rows_sent, st.sampled_from(NUMBERS), groups)
def test_commas_stand_between_thousands_or_the_number_is_refused(
    rows: list[Row], column: str, cell: str
) -> None:
    first, *others = cell.split(",")
    rows[0][column] = cell
    if first and len(first) <= 3 and all(len(group) == 3 for group in others):
        assert_comes_through(rows, parse_day(table(rows), SESSION))
        return
    with pytest.raises(MalformedAnswer):
        parse_day(table(rows), SESSION)


@LAW
@given(rows_sent, st.sampled_from([TICKER, MARKET]), odd_cells, st.data())
def test_an_odd_ticker_or_market_is_refused_or_comes_through_exactly(
    rows: list[Row], column: str, cell: object, data: st.DataObject
) -> None:
    data.draw(st.sampled_from(rows))[column] = cell
    try:
        frame = parse_day(table(rows), SESSION)
    except MalformedAnswer:
        return
    assert_comes_through(rows, frame)


@LAW
@given(rows_sent, odd_cells | st.text(), st.data())
def test_no_name_costs_the_day_and_each_becomes_one_line_that_can_be_kept(
    rows: list[Row], cell: object, data: st.DataObject
) -> None:
    named = data.draw(st.sampled_from(rows))
    named[NAME] = cell
    frame = parse_day(table(rows), SESSION).set_index("ticker", drop=False)
    name = frame.loc[named[TICKER], "name"]
    assert 1 <= len(name) <= MOST_OF_NAME
    assert name.isprintable()
    assert name == cell or name in (named[TICKER], plain_name(cell, ""))
    assert len(frame) == len(rows)
    read_utc = read_at(SESSION, FINAL)
    assert MarketDay(SESSION, frame.assign(factor=np.nan), read_utc, "pykrx").digest()


@LAW
@given(rows_sent, st.sampled_from([name for name in COLUMNS if name != NAME]))
def test_a_cell_that_is_left_out_of_one_row_is_refused(rows: list[Row], column: str) -> None:
    # The last row keeps the column in the table.
    thinned = [
        {name: cell for name, cell in rows[0].items() if name != column},
        *rows[1:],
        {TICKER: "ABCDEF", **PLAIN},
    ]
    with pytest.raises(MalformedAnswer):
        parse_day(table(thinned), SESSION)


@LAW
@given(rows_sent, st.sets(st.sampled_from(COLUMNS), min_size=1, max_size=len(COLUMNS) - 1))
def test_missing_columns_are_all_named(rows: list[Row], missing: set[str]) -> None:
    rest = table(rows).drop(columns=sorted(missing))
    with pytest.raises(MalformedAnswer) as caught:
        parse_day(rest, SESSION)
    assert all(column in str(caught.value) for column in missing)


@LAW
@given(st.sets(st.sampled_from(COLUMNS)))
def test_no_rows_are_malformed_whatever_the_columns(columns: set[str]) -> None:
    with pytest.raises(MalformedAnswer):
        parse_day(pd.DataFrame(columns=sorted(columns), dtype=object), SESSION)


@LAW
@given(rows_sent, st.data())
def test_a_day_is_unpublished_when_it_shows_no_price_at_all_and_malformed_when_it_lacks_some(
    rows: list[Row], data: st.DataObject
) -> None:
    cells = [(row, column) for row in range(len(rows)) for column in SHOWN]
    shown = data.draw(st.sampled_from([[], SHOWN, SHOWN[1:], *([column] for column in SHOWN)]))
    at = data.draw(st.integers(0, len(rows) - 1))
    blank = (
        [cell for cell in cells if cell[0] != at or cell[1] not in shown] if shown != SHOWN else []
    )
    for row, column in blank:
        rows[row][column] = "-"
    kind = NotPublished if len(blank) == len(cells) else MalformedAnswer if blank else None
    if kind is None:
        assert_comes_through(rows, parse_day(table(rows), SESSION))
        return
    with pytest.raises(kind):
        parse_day(table(rows), SESSION)


@LAW
@given(rows_sent, numbers, st.data())
def test_a_ticker_that_comes_twice_is_refused_by_its_name(
    rows: list[Row], other: str, data: st.DataObject
) -> None:
    twin = dict(data.draw(st.sampled_from(rows))) | {data.draw(st.sampled_from(NUMBERS)): other}
    with pytest.raises(MalformedAnswer, match=twin[TICKER]):
        parse_day(table(data.draw(st.permutations([*rows, twin]))), SESSION)


@LAW
@given(rows_sent, st.data())
def test_the_order_of_rows_and_columns_and_further_columns_mean_nothing(
    rows: list[Row], data: st.DataObject
) -> None:
    shuffled = table(data.draw(st.permutations(rows)))[data.draw(st.permutations(COLUMNS))].assign(
        lateInfoMsgCd="-"
    )
    pd.testing.assert_frame_equal(
        parse_day(shuffled, SESSION), parse_day(table(rows), SESSION), check_exact=True
    )


# Whole answers

STARTS = ["<html>", "{", "[", "LOGOUT", "<style>차단</style>", "x" * 5_000, ""]
WORDS = [
    "접근이 제한",
    "차단",
    "restricted",
    "점검",
    "maintenance",
    "자동",
    "1일",
    "<script>",
    ">",
    "}",
    "\n",
]
blanks = st.text("\ufeff \r\n\t", max_size=2)
pages = st.tuples(
    blanks, st.sampled_from(STARTS), st.lists(st.sampled_from(WORDS), max_size=3).map("".join)
)
bodies = st.binary(max_size=20) | pages.map("".join).map(str.encode)
statuses = st.sampled_from([200, 200, 200, 302, 400, 401, 403, 404, 429, 500]) | st.integers(
    100, 999
)


def kind_of(status: int, body: bytes, wants_json: bool) -> type[SourceError] | None:
    try:
        classify_response(status, body, wants_json)
    except SourceError as error:
        return type(error)
    return None


@settings(PROFILE, max_examples=150)
@given(statuses, bodies, st.booleans())
def test_any_answer_passes_or_is_an_error_of_the_source(
    status: int, body: bytes, wants_json: bool
) -> None:
    text = body.decode(errors="replace").lstrip("\ufeff \r\n\t")
    kind = kind_of(status, body, wants_json)
    assert (kind is LoggedOut) == text.startswith("LOGOUT")
    if kind is None:
        assert status < 400
        assert text.startswith("{") or not wants_json
    if kind is Banned:
        assert status == 403 or (wants_json and text.startswith("<"))
    if status == 403:
        assert kind in (Banned, SourceRefuses, LoggedOut)
        speaks_of_us = "자동" in text or "1일" in text
        assert kind is not Banned or speaks_of_us
    if status == 200 and text.startswith("{"):
        assert kind is None


# The index series

dates = st.dates().map(lambda day: day.isoformat().replace("-", "/"))
some_parts = st.tuples(st.integers(0, 9999), st.integers(0, 19), st.integers(0, 39))
odd_dates = some_parts.map(lambda parts: "{:04}/{:02}/{:02}".format(*parts)) | st.text(
    "0123/-１ \n", max_size=10
)


@LAW
@given(st.lists(dates, unique=True, max_size=6))
def test_shown_dates_come_through_exactly_oldest_first(shown: list[str]) -> None:
    assert parse_index_dates(shown) == [each.replace("/", "-") for each in sorted(shown)]


@LAW
@given(st.lists(dates, max_size=3), odd_dates)
def test_a_date_that_does_not_exist_is_refused(shown: list[str], odd: str) -> None:
    try:
        found = parse_index_dates([*shown, odd])
    except MalformedAnswer:
        return
    assert odd.replace("/", "-") in found
    assert [date.fromisoformat(each).isoformat() for each in found] == sorted(found)

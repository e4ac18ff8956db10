"""Laws of the border: whatever the exchange answers, it is refused in our own words, or each of its
rows comes through exactly or is set aside."""

import re
from datetime import date
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.exchange.answers import classify_response, parse_index_dates
from collectors.exchange.day_table import RAW_COLUMNS, DayTable, parse_day
from tests.fakes import read_at
from tests.unit.laws.strategies import PROFILE, SESSION, published_rows, tickers
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


PLAIN = {
    NAME: "종목",
    MARKET: "STK",
    **dict.fromkeys(NUMBERS, "1,000"),
    RAW_COLUMNS["change"]: "0",
    RAW_COLUMNS["market_cap"]: "1,000,000",
}
codes = st.lists(tickers, min_size=1, max_size=3, unique=True)
rows_sent = codes.map(lambda listed: [{TICKER: ticker, **PLAIN} for ticker in listed])
"""Rows that the exchange sends of some tickers, in any order."""
_IDS = {market: market_id for market_id, market in MARKETS.items()}


def as_sent(cells: Row, grouped: bool) -> Row:
    """Return a row of ours as the exchange sends it, with thousands commas or without."""
    text = {name: f"{cells[name]:,}" if grouped else str(cells[name]) for name in INTEGER_COLUMNS}
    whole = cells | text | {"market": _IDS[cells["market"]]}
    return {column: whole[name] for name, column in RAW_COLUMNS.items()}


full_rows = st.lists(
    st.builds(as_sent, published_rows(), st.booleans()),
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


def with_good_ones(rows: list[Row]) -> list[Row]:
    """Return these rows and as many good ones, so that they may be set aside all."""
    taken = {row[TICKER] for row in rows}
    free = (f"{number:06d}" for number in range(len(rows) * 2 + 1))
    return [*rows, *({TICKER: each, **PLAIN} for each in free if each not in taken)][
        : 2 * len(rows)
    ]


def check_one(rows: list[Row], odd: Row) -> DayTable:
    """Check that the odd row came through exactly or was set aside with its text, and that the
    others came through."""
    found = parse_day(table(rows), SESSION)
    if not found.set_aside:
        assert_comes_through(rows, found.frame)
        return found
    (aside,) = found.set_aside
    assert aside.reason
    assert aside.row.isprintable()
    assert len(aside.row) <= 1000
    assert_comes_through([row for row in rows if row is not odd], found.frame)
    return found


@LAW
@given(full_rows)
def test_what_the_exchange_may_send_comes_through_exactly(rows: list[Row]) -> None:
    found = parse_day(table(rows), SESSION)
    assert found.set_aside == ()
    assert_comes_through(rows, found.frame)
    assert found.frame["name"].tolist() == [
        plain_name(row[NAME], row[TICKER]) for row in sorted(rows, key=lambda row: row[TICKER])
    ]


@settings(PROFILE, max_examples=150)
@given(rows_sent, st.sampled_from(NUMBERS), odd_cells, st.data())
def test_an_odd_number_costs_its_own_row_or_comes_through_exactly(
    rows: list[Row], column: str, cell: object, data: st.DataObject
) -> None:
    odd = data.draw(st.sampled_from(rows))
    odd[column] = cell
    check_one(with_good_ones(rows), odd)


@settings(PROFILE, max_examples=60)
@given(rows_sent, groups)
def test_commas_stand_between_thousands_or_the_row_is_set_aside(rows: list[Row], cell: str) -> None:
    first, *others = cell.split(",")
    rows[0][RAW_COLUMNS["volume"]] = cell
    right = first and len(first) <= 3 and all(len(group) == 3 for group in others)
    found = check_one(with_good_ones(rows), rows[0])
    assert [each.reason for each in found.set_aside] == (
        [] if right else [f"{cell!r} in ACC_TRDVOL: no whole number"]
    )


@LAW
@given(rows_sent, st.sampled_from([TICKER, MARKET]), odd_cells, st.data())
def test_an_odd_ticker_or_market_costs_its_own_row_or_comes_through_exactly(
    rows: list[Row], column: str, cell: object, data: st.DataObject
) -> None:
    odd = data.draw(st.sampled_from(rows))
    all_rows = with_good_ones(rows)
    odd[column] = cell
    found = check_one(all_rows, odd)
    assert found.set_aside or cell in MARKETS or re.fullmatch("[0-9A-Z]{6}", str(cell))


@LAW
@given(rows_sent, odd_cells | st.text(), st.data())
def test_no_name_costs_the_row_and_each_becomes_one_line_that_can_be_kept(
    rows: list[Row], cell: object, data: st.DataObject
) -> None:
    named = data.draw(st.sampled_from(rows))
    named[NAME] = cell
    found = parse_day(table(rows), SESSION)
    frame = found.frame.set_index("ticker", drop=False)
    name = frame.loc[named[TICKER], "name"]
    assert 1 <= len(name) <= MOST_OF_NAME
    assert name.isprintable()
    assert name == cell or name in (named[TICKER], plain_name(cell, ""))
    assert (len(frame), found.set_aside) == (len(rows), ())
    read_utc = read_at(SESSION, FINAL)
    assert MarketDay(SESSION, frame.assign(factor=np.nan), read_utc, "pykrx").digest()


@LAW
@given(rows_sent, st.sampled_from([name for name in COLUMNS if name != NAME]))
def test_a_row_with_a_cell_left_out_is_set_aside(rows: list[Row], column: str) -> None:
    all_rows = with_good_ones(rows)
    thinned = {name: cell for name, cell in all_rows[0].items() if name != column}
    found = parse_day(table([thinned, *all_rows[1:]]), SESSION)
    assert [each.ticker for each in found.set_aside] == [str(thinned.get(TICKER, "nan"))]
    assert_comes_through(all_rows[1:], found.frame)


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
def test_a_day_is_unpublished_when_it_shows_no_price_at_all(
    rows: list[Row], data: st.DataObject
) -> None:
    everywhere = [(row, column) for row in range(len(rows)) for column in SHOWN]
    shown = data.draw(st.sets(st.sampled_from(everywhere), max_size=3))
    for row, column in everywhere:
        if (row, column) not in shown:
            rows[row][column] = "-"
    with pytest.raises(MalformedAnswer if shown else NotPublished):
        parse_day(table(rows), SESSION)


@LAW
@given(st.integers(1, 12), st.data())
def test_rows_are_set_aside_up_to_half_of_a_market_and_more_are_no_market(
    count: int, data: st.DataObject
) -> None:
    rows = [{TICKER: f"{number:06d}", **PLAIN} for number in range(count)]
    odd = data.draw(st.sets(st.sampled_from(range(count))))
    for number in odd:
        column, cell = data.draw(
            st.sampled_from([(MARKET, "?"), *((name, "x") for name in NUMBERS)])
        )
        rows[number][column] = cell
    known = [row for row in rows if row[MARKET] != "?"]
    whole = count - len(odd)
    if odd and (not known or 2 * whole < len(known)):
        with pytest.raises(MalformedAnswer, match=f"{len(odd)} of {count} rows"):
            parse_day(table(rows), SESSION)
        return
    found = parse_day(table(rows), SESSION)
    assert [each.ticker for each in found.set_aside] == [f"{number:06d}" for number in sorted(odd)]
    assert_comes_through([row for row in rows if int(row[TICKER]) not in odd], found.frame)


@LAW
@given(rows_sent, st.integers(0, 10**15), st.data())
def test_a_ticker_that_comes_twice_is_set_aside_in_both_rows(
    rows: list[Row], volume: int, data: st.DataObject
) -> None:
    listed = data.draw(st.sampled_from(rows))
    twin = listed | {RAW_COLUMNS["volume"]: str(volume)}
    all_rows = [*with_good_ones(with_good_ones(rows)), twin]
    found = parse_day(table(data.draw(st.permutations(all_rows))), SESSION)
    assert [(each.ticker, each.reason) for each in found.set_aside] == [
        (twin[TICKER], "listed twice")
    ] * 2
    rest = [row for row in all_rows if row[TICKER] != twin[TICKER]]
    assert_comes_through(rest, found.frame)


@LAW
@given(rows_sent, st.data())
def test_the_order_of_rows_and_columns_and_further_columns_mean_nothing(
    rows: list[Row], data: st.DataObject
) -> None:
    shuffled = table(data.draw(st.permutations(rows)))[data.draw(st.permutations(COLUMNS))].assign(
        lateInfoMsgCd="-"
    )
    pd.testing.assert_frame_equal(
        parse_day(shuffled, SESSION).frame, parse_day(table(rows), SESSION).frame, check_exact=True
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
        assert status >= 400 or (wants_json and text.startswith("<"))
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

"""Unknown columns of the exchange's answer: numbers are kept as they came, the rest is named, and
nothing in them costs the day."""

import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.collection.unknown_columns import name_once
from collectors.exchange.day_table import RAW_COLUMNS, DayTable, UnknownColumns, parse_day
from collectors.exchange.krx_session import Account, PykrxSource
from collectors.exchange.openapi import OpenApiSource
from collectors.exchange.sources import Source, Sources
from collectors.exchange.transport import Gate
from sandbox import answers
from sandbox.exchange import BLOCKS, OPENAPI_DAYS, Request, Response
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from utils.clock import kst
from utils.store import Store
from utils.store.further_columns import MOST_FURTHER
from utils.store.sqlite import SqliteBackend

NOW, TONIGHT, YESTERDAY = kst(2026, 9, 10, 20), "2026-09-10", "2026-09-09"
ROW = ["삼성전자", "STK", "5", "5", "5", "5", "0", "1", "5", "500", "100"]
REGULAR, AFTER, NOTE = "ACC_TRDVOL_REG", "ACC_TRDVOL_AFTER", "TRD_NOTE"


def raw(**columns: list[object]) -> pd.DataFrame:
    """Three rows that are not in the order of their tickers, and these columns besides."""
    rows = [[ticker, *ROW] for ticker in ("000020", "000030", "000010")]
    table = pd.DataFrame(rows, columns=list(RAW_COLUMNS.values()))
    return table.assign(**{name: pd.Series(cells) for name, cells in columns.items()})


def unknown_columns(table: pd.DataFrame) -> UnknownColumns:
    return parse_day(table, TONIGHT).unknown


def kept(cells: list[object], name: str = AFTER) -> list[float] | str:
    """The numbers of a column by ticker, -1 for none; why it is left out."""
    found = unknown_columns(raw(**{name: cells}))
    assert found.kept.keys() | found.left_out.keys() == {name}
    if name in found.left_out:
        return found.left_out[name]
    return np.nan_to_num(found.kept[name], nan=-1).tolist()


def test_known_columns_are_not_unknown() -> None:
    table = raw(**dict.fromkeys(["FLUC_TP_CD", "FLUC_RT", "SECT_TP_NM", "BAS_DD"], ["1"] * 3))
    assert unknown_columns(table) == UnknownColumns({}, {})


@pytest.mark.parametrize(
    ("cells", "by_ticker"),
    [
        (["1,234,567", "0", "12.50"], [12.5, 1234567, 0]),
        (["-", "-", "7"], [7, -1, -1]),
        (["-1,100", "+3", ""], [-1, -1100, 3]),
        ([None, float("nan"), "007"], [7, -1, -1]),
        ([1, 2.5, 3], [3, 1, 2.5]),
        (["9007199254740992", "1", "2"], [2, 2**53, 1]),
    ],
)
def test_numbers_are_kept_in_the_order_of_the_typed_day(
    cells: list[object], by_ticker: list[float]
) -> None:
    assert kept(cells) == by_ticker
    table = raw(**{AFTER: cells})
    assert parse_day(table, TONIGHT).frame["ticker"].tolist() == ["000010", "000020", "000030"]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (["1", "2", "N"], "'N' is no number"),
        (["1", "2", "1,23"], "'1,23' is no number"),
        (["1", "2", "1e5"], "'1e5' is no number"),
        (["1", "2", "nan"], "'nan' is no number"),
        (["1", "2", "１"], "'１' is no number"),
        (["1", "2", "1\n"], r"'1\n' is no number"),
        (["1", "2", True], "'True' is no number"),
        (["1", {"a": [1]}, "3"], "\"{'a': [1]}\" is no number"),
        (["1", [], "3"], "'[]' is no number"),
        (["1", "x" * 1000, "3"], f"'{'x' * 40}' is no number"),
        (["1", float("inf"), "3"], "'inf' is no number"),
        (["-", "", None], "it shows no number"),
        (["1", "9" * 400, "3"], "a number is too large to be kept as it came"),
        (["1", "-9007199254740994", "3"], "a number is too large to be kept as it came"),
    ],
)
def test_a_column_that_holds_anything_else_is_left_out_and_it_says_why(
    cells: list[object], why: str
) -> None:
    assert kept(cells) == why


@pytest.mark.parametrize("name", ["close", "_id", "digest", "거래량_정규시장", "A.B", "", "A" * 41])
def test_a_column_whose_name_is_odd_or_ours_is_left_out(name: str) -> None:
    assert kept(["1", "2", "3"], name) == "the name is odd, or one of our own"


def test_only_so_many_are_kept() -> None:
    names = [f"NEW_{number}" for number in range(MOST_FURTHER + 2)]
    found = unknown_columns(raw(**{name: ["1", "2", "3"] for name in names}))
    assert list(found.kept) == names[:MOST_FURTHER]
    assert found.left_out == dict.fromkeys(names[MOST_FURTHER:], f"{MOST_FURTHER} others are kept")


odd_cells = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=4,
)


@settings(max_examples=15, deadline=None)
@given(
    st.dictionaries(
        st.text(max_size=6).filter(lambda name: name not in RAW_COLUMNS.values()),
        st.lists(odd_cells | st.from_regex(r"-?\d{1,3}(,\d{3})*(\.\d+)?"), min_size=3, max_size=3),
        max_size=3,
    )
)
def test_whatever_an_unknown_column_holds_the_day_is_the_same(
    columns: dict[str, list[object]],
) -> None:
    found = unknown_columns(raw(**columns))
    assert {*found.kept, *found.left_out} <= columns.keys()
    assert all(figures.dtype == np.float64 for figures in found.kept.values())
    assert all(np.nanmax(np.abs(figures)) <= 2**53 for figures in found.kept.values())
    pd.testing.assert_frame_equal(
        parse_day(raw(**columns), TONIGHT).frame, parse_day(raw(), TONIGHT).frame, check_exact=True
    )


# Over HTTP


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(market, NOW) as exchange:
        yield exchange


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(SqliteBackend(tmp_path), FakeClock(NOW))


@pytest.fixture
def fetch(exchange: LocalExchange, store: Store, tmp_path: Path) -> Callable[[str], DayTable]:
    """Return what `Sources` has of yesterday from the source of that name."""

    def gate(name: str) -> Gate:
        return Gate(name, store, timedelta(0), store.clock.sleep)

    by_name: dict[str, Source] = {
        "pykrx": PykrxSource(Account("demo", "demo"), exchange.url, gate("pykrx"), tmp_path),
        "openapi": OpenApiSource("demo-key", exchange.url, gate("openapi")),
    }
    return lambda name: (
        Sources([by_name[name]], [by_name[name]], store.clock, store.clock.sleep)
        .fetch_day(YESTERDAY)
        .table
    )


def answer_days_with(exchange: LocalExchange, **cells: Any) -> None:
    """Every row of a day but the first has these cells as well, whatever they are."""

    def intercept(request: Request) -> Response | None:
        record = exchange.exchange.record_of(request)
        if record.name not in {"MDCSTAT01501", *OPENAPI_DAYS}:
            return None
        day = exchange.exchange.market.day(YESTERDAY)
        if record.kind == "data":
            rows: list[Any] = answers.day_rows(day)
        else:
            rows = answers.openapi_day_rows(day.of_market(OPENAPI_DAYS[record.name]))
        rows = [row | dict.fromkeys(cells, 1.5) for row in rows[:1]] + [
            row | cells for row in rows[1:]
        ]
        block = BLOCKS.get(record.name, "OutBlock_1")
        return Response(200, json.dumps({block: rows}).encode())

    exchange.exchange.interceptors.insert(2, intercept)


@pytest.mark.parametrize("source", ["pykrx", "openapi"])
def test_pykrx_and_the_open_api_hand_them_through(
    source: str, exchange: LocalExchange, fetch: Callable[[str], DayTable]
) -> None:
    plain = fetch(source)
    assert plain.unknown == UnknownColumns({}, {}), "the exchange's own columns are all known"
    for request in ("MDCSTAT01501", *OPENAPI_DAYS):
        exchange.fail("extra_columns", request=request)
    found = fetch(source)
    pd.testing.assert_frame_equal(found.frame, plain.frame)
    assert found.unknown.left_out == {NOTE: "'정상' is no number"}
    assert found.unknown.kept.keys() == {REGULAR, AFTER}
    volume = found.frame["volume"].to_numpy()
    assert (found.unknown.kept[REGULAR] + found.unknown.kept[AFTER] == volume).all()
    assert (found.unknown.kept[AFTER] == volume // 8).all()


@pytest.mark.parametrize("source", ["pykrx", "openapi"])
@pytest.mark.parametrize(
    "cell",
    [None, "", "-5", "9" * 400, 10**400, 0.5, [1, {"a": None}], {"a": 1}, "\ud800", float("nan")],
    ids="null empty negative digits number decimal list object surrogate nan".split(),
)
def test_an_odd_cell_of_an_unknown_column_never_costs_the_day(
    source: str, cell: object, exchange: LocalExchange, fetch: Callable[[str], DayTable]
) -> None:
    plain = fetch(source)
    answer_days_with(exchange, **{AFTER: cell})
    found = fetch(source)
    pd.testing.assert_frame_equal(found.frame, plain.frame)
    assert {*found.unknown.kept, *found.unknown.left_out} == {AFTER}


def test_a_second_code_or_name_in_the_open_api_does_not_replace_the_known_one(
    exchange: LocalExchange, fetch: Callable[[str], DayTable]
) -> None:
    plain = fetch("openapi")
    answer_days_with(exchange, ISU_SRT_CD="A00001", ISU_ABBRV="다른 이름")
    pd.testing.assert_frame_equal(fetch("openapi").frame, plain.frame)


# The log


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    lines = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    caplog.clear()
    return lines


def test_a_column_is_named_once_for_each_source_and_verdict(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    figures = np.array([1.0])
    name_once(store.sources, "pykrx", UnknownColumns({}, {}))
    assert store.sources.all() == [], "nothing is asked of the store while there is none"
    both = UnknownColumns({AFTER: figures}, {NOTE: "'정상' is no number"})
    name_once(store.sources, "pykrx", both)
    assert warnings(caplog) == [
        f"pykrx: MDCSTAT01501 has a column that we do not know, {AFTER}: its numbers are kept with "
        "each session.",
        f"pykrx: MDCSTAT01501 has a column that we do not know, {NOTE}: it is not kept: '정상' is "
        "no number.",
    ]
    name_once(store.sources, "pykrx", both)
    assert warnings(caplog) == []
    name_once(store.sources, "openapi", both)
    assert [line.partition(" has")[0] for line in warnings(caplog)] == [
        "openapi: {stk,ksq,knx}_bydd_trd"
    ] * 2
    name_once(store.sources, "pykrx", UnknownColumns({}, {AFTER: "'x' is no number"}))
    assert [line[-32:] for line in warnings(caplog)] == ["it is not kept: 'x' is no number."[-32:]]
    name_once(store.sources, "pykrx", both)
    assert warnings(caplog) == []


def test_a_name_that_cannot_be_written_is_named_all_the_same(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    odd = dict.fromkeys(["\ud800", "two\nlines", "x" * 5000, "$set"], "the name is odd")
    name_once(store.sources, "pykrx", UnknownColumns({}, odd))
    lines = warnings(caplog)
    assert len(lines) == 4
    assert all(len(line) < 200 and "\n" not in line and line.encode() for line in lines)
    name_once(store.sources, "pykrx", UnknownColumns({}, odd))
    assert warnings(caplog) == []

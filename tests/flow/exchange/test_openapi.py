"""The Open API against the local exchange: equal to the data site, refused per service, silent
about the evening."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.exchange.day_table import parse_day
from collectors.exchange.krx_session import Account, PykrxSource
from collectors.exchange.openapi import OpenApiSource
from collectors.exchange.transport import Gate
from sandbox.exchange import OPENAPI_SERVICES
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from utils.clock import kst
from utils.errors import KeyRefused, MalformedAnswer, NotPublished, SourceRefuses
from utils.store import Store
from utils.store.sqlite import SqliteBackend

NOW = kst(2026, 9, 10, 20)
YESTERDAY, TODAY = "2026-09-09", "2026-09-10"
UNPREDICTED_HOLIDAY = "2026-08-14"


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    keys = {"whole-key": OPENAPI_SERVICES, "part-key": OPENAPI_SERVICES - {"sto/ksq_bydd_trd"}}
    with LocalExchange(market, NOW, openapi_keys=keys) as exchange:
        yield exchange


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    store = Store(SqliteBackend(tmp_path), FakeClock(NOW))
    return Gate("openapi", store, timedelta(0), store.clock.sleep)


@pytest.fixture
def source(exchange: LocalExchange, gate: Gate) -> OpenApiSource:
    return OpenApiSource("whole-key", exchange.url, gate)


def test_a_day_is_cell_by_cell_that_of_the_data_site_in_one_request_a_market(
    source: OpenApiSource, exchange: LocalExchange, gate: Gate, tmp_path: Path
) -> None:
    site = PykrxSource(Account("demo", "demo"), exchange.url, gate, tmp_path)
    found = parse_day(source.fetch_day(YESTERDAY), YESTERDAY)
    assert exchange.counts()["openapi"] == 3
    assert found.set_aside == ()
    assert found.frame.equals(parse_day(site.fetch_day(YESTERDAY), YESTERDAY).frame)


@pytest.mark.parametrize(
    "day", [TODAY, "2026-09-05", UNPREDICTED_HOLIDAY], ids=["today", "Saturday", "holiday"]
)
def test_a_day_without_prices_is_not_published(source: OpenApiSource, day: str) -> None:
    with pytest.raises(NotPublished, match=day):
        parse_day(source.fetch_day(day), day)


def test_it_shows_a_session_from_the_next_morning_on(source: OpenApiSource) -> None:
    assert not source.shows(TODAY, kst(2026, 9, 11, 7, 59))
    assert source.shows(TODAY, kst(2026, 9, 11, 8))


def test_sessions_are_asked_day_by_day_and_only_what_is_not_known(
    source: OpenApiSource, exchange: LocalExchange
) -> None:
    known = {"2026-08-11": True, "2026-08-12": False}
    shown = source.fetch_sessions("2026-08-11", "2026-08-18", known)
    assert shown == [
        "2026-08-11",
        "2026-08-13",
        "2026-08-18",
    ]  # 14th: nobody predicted it; 17th: a substitute holiday
    assert [record.dates["basDd"] for record in exchange.requests()] == [
        "20260813",
        "20260814",
        "20260817",
        "20260818",
    ]


def test_what_is_not_out_yet_is_not_asked(source: OpenApiSource, exchange: LocalExchange) -> None:
    assert source.fetch_sessions(YESTERDAY, TODAY, {}) == [YESTERDAY]
    assert exchange.counts()["openapi"] == 1


def test_a_service_that_is_refused_is_named_and_asked_once(
    exchange: LocalExchange, gate: Gate
) -> None:
    source = OpenApiSource("part-key", exchange.url, gate)
    for _ in range(3):
        with pytest.raises(
            KeyRefused, match=r"sto/ksq_bydd_trd .*openapi\.krx\.co\.kr.*코스닥 일별매매정보"
        ):
            source.fetch_day(YESTERDAY)
    asked = [record.name for record in exchange.requests()]
    assert asked.count("sto/ksq_bydd_trd") == 1


def test_too_many_requests_are_a_refusal(source: OpenApiSource, exchange: LocalExchange) -> None:
    exchange.fail("too_many", kind="openapi")
    with pytest.raises(SourceRefuses, match="429"):
        source.fetch_day(YESTERDAY)


@pytest.mark.parametrize("service", ["sto/stk_bydd_trd", "sto/ksq_bydd_trd", "sto/knx_bydd_trd"])
@pytest.mark.parametrize("fault", ["no_block", "no_column", "renamed_column", "not_json"])
def test_what_is_not_of_its_form_is_malformed_in_whatever_market(
    source: OpenApiSource, exchange: LocalExchange, fault: str, service: str
) -> None:
    exchange.fail(fault, request=service)
    what = "no JSON object" if fault == "not_json" else f"{service} for {YESTERDAY} has no"
    with pytest.raises(MalformedAnswer, match=what):
        source.fetch_day(YESTERDAY)


@pytest.mark.parametrize(
    ("fault", "reason", "rows"),
    [
        ("bad_cell", "'N/A' in TDD_CLSPRC: no whole number", 1),
        ("broken_order", "low <= open, close <= high broken", 1),
        ("wrong_cap", "market cap is not close x shares", 1),
        ("negative", "a negative number", 1),
        ("duplicated_rows", "listed twice", 6),
    ],
)
def test_rows_that_cannot_be_used_are_set_aside_as_at_the_data_site(
    source: OpenApiSource, exchange: LocalExchange, fault: str, reason: str, rows: int
) -> None:
    whole = parse_day(source.fetch_day(YESTERDAY), YESTERDAY)
    exchange.fail(fault, request="sto/ksq_bydd_trd")
    found = parse_day(source.fetch_day(YESTERDAY), YESTERDAY)
    assert [(each.reason, each.market) for each in found.set_aside] == [(reason, "KOSDAQ")] * rows
    rest = whole.frame[~whole.frame["ticker"].isin(found.tickers_set_aside)]
    assert found.frame.equals(rest.reset_index(drop=True))


def test_the_answer_of_another_day_is_seen_in_its_rows(
    source: OpenApiSource, exchange: LocalExchange
) -> None:
    exchange.fail("other_day", request="sto/stk_bydd_trd")
    with pytest.raises(MalformedAnswer, match="tells of another day"):
        source.fetch_day(YESTERDAY)


def test_one_market_without_rows_is_no_whole_day(
    source: OpenApiSource, exchange: LocalExchange
) -> None:
    exchange.fail("no_rows", request="sto/knx_bydd_trd")
    with pytest.raises(MalformedAnswer, match="no rows for 2026-09-09 in sto/knx_bydd_trd"):
        source.fetch_day(YESTERDAY)


def test_before_its_opening_konex_is_not_asked(
    source: OpenApiSource, exchange: LocalExchange
) -> None:
    source.fetch_day("2013-06-28")
    assert [record.name for record in exchange.requests()] == [
        "sto/stk_bydd_trd",
        "sto/ksq_bydd_trd",
    ]


def test_the_key_is_in_no_repr(source: OpenApiSource) -> None:
    assert "whole-key" not in repr(source) + repr(vars(source))

"""Judgement on a day: impossible, odd by itself, odd next to the session before it, or fine."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from collectors.rules.judgement import (
    Judgement,
    beyond_gap,
    extents_of,
    judge,
    loses_tickers,
    with_known_tickers,
)
from collectors.rules.market_rules import Oddity
from tests.fakes import market_day, read_at, row
from tests.unit.rules.days import REAL_YEARS, real_days
from utils.errors import MalformedAnswer
from utils.market_day import MARKETS, PROVISIONAL, MarketDay, SetAside

BEFORE, SESSION, NEXT = "2024-03-04", "2024-03-05", "2024-03-06"
CLOSES = {BEFORE: 10_000, SESSION: 10_100, NEXT: 10_200}


def traded(number: int, session: str = SESSION, **cells: Any) -> dict[str, Any]:
    """A ticker that rose by 100 won, with prices and a volume that no other session has."""
    close = CLOSES[session] + 1_000 * (number % 40)
    prices = {"open": close - 50, "high": close + 50, "low": close - 100, "change": 100}
    volume = close // 10 + number
    return row(
        f"{number:06d}", close, **prices | {"volume": volume, "value": volume * close} | cells
    )


def market(count: int, session: str = SESSION, start: int = 0, **cells: Any) -> list[Any]:
    return [traded(number, session, **cells) for number in range(start, start + count)]


def day(*rows: dict[str, Any], session: str = SESSION, aside: Sequence[SetAside] = ()) -> MarketDay:
    return replace(market_day(session, *rows), set_aside=tuple(aside))


def aside(number: int, name: str = "", **cells: str) -> SetAside:
    facts = {"market": "KOSPI", "reason": "a negative number", "row": "{}"}
    return SetAside(**{"ticker": f"{number:06d}", "name": name} | facts | cells)


def some_aside(count: int, start: int = 900_000, **cells: str) -> list[SetAside]:
    return [aside(number, **cells) for number in range(start, start + count)]


# One day


@pytest.mark.parametrize("previous", [None, day(*market(100, BEFORE), session=BEFORE)])
def test_a_normal_day_is_fine_with_the_session_before_and_without(
    previous: MarketDay | None,
) -> None:
    judgement = judge(day(*market(100)), previous)
    assert judgement == Judgement(None, (), ())
    assert judgement.oddities == ()
    assert judgement.follows()


def test_an_impossible_day_follows_nothing_whatever_is_known() -> None:
    before = day(*market(100, BEFORE), session=BEFORE)
    again = replace(before, session=SESSION)
    for impossible in (again, day(), day(*market(20))):
        judgement = judge(impossible, before)
        assert isinstance(judgement.impossible, MalformedAnswer)
        assert judgement.pair == ()
        assert not judgement.follows(frozenset({("base_price", "KOSPI"), ("gone", "KOSPI")}))


def test_what_is_odd_about_a_day_by_itself_is_no_reason_not_to_follow() -> None:
    before = day(*market(100, BEFORE), session=BEFORE)
    judgement = judge(day(*market(100, volume=0)), before)
    assert set(extents_of(judgement.alone)) == {("volumes", "KOSPI"), ("values", "KOSPI")}
    assert judgement.pair == ()
    assert judgement.oddities == judgement.alone
    assert judgement.follows()


def test_what_is_odd_next_to_the_session_before_is_told_apart_and_may_be_known() -> None:
    before = day(*market(100, BEFORE), session=BEFORE)
    rebased = day(*market(94), *market(6, start=94, change=200))
    judgement = judge(rebased, before)
    assert (judgement.impossible, judgement.alone) == (None, ())
    assert set(extents_of(judgement.pair)) == {("base_price", "KOSPI")}
    assert judgement.oddities == judgement.pair
    assert not judgement.follows()
    assert extents_of(judgement.pair) == {("base_price", "KOSPI"): 6}
    assert not judgement.follows({("base_price", "KOSDAQ"): 6, ("new", "KOSPI"): 6})
    assert not judgement.follows({("base_price", "KOSPI"): 5}), "many more of the same"
    assert judgement.follows({("base_price", "KOSPI"): 6, ("new", "KOSPI"): 1})
    assert judge(rebased, None) == Judgement(None, (), ())


def test_each_market_is_judged_by_itself() -> None:
    before = [*market(500, BEFORE), *market(20, BEFORE, start=500, market="KONEX")]
    konex_gone = judge(day(*market(500)), day(*before, session=BEFORE))
    assert set(extents_of(konex_gone.oddities)) == {("gone", "KONEX")}


def test_names_are_held_only_against_those_of_the_same_source() -> None:
    before = day(*market(100, BEFORE), session=BEFORE)
    renamed = day(*market(94), *market(6, start=94, name="다른 이름"))
    assert set(extents_of(judge(renamed, before).pair)) == {("names", "KOSPI")}
    assert judge(renamed, replace(before, source="openapi")) == Judgement(None, (), ())


# Rows that are set aside


@pytest.mark.parametrize(
    ("rows", "most"), [(2, 1), (10, 1), (100, 1), (399, 1), (400, 2), (600, 3), (1_000, 5)]
)
def test_half_a_percent_of_a_market_may_be_set_aside_and_one_row_always(
    rows: int, most: int
) -> None:
    def odd(count: int) -> tuple[Oddity, ...]:
        judged = judge(day(*market(rows - count), aside=some_aside(count)), None)
        return tuple(each for each in judged.alone if each.rule == "set_aside")

    assert odd(most) == ()
    text = f"{most + 1} of {rows} KOSPI rows cannot be used, first 900000: a negative number"
    if rows > 2:
        assert odd(most + 1) == (Oddity("set_aside", "KOSPI", text, most + 1),)


def test_the_rows_set_aside_are_counted_in_each_market_by_itself() -> None:
    rows = [
        *market(400),
        *market(100, start=400, market="KOSDAQ"),
        *market(5, start=500, market="KONEX"),
    ]
    one_each = [aside(900 + number, market=name) for number, name in enumerate(MARKETS.values())]
    assert judge(day(*rows, aside=one_each), None).alone == ()
    for name, odd in (("KOSPI", False), ("KOSDAQ", True), ("KONEX", True)):
        second = aside(950, market=name)
        found = judge(day(*rows, aside=[*one_each, second]), None).alone
        assert set(extents_of(found)) == ({("set_aside", name)} if odd else frozenset())


def test_rows_of_no_known_market_are_counted_in_the_whole_day() -> None:
    rows = [*market(198), *market(200, start=200, market="KOSDAQ")]
    assert judge(day(*rows, aside=some_aside(2, market="")), None).alone == ()
    (found,) = judge(day(*rows, aside=some_aside(3, market="")), None).alone
    what = "3 of 401 rows cannot be used, first 900000: a negative number"
    assert found == Oddity("set_aside", "", what, 3)


def test_a_day_is_as_odd_next_to_the_session_before_when_rows_are_set_aside() -> None:
    before = day(*market(100, BEFORE), session=BEFORE)
    found = judge(day(*market(98), aside=some_aside(2, start=98)), before)
    assert set(extents_of(found.alone)) == {("set_aside", "KOSPI")}
    assert found.pair == ()
    assert found.follows()


def test_a_ticker_that_is_set_aside_is_neither_gone_nor_new_when_it_is_back() -> None:
    few, rest = market(94), some_aside(6, start=94)
    before, next_day = (day(*market(100, session), session=session) for session in (BEFORE, NEXT))
    assert set(extents_of(judge(day(*few), before).pair)) == {("gone", "KOSPI")}
    assert judge(day(*few, aside=rest), before).pair == ()
    assert set(extents_of(judge(next_day, day(*few)).pair)) == {("new", "KOSPI")}
    assert judge(next_day, day(*few, aside=rest)).pair == ()


# Codes that cannot be read


def test_a_row_with_an_odd_code_gets_the_missing_ticker_of_its_name() -> None:
    before = day(*market(10, BEFORE), session=BEFORE)
    odd = aside(0, name="종목 000004", ticker="?4")
    known = with_known_tickers(day(*market(4), *market(5, start=5), aside=[odd]), before)
    assert known.set_aside == (replace(odd, ticker="000004"),)
    assert known.tickers_set_aside == {"000004"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("종목 000003", "that ticker is there"),
        ("종목 000012", "the session before does not have it"),
        ("같은 이름", "two missing tickers have it"),
        ("", "there is none"),
    ],
)
def test_a_row_with_an_odd_code_keeps_it_when_its_name_does_not_tell(name: str, why: str) -> None:
    rows = [*market(8, BEFORE), *market(2, BEFORE, start=8, name="같은 이름")]
    odd = aside(0, name=name, ticker="?")
    today = day(*market(4), *market(3, start=5), aside=[odd])
    assert with_known_tickers(today, day(*rows, session=BEFORE)).set_aside == (odd,), why


def test_a_row_whose_code_is_right_keeps_it() -> None:
    before = day(*market(10, BEFORE), session=BEFORE)
    right = aside(3, name="종목 000004")
    today = day(*market(3), *market(5, start=5), aside=[right])
    assert with_known_tickers(today, before).set_aside == (right,)


def test_a_ticker_that_another_row_stands_for_is_not_missing() -> None:
    before = day(*market(10, BEFORE), session=BEFORE)
    rows = [aside(4, name="종목 000004"), aside(0, name="종목 000004", ticker="?")]
    today = day(*market(4), *market(5, start=5), aside=rows)
    assert with_known_tickers(today, before).set_aside == tuple(rows)


def test_without_the_session_before_or_rows_set_aside_the_day_is_the_same() -> None:
    odd = day(*market(3), aside=[aside(0, name="종목 000004", ticker="?")])
    whole = day(*market(3))
    assert with_known_tickers(odd, None) is odd
    assert with_known_tickers(whole, day(*market(5, BEFORE), session=BEFORE)) is whole


# Some sessions apart


@pytest.mark.parametrize(("rows", "most"), [(4, 2), (100, 5), (1_000, 20)])
def test_a_day_may_lack_few_tickers_of_an_earlier_reading(rows: int, most: int) -> None:
    earlier = day(*market(rows))
    assert loses_tickers(day(*market(rows, start=most)), earlier) == []
    (found,) = loses_tickers(day(*market(rows, start=most + 1)), earlier)
    assert (found.rule, found.market) == ("lost", "KOSPI")
    assert f"of {rows:,} KOSPI tickers" in found.text
    assert f"{most + 1} are not there any more, first 000000" in found.text


def test_a_ticker_that_is_set_aside_in_either_reading_is_not_lost() -> None:
    whole, few, rest = day(*market(100)), market(90), some_aside(10, start=90)
    assert set(extents_of(loses_tickers(day(*few), whole))) == {("lost", "KOSPI")}
    assert loses_tickers(day(*few, aside=rest), whole) == []
    assert loses_tickers(day(*few), replace(whole, set_aside=tuple(rest))) == []


def test_beyond_a_gap_a_day_may_be_anything_but_the_earlier_one_or_the_one_after_it() -> None:
    earlier = day(*market(100, BEFORE), session=BEFORE)
    assert beyond_gap(day(*market(100, NEXT), session=NEXT), earlier) == []
    (continued,) = beyond_gap(day(*market(100, SESSION), session=NEXT), earlier)
    (repeated,) = beyond_gap(replace(earlier, session=NEXT), earlier)
    assert set(extents_of([continued, repeated])) == {("base_price", "")}
    assert continued.text == (
        "its base prices of KOSPI are the closes of 2024-03-04, and a session lies between"
    )
    assert repeated.text == (
        "its prices of KOSPI are those of 2024-03-04, and a session lies between"
    )


def test_beyond_a_gap_a_day_that_lacks_tickers_is_odd() -> None:
    earlier = day(*market(100, BEFORE), session=BEFORE)
    few, rest = market(90, NEXT), some_aside(10, start=90)
    assert set(extents_of(beyond_gap(day(*few, session=NEXT), earlier))) == {("lost", "KOSPI")}
    assert beyond_gap(day(*few, session=NEXT, aside=rest), earlier) == []


# Real days


def real(year: str) -> list[MarketDay]:
    return [
        MarketDay(session, frame, read_at(session, PROVISIONAL), "recorded")
        for session, frame in real_days(year).items()
    ]


@pytest.mark.recorded
@pytest.mark.parametrize("year", REAL_YEARS)
def test_every_real_day_is_fine_and_follows_the_one_before(year: str) -> None:
    days = real(year)
    assert [judge(each, None) for each in days] == [Judgement(None, (), ())] * len(days)
    for previous, each in pairwise(days):
        assert judge(each, previous) == Judgement(None, (), ()), each.session


@pytest.mark.recorded
@pytest.mark.parametrize("gap", [2, 3, 20])
def test_no_real_day_is_odd_beyond_a_gap(gap: int) -> None:
    for year in REAL_YEARS:
        days = real(year)
        for earlier, each in zip(days, days[gap:], strict=False):
            assert beyond_gap(each, earlier) == [], each.session


@pytest.mark.recorded
@pytest.mark.parametrize("year", REAL_YEARS)
def test_every_real_day_is_found_beyond_a_gap_when_it_is_the_day_after_the_earlier_one(
    year: str,
) -> None:
    days = real(year)
    for earlier, each in pairwise(days):
        assert set(extents_of(beyond_gap(each, earlier))) == {("base_price", "")}, each.session
        assert set(extents_of(beyond_gap(replace(earlier, session="later"), earlier))) == {
            ("base_price", "")
        }

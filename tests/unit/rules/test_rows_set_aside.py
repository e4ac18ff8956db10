"""Judgement on days with rows that are set aside, and the factors between two of them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from collectors.rules.factors import actions_between, markets_apart
from collectors.rules.judgement import extents_of, judge, loses_tickers, with_known_tickers
from tests.fakes import market_day, row
from utils.market_day import MarketDay, SetAside

FRIDAY, MONDAY = "2024-01-19", "2024-01-22"
CODES = [f"{number:04}00" for number in range(60)]


def aside(ticker: str, name: str = "", market: str = "KOSPI") -> SetAside:
    return SetAside(ticker, name, market, "no whole number", "{}")


def day(session: str, codes: list[str], *rows: SetAside, **cells: Any) -> MarketDay:
    """Return a day of these tickers, which differ in their prices and gain a won."""
    close = {code: 1000 + 10 * int(code[:4]) + (session == MONDAY) for code in codes}
    moved = {"change": int(session == MONDAY)}
    frame = [
        row(code, close[code], open=close[code] - 1, low=close[code] - 2, **moved | cells)
        for code in codes
    ]
    return replace(market_day(session, *frame), set_aside=rows)


def rules(session: MarketDay, previous: MarketDay | None) -> set[tuple[str, str]]:
    return set(extents_of(judge(session, previous).oddities)) - {("volume_jump", "KOSPI")}


def test_who_is_set_aside_is_neither_gone_nor_new() -> None:
    """The other ten are one more than the rules allow, whichever day has them."""
    few, ten = CODES[:50], CODES[50:]
    set_aside = [aside(code) for code in ten]
    assert ("gone", "KOSPI") in rules(day(MONDAY, few), day(FRIDAY, CODES))
    assert ("new", "KOSPI") in rules(day(MONDAY, CODES), day(FRIDAY, few))
    assert ("gone", "KOSPI") not in rules(day(MONDAY, few, *set_aside), day(FRIDAY, CODES))
    assert ("new", "KOSPI") not in rules(day(MONDAY, CODES), day(FRIDAY, few, *set_aside))
    assert loses_tickers(day(MONDAY, few), day(FRIDAY, CODES)) != []
    assert loses_tickers(day(MONDAY, few, *set_aside), day(FRIDAY, CODES)) == []


@pytest.mark.parametrize(
    ("listed", "rows", "odd"), [(60, 1, False), (60, 2, True), (398, 2, False), (398, 3, True)]
)
def test_one_row_may_be_set_aside_and_half_a_percent_of_a_market(
    listed: int, rows: int, odd: bool
) -> None:
    codes = [f"{number:04}00" for number in range(listed)]
    found = rules(day(MONDAY, codes, *(aside(f"9{number}") for number in range(rows))), None)
    assert (("set_aside", "KOSPI") in found) is odd


def test_rows_of_no_known_market_are_counted_by_themselves() -> None:
    rows = [aside("900000", market=""), aside("900010", market="")]
    found = judge(day(MONDAY, CODES, *rows), None).oddities
    assert [(each.rule, each.market) for each in found if each.rule == "set_aside"] == [
        ("set_aside", "")
    ]
    assert "2 of 62 rows cannot be used, first 900000" in found[0].text


def test_a_code_is_found_by_its_name_where_one_missing_ticker_has_it() -> None:
    before = day(FRIDAY, CODES[:3])
    odd = day(MONDAY, CODES[:2], aside("??", f"종목 {CODES[2]}"))
    assert with_known_tickers(odd, before).tickers_set_aside == {CODES[2]}
    assert with_known_tickers(odd, None) is odd
    unknown = day(MONDAY, CODES[:2], aside("??", "다른 이름"))
    assert with_known_tickers(unknown, before).tickers_set_aside == {"??"}
    present = day(MONDAY, CODES[:3], aside("??", f"종목 {CODES[2]}"))
    assert with_known_tickers(present, before).tickers_set_aside == {"??"}
    right = day(MONDAY, CODES[:2], aside(CODES[2], f"종목 {CODES[1]}"))
    assert with_known_tickers(right, before).tickers_set_aside == {CODES[2]}


def test_two_missing_tickers_of_one_name_are_not_told_apart() -> None:
    before = day(FRIDAY, CODES[:4], name="이름")
    odd = day(MONDAY, CODES[:2], aside("??", "이름"), name="이름")
    assert with_known_tickers(odd, before).tickers_set_aside == {"??"}


def test_a_factor_waits_for_the_row_of_the_session_before_and_no_other() -> None:
    before = day(FRIDAY, CODES[1:], aside(CODES[0]))
    factor = actions_between(before, day(MONDAY, CODES)).factor
    assert np.isnan(factor).tolist() == [True] + [False] * 59
    assert (factor[1:] == 1).all()
    after = actions_between(day(FRIDAY, CODES), day(MONDAY, CODES[1:], aside(CODES[0])))
    assert (after.factor == 1).all()


def test_factors_of_a_market_that_does_not_follow_wait_and_those_of_the_others_are_known() -> None:
    frame = day(MONDAY, CODES).frame
    frame.loc[:29, "market"] = "KOSDAQ"
    before = day(FRIDAY, CODES)
    before.frame.loc[:29, "market"] = "KOSDAQ"
    before.frame.loc[:29, "close"] += 500
    today = replace(day(MONDAY, CODES), frame=frame)
    assert markets_apart(frame, before.frame) == ["KOSDAQ"]
    actions = actions_between(before, today)
    assert np.isnan(actions.factor).tolist() == [True] * 30 + [False] * 30
    assert actions.found == []

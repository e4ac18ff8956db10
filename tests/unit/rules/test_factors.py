"""Factors between two days: as `find_actions` has them, and unknown where the two cannot tell."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.rules.corporate_actions import find_actions
from collectors.rules.factors import actions_between, markets_apart
from tests.fakes import market_day, row
from tests.unit.rules.days import REAL_YEARS, real_days
from utils.market_day import MarketDay, SetAside

BEFORE, SESSION = "2024-03-04", "2024-03-05"
SPLIT = {"change": 0, "shares": 200, "open": 500, "high": 500, "low": 500, "market_cap": 100_000}
"""One share of 1,000 won has become two of 500."""


def day(*rows: dict[str, Any], session: str = SESSION, aside: tuple[str, ...] = ()) -> MarketDay:
    set_aside = tuple(SetAside(each, "", "KOSPI", "a negative number", "{}") for each in aside)
    return replace(market_day(session, *rows), set_aside=set_aside)


def quiet(count: int, start: int = 0, **cells: Any) -> list[dict[str, Any]]:
    return [row(f"{number:06d}", **cells) for number in range(start, start + count)]


def split(number: int) -> dict[str, Any]:
    return row(f"{number:06d}", 500, **SPLIT)


def test_without_the_session_before_no_factor_is_known() -> None:
    actions = actions_between(None, day(*quiet(3)))
    assert np.isnan(actions.factor).all()
    assert actions.found == []


def test_two_whole_days_have_the_factors_that_the_rules_find() -> None:
    previous, today = day(*quiet(9), session=BEFORE), day(*quiet(8), split(8))
    actions = actions_between(previous, today)
    assert actions.factor.tolist() == [1] * 8 + [0.5]
    assert actions.found == find_actions(previous.frame, today.frame, SESSION).found
    assert [(each.ticker, each.kind) for each in actions.found] == [("000008", "split")]


@pytest.mark.parametrize("listed_before", [True, False])
def test_the_factor_of_a_ticker_set_aside_before_waits_and_so_does_its_action(
    listed_before: bool,
) -> None:
    """Listed twice or not, the row before is not in the frame; in it, it must not count either."""
    before = day(*quiet(8 + listed_before), session=BEFORE, aside=("000008",))
    actions = actions_between(before, day(*quiet(7), split(7), split(8), row("000009")))
    assert np.nan_to_num(actions.factor, nan=-1).tolist() == [1] * 7 + [0.5, -1, 1]
    assert [each.ticker for each in actions.found] == ["000007"]


def test_a_ticker_set_aside_today_alone_changes_nothing_for_the_others() -> None:
    previous = day(*quiet(9), session=BEFORE)
    actions = actions_between(previous, day(*quiet(7), split(8), aside=("000007",)))
    assert actions.factor.tolist() == [1] * 7 + [0.5]
    assert [each.ticker for each in actions.found] == ["000008"]


def test_a_market_that_does_not_follow_has_no_factors_and_the_other_has_all() -> None:
    before = day(
        *quiet(8), *quiet(20, start=10, market="KOSDAQ"), *quiet(2, 90, market="KONEX"),
        session=BEFORE,
    )  # fmt: skip
    today = day(
        *quiet(7),
        split(7),
        *quiet(13, start=10, market="KOSDAQ"),
        *quiet(7, start=23, market="KOSDAQ", close=1_100),
        *quiet(2, 90, market="KONEX", close=1_100),
    )
    actions = actions_between(before, today)
    assert markets_apart(today.frame, before.frame) == ["KOSDAQ"]
    by_market = pd.Series(actions.factor).groupby(today.frame["market"])
    assert by_market.count().to_dict() == {"KOSPI": 8, "KOSDAQ": 0, "KONEX": 2}
    found = [each.ticker for each in actions.found]
    assert "000007" in found
    assert not {*found} & {*today.frame["ticker"][today.frame["market"] == "KOSDAQ"]}
    all_found = find_actions(before.frame, today.frame, SESSION).found
    assert {each.ticker for each in all_found} > {*found}


@pytest.mark.parametrize(
    ("rows", "most"), [(1, 1), (5, 5), (10, 5), (50, 5), (60, 6), (200, 20), (205, 20)]
)
def test_a_tenth_of_a_market_or_five_tickers_may_be_rebased(rows: int, most: int) -> None:
    before = day(*quiet(rows), session=BEFORE).frame
    for rebased in (most, most + 1):
        if rebased <= rows:
            today = day(*quiet(rebased, close=1_100), *quiet(rows - rebased, start=rebased)).frame
            assert markets_apart(today, before) == (["KOSPI"] if rebased > most else [])


def test_new_tickers_say_nothing_of_a_market() -> None:
    before = day(*quiet(10), session=BEFORE).frame
    strangers = quiet(50, start=100, close=7_000)
    assert markets_apart(day(*strangers).frame, before) == []
    assert markets_apart(day(*quiet(10), *strangers).frame, before) == []
    gone = day(*quiet(6, close=1_100), *strangers).frame
    assert markets_apart(gone, before) == ["KOSPI"]


def test_a_base_rounded_up_to_the_tick_continues() -> None:
    before = day(*quiet(20, close=9_995), session=BEFORE).frame
    assert markets_apart(day(*quiet(20, close=10_000)).frame, before) == []


# Real days


def pairs(gap: int) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    for year in REAL_YEARS:
        days = list(real_days(year).values())
        yield from zip(days, days[gap:], strict=False)


@pytest.mark.recorded
def test_no_real_market_is_apart_from_the_session_before() -> None:
    assert [markets_apart(frame, before) for before, frame in pairs(1)] == [[]] * 87


@pytest.mark.recorded
@pytest.mark.parametrize("gap", [2, 3])
def test_every_real_market_is_apart_from_an_earlier_session(gap: int) -> None:
    for before, frame in pairs(gap):
        assert {"KOSPI", "KOSDAQ"} <= {*markets_apart(frame, before)}


@pytest.mark.recorded
def test_the_factors_between_real_days_are_those_of_the_rules() -> None:
    for year in REAL_YEARS:
        for (_, before), (session, frame) in pairwise(real_days(year).items()):
            found = find_actions(before, frame, session)
            previous, today = (replace(market_day(session), frame=each) for each in (before, frame))
            actions = actions_between(previous, today)
            assert np.array_equal(actions.factor, found.factor, equal_nan=True)
            assert actions.found == found.found

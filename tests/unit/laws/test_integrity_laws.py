"""Laws of the rules of a row and of neighbouring days: what the exchange may publish passes, and no
single wrong cell does."""

from dataclasses import replace
from itertools import product

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.rules.factors import actions_between
from collectors.rules.integrity import row_faults
from collectors.rules.judgement import beyond_gap, judge, loses_tickers
from collectors.rules.market_rules import PAIR_RULES
from tests.fakes import read_at, row
from tests.unit.laws.strategies import PROFILE, SESSION, frame_of, published_days
from utils.market_day import PROVISIONAL, MarketDay, SetAside

LAW = settings(PROFILE, max_examples=30)
NEXT = "2024-01-23"

some_days = published_days()
bits = st.just(62) | st.integers(0, 62)


def at_fault(frame: pd.DataFrame) -> set[str]:
    """Return the tickers of the rows that break a rule of their own."""
    return {
        ticker for broken, _ in row_faults(frame, SESSION) for ticker in frame["ticker"][broken]
    }


@LAW
@given(some_days)
def test_what_the_exchange_may_publish_passes_and_is_left_as_it_is(day: MarketDay) -> None:
    copy = day.frame.copy(deep=True)
    assert at_fault(day.frame) == set()
    pd.testing.assert_frame_equal(day.frame, copy)


@settings(PROFILE, max_examples=80)
@given(some_days, st.sampled_from(["close", "shares", "market_cap"]), bits, st.data())
def test_one_flipped_bit_of_close_shares_or_market_cap_is_found_in_its_row_alone(
    day: MarketDay, column: str, bit: int, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(day.frame) - 1))
    day.frame.loc[position, column] ^= 1 << bit
    assert at_fault(day.frame) == {day.frame.loc[position, "ticker"]}


def test_prices_are_in_order_and_none_of_them_is_zero_unless_all_but_the_close_are() -> None:
    for opened, high, low, close in product(range(3), range(3), range(3), range(-1, 3)):
        frame = frame_of([row("005930", close, open=opened, high=high, low=low, value=0)])
        untraded = (opened, high, low) == (0, 0, 0)
        in_order = 0 < low <= min(opened, close) <= max(opened, close) <= high
        passes = close > 0 and (untraded or in_order)
        assert (at_fault(frame) == set()) == passes, (opened, high, low, close)


@LAW
@given(some_days, st.sampled_from(["open", "high", "low", "close", "volume", "value"]), st.data())
def test_a_negative_number_is_found(day: MarketDay, column: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(day.frame) - 1))
    day.frame.loc[position, column] = data.draw(st.integers(-(2**63), -1))
    assert at_fault(day.frame) == {day.frame.loc[position, "ticker"]}


@LAW
@given(some_days, st.integers(-(2**63), 2**63 - 1), st.data())
def test_a_change_passes_when_close_minus_change_is_a_positive_number_of_64_bits(
    day: MarketDay, change: int, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(day.frame) - 1))
    close, ticker = (day.frame.loc[position, name] for name in ("close", "ticker"))
    day.frame.loc[position, "change"] = change
    assert at_fault(day.frame) == (set() if 0 < int(close) - change < 2**63 else {ticker})


# Neighbouring days


@LAW
@given(some_days, some_days)
def test_any_two_days_are_judged_without_an_error_and_left_as_they_are(
    one: MarketDay, other: MarketDay
) -> None:
    copies = [each.frame.copy(deep=True) for each in (one, other)]
    judgement = judge(one, other)
    if judgement.impossible is not None:
        assert judgement.oddities == ()
        assert not judgement.follows()
    assert {each.rule for each in judgement.pair} <= PAIR_RULES
    assert PAIR_RULES.isdisjoint(each.rule for each in judgement.alone)
    assert judge(one, None).pair == ()
    assert beyond_gap(one, other)[: len(gone := loses_tickers(one, other))] == gone
    for frame, copy in zip((one.frame, other.frame), copies, strict=True):
        pd.testing.assert_frame_equal(frame, copy)


@LAW
@given(some_days)
def test_a_day_loses_nothing_of_itself_and_nothing_is_odd_about_its_tickers(day: MarketDay) -> None:
    assert loses_tickers(day, day) == []
    assert not {each.rule for each in judge(day, day).pair} & {"gone", "new", "names", "markets"}


@LAW
@given(some_days, some_days, st.data())
def test_the_factor_of_a_ticker_set_aside_before_is_unknown_and_all_others_are_as_they_were(
    one: MarketDay, other: MarketDay, data: st.DataObject
) -> None:
    known = one.frame["ticker"].tolist()[: len(other.frame)]
    strangers = [f"*{number}" for number in range(len(other.frame) - len(known))]
    later = other.frame.assign(ticker=[*strangers, *known])
    day = MarketDay(NEXT, later, read_at(NEXT, PROVISIONAL), "pykrx")
    whole = actions_between(one, day)
    chosen = data.draw(st.sets(st.sampled_from(known), max_size=len(one.frame) - 1))
    rows = tuple(SetAside(each, "", "", "odd", "{}") for each in sorted(chosen))
    kept = one.frame[~one.frame["ticker"].isin(chosen)].reset_index(drop=True)
    previous = replace(one, frame=kept, set_aside=rows)
    actions = actions_between(previous, day)
    held = day.frame["ticker"].isin(chosen).to_numpy()
    assert pd.isna(actions.factor[held]).all()
    assert len(actions.factor) == len(day.frame)
    assert [each for each in whole.found if each.ticker not in chosen] == actions.found
    pd.testing.assert_series_equal(pd.Series(whole.factor[~held]), pd.Series(actions.factor[~held]))

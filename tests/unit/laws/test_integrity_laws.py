"""Laws of the integrity check: what the exchange may publish passes, and no single wrong cell
does."""

from itertools import product
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.rules.integrity import check_day, check_follows
from tests.fakes import row
from tests.unit.laws.strategies import PROFILE, SESSION, frame_of, published_days
from utils.errors import MalformedAnswer
from utils.market_day import MarketDay

LAW = settings(PROFILE, max_examples=30)

some_days = published_days()
bits = st.just(62) | st.integers(0, 62)


def passes(frame: pd.DataFrame) -> bool:
    try:
        check_day(frame, SESSION)
    except MalformedAnswer:
        return False
    return True


def follows(frame: pd.DataFrame, previous: pd.DataFrame) -> bool:
    try:
        check_follows(frame, SESSION, previous)
    except MalformedAnswer:
        return False
    return True


@LAW
@given(some_days)
def test_what_the_exchange_may_publish_passes_and_is_left_as_it_is(day: MarketDay) -> None:
    copy = day.frame.copy(deep=True)
    check_day(day.frame, SESSION)
    pd.testing.assert_frame_equal(day.frame, copy)


@settings(PROFILE, max_examples=80)
@given(some_days, st.sampled_from(["close", "shares", "market_cap"]), bits, st.data())
def test_one_flipped_bit_of_close_shares_or_market_cap_is_refused(
    day: MarketDay, column: str, bit: int, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(day.frame) - 1))
    day.frame.loc[position, column] ^= 1 << bit
    with pytest.raises(MalformedAnswer, match=f"{SESSION}.*{day.frame.loc[position, 'ticker']}"):
        check_day(day.frame, SESSION)


def test_prices_are_in_order_and_none_of_them_is_zero_unless_all_but_the_close_are() -> None:
    for opened, high, low, close in product(range(3), range(3), range(3), range(-1, 3)):
        frame = frame_of([row("005930", close, open=opened, high=high, low=low, value=0)])
        untraded = (opened, high, low) == (0, 0, 0)
        in_order = 0 < low <= min(opened, close) <= max(opened, close) <= high
        assert passes(frame) == (close > 0 and (untraded or in_order)), (opened, high, low, close)


@LAW
@given(some_days, st.sampled_from(["open", "high", "low", "close", "volume", "value"]), st.data())
def test_a_negative_number_is_refused(day: MarketDay, column: str, data: st.DataObject) -> None:
    position = data.draw(st.integers(0, len(day.frame) - 1))
    day.frame.loc[position, column] = data.draw(st.integers(-(2**63), -1))
    with pytest.raises(MalformedAnswer, match=day.frame.loc[position, "ticker"]):
        check_day(day.frame, SESSION)


def numbered(count: int, start: int = 0, **cells: Any) -> list[dict[str, Any]]:
    return [row(f"{number:06d}", 1000, **cells) for number in range(start, start + count)]


def test_a_day_needs_98_of_a_hundred_known_tickers_however_many_are_new() -> None:
    for count, missing, new in product([1, 49, 50, 51, 100, 101], range(4), [0, 3]):
        previous, present = frame_of(numbered(count)), max(0, count - missing)
        frame = frame_of(numbered(present + new, start=count - present, volume=11))
        assert follows(frame, previous) == (100 * present >= 98 * count), (count, missing, new)


@LAW
@given(
    st.integers(1, 30),
    st.integers(0, 30),
    st.integers(-900, 900).filter(lambda change: not -3 <= change <= 0),
)
def test_a_day_follows_when_half_of_its_bases_are_the_closes_before(
    continued: int, other: int, change: int
) -> None:
    previous = frame_of(numbered(continued + other))
    rows = numbered(continued, volume=11) + numbered(
        other, start=continued, volume=11, change=change
    )
    assert follows(frame_of(rows), previous) == (continued >= other)


@LAW
@given(some_days, st.sampled_from(["volume", "value"]), st.data())
def test_a_day_that_was_traded_never_follows_itself_and_one_other_cell_is_enough(
    day: MarketDay, column: str, data: st.DataObject
) -> None:
    frame = day.frame.assign(change=0)
    assert follows(frame, frame) == (not frame["volume"].any())
    other = frame.copy()
    other.loc[data.draw(st.integers(0, len(frame) - 1)), column] += 1
    assert follows(other, frame)

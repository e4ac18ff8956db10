"""Laws of the factors, whatever the exchange shows of two neighbouring sessions."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.rules.corporate_actions import find_actions
from tests.fakes import halted, row
from tests.unit.laws.strategies import PROFILE, SESSION, frame_of, prices, shares

LAW = settings(PROFILE, max_examples=30)
OFF_TICK_SESSION = "2025-06-02"
Days = tuple[pd.DataFrame, pd.DataFrame]


ratios = st.sampled_from([(1, 1), (1, 5), (5, 1), (1, 2), (3, 1), (4, 5)])
histories = st.fixed_dictionaries(
    {
        "close": st.tuples(prices, prices),
        "shares": shares,
        "base": ratios | prices,
        "shares_after": ratios | shares,
        "traded_before": st.booleans(),
        "opened": st.sampled_from(["base", "elsewhere", "halted"]),
        "markets": st.sampled_from([("KOSPI", "KOSPI"), ("KOSDAQ", "KOSDAQ"), ("KONEX", "KOSDAQ")]),
        "stands_in": st.sampled_from(["both", "both", "both", "before", "after"]),
    }
)


def rows_of(
    ticker: str, history: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The ticker's row in each of the two sessions, none where it is not listed."""
    (first, second), held = history["close"], history["shares"]
    base, listed = (
        each if isinstance(each, int) else max(1, amount * each[0] // each[1])
        for each, amount in ((history["base"], first), (history["shares_after"], held))
    )
    before = (row if history["traded_before"] else halted)(
        ticker, first, shares=held, market=history["markets"][0]
    )
    opened = {"base": base, "elsewhere": base + 1, "halted": 0}[history["opened"]]
    after = row(
        ticker,
        second,
        open=opened,
        change=second - base,
        shares=listed,
        market=history["markets"][1],
    )
    return [before] * (history["stands_in"] != "after"), [after] * (
        history["stands_in"] != "before"
    )


def two_days(histories: list[dict[str, Any]]) -> Days:
    pairs = [rows_of(f"{number:06d}", history) for number, history in enumerate(histories)]
    before, after = ([each for pair in pairs for each in pair[side]] for side in (0, 1))
    return frame_of(before), frame_of(after)


some_days = st.lists(histories, min_size=1, max_size=4).map(two_days)
sessions = st.sampled_from([SESSION, OFF_TICK_SESSION])


def joined(days: Days) -> pd.DataFrame:
    """The tickers of the later session with their close and shares before, NaN where there were
    none."""
    previous = days[0][["ticker", "close", "shares"]].rename(
        columns={"close": "close_before", "shares": "shares_before"}
    )
    both = days[1].merge(previous, on="ticker", how="left")
    return both.assign(base=both["close"] - both["change"])


@LAW
@given(some_days, sessions)
def test_every_factor_is_positive_and_finite_and_one_without_an_action(
    days: Days, session: str
) -> None:
    result = find_actions(*days, session)
    factors = dict(zip(days[1]["ticker"], result.factor.tolist(), strict=True))
    assert all(0 < factor < np.inf for factor in factors.values())
    assert factors == dict.fromkeys(factors, 1.0) | {
        action.ticker: action.factor for action in result.found
    }
    assert [action.ticker for action in result.found] == sorted(
        {action.ticker for action in result.found}
    )


@LAW
@given(some_days, sessions)
def test_a_base_price_that_continues_the_close_has_factor_1(days: Days, session: str) -> None:
    result = find_actions(*days, session)
    both = joined(days)
    assert (result.factor[both["base"] == both["close_before"]] == 1).all()


@LAW
@given(some_days, sessions)
def test_a_ticker_that_was_not_listed_before_has_factor_1(days: Days, session: str) -> None:
    assert (find_actions(*days, session).factor[joined(days)["close_before"].isna()] == 1).all()


@LAW
@given(some_days)
def test_each_rule_gives_its_own_factor_of_what_the_rows_say(days: Days) -> None:
    rows = joined(days).set_index("ticker")
    for action in find_actions(*days, SESSION).found:
        row = rows.loc[action.ticker]
        by_base, by_shares = row["base"] / row["close_before"], row["shares_before"] / row["shares"]
        rules = {"auction": 1.0, "collapse": 1.0, "auction_shares": by_shares}
        assert action.factor == pytest.approx(rules.get(action.rule, by_base), rel=1e-12)
        assert (action.previous_close, action.base_price) == (row["close_before"], row["base"])


@LAW
@given(some_days)
def test_without_the_session_before_every_factor_is_pending(days: Days) -> None:
    result = find_actions(None, days[1], SESSION)
    assert np.isnan(result.factor).all()
    assert (len(result.factor), result.found) == (len(days[1]), [])


@LAW
@given(some_days, sessions)
def test_the_days_are_left_as_they_are(days: Days, session: str) -> None:
    copies = [day.copy(deep=True) for day in days]
    find_actions(*days, session)
    for day, copy in zip(days, copies, strict=True):
        pd.testing.assert_frame_equal(day, copy)


@LAW
@given(some_days, sessions, st.integers(0, 2**32 - 1))
def test_the_order_of_the_rows_means_nothing(days: Days, session: str, seed: int) -> None:
    shuffled = [day.sample(frac=1, random_state=seed) for day in days]
    result, other = find_actions(*days, session), find_actions(shuffled[0], shuffled[1], session)
    assert other.found == result.found
    assert dict(zip(shuffled[1]["ticker"], other.factor, strict=True)) == dict(
        zip(days[1]["ticker"], result.factor, strict=True)
    )


@LAW
@given(some_days, sessions, st.data())
def test_a_ticker_is_decided_by_its_own_rows_alone(
    days: Days, session: str, data: st.DataObject
) -> None:
    if days[1].empty:
        return
    position = data.draw(st.integers(0, len(days[1]) - 1))
    ticker = days[1]["ticker"][position]
    alone = find_actions(
        days[0][days[0]["ticker"] == ticker], days[1][days[1]["ticker"] == ticker], session
    )
    whole = find_actions(*days, session)
    assert alone.factor.tolist() == [whole.factor[position]]
    assert alone.found == [action for action in whole.found if action.ticker == ticker]

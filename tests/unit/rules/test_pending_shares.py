"""Pending shares: no ticker becomes small between an ex-date and the listing of the new shares, by
rule, and on the recorded days."""

from collections import defaultdict
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.rules.corporate_actions import find_actions
from collectors.rules.pending_shares import LONGEST_WAIT, pending_shares
from sandbox.synthetic import SyntheticMarket
from tests.fakes import market_day, row
from tests.unit.rules.days import (
    REAL_YEARS,
    real_days,
    synthetic_days,
    synthetic_market,
)

THRESHOLD = 100_000_000_000
TICKER = "000010"


def issue(
    factor: float, shares_before: int, session: str = "2024-01-22", kind: str = "ex_rights"
) -> dict[str, Any]:
    facts = {"ticker": TICKER, "session": session, "kind": kind, "factor": factor}
    return facts | {"shares_before": shares_before, "shares_after": shares_before}


def owed(shares: int, *issues: dict[str, Any]) -> int:
    frame = market_day("2024-02-13", row("000000"), row(TICKER, shares=shares), row("999990")).frame
    others, (found,) = (
        np.delete(pending_shares(frame, issues), 1),
        pending_shares(frame, issues)[1:2],
    )
    assert not others.any()
    return int(found)


def test_without_an_issue_nothing_is_owed() -> None:
    assert owed(1_000) == 0


@pytest.mark.parametrize(
    ("shares", "to_come"),
    [
        (1_000, 1_000),  # as on the ex-date
        (1_010, 990),  # a conversion meanwhile
        (930, 1_070),  # shares bought back were cancelled
        (1_799, 201),
        (1_800, 0),  # listed; a tenth were treasury shares, which get none
        (2_000, 0),
        (2_550, 0),  # listed together with others
        (899, 0),  # a reduction or another company has come between
        (100, 0),
        (5_000, 0),  # a split has come between
    ],
)
def test_of_a_bonus_issue_one_to_one(shares: int, to_come: int) -> None:
    assert owed(shares, issue(0.5, 1_000)) == to_come


def test_a_second_issue_counts_on_top_of_one_that_is_not_listed_yet() -> None:
    first, second = issue(0.8, 1_000, "2024-01-22"), issue(0.5, 1_000, "2024-02-01")
    assert owed(1_000, second, first) == 1_500
    assert owed(1_250, first, second) == 1_250, "the first is listed, the second is still to come"
    assert owed(2_500, first, second) == 0


def test_a_second_issue_after_the_first_was_listed_counts_alone() -> None:
    assert owed(1_250, issue(0.8, 1_000), issue(0.5, 1_250, "2024-02-01")) == 1_250


@pytest.mark.parametrize(
    "kind", ["split", "spin_off", "halted_rebase", "capital_reduction", "market_transfer"]
)
def test_only_rights_bring_shares_later(kind: str) -> None:
    assert owed(1_000, issue(0.5, 1_000, kind=kind)) == 0


def test_of_a_ticker_that_is_gone_nothing_is_counted() -> None:
    frame = market_day("2024-02-13", row("999990")).frame
    assert pending_shares(frame, [issue(0.5, 1_000)]).tolist() == [0]


def test_the_frame_is_not_changed() -> None:
    frame = market_day("2024-02-13", row(TICKER, shares=1_000)).frame
    before = frame.copy(deep=True)
    pending_shares(frame, [issue(0.5, 1_000)])
    pd.testing.assert_frame_equal(frame, before)


def small_by_ex_date_alone(
    days: dict[str, pd.DataFrame],
) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Ticker -> the sessions since its ex-date on which its market cap was below the threshold, of
    those that were not below it in the session before the ex-date; and ticker -> those on which it
    still was with the shares to come."""
    actions: list[dict[str, Any]] = []
    large: dict[str, bool] = {}
    small, still = defaultdict(list), defaultdict(list)
    for (_, earlier), (session, frame) in pairwise(days.items()):
        caps = dict(zip(earlier["ticker"], earlier["market_cap"], strict=True))
        found = find_actions(earlier, frame, session).documents()
        large |= {
            each["ticker"]: caps[each["ticker"]] >= THRESHOLD
            for each in found
            if each["kind"] == "ex_rights"
        }
        actions += found
        corrected = frame["market_cap"] + frame["close"] * pending_shares(frame, actions)
        for ticker, cap, with_owed in zip(
            frame["ticker"], frame["market_cap"], corrected, strict=True
        ):
            if large.get(ticker) and cap < THRESHOLD:
                small[ticker].append(session)
                if with_owed < THRESHOLD:
                    still[ticker].append(session)
    return dict(small), dict(still)


@cache
def listings(year: str) -> dict[str, tuple[int, float]]:
    """Ticker -> sessions from its ex-date to its new shares, and what part of those that were owed
    has come by then."""
    days = real_days(year)
    sessions, found = list(days), {}
    for position, (before, session) in enumerate(pairwise(sessions), start=1):
        for action in find_actions(days[before], days[session], session).found:
            expected = action.shares_before / action.factor - action.shares_before
            for waited, later in enumerate(sessions[position:]):
                row = days[later][days[later]["ticker"] == action.ticker]
                if (
                    action.kind == "ex_rights"
                    and not pending_shares(row, [action.document()]).any()
                ):
                    found[action.ticker] = (
                        waited,
                        (row["shares"].item() - action.shares_before) / expected,
                    )
                    break
    return found


@pytest.mark.recorded
def test_the_recorded_issues_are_listed_within_weeks_and_nearly_whole() -> None:
    listed = [each for year in REAL_YEARS for each in listings(year).values()]
    assert len(listed) == 9
    assert (min(listed)[0], max(listed)[0]) == (11, 17)
    assert min(part for _, part in listed) == pytest.approx(0.91, abs=0.001)


@pytest.mark.recorded
def test_on_the_recorded_days_nobody_is_dropped_by_an_ex_date() -> None:
    """Five tickers were below 100 billion won after their ex-date, on 32 days in all, for no other
    reason than the shares that were to come; but for one day on which one was so by its price."""
    small, still = {}, {}
    for year in REAL_YEARS:
        alone, with_owed = small_by_ex_date_alone(real_days(year))
        small |= alone
        still |= with_owed
    assert {ticker: len(days) for ticker, days in small.items()} == {
        "058970": 4,
        "262260": 1,
        "086960": 11,
        "311320": 13,
        "073010": 3,
    }
    assert still == {"073010": ["2024-01-17"]}


def test_in_the_synthetic_market_a_bonus_issue_drops_nobody_for_everybody_to_see() -> None:
    small, still = small_by_ex_date_alone(synthetic_days(60))
    event = next(each for each in synthetic_market(60).events if each.kind == "bonus_issue")
    assert event.code in small
    assert still == {}


def test_the_synthetic_listings_end_what_is_owed() -> None:
    market, days = synthetic_market(60), synthetic_days(60)
    for ex_date, listing in issues_of(market):
        sessions = list(days)
        before = sessions[sessions.index(ex_date.session) - 1]
        actions = find_actions(days[before], days[ex_date.session], ex_date.session).documents()
        waiting = [each for each in sessions if ex_date.session <= each < listing.session]
        assert 0 < len(waiting) < LONGEST_WAIT
        assert all(owed_by(days[each], ex_date.code, actions) for each in waiting)
        assert not owed_by(days[listing.session], ex_date.code, actions)


def issues_of(market: SyntheticMarket) -> list[tuple[Any, Any]]:
    """Return ex-date and listing of each issue."""
    issues = [each for each in market.events if each.kind in ("bonus_issue", "rights_issue")]
    listed = {each.code: each for each in market.events if each.kind == "share_listing"}
    return [(each, listed[each.code]) for each in issues]


def owed_by(frame: pd.DataFrame, ticker: str, actions: list[dict[str, Any]]) -> int:
    return int(pending_shares(frame, actions)[(frame["ticker"] == ticker).to_numpy()].item())

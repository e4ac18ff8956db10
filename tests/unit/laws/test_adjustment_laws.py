"""Laws of adjusting, whatever happens to whom and whoever comes and goes."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.laws.strategies import PROFILE
from utils.adjustment import Adjustments, to_whole

LAW = settings(PROFILE, max_examples=60)
TICKERS = ["A00000", "B00000", "C00000"]
SESSIONS = [f"2024-01-{number:02d}" for number in range(2, 10)]
GONE, PENDING = None, float("nan")

Fate = float | None
History = list[tuple[Fate, ...]]
"""Per session and ticker: not listed, or its factor."""
fates: st.SearchStrategy[Fate] = st.sampled_from([1.0, 1.0, GONE, 0.2, 0.5, 3.0, 4 / 3, PENDING])
histories = st.lists(st.tuples(fates, fates, fates), min_size=1, max_size=len(SESSIONS))


def adjustments_of(history: History, actions: list[dict[str, Any]] | None = None) -> Adjustments:
    adjustments = Adjustments(actions or [])
    for session, day in zip(SESSIONS, history, strict=False):
        listed = [
            (ticker, fate) for ticker, fate in zip(TICKERS, day, strict=True) if fate is not GONE
        ]
        adjustments.add(
            session,
            [ticker for ticker, _ in listed],
            np.array([fate for _, fate in listed], dtype=float),
        )
    return adjustments


def multiplied(history: History) -> list[list[float]]:
    """Return the multipliers of prices by session and ticker."""
    adjustments = adjustments_of(history)
    return [adjustments.prices(session, TICKERS).tolist() for session in SESSIONS[: len(history)]]


def known(factor: Fate) -> float:
    return 1.0 if factor is GONE or np.isnan(factor) else factor


def neighbours(history: History) -> list[tuple[int, int]]:
    """Return (session, ticker) of every row whose ticker is listed in the next session too."""
    return [
        (position, ticker)
        for position, pair in enumerate(pairwise(history))
        for ticker in range(len(TICKERS))
        if pair[0][ticker] is not GONE and pair[1][ticker] is not GONE
    ]


@LAW
@given(histories)
def test_the_last_session_is_as_published(history: History) -> None:
    assert multiplied(history)[-1] == [1.0, 1.0, 1.0]


@LAW
@given(histories)
def test_from_one_session_to_the_next_it_changes_by_the_factor_alone(history: History) -> None:
    """So an adjusted return is close / base price - 1, whatever happened."""
    products = multiplied(history)
    for position, ticker in neighbours(history):
        assert products[position][ticker] == products[position + 1][ticker] * known(
            history[position + 1][ticker]
        )


@LAW
@given(histories)
def test_the_last_session_of_a_listing_is_as_published(history: History) -> None:
    products = multiplied(history)
    goes_on = set(neighbours(history))
    for position, day in enumerate(history):
        for ticker, fate in enumerate(day):
            assert (
                fate is GONE or (position, ticker) in goes_on or products[position][ticker] == 1.0
            )


@LAW
@given(histories, st.integers(1, len(SESSIONS)))
def test_adjusting_to_a_day_and_from_there_on_is_adjusting_to_the_end(
    history: History, days: int
) -> None:
    """Prices adjusted to any day in between need only what came later, and are as they were seen on
    that day."""
    days = min(days, len(history))
    then, now = multiplied(history[:days]), multiplied(history)
    for position in range(days):
        for ticker in range(len(TICKERS)):
            if all(day[ticker] is not GONE for day in history[position:days]):
                assert now[position][ticker] == pytest.approx(
                    then[position][ticker] * now[days - 1][ticker], rel=1e-12
                )


@LAW
@given(histories)
def test_without_actions_nothing_changes(history: History) -> None:
    quiet = [tuple(fate if fate is GONE else 1.0 for fate in day) for day in history]
    assert multiplied(quiet) == [[1.0, 1.0, 1.0]] * len(history)


@LAW
@given(histories)
def test_a_matrix_holds_the_same_as_its_rows(history: History) -> None:
    adjustments, sessions = adjustments_of(history), SESSIONS[: len(history)]
    assert adjustments.price_matrix(sessions, TICKERS).tolist() == multiplied(history)
    assert adjustments.volume_matrix(sessions, TICKERS[:2]).tolist() == [[1.0, 1.0]] * len(history)


@LAW
@given(histories)
def test_a_ticker_is_adjusted_by_its_own_factors_alone(history: History) -> None:
    alone = [(day[0], GONE, GONE) for day in history]
    if any(day[0] is not GONE for day in history):
        assert [day[0] for day in multiplied(alone)] == [day[0] for day in multiplied(history)]


@LAW
@given(histories)
def test_what_is_pending_is_named_and_counts_as_1(history: History) -> None:
    without_unknown = [
        tuple(fate if fate is GONE else known(fate) for fate in day) for day in history
    ]
    assert multiplied(history) == multiplied(without_unknown)
    expected = {
        session: [
            ticker
            for ticker, fate in zip(TICKERS, day, strict=True)
            if fate is not GONE and np.isnan(fate)
        ]
        for session, day in zip(SESSIONS[1:], history[1:], strict=False)
    }
    assert adjustments_of(history).sessions_without_factors == {
        session: missing for session, missing in expected.items() if missing
    }


@LAW
@given(histories, st.integers(1, len(SESSIONS) - 1), st.integers(1, 10**6), st.integers(1, 10**6))
def test_volumes_keep_their_part_of_the_shares(
    history: History, position: int, before: int, after: int
) -> None:
    """A split of the first ticker: earlier volumes grow as the shares do, and no other action moves
    a volume."""
    split = {"session": SESSIONS[position], "ticker": TICKERS[0], "kind": "split"}
    issue = {"session": SESSIONS[position], "ticker": TICKERS[1], "kind": "ex_rights"}
    shares = {"shares_before": before, "shares_after": after}
    listed = [tuple(1.0 if fate is GONE else fate for fate in day) for day in history]
    adjustments = adjustments_of(listed, [split | shares, issue | shares])
    for number, session in enumerate(SESSIONS[: len(history)]):
        earlier = number < position < len(history)
        assert adjustments.volumes(session, TICKERS).tolist() == [
            after / before if earlier else 1.0,
            1.0,
            1.0,
        ]


@LAW
@given(st.integers(0, 3_000_000))
def test_rounding_leaves_whole_won_alone_and_lifts_halves(price: int) -> None:
    assert to_whole(np.array([price, price + 0.5, price + 0.499, price - 0.5])).tolist() == [
        price,
        price + 1,
        price,
        price,
    ]


def test_what_was_asked_before_the_last_session_was_added_is_forgotten() -> None:
    adjustments = adjustments_of([(1.0, 1.0, 1.0), (0.5, 1.0, 1.0)])
    assert adjustments.prices(SESSIONS[0], TICKERS).tolist() == [0.5, 1.0, 1.0]
    adjustments.add(SESSIONS[2], TICKERS, np.array([0.5, 1.0, 1.0]))
    assert adjustments.prices(SESSIONS[0], TICKERS).tolist() == [0.25, 1.0, 1.0]

"""`sessions.panel`: ticker x session arrays, adjusted to the last session."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest

from tests.fakes import after_market_only, halted, market_day, row
from utils.errors import NotStored
from utils.market_day import Panel, SetAside
from utils.store import Store

S1, S2, S3, S4 = "2024-01-17", "2024-01-18", "2024-01-19", "2024-01-22"
NAN = np.nan


def save(store: Store, days: dict[str, list[dict[str, Any]]]) -> None:
    for session, rows in days.items():
        store.sessions.save(market_day(session, *rows))


def split_in_two() -> dict[str, list[dict[str, Any]]]:
    """A is split 1:5 on S3 and 1:2 on S4; B is quiet."""
    return {
        S1: [row("A00000", 1000, low=900, high=1100, open=950), row("B00000", 50)],
        S2: [row("A00000", 1000), row("B00000", 51)],
        S3: [row("A00000", 200, factor=0.2), row("B00000", 52)],
        S4: [row("A00000", 100, factor=0.5), row("B00000", 53)],
    }


def series(panel: Panel, ticker: str, name: str = "close") -> list[float]:
    values: list[float] = getattr(panel, name)[panel.tickers.index(ticker)].tolist()
    return values


def test_prices_are_multiplied_with_every_later_factor(store: Store) -> None:
    save(store, split_in_two())
    panel = store.sessions.panel(S4, 300)
    assert series(panel, "A00000") == pytest.approx([100, 100, 100, 100])
    assert series(panel, "B00000") == [50, 51, 52, 53]


def test_open_high_and_low_are_adjusted_like_the_close(store: Store) -> None:
    save(store, split_in_two())
    panel = store.sessions.panel(S4, 300)
    first_bar = [series(panel, "A00000", name)[0] for name in ("open", "high", "low", "close")]
    assert first_bar == pytest.approx([95, 110, 90, 100])


def action(
    session: str, kind: str, before: int, after: int, ticker: str = "A00000"
) -> dict[str, Any]:
    shares = {"shares_before": before, "shares_after": after}
    return {
        "_id": f"{ticker}:{session}",
        "ticker": ticker,
        "session": session,
        "kind": kind,
        **shares,
    }


def test_values_stay_as_published(store: Store) -> None:
    save(store, split_in_two())
    assert series(store.sessions.panel(S4, 300), "A00000", "value") == [
        10_000,
        10_000,
        2_000,
        1_000,
    ]


@pytest.mark.parametrize("kind", ["split", "consolidation"])
def test_volumes_are_multiplied_as_later_splits_and_consolidations_multiply_the_shares(
    store: Store, kind: str
) -> None:
    actions = {S3: action(S3, kind, 100, 500), S4: action(S4, kind, 500, 200)}
    for session, rows in split_in_two().items():
        store.sessions.save(
            market_day(session, *rows), [actions[session]] if session in actions else []
        )
    assert series(store.sessions.panel(S4, 300), "A00000", "volume") == pytest.approx(
        [20, 20, 4, 10]
    )
    assert series(store.sessions.panel(S3, 300), "A00000", "volume") == pytest.approx([50, 50, 10])
    assert series(store.sessions.panel(S4, 2), "A00000", "volume") == pytest.approx([4, 10])
    assert series(store.sessions.panel(S4, 300), "B00000", "volume") == [10] * 4


@pytest.mark.parametrize("kind", ["ex_rights", "capital_reduction", "spin_off", "market_transfer"])
def test_no_other_action_moves_a_volume(store: Store, kind: str) -> None:
    for session, rows in split_in_two().items():
        store.sessions.save(
            market_day(session, *rows), [action(S3, kind, 100, 500)] if session == S3 else []
        )
    assert series(store.sessions.panel(S4, 300), "A00000", "volume") == [10] * 4


def test_nothing_reaches_a_listing_before_the_last_one(store: Store) -> None:
    """A's code is gone on S2 and comes back as another company's, which is split on S4."""
    quiet = row("B00000")
    days = {S1: [row("A00000", 700), quiet], S2: [quiet], S3: [row("A00000", 900), quiet]}
    save(store, days)
    store.sessions.save(
        market_day(S4, row("A00000", 450, factor=0.5), quiet), [action(S4, "split", 100, 200)]
    )
    panel = store.sessions.panel(S4, 300)
    assert series(panel, "A00000") == pytest.approx([700, NAN, 450, 450], nan_ok=True)
    assert series(panel, "A00000", "volume") == pytest.approx([10, NAN, 20, 10], nan_ok=True)


def test_a_session_that_comes_in_meanwhile_is_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, split_in_two())
    heads = [head for head in store.sessions.heads() if head.session != S2]
    monkeypatch.setattr(store.sessions, "heads", lambda last, count: heads)
    panel = store.sessions.panel(S4, 300)
    assert panel.sessions == [S1, S3, S4]
    assert series(panel, "A00000") == pytest.approx([100, 100, 100])


def test_a_panel_is_adjusted_to_its_own_last_session(store: Store) -> None:
    save(store, split_in_two())
    assert series(store.sessions.panel(S3, 300), "A00000") == pytest.approx([200, 200, 200])


def test_the_factor_of_the_first_session_touches_nothing(store: Store) -> None:
    save(store, split_in_two())
    assert series(store.sessions.panel(S4, 2), "A00000") == pytest.approx([100, 100])


def test_the_last_count_sessions_are_taken(store: Store) -> None:
    save(store, split_in_two())
    assert store.sessions.panel(S4, 3).sessions == [S2, S3, S4]
    assert store.sessions.panel(S3, 1).sessions == [S3]


def test_sessions_that_are_stored_later_do_not_show_in_an_earlier_panel(store: Store) -> None:
    save(store, split_in_two())
    assert store.sessions.panel(S2, 300).sessions == [S1, S2]


def test_a_halted_session_is_a_flat_bar_at_its_close_and_not_traded(store: Store) -> None:
    save(store, {S1: [row("A00000", 700)], S2: [halted("A00000", 800)], S3: [row("A00000", 900)]})
    panel = store.sessions.panel(S3, 300)
    assert [series(panel, "A00000", name)[1] for name in ("open", "high", "low", "close")] == [
        800
    ] * 4
    assert series(panel, "A00000", "traded") == [True, False, True]


def test_a_session_of_the_after_market_alone_is_a_flat_bar_with_its_volume(store: Store) -> None:
    alone = after_market_only("A00000", 800, volume=30, value=25_000)
    save(store, {S1: [row("A00000", 800)], S2: [alone], S3: [row("A00000", 400, factor=0.5)]})
    panel = store.sessions.panel(S3, 300)
    assert [series(panel, "A00000", name)[1] for name in ("open", "high", "low", "close")] == [
        400
    ] * 4
    assert series(panel, "A00000", "traded") == [True, False, True]
    assert series(panel, "A00000", "volume") == [10, 30, 10]
    assert series(panel, "A00000", "value") == [8_000, 25_000, 4_000]


def test_a_halted_session_before_a_split_is_adjusted_too(store: Store) -> None:
    save(store, {S1: [halted("A00000", 800)], S2: [row("A00000", 400, factor=0.5)]})
    panel = store.sessions.panel(S2, 300)
    assert [series(panel, "A00000", name)[0] for name in ("open", "high", "low", "close")] == [
        400
    ] * 4


def test_a_rebase_on_a_halted_session_counts(store: Store) -> None:
    save(
        store,
        {
            S1: [row("A00000", 800)],
            S2: [halted("A00000", 400, factor=0.5)],
            S3: [row("A00000", 410)],
        },
    )
    assert series(store.sessions.panel(S3, 300), "A00000") == [400, 400, 410]


def test_where_a_ticker_was_not_listed_everything_is_nan_and_untraded(store: Store) -> None:
    save(store, {S1: [row("A00000")], S2: [row("A00000"), row("B00000", 7)]})
    panel = store.sessions.panel(S2, 300)
    for name in ("open", "high", "low", "close", "volume", "value"):
        np.testing.assert_array_equal(np.isnan(series(panel, "B00000", name)), [True, False], name)
    assert series(panel, "B00000", "traded") == [False, True]


def test_a_ticker_that_is_gone_in_the_last_session_is_left_out(store: Store) -> None:
    save(store, {S1: [row("A00000"), row("B00000")], S2: [row("B00000")]})
    assert store.sessions.panel(S2, 300).tickers == ["B00000"]


def test_names_markets_and_market_caps_are_those_of_the_last_session(store: Store) -> None:
    old = row("A00000", name="옛 이름", market="KOSDAQ", market_cap=1)
    new = row("A00000", name="새 이름", market="KOSPI", market_cap=447_136_713_000_000)
    save(store, {S1: [old], S2: [new]})
    panel = store.sessions.panel(S2, 300)
    assert (panel.names, panel.markets, panel.market_cap.tolist()) == (
        ["새 이름"],
        ["KOSPI"],
        [447_136_713_000_000.0],
    )


def test_an_unknown_factor_counts_as_1_and_its_session_is_named(store: Store) -> None:
    save(
        store,
        {S1: [row("A00000", 10)], S2: [row("A00000", 20, factor=NAN)], S3: [row("A00000", 30)]},
    )
    panel = store.sessions.panel(S3, 300)
    assert panel.sessions_without_factors == [S2]
    assert series(panel, "A00000") == [10, 20, 30]


def test_an_unknown_factor_of_the_first_session_makes_no_session_without_factors(
    store: Store,
) -> None:
    save(store, {S1: [row("A00000", factor=NAN)], S2: [row("A00000")]})
    assert store.sessions.panel(S2, 300).sessions_without_factors == []


def test_an_unknown_factor_of_a_ticker_that_is_gone_makes_no_session_without_factors(
    store: Store,
) -> None:
    save(
        store,
        {S1: [row("B00000")], S2: [row("A00000", factor=NAN), row("B00000")], S3: [row("B00000")]},
    )
    assert store.sessions.panel(S3, 300).sessions_without_factors == []


def test_arrays_are_contiguous_float64_of_tickers_by_sessions(store: Store) -> None:
    save(store, split_in_two())
    panel = store.sessions.panel(S4, 3)
    for name in ("open", "high", "low", "close", "volume", "value"):
        array = getattr(panel, name)
        assert (array.shape, array.dtype, array.flags.c_contiguous) == ((2, 3), np.float64, True), (
            name
        )
    assert (panel.traded.dtype, panel.traded.shape, panel.market_cap.shape) == (
        np.bool_,
        (2, 3),
        (2,),
    )


def test_a_volume_above_int32_survives_the_panel(store: Store) -> None:
    save(store, {S1: [row("A00000", volume=2**31 + 7)]})
    assert series(store.sessions.panel(S1, 300), "A00000", "volume") == [2.0**31 + 7]


@pytest.mark.parametrize(
    "order", list(permutations((S1, S2, S3))), ids=lambda order: ">".join(order)
)
def test_the_order_in_which_sessions_arrive_is_irrelevant(
    store: Store, order: tuple[str, ...]
) -> None:
    days = split_in_two()
    save(store, {session: days[session] for session in order})
    panel = store.sessions.panel(S3, 300)
    assert panel.sessions == [S1, S2, S3]
    assert series(panel, "A00000") == pytest.approx([200, 200, 200])


def test_a_session_that_is_not_stored_gives_no_panel(store: Store) -> None:
    save(store, {S1: [row("A00000")]})
    for missing in (S2, "2024-01-16"):
        with pytest.raises(NotStored, match=f"{missing} is not stored.*daily_update"):
            store.sessions.panel(missing, 300)


def test_one_ticker_and_one_session_are_a_panel(store: Store) -> None:
    save(store, {S1: [row("A00000", 5, factor=0.1)]})
    panel = store.sessions.panel(S1, 1)
    assert (panel.sessions, panel.close.tolist(), panel.sessions_without_factors) == (
        [S1],
        [[5.0]],
        [],
    )


def set_aside(store: Store, session: str, ticker: str, *rows: dict[str, Any]) -> None:
    """Store a session in which this ticker's row is set aside."""
    aside = (SetAside(ticker, "이름", "KOSPI", "no number", "{}"),)
    store.sessions.save(replace(market_day(session, *rows), set_aside=aside))


def test_a_row_that_is_set_aside_is_a_flat_bar_at_the_adjusted_close_before(store: Store) -> None:
    store.sessions.save(market_day(S1, row("A00000", 1000), row("B00000", 50)))
    set_aside(store, S2, "A00000", row("B00000", 51))
    set_aside(store, S3, "A00000", row("B00000", 52))
    store.sessions.save(market_day(S4, row("A00000", 210, factor=0.2), row("B00000", 53)))
    panel = store.sessions.panel(S4, 300)
    for name in ("open", "high", "low", "close"):
        assert series(panel, "A00000", name) == pytest.approx([200, 200, 200, 210])
    assert series(panel, "A00000", "volume")[1:3] == [0, 0]
    assert series(panel, "A00000", "value")[1:3] == [0, 0]
    assert panel.traded[panel.tickers.index("A00000")].tolist() == [True, False, False, True]
    assert series(panel, "B00000") == [50, 51, 52, 53]


def test_without_a_close_before_it_there_is_no_bar(store: Store) -> None:
    set_aside(store, S1, "A00000", row("B00000", 50))
    save(store, {S2: [row("A00000", 1000), row("B00000", 51)]})
    assert series(store.sessions.panel(S2, 300), "A00000") == pytest.approx(
        [NAN, 1000], nan_ok=True
    )


def test_a_factor_reaches_back_over_a_row_that_is_set_aside_and_over_no_gap(store: Store) -> None:
    set_aside(store, S2, "A00000", row("B00000", 51))
    save(
        store,
        {
            S1: [row("A00000", 1000), row("C00000", 1000), row("B00000", 50)],
            S3: [row("A00000", 1000), row("C00000", 1000), row("B00000", 52)],
            S4: [
                row("A00000", 200, factor=0.2),
                row("C00000", 200, factor=0.2),
                row("B00000", 53),
            ],
        },
    )
    panel = store.sessions.panel(S4, 300)
    assert series(panel, "A00000") == pytest.approx([200, 200, 200, 200])
    assert series(panel, "C00000") == pytest.approx([1000, NAN, 200, 200], nan_ok=True)


def test_what_is_set_aside_is_part_of_what_a_panel_is_made_of(store: Store) -> None:
    save(store, {S1: [row("B00000", 50)]})
    before = store.sessions.panel_source(S1, 300)
    set_aside(store, S1, "A00000", row("B00000", 50))
    assert store.sessions.panel_source(S1, 300) != before
    head = store.sessions.head(S1)
    assert head is not None
    assert (head.revision, head.tickers_set_aside) == (1, {"A00000"})

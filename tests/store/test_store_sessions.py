"""Whole sessions in, the same sessions out, whichever database is behind the store."""

from dataclasses import replace
from datetime import UTC

import numpy as np
import pandas as pd
import pytest

from tests.fakes import FakeClock, halted, market_day, row
from utils.clock import kst
from utils.market_day import DAY_COLUMNS, FINAL, PROVISIONAL, MarketDay
from utils.store import Store
from utils.store.schema import HEAD_FIELDS

FRIDAY, MONDAY, TUESDAY = "2024-01-19", "2024-01-22", "2024-01-23"


def odd_day() -> MarketDay:
    """Day with everything that has ever broken a store of prices."""
    return market_day(
        MONDAY,
        row(
            "005930",
            74_900,
            name="삼성전자",
            change=-300,
            shares=5_969_782_550,
            market_cap=447_136_713_000_000,
        ),
        row("0001A0", 9_350, name="덕양에너젠", market="KOSDAQ", factor=np.nan),
        row("016790", 1_123, name='현대사료 "&\\', volume=2**31 + 1, value=2**41 + 1, factor=0.2),
        halted("900300", 275, name="오가닉티코스메틱", market="KONEX"),
    )


def test_a_session_comes_back_equal_cell_by_cell(store: Store) -> None:
    day = odd_day()
    store.sessions.save(day)
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    pd.testing.assert_frame_equal(loaded.frame, day.frame, check_exact=True)
    assert (loaded.session, loaded.finality, loaded.source) == (MONDAY, "provisional", "pykrx")


def test_a_loaded_session_has_the_digest_of_the_saved_one(store: Store) -> None:
    head = store.sessions.save(odd_day())
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    assert loaded.digest() == head.digest == odd_day().digest()


def test_what_is_loaded_belongs_to_the_caller(store: Store) -> None:
    store.sessions.save(odd_day())
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    loaded.frame.loc[0, "close"] = 1
    again = store.sessions.load(MONDAY)
    assert again is not None
    assert again.frame.loc[0, "close"] != 1


def test_a_session_that_is_not_stored_is_none(store: Store) -> None:
    assert store.sessions.load(MONDAY) is None
    assert store.sessions.head(MONDAY) is None
    assert store.sessions.head("") is None


def test_another_process_sees_the_session_at_once(store: Store, other: Store) -> None:
    head = store.sessions.save(odd_day())
    assert other.sessions.head(MONDAY) == head


def test_the_first_reading_is_revision_1_collected_now_and_not_confirmed(
    store: Store, clock: FakeClock
) -> None:
    head = store.sessions.save(odd_day())
    assert (head.revision, head.count, head.finality == FINAL) == (1, 4, False)
    assert (head.collected_utc, head.confirmed_utc) == (clock.now_utc(), None)


def test_what_is_returned_is_what_is_stored(store: Store, clock: FakeClock) -> None:
    clock.advance(milliseconds=123)
    assert (
        store.sessions.save(odd_day()) == store.sessions.head(MONDAY) == store.sessions.heads()[0]
    )


def test_the_same_cells_in_the_morning_confirm_the_session_without_a_new_revision(
    store: Store, clock: FakeClock
) -> None:
    evening = store.sessions.save(market_day(MONDAY, row("005930")))
    clock.set(kst(2024, 1, 23, 8))
    morning = store.sessions.save(market_day(MONDAY, row("005930"), finality=FINAL))
    assert (morning.revision, morning.finality == FINAL, morning.digest) == (
        1,
        True,
        evening.digest,
    )
    assert (morning.collected_utc, morning.confirmed_utc) == (
        evening.collected_utc,
        clock.now_utc(),
    )


def test_other_cells_in_the_morning_are_a_new_revision_collected_then(
    store: Store, clock: FakeClock
) -> None:
    evening = store.sessions.save(market_day(MONDAY, row("005930", volume=10)))
    clock.set(kst(2024, 1, 23, 8))
    morning = store.sessions.save(market_day(MONDAY, row("005930", volume=11), finality=FINAL))
    assert morning.revision == 2
    assert morning.digest != evening.digest
    assert morning.collected_utc == morning.confirmed_utc == clock.now_utc()


def test_a_confirmed_session_read_again_keeps_its_first_confirmation(
    store: Store, clock: FakeClock
) -> None:
    first = store.sessions.save(market_day(MONDAY, row("005930"), finality=FINAL))
    clock.advance(days=30)
    assert store.sessions.save(market_day(MONDAY, row("005930"), finality=FINAL)) == first


def test_history_is_final_and_confirmed_at_once(store: Store) -> None:
    day = market_day("2023-01-20", row("005930"), finality=FINAL)
    head = store.sessions.save(day)
    assert (head.revision, head.confirmed_utc) == (1, day.read_utc)


def test_a_head_says_when_its_session_was_read_and_up_to_which_checkpoint(store: Store) -> None:
    day = market_day("2026-09-15", row("005930"))
    evening = [
        ((17, 0), None),
        ((19, 0), (18, 0)),
        ((20, 29), (18, 0)),
        ((20, 40), (20, 30)),
    ]
    for read, checkpoint in evening:
        at = kst(2026, 9, 15, *read).astimezone(UTC)
        head = store.sessions.save(replace(day, read_utc=at))
        expected = checkpoint and kst(2026, 9, 15, *checkpoint)
        assert (head.read_utc, head.checkpoint_utc, head.finality) == (at, expected, PROVISIONAL)
        assert head.collected_utc == kst(2026, 9, 15, 17)
    final = store.sessions.save(replace(day, read_utc=kst(2026, 9, 16, 8, 2).astimezone(UTC)))
    assert (final.checkpoint_utc, final.finality) == (kst(2026, 9, 16, 8), FINAL)
    assert final.confirmed_utc == kst(2026, 9, 16, 8, 2)
    assert final.revision == 1
    loaded = store.sessions.load("2026-09-15")
    assert loaded is not None
    assert loaded.read_utc == final.read_utc


def test_a_factor_that_becomes_known_is_stored_without_a_new_revision(store: Store) -> None:
    store.sessions.save(market_day(MONDAY, row("005930", factor=np.nan)))
    assert store.sessions.save(market_day(MONDAY, row("005930", factor=0.02))).revision == 1
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    assert loaded.frame["factor"].tolist() == [0.02]


def test_a_session_is_replaced_whole(store: Store) -> None:
    store.sessions.save(market_day(MONDAY, row("000020"), row("005930"), row("035720")))
    store.sessions.save(market_day(MONDAY, row("005930", 999)))
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    assert loaded.frame[["ticker", "close"]].to_numpy().tolist() == [["005930", 999]]


def test_heads_are_oldest_first_whatever_order_they_came_in(store: Store) -> None:
    for session in (MONDAY, TUESDAY, FRIDAY):
        store.sessions.save(market_day(session, row("005930")))
    assert [head.session for head in store.sessions.heads()] == [FRIDAY, MONDAY, TUESDAY]


def test_a_head_comes_without_the_columns(store: Store) -> None:
    store.sessions.save(market_day(MONDAY, row("005930")))
    head = store.backend.session_head(MONDAY)
    assert head is not None
    assert [head] == store.backend.session_heads()
    assert head.keys() == {"_id", *HEAD_FIELDS}
    assert store.backend.session_head(TUESDAY) is None


@pytest.mark.parametrize(
    ("last", "count", "expected"),
    [
        (TUESDAY, 2, [MONDAY, TUESDAY]),
        (MONDAY, 2, [FRIDAY, MONDAY]),
        (MONDAY, 0, [FRIDAY, MONDAY]),
        (MONDAY, 9, [FRIDAY, MONDAY]),
        ("2024-01-21", 1, [FRIDAY]),
        ("2024-01-18", 9, []),
    ],
)
def test_the_last_heads_up_to_a_day(
    store: Store, last: str, count: int, expected: list[str]
) -> None:
    for session in (TUESDAY, FRIDAY, MONDAY):
        store.sessions.save(market_day(session, row("005930")))
    assert [head.session for head in store.sessions.heads(last, count)] == expected
    assert [session for session, *_ in store.sessions.panel_source(last, count)] == expected


def action(ticker: str, session: str, **fields: object) -> dict[str, object]:
    return {
        "_id": f"{ticker}:{session}",
        "ticker": ticker,
        "session": session,
        "factor": 0.2,
        **fields,
    }


def actions_in(store: Store) -> list[dict[str, object]]:
    return store.backend.find("stock_data.corporate_actions")


def test_corporate_actions_are_kept_with_their_session(store: Store) -> None:
    split = action(
        "016790", MONDAY, kind="split", previous_close=5_615, base_price=1_123, flag=None
    )
    store.sessions.save(odd_day(), [split])
    assert actions_in(store) == [split]


def test_corporate_actions_are_replaced_with_their_session_and_no_other(store: Store) -> None:
    store.sessions.save(market_day(FRIDAY, row("005930")), [action("005930", FRIDAY)])
    store.sessions.save(odd_day(), [action("016790", MONDAY), action("005930", MONDAY)])
    store.sessions.save(odd_day(), [action("900300", MONDAY)])
    assert [found["_id"] for found in actions_in(store)] == [f"005930:{FRIDAY}", f"900300:{MONDAY}"]


def test_a_session_saved_again_without_actions_has_none(store: Store) -> None:
    store.sessions.save(odd_day(), [action("016790", MONDAY)])
    store.sessions.save(odd_day())
    assert actions_in(store) == []


@pytest.fixture
def three_sessions(store: Store) -> Store:
    for session, close in ((TUESDAY, 3), (FRIDAY, 1), (MONDAY, 2)):
        store.sessions.save(market_day(session, row("005930", close), row("0001A0", 10 * close)))
    return store


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (FRIDAY, TUESDAY, [FRIDAY, MONDAY, TUESDAY]),
        (FRIDAY, MONDAY, [FRIDAY, MONDAY]),
        (MONDAY, MONDAY, [MONDAY]),
        ("2024-01-20", "2024-01-21", []),
        ("2024-01-20", "2024-12-31", [MONDAY, TUESDAY]),
        (TUESDAY, FRIDAY, []),
    ],
)
def test_columns_are_read_from_first_to_last_inclusive(
    three_sessions: Store, first: str, last: str, expected: list[str]
) -> None:
    assert [
        session for session, _ in three_sessions.sessions.columns(["close"], first, last)
    ] == expected


def test_without_a_range_all_sessions_are_read(three_sessions: Store) -> None:
    closes = [
        columns["close"].tolist() for _, columns in three_sessions.sessions.columns(["close"])
    ]  # type: ignore[union-attr]
    assert closes == [[10, 1], [20, 2], [30, 3]]


def test_only_the_columns_asked_for_are_read(three_sessions: Store) -> None:
    ((_, columns),) = three_sessions.sessions.columns(
        ["ticker", "factor", "volume"], MONDAY, MONDAY
    )
    assert set(columns) == {"ticker", "factor", "volume"}
    assert columns["ticker"] == ["0001A0", "005930"]


def test_columns_have_their_types(three_sessions: Store) -> None:
    ((_, columns),) = three_sessions.sessions.columns(DAY_COLUMNS, MONDAY, MONDAY)
    assert isinstance(columns["name"], list)
    assert np.asarray(columns["volume"]).dtype == np.int64
    assert np.asarray(columns["factor"]).dtype == np.float64


def test_whole_sessions_are_read_one_at_a_time(three_sessions: Store) -> None:
    read = list(three_sessions.sessions.read(FRIDAY, MONDAY))
    assert [session for session, _ in read] == [FRIDAY, MONDAY]
    pd.testing.assert_frame_equal(
        read[1][1], market_day(MONDAY, row("005930", 2), row("0001A0", 20)).frame
    )

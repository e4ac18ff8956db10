"""What is due because a late reading has changed a session: it is read once more five sessions
later."""

from datetime import datetime

import pytest

from collectors.collection.collect import collect_all
from collectors.collection.due import DueSession, due_in_store
from tests.fakes import FakeClock
from tests.flow.collection.scripted_source import (
    MONDAY,
    ScriptedSource,
    collect,
    make_collector,
    published,
)
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.store import Store

EVENING, MORNING = kst(2024, 1, 22, 19), kst(2024, 1, 23, 8, 2)
WEEK_LATER = kst(2024, 1, 29, 19)
FIVE_LATER, BEFORE_IT = kst(2024, 2, 5, 18), kst(2024, 2, 5, 17, 59)
"""The fifth session after that."""
AFTER_NEW_YEAR = kst(2024, 2, 14, 18)
"""The fifth one after that: 9 to 12 February are the lunar new year and a weekend."""


def due(store: Store, now: datetime) -> list[DueSession]:
    """Return whether Monday is due, and why."""
    calendar = TradingCalendar(store.calendar.observed())
    return due_in_store(store, calendar, MONDAY, MONDAY, now)


def read(
    source: ScriptedSource,
    store: Store,
    clock: FakeClock,
    at: datetime,
    volume: int,
    close: int = 10_000,
) -> list[DueSession]:
    """Read Monday with that volume, and that close of one ticker, when it is due. Return why it
    was."""
    clock.set(at)
    day = published(("000010", 1000, 0, 100), ("000020", close, 0, 100))
    source.days[MONDAY] = day.assign(ACC_TRDVOL=str(volume))
    found = due(store, at)
    problems = collect_all(
        store, make_collector(source, store), found, lambda: False, lambda each: None
    )
    assert problems == []
    return found


AGAIN = [DueSession(MONDAY, read_again=True, week_later=True)]


@pytest.fixture
def stored(source: ScriptedSource, store: Store, clock: FakeClock) -> ScriptedSource:
    """Monday, read on its evening and on the next morning, which has changed it."""
    assert read(source, store, clock, EVENING, 10) == [DueSession(MONDAY, read_again=False)]
    assert read(source, store, clock, MORNING, 11) == [DueSession(MONDAY, read_again=True)]
    return source


def test_a_session_that_is_the_same_a_week_later_is_read_no_more(
    stored: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    assert read(stored, store, clock, WEEK_LATER, 11) == AGAIN
    assert [due(store, kst(2024, 1, day, 19)) for day in (30, 31)] == [[], []]
    assert due(store, FIVE_LATER) == []


def test_what_is_other_a_week_later_is_read_once_more_five_sessions_after_that(
    stored: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    assert read(stored, store, clock, WEEK_LATER, 12) == AGAIN
    assert [due(store, each) for each in (kst(2024, 2, 2, 19), BEFORE_IT)] == [[], []]
    assert due(store, FIVE_LATER) == AGAIN
    assert read(stored, store, clock, FIVE_LATER, 12) == AGAIN
    assert due(store, FIVE_LATER) == due(store, AFTER_NEW_YEAR) == []


def test_the_morning_after_counts_to_its_night(
    stored: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    """The night of a week later has three readings; it may be the last one that is stored."""
    assert read(stored, store, clock, kst(2024, 1, 30, 8, 2), 12) == AGAIN
    assert due(store, BEFORE_IT) == []
    assert due(store, FIVE_LATER) == AGAIN


def test_what_is_other_again_then_is_read_again_until_it_stays(
    stored: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    for moment, volume in ((WEEK_LATER, 12), (FIVE_LATER, 13), (AFTER_NEW_YEAR, 13)):
        assert read(stored, store, clock, moment, volume) == AGAIN
    assert due(store, kst(2024, 3, 29, 19)) == []
    head = store.sessions.head(MONDAY)
    assert head is not None
    assert head.revision == 4


def test_a_first_load_is_not(source: ScriptedSource, store: Store, clock: FakeClock) -> None:
    late = kst(2024, 2, 20, 19)
    assert read(source, store, clock, late, 10) == [DueSession(MONDAY, read_again=False)]
    assert [due(store, kst(2024, 2, day, 19)) for day in (21, 27, 28)] == [[], [], []]


def test_an_old_session_that_a_person_had_read_again_is_read_once_more(
    source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    read(source, store, clock, kst(2024, 2, 20, 19), 10)
    clock.set(kst(2024, 2, 21, 19))
    source.days[MONDAY] = source.days[MONDAY].assign(ACC_TRDVOL="11")  # type: ignore[union-attr]
    collect(make_collector(source, store), MONDAY)
    assert [due(store, kst(2024, 2, day, 19)) for day in (27, 28)] == [[], AGAIN]


def test_a_row_that_is_wrong_a_week_later_too_is_read_once_more_five_sessions_after_that(
    source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    for moment in (EVENING, MORNING):
        read(source, store, clock, moment, 11, close=0)
    for moment in (WEEK_LATER, FIVE_LATER):
        assert read(source, store, clock, moment, 11, close=0) == AGAIN
        head = store.sessions.head(MONDAY)
        assert head is not None
        assert len(head.set_aside) == 1
    assert due(store, AFTER_NEW_YEAR) == []


def test_a_row_that_is_wrong_a_week_later_alone_leaves_the_one_that_is_stored(
    stored: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    assert read(stored, store, clock, WEEK_LATER, 11, close=0) == AGAIN
    head = store.sessions.head(MONDAY)
    assert head is not None
    assert (head.count, head.revision, head.set_aside) == (2, 2, ())


def test_an_old_session_that_was_stored_without_a_row_is_read_once_more(
    source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    read(source, store, clock, kst(2024, 2, 20, 19), 10, close=0)
    assert [due(store, kst(2024, 2, day, 19)) for day in (26, 27)] == [[], AGAIN]
    assert read(source, store, clock, kst(2024, 2, 27, 19), 10) == AGAIN
    assert due(store, kst(2024, 3, 4, 19)) == []
    assert due(store, kst(2024, 3, 6, 19)) == AGAIN, "what has changed it may be wrong"

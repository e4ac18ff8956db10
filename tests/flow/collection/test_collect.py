"""Due sessions are decided by what is stored and completed, never by the date of the last run."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collection.collect import failure_recorded
from collectors.collection.due import (
    DueSession,
    ReadUpTo,
    collects_nothing_new,
    due_in_store,
    sessions_due,
    shown_without_prices,
    unknown_days,
)
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.date_utils import TradingCalendar, at_kst, checkpoints, last_checkpoint_utc
from utils.errors import LockHeld, MalformedAnswer, NotPublished
from utils.job_status import JobRun
from utils.market_day import FINAL, PROVISIONAL
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.sqlite import SqliteBackend

WEEK = ["2024-01-15", "2024-01-16", "2024-01-17", "2024-01-18", "2024-01-19"]
EVENING = kst(2024, 1, 19, 19)


def due(stored: ReadUpTo, completed: ReadUpTo, now: datetime = EVENING) -> list[DueSession]:
    return sessions_due(TradingCalendar(), WEEK, stored, completed, now)


def final(sessions: list[str]) -> dict[str, datetime | None]:
    return {each: checkpoints(each)[-1] for each in sessions}


def provisional(sessions: list[str]) -> dict[str, datetime | None]:
    return {each: checkpoints(each)[0] for each in sessions}


def test_everything_that_is_not_stored_is_due_oldest_first() -> None:
    there = final([WEEK[0], WEEK[2]])
    assert due(there, there) == [DueSession(each, False) for each in (WEEK[1], WEEK[3], WEEK[4])]


def test_a_session_is_not_due_before_six_in_the_evening() -> None:
    there = final(WEEK[:4])
    assert due(there, there, kst(2024, 1, 19, 17, 59)) == []
    assert due(there, there, kst(2024, 1, 19, 18)) == [DueSession(WEEK[4], False)]


def test_a_provisional_session_is_confirmed_from_eight_the_next_morning() -> None:
    there = final(WEEK[:3]) | provisional(WEEK[3:4])
    assert due(there, there, kst(2024, 1, 19, 7, 59)) == []
    assert due(there, there, kst(2024, 1, 19, 8)) == [DueSession(WEEK[3], True)]


def test_a_session_with_an_after_market_is_read_again_when_that_is_over() -> None:
    def read_again(read: datetime, now: datetime) -> bool:
        there = {session: last_checkpoint_utc(session, read)}
        due = sessions_due(TradingCalendar(), [session], there, there, now)
        assert due in ([], [DueSession(session, read_again=True)])
        return bool(due)

    session = "2026-09-14"
    first, second, last = kst(2026, 9, 14, 19), kst(2026, 9, 14, 20, 40), kst(2026, 9, 15, 8, 2)
    assert not read_again(first, kst(2026, 9, 14, 20, 29))
    assert read_again(first, kst(2026, 9, 14, 20, 30))
    assert not read_again(second, kst(2026, 9, 15, 7, 59))
    assert read_again(second, last)
    assert not read_again(last, kst(2026, 12, 30))
    session = "2026-09-11"  # no after-market yet
    assert not read_again(kst(2026, 9, 11, 19), kst(2026, 9, 11, 23))


def test_a_session_that_was_stored_later_than_it_was_recorded_is_read_again() -> None:
    """A run died in between: what follows from the session, such as the targets, is not done."""
    assert due(final(WEEK), final(WEEK[:4]) | provisional(WEEK[4:]), kst(2024, 1, 20, 9)) == [
        DueSession(WEEK[4], read_again=True)
    ]


def test_a_session_whose_run_died_before_it_was_recorded_is_due_again() -> None:
    assert due(final(WEEK), final([each for each in WEEK if each != WEEK[2]])) == [
        DueSession(WEEK[2], False)
    ]


def test_a_record_without_a_session_does_not_count() -> None:
    assert DueSession(WEEK[1], False) in due(final(WEEK[:1]), final(WEEK))


@given(
    stored=st.sets(st.sampled_from(WEEK)),
    completed=st.dictionaries(st.sampled_from(WEEK), st.sampled_from([FINAL, PROVISIONAL])),
)
def test_whatever_is_stored_exactly_the_rest_is_due_in_order(
    stored: set[str], completed: dict[str, str]
) -> None:
    which = {FINAL: final, PROVISIONAL: provisional}
    recorded = {session: which[each]([session])[session] for session, each in completed.items()}
    found = due(final(sorted(stored)), recorded, kst(2024, 1, 20, 9))
    done = {each for each in stored if completed.get(each) == FINAL}
    assert [each.session for each in found] == sorted(set(WEEK) - done)
    to_confirm = {each for each in stored if completed.get(each) == PROVISIONAL}
    assert {each.session for each in found if each.read_again} == to_confirm


def test_a_day_that_is_predicted_closed_is_asked_about_until_the_exchange_has_shown_it() -> None:
    new_year, after = ["2024-02-09", "2024-02-12"], kst(2024, 2, 13, 9)
    assert unknown_days(TradingCalendar(), "2024-02-05", after) == new_year
    shown = TradingCalendar({new_year[0]: False})
    assert unknown_days(shown, "2024-02-05", after) == new_year[1:]
    before = kst(2024, 2, 13, 8, 59)
    assert unknown_days(TradingCalendar(), "2024-02-05", before) == [], "no later day is shown yet"


def test_a_day_that_should_be_a_session_is_asked_about_only_when_it_has_no_prices() -> None:
    """Collecting it shows whether it was one."""
    assert unknown_days(TradingCalendar(), WEEK[0], EVENING) == []
    assert unknown_days(TradingCalendar(), WEEK[0], EVENING, [WEEK[2]]) == [WEEK[2]]


def test_a_day_has_no_prices_once_the_exchange_has_shown_none_that_would_be_final(
    tmp_path: Path, clock: FakeClock
) -> None:
    store = Store(SqliteBackend(tmp_path), clock)
    for moment, problem in (
        (kst(2024, 1, 18, 19), NotPublished("late")),
        (kst(2024, 1, 19, 8, 2), MalformedAnswer("odd")),
    ):
        clock.set(moment)
        with pytest.raises(type(problem)), JobRun(store, DAILY_UPDATE, WEEK[3]):
            raise problem
        assert shown_without_prices(store) == []
    with pytest.raises(NotPublished), JobRun(store, DAILY_UPDATE, WEEK[3]):
        raise NotPublished("none")
    assert shown_without_prices(store) == [WEEK[3]]


def test_today_is_asked_about_in_the_evening_when_it_is_predicted_closed() -> None:
    new_year = TradingCalendar({"2024-02-08": True})
    assert unknown_days(new_year, "2024-02-08", kst(2024, 2, 9, 17, 59)) == []
    assert unknown_days(new_year, "2024-02-08", kst(2024, 2, 9, 18)) == ["2024-02-09"]


def test_a_run_that_lost_its_lock_leaves_the_record_to_the_new_owner(
    tmp_path: Path, clock: FakeClock
) -> None:
    mine, others = Store(SqliteBackend(tmp_path), clock), Store(SqliteBackend(tmp_path), clock)
    with JobRun(others, DAILY_UPDATE, WEEK[0]) as job:
        with pytest.raises(LockHeld), failure_recorded(mine, WEEK[0]):
            raise LockHeld("silent for too long")
        job.record(tickers=3)
    assert mine.jobs.is_completed(DAILY_UPDATE, WEEK[0])


def test_a_reading_by_a_clock_that_was_ahead_is_made_again(
    tmp_path: Path, clock: FakeClock
) -> None:
    store, session = Store(SqliteBackend(tmp_path), clock), WEEK[-1]
    for ahead, is_due in ((timedelta(minutes=14), False), (timedelta(days=2), True)):
        read_utc = (EVENING + ahead).astimezone(UTC)
        head = store.sessions.save(replace(market_day(session, row("005930")), read_utc=read_utc))
        with JobRun(store, DAILY_UPDATE, session) as job:
            job.record(checkpoint_utc=head.checkpoint_utc)
        expected = [DueSession(session, read_again=True)] if is_due else []
        assert due_in_store(store, TradingCalendar(), session, session, EVENING) == expected


def test_only_what_is_odd_again_and_again_waits_behind_the_others(
    tmp_path: Path, clock: FakeClock
) -> None:
    clock.set(EVENING)
    store = Store(SqliteBackend(tmp_path), clock)
    for session, problem in ((WEEK[0], NotPublished("late")), (WEEK[1], MalformedAnswer("odd"))):
        for _ in range(4):
            with pytest.raises(type(problem)), JobRun(store, DAILY_UPDATE, session):
                raise problem
    found = due_in_store(store, TradingCalendar(), WEEK[0], WEEK[-1], EVENING)
    assert [each.session for each in found] == [WEEK[0], WEEK[2], WEEK[3], WEEK[4], WEEK[1]]


def test_the_nights_session_does_not_wait_for_one_that_is_read_a_week_later(
    tmp_path: Path, clock: FakeClock
) -> None:
    store, tonight = Store(SqliteBackend(tmp_path), clock), "2024-01-22"
    for session in WEEK:
        read = at_kst(session, time()) + timedelta(hours=32)
        store.sessions.save(replace(market_day(session, row("005930")), read_utc=read))
        with JobRun(store, DAILY_UPDATE, session) as job:
            job.record(checkpoint_utc=checkpoints(session)[-1])
    for _ in range(4):
        with pytest.raises(MalformedAnswer), JobRun(store, DAILY_UPDATE, WEEK[2]):
            raise MalformedAnswer("odd")
    found = due_in_store(store, TradingCalendar(), WEEK[0], tonight, kst(2024, 1, 22, 19))
    first, a_week_later, last = found
    assert (first, last) == (DueSession(tonight, False), DueSession(WEEK[2], False))
    assert a_week_later == DueSession(WEEK[0], read_again=True, week_later=True)
    assert not collects_nothing_new([first, a_week_later])
    assert not collects_nothing_new([a_week_later]), "as if nothing were due"
    assert collects_nothing_new([DueSession(tonight, read_again=True), a_week_later])

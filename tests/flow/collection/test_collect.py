"""Due sessions are decided by what is stored and completed, never by the date of the last run."""

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.collection.collect import failure_recorded
from collectors.collection.due import DueSession, due_in_store, sessions_due, unknown_days
from tests.fakes import FakeClock
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.errors import LockHeld, MalformedAnswer, NotPublished
from utils.job_status import JobRun
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.sqlite import SqliteBackend

WEEK = ["2024-01-15", "2024-01-16", "2024-01-17", "2024-01-18", "2024-01-19"]
EVENING = kst(2024, 1, 19, 19)


def due(stored: list[str], completed: dict[str, str], now: datetime = EVENING) -> list[DueSession]:
    return sessions_due(TradingCalendar(), stored, completed, WEEK[0], WEEK[-1], now)


def final(sessions: list[str]) -> dict[str, str]:
    return dict.fromkeys(sessions, "final")


def test_everything_that_is_not_stored_is_due_oldest_first() -> None:
    assert due([WEEK[0], WEEK[2]], final([WEEK[0], WEEK[2]])) == [
        DueSession(each, False) for each in (WEEK[1], WEEK[3], WEEK[4])
    ]


def test_a_session_is_not_due_before_six_in_the_evening() -> None:
    assert due(WEEK[:4], final(WEEK[:4]), kst(2024, 1, 19, 17, 59)) == []
    assert due(WEEK[:4], final(WEEK[:4]), kst(2024, 1, 19, 18)) == [DueSession(WEEK[4], False)]


def test_a_provisional_session_is_confirmed_from_eight_the_next_morning() -> None:
    completed = final(WEEK[:3]) | {WEEK[3]: "provisional"}
    assert due(WEEK[:4], completed, kst(2024, 1, 19, 7, 59)) == []
    assert due(WEEK[:4], completed, kst(2024, 1, 19, 8)) == [DueSession(WEEK[3], True)]


def test_a_session_whose_run_died_before_it_was_recorded_is_due_again() -> None:
    assert due(WEEK, final([each for each in WEEK if each != WEEK[2]])) == [
        DueSession(WEEK[2], False)
    ]


def test_a_record_without_a_session_does_not_count() -> None:
    assert DueSession(WEEK[1], False) in due([WEEK[0]], final(WEEK))


@given(
    stored=st.sets(st.sampled_from(WEEK)),
    completed=st.dictionaries(st.sampled_from(WEEK), st.sampled_from(["final", "provisional"])),
)
def test_whatever_is_stored_exactly_the_rest_is_due_in_order(
    stored: set[str], completed: dict[str, str]
) -> None:
    found = due(sorted(stored), completed, kst(2024, 1, 20, 9))
    done = {each for each in stored if completed.get(each) == "final"}
    assert [each.session for each in found] == sorted(set(WEEK) - done)
    to_confirm = {each for each in stored if completed.get(each) == "provisional"}
    assert {each.session for each in found if each.read_again} == to_confirm


def test_days_of_which_the_exchange_has_shown_nothing_are_unknown() -> None:
    calendar = TradingCalendar({WEEK[0]: True, WEEK[1]: False})
    assert unknown_days(calendar, WEEK[0], EVENING) == WEEK[2:4]


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

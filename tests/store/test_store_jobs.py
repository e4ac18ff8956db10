"""`job_status`: one record per job and session."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.fakes import FakeClock
from utils.errors import LockHeld
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import COMPLETED, DAILY_UPDATE, FAILED, HOURLY_ANALYSIS, RUNNING, Jobs

FRIDAY, MONDAY, TUESDAY = "2024-01-19", "2024-01-22", "2024-01-23"


def test_a_started_job_is_the_document_of_the_contract(store: Store, clock: FakeClock) -> None:
    store.jobs.start(DAILY_UPDATE, MONDAY)
    assert store.jobs.get(DAILY_UPDATE, MONDAY) == {
        "_id": "2024-01-22_daily_update",
        "job_name": "daily_update",
        "date_kst": MONDAY,
        "status": "running",
        "start_time_utc": clock.now_utc(),
        "end_time_utc": None,
        "heartbeat_utc": clock.now_utc(),
        "attempts": 1,
        "host": "host-a",
        "pid": 4711,
        "run": store.identity.run,
        "source": None,
        "finality": None,
        "checkpoint_utc": None,
        "tickers": 0,
        "analyzed": 0,
        "pending": 0,
        "failed": 0,
        "warnings": [],
        "error": None,
    }


def test_a_job_nobody_started_is_none(store: Store) -> None:
    assert store.jobs.get(DAILY_UPDATE, MONDAY) is None
    assert not store.jobs.is_completed(DAILY_UPDATE, MONDAY)


def test_a_second_start_is_a_second_attempt_by_whoever_made_it(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.jobs.start(DAILY_UPDATE, MONDAY)
    clock.advance(hours=1)
    other.jobs.start(DAILY_UPDATE, MONDAY)
    job = store.jobs.get(DAILY_UPDATE, MONDAY)
    assert job is not None
    assert (job["attempts"], job["host"], job["start_time_utc"]) == (2, "host-b", clock.now_utc())


def test_a_new_attempt_forgets_the_error_and_the_counts_but_not_the_source(store: Store) -> None:
    store.jobs.start(DAILY_UPDATE, MONDAY)
    error = {"kind": "down", "message": "no answer"}
    store.jobs.update(
        DAILY_UPDATE,
        MONDAY,
        {
            "status": FAILED,
            "error": error,
            "tickers": 9,
            "warnings": ["w"],
            "source": "pykrx",
            "finality": "final",
        },
    )
    store.jobs.start(DAILY_UPDATE, MONDAY)
    job = store.jobs.get(DAILY_UPDATE, MONDAY)
    assert job is not None
    assert (job["status"], job["error"], job["tickers"], job["warnings"]) == (RUNNING, None, 0, [])
    assert (job["source"], job["finality"]) == ("pykrx", "final")


def test_an_update_sets_fields_and_is_a_heartbeat(store: Store, clock: FakeClock) -> None:
    store.jobs.start(DAILY_UPDATE, MONDAY)
    started = store.jobs.get(DAILY_UPDATE, MONDAY)
    clock.advance(minutes=5)
    store.jobs.update(
        DAILY_UPDATE, MONDAY, {"tickers": 2_687, "error": {"kind": "down", "message": "한글"}}
    )
    assert started is not None
    assert store.jobs.get(DAILY_UPDATE, MONDAY) == started | {
        "tickers": 2_687,
        "error": {"kind": "down", "message": "한글"},
        "heartbeat_utc": clock.now_utc(),
    }


def test_an_update_of_a_job_nobody_started_makes_none(store: Store) -> None:
    store.jobs.update(DAILY_UPDATE, MONDAY, {"tickers": 1})
    assert store.jobs.get(DAILY_UPDATE, MONDAY) is None


@pytest.fixture
def week(store: Store) -> Store:
    """Friday completed, Monday failed, Tuesday running; and one record of another job."""
    for session, status in ((MONDAY, FAILED), (TUESDAY, RUNNING), (FRIDAY, COMPLETED)):
        store.jobs.start(DAILY_UPDATE, session)
        store.jobs.update(DAILY_UPDATE, session, {"status": status})
    store.jobs.start(HOURLY_ANALYSIS, MONDAY)
    return store


def test_jobs_come_newest_session_first(week: Store) -> None:
    assert [job["date_kst"] for job in week.jobs.records(DAILY_UPDATE)] == [TUESDAY, MONDAY, FRIDAY]
    assert [job["date_kst"] for job in week.jobs.records(DAILY_UPDATE, last=2)] == [TUESDAY, MONDAY]
    assert [job["date_kst"] for job in week.jobs.records(HOURLY_ANALYSIS)] == [MONDAY]


def test_a_failed_job_is_not_completed_nor_is_a_running_one(week: Store) -> None:
    completed = [
        week.jobs.is_completed(DAILY_UPDATE, session) for session in (FRIDAY, MONDAY, TUESDAY)
    ]
    assert completed == [True, False, False]


def test_jobs_left_running_about_older_sessions_are_given_up(week: Store, clock: FakeClock) -> None:
    clock.advance(days=1)
    assert week.jobs.give_up_before(HOURLY_ANALYSIS, before=TUESDAY) == 1
    job = week.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["error"]["kind"], job["end_time_utc"]) == (
        FAILED,
        "unfinished",
        clock.now_utc(),
    )
    assert TUESDAY in job["error"]["message"]


@pytest.mark.parametrize(
    ("analyzed", "pending", "status"), [(98, 0, COMPLETED), (97, 0, FAILED), (98, 1, FAILED)]
)
def test_a_night_that_lacks_only_what_cannot_be_analysed_is_done_when_it_ends(
    store: Store, clock: FakeClock, analyzed: int, pending: int, status: str
) -> None:
    store.jobs.start(HOURLY_ANALYSIS, MONDAY)
    counts = {
        "tickers": 100,
        "analyzed": analyzed,
        "pending": pending,
        "failed": 100 - analyzed - pending,
    }
    store.jobs.update(HOURLY_ANALYSIS, MONDAY, counts)
    assert store.jobs.give_up_before(HOURLY_ANALYSIS, before=TUESDAY) == (status == FAILED)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["end_time_utc"]) == (status, clock.now_utc())
    assert ("could not be analysed" in str(job["warnings"])) == (status == COMPLETED)


def test_giving_up_leaves_this_session_other_jobs_and_ended_ones_alone(week: Store) -> None:
    before = week.jobs.records(DAILY_UPDATE) + week.jobs.records(HOURLY_ANALYSIS)
    assert week.jobs.give_up_before(HOURLY_ANALYSIS, before=MONDAY) == 0
    assert week.jobs.give_up_before(DAILY_UPDATE, before=TUESDAY) == 0
    assert week.jobs.records(DAILY_UPDATE) + week.jobs.records(HOURLY_ANALYSIS) == before


def test_forgotten_jobs_are_gone_and_others_stay(week: Store) -> None:
    assert week.jobs.forget(DAILY_UPDATE, [MONDAY, TUESDAY, "2024-01-24"]) == 2
    assert week.jobs.forget(DAILY_UPDATE, []) == 0
    assert [job["date_kst"] for job in week.jobs.records(DAILY_UPDATE)] == [FRIDAY]
    assert week.jobs.get(HOURLY_ANALYSIS, MONDAY) is not None


def test_times_come_back_aware_and_to_the_millisecond(store: Store, clock: FakeClock) -> None:
    clock.advance(milliseconds=7)
    store.jobs.start(DAILY_UPDATE, MONDAY)
    job = store.jobs.get(DAILY_UPDATE, MONDAY)
    assert job is not None
    assert job["start_time_utc"].utcoffset() == timedelta(0)
    assert job["start_time_utc"] == clock.now_utc()


def test_a_run_that_lost_its_job_to_another_writes_nothing_into_its_record(
    store: Store, other: Store
) -> None:
    store.jobs.start(DAILY_UPDATE, MONDAY)
    other.jobs.start(DAILY_UPDATE, MONDAY)
    other.jobs.record(DAILY_UPDATE, MONDAY, {"status": "completed"})
    with pytest.raises(LockHeld, match="Another run has taken over"):
        store.jobs.record(DAILY_UPDATE, MONDAY, {"status": "failed"})
    assert store.jobs.is_completed(DAILY_UPDATE, MONDAY)


def test_a_record_that_was_forgotten_is_not_written_again_and_nobody_is_thrown_out(
    store: Store,
) -> None:
    store.jobs.start(DAILY_UPDATE, MONDAY)
    store.jobs.forget(DAILY_UPDATE, [MONDAY])
    store.jobs.record(DAILY_UPDATE, MONDAY, {"status": FAILED})
    assert store.jobs.get(DAILY_UPDATE, MONDAY) is None


def test_runs_that_share_a_job_keep_what_the_others_recorded(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.jobs.join(HOURLY_ANALYSIS, MONDAY)
    begun = clock.now_utc()
    store.jobs.update(HOURLY_ANALYSIS, MONDAY, {"analyzed": 50})
    clock.advance(minutes=3)
    other.jobs.join(HOURLY_ANALYSIS, MONDAY)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["attempts"], job["analyzed"], job["start_time_utc"], job["run"]) == (
        2,
        50,
        begun,
        other.identity.run,
    )


def test_a_run_that_joins_an_ended_job_starts_it_anew(store: Store) -> None:
    store.jobs.join(HOURLY_ANALYSIS, MONDAY)
    store.jobs.update(
        HOURLY_ANALYSIS, MONDAY, {"status": FAILED, "analyzed": 50, "error": {"kind": "store"}}
    )
    store.jobs.join(HOURLY_ANALYSIS, MONDAY)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["attempts"], job["analyzed"], job["error"]) == (RUNNING, 2, 0, None)


def test_an_analysis_that_a_revision_reopened_is_completed_as_of_then_when_it_is_overtaken(
    store: Store, clock: FakeClock
) -> None:
    ended = clock.now_utc()
    store.jobs.start(HOURLY_ANALYSIS, MONDAY)
    store.jobs.update(
        HOURLY_ANALYSIS,
        MONDAY,
        {"status": COMPLETED, "tickers": 9, "analyzed": 9, "end_time_utc": ended},
    )
    store.jobs.reopen(HOURLY_ANALYSIS, 2)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["analyzed"], job["pending"]) == (RUNNING, 7, 2)
    clock.advance(days=1)
    assert store.jobs.give_up_before(HOURLY_ANALYSIS, before=TUESDAY) == 0
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["end_time_utc"], job["error"]) == (COMPLETED, ended, None)
    assert (job["analyzed"], job["pending"]) == (9, 0)
    assert "Revised" in job["warnings"][0]


def test_several_runs_write_a_shared_record_until_it_is_completed(
    store: Store, other: Store
) -> None:
    for each in (store, other):
        each.jobs.start(HOURLY_ANALYSIS, MONDAY)
    store.jobs.record_shared(HOURLY_ANALYSIS, MONDAY, {"analyzed": 50})
    other.jobs.record_shared(HOURLY_ANALYSIS, MONDAY, {"analyzed": 100, "status": COMPLETED})
    store.jobs.record_shared(HOURLY_ANALYSIS, MONDAY, {"analyzed": 95, "status": FAILED})
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["analyzed"]) == (COMPLETED, 100)


def between_look_and_write(
    store: Store, happens: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let another run act after the store has looked at the record for the first time."""
    look = store.backend.get

    def look_and_be_slow(collection: str, key: str) -> Document | None:
        monkeypatch.undo()
        seen = look(collection, key)
        happens()
        return seen

    monkeypatch.setattr(store.backend, "get", look_and_be_slow)


@pytest.mark.parametrize("before", [0, 1])
@pytest.mark.parametrize("begin", [Jobs.start, Jobs.join])
def test_of_two_runs_that_start_together_neither_loses_its_attempt(
    store: Store,
    other: Store,
    monkeypatch: pytest.MonkeyPatch,
    begin: Callable[..., None],
    before: int,
) -> None:
    for _ in range(before):
        other.jobs.start(HOURLY_ANALYSIS, MONDAY)
    between_look_and_write(store, lambda: begin(other.jobs, HOURLY_ANALYSIS, MONDAY), monkeypatch)
    begin(store.jobs, HOURLY_ANALYSIS, MONDAY)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["attempts"], job["run"], job["status"]) == (before + 2, store.identity.run, RUNNING)


@pytest.mark.parametrize("before", [None, FAILED, RUNNING])
def test_a_slow_run_does_not_reopen_what_another_has_just_completed(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch, before: str | None
) -> None:
    def complete() -> None:
        other.jobs.join(HOURLY_ANALYSIS, MONDAY)
        other.jobs.record_shared(HOURLY_ANALYSIS, MONDAY, {"status": COMPLETED, "analyzed": 100})

    if before is not None:
        other.jobs.start(HOURLY_ANALYSIS, MONDAY)
        other.jobs.update(HOURLY_ANALYSIS, MONDAY, {"status": before})
    between_look_and_write(store, complete, monkeypatch)
    store.jobs.join(HOURLY_ANALYSIS, MONDAY)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["analyzed"], job["run"]) == (COMPLETED, 100, other.identity.run)


def test_a_job_that_was_completed_before_is_started_anew(store: Store, other: Store) -> None:
    store.jobs.start(HOURLY_ANALYSIS, MONDAY)
    store.jobs.update(HOURLY_ANALYSIS, MONDAY, {"status": COMPLETED})
    other.jobs.join(HOURLY_ANALYSIS, MONDAY)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["attempts"], job["run"]) == (RUNNING, 2, other.identity.run)


@pytest.mark.parametrize("begin", [Jobs.start, Jobs.join])
def test_a_start_whose_answer_was_lost_is_one_attempt(
    store: Store, monkeypatch: pytest.MonkeyPatch, begin: Callable[..., None]
) -> None:
    store.jobs.start(HOURLY_ANALYSIS, MONDAY)
    update = store.backend.update

    def update_and_lose_the_answer(*args: Any) -> int:
        update(*args)
        return update(*args)

    monkeypatch.setattr(store.backend, "update", update_and_lose_the_answer)
    begin(store.jobs, HOURLY_ANALYSIS, MONDAY)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert job["attempts"] == 2

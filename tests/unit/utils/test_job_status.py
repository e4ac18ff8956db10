"""A job's record says completed only when the work inside the block is done."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock
from utils.clock import kst
from utils.errors import NotPublished, StoreError
from utils.job_status import JobRun
from utils.store import Store
from utils.store.base import Identity
from utils.store.jobs import COMPLETED, DAILY_UPDATE, FAILED, HOURLY_ANALYSIS, RUNNING
from utils.store.sqlite import SqliteBackend

MONDAY = "2024-01-22"


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Iterator[Store]:
    store = Store(SqliteBackend(tmp_path), clock)
    yield store
    store.close()


def record(store: Store) -> dict[str, Any]:
    found = store.jobs.get(DAILY_UPDATE, MONDAY)
    assert found is not None
    return found


def run_into(store: Store, error: BaseException) -> None:
    with JobRun(store, DAILY_UPDATE, MONDAY):
        raise error


def test_a_job_is_running_inside_and_completed_after(store: Store, clock: FakeClock) -> None:
    with JobRun(store, DAILY_UPDATE, MONDAY):
        assert (record(store)["status"], record(store)["end_time_utc"]) == (RUNNING, None)
        clock.advance(minutes=3)
    assert (record(store)["status"], record(store)["error"]) == (COMPLETED, None)
    assert record(store)["end_time_utc"] - record(store)["start_time_utc"] == timedelta(minutes=3)


def test_what_is_recorded_is_there_at_once_and_a_heartbeat(store: Store, clock: FakeClock) -> None:
    with JobRun(store, DAILY_UPDATE, MONDAY) as job:
        clock.advance(minutes=1)
        job.record(tickers=2_687, source="pykrx", finality="provisional")
        inside = record(store)
    assert (inside["tickers"], inside["source"], inside["heartbeat_utc"]) == (
        2_687,
        "pykrx",
        clock.now_utc(),
    )


def test_several_runs_record_a_shared_job_and_the_one_that_completes_it_has_the_last_word(
    tmp_path: Path,
) -> None:
    clock = FakeClock(kst(2024, 1, 22, 19))
    store, other = (
        Store(SqliteBackend(tmp_path), clock, Identity(host, 1, host)) for host in ("a", "b")
    )
    with JobRun(store, HOURLY_ANALYSIS, MONDAY, shared=True) as first:
        with JobRun(other, HOURLY_ANALYSIS, MONDAY, shared=True) as second:
            first.record(analyzed=50)
            second.record(analyzed=100, pending=0)
            first.record(analyzed=90, pending=10)
        completed = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
        first.record(analyzed=95, pending=5)
        first.leave_unfinished()
    assert completed is not None
    assert (completed["status"], completed["analyzed"], completed["pending"]) == (COMPLETED, 100, 0)
    assert store.jobs.get(HOURLY_ANALYSIS, MONDAY) == completed
    store.close()
    other.close()


def test_a_shared_job_that_failed_for_one_run_is_completed_by_another(store: Store) -> None:
    with JobRun(store, HOURLY_ANALYSIS, MONDAY, shared=True) as going_on:
        with (
            pytest.raises(StoreError, match="disk full"),
            JobRun(store, HOURLY_ANALYSIS, MONDAY, shared=True),
        ):
            raise StoreError("disk full")
        going_on.record(analyzed=100)
    job = store.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["error"], job["analyzed"]) == (COMPLETED, None, 100)


def test_a_known_error_is_stored_with_kind_and_message_and_goes_on(
    store: Store, clock: FakeClock
) -> None:
    with pytest.raises(NotPublished, match="not out yet"):
        run_into(store, NotPublished("2024-01-22 is not out yet"))
    assert record(store)["status"] == FAILED
    assert record(store)["error"] == {
        "kind": "not_published",
        "message": "2024-01-22 is not out yet",
    }
    assert record(store)["end_time_utc"] == clock.now_utc()


def test_of_an_unknown_error_only_the_type_is_stored(store: Store) -> None:
    with pytest.raises(KeyError, match="hunter2"):
        run_into(store, KeyError("hunter2"))
    assert record(store)["error"] == {
        "kind": "unexpected",
        "message": "KeyError; the log has the traceback.",
    }


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(1)], ids=repr)
def test_a_job_that_is_interrupted_has_failed(store: Store, error: BaseException) -> None:
    with pytest.raises(type(error)):
        run_into(store, error)
    assert record(store)["status"] == FAILED


def test_a_job_with_more_to_do_stays_running(store: Store) -> None:
    with JobRun(store, DAILY_UPDATE, MONDAY) as job:
        job.leave_unfinished()
    assert (record(store)["status"], record(store)["end_time_utc"]) == (RUNNING, None)


def test_a_job_with_more_to_do_that_fails_has_failed(store: Store) -> None:
    def work() -> None:
        with JobRun(store, DAILY_UPDATE, MONDAY) as job:
            job.leave_unfinished()
            raise StoreError("disk full")

    with pytest.raises(StoreError):
        work()
    assert record(store)["error"]["kind"] == "store"


def test_the_next_run_is_another_attempt_and_may_complete(store: Store) -> None:
    with pytest.raises(KeyError):
        run_into(store, KeyError())
    with JobRun(store, DAILY_UPDATE, MONDAY):
        pass
    assert (record(store)["status"], record(store)["attempts"], record(store)["error"]) == (
        COMPLETED,
        2,
        None,
    )


def test_recording_an_error_never_hides_it(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: object) -> int:
        raise StoreError("disk full")

    def work() -> None:
        with JobRun(store, DAILY_UPDATE, MONDAY):
            monkeypatch.setattr(store.backend, "update", fail)
            raise NotPublished("not out yet")

    with pytest.raises(NotPublished):
        work()


def test_a_job_whose_completion_cannot_be_recorded_is_not_done(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object) -> int:
        raise StoreError("disk full")

    with pytest.raises(StoreError, match="disk full"), JobRun(store, DAILY_UPDATE, MONDAY):
        monkeypatch.setattr(store.backend, "update", fail)
    assert record(store)["status"] == RUNNING


def test_a_run_that_shares_its_job_is_not_thrown_out_by_another(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    other = Store(SqliteBackend(tmp_path), clock)
    with JobRun(store, DAILY_UPDATE, MONDAY, shared=True) as job:
        with JobRun(other, DAILY_UPDATE, MONDAY, shared=True) as others:
            job.record(analyzed=50)
            others.record(analyzed=100)
            others.leave_unfinished()
        job.record(analyzed=150)
    assert (record(store)["status"], record(store)["analyzed"], record(store)["attempts"]) == (
        COMPLETED,
        150,
        2,
    )
    other.close()


def test_who_fails_in_a_shared_job_does_not_undo_what_another_has_completed(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    other = Store(SqliteBackend(tmp_path), clock)

    def work() -> None:
        with JobRun(store, DAILY_UPDATE, MONDAY, shared=True):
            with JobRun(other, DAILY_UPDATE, MONDAY, shared=True):
                pass
            raise StoreError("disk full")

    with pytest.raises(StoreError):
        work()
    assert (record(store)["status"], record(store)["error"]) == (COMPLETED, None)
    other.close()

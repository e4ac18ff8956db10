"""Locks: one owner, a heartbeat, an expiry; a live owner's lock is never taken, a dead one's is."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from utils.errors import EXIT_NOT_NOW, LockHeld, StoreError
from utils.settings import PROJECT
from utils.store import Store
from utils.store.base import Identity
from utils.store.jobs import DAILY_UPDATE, MANUAL_SETUP
from utils.store.locks import LOCK_LEASE
from utils.store.schema import LOCKS
from utils.store.sqlite import SqliteBackend


def record(store: Store, name: str = DAILY_UPDATE) -> dict[str, object] | None:
    return store.backend.get(LOCKS, name)


def take(store: Store, name: str = DAILY_UPDATE) -> None:
    with store.locks.hold(name):
        pass


def leave_a_record(store: Store) -> None:
    """Leave in the database what a killed owner leaves."""
    store.backend.put(
        LOCKS, [{"_id": DAILY_UPDATE, "host": "h", "pid": 1, "owner": "h:1:dead", **moments(store)}]
    )


def moments(store: Store) -> dict[str, object]:
    now = store.clock.now_utc()
    return {"acquired_utc": now, "heartbeat_utc": now, "expires_utc": now + LOCK_LEASE.length}


def test_a_held_lock_names_its_owner(store: Store) -> None:
    with store.locks.hold(DAILY_UPDATE):
        who = {"_id": DAILY_UPDATE, "owner": "host-a:4711:a", "host": "host-a", "pid": 4711}
        assert record(store) == who | moments(store)


def test_a_released_lock_leaves_nothing_behind(store: Store, other: Store) -> None:
    take(store)
    assert record(store) is None
    take(other)


def test_a_second_owner_is_refused_and_told_who_works(store: Store, other: Store) -> None:
    with store.locks.hold(DAILY_UPDATE):
        with pytest.raises(
            LockHeld, match=r"daily_update.*host-a.*4711.*2024-01-22 19:00:00 KST"
        ) as refusal:
            take(other)
        assert refusal.value.exit_code == EXIT_NOT_NOW
        owner = record(store)
    assert owner is not None
    assert owner["owner"] == "host-a:4711:a"


def test_a_refused_owner_takes_nothing_from_the_one_who_works(
    store: Store, other: Store, open_store: Callable[..., Store]
) -> None:
    with store.locks.hold(DAILY_UPDATE):
        for another in (other, open_store("c")):
            with pytest.raises(LockHeld):
                take(another)


def test_a_run_that_asks_twice_is_refused_and_keeps_what_it_holds(
    store: Store, other: Store
) -> None:
    with store.locks.hold(DAILY_UPDATE):
        with pytest.raises(LockHeld):
            take(store)
        with pytest.raises(LockHeld):
            take(other)


def test_different_locks_do_not_meet(store: Store, other: Store) -> None:
    with (
        store.locks.hold(DAILY_UPDATE),
        other.locks.hold(MANUAL_SETUP),
        other.locks.hold("hourly_analysis@host-b"),
    ):
        assert record(store) is not None


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)], ids=repr)
def test_whatever_ends_the_work_releases_the_lock(
    store: Store, other: Store, error: BaseException
) -> None:
    def work() -> None:
        with store.locks.hold(DAILY_UPDATE):
            raise error

    with pytest.raises(type(error)):
        work()
    take(other)


def test_a_lock_can_be_taken_again_and_again(store: Store) -> None:
    for _ in range(3):
        take(store)
    assert record(store) is None


def test_a_heartbeat_moves_the_expiry_of_all_locks_of_this_run(
    store: Store, other: Store, clock: FakeClock
) -> None:
    with (
        store.locks.hold(DAILY_UPDATE),
        store.locks.hold(MANUAL_SETUP),
        other.locks.hold("hourly_analysis"),
    ):
        before = record(store, "hourly_analysis")
        clock.advance(minutes=5)
        store.locks.renew()
        for mine in (record(store), record(store, MANUAL_SETUP)):
            assert mine is not None
            assert (mine["heartbeat_utc"], mine["expires_utc"]) == (
                clock.now_utc(),
                clock.now_utc() + LOCK_LEASE.length,
            )
        assert record(store, "hourly_analysis") == before


def test_a_lock_kept_alive_by_heartbeats_is_never_taken(
    store: Store, other: Store, clock: FakeClock
) -> None:
    with store.locks.hold(DAILY_UPDATE):
        for _ in range(30):
            clock.advance(minutes=9)
            store.locks.renew()
            with pytest.raises(LockHeld):
                take(other)


@pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)
def test_on_a_server_a_dead_owners_lock_is_free_after_its_expiry(
    store: Store, clock: FakeClock
) -> None:
    leave_a_record(store)
    clock.advance(seconds=LOCK_LEASE.length.total_seconds() - 0.001)
    with pytest.raises(LockHeld):
        take(store)
    clock.advance(milliseconds=1)
    with store.locks.hold(DAILY_UPDATE):
        taken = record(store)
    assert taken is not None
    assert taken["owner"] == "host-a:4711:a"


@pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)
def test_who_lost_a_lock_by_sleeping_too_long_does_not_release_the_new_owners(
    store: Store, other: Store, clock: FakeClock
) -> None:
    with store.locks.hold(DAILY_UPDATE):
        clock.advance(minutes=11)
        late = other.locks.hold(DAILY_UPDATE)
        late.__enter__()
    owner = record(store)
    assert owner is not None
    assert owner["owner"] == "host-b:4711:b"
    late.__exit__(None, None, None)


@pytest.mark.parametrize("open_backend", ["sqlite"], indirect=True)
def test_embedded_a_dead_owners_record_does_not_bar_the_way(store: Store) -> None:
    leave_a_record(store)
    with store.locks.hold(DAILY_UPDATE):
        taken = record(store)
    assert taken is not None
    assert taken["owner"] == "host-a:4711:a"


@pytest.mark.parametrize("open_backend", ["sqlite"], indirect=True)
def test_embedded_a_live_owner_keeps_its_lock_without_any_heartbeat(
    store: Store, other: Store, clock: FakeClock
) -> None:
    with store.locks.hold(DAILY_UPDATE):
        clock.advance(days=2)
        with pytest.raises(LockHeld):
            take(other)


HOLDER = """
import sys
from pathlib import Path
from utils.clock import Clock
from utils.store import Store
from utils.store.sqlite import SqliteBackend

with Store(SqliteBackend(Path(sys.argv[1])), Clock()).locks.hold("daily_update"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.process
def test_a_killed_process_lets_go_of_the_embedded_lock_at_once(
    tmp_path: Path, clock: FakeClock
) -> None:
    store = Store(SqliteBackend(tmp_path), clock, Identity("here", 1, "a"))
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    with subprocess.Popen(
        command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LockHeld, match=str(holder.pid)):
            take(store)
        holder.kill()
        holder.wait()
        assert record(store) is not None  # nobody tidied up
        take(store)
    store.close()


def test_a_database_that_fails_at_release_does_not_keep_the_embedded_lock(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(SqliteBackend(tmp_path), clock, Identity("here", 1, "a"))

    def fail(*args: object) -> int:
        raise StoreError("disk full")

    with (
        monkeypatch.context() as patch,
        pytest.raises(StoreError, match="disk full"),
        store.locks.hold(DAILY_UPDATE),
    ):
        patch.setattr(store.backend, "delete", fail)
    take(store)
    store.close()

"""Hosts that share a server go by its clock; one whose clock is far from it does nothing and says
so."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymongo.database
import pytest

from tests.fakes import FakeClock
from tests.store.conftest import OpenBackend
from utils.clock import Clock
from utils.errors import EXIT_USAGE, LockHeld, StoreUnusable
from utils.store import Store
from utils.store.backend import Backend
from utils.store.base import Identity
from utils.store.locks import COLLECTION
from utils.store.server_time import TOO_FAR, WORTH_SAYING, go_by_the_servers_time
from utils.store.sqlite import SqliteBackend

SECOND = timedelta(seconds=1)
on_a_server = pytest.mark.parametrize("open_backend", ["mongodb"], indirect=True)


class HostClock(Clock):
    """Clock of a host, that much ahead of the right time."""

    def __init__(self, ahead: timedelta) -> None:
        super().__init__()
        self.put_back(-ahead)


def ahead_now(clock: Clock) -> timedelta:
    return clock.now_utc() - datetime.now(UTC)


@on_a_server
@pytest.mark.parametrize("minutes", [-14, -3, 0, 4, 14])
def test_a_clock_that_is_minutes_wrong_is_set_by_the_servers(
    backend: Backend, minutes: int
) -> None:
    clock = HostClock(timedelta(minutes=minutes))
    go_by_the_servers_time(backend, clock)
    assert abs(ahead_now(clock)) < SECOND


@on_a_server
@pytest.mark.parametrize("minutes", [-14, 14])
def test_a_live_owners_lock_is_not_taken_by_whose_clock_says_that_it_has_expired(
    open_backend: OpenBackend, minutes: int
) -> None:
    clocks = HostClock(timedelta(minutes=-minutes)), HostClock(timedelta(minutes=minutes))
    stores = [Store(open_backend(), clock, Identity(f"host-{clock}", 1)) for clock in clocks]
    for store, clock in zip(stores, clocks, strict=True):
        go_by_the_servers_time(store.backend, clock)
    with (
        stores[0].locks.hold(COLLECTION),
        pytest.raises(LockHeld),
        stores[1].locks.hold(COLLECTION),
    ):
        pass


@on_a_server
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_clock_that_is_too_far_from_the_servers_is_refused_with_both_times(
    backend: Backend, sign: int
) -> None:
    clock = HostClock(sign * (TOO_FAR + 2 * SECOND))
    with pytest.raises(
        StoreUnusable,
        match=r"of this host it is .* KST, by that of the MongoDB .* KST: one.* by NTP",
    ) as refusal:
        go_by_the_servers_time(backend, clock)
    assert refusal.value.exit_code == EXIT_USAGE


@on_a_server
@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-29, ""), (29, ""), (-31, "31 seconds behind"), (31, "31 seconds ahead of")],
)
def test_a_difference_that_ntp_would_not_leave_is_said(
    backend: Backend, seconds: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        go_by_the_servers_time(backend, HostClock(seconds * SECOND))
    assert (said in caplog.text, bool(caplog.records)) == (
        True,
        abs(seconds * SECOND) > WORTH_SAYING,
    )


@on_a_server
def test_half_the_way_of_a_slow_answer_is_taken_off(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server looks at its clock when the command comes, and the host when the answer is
    there."""
    clock, command = FakeClock(datetime.now(UTC)), pymongo.database.Database.command

    def slow(*args: Any, **more: Any) -> Any:
        clock.advance(seconds=2)
        answer: Any = command(*args, **more)
        answer["localTime"] = clock.now_utc()
        clock.advance(seconds=2)
        return answer

    monkeypatch.setattr(pymongo.database.Database, "command", slow)
    assert backend.ahead_of_server(clock) == timedelta(0)


@on_a_server
def test_a_server_that_knows_hello_by_its_old_name_only_tells_its_time(
    backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MongoDB 4.4.0 and 4.4.1."""
    command = pymongo.database.Database.command

    def without_hello(self: Any, name: str, **more: Any) -> Any:
        return command(self, "helo" if name == "hello" else name, **more)

    monkeypatch.setattr(pymongo.database.Database, "command", without_hello)
    ahead = backend.ahead_of_server(Clock())
    assert ahead is not None
    assert abs(ahead) < SECOND


@on_a_server
def test_a_server_that_does_not_tell_its_time_leaves_the_clock_and_says_so(
    backend: Backend, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(pymongo.database.Database, "command", lambda *args, **more: {"ok": 1.0})
    clock = HostClock(timedelta(hours=1))
    go_by_the_servers_time(backend, clock)
    assert abs(ahead_now(clock) - timedelta(hours=1)) < SECOND
    assert "does not tell its time" in caplog.text


def test_the_embedded_database_leaves_the_clock(tmp_path: Path) -> None:
    backend, clock = SqliteBackend(tmp_path), HostClock(timedelta(days=1))
    go_by_the_servers_time(backend, clock)
    assert abs(ahead_now(clock) - timedelta(days=1)) < SECOND
    backend.close()

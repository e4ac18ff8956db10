"""Notifications of whole processes, as cron starts them: once per incident, over each database."""

import signal
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest

from tests.night.suite import Suite
from tests.notifications.receiver import Receiver, receiving
from utils.clock import kst

SETUP = kst(2026, 9, 10, 19)
EVENING = SETUP + timedelta(days=1)
MONDAY = kst(2026, 9, 14, 19)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def set_up(suite: Suite, receiver: Receiver) -> None:
    suite.own_settings = {
        **suite.own_settings,
        "NOTIFY_URLS": receiver.notify_url,
        "HEARTBEAT_URL": receiver.heartbeat_url,
    }
    suite.must(SETUP, "manual_setup.py", "--yes", "--sessions", "4")


def test_a_ban_is_one_message_and_the_next_evening_one_more(
    suite_over: Suite, receiver: Receiver
) -> None:
    set_up(suite_over, receiver)
    suite_over.exchange.fail("ban", times=1)
    for hour in range(2):
        assert suite_over.run(EVENING + timedelta(hours=hour), "daily_update.py").returncode == 75
    assert suite_over.run(EVENING + timedelta(minutes=70), "hourly_analysis.py").returncode == 75
    suite_over.must(MONDAY, "daily_update.py")
    assert receiver.titles == [
        "krx-night-shift: daily_update: the exchange has restricted our access until 2026-09-12 19:00 KST",
        "krx-night-shift: daily_update: recovered",
    ]
    assert receiver.pings == ["/start"] * 3 + [""]


def test_two_machines_tell_an_incident_once(suite_over: Suite, receiver: Receiver) -> None:
    """Nobody could be told of the ban; two processes that start together find it untold."""
    set_up(suite_over, receiver)
    suite_over.exchange.fail("ban", times=1)
    receiver.answer = 503
    assert suite_over.run(EVENING, "daily_update.py").returncode == 75
    receiver.answer, receiver.arrived = 200, []
    moment = EVENING + timedelta(minutes=10)
    both = [suite_over.start(moment, "hourly_analysis.py") for _ in range(2)]
    assert [(process.communicate(timeout=120), process.returncode)[1] for process in both] == [
        75,
        75,
    ]
    assert len(receiver.messages) == 1


def test_a_run_ends_ten_seconds_after_its_work_at_most(suite: Suite, receiver: Receiver) -> None:
    """The exchange has said no, everybody who is told hangs, and SIGTERM comes on top."""
    set_up(suite, receiver)
    suite.exchange.fail("ban", times=1)
    receiver.answer = "drip"
    process = suite.start(EVENING, "daily_update.py")
    assert process.stderr is not None
    for line in iter(process.stderr.readline, ""):
        if "restricts access" in line:
            break
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75
    assert time.monotonic() - begun < 10 + 2, "and what an interpreter takes to end"
    assert "Not told anybody" in errors

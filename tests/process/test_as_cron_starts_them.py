"""The scripts as processes: what reaches the shell, a whole night, a load that is killed, who is
told by two at once and by one that is stopped."""

import json
import signal
import time
from datetime import timedelta

import pytest

from tests.harness import Installation
from tests.harness.receiver import Receiver
from utils.clock import kst

SETUP = kst(2026, 9, 10, 19)
EVENING = SETUP + timedelta(days=1)


@pytest.mark.parametrize(
    ("script", "option"),
    [
        ("manual_setup", "--sessions=0"),
        ("daily_update", "--from=yesterday"),
        ("hourly_analysis", "--quota=many"),
    ],
)
def test_a_refusal_reaches_the_shell(installation: Installation, script: str, option: str) -> None:
    done = installation.run(SETUP, script, option)
    assert (done.code, done.stdout, "Traceback" in done.stderr) == (2, "", False)
    assert option.split("=")[1] in done.stderr


def test_a_night_in_which_every_script_runs(installation_over: Installation) -> None:
    installation_over.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    installation_over.must(EVENING, "daily_update")
    installation_over.analyse_night(EVENING)
    seen = installation_over.read(EVENING)
    assert seen["jobs"]["2026-09-11"]["status"] == "completed"
    assert seen["analyses"]["2026-09-11"]["status"] == "completed"
    status = installation_over.must(EVENING, "hourly_analysis", "--status", "--json")
    assert json.loads(status.stdout)["last_session"] == "2026-09-11"
    audited = installation_over.must(EVENING + timedelta(hours=5), "daily_update", "--audit")
    assert audited.stdout.startswith("Nothing is wrong")


def test_a_load_that_is_killed_goes_on_where_it_was(installation: Installation) -> None:
    process = installation.start(SETUP, "manual_setup", "--yes", "--sessions", "60")
    while len(installation.exchange.requests()) < 20 and process.poll() is None:
        pass
    process.kill()
    process.communicate()
    installation.exchange.reset_counts()
    installation.must(SETUP + timedelta(minutes=5), "manual_setup", "--yes", "--sessions", "60")
    seen = installation.read(SETUP)
    assert len(seen["heads"]) == 60
    assert installation.exchange.counts()["data"] < 50
    assert {job["status"] for job in seen["jobs"].values()} == {"completed"}
    assert not (set(factors_pending(installation)) - {seen["heads"][0].session})


def factors_pending(installation: Installation) -> list[str]:
    with installation.opened(SETUP) as store:
        return [
            session
            for session, frame in store.sessions.read("2001-01-02", "2099-12-30")
            if frame["factor"].isna().any()
        ]


def tell(installation: Installation, receiver: Receiver) -> None:
    installation.own_settings |= {
        "NOTIFY_URLS": receiver.notify_url,
        "HEARTBEAT_URL": receiver.heartbeat_url,
    }
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "4")


def test_two_machines_tell_an_incident_once(
    installation_over: Installation, receiver: Receiver
) -> None:
    """Nobody could be told of the ban; two processes that start together find it untold."""
    tell(installation_over, receiver)
    installation_over.exchange.fail("ban", times=1)
    receiver.answer = 503
    assert installation_over.run(EVENING, "daily_update").code == 75
    receiver.answer, receiver.arrived = 200, []
    moment = EVENING + timedelta(minutes=10)
    both = [installation_over.start(moment, "hourly_analysis") for _ in range(2)]
    assert [(process.communicate(timeout=120), process.returncode)[1] for process in both] == [
        75,
        75,
    ]
    assert len(receiver.messages) == 1


@pytest.mark.parametrize("fault", ["hang", "endless"])
def test_sigterm_is_heard_within_two_seconds_while_an_answer_is_waited_for(
    installation: Installation, receiver: Receiver, fault: str
) -> None:
    tell(installation, receiver)
    installation.exchange.fail(fault, kind="data")
    process = installation.start(EVENING, "daily_update")
    until = time.monotonic() + 60
    while not installation.exchange.faults()[0].hits and time.monotonic() < until:
        time.sleep(0.05)
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 75, errors
    assert time.monotonic() - begun < 2 + 2, "and what an interpreter takes to end"
    assert "Traceback" not in errors


def test_a_run_ends_ten_seconds_after_its_work_at_most(
    installation: Installation, receiver: Receiver
) -> None:
    """The exchange has said no, everybody who is told hangs, and SIGTERM comes on top."""
    tell(installation, receiver)
    installation.exchange.fail("ban", times=1)
    receiver.answer = "drip"
    process = installation.start(EVENING, "daily_update")
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

"""The hourly analyses: what they wait for, how far they go, what stops them."""

import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from collectors.analysis.night import POLL_SECONDS
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from collectors.upkeep.copy_store import copy_store
from tests.harness import Exchange, Installation
from utils.clock import Clock, kst
from utils.run import Run
from utils.store.locks import COLLECTION

SETUP = kst(2026, 9, 10, 19)
NIGHT = SETUP + timedelta(days=1)
SESSION = "2026-09-11"
SESSIONS = ("--sessions", "40")
MORNING = kst(2026, 9, 12, 8, 10)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation over the embedded database with forty sessions loaded, and the
    daily update of the next evening done."""
    folder = tmp_path_factory.mktemp("prepared")
    with Exchange(SETUP) as exchange:
        installation = Installation(exchange, folder)
        installation.must(SETUP, "manual_setup", "--yes", *SESSIONS)
        installation.must(NIGHT, "daily_update")
    return folder


@pytest.fixture
def installed(installation: Installation, prepared: Path) -> Installation:
    """The same, of the test's own."""
    shutil.copytree(prepared, installation.folder, dirs_exist_ok=True)
    installation.exchange.set_time(NIGHT)
    return installation


@pytest.fixture
def collected(installed: Installation, database: dict[str, str]) -> Installation:
    """The same over each database in turn: moved there as `--copy-to` does it."""
    if database:
        uri, prefix = database.values()
        with closing(installed.store(NIGHT)) as store:
            copy_store(
                Run(installed.loaded_settings(MONGODB_DB_PREFIX=prefix), store.clock, store), uri
            )
    return replace(installed, own_settings=database)


def targets(installation: Installation) -> list[str]:
    """Return the targets in the order in which they are analysed: the stalest first, then the
    largest. The set-up has analysed those of its session; one that entered since comes first."""
    found = installation.read(NIGHT)["targets"]
    return [
        each["_id"] for each in sorted(found, key=lambda each: each["last_analyzed_date"] or "")
    ]


def at(hour: int) -> datetime:
    """Ten past that hour of the night; hours after midnight belong to the next day."""
    return NIGHT.replace(hour=0) + timedelta(hours=hour if hour >= 19 else hour + 24, minutes=10)


def analysed(installation: Installation) -> set[str]:
    return {
        each["_id"]
        for each in installation.read(NIGHT)["targets"]
        if each["last_analyzed_date"] == SESSION
    }


def test_before_the_daily_update_an_hour_waits(installation: Installation) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    early = installation.run(at(19), "hourly_analysis")
    assert (early.code, f"daily_update has not completed {SESSION}" in early.stderr) == (
        75,
        True,
    )
    assert SESSION not in installation.read(NIGHT)["analyses"]


def test_a_night_of_small_quotas_drains_stalest_then_largest_first(collected: Installation) -> None:
    order = targets(collected)
    collected.must(at(19), "hourly_analysis", "--quota", "5")
    assert analysed(collected) == set(order[:5])
    assert collected.read(NIGHT)["analyses"][SESSION]["status"] == "running"
    collected.must(at(20), "hourly_analysis")
    job = collected.read(NIGHT)["analyses"][SESSION]
    assert (job["status"], job["pending"], job["analyzed"], job["attempts"]) == (
        "completed",
        0,
        len(order),
        2,
    )
    assert analysed(collected) == set(order)


def test_saturday_morning_still_belongs_to_fridays_session(collected: Installation) -> None:
    collected.must(at(3), "hourly_analysis")
    assert collected.read(NIGHT)["analyses"][SESSION]["status"] == "completed"


def test_a_finished_night_has_nothing_left_to_do(collected: Installation) -> None:
    collected.must(at(19), "hourly_analysis")
    before = collected.read(NIGHT)
    collected.must(at(20), "hourly_analysis")
    assert collected.read(NIGHT) == before


def test_the_time_limit_ends_an_hour_and_the_next_goes_on(collected: Installation) -> None:
    collected.must(at(19), "hourly_analysis", "--time-limit", "0.0000001")
    assert analysed(collected) == set()
    collected.must(at(20), "hourly_analysis")
    assert len(analysed(collected)) == len(collected.read(NIGHT)["targets"])


def test_a_target_that_cannot_be_analysed_blocks_nobody(installed: Installation) -> None:
    store = installed.store(NIGHT)
    ghost = store.targets.active()[0] | {
        "_id": "999999",
        "ticker": "999999",
        "corrected_market_cap": 10**18,
    }
    store.targets.save([ghost], {})
    store.close()
    installed.must(at(19), "hourly_analysis")
    seen = installed.read(NIGHT)
    behind = [target for target in seen["targets"] if target["last_analyzed_date"] != SESSION]
    assert [
        (target["_id"], target["attempts"], target["retry_after_utc"] > NIGHT) for target in behind
    ] == [("999999", 1, True)]
    assert (seen["analyses"][SESSION]["status"], seen["analyses"][SESSION]["failed"]) == (
        "running",
        1,
    )


def test_an_analysis_that_breaks_costs_one_target_an_hour(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, analyze = targets(installed), TechnicalAnalyzer.analyze

    def break_on_the_second(self: TechnicalAnalyzer, ticker: str) -> object:
        return 1 / 0 if ticker == order[1] else analyze(self, ticker)

    monkeypatch.setattr(TechnicalAnalyzer, "analyze", break_on_the_second)
    first = installed.run(at(19), "hourly_analysis")
    assert (first.code, "ZeroDivisionError" in first.stderr) == (1, True), first.stderr
    assert analysed(installed) == set(order[:1])
    installed.run(at(20), "hourly_analysis")
    assert analysed(installed) == {*order} - {order[1]}


def test_a_ticker_has_its_view(collected: Installation) -> None:
    collected.must(at(19), "hourly_analysis", "--quota", "1")
    (largest,) = analysed(collected)
    view = collected.must(at(20), "hourly_analysis", "--ticker", largest).stdout
    assert all(
        word in view
        for word in (largest, SESSION, "rsi_14", "macd_histogram", "signals", "patterns")
    )


def test_two_runs_at_once_do_not_overlap(installation: Installation) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    store = installation.store(NIGHT)
    with store.locks.hold(COLLECTION):
        second = installation.run(NIGHT, "daily_update")
    store.close()
    assert second.code == 75
    assert f"process {store.identity.pid}" in second.stderr
    assert SESSION not in installation.read(NIGHT)["jobs"]


def test_sigterm_ends_after_the_target_in_hand_and_nothing_stays_claimed(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, analyze = targets(installed), TechnicalAnalyzer.analyze

    def be_told_at_the_third(self: TechnicalAnalyzer, ticker: str) -> object:
        if ticker == order[2]:
            os.kill(os.getpid(), signal.SIGTERM)
        return analyze(self, ticker)

    monkeypatch.setattr(TechnicalAnalyzer, "analyze", be_told_at_the_third)
    stopped = installed.run(at(19), "hourly_analysis")
    assert (stopped.code, "Stopped by SIGTERM" in stopped.stderr) == (0, True), stopped.stderr
    assert analysed(installed) == set(order[:3])
    assert [
        target for target in installed.read(NIGHT)["targets"] if target["claimed_by"] is not None
    ] == []
    installed.must(at(20), "hourly_analysis")
    assert analysed(installed) == set(order)


def test_a_killed_run_is_made_good_by_the_next(installed: Installation) -> None:
    """Killed after the session was stored and before the job said so."""
    store = installed.store(NIGHT)
    store.jobs.update("daily_update", SESSION, {"status": "running", "end_time_utc": None})
    store.close()
    assert installed.run(at(19), "hourly_analysis").code == 75
    installed.must(NIGHT + timedelta(minutes=20), "daily_update")
    installed.must(at(20), "hourly_analysis")
    seen = installed.read(NIGHT)
    assert (seen["jobs"][SESSION]["status"], seen["jobs"][SESSION]["attempts"]) == ("completed", 2)
    assert seen["analyses"][SESSION]["status"] == "completed"


def test_status_is_plain_json_for_a_program(collected: Installation) -> None:
    shown = json.loads(collected.must(at(19), "daily_update", "--status", "--json").stdout)
    assert (shown["last_session"], shown["sessions_missing"], shown["set_up"]) == (
        SESSION,
        [],
        True,
    )
    assert shown["targets_pending"] == len(collected.read(NIGHT)["targets"])


def test_a_dry_run_writes_nothing(collected: Installation) -> None:
    later = NIGHT + timedelta(days=3)
    before = collected.read(NIGHT)
    collected.exchange.reset_counts()
    dry = collected.must(later, "daily_update", "--dry-run")
    assert "2026-09-14 is due (missing)" in dry.stderr
    collected.must(at(19), "hourly_analysis", "--dry-run")
    assert (collected.read(NIGHT), collected.exchange.requests()) == (before, [])


@pytest.fixture
def collecting(installed: Installation) -> Iterator[Callable[[], None]]:
    """A run of this host that has the lock of collecting; what is called ends it."""
    store = installed.store(MORNING)
    with ExitStack() as held:
        held.callback(store.close)
        held.enter_context(store.locks.hold(COLLECTION))
        yield held.close


def while_waiting(monkeypatch: pytest.MonkeyPatch, do: Callable[[int], None]) -> None:
    """Call `do` with the number of each sleep, and move the clock by it."""
    slept = count(1)

    def sleep(clock: Clock, seconds: float) -> None:
        clock.put_back(-timedelta(seconds=seconds))
        do(next(slept))

    monkeypatch.setattr(Clock, "sleep", sleep)


def test_an_hour_waits_for_a_run_that_is_to_read_its_session_again(
    installed: Installation,
    collecting: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    while_waiting(monkeypatch, lambda number: collecting() if number == 3 else None)
    done = installed.must(MORNING, "hourly_analysis")
    assert done.log.count("waits for its end") == 1
    assert installed.read(MORNING)["analyses"][SESSION]["status"] == "completed"


def test_an_hour_that_is_stopped_while_it_waits_leaves_at_once(
    installed: Installation,
    collecting: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def stop(number: int) -> None:
        assert number == 1
        os.kill(os.getpid(), signal.SIGTERM)

    while_waiting(monkeypatch, stop)
    done = installed.must(MORNING, "hourly_analysis")
    assert "Stopped by SIGTERM" in done.log
    assert "0 analysed" in done.log


def test_an_hour_waits_no_longer_than_its_time_limit(
    installed: Installation,
    collecting: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    longest: list[int] = []
    while_waiting(monkeypatch, longest.append)
    done = installed.must(MORNING, "hourly_analysis", "--time-limit", "5")
    assert longest[-1] == 5 * 60 / POLL_SECONDS
    assert "takes what is stored" in done.log
    assert installed.read(MORNING)["analyses"][SESSION]["status"] == "completed"


def test_nobody_waits_where_nothing_is_to_be_read(
    installed: Installation,
    collecting: Callable[[], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    while_waiting(monkeypatch, lambda number: pytest.fail("it waits"))
    installed.must(NIGHT + timedelta(minutes=10), "hourly_analysis")

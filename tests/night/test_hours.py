"""The hourly analyses: what they wait for, how far they go, what stops them."""

import shutil
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from collectors.upkeep.copy_store import copy_store
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.night.suite import LOGIN_ID, PASSWORD, Suite
from utils.cli import Run
from utils.clock import kst
from utils.settings import PROJECT
from utils.store.locks import COLLECTION

SETUP = kst(2026, 9, 10, 19)
NIGHT = SETUP + timedelta(days=1)
SESSION = "2026-09-11"
SESSIONS = ("--sessions", "40")


@pytest.fixture(scope="session")
def prepared(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation over the embedded database with forty sessions loaded, and the
    daily update of the next evening done."""
    folder = tmp_path_factory.mktemp("prepared")
    with LocalExchange(market, SETUP, {LOGIN_ID: PASSWORD}) as exchange:
        suite = Suite(exchange, folder)
        suite.must(SETUP, "manual_setup.py", "--yes", *SESSIONS)
        suite.must(NIGHT, "daily_update.py")
    return folder


@pytest.fixture
def installed(suite: Suite, prepared: Path) -> Suite:
    """The same, of the test's own."""
    shutil.copytree(prepared, suite.folder, dirs_exist_ok=True)
    suite.exchange.set_time(NIGHT)
    return suite


@pytest.fixture
def collected(installed: Suite, database: dict[str, str]) -> Suite:
    """The same over each database in turn: moved there as `--copy-to` does it."""
    if database:
        uri, prefix = database.values()
        with closing(installed.store(NIGHT)) as store:
            copy_store(
                Run(installed.loaded_settings(MONGODB_DB_PREFIX=prefix), store.clock, store), uri
            )
    return replace(installed, own_settings=database)


def targets(suite: Suite) -> list[str]:
    """Largest first."""
    return [target["_id"] for target in suite.read(NIGHT)["targets"]]


def at(hour: int) -> datetime:
    """Ten past that hour of the night; hours after midnight belong to the next day."""
    return NIGHT.replace(hour=0) + timedelta(hours=hour if hour >= 19 else hour + 24, minutes=10)


def analysed(suite: Suite) -> list[str]:
    return [
        each["_id"]
        for each in suite.read(NIGHT)["targets"]
        if each["last_analyzed_date"] == SESSION
    ]


def test_before_the_daily_update_an_hour_waits(suite: Suite) -> None:
    suite.must(SETUP, "manual_setup.py", "--yes", *SESSIONS)
    early = suite.run(at(19), "hourly_analysis.py")
    assert (early.returncode, f"daily_update has not completed {SESSION}" in early.stderr) == (
        75,
        True,
    )
    assert suite.read(NIGHT)["analyses"] == {}


def test_after_setup_the_same_night_is_analysed(suite: Suite) -> None:
    suite.must(SETUP, "manual_setup.py", "--yes", *SESSIONS)
    suite.must(SETUP + timedelta(minutes=10), "hourly_analysis.py")
    assert {target["last_analyzed_date"] for target in suite.read(SETUP)["targets"]} == {
        "2026-09-10"
    }


def test_a_night_of_small_quotas_drains_in_order_of_market_cap(collected: Suite) -> None:
    order = targets(collected)
    collected.must(at(19), "hourly_analysis.py", "--quota", "5")
    assert analysed(collected) == order[:5]
    assert collected.read(NIGHT)["analyses"][SESSION]["status"] == "running"
    collected.must(at(20), "hourly_analysis.py")
    job = collected.read(NIGHT)["analyses"][SESSION]
    assert (job["status"], job["pending"], job["analyzed"], job["attempts"]) == (
        "completed",
        0,
        len(order),
        2,
    )
    assert analysed(collected) == order


def test_saturday_morning_still_belongs_to_fridays_session(collected: Suite) -> None:
    collected.must(at(3), "hourly_analysis.py")
    assert list(collected.read(NIGHT)["analyses"]) == [SESSION]


def test_a_finished_night_has_nothing_left_to_do(collected: Suite) -> None:
    collected.must(at(19), "hourly_analysis.py")
    before = collected.read(NIGHT)
    collected.must(at(20), "hourly_analysis.py")
    assert collected.read(NIGHT) == before


def test_the_time_limit_ends_an_hour_and_the_next_goes_on(collected: Suite) -> None:
    collected.must(at(19), "hourly_analysis.py", "--time-limit", "0.0000001")
    assert analysed(collected) == []
    collected.must(at(20), "hourly_analysis.py")
    assert len(analysed(collected)) == len(collected.read(NIGHT)["targets"])


def test_a_target_that_cannot_be_analysed_blocks_nobody(installed: Suite) -> None:
    store = installed.store(NIGHT)
    ghost = store.targets(active_only=True)[0] | {
        "_id": "999999",
        "ticker": "999999",
        "corrected_market_cap": 10**18,
    }
    store.save_targets([ghost], {})
    store.close()
    installed.must(at(19), "hourly_analysis.py")
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
    installed: Suite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    order = targets(installed)
    broken = python_that_begins_with(tmp_path_factory, BREAK_ON, ticker=order[1])
    first = installed.run(at(19), "hourly_analysis.py", PYTHONPATH=broken)
    assert (first.returncode, "ZeroDivisionError" in first.stderr) == (1, True), first.stderr
    assert analysed(installed) == order[:1]
    installed.run(at(20), "hourly_analysis.py", PYTHONPATH=broken)
    assert sorted(analysed(installed)) == sorted({*order} - {order[1]})


def test_a_ticker_is_shown_as_a_sheet(collected: Suite) -> None:
    collected.must(at(19), "hourly_analysis.py", "--quota", "1")
    largest = analysed(collected)[0]
    sheet = collected.must(at(20), "hourly_analysis.py", "--ticker", largest).stdout
    assert all(
        word in sheet
        for word in (largest, SESSION, "rsi_14", "macd_histogram", "signals", "patterns")
    )


def test_two_runs_at_once_do_not_overlap(suite: Suite) -> None:
    suite.must(SETUP, "manual_setup.py", "--yes", *SESSIONS)
    store = suite.store(NIGHT)
    with store.lock(COLLECTION):
        second = suite.run(NIGHT, "daily_update.py")
    store.close()
    assert second.returncode == 75
    assert f"process {store.identity.pid}" in second.stderr
    assert SESSION not in suite.read(NIGHT)["jobs"]


def test_sigterm_ends_after_the_target_in_hand_and_nothing_stays_claimed(
    installed: Suite, tmp_path_factory: pytest.TempPathFactory
) -> None:
    order = targets(installed)
    ending = python_that_begins_with(tmp_path_factory, SIGTERM_AT, ticker=order[2])
    stopped = installed.run(at(19), "hourly_analysis.py", PYTHONPATH=ending)
    assert (stopped.returncode, "Stopped by SIGTERM" in stopped.stderr) == (0, True), stopped.stderr
    assert analysed(installed) == order[:3]
    assert [
        target for target in installed.read(NIGHT)["targets"] if target["claimed_by"] is not None
    ] == []
    installed.must(at(20), "hourly_analysis.py")
    assert analysed(installed) == order


SIGTERM_AT = """
import os, signal
def analyze(self, ticker):
    if ticker == "{ticker}":
        os.kill(os.getpid(), signal.SIGTERM)
    return whole(self, ticker)
"""
BREAK_ON = """
def analyze(self, ticker):
    return 1 / 0 if ticker == "{ticker}" else whole(self, ticker)
"""


def python_that_begins_with(
    tmp_path_factory: pytest.TempPathFactory, code: str, ticker: str
) -> str:
    """A folder for PYTHONPATH: before a script starts, the analyzer's `analyze` is replaced by that
    of the code."""
    folder = tmp_path_factory.mktemp("python")
    lines = [
        f"import sys; sys.path.insert(0, {str(PROJECT)!r})",
        "from collectors.analysis.technical_analyzer import TechnicalAnalyzer",
        "whole = TechnicalAnalyzer.analyze",
        code.format(ticker=ticker),
        "TechnicalAnalyzer.analyze = analyze",
    ]
    (folder / "sitecustomize.py").write_text("\n".join(lines), encoding="utf-8")
    return str(folder)


def test_a_killed_run_is_made_good_by_the_next(installed: Suite) -> None:
    """Killed after the session was stored and before the job said so."""
    store = installed.store(NIGHT)
    store.update_job("daily_update", SESSION, {"status": "running", "end_time_utc": None})
    store.close()
    assert installed.run(at(19), "hourly_analysis.py").returncode == 75
    installed.must(NIGHT + timedelta(minutes=20), "daily_update.py")
    installed.must(at(20), "hourly_analysis.py")
    seen = installed.read(NIGHT)
    assert (seen["jobs"][SESSION]["status"], seen["jobs"][SESSION]["attempts"]) == ("completed", 2)
    assert seen["analyses"][SESSION]["status"] == "completed"


def test_a_load_that_is_killed_goes_on_where_it_was(suite: Suite) -> None:
    process = suite.start(SETUP, "manual_setup.py", "--yes", "--sessions", "60")
    while len(suite.exchange.requests()) < 20 and process.poll() is None:
        pass
    process.kill()
    process.communicate()
    suite.exchange.reset_counts()
    suite.must(SETUP + timedelta(minutes=5), "manual_setup.py", "--yes", "--sessions", "60")
    seen = suite.read(SETUP)
    assert len(seen["heads"]) == 60
    assert suite.exchange.counts()["data"] < 50
    assert {job["status"] for job in seen["jobs"].values()} == {"completed"}
    assert not (set(factors_pending(suite)) - {seen["heads"][0].session})


def factors_pending(suite: Suite) -> list[str]:
    store = suite.store(SETUP)
    pending = [
        session
        for session, frame in store.read_sessions("2001-01-02", "2099-12-30")
        if frame["factor"].isna().any()
    ]
    store.close()
    return pending


def test_status_is_plain_json_for_a_program(collected: Suite) -> None:
    import json

    shown = json.loads(collected.must(at(19), "daily_update.py", "--status", "--json").stdout)
    assert (shown["last_session"], shown["sessions_missing"], shown["set_up"]) == (
        SESSION,
        [],
        True,
    )
    assert shown["targets_pending"] == len(collected.read(NIGHT)["targets"])


def test_a_dry_run_writes_nothing(collected: Suite) -> None:
    later = NIGHT + timedelta(days=3)
    before = collected.read(NIGHT)
    collected.exchange.reset_counts()
    dry = collected.must(later, "daily_update.py", "--dry-run")
    assert "2026-09-14 is due (missing)" in dry.stderr
    collected.must(at(19), "hourly_analysis.py", "--dry-run")
    assert (collected.read(NIGHT), collected.exchange.requests()) == (before, [])

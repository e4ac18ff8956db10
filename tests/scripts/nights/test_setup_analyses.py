"""`manual_setup` ends by analysing the targets and writing the report: nobody waits for a night."""

import os
import signal
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.analysis.technical_analyzer import Analysis, TechnicalAnalyzer
from tests.harness import Ended, Installation
from utils.clock import kst
from utils.store.locks import COLLECTION

NOW, SESSION = kst(2026, 9, 10, 19), "2026-09-10"
SETUP = ("manual_setup", "--yes", "--sessions", "3")


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "out" / "report.html"


@pytest.fixture
def newcomer(installation: Installation, page: Path) -> Installation:
    return installation.with_settings({"REPORT_FILE": str(page)})


def analysed(installation: Installation) -> list[bool]:
    """For each target, whether it is analysed."""
    return [target["last_analyzed_date"] == SESSION for target in installation.read(NOW)["targets"]]


def assert_loaded(installation: Installation, ended: Ended) -> None:
    """The sessions and targets are there, and it was said."""
    assert len(installation.read(NOW)["heads"]) == 3
    assert "3 sessions and " in ended.stdout
    with installation.opened(NOW) as store:
        assert store.jobs.is_completed("manual_setup", SESSION)
        assert store.locks.all() == []


def test_every_target_is_analysed_and_the_address_of_the_page_is_said(
    installation_over: Installation, page: Path
) -> None:
    newcomer = installation_over.with_settings({"REPORT_FILE": str(page), "ANALYSIS_QUOTA": "1"})
    done = newcomer.must(NOW, *SETUP)
    assert done.stdout.endswith(f"   {page}\n   {page.as_uri()}\n")
    assert f'"session":"{SESSION}"' in page.read_text(encoding="utf-8")
    assert all(analysed(newcomer))
    job = newcomer.read(NOW)["analyses"][SESSION]
    assert (job["status"], job["pending"], job["analyzed"]) == (
        "completed",
        0,
        len(analysed(newcomer)),
    )
    before = newcomer.read(NOW)
    newcomer.must(NOW, "hourly_analysis")
    assert newcomer.read(NOW) == before, "the night has nothing left to do"


def test_once_more_it_says_where_the_page_is_and_analyses_nothing(
    newcomer: Installation, page: Path
) -> None:
    newcomer.must(NOW, *SETUP)
    before = page.stat().st_mtime_ns, newcomer.read(NOW)["analyses"]
    later = NOW + timedelta(minutes=5)  # what was read ahead of the clock would be read again
    done = newcomer.must(later, *SETUP)
    assert done.stdout.endswith(f"{page.as_uri()}\n")
    assert (page.stat().st_mtime_ns, newcomer.read(later)["analyses"]) == before


def test_without_a_place_for_it_there_is_no_page(newcomer: Installation, page: Path) -> None:
    done = newcomer.must(NOW, *SETUP, REPORT_FILE="")
    assert all(analysed(newcomer))
    assert "file://" not in done.stdout
    assert not list(newcomer.folder.parent.rglob("report.html"))


def test_a_dry_run_analyses_nothing(newcomer: Installation, page: Path) -> None:
    newcomer.must(NOW, *SETUP, REPORT_FILE="")
    with newcomer.opened(NOW) as store:
        store.targets.reopen(SESSION, "2026-09-09")
    newcomer.must(NOW, *SETUP, "--dry-run")
    assert not any(analysed(newcomer))
    assert not page.exists()


def test_the_time_limit_holds(newcomer: Installation, page: Path) -> None:
    done = newcomer.must(NOW, *SETUP, ANALYSIS_TIME_LIMIT_MINUTES="0.0000001")
    assert_loaded(newcomer, done)
    assert not any(analysed(newcomer))
    assert "left for later runs" in done.log
    assert not page.exists()


def test_while_another_run_analyses_it_says_so_and_goes_on(
    newcomer: Installation, page: Path
) -> None:
    done = newcomer.load(NOW, "--sessions", "3")
    assert_loaded(newcomer, done)
    assert "Nothing is analysed now: Another run holds the lock hourly_analysis@" in done.log
    assert not any(analysed(newcomer))


def test_the_evenings_update_does_not_wait_for_the_analysis(
    newcomer: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[set[str]] = []
    analyze = TechnicalAnalyzer.analyze

    def look(analyzer: TechnicalAnalyzer, ticker: str) -> Analysis:
        with newcomer.opened(NOW) as store:
            held.append({lock["_id"] for lock in store.locks.all()})
        return analyze(analyzer, ticker)

    monkeypatch.setattr(TechnicalAnalyzer, "analyze", look)
    newcomer.must(NOW, *SETUP)
    assert held
    assert COLLECTION not in set.union(*held)


def test_an_analysis_that_breaks_leaves_what_was_loaded(
    newcomer: Installation, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("collectors.analysis.night.TechnicalAnalyzer", lambda panel: 1 / 0)
        done = newcomer.run(NOW, *SETUP)
    assert (done.code, "ZeroDivisionError" in done.log) == (1, True)
    assert_loaded(newcomer, done)
    assert newcomer.read(NOW)["analyses"][SESSION]["status"] == "failed"
    newcomer.must(NOW, "hourly_analysis")
    assert page.is_file()


@pytest.mark.parametrize("is_chosen", [True, False])
def test_a_page_that_cannot_be_written_leaves_what_was_loaded_and_analysed(
    installation: Installation, is_chosen: bool
) -> None:
    page = installation.folder / "data" / "report.html"
    page.mkdir(parents=True)
    if is_chosen:
        installation.own_settings["REPORT_FILE"] = str(page)
    else:
        installation.left_out = frozenset({"REPORT_FILE"})
    done = installation.run(NOW, *SETUP)
    assert (done.code, f"The report {page} cannot be written there" in done.log) == (2, True)
    assert_loaded(installation, done)
    assert all(analysed(installation))
    assert installation.read(NOW)["analyses"][SESSION]["status"] == "completed"


def test_sigterm_during_the_analysis_leaves_what_was_loaded(
    newcomer: Installation, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze, seen = TechnicalAnalyzer.analyze, list[str]()

    def be_told_at_the_third(analyzer: TechnicalAnalyzer, ticker: str) -> Analysis:
        seen.append(ticker)
        if len(seen) == 3:
            os.kill(os.getpid(), signal.SIGTERM)
        return analyze(analyzer, ticker)

    with monkeypatch.context() as patch:
        patch.setattr(TechnicalAnalyzer, "analyze", be_told_at_the_third)
        done = newcomer.must(NOW, *SETUP)
    assert "Stopped by SIGTERM" in done.log
    assert_loaded(newcomer, done)
    assert (sum(analysed(newcomer)), page.exists()) == (3, False)
    newcomer.must(NOW, "hourly_analysis")
    assert (all(analysed(newcomer)), page.exists()) == (True, True)


def test_while_the_session_of_the_evening_is_not_out_the_newest_one_is_analysed(
    newcomer: Installation, page: Path
) -> None:
    newcomer.exchange.fail("late", date=SESSION, until="2026-09-10T20:30")
    newcomer.must(NOW, *SETUP)
    assert '"session":"2026-09-09"' in page.read_text(encoding="utf-8")

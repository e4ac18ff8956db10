"""The report: on request, and after the night's last target."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.analysis.technical_analyzer import AnalysisError, TechnicalAnalyzer
from tests.harness import LOGIN_ID, PASSWORD, Installation
from utils.clock import kst

EVENING = kst(2026, 9, 10, 19)
SESSION, NEXT_SESSION = "2026-09-10", "2026-09-11"
TEN_PAST, NEXT_HOUR = EVENING + timedelta(minutes=10), EVENING + timedelta(minutes=70)
MORNING, LAST_SLOT = kst(2026, 9, 11, 8, 2), kst(2026, 9, 11, 8, 10)


@pytest.fixture
def page(tmp_path: Path) -> Path:
    return tmp_path / "out" / "report.html"


@pytest.fixture
def night(installation_over: Installation, page: Path) -> Installation:
    """Loaded, not analysed yet, with a report wanted; over each database."""
    installation = installation_over.with_settings({"REPORT_FILE": str(page)})
    installation.load(EVENING, "--sessions", "8")
    return installation


def job(night: Installation) -> dict[str, object]:
    return dict(night.read(NEXT_HOUR)["analyses"][SESSION])


def test_it_is_written_after_the_last_target_and_not_before(
    night: Installation, page: Path
) -> None:
    night.must(TEN_PAST, "hourly_analysis", "--quota", "5")
    assert not page.exists()
    done = night.must(NEXT_HOUR, "hourly_analysis")
    assert f"the report is in {page}" in done.log
    assert f'"session":"{SESSION}"' in page.read_text(encoding="utf-8")
    assert [file.name for file in page.parent.iterdir()] == ["report.html"]


def test_a_finished_night_leaves_its_page_alone_and_replaces_another(
    night: Installation, page: Path
) -> None:
    night.must(TEN_PAST, "hourly_analysis")
    before = page.stat().st_mtime_ns
    night.must(NEXT_HOUR, "hourly_analysis")
    assert page.stat().st_mtime_ns == before
    page.write_text("of another night")
    night.must(NEXT_HOUR, "hourly_analysis")
    assert f'"session":"{SESSION}"' in page.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_leaves_the_night_completed(
    night: Installation, page: Path
) -> None:
    page.mkdir(parents=True)
    done = night.run(TEN_PAST, "hourly_analysis")
    assert (done.code, "REPORT_FILE" in done.log) == (2, True)
    assert (job(night)["status"], job(night)["error"], job(night)["pending"]) == (
        "completed",
        None,
        0,
    )
    page.rmdir()
    night.must(NEXT_HOUR, "hourly_analysis")
    assert page.is_file()
    assert job(night)["attempts"] == 1


def test_a_target_that_cannot_be_analysed_keeps_no_report_waiting(
    night: Installation, page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    analyze = TechnicalAnalyzer.analyze

    def one_is_odd(analyzer: TechnicalAnalyzer, ticker: str) -> object:
        if ticker == night.read(TEN_PAST)["targets"][0]["_id"]:
            raise AnalysisError("it is odd")
        return analyze(analyzer, ticker)

    with monkeypatch.context() as patch:
        patch.setattr(TechnicalAnalyzer, "analyze", one_is_odd)
        night.must(TEN_PAST, "hourly_analysis")
    assert (job(night)["status"], job(night)["failed"]) == ("running", 1)
    before = page.read_bytes()
    night.must(NEXT_HOUR, "hourly_analysis")
    assert page.read_bytes() != before


def test_on_request_it_needs_no_setting(night: Installation, page: Path) -> None:
    night.must(TEN_PAST, "hourly_analysis")
    page.unlink()
    del night.own_settings["REPORT_FILE"]
    done = night.must(NEXT_HOUR, "hourly_analysis", "--report")
    found = night.folder / "data" / "report.html"
    assert str(found) in done.log
    assert f'"session":"{SESSION}"' in found.read_text(encoding="utf-8")
    assert not page.exists()


def test_on_request_it_shows_what_there_is(night: Installation, page: Path) -> None:
    night.must(TEN_PAST, "hourly_analysis", "--quota", "5")
    night.must(TEN_PAST, "hourly_analysis", "--report")
    assert '"analyzed":5,' in page.read_text(encoding="utf-8")


def test_before_anything_is_analysed_there_is_nothing_to_report(
    installation: Installation, page: Path
) -> None:
    installation.load(EVENING, "--sessions", "3")
    done = installation.run(EVENING, "hourly_analysis", "--report")
    assert (done.code, "nothing to report on" in done.log) == (75, True)
    assert not page.exists()


def test_the_mornings_slot_writes_the_page_of_what_the_morning_has_changed(
    night: Installation, page: Path
) -> None:
    night.must(TEN_PAST, "hourly_analysis")
    before = page.read_text(encoding="utf-8")
    night.must(MORNING, "daily_update")
    night.must(LAST_SLOT, "hourly_analysis")
    after = page.read_text(encoding="utf-8")
    assert '"finality":"provisional","since":"19:00"' in before
    assert '"finality":"final","since":"08:02"' in after


def test_the_mornings_slot_writes_the_page_anew_also_when_nothing_has_changed(
    installation_over: Installation, page: Path
) -> None:
    """The figures of that evening are the final ones already."""
    night = installation_over.with_settings({"REPORT_FILE": str(page)})
    night.load(MORNING, "--sessions", "8", KST_NOW=f"{EVENING:%Y-%m-%dT%H:%M}")
    night.must(TEN_PAST, "hourly_analysis")
    assert '"finality":"provisional","since":"19:00"' in page.read_text()
    night.must(MORNING, "daily_update")
    done = night.must(LAST_SLOT, "hourly_analysis")
    assert "left for later runs" not in done.log, "nothing was analysed"
    assert '"finality":"final","since":"08:02"' in page.read_text()


def test_an_empty_setting_switches_it_off(night: Installation, page: Path) -> None:
    night.own_settings["REPORT_FILE"] = ""
    night.must(TEN_PAST, "hourly_analysis")
    assert not page.exists()
    assert not (night.folder / "data" / "report.html").exists()


def test_by_default_it_is_in_the_data_folder(night: Installation, page: Path) -> None:
    night = replace(night, left_out=frozenset({"REPORT_FILE"}))
    done = night.must(TEN_PAST, "hourly_analysis")
    found = night.folder / "data" / "report.html"
    assert f"the report is in {found}" in done.log
    assert f'"session":"{SESSION}"' in found.read_text(encoding="utf-8")


def test_in_a_place_that_nobody_chose_a_page_that_cannot_be_written_fails_no_night(
    night: Installation, page: Path
) -> None:
    night = replace(night, left_out=frozenset({"REPORT_FILE"}))
    (night.folder / "data" / "report.html").mkdir(parents=True)
    done = night.must(TEN_PAST, "hourly_analysis")
    assert "report.html cannot be written there: Is a directory. Set REPORT_FILE to" in done.log
    assert job(night)["status"] == "completed"


def test_no_secret_is_in_it(night: Installation, page: Path) -> None:
    night.must(TEN_PAST, "hourly_analysis")
    text = page.read_text(encoding="utf-8")
    assert not [
        secret for secret in (LOGIN_ID, PASSWORD, "mongodb://", str(night.folder)) if secret in text
    ]

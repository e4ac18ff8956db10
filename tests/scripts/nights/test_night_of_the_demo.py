"""The demo: its night is the schedule's, and it fails unless the morning is final and the page says
so."""

from datetime import timedelta

import pytest

from sandbox import demo
from sandbox.after_market import after_market_part
from tests.harness import Installation
from utils.clock import kst
from utils.cron.schedule import starts_between

SET_UP = kst(2026, 9, 10, 17)
EVENING, MORNING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 8, 2)


def test_the_night_of_the_demo_has_three_readings_and_every_hour() -> None:
    starts = [f"{job} {moment:%H:%M}" for moment, job in starts_between(demo.SET_UP, demo.MORNING)]
    assert [start for start in starts if "daily_update" in start] == [
        f"daily_update {time}" for time in ("19:00", "20:40", "08:02")
    ]
    assert len(starts) == 3 + 14
    assert (starts[0], starts[-1]) == ("daily_update 19:00", "hourly_analysis 08:10")


def test_the_demo_reads_within_the_after_market_and_after_it() -> None:
    closed = demo.SET_UP.replace(hour=15, minute=30)
    readings = (
        moment for moment, job in starts_between(demo.SET_UP, demo.MORNING) if job == "daily_update"
    )
    first, second, *_ = readings
    late = timedelta(minutes=20)
    assert 0 < after_market_part(first - late - closed) < 1
    assert after_market_part(second - late - closed) == 1


def test_only_a_final_session_with_its_page_is_a_demo_that_succeeded(
    installation: Installation, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(demo, "SESSION", f"{EVENING:%Y-%m-%d}")
    report = installation.folder / "report.html"
    installed = installation.with_settings({"REPORT_FILE": str(report)})

    def problem() -> str | None:
        with installed.opened(MORNING) as store:
            return demo.show_finality(store, report)

    installed.must(SET_UP, "manual_setup", "--yes", "--sessions", "4")
    installed.must(EVENING, "daily_update")
    installed.must(EVENING + timedelta(minutes=10), "hourly_analysis")
    assert "is not final" in str(problem())
    installed.must(MORNING, "daily_update")
    assert "is not the page" in str(problem())
    installed.must(MORNING + timedelta(minutes=8), "hourly_analysis")
    assert problem() is None
    assert report.as_uri() in capsys.readouterr().out
    report.write_text(report.read_text(encoding="utf-8").replace('"final"', '"provisional"'))
    assert "is not the page" in str(problem())

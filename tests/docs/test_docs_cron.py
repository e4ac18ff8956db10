"""The systemd timers of docs/cron.md, read by systemd itself: sound units that fire when cron
would."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.process.cron.test_real_cron import FORTNIGHT, SEPTEMBER, starts
from utils.clock import KST, kst
from utils.cron.lines import is_line_of
from utils.cron.schedule import SCHEDULE
from utils.settings import PROJECT
from utils.store.jobs import DAILY_UPDATE

PAGE = (PROJECT / "docs" / "cron.md").read_text(encoding="utf-8")
UNITS = dict(re.findall(r"^`(krx-[\w.-]+)`\n\n```ini\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
MONDAY = kst(2026, 9, 14)


def systemd_analyze(*arguments: str) -> str:
    try:
        done = subprocess.run(
            ["systemd-analyze", *arguments],
            env={**os.environ, "TZ": "UTC"},
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("*** NO systemd-analyze: THE TIMERS OF docs/cron.md WERE NOT TRIED ***")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def fires(expression: str) -> list[datetime]:
    """Return the moments in the fortnight."""
    base = f"{MONDAY.astimezone(UTC) - timedelta(seconds=1):%Y-%m-%d %H:%M:%S} UTC"
    shown = systemd_analyze("calendar", f"--base-time={base}", "--iterations=200", expression)
    moments = re.findall(r"(?:elapse|#\d+): \w+ (\S+ \S+) UTC", shown)
    assert len(moments) == 200
    all_of_them = [
        datetime.strptime(moment, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) for moment in moments
    ]
    return [moment for moment in all_of_them if moment < MONDAY + FORTNIGHT]


def test_the_timers_fire_when_cron_would() -> None:
    fired: list[str] = []
    for name, text in UNITS.items():
        (script,) = re.findall(
            r"python (\w+\.py)$", UNITS[name.replace(".timer", ".service")], re.MULTILINE
        )
        for expression in re.findall(r"^OnCalendar=(.+)$", text, re.MULTILINE):
            fired += [
                f"{moment.astimezone(KST):%Y-%m-%d %H:%M} {script}" for moment in fires(expression)
            ]
    assert sorted(fired) == starts(SEPTEMBER)


def test_the_monitor_expects_a_ping_whenever_the_timer_starts_an_update() -> None:
    page = (PROJECT / "docs" / "notifications.md").read_text(encoding="utf-8")
    (expected,) = re.findall(r"^```\n((?:.+ Asia/Seoul\n)+)```$", page, re.MULTILINE)
    timer = re.findall(r"^OnCalendar=(.+)$", UNITS["krx-daily-update.timer"], re.MULTILINE)
    assert expected.splitlines() == timer
    assert "`2 8 * * 2-6`" in page
    (final,) = [start for start in SCHEDULE if start.job == DAILY_UPDATE and start.days[0] == 2]
    assert is_line_of(final, "2 8 * * 2-6 x")


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    assert len(UNITS) == PAGE.count("```ini")
    assert sorted(UNITS) == [
        "krx-daily-update.service",
        "krx-daily-update.timer",
        "krx-hourly-analysis.service",
        "krx-hourly-analysis.timer",
    ]
    for name, text in UNITS.items():
        (tmp_path / name).write_text(
            text.replace("/home/you/krx-night-shift/.venv/bin/python", sys.executable)
        )
    shown = systemd_analyze("verify", *(str(tmp_path / name) for name in UNITS))
    assert [line for line in shown.splitlines() if "krx-" in line] == []

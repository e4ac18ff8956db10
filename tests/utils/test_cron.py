"""The crontab lines: plain on a host that keeps KST, guarded elsewhere, and evaluated here by a
real shell."""

import os
import re
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from utils.cron import cron_lines

KST = {timedelta(hours=9)}
UTC = {timedelta(0)}
PROJECT, PYTHON, LOGS = Path("/opt/krx"), Path("/opt/krx/.venv/bin/python"), Path("/var/log/krx")
EVERY_HOUR = [f"{day}-{hour:02}" for day in range(1, 8) for hour in range(24)]


def test_a_host_that_keeps_kst_gets_the_lines_of_the_contract() -> None:
    run = "cd /opt/krx && mkdir -p /var/log/krx && /opt/krx/.venv/bin/python"
    log = ">> /var/log/krx/cron.log 2>&1"
    assert cron_lines(PROJECT, PYTHON, LOGS, KST) == [
        f"0 19 * * 1-5 {run} /opt/krx/daily_update.py {log}",
        f"10 19-23 * * 1-5 {run} /opt/krx/hourly_analysis.py {log}",
        f"10 0-8 * * 2-6 {run} /opt/krx/hourly_analysis.py {log}",
    ]


@pytest.mark.parametrize(
    ("hours", "update", "analysis"),
    [
        ({0}, "0", "10"),
        ({-5, -4}, "0", "10"),
        ({8, 9}, "0", "10"),
        ({5.5}, "30", "40"),
        ({5.75}, "45", "55"),
        ({-3.5, -2.5}, "30", "40"),
        ({10.5, 11}, "0,30", "10,40"),
    ],
    ids=str,
)
def test_elsewhere_the_lines_fire_every_hour_at_the_minute_that_it_is_in_korea(
    hours: set[float], update: str, analysis: str
) -> None:
    lines = cron_lines(PROJECT, PYTHON, LOGS, {timedelta(hours=each) for each in hours})
    assert [line.split()[:5] for line in lines] == [[update, *"****"], [analysis, *"****"]]
    assert [re.findall(r"\w+\.py", line) for line in lines] == [
        ["daily_update.py"],
        ["hourly_analysis.py"],
    ]


@pytest.mark.parametrize("offsets", [KST, UTC], ids=["KST", "UTC"])
def test_no_percent_sign_reaches_cron_bare(offsets: set[timedelta]) -> None:
    for line in cron_lines(PROJECT, PYTHON, LOGS, offsets):
        assert not re.search(r"(?<!\\)%", line)


class Host:
    """A host whose cron job is run by a real `sh`; its `date` says what the test wants, its python
    notes who ran."""

    def __init__(self, root: Path) -> None:
        self.project, self.bin, self.ran = root / "krx", root / "bin", root / "krx" / "ran"
        for folder in (self.project, self.bin):
            folder.mkdir(parents=True)
        # Only asked in Korea's zone and for weekday and hour, otherwise it has no answer.
        self._script(self.bin / "date", '[ "$TZ $1" = "KST-9 +%u-%H" ] && echo "$NOW_IN_KOREA"')
        self.python = self._script(self.bin / "python", 'echo "${1##*/}" >> ran; echo output')

    def _script(self, path: Path, text: str) -> Path:
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        return path

    def lines(self, offsets: set[timedelta]) -> list[str]:
        return cron_lines(self.project, self.python, self.project / "logs", offsets)

    def fire(self, line: str, now_in_korea: str) -> list[str]:
        """What cron does with the sixth field, at that weekday and hour in Korea; which scripts
        ran."""
        self.ran.unlink(missing_ok=True)
        command = line.split(" ", 5)[5]
        assert not re.search(r"(?<!\\)%", command)  # cron would end the command there
        environment = {"PATH": f"{self.bin}:{os.environ['PATH']}", "NOW_IN_KOREA": now_in_korea}
        job = ["/bin/sh", "-c", command.replace(r"\%", "%")]
        subprocess.run(job, cwd="/", env=environment, check=True, timeout=10)
        return self.ran.read_text().split() if self.ran.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_the_guard_of_the_update_lets_only_weekdays_at_19_pass(host: Host) -> None:
    update, _ = host.lines(UTC)
    fired = [moment for moment in EVERY_HOUR if host.fire(update, moment)]
    assert fired == ["1-19", "2-19", "3-19", "4-19", "5-19"]


def test_the_guard_of_the_analysis_lets_the_five_nights_pass_to_their_mornings(host: Host) -> None:
    _, analysis = host.lines(UTC)
    fired = {moment for moment in EVERY_HOUR if host.fire(analysis, moment)}
    evenings = {f"{day}-{hour:02}" for day in (1, 2, 3, 4, 5) for hour in (19, 20, 21, 22, 23)}
    mornings = {f"{day}-{hour:02}" for day in (2, 3, 4, 5, 6) for hour in range(9)}
    assert fired == evenings | mornings


@pytest.mark.parametrize("moment", ["5-19", "5-23", "6-00", "6-08"])
def test_fridays_night_lasts_until_saturday_morning(host: Host, moment: str) -> None:
    assert host.fire(host.lines(UTC)[1], moment) == ["hourly_analysis.py"]


@pytest.mark.parametrize(
    "moment", ["6-09", "6-19", "7-19", "7-23", "1-00", "1-08", "1-18", "3-09", "3-18"]
)
def test_sundays_night_and_the_days_are_left_alone(host: Host, moment: str) -> None:
    assert [host.fire(line, moment) for line in host.lines(UTC)] == [[], []]


def test_a_plain_line_runs_its_script_in_the_project_and_keeps_its_output_in_a_folder_that_it_makes(
    host: Host,
) -> None:
    assert [host.fire(line, "") for line in host.lines(KST)] == [
        ["daily_update.py"],
        ["hourly_analysis.py"],
        ["hourly_analysis.py"],
    ]
    assert (host.project / "logs" / "cron.log").read_text() == "output\n" * 3


@pytest.mark.parametrize("offsets", [KST, UTC], ids=["KST", "UTC"])
@pytest.mark.parametrize("folder", ["my stocks", "100% 주식", "O'Neil", "a;b&c"])
def test_a_folder_of_any_name_will_do(folder: str, offsets: set[timedelta], tmp_path: Path) -> None:
    host = Host(tmp_path / folder)
    assert host.fire(host.lines(offsets)[0], "1-19") == ["daily_update.py"]


def test_the_real_date_understands_the_zone_and_the_format() -> None:
    asked = subprocess.run(
        ["/bin/sh", "-c", "TZ=KST-9 date -d @1705917600 +%u-%H"],
        capture_output=True,
        text=True,
        check=False,
    )
    if asked.returncode:
        pytest.skip("this host's date cannot show a given moment")
    assert asked.stdout == "1-19\n"  # 2024-01-22T10:00Z, a Monday

"""The cron lines in both forms, evaluated here by a real shell."""

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from utils.cron.lines import cron_lines, is_line_of
from utils.cron.schedule import SCHEDULE

FORMS = pytest.mark.parametrize("in_kst", [True, False], ids=["plain", "every quarter"])
PROJECT, PYTHON, LOGS = Path("/opt/krx"), Path("/opt/krx/.venv/bin/python"), Path("/var/log/krx")
RUN = "cd /opt/krx && mkdir -p /var/log/krx && /opt/krx/.venv/bin/python"
LOG = ">> /var/log/krx/cron.log 2>&1"
DAYS, HOURS = range(1, 8), range(24)


def test_a_host_that_keeps_kst_gets_the_lines_of_the_contract() -> None:
    assert cron_lines(PROJECT, PYTHON, LOGS, in_kst=True) == [
        f"0 19 * * 1-5 {RUN} /opt/krx/daily_update.py {LOG}",
        f"10 19-23 * * 1-5 {RUN} /opt/krx/hourly_analysis.py {LOG}",
        f"40 20 * * 1-5 {RUN} /opt/krx/daily_update.py {LOG}",
        f"10 0-8 * * 2-6 {RUN} /opt/krx/hourly_analysis.py {LOG}",
        f"2 8 * * 2-6 {RUN} /opt/krx/daily_update.py {LOG}",
    ]


def test_any_other_host_gets_lines_that_ask_every_quarter_of_an_hour() -> None:
    asked = '* * * * case "$(TZ=KST-9 date +\\%u-\\%H:\\%M)" in'
    assert cron_lines(PROJECT, PYTHON, LOGS, in_kst=False) == [
        f"0,15,30,45 {asked} [1-5]-19:0?) {RUN} /opt/krx/daily_update.py {LOG};; esac",
        f"10,25,40,55 {asked} [1-5]-19:1?|[1-5]-2[0-3]:1?)"
        f" {RUN} /opt/krx/hourly_analysis.py {LOG};; esac",
        f"10,25,40,55 {asked} [1-5]-20:4?) {RUN} /opt/krx/daily_update.py {LOG};; esac",
        f"10,25,40,55 {asked} [2-6]-0[0-8]:1?) {RUN} /opt/krx/hourly_analysis.py {LOG};; esac",
        f"2,17,32,47 {asked} [2-6]-08:0?) {RUN} /opt/krx/daily_update.py {LOG};; esac",
    ]


@FORMS
def test_a_line_is_known_by_its_beginning_and_is_of_one_start_alone(in_kst: bool) -> None:
    lines = cron_lines(Path("/elsewhere"), PYTHON, LOGS, in_kst=in_kst)
    of = [[str(start) for start in SCHEDULE if is_line_of(start, line)] for line in lines]
    assert of == [[str(start)] for start in SCHEDULE]
    spaced = lines[2].replace(" ", "\t ", 4)
    assert [str(start) for start in SCHEDULE if is_line_of(start, spaced)] == of[2]


@pytest.mark.parametrize(
    "line", ["0 20 * * 1-5 x", "0 19 * * 1-55 x", "#0 19 * * 1-5 x", "0 19 * * *", ""]
)
def test_a_line_at_another_time_is_of_no_start(line: str) -> None:
    assert not any(is_line_of(start, line) for start in SCHEDULE)


@FORMS
def test_no_percent_sign_reaches_cron_bare(in_kst: bool) -> None:
    for line in cron_lines(PROJECT, PYTHON, LOGS, in_kst=in_kst):
        assert not re.search(r"(?<!\\)%", line)


class Host:
    """A host whose cron job is run by a real `sh`; its python notes which script ran and when."""

    def __init__(self, root: Path) -> None:
        self.project, self.ran = root / "krx", root / "krx" / "ran"
        self.project.mkdir(parents=True)
        self.python = self.project / "python"
        self.python.write_text('#!/bin/sh\necho "$NOW ${1##*/}" >> ran; echo output\n')
        self.python.chmod(0o755)

    def lines(self, *, in_kst: bool = False) -> list[str]:
        return cron_lines(self.project, self.python, self.project / "logs", in_kst=in_kst)

    def fire(self, line: str, *moments: str) -> list[str]:
        """Run the sixth field as cron does, at these weekdays, hours and minutes in Korea; return
        what ran when."""
        self.ran.unlink(missing_ok=True)
        command = line.split(" ", 5)[5]
        assert not re.search(r"(?<!\\)%", command)  # cron would end the command there
        # It is only asked in Korea's zone and in the line's format, otherwise it has no answer.
        date = 'date() { [ "$TZ $1" = "KST-9 +%u-%H:%M" ] && echo "$NOW"; }'
        at_each = f"{date}\nexport NOW\nfor NOW in {shlex.join(moments)}; do (\n"
        subprocess.run(
            ["/bin/sh", "-c", at_each + command.replace(r"\%", "%") + "\n) done"],
            cwd="/",
            env={"PATH": "/usr/bin:/bin"},
            check=True,
            timeout=60,
        )
        return self.ran.read_text().splitlines() if self.ran.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def ticks(line: str) -> list[str]:
    """Return every moment of a week at which the line fires, on a host in any zone."""
    minutes = line.split()[0].split(",")
    return [f"{day}-{hour:02}:{minute:>02}" for day in DAYS for hour in HOURS for minute in minutes]


@pytest.mark.parametrize(
    ("number", "days", "hours", "start"),
    [
        (0, (1, 2, 3, 4, 5), (19,), "00 daily_update.py"),
        (1, (1, 2, 3, 4, 5), (19, 20, 21, 22, 23), "10 hourly_analysis.py"),
        (2, (1, 2, 3, 4, 5), (20,), "40 daily_update.py"),
        (3, (2, 3, 4, 5, 6), (0, 1, 2, 3, 4, 5, 6, 7, 8), "10 hourly_analysis.py"),
        (4, (2, 3, 4, 5, 6), (8,), "02 daily_update.py"),
    ],
    ids=["first", "evening", "second", "morning", "last"],
)
def test_in_a_week_a_line_starts_its_script_when_it_should_and_never_else(
    number: int, days: tuple[int, ...], hours: tuple[int, ...], start: str, host: Host
) -> None:
    line = host.lines()[number]
    fired = [f"{day}-{hour:02}:{start}" for day in days for hour in hours]
    assert host.fire(line, *ticks(line)) == fired


def test_a_start_that_is_some_minutes_late_counts(host: Host) -> None:
    first, evening, second, morning, last = host.lines()
    assert host.fire(first, "5-19:04", "5-19:14") == ["5-19:04 daily_update.py"]
    assert host.fire(evening, "5-23:12", "5-23:20") == ["5-23:12 hourly_analysis.py"]
    assert host.fire(second, "5-20:49", "5-20:55") == ["5-20:49 daily_update.py"]
    assert host.fire(morning, "6-08:19", "6-08:25") == ["6-08:19 hourly_analysis.py"]
    assert host.fire(last, "6-08:09", "6-08:17") == ["6-08:09 daily_update.py"]


def test_no_two_ticks_of_a_line_are_in_one_stretch_of_ten_minutes() -> None:
    """The last digit of the minute is left open, so they would both start the script."""
    for start, line in zip(SCHEDULE, cron_lines(PROJECT, PYTHON, LOGS, in_kst=False), strict=True):
        minutes = [int(minute) for minute in line.split()[0].split(",")]
        assert [each for each in minutes if each // 10 == start.minute // 10] == [start.minute]


def test_a_plain_line_runs_its_script_in_the_project_and_keeps_its_output_in_a_folder_that_it_makes(
    host: Host,
) -> None:
    assert [host.fire(line, "now") for line in host.lines(in_kst=True)] == [
        ["now daily_update.py"],
        ["now hourly_analysis.py"],
        ["now daily_update.py"],
        ["now hourly_analysis.py"],
        ["now daily_update.py"],
    ]
    assert (host.project / "logs" / "cron.log").read_text() == "output\n" * 5


@FORMS
@pytest.mark.parametrize("folder", ["my stocks", "100% 주식", "O'Neil", "a;b&c"])
def test_a_folder_of_any_name_will_do(folder: str, in_kst: bool, tmp_path: Path) -> None:
    host = Host(tmp_path / folder)
    assert host.fire(host.lines(in_kst=in_kst)[0], "1-19:00") == ["1-19:00 daily_update.py"]


def test_the_real_date_understands_the_zone_and_the_format() -> None:
    moment = "1705917600"  # GNU's date takes it after -d, BSD's after -r
    shown = "date {} +%u-%H:%M".format
    asked = subprocess.run(
        [
            "/bin/sh",
            "-c",
            f"export TZ=KST-9; {shown(f'-d @{moment}')} 2>/dev/null || {shown(f'-r {moment}')}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert asked.stdout == "1-19:00\n"  # 2024-01-22T10:00Z, a Monday

"""The cron lines of the schedule, in a form for hosts that keep Korean time and in one for all."""

import shlex
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from utils.cron.schedule import SCHEDULE, Start


def cron_lines(project: Path, python: Path, log_dir: Path, *, in_kst: bool) -> list[str]:
    """Return one line for each entry of the schedule.

    Args:
        in_kst: cron reads the lines in Korean time. Otherwise they fire every quarter of an hour
            and ask first what time it is in Korea.
    """
    lines = []
    for start in SCHEDULE:
        command = _command(project, python, log_dir, start.script)
        lines.append(
            f"{_plain(start)} {command}" if in_kst else f"{_every_quarter(start)} {command};; esac"
        )
    return lines


def is_line_of(start: Start, line: str) -> bool:
    """Return whether a line of a crontab begins as one of the two forms of this start."""
    words = " ".join(line.split())
    return words.startswith((f"{_plain(start)} ", f"{_every_quarter(start)} "))


def _plain(start: Start) -> str:
    return f"{start.minute} {_span(start.hours)} * * {_span(start.days)}"


def _every_quarter(start: Start) -> str:
    """Return the beginning of a line that is right in any zone.

    Every zone is whole quarters of an hour off Korea, with and without daylight saving. `%` means
    a new line to cron, hence `\\%`. KST-9 is a POSIX zone, because TZ=Asia/Seoul means UTC where
    tzdata is not installed.
    """
    minutes = ",".join(map(str, range(start.minute % 15, 60, 15)))
    asked = '"$(TZ=KST-9 date +\\%u-\\%H:\\%M)"'
    return f"{minutes} * * * * case {asked} in {_moments(start)})"


def _moments(start: Start) -> str:
    """Return the shell's patterns for weekday, hour and minute, such as `[1-5]-2[0-3]:1?`.

    They leave the last digit of the minute open, so that a start that is some minutes late counts.
    """
    tens_of_hours = groupby(start.hours, key=lambda hour: hour // 10)
    return "|".join(
        f"{_digit(start.days)}-{tens}{_digit([hour % 10 for hour in hours])}:{start.minute // 10}?"
        for tens, hours in tens_of_hours
    )


def _digit(numbers: Sequence[int]) -> str:
    return f"[{_span(numbers)}]" if len(numbers) > 1 else _span(numbers)


def _span(numbers: Sequence[int]) -> str:
    first, last = numbers[0], numbers[-1]
    return f"{first}" if first == last else f"{first}-{last}"


def _command(project: Path, python: Path, log_dir: Path, script: str) -> str:
    """Return the command, quoted for the shell and then for cron, which ends a command at `%`.

    The log's folder is made first: without it the shell would start nothing. `cd` is for files that
    a URI names by a relative path. When the folder is gone, `cd` fails and keeps it from being made
    anew.
    """
    paths = (project, log_dir, python, project / script, log_dir / "cron.log")
    folder, logs, program, script_file, log_file = (shlex.quote(str(path)) for path in paths)
    return f"cd {folder} && mkdir -p {logs} && {program} {script_file} >> {log_file} 2>&1".replace(
        "%", "\\%"
    )

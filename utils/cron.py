"""The cron lines of the suite, right on any host: Debian's cron ignores CRON_TZ, so UTC hosts need
a guard."""

import shlex
from datetime import timedelta
from pathlib import Path

KST_OFFSET = timedelta(hours=9)

# A night that begins on Friday ends on Saturday: hours 19-23 are days 1-5, hours 0-8 are days 2-6.
_NIGHT = (("daily_update.py", "0", "19", "1-5"), ("hourly_analysis.py", "10", "19-23", "1-5"))
_MORNING = (("hourly_analysis.py", "10", "0-8", "2-6"),)
_GUARDS = {
    "daily_update.py": "[1-5]-19",
    "hourly_analysis.py": "[1-5]-19|[1-5]-2[0-3]|[2-6]-0[0-8]",
}


def cron_lines(
    project: Path, python: Path, log_dir: Path, host_offsets: set[timedelta]
) -> list[str]:
    """The crontab lines for a host whose local time is ahead of UTC by these offsets (two with
    daylight saving).

    On a host that keeps KST they are plain; elsewhere they fire every hour and ask for the hour in
    Korea first.
    """
    if host_offsets == {KST_OFFSET}:
        return [
            f"{minute} {hours} * * {days} {_command(project, python, log_dir, script)}"
            for script, minute, hours, days in (*_NIGHT, *_MORNING)
        ]
    return [
        _guarded_line(project, python, log_dir, script, minute, host_offsets)
        for script, minute, _, _ in _NIGHT
    ]


def _guarded_line(
    project: Path,
    python: Path,
    log_dir: Path,
    script: str,
    minute: str,
    host_offsets: set[timedelta],
) -> str:
    """In a zone of half or quarter hours the minute moves with it. `%` means a new line to cron,
    hence `\\%`."""
    local = {(int(minute) + int(offset.total_seconds()) // 60) % 60 for offset in host_offsets}
    minutes = ",".join(map(str, sorted(local)))
    command = _command(project, python, log_dir, script)
    # A POSIX zone, because TZ=Asia/Seoul means UTC where tzdata is not installed.
    return f'{minutes} * * * * case "$(TZ=KST-9 date +\\%u-\\%H)" in {_GUARDS[script]}) {command};; esac'


def _command(project: Path, python: Path, log_dir: Path, script: str) -> str:
    """Quoted for the shell, then for cron, to which `%` is the end of the command.

    The log's folder is made first: without it the shell would start nothing. `cd` is for files that
    a URI names by a relative path, and keeps the folder from being made anew when it is gone.
    """
    paths = (project, log_dir, python, project / script, log_dir / "cron.log")
    folder, logs, program, script_file, log_file = (shlex.quote(str(path)) for path in paths)
    return f"cd {folder} && mkdir -p {logs} && {program} {script_file} >> {log_file} 2>&1".replace(
        "%", "\\%"
    )

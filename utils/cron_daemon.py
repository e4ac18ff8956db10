"""Which cron this host has: whether it honours CRON_TZ, and whether it is at work."""

from collections.abc import Iterable
from pathlib import Path

NAMES = ("cron", "crond")
FOLDERS = tuple(map(Path, ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")))
PROCESSES = Path("/proc")


def honours_cron_tz(folders: Iterable[Path] = FOLDERS) -> bool | None:
    """Whether the daemon reads the fields of a line in the zone of the last `CRON_TZ=` above it.
    None: nobody can tell, because there is no daemon, several that differ, or one that may not be
    read.

    cronie does, Debian's cron and busybox do not. The name of the variable stands in the program of
    one that does. The program is not asked: to a daemon an option that it does not know may mean to
    start.
    """
    programs = [path for folder in folders for name in NAMES if (path := folder / name).is_file()]
    try:
        answers = {b"CRON_TZ" in program.read_bytes() for program in programs}
    except OSError:
        return None
    return answers.pop() if len(answers) == 1 else None


def is_running(processes: Path = PROCESSES) -> bool | None:
    """Whether a cron daemon is at work. None where the processes of others cannot be seen."""
    if not (processes / "1" / "comm").is_file():
        return None
    return any(_name(process) in NAMES for process in processes.glob("[0-9]*/comm"))


def _name(comm: Path) -> str:
    try:
        return comm.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it has ended since
        return ""

"""The cron daemon of this host."""

import shutil
from pathlib import Path

NAMES = ("cron", "crond")
FOLDERS = "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"
PROCESSES = Path("/proc")


def is_stopped(folders: str = FOLDERS, processes: Path = PROCESSES) -> bool:
    """Return whether a cron daemon is installed and none is running.

    False where this cannot be known: the daemon has another name, or the host hides the processes
    of others.
    """
    if not any(shutil.which(name, path=folders) for name in NAMES):
        return False
    if not (processes / "1" / "comm").is_file():
        return False
    return not any(_name(process) in NAMES for process in processes.glob("[0-9]*/comm"))


def _name(comm: Path) -> str:
    try:
        return comm.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # it has ended since
        return ""

"""Real cron where nobody sees it: in a mount namespace of its own it has no crontabs but those
given to it, and the host neither gets one nor hears of the daemon."""

import os
import shlex
import shutil
import struct
import subprocess
from datetime import datetime
from pathlib import Path

TOOLS = ("unshare", "mount", "cron", "crontab", "cc")
HIDE_THE_HOST = """
mount -t tmpfs none /run
mount -t tmpfs none /etc/cron.d
mount -t tmpfs none /var/spool/cron
mkdir -m 1730 /var/spool/cron/crontabs
: > /run/crontab
mount --bind /run/crontab /etc/crontab
"""
SECONDS = 400
"""The most that a fortnight takes on a busy machine."""


def in_private(script: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """A shell script where the crontabs are its own."""
    return subprocess.run(
        ["unshare", "--mount", "sh", "-euc", HIDE_THE_HOST + script],
        env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def why_not() -> str:
    """Return what is missing here for a real cron; empty when nothing is."""
    if os.geteuid():
        return "only root can have a mount namespace with a cron in it"
    if missing := [
        tool for tool in TOOLS if shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin") is None
    ]:
        return f"not installed: {', '.join(missing)}"
    tried = in_private("true")
    return f"no mount namespace: {tried.stderr.strip()}" if tried.returncode else ""


class CronHost:
    """A host with a cron, a time zone and a project whose Python only notes what was started, where
    and when."""

    def __init__(self, folder: Path, clock_library: Path) -> None:
        self.project, self.logs = folder / "night shift", folder / "night shift" / "logs"
        self.project.mkdir()
        self.python = folder / "python"
        self.python.write_text(
            '#!/bin/sh\necho "$(TZ=KST-9 date "+%F %H:%M") ${1##*/}" >> fired\n'
            'echo "output of ${1##*/}"\n'
        )
        self.python.chmod(0o755)
        self._clock, self._clock_library, self._crontab = (
            folder / "clock",
            clock_library,
            folder / "crontab",
        )

    def run(self, crontab: list[str], zone: str, start: datetime, end: datetime) -> list[str]:
        """Return what cron fires with this crontab from start to end: `2026-09-14 19:00
        daily_update.py`, in KST, in order."""
        self._clock.write_bytes(struct.pack("qq", int(start.timestamp()), int(end.timestamp())))
        clock = {"LD_PRELOAD": str(self._clock_library), "FAKE_CLOCK": str(self._clock)}
        for_the_jobs = [f"{name}={value}" for name, value in clock.items()]
        self._crontab.write_text("\n".join([*for_the_jobs, *crontab, ""]))
        for_cron = shlex.join(["env", *for_the_jobs, f"TZ={zone}", "cron", "-f"])
        done = in_private(f"crontab {shlex.quote(str(self._crontab))}\nexec {for_cron}")
        assert done.returncode == 0, done.stderr
        return (self.project / "fired").read_text().splitlines()

"""This project's block in the user's crontab: shown, put in, taken out. Every other line is kept as
it is.

A crontab is bytes here, because nobody says in which encoding it is.
"""

import hashlib
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from utils.clock import Clock
from utils.cron import cron_lines
from utils.cron_daemon import honours_cron_tz, is_running
from utils.errors import EXIT_DONE, NightShiftError, WrongUsage
from utils.settings import PROJECT, Settings

log = logging.getLogger(__name__)

SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh")
"""Those that read the lines as they are meant."""
_SCRIPTS = (b"daily_update.py", b"hourly_analysis.py")
_MARK = re.compile(rb"# krx-night-shift: (begin|end) ")
_NONE_YET = re.compile(rb"no crontab for|can't open '.*': No such file", re.IGNORECASE)


@dataclass(frozen=True)
class Place:
    """A crontab, cut where a project's block stands. Without one, `above` is all of it."""

    above: bytes
    block: bytes
    below: bytes

    def filled(self, block: bytes) -> bytes:
        """The crontab with this block. Cron demands that a line ends, so the last one above is
        ended."""
        unended = self.above and not self.above.endswith(b"\n")
        return self.above + (b"\n" if unended else b"") + block + self.below


def marker(which: str, project: Path) -> bytes:
    """`begin` or `end`, with the folder, so that several projects of one user keep out of each
    other's way."""
    return os.fsencode(f"# krx-night-shift: {which} {project}")


def find_block(text: bytes, project: Path) -> Place:
    """Raises `WrongUsage` when this project's markers are not one pair around nothing but its own
    lines."""
    lines = text.splitlines(keepends=True)
    pair = [marker("begin", project), marker("end", project)]
    marks = {number: line.strip() for number, line in enumerate(lines) if _MARK.match(line.strip())}
    ours = [number for number, mark in marks.items() if mark in pair]
    if not ours:
        return Place(text, b"", b"")
    first, last = ours[0], ours[-1]
    if [mark for number, mark in marks.items() if first <= number <= last] != pair:
        found = ", ".join(str(number + 1) for number in marks if first <= number <= last)
        raise WrongUsage(
            f"The marker lines of {project} in your crontab are damaged: one `begin` and one `end` belong there, and"
            f" there are lines {found}. Nothing was changed. Mend or delete them with `crontab -e`."
        )
    return Place(
        b"".join(lines[:first]), b"".join(lines[first : last + 1]), b"".join(lines[last + 1 :])
    )


def setting_of(above: bytes, name: str) -> str | None:
    """What the last `NAME=value` of these lines says: cron holds to it in all lines below."""
    said = re.findall(rb"^[ \t]*%b[ \t]*=[ \t]*(.*?)[ \t\r]*$" % name.encode(), above, re.MULTILINE)
    return os.fsdecode(said[-1].strip(b"\"'")) if said else None


class UserCrontab:
    """The crontab of the user who runs this, through the `crontab` command."""

    def __init__(self) -> None:
        command = shutil.which("crontab")
        if command is None:
            raise WrongUsage(
                "There is no `crontab` command. Install cron, or take the systemd timers of docs/cron.md."
            )
        self._command = command

    def read(self) -> bytes:
        done = self._run("-l")
        if done.returncode and not _NONE_YET.search(done.stderr):
            raise WrongUsage(
                f"`crontab -l` fails: {_said(done)} See to it, or take the systemd timers of docs/cron.md."
            )
        return b"" if done.returncode else done.stdout

    def write(self, text: bytes) -> None:
        """Replace all of it, and read it back."""
        done = self._run("-", text)
        if done.returncode:
            raise WrongUsage(
                f"`crontab` does not take the new lines: {_said(done)} Your crontab is as it was."
            )
        if text not in self.read():
            raise NightShiftError(
                "Your crontab is not what was written. Look at it with `crontab -l`."
            )

    def _run(self, argument: str, text: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            [self._command, argument], input=text, capture_output=True, check=False
        )


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}."


def change_crontab(action: str, settings: Settings, clock: Clock) -> int:
    """`--cron`: print the block as it is right in this crontab, install or remove it."""
    actions: dict[str, Callable[[Settings, Clock], None]] = {
        "print": show,
        "install": install,
        "remove": remove,
    }
    actions[action](settings, clock)
    return EXIT_DONE


def show(settings: Settings, clock: Clock) -> None:
    """To stdout; what is wrong with the crontab or with cron is a warning."""
    place, problem = _place_and_problem()
    if problem:
        log.warning("%s", problem)
    sys.stdout.write(os.fsdecode(block_for(place.above, settings, clock)))
    _warn(place)


def schedule_in_crontab() -> bool | None:
    """Whether lines of this user's crontab start both scripts of this project. None: no crontab can
    be read."""
    try:
        lines = UserCrontab().read().splitlines()
    except WrongUsage:
        return None
    started = {script for line in lines for script in _scripts_started(line)}
    return len(started) == len(_SCRIPTS)


def install(settings: Settings, clock: Clock) -> None:
    """Raises `WrongUsage` when there is no crontab to be had, or the block would not work in it."""
    crontab = UserCrontab()
    old = crontab.read()
    place = find_block(old, PROJECT)
    _refuse_strange_shell(place.above)
    new = place.filled(block_for(place.above, settings, clock))
    if new == old:
        log.info("Your crontab has the right lines already.")
    else:
        _replace(crontab, old, new, settings, clock)
        log.info(
            "The lines are in your crontab. `manual_setup.py --cron remove` takes them out again."
        )
    _warn(place)


def remove(settings: Settings, clock: Clock) -> None:
    crontab = UserCrontab()
    old = crontab.read()
    place = find_block(old, PROJECT)
    if place.block:
        _replace(crontab, old, place.above + place.below, settings, clock)
        log.info("The lines are no longer in your crontab.")
    else:
        log.info("Your crontab has no block of %s. Nothing was changed.", PROJECT)


def block_for(above: bytes, settings: Settings, clock: Clock) -> bytes:
    """The lines between their markers, right below these lines of a crontab."""
    if "\n" in f"{PROJECT}{sys.executable}{settings.log_dir}":
        raise WrongUsage(
            "Cron cannot start what lies in a folder with a line break in its name. Rename it."
        )
    python = Path(sys.executable).absolute()
    lines = cron_lines(
        PROJECT, python, settings.log_dir, utc_offsets_below(above, clock, honours_cron_tz())
    )
    return b"\n".join(
        [marker("begin", PROJECT), *map(os.fsencode, lines), marker("end", PROJECT), b""]
    )


def utc_offsets_below(above: bytes, clock: Clock, honours: bool | None) -> set[timedelta]:
    """What the zone is ahead of UTC in which cron reads the lines below these. In doubt the offsets
    of both zones, for which `cron_lines` has an answer that is right in either."""
    zone = setting_of(above, "CRON_TZ")
    if zone is None or honours is False:
        return clock.host_utc_offsets()
    named = clock.zone_utc_offsets(zone)
    return named if honours else named | clock.host_utc_offsets()


def advice(settings: Settings, clock: Clock) -> tuple[str, str, str]:
    """How it is with the lines, for the end of the setup: `cron_installed`, `cron_missing`,
    `cron_impossible` where there is no `crontab` command, `cron_refused` where it would not take
    them; the lines; why it would not."""
    place, problem = _place_and_problem()
    block = block_for(place.above, settings, clock)
    state = "cron_installed" if place.block == block else "cron_missing"
    if problem:
        state = "cron_impossible" if shutil.which("crontab") is None else "cron_refused"
    return state, os.fsdecode(block), problem


def nothing_starts_cron() -> bool:
    """Whether no cron daemon is running, on a host where that can be told."""
    return honours_cron_tz() is not None and is_running() is False


def can_be_installed(settings: Settings, clock: Clock) -> bool:
    """Whether a sound crontab can be had and the right lines are not in it."""
    try:
        place = find_block(UserCrontab().read(), PROJECT)
    except WrongUsage:
        return False
    return place.block != block_for(place.above, settings, clock)


def _place_and_problem() -> tuple[Place, str]:
    """For what only shows; what keeps the lines out of the crontab, empty for nothing."""
    place = Place(b"", b"", b"")
    try:
        place = Place(UserCrontab().read(), b"", b"")
        place = find_block(place.above, PROJECT)
        _refuse_strange_shell(place.above)
    except WrongUsage as problem:
        return place, str(problem)
    return place, ""


def _scripts_started(line: bytes) -> set[bytes]:
    """Those of this project that a line of a crontab starts."""
    is_ours = os.fsencode(
        str(PROJECT).replace("%", "\\%")
    ) in line and not line.lstrip().startswith(b"#")
    return {script for script in _SCRIPTS if is_ours and script in line}


def _refuse_strange_shell(above: bytes) -> None:
    shell = setting_of(above, "SHELL")
    if shell is not None and Path(shell).name not in SHELLS:
        raise WrongUsage(
            f"Your crontab says SHELL={shell}, which does not read the lines as they are meant. Nothing was changed."
            " Put `SHELL=/bin/sh` below the lines that need it, at the end of the crontab."
        )


def _replace(
    crontab: UserCrontab, old: bytes, new: bytes, settings: Settings, clock: Clock
) -> None:
    """Write the new crontab; the old one is kept beside the logs, readable by its owner alone."""
    if old:
        digest = hashlib.sha256(old).hexdigest()[:8]  # so that no other crontab is written over
        kept = settings.log_dir / f"crontab-{clock.now_kst():%Y-%m-%d}-{digest}.bak"
        kept.touch(mode=0o600)
        kept.write_bytes(old)
        log.info("Your crontab as it was is kept in %s.", kept)
    crontab.write(new)


def _warn(place: Place) -> None:
    """About what would keep the night shift from starting, or start it twice."""
    for line in (place.above + place.below).splitlines():
        if _scripts_started(line):
            log.warning(
                "Another line of your crontab starts a script of this project: %s",
                os.fsdecode(line),
            )
    if nothing_starts_cron():
        log.warning("No cron daemon is running on this host. Nothing will start before one does.")

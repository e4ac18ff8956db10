"""This project's block in the user's crontab: shown, installed, removed. Every other line stays.

A crontab is handled as bytes, because its encoding is not known.
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
from pathlib import Path

from utils.clock import Clock
from utils.cron import daemon
from utils.cron.lines import cron_lines, is_line_of
from utils.cron.schedule import SCHEDULE, Start
from utils.errors import EXIT_DONE, NightShiftError, WrongUsage
from utils.output import check_answered
from utils.settings import PROJECT, Settings
from utils.whole_file import whole_file

log = logging.getLogger(__name__)

SHELLS = ("sh", "ash", "bash", "dash", "ksh", "mksh", "zsh")
"""Shells that read the lines as they are meant."""
_SCRIPTS = {start.script.encode() for start in SCHEDULE}
_MARK = re.compile(rb"# krx-night-shift: (begin|end) ")
_NONE_YET = re.compile(rb"no crontab for|can't open '.*': No such file", re.IGNORECASE)


@dataclass(frozen=True)
class CrontabParts:
    """Crontab, cut where a project's block stands. Without a block, `above` is all of it."""

    above: bytes
    block: bytes
    below: bytes

    def with_block(self, block: bytes) -> bytes:
        """Return the crontab with this block.

        Cron demands that a line ends, so the last one above is ended.
        """
        unended = self.above and not self.above.endswith(b"\n")
        return self.above + (b"\n" if unended else b"") + block + self.below


def marker(which: str, project: Path) -> bytes:
    """Return the line `begin` or `end`; it names the folder, so one user may have several."""
    return os.fsencode(f"# krx-night-shift: {which} {project}")


def find_block(text: bytes, project: Path) -> CrontabParts:
    """Return the crontab, cut at this project's markers.

    Raises `WrongUsage` when they are not one pair around nothing but its own lines.
    """
    lines = text.splitlines(keepends=True)
    pair = [marker("begin", project), marker("end", project)]
    marks = {number: line.strip() for number, line in enumerate(lines) if _MARK.match(line.strip())}
    ours = [number for number, mark in marks.items() if mark in pair]
    if not ours:
        return CrontabParts(text, b"", b"")
    first, last = ours[0], ours[-1]
    if [mark for number, mark in marks.items() if first <= number <= last] != pair:
        found = ", ".join(str(number + 1) for number in marks if first <= number <= last)
        raise WrongUsage(
            f"The marker lines of {project} in your crontab are damaged: one `begin` and one `end` "
            f"belong there, and there are lines {found}. Nothing was changed. "
            "Correct or delete them with `crontab -e`."
        )
    return CrontabParts(
        b"".join(lines[:first]), b"".join(lines[first : last + 1]), b"".join(lines[last + 1 :])
    )


def setting_of(above: bytes, name: str) -> str | None:
    """Return the value of the last `NAME=value` of these lines, which holds in all lines below."""
    said = re.findall(rb"^[ \t]*%b[ \t]*=[ \t]*(.*?)[ \t\r]*$" % name.encode(), above, re.MULTILINE)
    return os.fsdecode(said[-1].strip(b"\"'")) if said else None


class UserCrontab:
    """The crontab of the user who runs this, through the `crontab` command."""

    def __init__(self) -> None:
        command = shutil.which("crontab")
        if command is None:
            raise WrongUsage(
                "There is no `crontab` command. "
                "Install cron, or take the systemd timers of docs/cron.md."
            )
        self._command = command

    def read(self) -> bytes:
        done = self._run("-l")
        if done.returncode and not _NONE_YET.search(done.stderr):
            raise WrongUsage(
                f"`crontab -l` fails: {_said(done)} "
                "See to it, or take the systemd timers of docs/cron.md."
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
        return subprocess.run(  # noqa: S603 - the command that `which` found
            [self._command, argument], input=text, capture_output=True, check=False
        )


def _said(done: "subprocess.CompletedProcess[bytes]") -> str:
    return done.stderr.decode(errors="replace").strip() or f"exit code {done.returncode}."


def change_crontab(action: str, settings: Settings, clock: Clock) -> int:
    """Do what `--cron` asks for: print the block, install or remove it."""
    actions: dict[str, Callable[[Settings, Clock], None]] = {
        "print": show,
        "install": install,
        "remove": remove,
    }
    actions[action](settings, clock)
    return EXIT_DONE


def show(settings: Settings, clock: Clock) -> None:
    """Print the block. Log a warning for each problem of the crontab or of cron. Raise
    `NotAnswered` when stdout cannot take it."""
    parts, problem = _parts_and_problem()
    if problem:
        log.warning("%s", problem)
    sys.stdout.write(os.fsdecode(block_for(parts.above, settings, clock)))
    _warn(parts)
    check_answered()


def starts_not_in_crontab() -> list[Start] | None:
    """Return the starts of the schedule of which this user's crontab has no line.

    A line is known by its time, in either form, and by its script. None when no crontab can be
    read.
    """
    try:
        lines = UserCrontab().read().splitlines()
    except WrongUsage:
        return None
    return [start for start in SCHEDULE if not any(_is_line_of(start, line) for line in lines)]


def install(settings: Settings, clock: Clock) -> None:
    """Put the block into the crontab.

    Raises `WrongUsage` when there is no crontab to be had, or the block would not work in it.
    """
    crontab = UserCrontab()
    old = crontab.read()
    parts = find_block(old, PROJECT)
    _refuse_strange_shell(parts.above)
    new = parts.with_block(block_for(parts.above, settings, clock))
    if new == old:
        log.info("Your crontab has the right lines already.")
    else:
        _replace(crontab, old, new, settings, clock)
        log.info(
            "The lines are in your crontab. `manual_setup.py --cron remove` takes them out again."
        )
    _warn(parts)


def remove(settings: Settings, clock: Clock) -> None:
    crontab = UserCrontab()
    old = crontab.read()
    parts = find_block(old, PROJECT)
    if parts.block:
        _replace(crontab, old, parts.above + parts.below, settings, clock)
        log.info("The lines are no longer in your crontab.")
    else:
        log.info("Your crontab has no block of %s. Nothing was changed.", PROJECT)


def block_for(above: bytes, settings: Settings, clock: Clock) -> bytes:
    """Return the lines between their markers, right below these lines of a crontab.

    Some daemons honour `CRON_TZ` and others ignore it, so below one the lines are not plain.
    """
    if "\n" in f"{PROJECT}{sys.executable}{settings.log_dir}":
        raise WrongUsage(
            "Cron cannot start what lies in a folder with a line break in its name. Rename it."
        )
    python = Path(sys.executable).absolute()
    in_kst = setting_of(above, "CRON_TZ") is None and clock.host_keeps_kst()
    lines = cron_lines(PROJECT, python, settings.log_dir, in_kst=in_kst)
    return b"\n".join(
        [marker("begin", PROJECT), *map(os.fsencode, lines), marker("end", PROJECT), b""]
    )


def advice(settings: Settings, clock: Clock) -> tuple[str, str, str]:
    """Return the state of the lines, the lines, and what keeps them out of the crontab.

    The state is a key of the setup's texts: `cron_installed`, `cron_missing`, `cron_impossible`
    without a `crontab` command, or `cron_refused` where the crontab would not take them.
    """
    parts, problem = _parts_and_problem()
    block = block_for(parts.above, settings, clock)
    state = "cron_installed" if parts.block == block else "cron_missing"
    if problem:
        state = "cron_impossible" if shutil.which("crontab") is None else "cron_refused"
    return state, os.fsdecode(block), problem


def can_be_installed(settings: Settings, clock: Clock) -> bool:
    """Return whether a sound crontab can be had and the right lines are not in it."""
    try:
        parts = find_block(UserCrontab().read(), PROJECT)
    except WrongUsage:
        return False
    return parts.block != block_for(parts.above, settings, clock)


def _parts_and_problem() -> tuple[CrontabParts, str]:
    """Return the crontab, and what keeps the lines out of it; empty for nothing."""
    parts = CrontabParts(b"", b"", b"")
    try:
        parts = CrontabParts(UserCrontab().read(), b"", b"")
        parts = find_block(parts.above, PROJECT)
        _refuse_strange_shell(parts.above)
    except WrongUsage as problem:
        return parts, str(problem)
    return parts, ""


def _scripts_started(line: bytes) -> set[bytes]:
    """Return those of this project that a line of a crontab starts."""
    folder = os.fsencode(str(PROJECT).replace("%", "\\%"))
    is_ours = folder in line and not line.lstrip().startswith(b"#")
    return {script for script in _SCRIPTS if is_ours and script in line}


def _is_line_of(start: Start, line: bytes) -> bool:
    return start.script.encode() in _scripts_started(line) and is_line_of(start, os.fsdecode(line))


def _refuse_strange_shell(above: bytes) -> None:
    shell = setting_of(above, "SHELL")
    if shell is not None and Path(shell).name not in SHELLS:
        raise WrongUsage(
            f"Your crontab says SHELL={shell}, which does not read the lines as they are meant. "
            "Nothing was changed. Put `SHELL=/bin/sh` below the lines that need it, "
            "at the end of the crontab."
        )


def _replace(
    crontab: UserCrontab, old: bytes, new: bytes, settings: Settings, clock: Clock
) -> None:
    """Write the new crontab; the old one is kept beside the logs, readable by its owner alone."""
    if old:
        digest = hashlib.sha256(old).hexdigest()[:8]  # so that no other crontab is written over
        kept = settings.log_dir / f"crontab-{clock.now_kst():%Y-%m-%d}-{digest}.bak"
        with whole_file(kept, mode=0o600) as new_file:
            new_file.write_bytes(old)
        log.info("Your crontab as it was is kept in %s.", kept)
    crontab.write(new)


def _warn(parts: CrontabParts) -> None:
    """Log a warning for all that would keep the scripts from starting, or start them twice."""
    for line in (parts.above + parts.below).splitlines():
        if _scripts_started(line):
            log.warning(
                "Another line of your crontab starts a script of this project: %s",
                os.fsdecode(line),
            )
    if daemon.is_stopped():
        log.warning("No cron daemon is running on this host. Nothing will start before one does.")

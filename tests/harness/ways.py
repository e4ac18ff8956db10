"""Ways to run a script: within the test's own process, which costs no start-up and no waiting, or
as a process of its own, as cron starts it. `tests.harness` names the third.

Each way is a function of the environment, the script's name and its options.
"""

import importlib
import io
import logging
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol
from unittest.mock import patch

import daily_update
import hourly_analysis
import manual_setup
from utils.clock import Clock
from utils.settings import PROJECT

SCRIPTS = {
    "manual_setup": manual_setup,
    "daily_update": daily_update,
    "hourly_analysis": hourly_analysis,
}
SECONDS = 240
"""The longest that a process of a script is waited for."""
_real_sleep = Clock.sleep
with redirect_stdout(io.StringIO()):  # here, and not in the first test that asks the exchange
    importlib.import_module("pykrx.website.krx.market.core")


@dataclass(frozen=True)
class Said:
    """Exit code and output of a run."""

    code: int
    stdout: str
    stderr: str


class Way(Protocol):
    def __call__(
        self, environment: Mapping[str, str], script: str, options: Sequence[str]
    ) -> Said: ...


def in_process(environment: Mapping[str, str], script: str, options: Sequence[str]) -> Said:
    """Call the script's `main` as if it were alone in the process. A sleep moves its clock."""
    out, err = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        for context in (
            own_environment(environment),
            chdir(environment["HOME"]),
            own_signals(),
            own_logging(),
            warnings.catch_warnings(),
            skipped_sleeps(),
            patch.object(sys, "stdin", io.StringIO()),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            stack.enter_context(context)
        code = exit_code(script, options)
    return Said(code, out.getvalue(), err.getvalue())


def exit_code(script: str, options: Sequence[str]) -> int:
    try:
        return int(SCRIPTS[script].main(list(options)))
    except SystemExit as end:  # argparse's
        return int(end.code or 0)


def start(
    environment: Mapping[str, str], script: str, options: Sequence[str]
) -> "subprocess.Popen[str]":
    """A process of the script, from a foreign working directory."""
    return subprocess.Popen(
        [sys.executable, str(PROJECT / f"{script}.py"), *options],
        env=environment,
        cwd="/",
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def as_process(environment: Mapping[str, str], script: str, options: Sequence[str]) -> Said:
    """Start it, and wait for its end."""
    process = start(environment, script, options)
    try:
        output, errors = process.communicate(timeout=SECONDS)
    finally:
        process.send_signal(signal.SIGKILL)
    return Said(process.returncode, output, errors)


@contextmanager
def own_environment(environment: Mapping[str, str]) -> Iterator[None]:
    """Set these environment variables alone inside the block, and those of before after it."""
    with patch.dict(os.environ, environment, clear=True):
        yield


@contextmanager
def own_signals() -> Iterator[None]:
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


@contextmanager
def own_logging() -> Iterator[None]:
    """The script's handlers inside; it would close pytest's own."""
    root = logging.getLogger()
    others, level = root.handlers[:], root.level
    root.handlers = []
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers, root.level = others, level


@contextmanager
def skipped_sleeps() -> Iterator[None]:
    """A sleep takes no time, and the clock is as much later as if it had been slept. Left alone
    where a test has its own sleep."""

    def sleep(self: Clock, seconds: float) -> None:
        self._offset += timedelta(seconds=seconds)

    if Clock.sleep is not _real_sleep:
        yield
        return
    with patch.object(Clock, "sleep", sleep):
        yield

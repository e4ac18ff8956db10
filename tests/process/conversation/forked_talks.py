"""Conversations as forks of one process that has imported every package they need, and nothing of
the project: a start costs no more than the project's own modules, from the installation's folder.

`python -m tests.process.conversation.forked_talks` reads orders, one JSON object a line. Each is
answered with the process id of the fork and, once it has ended, with its wait status. It has one
thread, so a fork is as good as a fresh process.
"""

import fcntl
import gc
import importlib
import json
import os
import pty
import runpy
import signal
import subprocess
import sys
import termios
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TextIO

PROJECT = Path(__file__).resolve().parents[3]
PACKAGES = (
    *("dotenv.parser", "holidays", "numpy", "pandas", "pydantic_settings", "pymongo"),
    *("pykrx.website.krx.market.core", "pythonjsonlogger", "pytz", "requests"),
    *("rich.console", "rich.panel", "rich.progress", "rich.table", "tenacity"),
)
BROKEN = 70
"""The exit code of a fork that ended by an error the script let through."""
Started = tuple[int, int, Callable[[], int]]
"""Process id, our end of its terminal, and what waits for its wait status."""


def start_process(script: Path, options: Sequence[str], environment: Mapping[str, str]) -> Started:
    """Start the script at a terminal as a process of its own."""
    command = [sys.executable, str(script), *options]
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(
            signal.SIGINT, signal.SIG_DFL
        )  # whoever starts the tests in the background ignores it
        os.execve(command[0], command, environment)  # noqa: S606
    return child, terminal, lambda: os.waitpid(child, 0)[1]


class ForkedTalks:
    """The process that forks, as its user sees it."""

    def __init__(self, home: Path) -> None:
        one_thread = {
            "OPENBLAS_NUM_THREADS": "1",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.process.conversation.forked_talks"],
            cwd=Path(__file__).parents[3],
            env={"HOME": str(home), "MPLCONFIGDIR": str(home), "LANG": "C.UTF-8", **one_thread},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def start(
        self, script: Path, options: Sequence[str], environment: Mapping[str, str]
    ) -> Started:
        """Start the script at a terminal as a fork. One at a time."""
        ours, theirs = os.openpty()
        order = {"script": str(script), "options": options, "environment": environment}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(order | {"terminal": os.ttyname(theirs)}) + "\n")
        self._process.stdin.flush()
        child = self._answer()
        os.close(theirs)
        return child, ours, self._answer

    def _answer(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=60)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print when they are imported is no answer
    for name in PACKAGES:
        importlib.import_module(name)
    assert not {"utils", "collectors"} & set(sys.modules), "those come from the installation"
    gc.freeze()
    for line in sys.stdin:
        order = json.loads(line)
        threads = list(Path("/proc/self/task").iterdir())
        assert len(threads) == 1, "with threads a fork is no fresh process"
        terminal = os.open(order["terminal"], os.O_RDWR | os.O_NOCTTY)
        child = os.fork()
        if not child:
            play(order, terminal)
        os.close(terminal)
        tell(answers, child)
        tell(answers, os.waitpid(child, 0)[1])


def tell(answers: TextIO, number: int) -> None:
    answers.write(f"{number}\n")
    answers.flush()


def play(order: Mapping[str, Any], terminal: int) -> NoReturn:
    """Be the script, in the fork, and end as it ends."""
    code = BROKEN
    try:
        take(terminal)
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = [order["script"], *order["options"]]
        sys.path[0] = str(Path(order["script"]).parent)
        runpy.run_path(order["script"], run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # as a fresh process shows it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(code)  # what called the fork goes on in its parent only


def take(terminal: int) -> None:
    """Make it the terminal of a session of our own, with Ctrl-C as a fresh process knows it."""
    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    for standard in (0, 1, 2):
        os.dup2(terminal, standard)
    os.close(terminal)
    sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", buffering=1, closefd=False)  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)


if __name__ == "__main__":
    main()

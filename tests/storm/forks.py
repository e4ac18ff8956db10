"""Runs of the three scripts as forks of one process that has imported everything: a run costs no
start-up.

`python -m tests.storm.forks` reads orders, one JSON object a line, and answers each with the exit
code of the fork that carried it out, a negative one is the signal that killed it, and with what
the fork took. It has one thread and no connection of its own, so a fork is as good as a fresh
process.
"""

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, NoReturn

from tests.storm.death import PROCESSOR, WALL, die_after
from tests.storm.points import Points, watch
from utils.date_utils import predicted_open
from utils.settings import PROJECT

SCRIPTS = ("manual_setup", "daily_update", "hourly_analysis")
SLOW_IMPORTS = ("pykrx.website.krx.market.core", "utils.store.mongo", "utils.store.sqlite")
MOST_SECONDS = 120
"""A fork that takes longer is killed with SIGALRM."""
BROKEN = 70
"""The exit code of a fork that ended by an error the script let through."""
OUTPUT, REACHED = "output.txt", "points.txt"


@dataclass(frozen=True)
class Order:
    """One run of a script.

    `folder` gets the script's output and the points it reached; `environment` is all it sees; it
    dies at point `kill_at` (0: it does not), and after the seconds that `kill_after` gives by a
    clock of `tests.storm.death`.
    """

    script: str
    options: list[str]
    environment: dict[str, str]
    folder: str
    kill_at: int = 0
    kill_after: dict[str, float] = field(default_factory=dict)


class Forks:
    """The process that forks, as its user sees it. `took` is what the last run took: seconds by
    each clock of `tests.storm.death`."""

    took: Mapping[str, float]

    def __init__(self, environment: Mapping[str, str]) -> None:
        one_thread = {
            "OPENBLAS_NUM_THREADS": "1",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.storm.forks"],
            cwd=PROJECT,
            env={**environment, **one_thread},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, order: Order) -> int:
        """The exit code, once the run has ended."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asdict(order)) + "\n")
        self._process.stdin.flush()
        code, self.took = json.loads(self._process.stdout.readline())
        return int(code)

    def close(self) -> None:
        self._process.communicate(timeout=MOST_SECONDS)


def main() -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print when they are imported is no answer
    for name in (*SLOW_IMPORTS, *SCRIPTS):
        importlib.import_module(name)
    sys.stdout.flush()
    predicted_open("2026-01-02")  # works out the holidays
    gc.freeze()
    serve(sys.stdin, answers)


def serve(orders: IO[str], answers: IO[str]) -> None:
    for line in orders:
        answers.write(json.dumps(carry_out(Order(**json.loads(line)))) + "\n")
        answers.flush()


def carry_out(order: Order) -> tuple[int, dict[str, float]]:
    """Return the exit code of the fork, and its seconds by each clock."""
    threads = Path("/proc/self/task")
    assert not threads.is_dir() or len(list(threads.iterdir())) == 1, (
        "with threads a fork is no fresh process"
    )
    begun = time.monotonic()
    child = os.fork()
    if not child:
        play(order)
    _, status, used = os.wait4(child, 0)
    took = {PROCESSOR: used.ru_utime + used.ru_stime, WALL: time.monotonic() - begun}
    return os.waitstatus_to_exitcode(status), took


def play(order: Order) -> NoReturn:
    """Be the script, in the fork, and end as it ends."""
    code = BROKEN
    try:
        signal.alarm(MOST_SECONDS)
        for clock, seconds in order.kill_after.items():
            die_after(seconds, clock)
        redirect(Path(order.folder) / OUTPUT)
        os.environ.clear()
        os.environ.update(order.environment)
        watch(Points(Path(order.folder) / REACHED, order.kill_at))
        code = int(sys.modules[order.script].main(order.options))
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        sys.stdout.flush()
        os._exit(code)  # what called the fork goes on in its parent only


def redirect(output: Path) -> None:
    """Redirect as cron does: nothing to read, both outputs into one file."""
    file = os.open(output, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for ours, standard in ((nothing, 0), (file, 1), (file, 2)):
        os.dup2(ours, standard)


if __name__ == "__main__":
    main()

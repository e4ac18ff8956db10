"""A machine of the simulated year: a process that forks runs, in which waiting takes no time.

`python -m tests.storm.soak.machine` is `tests.storm.forks` with these differences. A sleep moves
the run's clock, and before the next request the exchange's clock with it. The timeout of the
transport and the name of the host are in the run's environment. At a point SIGTERM may come instead
of the end.
"""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

from sandbox.server import CONTROL_CLOCK
from tests.storm import forks
from tests.storm.points import Points
from utils.clock import Clock
from utils.settings import PROJECT

HOST = "HOSTNAME"
"""The variable of a run's environment that names its machine."""
PATIENCE = "SOAK_PATIENCE"
"""The same for the seconds that it waits for an answer to go on; a whole one may take twice as
long."""


class Machine(forks.Forks):
    """The process that forks, as its user sees it. Its local time is UTC."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        one_thread = {
            "OPENBLAS_NUM_THREADS": "1",
            "JE_ARROW_MALLOC_CONF": "background_thread:false",
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.storm.soak.machine"],
            cwd=PROJECT,
            env={**environment, **one_thread, "TZ": "UTC"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


class Interruptions(Points):
    """Death at point `kill_at`; when that is negative, SIGTERM comes there instead."""

    def reach(self, point: str) -> None:
        super().reach(point)
        if self._number == -self._kill_at:
            os.kill(os.getpid(), signal.SIGTERM)


class SkippedTime:
    """Time that a run would have slept."""

    def __init__(self) -> None:
        self._seconds = 0.0
        self._untold: datetime | None = None

    def sleep(self, clock: Clock, seconds: float) -> None:
        self._seconds += seconds
        clock._offset += timedelta(seconds=seconds)
        self._untold = clock.now_kst()

    def monotonic(self) -> float:
        return time.monotonic() + self._seconds

    def tell(self, url: str) -> None:
        """The exchange behind that URL what time it is, if that has moved."""
        if self._untold is None:
            return
        door = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        door.request(
            "PUT", CONTROL_CLOCK, json.dumps({"kst": f"{self._untold:%Y-%m-%dT%H:%M:%S.%f}"})
        )
        assert door.getresponse().status == 200
        door.close()
        self._untold = None


def skip_sleeps() -> None:
    skipped, send = SkippedTime(), HTTPAdapter.send

    def send_in_time(
        self: HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        skipped.tell(str(request.url))
        return send(self, request, **options)

    Clock.sleep = lambda clock, seconds: skipped.sleep(clock, seconds)
    Clock.monotonic = lambda clock: skipped.monotonic()
    HTTPAdapter.send = send_in_time


def set_patience(seconds: float) -> None:
    from collectors.exchange import transport

    for name, limit in (("SILENCE_SECONDS", seconds), ("ANSWER_SECONDS", 2 * seconds)):
        assert hasattr(transport, name)
        setattr(transport, name, limit)


def play(
    order: forks.Order, play_as_everywhere: Callable[[forks.Order], NoReturn] = forks.play
) -> NoReturn:
    set_patience(float(order.environment[PATIENCE]))
    play_as_everywhere(order)


def main() -> None:
    assert "utils.store.base" not in sys.modules, "it has asked for the host's name already"
    socket.gethostname = lambda: os.environ[HOST]
    skip_sleeps()
    forks.Points, forks.play = Interruptions, play
    forks.main()


if __name__ == "__main__":
    main()

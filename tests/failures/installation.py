"""An installation whose scripts run inside the test's own process: real pykrx, HTTP and database,
no start-up.

Waiting costs nothing here: a sleep moves the script's clock on instead.
"""

import importlib
import logging
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox.server import LocalExchange
from tests.night.suite import Suite
from utils.clock import Clock


@dataclass
class Run:
    """What a script came to: its exit code and what it logged."""

    code: int
    log: str


@dataclass
class Installation:
    """One folder and one database over one exchange, at moments that the test chooses."""

    suite: Suite
    patch: pytest.MonkeyPatch
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, moment: datetime, script: str, *options: str) -> Run:
        """The script's `main` as of that moment (KST), with the exchange's clock set to it."""
        self.suite.exchange.set_time(moment)
        for name, value in self.suite.settings(
            KST_NOW=f"{moment:%Y-%m-%dT%H:%M:%S}", **self.settings
        ).items():
            self.patch.setenv(name, value)
        log = Path(self.suite.settings()["LOG_DIR"]) / f"{script}.log"
        before = len(log.read_text(encoding="utf-8")) if log.exists() else 0
        with _own_signals_and_logging():
            code = importlib.import_module(script).main(list(options))
        return Run(code, log.read_text(encoding="utf-8")[before:] if log.exists() else "")

    def must(self, moment: datetime, script: str, *options: str) -> Run:
        done = self.run(moment, script, *options)
        assert done.code == 0, done.log
        return done

    def read(self, moment: datetime) -> dict[str, Any]:
        return self.suite.read(moment)

    def assert_equal_to_the_exchange(self, moment: datetime) -> None:
        """Every stored final session is the exchange's own, cell by cell."""
        store = self.suite.store(moment)
        try:
            for head in store.sessions.heads():
                if head.finality == "final":
                    (_, stored), *_ = store.sessions.read(head.session, head.session)
                    assert_same_day(self.suite.exchange, head.session, stored)
        finally:
            store.close()


def assert_same_day(exchange: LocalExchange, session: str, stored: Any) -> None:
    day = exchange.exchange.market.day(session)
    theirs = sorted(
        zip(day.code, day.close.tolist(), day.volume.tolist(), day.shares.tolist(), strict=True)
    )
    ours = zip(
        *(stored[name].tolist() for name in ("ticker", "close", "volume", "shares")), strict=True
    )
    assert list(ours) == theirs, session


def sleepless(patch: pytest.MonkeyPatch) -> None:
    """A sleep takes no time, and the clock is as much later as if it had been slept."""

    def sleep(self: Clock, seconds: float) -> None:
        self._offset += timedelta(seconds=seconds)

    patch.setattr(Clock, "sleep", sleep)


def copy_of(folder: Path, to: Path) -> Path:
    shutil.copytree(folder, to)
    return to


@contextmanager
def _own_signals_and_logging() -> Iterator[None]:
    """What a script does to its process is undone, since here it is pytest's."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    root = logging.getLogger()
    others, level = root.handlers[:], root.level
    root.handlers = []  # the script would close pytest's own
    try:
        yield
    finally:
        for handler in root.handlers:
            handler.close()
        root.handlers, root.level = others, level
        for number, handler in handlers.items():
            signal.signal(number, handler)

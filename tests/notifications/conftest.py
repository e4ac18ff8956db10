"""Somebody to tell, and an installation that has four sessions, up to the evening before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.failures.installation import Installation, Run, copy_of, sleepless
from tests.night.suite import LOGIN_ID, PASSWORD, Suite
from tests.notifications.receiver import Receiver, receiving
from utils.clock import kst

SET_UP = kst(2026, 9, 9, 19)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(market, SET_UP, {LOGIN_ID: PASSWORD}) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def prepared(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation that was set up on the evening of 2026-09-09."""
    folder = tmp_path_factory.mktemp("prepared") / "installation"
    with LocalExchange(market, SET_UP, {LOGIN_ID: PASSWORD}) as exchange, pytest.MonkeyPatch.context() as patch:
        sleepless(patch)
        Installation(Suite(exchange, folder), patch).must(SET_UP, "manual_setup", "--yes", "--sessions", "4")
    return folder


@dataclass
class Watched:
    """An installation, and who is told what its nights come to."""

    installation: Installation
    receiver: Receiver

    def run(self, moment: datetime, script: str, *options: str) -> Run:
        return self.installation.run(moment, script, *options)

    def must(self, moment: datetime, script: str, *options: str) -> Run:
        return self.installation.must(moment, script, *options)

    @property
    def exchange(self) -> LocalExchange:
        return self.installation.suite.exchange

    def everything_written(self) -> str:
        """All that stands in any file of the installation, as far as it is text."""
        files = [path for path in self.installation.suite.folder.rglob("*") if path.is_file()]
        return "".join(path.read_bytes().decode("utf-8", errors="replace") for path in files)


@pytest.fixture
def watched(
    exchange: LocalExchange, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, prepared: Path, tmp_path: Path
) -> Watched:
    sleepless(monkeypatch)
    settings = {"NOTIFY_URLS": receiver.notify_url, "HEARTBEAT_URL": receiver.heartbeat_url}
    suite = Suite(exchange, copy_of(prepared, tmp_path / "installation"))
    return Watched(Installation(suite, monkeypatch, settings), receiver)

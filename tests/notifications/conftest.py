"""Somebody to tell, and an installation that has four sessions, up to the evening before."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from sandbox.server import LocalExchange
from tests.failures.conftest import exchange, installed, market, patch, prepared  # noqa: F401 - fixtures
from tests.failures.installation import Installation, Run
from tests.notifications.receiver import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


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
def watched(installed: Installation, receiver: Receiver) -> Watched:  # noqa: F811 - the fixture
    installed.settings |= {
        "NOTIFY_URLS": receiver.notify_url,
        "HEARTBEAT_URL": receiver.heartbeat_url,
    }
    return Watched(installed, receiver)

"""An installation that has four sessions, up to the evening before, and tells what its nights come
to."""

from dataclasses import dataclass, field

import pytest

from tests.harness import Installation
from tests.harness.fixtures import (  # noqa: F401 - fixtures
    exchange,
    impatient,
    installation,
    installed,
    market,
    prepared,
    receiver,
)
from tests.harness.receiver import Receiver


@dataclass
class Watched(Installation):
    """Installation with somebody who is told."""

    receiver: Receiver = field(kw_only=True)

    def everything_written(self) -> str:
        """All that stands in any file of the installation, as far as it is text."""
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        return "".join(path.read_bytes().decode("utf-8", errors="replace") for path in files)


@pytest.fixture
def watched(installed: Installation, receiver: Receiver) -> Watched:  # noqa: F811 - the fixtures
    told = {"NOTIFY_URLS": receiver.notify_url, "HEARTBEAT_URL": receiver.heartbeat_url}
    return Watched(installed.exchange, installed.folder, told, receiver=receiver)

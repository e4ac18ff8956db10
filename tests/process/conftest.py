"""Installations whose scripts are processes, as cron starts them, over each database."""

from pathlib import Path

import pytest

from tests.harness import Exchange, Installation, as_process
from tests.harness.fixtures import (  # noqa: F401 - fixtures
    database,
    exchange,
    installation_over,
    receiver,
)


@pytest.fixture
def installation(exchange: Exchange, tmp_path: Path) -> Installation:  # noqa: F811 - the fixture
    (folder := tmp_path / "installation").mkdir()
    return Installation(exchange, folder, way=as_process)

"""Newcomers: the scripts and what they import, copied into a folder of the test's own, with nothing
set."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.exchange import OPENAPI_SERVICES
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.process.conversation.forked_talks import ForkedTalks
from tests.process.conversation.terminal import KEY, LOGIN_ID, NOW, PASSWORD, Newcomer
from utils.settings import PROJECT

PARTS = ("manual_setup.py", "daily_update.py", ".env.example", "utils", "collectors")


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(market, NOW, {LOGIN_ID: PASSWORD}, {KEY: OPENAPI_SERVICES}) as exchange:
        yield exchange


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ForkedTalks]:
    forks = ForkedTalks(tmp_path_factory.mktemp("home"))
    yield forks
    forks.close()


@pytest.fixture
def newcomer(exchange: LocalExchange, tmp_path: Path, forks: ForkedTalks) -> Newcomer:
    folder = tmp_path / "krx-night-shift"
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy2
        copy(PROJECT / part, folder / part)
    return Newcomer(folder, exchange, forks)

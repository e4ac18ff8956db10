"""One local exchange and one process that forks per test process; a database per test."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.synthetic import SyntheticMarket
from tests.harness import KEY, LOGIN_ID, PASSWORD, Exchange
from tests.harness.exchange import SMALL
from tests.server import NewDatabases
from tests.storm.crash.databases import Database, Embedded, MongoServer
from tests.storm.crash.random_kills import StandingExchange, tell_lies
from tests.storm.crash.scenes import BARE, MARKET, Stage
from tests.storm.forks import Forks
from utils.settings import PROJECT


@pytest.fixture(scope="session")
def exchange_url() -> Iterator[str]:
    credentials = ("--account", f"{LOGIN_ID}:{PASSWORD}", "--openapi-key", KEY)
    command = [sys.executable, "-m", "sandbox", *MARKET, *credentials]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.terminate()
    process.communicate(timeout=30)


@pytest.fixture(scope="session")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(BARE | {"MPLCONFIGDIR": str(tmp_path_factory.mktemp("matplotlib"))})
    yield forks
    forks.close()


@pytest.fixture(params=["sqlite", "mongodb"])
def database(
    request: pytest.FixtureRequest, tmp_path: Path, on_the_server: NewDatabases
) -> Iterator[Database]:
    database = open_database(request.param, tmp_path / "data", on_the_server)
    yield database
    database.close()


def open_database(name: str, folder: Path, on_the_server: NewDatabases) -> Database:
    return Embedded(folder) if name == "sqlite" else MongoServer(on_the_server(), folder)


@pytest.fixture
def stage(database: Database, exchange_url: str, forks: Forks, tmp_path: Path) -> Stage:
    return Stage(database, exchange_url, forks, tmp_path)


@pytest.fixture(scope="session")
def standing_exchange() -> Iterator[Exchange]:
    market = SyntheticMarket(SMALL, first="2026-08-03", last="2026-09-30")
    with StandingExchange(None, market) as exchange:
        tell_lies(exchange)
        yield exchange

"""One local exchange and one process that forks per test process; a database per test."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.databases import Database, Embedded, MongoServer
from tests.crash.forks import Forks
from tests.crash.scenes import BARE, LOGIN_ID, MARKET, OPENAPI_KEY, PASSWORD, Stage
from utils.settings import PROJECT


@pytest.fixture(scope="session")
def exchange_url() -> Iterator[str]:
    credentials = ("--account", f"{LOGIN_ID}:{PASSWORD}", "--openapi-key", OPENAPI_KEY)
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
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    database = open_database(request.param, tmp_path / "data")
    yield database
    database.close()


def open_database(name: str, folder: Path) -> Database:
    if name == "sqlite":
        return Embedded(folder)
    uri = os.environ.get("MONGODB_TEST_URI")
    if not uri:
        pytest.skip("MONGODB_TEST_URI IS NOT SET: NO RUN WAS KILLED OVER A MONGODB SERVER")
    return MongoServer(uri, folder)


@pytest.fixture
def stage(database: Database, exchange_url: str, forks: Forks, tmp_path: Path) -> Stage:
    return Stage(database, exchange_url, forks, tmp_path)

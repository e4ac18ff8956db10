"""Installations against a small synthetic exchange, over each database."""

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.night.suite import LOGIN_ID, PASSWORD, Suite
from utils.clock import kst

SMALL = 60


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(SMALL)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(market, kst(2026, 9, 10, 19), {LOGIN_ID: PASSWORD}) as exchange:
        yield exchange


@pytest.fixture
def suite(exchange: LocalExchange, tmp_path: Path) -> Suite:
    """Over the embedded database."""
    return Suite(exchange, tmp_path)


def on_the_server() -> Iterator[dict[str, str]]:
    """Settings that name databases of their own on the server; they are dropped afterwards."""
    uri = os.environ.get("MONGODB_TEST_URI")
    if not uri:
        pytest.skip("MONGODB_TEST_URI is not set: nothing was tested over a MongoDB server")
    from utils.store.mongo import connect

    prefix = f"test_{uuid.uuid4().hex[:8]}_"
    yield {"MONGODB_URI": uri, "MONGODB_DB_PREFIX": prefix}
    client = connect(uri)
    for name in client.list_database_names():
        if name.startswith(prefix):
            client.drop_database(name)
    client.close()


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    yield from on_the_server()


@pytest.fixture(params=["embedded", "mongodb"])
def database(request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """The settings that choose a database."""
    if request.param == "embedded":
        yield {}
    else:
        yield from on_the_server()


@pytest.fixture
def suite_over(exchange: LocalExchange, tmp_path: Path, database: dict[str, str]) -> Suite:
    """Over each database in turn."""
    return Suite(exchange, tmp_path, database)

"""Installations against a small synthetic exchange, over each database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.night.suite import LOGIN_ID, PASSWORD, Suite
from tests.server import NewDatabases
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


@pytest.fixture(params=["embedded", "mongodb"])
def database(request: pytest.FixtureRequest, on_the_server: NewDatabases) -> dict[str, str]:
    """The settings that choose a database."""
    return {} if request.param == "embedded" else on_the_server()


@pytest.fixture
def suite_over(exchange: LocalExchange, tmp_path: Path, database: dict[str, str]) -> Suite:
    """Over each database in turn."""
    return Suite(exchange, tmp_path, database)

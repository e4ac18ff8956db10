"""Fixtures of the tests of scripts: an exchange, installations over each database, and one that
was set up the evening before. A `conftest.py` imports the names."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from collectors.exchange import transport
from collectors.exchange.transport import GuardedAdapter
from sandbox.synthetic import SyntheticMarket
from tests.harness.exchange import Exchange, small_market
from tests.harness.installation import Installation
from tests.harness.receiver import Receiver, receiving
from tests.server import NewDatabases
from utils.clock import Clock, kst

SET_UP = kst(2026, 9, 9, 19)
"""Moment at which `installed` was set up, over four sessions; that evening's is still
provisional."""


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return small_market()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with Exchange(SET_UP) as exchange:
        yield exchange


@pytest.fixture
def installation(exchange: Exchange, tmp_path: Path) -> Installation:
    """Installation before the first setup, over the embedded database."""
    (folder := tmp_path / "installation").mkdir()
    return Installation(exchange, folder)


@pytest.fixture(params=["embedded", "mongodb"])
def database(request: pytest.FixtureRequest, on_the_server: NewDatabases) -> dict[str, str]:
    """The settings that choose a database."""
    return {} if request.param == "embedded" else on_the_server()


@pytest.fixture
def installation_over(installation: Installation, database: dict[str, str]) -> Installation:
    """Installation over each database in turn."""
    return installation.with_settings(database)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation that was set up on that evening."""
    folder = tmp_path_factory.mktemp("prepared")
    with Exchange(SET_UP) as exchange:
        Installation(exchange, folder).must(SET_UP, "manual_setup", "--yes", "--sessions", "4")
    return folder


@pytest.fixture
def installed(installation: Installation, prepared: Path) -> Installation:
    """Installation after that setup, in a folder of its own."""
    shutil.copytree(prepared, installation.folder, dirs_exist_ok=True)
    return installation


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A silent or dripping exchange is given up soon, the stopwatch shows the time that it would
    have cost, and what can be read meanwhile may be too large."""
    silence, answer, saved = transport.SILENCE_SECONDS, transport.ANSWER_SECONDS, 0.0
    send, monotonic = GuardedAdapter.send, Clock.monotonic

    def send_in_vain(*args: Any, **kwargs: Any) -> Any:
        nonlocal saved
        try:
            return send(*args, **kwargs)
        except requests.ReadTimeout as error:
            saved += answer if "no whole answer" in str(error) else silence
            raise

    monkeypatch.setattr(GuardedAdapter, "send", send_in_vain)
    monkeypatch.setattr(Clock, "monotonic", lambda self: monotonic(self) + saved)
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.4)
    monkeypatch.setattr(transport, "LARGEST_ANSWER", 1 << 20)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Receiver of messages and pings."""
    with receiving() as receiver:
        yield receiver

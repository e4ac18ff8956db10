"""A small exchange and an installation that has four sessions, up to the evening before."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.exchange import transport
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.failures.installation import Installation, copy_of, sleepless
from tests.night.suite import LOGIN_ID, PASSWORD, Suite
from utils.clock import kst

SET_UP = kst(2026, 9, 9, 19)


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(market, SET_UP, {LOGIN_ID: PASSWORD}) as exchange:
        yield exchange


@pytest.fixture
def patch(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Waiting costs nothing, and a silent or dripping exchange is given up soon."""
    sleepless(monkeypatch)
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.2)
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.2)
    return monkeypatch


@pytest.fixture
def empty(exchange: LocalExchange, patch: pytest.MonkeyPatch, tmp_path: Path) -> Installation:
    """Before the first setup."""
    return Installation(Suite(exchange, tmp_path / "installation"), patch)


@pytest.fixture(scope="session")
def prepared(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation that was set up on the evening of 2026-09-09."""
    folder = tmp_path_factory.mktemp("prepared") / "installation"
    with (
        LocalExchange(market, SET_UP, {LOGIN_ID: PASSWORD}) as exchange,
        pytest.MonkeyPatch.context() as patch,
    ):
        sleepless(patch)
        Installation(Suite(exchange, folder), patch).must(
            SET_UP, "manual_setup", "--yes", "--sessions", "4"
        )
    return folder


@pytest.fixture
def installed(
    exchange: LocalExchange, patch: pytest.MonkeyPatch, prepared: Path, tmp_path: Path
) -> Installation:
    """After it; the session of that evening is still provisional."""
    return Installation(Suite(exchange, copy_of(prepared, tmp_path / "installation")), patch)

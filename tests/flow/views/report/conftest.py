"""Nights to report on."""

from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.flow.views.report.nights import EVIL_NAMES, LAST, analyse, market, store_market
from utils.store import Store
from utils.store.sqlite import SqliteBackend

SESSION = LAST.isoformat()


@pytest.fixture
def empty_store(tmp_path: Path, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path / "data"), clock)


@pytest.fixture
def store(empty_store: Store) -> Store:
    """Thirty tickers, 90 sessions, every target analysed."""
    store_market(empty_store, market(30, 90, EVIL_NAMES))
    analyse(empty_store, SESSION)
    return empty_store

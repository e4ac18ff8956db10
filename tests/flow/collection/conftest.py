"""A store, and a collector that asks a scripted source."""

import pytest

from collectors.collection.stock_data_collector import StockDataCollector
from tests.fakes import FakeClock
from tests.flow.collection.scripted_source import (
    FRIDAY,
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    ScriptedSource,
    make_collector,
    published,
    whole,
)
from utils.clock import kst
from utils.store import Store
from utils.store.sqlite import SqliteBackend


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)


@pytest.fixture
def source() -> ScriptedSource:
    source = ScriptedSource()
    source.days = {
        FRIDAY: published(("000010", 1000, 0, 100), ("000020", 10_000, 0, 100)),
        MONDAY: published(("000010", 1010, 10, 100), ("000020", 2_020, 20, 500)),
    }
    return source


@pytest.fixture
def large(source: ScriptedSource, clock: FakeClock) -> ScriptedSource:
    """Four days of `whole`, on the evening of the last one."""
    clock.set(kst(2024, 1, 24, 19))
    source.days = {
        FRIDAY: whole(0, ("000010", 1000, 0, 100), ("000020", 10_000, 0, 100)),
        MONDAY: whole(1, ("000010", 1010, 10, 100), ("000020", 2_020, 20, 500)),
        TUESDAY: whole(2, ("000010", 1011, 1, 100), ("000020", 2_030, 10, 500)),
        WEDNESDAY: whole(3, ("000010", 1012, 1, 100), ("000020", 2_040, 10, 500)),
    }
    return source


@pytest.fixture
def collector(source: ScriptedSource, store: Store, clock: FakeClock) -> StockDataCollector:
    return make_collector(source, store)

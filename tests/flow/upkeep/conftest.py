"""Installation after four nights, copied for each test."""

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.synthetic import SyntheticMarket
from tests.flow.upkeep.store_under_test import (
    EVENINGS,
    FIRST,
    NOON,
    SCOPE,
    StoreUnderTest,
    at,
    open_store,
)


@pytest.fixture(scope="package")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture(scope="package")
def whole(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation after four nights: the day's session at 19:00, its analysis,
    and the final reading in the morning."""
    folder = tmp_path_factory.mktemp("whole")
    tested = open_store(folder, NOON, market)
    tested.store.scope.save(**SCOPE, first_session=FIRST)
    for evening in EVENINGS:
        tested.clock.set(at(evening, 19))
        tested.evening()
        tested.clock.advance(minutes=10)
        tested.hour()
        tested.clock.set(at(evening, 8, 2) + timedelta(days=1))
        tested.evening()
    tested.store.close()
    return folder


@pytest.fixture
def tested(whole: Path, market: SyntheticMarket, tmp_path: Path) -> Iterator[StoreUnderTest]:
    """A copy of it, at noon after the last night."""
    shutil.copytree(whole, tmp_path / "data")
    tested = open_store(tmp_path / "data", NOON, market)
    yield tested
    tested.store.close()

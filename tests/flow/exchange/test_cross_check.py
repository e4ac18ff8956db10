"""Two sources are compared once a month on a final session; whichever differs is known and no
longer goes first."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

from collectors.exchange.answers import RAW_COLUMNS
from collectors.exchange.cross_check import AGAIN_AFTER, cross_check, may_go_first
from collectors.exchange.sources import Sources
from tests.fakes import FakeClock, market_day, row
from utils.errors import SourceDown
from utils.store import Store
from utils.store.sqlite import SqliteBackend

SESSION = "2024-01-19"


class Site:
    """Source that shows one ticker with that close."""

    name = "pykrx"

    def __init__(self, close: int, down: bool = False) -> None:
        self.close, self.down, self.asked = close, down, 0

    def shows(self, session: str, now: datetime) -> bool:
        return True

    def fetch_day(self, session: str) -> pd.DataFrame:
        self.asked += 1
        if self.down:
            raise SourceDown("down")
        whole = row("000010", self.close) | {"name": "another name", "market": "STK"}
        return pd.DataFrame([{column: str(whole[name]) for name, column in RAW_COLUMNS.items()}])

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        return []


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    store = Store(SqliteBackend(tmp_path), clock)
    store.sessions.save(
        market_day(SESSION, row("000010", 1000), finality="final", source="openapi")
    )
    store.sessions.save(market_day("2024-01-22", row("000010", 1010), source="pykrx"))
    return store


def compare(store: Store, site: Site) -> None:
    cross_check(Sources([site], [site], store.clock, store.clock.sleep), store)


def test_sources_that_agree_are_remembered_and_left_alone_for_a_month(
    store: Store, clock: FakeClock
) -> None:
    site = Site(1000)
    compare(store, site)
    compare(store, site)
    comparison = store.sources.comparison("openapi")
    assert comparison == {"session": SESSION, "differing": 0, "compared_utc": clock.now_utc()}
    assert (site.asked, may_go_first(store, "openapi")) == (1, True)
    clock.advance(days=AGAIN_AFTER.days)
    compare(store, site)
    assert site.asked == 2


def test_a_source_that_differs_no_longer_goes_first(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    compare(store, Site(1001))
    assert not may_go_first(store, "openapi")
    assert "differ on 2024-01-19 in 1 of 1 tickers, first 000010" in caplog.text


def test_a_source_that_cannot_be_asked_is_no_failure_and_is_tried_the_next_night(
    store: Store,
) -> None:
    compare(store, Site(1000, down=True))
    assert store.sources.comparison("openapi") is None


def test_one_source_alone_is_compared_with_nothing(store: Store) -> None:
    site = Site(1000)
    site.name = "openapi"
    compare(store, site)
    assert (site.asked, store.sources.comparison("openapi")) == (0, None)

"""Two sources are compared once a month on a final session; whichever differs is known and no
longer goes first."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from collectors.exchange.cross_check import AGAIN_AFTER, cross_check, may_go_first
from collectors.exchange.day_table import RAW_COLUMNS
from collectors.exchange.sources import Sources
from tests.fakes import FakeClock, market_day, row
from utils.errors import SourceDown
from utils.market_day import MarketDay, SetAside
from utils.store import Store
from utils.store.sqlite import SqliteBackend

SESSION = "2024-01-19"


REST = [row(f"{number:06d}", 700) for number in range(100, 199)]


class Site:
    """Source that shows a hundred tickers, the first with these cells, by our names; only the last
    so many of them."""

    name = "pykrx"

    def __init__(self, down: bool = False, rows: int = 100, **cells: Any) -> None:
        self.down, self.asked = down, 0
        self.rows = [row("000010", 1000) | cells, *REST][-rows:]

    def shows(self, session: str, now: datetime) -> bool:
        return True

    def fetch_day(self, session: str) -> pd.DataFrame:
        self.asked += 1
        if self.down:
            raise SourceDown("down")
        whole = [each | {"name": "another name", "market": "STK"} for each in self.rows]
        return pd.DataFrame(
            [{column: str(each[name]) for name, column in RAW_COLUMNS.items()} for each in whole]
        )

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        return []


def stored(*rows: dict[str, Any]) -> MarketDay:
    return market_day(SESSION, *rows, finality="final", source="openapi")


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    store = Store(SqliteBackend(tmp_path), clock)
    store.sessions.save(stored(row("000010", 1000), *REST))
    store.sessions.save(market_day("2024-01-22", row("000010", 1010), source="pykrx"))
    return store


def differing(store: Store) -> int | None:
    comparison = store.sources.comparison("openapi")
    return None if comparison is None else comparison["differing"]


def compare(store: Store, site: Site) -> None:
    cross_check(Sources([site], [site], store.clock, store.clock.sleep), store)


def test_sources_that_agree_are_remembered_and_left_alone_for_a_month(
    store: Store, clock: FakeClock
) -> None:
    site = Site()
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
    compare(store, Site(high=1001))
    assert not may_go_first(store, "openapi")
    assert "differ on 2024-01-19 in 1 of 100 tickers, first 000010" in caplog.text


def test_a_source_that_cannot_be_asked_is_no_failure_and_is_tried_the_next_night(
    store: Store,
) -> None:
    compare(store, Site(down=True))
    assert store.sources.comparison("openapi") is None


def test_one_source_alone_is_compared_with_nothing(store: Store) -> None:
    site = Site()
    site.name = "openapi"
    compare(store, site)
    assert (site.asked, store.sources.comparison("openapi")) == (0, None)


def test_a_row_that_is_set_aside_in_one_reading_is_not_compared(store: Store) -> None:
    compare(store, Site(close="N/A", high=1001))
    assert differing(store) == 0


def test_a_row_that_is_set_aside_in_the_stored_session_is_not_compared(store: Store) -> None:
    aside = SetAside("000010", "종목", "KOSPI", "a negative number", "{}")
    store.sessions.save(replace(stored(*REST), set_aside=(aside,)))
    compare(store, Site(high=1001))
    assert differing(store) == 0


def test_others_are_compared_when_a_row_is_set_aside(store: Store) -> None:
    aside = SetAside("000100", "종목", "KOSPI", "a negative number", "{}")
    store.sessions.save(replace(stored(row("000010", 1000), *REST[1:]), set_aside=(aside,)))
    compare(store, Site(high=1001))
    assert differing(store) == 1


def test_a_source_that_lacks_tickers_is_not_held_against_the_other(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    compare(store, Site(rows=98))
    assert differing(store) == 2
    caplog.clear()
    compare(store, Site(rows=97))
    assert differing(store) == 2, "as it was"
    assert "could not be compared on 2024-01-19: the other one lacks tickers." in caplog.text


def test_an_answer_of_which_most_rows_cannot_be_used_is_no_failure(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    site = Site(rows=99)
    site.rows = [each | {"high": 1} for each in site.rows]
    compare(store, site)
    assert differing(store) is None
    assert "99 of 99 rows cannot be used" in caplog.text

"""A session that is missing in the middle of a store leaves the one after it without factors,
makes no false action, and is collected again."""

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.collection.collect import collect_all
from collectors.collection.due import due_in_store
from collectors.collection.stock_data_collector import StockDataCollector
from collectors.exchange.day_table import RAW_COLUMNS
from collectors.exchange.sources import Sources
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from tests.unit.rules.days import REAL_YEARS, real_days, typed
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.market_day import MARKETS
from utils.store import Store
from utils.store.schema import ACTIONS, SESSIONS
from utils.store.sqlite import SqliteBackend

Days = Mapping[str, pd.DataFrame]
PARTS = 5
"""Number of tests among which the sessions that are removed are divided."""
LATER = kst(2026, 12, 31, 9)
"""Moment at which every session of every market here is final."""
_IDS = {name: market_id for market_id, name in MARKETS.items()}


class Exchange:
    """A source that has these days, as the exchange's text."""

    name = "pykrx"

    def __init__(self, days: Days) -> None:
        self._tables = {session: _text(frame) for session, frame in days.items()}

    def shows(self, session: str, now: datetime) -> bool:
        return True

    def fetch_day(self, session: str) -> pd.DataFrame:
        return self._tables[session]

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        return [session for session in self._tables if first <= session <= last]


def _text(frame: pd.DataFrame) -> pd.DataFrame:
    texts = frame.assign(market=frame["market"].map(_IDS))[list(RAW_COLUMNS)]
    return texts.astype(str).rename(columns=RAW_COLUMNS)


class History:
    """Store with the days of a market, and what an evening collects for it."""

    def __init__(self, days: Days, folder: Path) -> None:
        self._source, self._days = Exchange(days), days
        self.sessions = list(days)
        self.store = Store(SqliteBackend(folder), FakeClock(LATER))

    def collector(self) -> StockDataCollector:
        """Return the collector of a new run, which knows what is stored."""
        clock = self.store.clock
        sources = Sources([self._source], [self._source], clock, clock.sleep)
        return StockDataCollector(
            sources, self.store, TradingCalendar(self.store.calendar.observed())
        )

    def due(self) -> list[str]:
        return [each.session for each in self._due()]

    def collect_due(self) -> None:
        """Collect what is due, as `daily_update` does."""
        assert (
            collect_all(
                self.store, self.collector(), self._due(), lambda: False, lambda collected: None
            )
            == []
        )

    def remove(self, session: str) -> None:
        for collection, key in ((SESSIONS, "_id"), (ACTIONS, "session")):
            self.store.backend.delete(collection, {key: session})

    def factors(self) -> dict[str, np.ndarray]:
        stored = {head.session for head in self.store.sessions.heads()}
        return {
            day: np.asarray(each["factor"])
            for day, each in self.store.sessions.columns(["factor"])
            if day in stored
        }

    def actions(self) -> dict[str, dict[str, Any]]:
        found = self.store.sessions.actions(self.sessions[0], self.sessions[-1])
        return {action["_id"]: action for action in found}

    def digests(self) -> dict[str, str]:
        return {head.session: head.digest for head in self.store.sessions.heads()}

    def _due(self) -> list[Any]:
        calendar = TradingCalendar(self.store.calendar.observed())
        return due_in_store(self.store, calendar, self.sessions[0], self.sessions[-1], LATER)


Install = Callable[[Days], History]


@pytest.fixture
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    return lambda days: History(days, tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def synthetic() -> Days:
    """Every class of event in three months of sixty tickers."""
    market = SyntheticMarket(60, first="2025-08-18", last="2025-11-14")
    return {session: typed(market.day(session)) for session in market.sessions}


def same(one: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(
        np.array_equal(one[day], other[day], equal_nan=True) for day in one
    )


def remove_and_collect_each(history: History, part: slice = slice(None)) -> int:
    """Each session of that part in turn, but for the first and the last of all; how many."""
    whole = history.factors(), history.actions(), history.digests()
    pairs = list(zip(history.sessions[1:-1], history.sessions[2:], strict=True))[part]
    for session, following in pairs:
        history.remove(session)
        history.collector().refind_factors(following)
        factors, left = (
            history.factors(),
            {key: each for key, each in whole[1].items() if each["session"] > session},
        )
        left |= {key: each for key, each in whole[1].items() if each["session"] < session}
        assert np.isnan(factors[following]).all(), "pending without the session before"
        assert history.actions() == {
            key: each for key, each in left.items() if each["session"] != following
        }
        untouched = {day: each for day, each in whole[0].items() if day not in (session, following)}
        assert same(untouched, {day: each for day, each in factors.items() if day != following})
        assert history.due() == [session]
        history.collect_due()
        assert history.actions() == whole[1], session
        assert same(history.factors(), whole[0]), session
    assert history.digests() == whole[2]
    assert history.due() == []
    return len(pairs)


@pytest.fixture(scope="module")
def complete(synthetic: Days, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a store with all of its sessions."""
    history = History(synthetic, folder := tmp_path_factory.mktemp("complete"))
    history.collect_due()
    history.store.close()
    return folder


@pytest.mark.parametrize("part", range(PARTS))
def test_any_session_that_is_removed_from_a_synthetic_market_is_collected_again(
    complete: Path, synthetic: Days, tmp_path: Path, part: int
) -> None:
    shutil.copytree(complete, tmp_path / "data")
    history = History(synthetic, tmp_path / "data")
    assert remove_and_collect_each(history, slice(part, None, PARTS)) > 50 // PARTS


@pytest.mark.recorded
@pytest.mark.parametrize("year", REAL_YEARS)
def test_any_session_that_is_removed_from_the_real_days_is_collected_again(
    install: Install, year: str
) -> None:
    history = install(real_days(year))
    history.collect_due()
    assert remove_and_collect_each(history) > 26


@pytest.fixture(scope="module")
def weeks(synthetic: Days) -> Days:
    """The first of them, with most classes of event."""
    return {session: synthetic[session] for session in list(synthetic)[:47]}


@pytest.fixture(scope="module")
def whole(weeks: Days, tmp_path_factory: pytest.TempPathFactory) -> History:
    """All of these sessions, collected one after the other; do not change it."""
    return collected(History(weeks, tmp_path_factory.mktemp("data")), list(weeks))


def collected(history: History, order: list[str]) -> History:
    collector = history.collector()
    for session in order:
        assert [each.head.session for each in collector.collect(session)] == [session]
    return history


HOLES, AFTER = (20, 30, 31, 32), (21, 33)
"""Positions of sessions that never came, and of those that come next."""


@pytest.fixture
def with_holes(install: Install, weeks: Days) -> History:
    came = [session for number, session in enumerate(weeks) if number not in HOLES]
    return collected(install(weeks), came)


def test_a_session_that_never_came_leaves_the_one_after_it_pending_and_no_false_action(
    with_holes: History, whole: History
) -> None:
    sessions = with_holes.sessions
    holes, after = ([sessions[position] for position in positions] for positions in (HOLES, AFTER))
    pending = [day for day, factor in with_holes.factors().items() if np.isnan(factor).any()]
    assert pending == [sessions[0], *after]
    missed = {key for key, each in whole.actions().items() if each["session"] in (*holes, *after)}
    assert with_holes.actions().keys() == whole.actions().keys() - missed
    with_holes.collect_due()
    assert same(with_holes.factors(), whole.factors())
    assert with_holes.actions() == whole.actions()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_order_in_which_sessions_arrive_does_not_matter(
    install: Install, weeks: Days, whole: History, seed: int
) -> None:
    mixed = Random(seed).sample(list(weeks), len(weeks))
    history = collected(install(weeks), mixed)
    assert same(history.factors(), whole.factors())
    assert (history.actions(), history.digests()) == (whole.actions(), whole.digests())
    assert len(whole.actions()) > 8

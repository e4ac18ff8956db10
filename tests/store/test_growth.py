"""Nightly work costs as much after thirty years as after some months: work is counted, not
timed."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from collectors.collection.target_refresh import refresh_from_newest
from collectors.rules.target_rule import TargetRule
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.date_utils import weekdays
from utils.market_day import FINAL
from utils.store import Store
from utils.store.sqlite import SqliteBackend

LATE, EARLY = weekdays("2023-09-01", "2024-01-31"), weekdays("2022-01-03", "2023-08-31")


WORK: dict[str, Callable[[Store], object]] = {
    "read a session": lambda store: store.sessions.load(LATE[3]),
    "load the panel": lambda store: store.sessions.panel(LATE[-1], 10),
    "see whether it is still the same": lambda store: store.sessions.panel_source(LATE[-1], 10),
    "refresh the targets": lambda store: refresh_from_newest(store, TargetRule(0, ["KOSPI"])),
}


def filled(folder: Path, clock: FakeClock, sessions: list[str]) -> Store:
    store = Store(SqliteBackend(folder), clock)
    with store.backend.batch():
        for session in sessions:
            store.sessions.save(market_day(session, row("000010"), row("000020"), finality=FINAL))
    return store


def steps(store: Store, work: Callable[[Store], object]) -> int:
    """Count the steps that SQLite's machine takes for it."""
    assert isinstance(store.backend, SqliteBackend)
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    store.backend._connection.set_progress_handler(count, 1)
    work(store)
    store.backend._connection.set_progress_handler(None, 0)
    return taken


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Store]]:
    """One with five months, and one with the twenty before them too."""
    clock, folder = FakeClock(kst(2024, 2, 1, 12)), tmp_path_factory.mktemp("stores")
    both = [filled(folder / str(len(days)), clock, days) for days in (LATE, [*EARLY, *LATE])]
    yield both
    for store in both:
        store.close()


@pytest.mark.parametrize("what", WORK)
def test_it_does_not_depend_on_how_many_sessions_are_stored(what: str, stores: list[Store]) -> None:
    few, many = (steps(store, WORK[what]) for store in stores)
    assert 0 < many <= 1.05 * few

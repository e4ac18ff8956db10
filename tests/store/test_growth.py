"""What is done every night costs as much after thirty years as after one month: work is counted, not timed."""

from collections.abc import Callable
from pathlib import Path

from tests.fakes import FakeClock, market_day, row
from utils.date_utils import weekdays
from utils.market_day import FINAL
from utils.store import Store
from utils.store.sqlite import SqliteBackend

MONTH, YEARS = weekdays("2024-01-01", "2024-01-31"), weekdays("2022-01-03", "2023-12-29")


def filled(folder: Path, clock: FakeClock, sessions: list[str]) -> Store:
    store = Store(SqliteBackend(folder), clock)
    with store.backend.batch():
        for session in sessions:
            store.save_session(market_day(session, row("000010"), row("000020"), finality=FINAL))
    return store


def steps(store: Store, work: Callable[[], object]) -> int:
    """How many steps SQLite's machine takes for it."""
    assert isinstance(store.backend, SqliteBackend)
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 1

    store.backend._connection.set_progress_handler(count, 1)
    work()
    store.backend._connection.set_progress_handler(None, 0)
    return taken


def test_reading_one_session_does_not_depend_on_how_many_are_stored(tmp_path: Path, clock: FakeClock) -> None:
    few, many = (filled(tmp_path / str(len(days)), clock, days) for days in (MONTH, [*YEARS, *MONTH]))
    of_few, of_many = (steps(store, lambda store=store: store.load_session(MONTH[3])) for store in (few, many))
    assert 0 < of_many <= of_few
    few.close()
    many.close()

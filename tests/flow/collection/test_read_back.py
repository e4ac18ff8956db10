"""Sessions that a run reads back: a bounded part, and over some weeks all of it."""

from collections.abc import Collection, Iterator
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from collectors.collection import due
from collectors.collection.due import datasets_due, due_by_damage, read_back_today
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.date_utils import weekdays
from utils.market_day import DATASET_COLUMNS, FINAL
from utils.store import Store
from utils.store.sessions import SessionHead
from utils.store.sqlite import SqliteBackend

NOW = kst(2024, 2, 12, 12)
DAYS = weekdays("2024-01-01", "2024-02-09")
FIRST, LAST = DAYS[0], DAYS[-1]
OLD = DAYS[7]
NEWEST, CYCLE = 10, 4


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten sessions count as the newest, and each older one has its day every fourth."""
    monkeypatch.setattr(due, "ALWAYS_READ_BACK", NEWEST)
    monkeypatch.setattr(due, "READ_BACK_CYCLE", CYCLE)


@pytest.fixture
def store(tmp_path: Path, small: None) -> Iterator[Store]:
    """Thirty sessions with fundamentals."""
    store = Store(SqliteBackend(tmp_path), FakeClock(NOW))
    figures = pd.DataFrame({name: [1.0] for name in DATASET_COLUMNS["fundamentals"]})
    store.scope.save(0, ["KOSPI"], FIRST)
    with store.backend.batch():
        for session in DAYS:
            store.sessions.save(market_day(session, row("005930"), finality=FINAL))
            store.datasets.save(session, "fundamentals", figures, FINAL)
    yield store
    store.close()


def damage(store: Store, session: str, column: str) -> None:
    assert isinstance(store.backend, SqliteBackend)
    zero_out = "UPDATE session_columns SET data = zeroblob(8) WHERE session = ? AND name = ?"
    store.backend._connection.execute(zero_out, [session, column])


def test_a_run_reads_the_newest_and_some_of_the_older_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(store.sessions, "load", read.append)
    due_by_damage(store, FIRST, LAST, except_for=[LAST])
    assert set(DAYS[-NEWEST:-1]) <= set(read)
    assert [each for each in read if each not in DAYS[-NEWEST:]] == [
        each for each in DAYS[:-NEWEST] if (NOW.date() - date.fromisoformat(each)).days % CYCLE == 0
    ]


def heads_of(days: list[str]) -> list[SessionHead]:
    return [SessionHead(day, FINAL, "pykrx", 1, "", 1, *[NOW] * 4, "", {}) for day in days]


@pytest.mark.parametrize(
    ("weekdays_of_runs", "longest"),
    [(range(7), 30), (range(6), 60), (range(5), 60), ([0], 210), ([4], 210)],
)
def test_each_older_session_has_its_day_whenever_runs_come(
    weekdays_of_runs: Collection[int], longest: int
) -> None:
    """Over all the positions that a session and the first run can have to each other: 210 days."""
    session = date(2000, 1, 3)
    older = heads_of([str(session), *weekdays("2010-01-01", "2011-12-31")])
    runs = [
        day
        for day in (session + timedelta(offset) for offset in range(4 * 210))
        if day.weekday() in weekdays_of_runs
    ]
    read = [day for day in runs if older[0] in read_back_today(older, day)]
    waits = {(later - earlier).days for earlier, later in pairwise([session, *read])}
    assert max(waits) == longest


@pytest.mark.parametrize("first_run", range(7))
def test_from_monday_to_friday_every_older_session_is_read_back_within_sixty_days(
    first_run: int,
) -> None:
    heads = heads_of(weekdays("2001-01-01", "2004-12-31"))
    begin = date(2005, 1, 3) + timedelta(first_run)
    days = [day for day in (begin + timedelta(offset) for offset in range(60)) if day.weekday() < 5]
    read = {head.session for day in days for head in read_back_today(heads, day)}
    assert read == {head.session for head in heads}


def test_a_short_history_is_read_whole_every_evening(store: Store) -> None:
    heads = store.sessions.heads(count=NEWEST)
    assert read_back_today(heads, NOW.date()) == heads


@pytest.mark.parametrize("session", [OLD, LAST])
def test_what_is_damaged_is_due_when_it_has_its_day(store: Store, session: str) -> None:
    damage(store, session, "close")
    damage(store, session, "eps")
    found = lacking = 0
    for offset in range(CYCLE):
        now = NOW + timedelta(offset)
        store.clock.set(now)  # type: ignore[attr-defined]
        found += session in {
            each.session for each in due_by_damage(store, FIRST, LAST, except_for=[])
        }
        lacking += session in {
            each.session for each in datasets_due(store, ["fundamentals"], FIRST, LAST, now)
        }
    assert (found, lacking) == ((1, 1) if session == OLD else (CYCLE, CYCLE))


def test_a_thorough_look_finds_damage_wherever_it_is(store: Store) -> None:
    damage(store, OLD, "eps")
    (lacking,) = datasets_due(store, ["fundamentals"], FIRST, LAST, NOW, thorough=True)
    assert lacking.session == OLD

"""What an evening's run reads back of what is stored: a bounded part, and in turn all of it."""

from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

import pandas as pd
import pytest

from collectors.collection import collect
from collectors.collection.collect import damaged_sessions, read_back_tonight, turn_of_older
from collectors.collection.collect_datasets import datasets_due
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
NEWEST, TURNS = 10, 4


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten sessions count as the newest, and the older ones are read in four runs."""
    monkeypatch.setattr(collect, "ALWAYS_READ_BACK", NEWEST)
    monkeypatch.setattr(collect, "TURNS", TURNS)


@pytest.fixture
def store(tmp_path: Path, small: None) -> Iterator[Store]:
    """Thirty sessions with fundamentals."""
    store = Store(SqliteBackend(tmp_path), FakeClock(NOW))
    figures = pd.DataFrame({name: [1.0] for name in DATASET_COLUMNS["fundamentals"]})
    store.save_scope(0, ["KOSPI"], FIRST)
    with store.backend.batch():
        for session in DAYS:
            store.save_session(market_day(session, row("005930"), finality=FINAL))
            store.save_dataset(session, "fundamentals", figures, FINAL)
    yield store
    store.close()


def damage(store: Store, session: str, column: str) -> None:
    assert isinstance(store.backend, SqliteBackend)
    spoil = "UPDATE session_columns SET data = zeroblob(8) WHERE session = ? AND name = ?"
    store.backend._connection.execute(spoil, [session, column])


def test_an_evening_reads_the_newest_and_some_of_the_older_ones(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(store, "load_session", read.append)
    damaged_sessions(store, FIRST, LAST, but=[LAST])
    assert set(DAYS[-NEWEST:-1]) <= set(read)
    assert len(read) == NEWEST - 1 + (len(DAYS) - NEWEST) // TURNS


def heads_of(count: int) -> list[SessionHead]:
    """So many sessions in a row, from 2001 on."""
    days = weekdays("2001-01-01", "2024-12-31")[:count]
    return [SessionHead(day, FINAL, "pykrx", 1, "", 1, NOW, NOW, "", {}) for day in days]


def runs_until_all_are_read(steps: Iterable[int], count: int) -> int:
    """How many runs read all older sessions of `count` at the start, when so many new ones come in
    before each."""
    behind, stored, after = {head.session for head in heads_of(count)[:-NEWEST]}, count, ""
    for run, step in enumerate(steps, start=1):
        stored += step
        turn = turn_of_older(heads_of(stored), after)
        behind, after = behind - {head.session for head in turn}, turn[-1].session
        if not behind:
            return run
    raise AssertionError(f"never read: {sorted(behind)}")


@pytest.mark.parametrize(
    "steps", [[0], [1], [2], [5], [6], [TURNS], [1, 1, 1, 1, 1, 0, 0], [4, 5, 5, 3], [1, 9]]
)
@pytest.mark.parametrize("count", [NEWEST + 1, 30, 311, 1000])
def test_however_many_sessions_come_in_between_two_runs_every_older_one_has_its_turn(
    steps: list[int], count: int, small: None
) -> None:
    assert runs_until_all_are_read(islice(cycle(steps), 2 * TURNS), count) <= TURNS


def test_round_after_round_nothing_is_left_out(store: Store) -> None:
    heads, read = store.session_heads(), []
    for _ in range(2 * TURNS):
        turn = turn_of_older(heads, store.read_back_until())
        store.end_read_back(turn[-1].session)
        read += [head.session for head in turn]
    assert read == (DAYS[:-NEWEST] * 2)[: len(read)]


def test_what_a_round_has_come_to_outlives_a_changed_scope(store: Store) -> None:
    store.end_read_back(OLD)
    store.save_scope(1, ["KOSPI"], FIRST)
    assert store.read_back_until() == OLD


def test_a_short_history_is_read_whole_every_evening(store: Store) -> None:
    heads = store.session_heads(count=NEWEST)
    assert read_back_tonight(heads, "") == heads


@pytest.mark.parametrize("session", [OLD, LAST])
def test_what_is_damaged_is_due_when_it_is_its_turn(store: Store, session: str) -> None:
    damage(store, session, "close")
    damage(store, session, "eps")
    found = lacking = 0
    for _ in range(TURNS):
        found += session in {each.session for each in damaged_sessions(store, FIRST, LAST, but=[])}
        lacking += session in {
            each.session for each in datasets_due(store, ["fundamentals"], FIRST, LAST, NOW)
        }
        store.end_read_back(
            turn_of_older(store.session_heads(), store.read_back_until())[-1].session
        )
    assert (found, lacking) == ((1, 1) if session == OLD else (TURNS, TURNS))


def test_a_thorough_look_finds_damage_wherever_it_is(store: Store) -> None:
    damage(store, OLD, "eps")
    (due,) = datasets_due(store, ["fundamentals"], FIRST, LAST, NOW, thorough=True)
    assert due.session == OLD

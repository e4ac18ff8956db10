"""What an evening's run reads back of what is stored: a bounded part, and in turn all of it."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from collectors import healing
from collectors.dataset_healing import datasets_due
from collectors.healing import damaged_sessions, read_back_tonight
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.date_utils import weekdays
from utils.market_day import DATASET_COLUMNS, FINAL
from utils.store import Store
from utils.store.sqlite import SqliteBackend

NOW = kst(2024, 2, 12, 12)
DAYS = weekdays("2024-01-01", "2024-02-09")
FIRST, LAST = DAYS[0], DAYS[-1]
OLD = DAYS[7]
NEWEST, TURNS = 10, 4


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Thirty sessions with fundamentals, where ten count as the newest."""
    monkeypatch.setattr(healing, "ALWAYS_READ_BACK", NEWEST)
    monkeypatch.setattr(healing, "TURNS", TURNS)
    store = Store(SqliteBackend(tmp_path), FakeClock(NOW))
    figures = pd.DataFrame({name: [1.0] for name in DATASET_COLUMNS["fundamentals"]})
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


def test_an_evening_reads_the_newest_and_some_of_the_older_ones(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    monkeypatch.setattr(store, "load_session", read.append)
    damaged_sessions(store, FIRST, LAST, but=[LAST])
    assert set(DAYS[-NEWEST:-1]) <= set(read)
    assert len(read) == NEWEST - 1 + (len(DAYS) - NEWEST) // TURNS


def test_in_turn_all_of_them_are_read(store: Store) -> None:
    heads = store.session_heads()
    evenings = [read_back_tonight(heads[: len(heads) - night]) for night in range(TURNS)]
    assert {head.session for evening in evenings for head in evening} == set(DAYS)


def test_a_short_history_is_read_whole_every_evening(store: Store) -> None:
    heads = store.session_heads(count=NEWEST)
    assert read_back_tonight(heads) == heads


@pytest.mark.parametrize("session", [OLD, LAST])
def test_what_is_damaged_is_due_when_it_is_its_turn(store: Store, session: str) -> None:
    damage(store, session, "close")
    damage(store, session, "eps")
    found = lacking = 0
    for night in range(TURNS):
        last = DAYS[-1 - night] if session == OLD else LAST
        found += session in {each.session for each in damaged_sessions(store, FIRST, last, but=[])}
        lacking += session in {each.session for each in datasets_due(store, ["fundamentals"], FIRST, last, NOW)}
    assert (found, lacking) == ((1, 1) if session == OLD else (TURNS, TURNS))


def test_a_thorough_look_finds_damage_wherever_it_is(store: Store) -> None:
    damage(store, OLD, "eps")
    (due,) = datasets_due(store, ["fundamentals"], FIRST, LAST, NOW, thorough=True)
    assert due.session == OLD

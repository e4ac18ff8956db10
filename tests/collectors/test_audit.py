"""The audit reads the store only and lists what is wrong with it."""

import sqlite3
from pathlib import Path

from collectors.audit import audit
from tests.fakes import FakeClock, market_day, row
from utils.date_utils import TradingCalendar
from utils.store import Store
from utils.store.sqlite import FILE_NAME, SqliteBackend

DAYS = ["2024-01-18", "2024-01-19", "2024-01-22"]


def filled(folder: Path, clock: FakeClock, *sessions: str) -> Store:
    store = Store(SqliteBackend(folder), clock)
    for number, session in enumerate(sessions):
        store.save_session(market_day(session, row("000010", 1000 + number), row("000020")))
    return store


def test_a_store_that_is_whole_has_no_findings(tmp_path: Path, clock: FakeClock) -> None:
    assert audit(filled(tmp_path, clock, *DAYS), TradingCalendar(), DAYS[0], DAYS[-1]) == []


def test_a_hole_is_listed(tmp_path: Path, clock: FakeClock) -> None:
    store = filled(tmp_path, clock, DAYS[0], DAYS[2])
    assert audit(store, TradingCalendar(), DAYS[0], DAYS[-1]) == [f"{DAYS[1]}: not stored"]


def test_a_damaged_session_is_listed_and_the_others_are_still_looked_at(tmp_path: Path, clock: FakeClock) -> None:
    store = filled(tmp_path, clock, DAYS[0], DAYS[1])
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        zeros = "UPDATE session_columns SET data = zeroblob(length(data)) WHERE name = 'volume' AND session = ?"
        connection.execute(zeros, [DAYS[0]])
    damaged, missing = audit(store, TradingCalendar(), DAYS[0], DAYS[-1])
    assert damaged.startswith(f"{DAYS[0]}: ")
    assert "is damaged" in damaged
    assert missing == f"{DAYS[2]}: not stored"

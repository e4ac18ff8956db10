"""A document that is damaged is named, and made anew with what follows from the rest."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from collectors.upkeep.damage import WHAT_FOLLOWS, repair_damage
from tests.flow.upkeep.damages import damage_a_column, damage_a_document
from tests.flow.upkeep.store_under_test import (
    FIRST,
    LAST,
    MIDDLE,
    NOON,
    SCOPE,
    SECOND,
    StoreUnderTest,
    at,
    contents,
    told,
)
from utils.errors import Damaged, StoreUnusable
from utils.settings import load_settings
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.locks import COLLECTION
from utils.store.schema import (
    ACTIONS,
    CALENDAR,
    COLLECTIONS,
    COPY,
    INCIDENTS,
    INDICATORS,
    INDICES,
    JOBS,
    LOCKS,
    SCHEMA,
    SESSIONS,
    SOURCES,
    TARGETS,
    WAITING,
)
from utils.store.schema import SCOPE as SCOPES
from utils.store.sqlite import FILE_NAME, SqliteBackend


def results(tested: StoreUnderTest) -> list[dict[str, Any]]:
    return [
        {name: value for name, value in each.items() if not name.endswith("_utc")}
        for each in tested.store.backend.find(INDICATORS)
    ]


def key_in(tested: StoreUnderTest, collection: str) -> str:
    """Return a document of the collection; one is added where there is none."""
    some: dict[str, Any] = {
        SOURCES: {"_id": "pykrx", "total": 1},
        INCIDENTS: {"_id": "daily_update:down", "opened_utc": NOON},
        LOCKS: {"_id": "hourly_analysis@here", "owner": "gone"},
        WAITING: {"_id": SECOND, "digest": "0", "oddities": [], "accepted_utc": None},
    }
    if collection in some:
        tested.store.backend.put(collection, [some[collection]])
    keys = [each["_id"] for each in tested.store.backend.find(collection)]
    return next((each for each in keys if MIDDLE in each), keys[-1])


def test_it_is_said_what_becomes_of_every_document() -> None:
    assert WHAT_FOLLOWS.keys() == set(COLLECTIONS)


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_next_run_makes_a_damaged_document_anew_and_says_what_is_lost(
    tested: StoreUnderTest, collection: str, caplog: pytest.LogCaptureFixture
) -> None:
    tested.hour()  # what the last morning has changed
    before, analysed = contents(tested), results(tested)
    damage_a_document(tested, collection, key := key_in(tested, collection))
    assert told(tested.audit()) == [("damaged", None)]
    tested.evening()
    assert f"Damaged: {collection} {key}: not as it was saved. " in caplog.text
    assert WHAT_FOLLOWS[collection][1:] in caplog.text
    assert tested.audit().findings == []
    tested.hour()
    assert contents(tested) == before
    assert results(tested) == analysed


def test_people_are_told_where_they_are_told_of_anything(tested: StoreUnderTest) -> None:
    settings = load_settings({"notify_urls": "json://127.0.0.1"}, tested.folder / "no.env")
    for collection, key in ((JOBS, f"{MIDDLE}_{DAILY_UPDATE}"), (CALENDAR, MIDDLE)):
        damage_a_document(tested, collection, key)
    repair_damage(False, settings, tested.clock, tested.store.backend)
    (incident,) = tested.store.incidents.untold()
    assert (incident["_id"], incident["resolved_utc"]) == ("daily_update:damaged", None)
    assert incident["message"].startswith(f"{JOBS} {MIDDLE}_{DAILY_UPDATE}: not as it was saved")
    assert "and 1 more" in incident["message"]


@pytest.mark.parametrize("session", [FIRST, SECOND, LAST])
def test_a_damaged_head_costs_no_other_session(tested: StoreUnderTest, session: str) -> None:
    """Not even the targets' memberships, when it is the newest."""
    before, targets = contents(tested), tested.store.targets.all()
    damage_a_document(tested, SESSIONS, session)
    with pytest.raises(Damaged, match=rf"{session} of stock_data\.sessions is damaged"):
        tested.store.sessions.heads()
    tested.evening()
    assert contents(tested) == before
    kept = ("_id", "name", "is_active", "added_date", "removed_date", "former", "history")
    assert [[each[name] for name in kept] for each in tested.store.targets.all()] == [
        [each[name] for name in kept] for each in targets
    ]


def test_a_corporate_action_is_found_anew_in_what_is_stored(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    (action,) = tested.store.sessions.actions(SECOND, SECOND)
    damage_a_document(tested, ACTIONS, action["_id"])
    monkeypatch.setattr(tested.source, "fetch_day", None)
    tested.open_again(thorough=False)
    assert tested.store.sessions.actions(SECOND, SECOND) == [action]


def test_where_the_session_is_damaged_too_it_is_collected_again(tested: StoreUnderTest) -> None:
    (action,) = tested.store.sessions.actions(SECOND, SECOND)
    damage_a_document(tested, ACTIONS, action["_id"])
    with sqlite3.connect(tested.folder / FILE_NAME) as connection:
        connection.execute("DELETE FROM session_columns WHERE session = ?", [SECOND])
    tested.evening()
    assert tested.store.sessions.actions(SECOND, SECOND) == [action]


def test_the_scope_is_made_of_the_settings_and_of_what_is_stored(tested: StoreUnderTest) -> None:
    damage_a_document(tested, SCOPES, "scope")
    tested.open_again(thorough=False)
    assert tested.store.scope.get() == {"_id": "scope", **SCOPE, "first_session": FIRST}


def test_a_target_is_made_anew_by_the_newest_session(tested: StoreUnderTest) -> None:
    damage_a_document(tested, TARGETS, ticker := tested.targets()[0])
    tested.evening()
    target = tested.store.targets.get(ticker)
    assert target is not None
    assert (target["added_date"], target["last_analyzed_date"]) == (LAST, None)


def test_a_damaged_column_is_left_to_the_reading_back(tested: StoreUnderTest) -> None:
    damage_a_column(tested)
    size = (tested.folder / FILE_NAME).stat().st_mtime_ns
    tested.open_again(thorough=False)
    assert (tested.folder / FILE_NAME).stat().st_mtime_ns == size
    assert told(tested.audit()) == [("digest", MIDDLE)]


def test_a_damaged_column_that_nothing_reads_is_named(tested: StoreUnderTest) -> None:
    with sqlite3.connect(tested.folder / FILE_NAME) as connection:
        connection.execute("INSERT INTO session_columns VALUES (?, 'x', x'00', x'00')", [MIDDLE])
    assert told(tested.audit()) == [("damaged", MIDDLE)]


def test_a_page_that_cannot_be_read_is_repaired_by_hand_alone(tested: StoreUnderTest) -> None:
    """Nobody can name the documents that it held, so an audit has to follow."""
    before = contents(tested)
    with closing(sqlite3.connect(tested.folder / FILE_NAME)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", [ACTIONS]
        ).fetchone()
    with (tested.folder / FILE_NAME).open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    tested.store = Store(SqliteBackend(tested.folder), tested.clock)  # a run of its own
    assert {rule for rule, _ in told(tested.audit())} == {"damaged"}
    with pytest.raises(Damaged, match=r"Run daily_update\.py --repair"):
        tested.evening()
    assert tested.repair() == 0
    assert tested.audit().findings == []
    assert contents(tested) == before


def test_while_another_run_is_collecting_nothing_is_made_anew(tested: StoreUnderTest) -> None:
    damage_a_document(tested, JOBS, f"{MIDDLE}_{DAILY_UPDATE}")
    other = Store(SqliteBackend(tested.folder), tested.clock)
    with other.locks.hold(COLLECTION):
        tested.open_again(thorough=True)
    assert told(tested.audit()) == [("damaged", None)]
    other.close()


def test_another_layout_and_an_unfinished_copy_are_left_alone(tested: StoreUnderTest) -> None:
    backend = tested.store.backend
    for mark in ({"_id": "schema", "version": 4}, {"_id": COPY, "from": "there"}):
        backend.put(SCHEMA, [mark])
        damage_a_document(tested, CALENDAR, MIDDLE)
        before = backend.damages(thorough=True)
        tested.open_again(thorough=True)
        assert backend.damages(thorough=True) == before
        with pytest.raises(StoreUnusable):
            Store(backend, tested.clock)


def test_a_mark_that_may_be_that_of_a_copy_makes_no_store(tested: StoreUnderTest) -> None:
    tested.store.backend.put(SCHEMA, [{"_id": COPY, "from": "there"}])
    damage_a_document(tested, SCHEMA, COPY)
    with pytest.raises(Damaged, match="may hold an unfinished copy"):
        tested.open_again(thorough=True)


def test_of_an_older_target_without_a_result_the_analysis_is_open_again(
    tested: StoreUnderTest,
) -> None:
    ticker = tested.targets()[0]
    damage_a_document(tested, INDICATORS, ticker)
    tested.open_again(thorough=False)
    target = tested.store.targets.get(ticker)
    assert target is not None
    assert target["last_analyzed_date"] is None
    tested.clock.set(at(LAST, 8, 10) + timedelta(days=1))
    tested.hour()
    assert tested.store.results.get(ticker) is not None


def test_an_index_day_is_read_again(tested: StoreUnderTest) -> None:
    before = tested.store.indices.load()
    damage_a_document(tested, INDICES, f"KOSDAQ:{SECOND}")
    tested.evening()
    assert tested.store.indices.load() == before

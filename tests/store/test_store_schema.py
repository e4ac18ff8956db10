"""The database as a whole: its scope, its version, opening it twice, emptying it."""

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest

from tests.fakes import FakeClock, market_day, row
from tests.store.dying import Dying, Killed
from utils.errors import EXIT_USAGE, Banned, LockHeld, StoreUnusable
from utils.settings import Settings, load_settings
from utils.store import Store, drop_if_empty, open_store
from utils.store.backend import Backend, Document
from utils.store.mongo import MongoBackend
from utils.store.schema import CALENDAR, COLLECTIONS, INDICATORS, SCHEMA, SCHEMA_VERSION, SCREENS
from utils.store.sqlite import FILE_NAME, SqliteBackend

MONDAY = "2024-01-22"


def fill(store: Store) -> None:
    store.sessions.save(market_day(MONDAY, row("005930")), [{"_id": "005930:x", "session": MONDAY}])
    store.targets.save([{"_id": "005930", "market_cap": 1, "is_active": True}], {})
    store.results.save(MONDAY, [{"_id": "005930"}])
    store.jobs.start("daily_update", MONDAY)
    store.calendar.record({MONDAY: True}, "index series")
    store.scope.save(1, ["KOSPI"], MONDAY)


def everything(backend: Backend) -> dict[str, list[Document]]:
    found = {name: backend.find(name) for name in COLLECTIONS}
    return {name: documents for name, documents in found.items() if documents}


def test_there_is_no_scope_before_the_setup_ran(store: Store) -> None:
    assert store.scope.get() is None


def test_the_scope_comes_back_and_the_last_one_counts_but_forgets_no_session(
    store: Store, other: Store
) -> None:
    store.scope.save(1, ["KONEX"], "2022-12-01")
    store.scope.save(100_000_000_000, ("KOSPI", "KOSDAQ"), "2022-11-01")
    assert other.scope.get() == {
        "_id": "scope",
        "min_market_cap": 100_000_000_000,
        "markets": ["KOSPI", "KOSDAQ"],
        "first_session": "2022-11-01",
    }
    store.scope.save(1, ["KONEX"], "2023-01-02")
    assert (other.scope.get() or {})["first_session"] == "2022-11-01"


def test_a_database_is_opened_again_as_it_was(
    store: Store, open_store: Callable[..., Store]
) -> None:
    fill(store)
    again = open_store("c")
    assert again.sessions.heads() == store.sessions.heads() != []
    assert again.backend.get(SCHEMA, "schema") == {"_id": "schema", "version": SCHEMA_VERSION}


def test_a_reset_leaves_nothing_but_what_the_exchange_is_like(store: Store, other: Store) -> None:
    fill(store)
    calendar = store.calendar.observed()
    store.reset()
    assert other.calendar.observed() == calendar
    found = {name: other.backend.find(name) for name in COLLECTIONS if name != CALENDAR}
    assert {name: documents for name, documents in found.items() if documents} == {
        SCHEMA: [{"_id": "schema", "version": SCHEMA_VERSION}]
    }
    assert list(other.sessions.columns(["close"])) == []
    fill(other)
    assert len(store.sessions.heads()) == 1


def test_a_reset_keeps_the_lock_under_which_it_is_done(store: Store, other: Store) -> None:
    with store.locks.hold("daily_update"):
        store.reset()
        with pytest.raises(LockHeld), other.locks.hold("daily_update"):
            pass


def test_a_reset_does_not_open_a_source_that_is_closed_to_us(
    store: Store, clock: FakeClock
) -> None:
    store.sources.block("pykrx", clock.now_utc() + timedelta(hours=24), "automated use detected")
    store.reset()
    with pytest.raises(Banned):
        store.sources.next_request("pykrx", timedelta(seconds=1))


@pytest.mark.parametrize("version", [SCHEMA_VERSION - 1, SCHEMA_VERSION + 1])
def test_a_database_of_another_layout_is_refused_and_left_alone(
    open_backend: Callable[[], Backend], store: Store, clock: FakeClock, version: int
) -> None:
    fill(store)
    store.backend.put(SCHEMA, [{"_id": "schema", "version": version}])
    before = everything(store.backend)
    with pytest.raises(
        StoreUnusable, match=rf"has layout {version}, .* layout {SCHEMA_VERSION} alone"
    ) as refusal:
        Store(open_backend(), clock)
    assert refusal.value.exit_code == EXIT_USAGE
    assert everything(store.backend) == before


def test_whoever_is_killed_while_it_empties_another_layout_leaves_none_that_is_taken_for_ours(
    open_backend: Callable[[], Backend], store: Store, clock: FakeClock
) -> None:
    fill(store)
    store.backend.put(SCHEMA, [{"_id": "schema", "version": SCHEMA_VERSION + 1}])
    for dies_at in count():
        try:
            Store(Dying(open_backend(), dies_at), clock, any_version=True).reset()
        except Killed:
            with pytest.raises(StoreUnusable, match="--reset --yes"):
                Store(open_backend(), clock)
        else:
            break
    assert dies_at > 1
    assert everything(store.backend) == {SCHEMA: [{"_id": "schema", "version": SCHEMA_VERSION}]}


def test_what_another_layout_left_in_the_file_is_made_anew_by_a_reset(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Such as a table that lacks a column."""
    backend = SqliteBackend(tmp_path)
    backend.put(SCHEMA, [{"_id": "schema", "version": SCHEMA_VERSION - 1}])
    backend._run(f'ALTER TABLE "{INDICATORS}" DROP COLUMN arrays')
    store = Store(backend, clock, any_version=True)
    store.reset()
    store.results.save(MONDAY, [{"_id": "005930", "history": {"session": [MONDAY]}}])
    assert (store.results.get("005930") or {})["history"] == {"session": [MONDAY]}
    store.close()


@pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)
def test_the_usual_screens_find_an_index_where_the_database_is_a_server(
    backend: Backend, store: Store
) -> None:
    """SQLite has read every result of a market in some 10 ms, so it has none to keep up."""
    assert isinstance(backend, MongoBackend)
    name, _, collection = INDICATORS.partition(".")
    found = backend._client[backend._databases[name]][collection].index_information()
    indexed = [[field for field, _ in index["key"]] for index in found.values()]
    assert all(list(fields) in indexed for fields in SCREENS[INDICATORS])
    assert len(SCREENS[INDICATORS]) > 3


def test_a_database_describes_itself_for_a_person(backend: Backend, store: Store) -> None:
    assert re.fullmatch(r"embedded database /.+|MongoDB [\d.]+ at [\w.-]+:\d+", backend.description)
    assert store.description == store.backend.description


def settings(tmp_path: Path, **options: str) -> Settings:
    return load_settings({"data_dir": str(tmp_path / "data"), **options}, tmp_path / "no.env")


def test_without_a_uri_the_store_is_embedded_in_a_folder_of_its_owner(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    store = open_store(settings(tmp_path), clock)
    assert store.description == f"embedded database {tmp_path / 'data' / FILE_NAME}"
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
    store.close()


def test_an_embedded_database_that_was_only_tried_is_dropped_and_no_other(
    tmp_path: Path, clock: FakeClock
) -> None:
    settings = load_settings({"data_dir": str(tmp_path / "data")}, tmp_path / "no.env")
    drop_if_empty(settings, clock)
    assert not settings.data_dir.exists(), "nothing is made to be dropped"
    store = open_store(settings, clock)
    with store.locks.hold("collection"):
        pass
    store.close()
    for ending in ("-wal", "-shm"):
        (settings.data_dir / f"{FILE_NAME}{ending}").touch()
    drop_if_empty(settings, clock)
    assert not list(settings.data_dir.glob(f"{FILE_NAME}*"))
    store = open_store(settings, clock)
    store.sources.record_failure("pykrx", "down")
    store.close()
    drop_if_empty(settings, clock)
    assert (settings.data_dir / FILE_NAME).exists()

"""Stores of earlier versions: brought up as a whole, what they were is kept, nobody else is at work
meanwhile."""

import json
import logging
import re
import sqlite3
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from bson import json_util

from collectors.target_rule import TargetRule
from collectors.targets import refresh_targets
from tests.crash.dump import differences, dump_sqlite
from tests.fakes import FakeClock, market_day, row
from tests.first_release import (
    FORMER_NAME,
    JSON_LINES,
    LAST_SESSIONS,
    NEW_NAME,
    RENAMED,
    restore_embedded,
    restore_mongodb,
)
from tests.server import NewDatabases
from tests.store.conftest import OpenBackend, OpenStore, database
from tests.store.dying import Dying, Killed
from utils.errors import EXIT_NOT_NOW, LockHeld
from utils.market_day import BESIDE_COLUMNS, DAY_COLUMNS
from utils.settings import PROJECT
from utils.store import Store
from utils.store.backend import Backend, Document
from utils.store.base import Identity
from utils.store.locks import EXPIRES_AFTER, Locks
from utils.store.migrations import REPLACED, migrate
from utils.store.mongo import MongoBackend
from utils.store.schema import (
    COLLECTIONS,
    HEAD_FIELDS,
    INDICATORS,
    JOBS,
    LOCKS,
    SCHEMA,
    SCHEMA_VERSION,
    SESSIONS,
    SOURCES,
    TARGETS,
)
from utils.store.sessions import check_whole
from utils.store.sqlite import FILE_NAME, SqliteBackend

DAYS = ("2024-01-18", "2024-01-19", "2024-01-22", "2024-01-23", "2024-01-24")
COPY = f"{FILE_NAME}.schema-1"


class Covered:
    """A backend that reads the heads from an index alone, as MongoDB does: null for a field that is
    not there."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)

    def session_heads(self, *which: Any) -> list[Document]:
        return [dict.fromkeys(HEAD_FIELDS) | head for head in self._backend.session_heads(*which)]


@pytest.fixture(params=["sqlite", "mongomock", "mongodb"])
def open_first_release(
    request: pytest.FixtureRequest, tmp_path: Path, on_the_server: NewDatabases
) -> Iterator[OpenBackend]:
    """A function that opens one more connection to a database with the store of the first
    release."""
    if request.param == "sqlite":
        restore_embedded(tmp_path / "data")
    with database(request.param, tmp_path / "data", on_the_server) as open_one:
        backend = open_one()
        if isinstance(backend, MongoBackend):
            restore_mongodb(backend._client, backend._databases)
        yield open_one


def recorded() -> dict[str, dict[str, Document]]:
    """Collection -> `_id` -> the document, as the first release wrote it over MongoDB."""
    found: dict[str, dict[str, Document]] = defaultdict(dict)
    for line in JSON_LINES.read_text(encoding="utf-8").splitlines():
        title, _, text = line.partition(" ")
        document = json_util.loads(text)
        found[title][document["_id"]] = document
    return found


def everything(backend: Backend) -> dict[str, list[Document]]:
    heads = {SESSIONS: backend.session_heads()}
    return {
        name: backend.find(name) for name in COLLECTIONS if name not in (SESSIONS, LOCKS)
    } | heads


def test_every_session_of_the_first_release_is_whole_and_has_what_a_head_has(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    store = Store(open_first_release(), clock)
    assert len(store.session_heads()) == 12
    for head in store.backend.session_heads():
        columns = store.backend.read_columns(
            (*DAY_COLUMNS, *BESIDE_COLUMNS), head["_id"], head["_id"]
        )
        check_whole(head, next(columns)[1])
        assert head["datasets"] == {}
    assert store.backend.find(SCHEMA) == [{"_id": "schema", "version": SCHEMA_VERSION}]


def test_targets_jobs_and_sources_of_the_first_release_have_every_field(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    store = Store(open_first_release(), clock)
    renamed = store.target(RENAMED) or {}
    assert (renamed["name"], renamed["kind"], renamed["delisted_date"]) == (NEW_NAME, None, None)
    assert renamed["former"] == [
        {"name": FORMER_NAME, "market": "KOSPI", "until": LAST_SESSIONS[0]}
    ]
    assert {target["chosen_by"] for target in store.targets()} == {"market_cap"}
    assert all(target["corrected_market_cap"] == target["market_cap"] for target in store.targets())
    assert [job["run"] for job in store.backend.find(JOBS)] == [None] * 15
    assert [(each["comparison"], each["password"]) for each in store.sources()] == [(None, None)]


def test_results_of_the_first_release_have_the_numbers_they_had(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    store = Store(open_first_release(), clock)
    for ticker, result in recorded()[INDICATORS].items():
        ours = store.analysis(ticker) or {}
        assert {name: ours[name] for name in ("latest", "history", "session")} == {
            name: result[name] for name in ("latest", "history", "session")
        }
    if isinstance(store.backend, SqliteBackend):
        assert (None,) not in store.backend._run('SELECT arrays FROM "stock_analyzed.indicators"')


def test_indexes_are_those_of_a_new_store_afterwards(
    open_first_release: OpenBackend, open_backend: OpenBackend, clock: FakeClock
) -> None:
    old, new = Store(open_first_release(), clock).backend, open_backend()
    if type(old) is not type(new):
        pytest.skip("two kinds of databases")

    def indexes(backend: Backend, name: str) -> object:
        if isinstance(backend, MongoBackend):
            return sorted(backend._collection(name).index_information().keys() - {"_id_"})
        assert isinstance(backend, SqliteBackend)
        return backend._run(
            "SELECT name FROM sqlite_master WHERE tbl_name = ? ORDER BY name", [name]
        )

    for name in COLLECTIONS:
        assert indexes(old, name) == indexes(new, name), name


def test_the_file_as_it_was_is_kept_beside_the_new_one(tmp_path: Path, clock: FakeClock) -> None:
    before = dump_sqlite(restore_embedded(tmp_path / "data"))
    Store(SqliteBackend(tmp_path / "data"), clock).close()
    copy = tmp_path / "data" / COPY
    changed = [line.partition(":")[0] for line in differences(before, dump_sqlite(copy))]
    assert [name for name in changed if not name.startswith(("index ", "table "))] == [
        f"{LOCKS} collection"
    ] * 4
    assert copy.stat().st_mode & 0o777 == 0o600
    assert not list(copy.parent.glob("*.partial*"))


@pytest.mark.parametrize("open_first_release", ["mongomock", "mongodb"], indirect=True)
def test_the_documents_as_they_were_are_kept_in_collections_of_their_own(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    backend = open_first_release()
    assert isinstance(backend, MongoBackend)
    before = everything(backend)
    Store(backend, clock)
    for name in REPLACED:
        assert backend.find(name.replace(".", ".schema_1_")) == before[name] != []


def documented(kind: str) -> str:
    """The block of that language under "Going back" in the documents."""
    text = (
        (PROJECT / "docs" / "documents.md")
        .read_text(encoding="utf-8")
        .partition("### Going back")[2]
    )
    return text.partition(f"```{kind}\n")[2].partition("```")[0]


def test_the_documented_way_back_puts_the_file_as_it_was_in_its_place(
    tmp_path: Path, clock: FakeClock
) -> None:
    Store(SqliteBackend(restore_embedded(tmp_path / "data").parent), clock).close()
    kept = dump_sqlite(tmp_path / "data" / COPY)
    subprocess.run(["bash", "-ec", documented("sh")], cwd=tmp_path, check=True)
    assert differences(kept, dump_sqlite(tmp_path / "data" / FILE_NAME)) == []
    assert not (tmp_path / "data" / COPY).exists()


def test_the_documented_way_back_knows_every_collection_of_which_there_is_a_copy() -> None:
    listed = json.loads(re.findall(r"\[.*\]", documented("js"))[0])
    assert {f"system_info.{name}" for name in listed} | {SESSIONS} == set(REPLACED)


def test_who_went_back_without_moving_the_copy_away_has_another_one_of_the_day_of_the_next_migration(
    tmp_path: Path, clock: FakeClock
) -> None:
    file, copy = restore_embedded(tmp_path / "data"), tmp_path / "data" / COPY
    before = dump_sqlite(file)
    copy.write_text("of an earlier migration")
    Store(SqliteBackend(tmp_path / "data"), clock).close()
    assert copy.read_text() == "of an earlier migration"
    changed = differences(before, dump_sqlite(copy.with_name(f"{COPY}_2")))
    assert [name for name in changed if not name.startswith(("index ", "table ", LOCKS))] == []


@pytest.mark.parametrize("open_first_release", ["mongomock", "mongodb"], indirect=True)
def test_documents_of_an_earlier_migration_are_not_mixed_with_those_of_this_one(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    backend = open_first_release()
    assert isinstance(backend, MongoBackend)
    earlier = [{"_id": "000010", "name": "of an earlier migration"}]
    backend.put("system_info.schema_1_target_tickers", earlier)
    before = everything(backend)
    Store(backend, clock)
    assert backend.find("system_info.schema_1_target_tickers") == earlier
    for name in REPLACED:
        assert backend.find(name.replace(".", ".schema_1_2_")) == before[name]


def test_killed_at_any_write_the_next_start_ends_with_the_same_store_and_the_same_copy(
    tmp_path: Path, clock: FakeClock, on_the_server: NewDatabases
) -> None:
    def store_killed_at(
        number: int | None,
    ) -> tuple[dict[str, list[Document]], dict[str, list[Document]]] | None:
        with database("mongomock", tmp_path, on_the_server) as open_one:
            backend = open_one()
            assert isinstance(backend, MongoBackend)
            restore_mongodb(backend._client, backend._databases)
            if number is not None:
                try:
                    Store(Dying(backend, number), clock)
                except Killed:
                    clock.advance(seconds=EXPIRES_AFTER.total_seconds() + 1)
                else:
                    return None
            Store(backend, clock)
            copies = {name: backend.find(name.replace(".", ".schema_1_")) for name in REPLACED}
            return everything(backend), copies

    expected, number = store_killed_at(None), 0
    while (found := store_killed_at(number)) is not None:
        assert found == expected, number
        number += 1
    assert number > 8


def test_while_a_run_of_an_earlier_version_is_at_work_everybody_else_leaves(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    at_work = Locks(open_first_release(), clock, Identity("other", 1, "old"))
    backend = open_first_release()
    with (
        at_work.lock("daily_update"),
        pytest.raises(LockHeld, match=r"earlier version.*other, process 1") as refusal,
    ):
        Store(backend, clock)
    assert refusal.value.exit_code == EXIT_NOT_NOW
    assert backend.get(SCHEMA, "schema") == {"_id": "schema", "version": 1}
    if isinstance(backend, MongoBackend):
        assert not any(backend.find(name.replace(".", ".schema_1_"), limit=1) for name in REPLACED)
    Store(backend, clock)
    assert backend.get(SCHEMA, "schema") == {"_id": "schema", "version": SCHEMA_VERSION}


def test_who_comes_second_finds_it_done_and_changes_nothing(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    store = Store(open_first_release(), clock)
    store.backend.update(TARGETS, {"_id": RENAMED}, {"name": "later"})
    before = everything(store.backend)
    migrate(Locks(open_first_release(), clock))
    assert everything(store.backend) == before


def test_every_command_says_once_where_the_copy_is(
    open_first_release: OpenBackend, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        Store(open_first_release(), clock)
        Store(open_first_release(), clock)
    (said,) = [each.getMessage() for each in caplog.records if "schema" in each.getMessage()]
    assert "from schema 1 to 3. What it was is kept in " in said
    assert "schema-1" in said or "schema_1_*" in said


def lives(store: Store) -> None:
    """Targets that are renamed, change market, are delisted, come back under another name, fall
    below and rise."""
    names = {
        "A00010": ["가"] * 2 + ["나"] * 3,
        "A00020": ["다"] * 5,
        "A00030": ["라"] * 2,
        "A00045": ["마"] * 5,
    }
    names |= {"A00060": ["바 제1호", "바 제1호", "", "", "사"], "A00070": ["아리츠"] * 5}
    for number, session in enumerate(DAYS):
        listed = {
            ticker: each[number]
            for ticker, each in names.items()
            if number < len(each) and each[number]
        }
        rows = [
            row(
                ticker,
                name=name,
                market="KOSDAQ" if (ticker, number < 3) == ("A00020", True) else "KOSPI",
                market_cap=10 if ticker == "A00045" and number == 3 else 200,
            )
            for ticker, name in listed.items()
        ]
        day = market_day(session, *rows)
        store.save_session(day)
        refresh_targets(store, day.frame, session, TargetRule(100, ("KOSPI", "KOSDAQ")))


def without(backend: Backend, collection: str, *fields: str) -> None:
    documents = backend.find(collection)
    backend.put(
        collection,
        [{name: value for name, value in each.items() if name not in fields} for each in documents],
    )


def test_what_is_known_of_targets_is_what_the_refreshes_of_each_night_would_have_found(
    open_store: OpenStore,
) -> None:
    store = open_store("a")
    lives(store)
    backend, before = store.backend, store.targets()
    assert {len(target["former"]) for target in before} == {0, 1}
    assert {target["delisted_date"] for target in before} == {None, DAYS[1]}
    without(
        backend, TARGETS, "kind", "corrected_market_cap", "chosen_by", "delisted_date", "former"
    )
    backend.update(
        TARGETS, {"removed_date": DAYS[1]}, {"removed_date": DAYS[2]}
    )  # the first that did not list it
    backend.put(SCHEMA, [{"_id": "schema", "version": 1}])
    assert open_store("b").targets() == before


def test_what_schema_2_has_already_stays_as_it_is(open_store: OpenStore) -> None:
    store = open_store("a")
    lives(store)
    figures = pd.DataFrame(
        {name: [1.5] * 6 for name in ("eps", "per", "bps", "pbr", "dps", "dividend_yield")}
    )
    store.save_dataset(DAYS[0], "fundamentals", figures, "final")
    store.record_password("pykrx", "abcd")
    store.start_job("daily_update", DAYS[0])
    before = everything(store.backend)
    store.backend.put(SCHEMA, [{"_id": "schema", "version": 2}])
    assert everything(open_store("b").backend) == before
    assert before[SOURCES][0]["password"]["mark"] == "abcd"


@pytest.mark.parametrize("session", LAST_SESSIONS)
def test_a_damaged_session_keeps_nobody_out_and_is_left_to_the_audit(
    session: str, tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(sqlite3.connect(restore_embedded(tmp_path / "data"))) as connection, connection:
        damage = "DELETE FROM session_columns WHERE session = ? AND name IN ('factor', 'market')"
        connection.execute(damage, [session])
    with caplog.at_level(logging.WARNING):
        store = Store(SqliteBackend(tmp_path / "data"), clock)
    assert f"session {session} is damaged" in caplog.text
    assert [head.session for head in store.session_heads() if not head.factor_digest] == [session]
    assert {target["delisted_date"] for target in store.targets()} == {None}
    store.close()


def test_targets_without_any_session_are_left_as_they_are_listed(open_store: OpenStore) -> None:
    store = open_store("a")
    lives(store)
    before = {target["_id"]: target["name"] for target in store.targets()}
    without(
        store.backend,
        TARGETS,
        "kind",
        "corrected_market_cap",
        "chosen_by",
        "delisted_date",
        "former",
    )
    store.backend.empty([SESSIONS])
    store.backend.put(SCHEMA, [{"_id": "schema", "version": 1}])
    after = open_store("b").targets()
    assert {target["_id"]: target["name"] for target in after} == before
    assert [(target["delisted_date"], target["former"]) for target in after] == [(None, [])] * len(
        before
    )


def test_without_room_for_the_copy_nothing_is_changed(
    tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump_sqlite(restore_embedded(tmp_path / "data"))
    monkeypatch.setattr("utils.store.sqlite._flush", full_disk)
    backend = SqliteBackend(tmp_path / "data")
    with pytest.raises(Exception, match="No space left"):
        Store(backend, clock)
    backend.close()
    changed = differences(before, dump_sqlite(tmp_path / "data" / FILE_NAME))
    assert [each for each in changed if not each.startswith(("index ", "table "))] == []
    assert not (tmp_path / "data" / COPY).exists()


def full_disk(path: Path) -> None:
    raise OSError(28, "No space left on device")


def test_a_field_that_an_index_calls_null_is_a_field_that_is_lacking(
    open_first_release: OpenBackend, clock: FakeClock
) -> None:
    store = Store(Covered(open_first_release()), clock)  # type: ignore[arg-type]
    heads = store.session_heads()
    assert len(heads) == len({head.session for head in heads}) > 0
    assert all(head.factor_digest and head.datasets == {} for head in heads)
    stored = store.backend.get(SESSIONS, heads[0].session)
    assert stored is not None
    assert (stored["factor_digest"], stored["datasets"]) == (heads[0].factor_digest, {})

"""A whole store moves from one database to any other: nothing is lost, a killed copy goes on, a
difference is seen."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.fakes import FakeClock, market_day, row
from tests.server import NewDatabases
from tests.store.conftest import OpenBackend, database
from tests.store.dying import Dying, Killed
from tests.storm.crash.dump import dump_sqlite
from utils.errors import EXIT_USAGE, Damaged, LockHeld, StoreUnusable, WrongUsage
from utils.market_day import DATASET_COLUMNS, FINAL
from utils.progress import Advance
from utils.store import Store, backend, copying
from utils.store.backend import Backend, Columns, Document
from utils.store.base import Identity
from utils.store.copying import DOCUMENTS, StoreCopy
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.locks import COLLECTION, LOCK_LEASE, Locks
from utils.store.schema import (
    COLLECTIONS,
    COPY,
    INDICATORS,
    JOBS,
    LOCKS,
    SCHEMA,
    SCHEMA_VERSION,
    SCOPE,
    SESSIONS,
    TARGETS,
)
from utils.store.sqlite import FILE_NAME

SESSIONS_STORED = ("2024-01-19", "2024-01-22", "2024-01-23")
ROADS = [
    ("sqlite", "mongomock"),
    ("mongomock", "sqlite"),
    ("sqlite", "mongodb"),
    ("mongodb", "sqlite"),
]


@dataclass(frozen=True)
class Road:
    """Road from a store to a database that is empty at first; each function opens it once more."""

    open_source: OpenBackend
    open_target: OpenBackend
    clock: FakeClock

    def source(self, run: str = "a") -> Store:
        return Store(self.open_source(), self.clock, Identity(f"host-{run}", 4711, run))

    def target_store(self) -> Store:
        return Store(self.open_target(), self.clock)


@pytest.fixture(params=ROADS, ids="-to-".join)
def road(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock, on_the_server: NewDatabases
) -> Iterator[Road]:
    with road_between(*request.param, tmp_path, clock, on_the_server) as road:
        yield road


@pytest.fixture
def embedded(tmp_path: Path, clock: FakeClock, on_the_server: NewDatabases) -> Iterator[Road]:
    with road_between("sqlite", "sqlite", tmp_path, clock, on_the_server) as road:
        yield road


@contextmanager
def road_between(
    source: str, target: str, folder: Path, clock: FakeClock, on_the_server: NewDatabases
) -> Iterator[Road]:
    with (
        database(source, folder / "from", on_the_server) as open_source,
        database(target, folder / "to", on_the_server) as open_target,
    ):
        yield Road(open_source, open_target, clock)


def fill(store: Store) -> Store:
    """Every collection has something in it; a session has a factor that is not known, another one
    fundamentals, two a further column."""
    for number, session in enumerate(SESSIONS_STORED):
        factor = np.nan if not number else 0.5
        rows = (
            row("005930", 1000 + number, factor=factor),
            row("0001A0", 10**7, name="Ünïcode 종목"),
        )
        further = {"ACC_TRDVOL_AFTER": np.array([12.5, np.nan])} if number else {}
        store.sessions.save(
            replace(market_day(session, *rows), further=further),
            [{"_id": f"005930:{session}", "session": session, "factor": 0.5}],
        )
    store.waiting.put(SESSIONS_STORED[2], "a", [], "It is odd.", store.clock.now_utc())
    names = DATASET_COLUMNS["fundamentals"]
    figures = pd.DataFrame([[1.5] * len(names), [np.nan] * len(names)], columns=list(names))
    store.datasets.save(SESSIONS_STORED[1], "fundamentals", figures, FINAL)
    store.indices.save(
        [{"_id": f"KOSPI:{day}", "session": day, "close": 2500.25} for day in SESSIONS_STORED]
    )
    store.targets.save(
        [{"_id": "005930", "market_cap": 10**15, "is_active": True, "claimed_by": None}], {}
    )
    history = {
        "session": ["2024-01-22"],
        "close": np.array([1000]),
        "sma_20": np.array([np.nan]),
        "rsi": np.array([5.0]),
    }
    store.results.save(
        SESSIONS_STORED[2], [{"_id": "005930", "latest": {"rsi_14": None}, "history": history}]
    )
    store.jobs.start(DAILY_UPDATE, SESSIONS_STORED[0])
    store.calendar.record({SESSIONS_STORED[0]: True}, "session")
    store.sources.next_request("pykrx", timedelta(seconds=1))
    store.scope.save(1, ["KOSPI"], SESSIONS_STORED[0])
    store.incidents.open(DAILY_UPDATE, "down", "The exchange cannot be reached.")
    return store


def copy(source: Store, target: Backend) -> list[str]:
    """All steps as the command takes them; what differs."""
    work = StoreCopy(source, target)
    with work.locked():
        work.begin()
        for head in work.sessions_to_copy():
            work.copy_session(head)
        for name in DOCUMENTS:
            work.copy_documents(name)
        wrong = work.differing_sessions(lambda steps: None)
        wrong += [f"{name} {key}" for name in DOCUMENTS for key in work.differing_documents(name)]
        if not wrong:
            work.finish()
    return wrong


def everything(backend: Backend) -> dict[str, Any]:
    """Return all that is stored, as it is read."""
    columns = {
        head["_id"]: {
            name: np.asarray(column).tolist()
            for name, column in copying._columns(backend, head).items()
        }
        for head in backend.session_heads()
    }
    return {
        "heads": backend.session_heads(),
        "columns": repr(columns),  # NaN equals itself there
        "documents": {
            name: backend.find(name) for name in COLLECTIONS if name not in (SESSIONS, LOCKS)
        },
    }


def test_every_collection_is_copied_but_for_the_or_has_a_place_of_its_own() -> None:
    assert {*DOCUMENTS, SESSIONS, LOCKS, SCHEMA} == set(COLLECTIONS)


def test_a_store_is_the_same_in_the_other_database_and_in_its_own(road: Road) -> None:
    source = fill(road.source())
    before = everything(source.backend)
    assert all(before["documents"][name] for name in DOCUMENTS)
    assert copy(source, road.open_target()) == []
    assert everything(road.open_target()) == everything(source.backend) == before
    assert [
        road.target_store().sessions.load(session) is not None for session in SESSIONS_STORED
    ] == [True] * 3


@pytest.mark.parametrize("kind", ["sqlite", "mongomock", "mongodb"])
def test_there_and_back_again_the_embedded_file_has_the_same_bytes_in_every_cell(
    kind: str, tmp_path: Path, clock: FakeClock, on_the_server: NewDatabases
) -> None:
    with (
        database("sqlite", tmp_path / "one", on_the_server) as open_one,
        database(kind, tmp_path / "there", on_the_server) as open_there,
        database("sqlite", tmp_path / "back", on_the_server) as open_back,
    ):
        assert copy(fill(Store(open_one(), clock)), open_there()) == []
        assert copy(Store(open_there(), clock), open_back()) == []
    assert dump_sqlite(tmp_path / "back" / FILE_NAME) == dump_sqlite(tmp_path / "one" / FILE_NAME)


def test_whoever_is_killed_at_any_write_goes_on_and_nothing_takes_the_half_for_a_store(
    road: Road,
) -> None:
    source = fill(road.source())
    before = everything(source.backend)
    for dies_at in count():
        with suppress(Killed):
            assert copy(road.source(), Dying(road.open_target(), dies_at)) == []
        stage = [each["_id"] for each in road.open_target().find(SCHEMA)]
        if stage == ["schema"]:
            break
        if stage:
            with pytest.raises(StoreUnusable, match=r"unfinished copy of the .+ --copy-to again"):
                road.target_store()
        road.clock.advance(minutes=11)  # then a dead owner's lock is free on a server, too
    assert dies_at > 2 * len(DOCUMENTS)
    assert everything(road.open_target()) == everything(source.backend) == before


def test_a_collection_of_many_documents_is_copied_and_compared_to_the_last(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "PAGE", 2)
    source, target = fill(road.source()), road.open_target()
    source.backend.put(TARGETS, [{"_id": f"{number:06}", "name": "종목"} for number in range(7)])
    assert copy(source, target) == []
    assert target.find(TARGETS) == source.backend.find(TARGETS)
    target.update(TARGETS, {"_id": "005930"}, {"name": "other"})
    assert StoreCopy(source, target).differing_documents(TARGETS) == ["005930"]


def test_a_session_that_is_there_is_not_written_again_and_what_the_source_no_longer_has_goes(
    road: Road,
) -> None:
    source = fill(road.source())
    target = road.open_target()
    work = StoreCopy(source, target)
    work.begin()
    for head in work.sessions_to_copy():
        work.copy_session(head)
    source.sessions.save(market_day("2024-01-23", row("005930", 7)))  # a revision
    source.backend.delete(SESSIONS, {"_id": "2024-01-19"})
    assert [head["_id"] for head in work.sessions_to_copy()] == ["2024-01-23"]
    assert copy(source, target) == []
    assert everything(target) == everything(source.backend)


@pytest.mark.parametrize("name", ["close", "factor", "eps"])
def test_a_cell_that_differs_is_named_and_copied_again_by_the_next_run(
    road: Road, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = fill(road.source()), road.open_target()
    put_session = target.put_session

    def put_otherwise(head: Document, columns: Columns) -> None:
        other = np.array(columns[name]) if name in columns else None
        if head["_id"] == SESSIONS_STORED[1] and other is not None:
            other[0] += 1
            columns = columns | {name: other}
        put_session(head, columns)

    monkeypatch.setattr(target, "put_session", put_otherwise)
    assert copy(source, target) == [SESSIONS_STORED[1]]
    assert [each["_id"] for each in target.find(SCHEMA)] == [COPY]
    assert copy(road.source("b"), road.open_target()) == []
    assert everything(target) == everything(source.backend)


def test_a_document_that_differs_is_named_whichever_side_has_it(road: Road) -> None:
    source, target = fill(road.source()), road.open_target()
    assert copy(source, target) == []
    target.update(JOBS, {}, {"attempts": 2})
    target.put(INDICATORS, [{"_id": "000660"}])
    source.scope.save(2, ["KOSPI"], SESSIONS_STORED[0])
    work = StoreCopy(source, target)
    found = {name: work.differing_documents(name) for name in DOCUMENTS}
    assert {name: keys for name, keys in found.items() if keys} == {
        JOBS: [f"{SESSIONS_STORED[0]}_{DAILY_UPDATE}"],
        INDICATORS: ["000660"],
        SCOPE: ["scope"],
    }


def test_the_sign_of_a_zero_is_no_difference_and_that_of_a_number_is(road: Road) -> None:
    """An indicator such as Williams %R is -0.0 at its end."""
    source, target = fill(road.source()), road.open_target()
    source.backend.put(
        INDICATORS,
        [{"_id": "005930", "latest": {"a": -0.0, "b": -0.01}, "history": {"c": [-0.0, -0.0]}}],
    )
    assert copy(source, target) == []
    target.put(
        INDICATORS,
        [{"_id": "005930", "latest": {"a": 0.0, "b": 0.01}, "history": {"c": [0.0, 0.0]}}],
    )
    assert StoreCopy(source, target).differing_documents(INDICATORS) == ["005930"]
    target.put(
        INDICATORS,
        [{"_id": "005930", "latest": {"a": 0.0, "b": -0.01}, "history": {"c": [0.0, 0.0]}}],
    )
    assert StoreCopy(source, target).differing_documents(INDICATORS) == []


def test_what_was_analysed_meanwhile_is_a_difference(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, other = fill(road.source()), road.source("b")
    finish = StoreCopy.differing_sessions

    def analyse_first(work: StoreCopy, advance: Advance) -> list[str]:
        other.results.save(SESSIONS_STORED[2], [{"_id": "0001A0"}])
        return finish(work, advance)

    monkeypatch.setattr(StoreCopy, "differing_sessions", analyse_first)
    assert f"{INDICATORS} 0001A0" in copy(source, road.open_target())
    assert copy(source, road.open_target()) == []


def test_a_damaged_source_is_not_copied_and_the_message_says_what_repairs_it(
    embedded: Road,
) -> None:
    source, target = fill(embedded.source()), embedded.open_target()
    head = source.backend.session_heads()[1]
    broken = copying._columns(source.backend, head)
    source.backend.put_session(head, broken | {"close": np.array([1, 2])})
    with pytest.raises(Damaged, match=rf"{head['_id']} is damaged.*--repair"):
        copy(source, target)
    assert [each["_id"] for each in target.session_heads()] == [SESSIONS_STORED[0]]


def test_a_target_that_holds_anything_is_refused_and_left_as_it_is(road: Road) -> None:
    source, target = fill(road.source()), road.target_store()
    target.calendar.record({"2024-01-22": True}, "session")
    before = everything(target.backend)
    with pytest.raises(
        WrongUsage, match=r"not empty \(system_info.calendar\).*MONGODB_DB_PREFIX"
    ) as refusal:
        copy(source, road.open_target())
    assert refusal.value.exit_code == EXIT_USAGE
    assert everything(target.backend) == before


def test_a_store_in_which_nothing_is_yet_counts_as_empty(road: Road) -> None:
    source = fill(road.source())
    road.target_store().close()
    assert copy(source, road.open_target()) == []


def test_an_empty_store_of_another_version_is_refused(road: Road) -> None:
    target = road.open_target()
    target.put(SCHEMA, [{"_id": "schema", "version": SCHEMA_VERSION + 1}])
    with pytest.raises(WrongUsage, match="another schema version"):
        copy(road.source(), target)


def test_an_unfinished_copy_of_another_store_is_refused(road: Road) -> None:
    marker = {
        "_id": COPY,
        "from": "embedded database /elsewhere",
        "begun_utc": road.clock.now_utc(),
    }
    target = road.open_target()
    target.put(SCHEMA, [marker])
    with pytest.raises(WrongUsage, match="another database, the embedded database /elsewhere"):
        copy(road.source(), target)
    assert target.find(SCHEMA) == [marker]


@pytest.mark.parametrize("name", [COLLECTION, f"{HOURLY_ANALYSIS}@host-a"])
def test_nothing_is_copied_while_somebody_is_at_work_here(road: Road, name: str) -> None:
    with road.source("b").locks.hold(name), pytest.raises(LockHeld):
        copy(road.source(), road.open_target())
    assert road.open_target().find(SCHEMA) == []


def test_nothing_is_copied_while_another_copy_goes_there(road: Road) -> None:
    with (
        Locks(road.open_target(), road.clock, Identity("c", 1, "c")).hold(COLLECTION),
        pytest.raises(LockHeld),
    ):
        copy(road.source(), road.open_target())
    assert road.open_target().find(SCHEMA) == []


def test_a_long_copy_keeps_its_locks_alive_on_both_sides(
    road: Road, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = fill(road.source()), road.open_target()
    put_session, expiries = target.put_session, []

    def put_slowly(head: Document, columns: Columns) -> None:
        road.clock.advance(minutes=5)
        put_session(head, columns)
        expiries.extend(
            (backend.get(LOCKS, COLLECTION) or {})["expires_utc"]
            for backend in (source.backend, target)
        )

    monkeypatch.setattr(target, "put_session", put_slowly)
    assert copy(source, target) == []
    assert len(SESSIONS_STORED) * timedelta(minutes=5) > LOCK_LEASE.length
    assert max(expiries) - min(expiries) == timedelta(minutes=10)
    assert source.locks.all() == target.find(LOCKS) == []

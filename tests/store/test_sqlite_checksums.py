# ruff: noqa: S608 - names of our own tables
"""What the embedded database keeps is verified whenever it is read, and made anew out of the rest
where it is not as it was saved."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.fakes import FakeClock, market_day, row
from utils.errors import Damaged, StoreUnusable, Unopenable
from utils.store import Store
from utils.store.backend import Backend
from utils.store.schema import (
    ACTIONS,
    COLLECTIONS,
    INDICATORS,
    JOBS,
    SCHEMA,
    SCOPE,
    SESSIONS,
    TARGETS,
)
from utils.store.sqlite import FILE_NAME, SqliteBackend, put_aside

MONDAY, TUESDAY = "2024-01-22", "2024-01-23"
TARGET = {"_id": "005930", "is_active": True, "attempts": 0, "name": "삼성전자"}


@pytest.fixture
def backend(tmp_path: Path, clock: FakeClock) -> Iterator[SqliteBackend]:
    """A little of everything."""
    backend = SqliteBackend(tmp_path)
    store = Store(backend, clock)
    for session in (MONDAY, TUESDAY):
        store.sessions.save(market_day(session, row("000010"), row("000020")))
    store.scope.save(1, ["KOSPI"], MONDAY)
    backend.put(TARGETS, [TARGET, TARGET | {"_id": "000660"}])
    backend.put(INDICATORS, [{"_id": "005930", "history": {"close": np.array([1.5, np.nan])}}])
    yield backend
    store.close()


def change(backend: SqliteBackend, statement: str, *values: object) -> None:
    """Change the file past the suite's own code."""
    with closing(sqlite3.connect(backend._path)) as connection, connection:
        assert connection.execute(statement, values).rowcount > 0


def change_bytes(backend: SqliteBackend, before: bytes, after: bytes) -> None:
    """Change the bytes wherever they are in the file."""
    change(backend, f'UPDATE "{SCHEMA}" SET _id = _id')
    backend._run("PRAGMA wal_checkpoint(TRUNCATE)")
    content = backend._path.read_bytes()
    assert before in content
    with backend._path.open("r+b") as file:
        file.write(content.replace(before, after))


CHANGES = {
    f"UPDATE \"{TARGETS}\" SET _id = '005931' WHERE _id = '005930'": TARGETS,
    f'UPDATE "{TARGETS}" SET body = replace(body, \'"attempts":0\', \'"attempts":8\')': TARGETS,
    f'UPDATE "{TARGETS}" SET body = replace(body, \'"checksum":"\', \'"checksum":"0\')': TARGETS,
    f"UPDATE \"{TARGETS}\" SET body = json_remove(body, '$.checksum')": TARGETS,
    f"UPDATE \"{SCOPE}\" SET body = ''": SCOPE,
    f'UPDATE "{SCOPE}" SET body = CAST(body AS BLOB)': SCOPE,
    f'UPDATE "{SCOPE}" SET _id = CAST(_id AS BLOB)': SCOPE,
    f'UPDATE "{SCOPE}" SET _id = 7': SCOPE,
    f'UPDATE "{SCOPE}" SET body = (SELECT body FROM "{SCHEMA}")': SCOPE,
    f'UPDATE "{SCHEMA}" SET body = replace(body, \'"version":5\', \'"version":4\')': SCHEMA,
    f'UPDATE "{INDICATORS}" SET arrays = NULL': INDICATORS,
    f'UPDATE "{INDICATORS}" SET arrays = CAST(arrays AS TEXT)': INDICATORS,
    f'UPDATE "{INDICATORS}" SET arrays = zeroblob(length(arrays))': INDICATORS,
    f'INSERT INTO "{JOBS}" SELECT * FROM "{TARGETS}"': JOBS,
}
"""Statement -> the collection that it damages."""


@pytest.mark.parametrize("statement", CHANGES, ids=range(len(CHANGES)))
def test_a_changed_document_is_never_returned(backend: SqliteBackend, statement: str) -> None:
    change(backend, statement)
    with pytest.raises(Damaged, match=r"is damaged.*daily_update\.py repairs it"):
        backend.find(CHANGES[statement])
    assert {damage.collection for damage in backend.damages()} == {CHANGES[statement]}


def test_what_is_as_it_was_saved_has_no_damage(backend: SqliteBackend) -> None:
    assert backend.damages(thorough=True) == []
    assert backend.get(TARGETS, "005930") == TARGET
    assert backend.get(INDICATORS, "005930") == {"_id": "005930", "history": {"close": [1.5, None]}}


@pytest.mark.parametrize(
    "changed",
    [
        "data = zeroblob(length(data))",
        "data = 'abc'",
        "checksum = zeroblob(8)",
        "checksum = 7",
        "name = 'low'",
    ],
)
def test_a_changed_column_is_never_returned(backend: SqliteBackend, changed: str) -> None:
    change(backend, "DELETE FROM session_columns WHERE session = ? AND name = 'low'", MONDAY)
    where = f"WHERE session = '{MONDAY}' AND name = 'close'"
    change(backend, f"UPDATE session_columns SET {changed} {where}")
    with pytest.raises(Damaged, match=rf"session {MONDAY} is damaged"):
        list(backend.read_columns(("close", "low"), MONDAY, MONDAY))
    assert [damage.of_column for damage in backend.damages(thorough=True)] == [True]
    assert backend.damages() == []  # that is found where sessions are read back


def test_an_index_that_differs_from_its_table_is_named_and_made_anew(
    backend: SqliteBackend,
) -> None:
    backend.update(TARGETS, {"_id": "000660"}, {"claimed_by": "here:1"})
    change_bytes(backend, b"here:1", b"here:2")  # in the index over `claimed_by`, and in the body
    change_bytes(backend, b'"claimed_by":"here:2"', b'"claimed_by":"here:1"')
    assert backend.get(TARGETS, "000660") is not None
    found = backend.damages()
    assert found
    with pytest.raises(Damaged, match=r"row 2 missing from index .*daily_update\.py makes it anew"):
        backend.check_lookups()
    assert all(damage.leaves_all_rows and damage.key is None for damage in found)
    backend.rebuild(lambda new: None)
    assert backend.damages(thorough=True) == []
    backend.check_lookups()
    assert len(backend.find(TARGETS, {"is_active": True})) == 2


def test_it_is_made_anew_without_what_is_damaged(backend: SqliteBackend) -> None:
    change_bytes(backend, b'{"_id":"005930","is', b'["_id":"005930","is')
    change(backend, f"UPDATE \"{SESSIONS}\" SET _id = '2024-01-21' WHERE _id = '{MONDAY}'")
    columns = list(backend.read_columns(("ticker", "close"), TUESDAY, TUESDAY))
    assert len(backend.damages()) == 2

    def complete(new: Backend) -> None:
        assert [each["_id"] for each in new.find(TARGETS)] == ["000660"]
        new.put(ACTIONS, [{"_id": "added", "ticker": "005930", "session": MONDAY}])

    backend.rebuild(complete)
    assert backend.damages(thorough=True) == []
    assert [each["_id"] for each in backend.find(TARGETS)] == ["000660"]
    assert [head["_id"] for head in backend.session_heads()] == [TUESDAY]
    assert [each["_id"] for each in backend.find(ACTIONS)] == ["added"]
    ((session, after),) = backend.read_columns(("ticker", "close"), TUESDAY, TUESDAY)
    assert (session, after["ticker"]) == (TUESDAY, columns[0][1]["ticker"])
    assert [file.name for file in backend._folder.iterdir() if file.is_dir()] == []


def test_whoever_dies_while_it_is_made_anew_has_changed_nothing(backend: SqliteBackend) -> None:
    change_bytes(backend, b'{"_id":"005930","is', b'["_id":"005930","is')
    before = backend.damages(thorough=True)

    def dies(new: Backend) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        backend.rebuild(dies)
    assert backend.damages(thorough=True) == before
    backend.rebuild(lambda new: None)
    assert backend.damages(thorough=True) == []


def test_another_connection_sees_what_was_made_anew(backend: SqliteBackend, tmp_path: Path) -> None:
    with closing(SqliteBackend(tmp_path)) as other:
        assert len(other.find(TARGETS)) == 2
        change_bytes(backend, b'{"_id":"005930","is', b'["_id":"005930","is')
        backend.rebuild(lambda new: None)
        assert [each["_id"] for each in other.find(TARGETS)] == ["000660"]
        other.put(TARGETS, [TARGET])
        assert len(backend.find(TARGETS)) == 2


def rename_a_table(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE sqlite_master SET name = 'stock_data.sessiont', tbl_name = 'stock_data.sessiont', "
        "sql = replace(sql, 'stock_data.sessions', 'stock_data.sessiont') "
        "WHERE name = 'stock_data.sessions'"
    )


def change_a_type(connection: sqlite3.Connection) -> None:
    connection.execute(
        "UPDATE sqlite_master SET sql = replace(sql, 'TEXT PRIMARY', 'UEXT PRIMARY') "
        f"WHERE name = '{TARGETS}'"
    )


def break_the_description(connection: sqlite3.Connection) -> None:
    connection.execute(
        f"UPDATE sqlite_master SET sql = replace(sql, 'CREATE', 'CQEATE') WHERE name = '{TARGETS}'"
    )


@pytest.mark.parametrize("damage", [rename_a_table, change_a_type, break_the_description])
def test_a_file_that_describes_its_tables_otherwise_is_not_opened(
    backend: SqliteBackend, tmp_path: Path, damage: Callable[[sqlite3.Connection], None]
) -> None:
    backend.close()
    with closing(sqlite3.connect(tmp_path / FILE_NAME)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        damage(connection)
    with pytest.raises(Unopenable, match=r"cannot be opened.*Run manual_setup\.py at a terminal"):
        SqliteBackend(tmp_path)
    aside = put_aside(tmp_path, "damaged-1")
    assert aside.is_file()
    assert sorted(each.name for each in tmp_path.iterdir()) == [aside.name]
    with closing(SqliteBackend(tmp_path)) as anew:
        assert anew.session_heads() == []


def test_a_table_of_ones_own_is_left_alone(backend: SqliteBackend, tmp_path: Path) -> None:
    backend._run("CREATE TABLE notes (text TEXT)")
    with closing(SqliteBackend(tmp_path)) as again:
        assert len(again.session_heads()) == 2
        assert again.damages(thorough=True) == []


def test_a_file_of_the_layout_before_is_of_another_layout_and_not_damaged(
    backend: SqliteBackend, tmp_path: Path, clock: FakeClock
) -> None:
    """It has no checksums and one column less."""
    change(backend, f'UPDATE "{SCHEMA}" SET body = \'{{"_id":"schema","version":4}}\'')
    change(backend, "UPDATE session_columns SET data = data")
    for table in COLLECTIONS:
        backend._run(f"UPDATE \"{table}\" SET body = json_remove(body, '$.checksum')")
    backend._run("ALTER TABLE session_columns RENAME TO other")
    backend._run("CREATE TABLE session_columns AS SELECT session, name, data FROM other")
    backend._run("DROP TABLE other")
    with pytest.raises(StoreUnusable, match="has layout 4, and this program knows layout 5"):
        Store(SqliteBackend(tmp_path), clock)
    store = Store(SqliteBackend(tmp_path), clock, any_version=True)
    store.reset()
    store.close()
    with closing(SqliteBackend(tmp_path)) as anew:
        assert anew.damages(thorough=True) == []


def test_what_is_put_aside_overwrites_nothing(tmp_path: Path) -> None:
    for content in (b"one", b"two"):
        (tmp_path / FILE_NAME).write_bytes(content)
        (tmp_path / f"{FILE_NAME}-wal").write_bytes(content)
        put_aside(tmp_path, "damaged")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {
        f"{FILE_NAME}.damaged": b"one",
        f"{FILE_NAME}.damaged-wal": b"one",
        f"{FILE_NAME}.damaged1": b"two",
        f"{FILE_NAME}.damaged1-wal": b"two",
    }

"""Every way in which the embedded database may be unusable is told apart, with what to do about
it."""

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import numpy as np
import pytest

from tests.fakes import FakeClock, market_day, row
from utils.errors import (
    EXIT_FAILED,
    EXIT_USAGE,
    Damaged,
    StoreError,
    StoreUnusable,
    Unopenable,
)
from utils.store import Store
from utils.store.sqlite import FILE_NAME, SqliteBackend

SESSIONS = [f"2024-01-{day:02}" for day in range(1, 32)]


NOBODY = 65534


@pytest.fixture
def bound_folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose permissions bind: root writes wherever it likes, so it is nobody meanwhile."""
    if os.geteuid():
        yield tmp_path
        return
    with TemporaryDirectory() as folder:
        os.chown(folder, NOBODY, NOBODY)
        os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(0)


def filled_folder(folder: Path, clock: FakeClock) -> Path:
    """A database of some hundred pages, closed."""
    store = Store(SqliteBackend(folder), clock)
    for session in SESSIONS:
        store.sessions.save(market_day(session, *(row(f"{number:06}") for number in range(200))))
    store.close()
    return folder / FILE_NAME


def read_and_write_everything(folder: Path, clock: FakeClock) -> None:
    store = Store(SqliteBackend(folder), clock)
    try:
        for session in SESSIONS:
            store.sessions.load(session)
            store.sessions.save(market_day(session, row("005930")))
    finally:
        store.close()


def test_a_file_that_is_no_database_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_bytes(b"this is not a database, whatever its name says\n" * 100)
    with pytest.raises(
        Unopenable, match=r"night_shift.sqlite3 is damaged.*Run manual_setup.*restore a backup"
    ) as error:
        SqliteBackend(tmp_path)
    assert not isinstance(error.value, Damaged)  # nothing of it can be read: no part is damaged
    assert error.value.exit_code == EXIT_FAILED


def test_a_garbled_header_is_called_damaged(tmp_path: Path, clock: FakeClock) -> None:
    path = filled_folder(tmp_path, clock)
    path.write_bytes(b"\xa5" * 100 + path.read_bytes()[100:])
    with pytest.raises(StoreError, match="is damaged"):
        read_and_write_everything(tmp_path, clock)


def test_damaged_pages_are_noticed_when_they_are_read(tmp_path: Path, clock: FakeClock) -> None:
    path = filled_folder(tmp_path, clock)
    content = bytearray(path.read_bytes())
    assert len(content) > 100 * 4096
    content[40 * 4096 :] = b"\xa5" * (len(content) - 40 * 4096)
    path.write_bytes(content)
    with pytest.raises(Damaged, match="is damaged") as error:
        read_and_write_everything(tmp_path, clock)
    assert error.value.exit_code == EXIT_FAILED


def test_a_file_cut_short_is_called_damaged(tmp_path: Path, clock: FakeClock) -> None:
    path = filled_folder(tmp_path, clock)
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(StoreError, match="is damaged"):
        read_and_write_everything(tmp_path, clock)


def test_an_empty_file_is_a_new_database(tmp_path: Path, clock: FakeClock) -> None:
    (tmp_path / FILE_NAME).touch()
    store = Store(SqliteBackend(tmp_path), clock)
    assert store.sessions.heads() == []
    store.close()


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    for folder in (tmp_path / "data", tmp_path / "data" / "deeper"):
        with pytest.raises(
            StoreUnusable, match=r"DATA_DIR .*data.* cannot be made.*Choose another"
        ) as error:
            SqliteBackend(folder)
        assert error.value.exit_code == EXIT_USAGE


def test_a_database_file_that_is_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).mkdir()
    with pytest.raises(StoreUnusable, match=r"night_shift.sqlite3 cannot be written.*DATA_DIR"):
        SqliteBackend(tmp_path)


def test_a_lock_file_that_is_a_folder_is_refused(tmp_path: Path, clock: FakeClock) -> None:
    store = Store(SqliteBackend(tmp_path), clock)
    (tmp_path / "daily_update.lock").mkdir()
    with pytest.raises(StoreUnusable, match="cannot be written"), store.locks.hold("daily_update"):
        pass
    store.close()


def test_a_read_only_file_is_refused(bound_folder: Path, clock: FakeClock) -> None:
    filled_folder(bound_folder, clock).chmod(0o444)
    with pytest.raises(
        StoreUnusable, match=r"night_shift.sqlite3 cannot be written.*write access"
    ) as error:
        read_and_write_everything(bound_folder, clock)
    assert error.value.exit_code == EXIT_USAGE


def test_a_read_only_folder_is_refused(bound_folder: Path, clock: FakeClock) -> None:
    filled_folder(bound_folder, clock)
    bound_folder.chmod(0o555)
    try:
        with pytest.raises(StoreUnusable, match="cannot be written"):
            read_and_write_everything(bound_folder, clock)
        with pytest.raises(StoreUnusable, match="cannot be"):
            SqliteBackend(bound_folder / "new")
    finally:
        bound_folder.chmod(0o755)


def test_a_database_that_turns_read_only_refuses_to_write_and_still_reads(
    tmp_path: Path, clock: FakeClock
) -> None:
    filled_folder(tmp_path, clock)
    backend = SqliteBackend(tmp_path)
    backend._connection.execute("PRAGMA query_only = ON")
    with pytest.raises(StoreUnusable, match="cannot be written"):
        backend.put("system_info.scope", [{"_id": "scope"}])
    assert len(backend.session_heads()) == len(SESSIONS)
    backend.close()


def test_a_database_locked_by_a_stranger_for_too_long_is_a_store_error(
    tmp_path: Path, clock: FakeClock
) -> None:
    store = Store(SqliteBackend(tmp_path, busy_seconds=0.01), clock)
    stranger = sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None)
    stranger.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"night_shift.sqlite3: database is locked") as error:
        store.scope.save(1, [], "")
    assert error.type is StoreError
    stranger.execute("ROLLBACK")
    store.scope.save(1, [], "")
    stranger.close()
    store.close()


def test_a_reader_is_not_held_up_by_a_writer(tmp_path: Path, clock: FakeClock) -> None:
    writer, reader = (Store(SqliteBackend(tmp_path, busy_seconds=0.01), clock) for _ in range(2))
    with writer.backend.batch():
        writer.scope.save(1, [], "")
        assert reader.scope.get() is None
    assert reader.scope.get() is not None
    writer.close()
    reader.close()


@pytest.mark.parametrize(
    "arrays",
    [b"", b"no json\n", b"[]\n", b'{"close":"<f8"}\nseven..', b'{"close":"!!"}\n'],
    ids=repr,
)
def test_a_damaged_chart_is_told(tmp_path: Path, clock: FakeClock, arrays: bytes) -> None:
    store = Store(SqliteBackend(tmp_path), clock)
    store.results.save("2024-01-22", [{"_id": "005930", "history": {"close": np.array([1.5])}}])
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute('UPDATE "stock_analyzed.indicators" SET arrays = ?', [arrays])
    with pytest.raises(Damaged, match=r"005930 of stock_analyzed\.indicators is damaged"):
        store.results.get("005930")
    store.close()


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"null", b"{\xff", b"7", b'{"x_utc":"noon"}'], ids=repr
)
def test_a_damaged_document_is_told_however_it_is_looked_for(
    tmp_path: Path, clock: FakeClock, body: bytes
) -> None:
    store = Store(SqliteBackend(tmp_path), clock)
    store.scope.save(1, [], "")
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute('UPDATE "system_info.scope" SET body = CAST(? AS TEXT)', [body])
    with pytest.raises(Damaged, match=r"scope of .*scope is damaged.*update\.py repairs"):
        store.scope.get()
    with pytest.raises(Damaged, match=r"is damaged.*daily_update\.py repairs"):
        store.backend.find("system_info.scope", {"min_market_cap": {"$ne": 7}})
    store.close()


@pytest.mark.parametrize("data", [b"", b"\x01", "abc", 7, b"\xff"], ids=repr)
@pytest.mark.parametrize("name", ["name", "volume"])
def test_a_column_that_does_not_unpack_is_damage(
    tmp_path: Path, clock: FakeClock, name: str, data: object
) -> None:
    filled_folder(tmp_path, clock)
    store = Store(SqliteBackend(tmp_path), clock)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("UPDATE session_columns SET data = ? WHERE name = ?", [data, name])
    with pytest.raises(Damaged, match=f"{SESSIONS[0]} is damaged"):
        store.sessions.load(SESSIONS[0])
    store.close()


def test_a_session_without_its_columns_is_damaged(tmp_path: Path, clock: FakeClock) -> None:
    filled_folder(tmp_path, clock)
    store = Store(SqliteBackend(tmp_path), clock)
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("DELETE FROM session_columns WHERE session = ?", SESSIONS[:1])
    with pytest.raises(Damaged, match=f"{SESSIONS[0]} is damaged"):
        store.sessions.load(SESSIONS[0])
    assert store.sessions.load("2024-02-01") is None
    store.close()


def test_the_file_is_written_for_a_power_cut(tmp_path: Path) -> None:
    backend = SqliteBackend(tmp_path)
    pragmas = [
        backend._connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous")
    ]
    assert pragmas == ["wal", 2]
    backend.close()


def test_what_is_due_is_found_by_index_and_in_order(tmp_path: Path, clock: FakeClock) -> None:
    backend = SqliteBackend(tmp_path)
    store, asked = Store(backend, clock), []
    backend._connection.set_trace_callback(asked.append)
    store.targets.claim("2024-01-22", 50)
    store.targets.release([{"_id": "005930", "attempts": 1}])
    store.sessions.actions("2024-01-19", "2024-01-22")
    backend._connection.set_trace_callback(None)

    def plan(part: str) -> list[str]:
        sql = next(each for each in asked if each.startswith("SELECT") and part in each)
        return [step for *_, step in backend._connection.execute(f"EXPLAIN QUERY PLAN {sql}")]

    keys = "is_active,attempts,last_analyzed_date,-corrected_market_cap,_id"
    queue = f"system_info.target_tickers({keys})"
    assert plan("is_active") == [
        f"SEARCH system_info.target_tickers USING INDEX {queue} (<expr>=?)"
    ]
    (by_ticker,) = plan("_id IN ('005930')")
    assert by_ticker.endswith("sqlite_autoindex_system_info.target_tickers_1 (_id=?)")
    assert "USING INDEX stock_data.corporate_actions(session)" in plan("corporate_actions")[0]
    backend.close()


@pytest.mark.parametrize(("free_blocks", "said"), [(3, "no room to grow"), (10**6, ": disk I/O")])
def test_a_failure_of_the_disk_is_called_a_full_one_where_it_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_blocks: int, said: str
) -> None:
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorname = "SQLITE_IOERR_SHMSIZE"
    disk = SimpleNamespace(f_bavail=free_blocks, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: disk)
    backend = SqliteBackend(tmp_path)
    with pytest.raises(StoreError, match=said) as error, backend._translated():
        raise failure
    assert type(error.value) is StoreError
    backend.close()


def test_a_full_disk_says_what_to_do_and_keeps_what_is_stored(
    tmp_path: Path, clock: FakeClock
) -> None:
    filled_folder(tmp_path, clock)
    backend = SqliteBackend(tmp_path)
    (pages,) = backend._connection.execute("PRAGMA page_count").fetchone()
    backend._connection.execute(
        f"PRAGMA max_page_count = {pages}"
    )  # the same error as that of a full disk
    store = Store(backend, clock)
    with pytest.raises(StoreError, match=r"no room to grow.*Free space.*next run goes on") as error:
        store.sessions.save(
            market_day("2024-02-01", *(row(f"{number:06}") for number in range(5000)))
        )
    assert error.value.exit_code == EXIT_FAILED
    assert [head.session for head in store.sessions.heads()] == SESSIONS
    store.close()

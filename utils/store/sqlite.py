"""Embedded database: one SQLite file. Documents as JSON text, columns and charts as raw
little-endian arrays."""

import errno
import fcntl
import json
import logging
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from utils.clock import Clock
from utils.date_utils import LAST_DAY
from utils.errors import Damaged, StoreError, StoreUnusable
from utils.market_day import DAY_COLUMNS, INTEGER_COLUMNS, TEXT_COLUMNS
from utils.store.backend import Column, Columns, Document, Where, to_lists
from utils.store.schema import ARRAYS, COLLECTIONS, INDEXES, SESSIONS

FILE_NAME = "night_shift.sqlite3"
_OPERATORS = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">=", "$ne": "IS NOT"}
_JOINS = {"$or": " OR ", "$and": " AND "}
_DAMAGED_TEXTS = ("malformed JSON", "Could not decode to UTF-8")
"""Messages of SQLite and its driver, without a code, about a document that does not unpack."""
_LEAST_ROOM = 2**16
"""Bytes that must be free on the disk for the database to be opened, and to spare."""
_NOT_WRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")
log = logging.getLogger(__name__)


class SqliteBackend:
    """Backend over `<folder>/night_shift.sqlite3` (see `utils.store.backend.Backend`).

    WAL and `synchronous=FULL`: a committed batch survives a power cut, a killed process leaves the
    last commit.

    Args:
        busy_seconds: how long a write waits for that of another process.
    """

    def __init__(self, folder: Path, busy_seconds: float = 30.0) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._depth = 0
        self.description = f"embedded database {self._path}"
        self._make_folder()
        with self._translated():
            os.close(os.open(self._path, os.O_CREAT | os.O_RDWR, 0o600))  # nobody else's business
            self._connection = sqlite3.connect(
                self._path, timeout=busy_seconds, isolation_level=None
            )
            self._prepare()

    def get(self, collection: str, key: str) -> Document | None:
        rows = self._run(f'SELECT {_cells(collection)} FROM "{collection}" WHERE _id = ?', [key])
        return _decode(collection, *rows[0]) if rows else None

    def find(
        self,
        collection: str,
        where: Where | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Document]:
        condition, values = _condition(where or {})
        order = [f"{_field(name)} {'ASC' if step > 0 else 'DESC'}" for name, step in sort]
        sql = (
            f'SELECT {_cells(collection)} FROM "{collection}" WHERE {condition} '
            f"ORDER BY {', '.join(order) or '_id'} LIMIT {limit or -1}"
        )
        return [_decode(collection, *cells) for cells in self._run(sql, values)]

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        rows = [(document["_id"], *_encode(collection, document)) for document in documents]
        with self.batch(), self._translated():
            self._connection.executemany(f"INSERT OR REPLACE INTO {_row(collection)}", rows)

    def insert(self, collection: str, document: Document) -> bool:
        sql = f"INSERT OR IGNORE INTO {_row(collection)} RETURNING _id"
        with self.batch():
            return bool(self._run(sql, [document["_id"], *_encode(collection, document)]))

    def update(self, collection: str, where: Where, changes: Mapping[str, Any]) -> int:
        with self.batch():
            matching = self.find(collection, where)
            self.put(collection, [document | dict(changes) for document in matching])
        return len(matching)

    def update_each(self, collection: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        with self.batch():
            found = self.find(collection, {"_id": {"$in": list(changes)}})
            self.put(collection, [document | dict(changes[document["_id"]]) for document in found])

    def delete(self, collection: str, where: Where) -> int:
        condition, values = _condition(where)
        sql = f'DELETE FROM "{collection}" WHERE {condition} RETURNING _id'
        with self.batch():
            return len(self._run(sql, values))

    def put_session(self, head: Document, columns: Columns) -> None:
        rows = [(head["_id"], name, _pack(column)) for name, column in columns.items()]
        with self.batch(), self._translated():
            self.put(SESSIONS, [head])
            self._connection.execute("DELETE FROM session_columns WHERE session = ?", [head["_id"]])
            self._connection.executemany(
                "INSERT INTO session_columns (session, name, data) VALUES (?, ?, ?)", rows
            )

    def session_head(self, session: str) -> Document | None:
        return self.get(SESSIONS, session)

    def session_heads(self, last: str = str(LAST_DAY), count: int = 0) -> list[Document]:
        return self.find(SESSIONS, {"_id": {"$lte": last}}, [("_id", -1)], count)[::-1]

    def read_columns(
        self, names: Sequence[str], first: str, last: str
    ) -> Iterator[tuple[str, Columns]]:
        wanted = ", ".join("?" * len(names))
        # The heads come first, so that only those of the span are read: SQLite left to itself goes
        # through all there are.
        sql = f"""SELECT session, name, data
                  FROM "{SESSIONS}" CROSS JOIN session_columns ON session = _id
                  WHERE _id BETWEEN ? AND ? AND name IN ({wanted}) ORDER BY _id"""
        with self._translated():
            rows = self._connection.execute(sql, [first, last, *names])
            for session, cells in groupby(rows, key=lambda row: str(row[0])):
                found = {name: data for _, name, data in cells}
                yield session, self._unpack_all(session, found, names)

    def _unpack_all(self, session: str, cells: dict[str, bytes], names: Sequence[str]) -> Columns:
        try:
            there = [name for name in names if name in cells or name in DAY_COLUMNS]
            return {name: _unpack(name, cells[name]) for name in there}
        except (KeyError, ValueError, TypeError) as error:
            raise Damaged(
                f"{self._path}: session {session} is damaged. Restore a backup or load anew."
            ) from error

    def ahead_of_server(self, clock: Clock) -> None:
        """Return None: there is no server, everybody has this host's clock."""

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Run BEGIN IMMEDIATE ... COMMIT; inside another batch it is part of that one."""
        if self._depth:
            yield
            return
        self._run("BEGIN IMMEDIATE")
        self._depth = 1
        try:
            yield
            self._run("COMMIT")
        except BaseException:
            self._connection.rollback()
            raise
        finally:
            self._depth = 0

    def hold(self, name: str) -> "FileHold | None":
        with self._translated():
            descriptor = os.open(self._folder / f"{name}.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return FileHold(descriptor)

    def empty(self, collections: Sequence[str]) -> None:
        tables = [*collections, "session_columns"] if SESSIONS in collections else collections
        with self.batch():
            for table in tables:
                self._run(f'DROP TABLE "{table}"')
            for sql in _schema().values():
                self._run(sql)

    def close(self) -> None:
        self._connection.close()

    def _make_folder(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnusable(
                f"DATA_DIR {self._folder} cannot be made: {error.strerror}. "
                "Choose another DATA_DIR."
            ) from None

    def _prepare(self) -> None:
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        # 16 MB: not after every few batches of results.
        self._connection.execute("PRAGMA wal_autocheckpoint = 4000")
        existing = {name for (name,) in self._connection.execute("SELECT name FROM sqlite_master")}
        statements = [sql for name, sql in _schema().items() if name not in existing]
        if statements:
            with self.batch():
                for sql in statements:
                    self._run(sql)

    def _run(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with self._translated():
            return self._connection.execute(sql, [_plain(value) for value in values]).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _store_error(error, self._path) from error


def delete_database(folder: Path) -> None:
    """Delete the files of the database in that folder, which must be closed."""
    for ending in ("", "-wal", "-shm"):
        (folder / f"{FILE_NAME}{ending}").unlink(missing_ok=True)


class FileHold:
    """Hold by a `flock`: the operating system lets go of it when the process ends, however it
    ends."""

    exclusive = True

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        os.close(self._descriptor)


def _store_error(error: Exception, path: Path) -> StoreError:
    code = getattr(error, "sqlite_errorname", "")
    if (
        code == "SQLITE_FULL"
        or getattr(error, "errno", None) == errno.ENOSPC
        or (
            # Not even the file of shared memory beside it can grow.
            code.startswith("SQLITE_IOERR") and _is_full(path.parent)
        )
    ):
        return StoreError(
            f"{path} has no room to grow ({error}). Free space there, or move DATA_DIR to another "
            "disk and set it. What is stored is kept; the next run goes on."
        )
    if isinstance(error, OSError) or code.startswith(_NOT_WRITABLE):
        return StoreUnusable(
            f"{path} cannot be written ({error}). "
            "Give this user write access to it and its folder, or set DATA_DIR."
        )
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        # A file that is no database holds nothing of which only a part is damaged.
        failure = StoreError if code == "SQLITE_NOTADB" else Damaged
        return failure(
            f"{path} is damaged ({error}). Move it away; then restore a backup, or run "
            "manual_setup.py to load anew."
        )
    if str(error).startswith(_DAMAGED_TEXTS):
        return Damaged(f"{path}: {error}. Restore a backup, or load anew.")
    return StoreError(f"{path}: {error}")


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST_ROOM


def _schema() -> dict[str, str]:
    """Return name -> the statement that creates it, unless another process just has."""
    tables = {
        name: f'CREATE TABLE IF NOT EXISTS "{name}" (_id TEXT PRIMARY KEY, body TEXT NOT NULL)'
        for name in COLLECTIONS
    }
    tables |= {name: tables[name].replace(")", ", arrays BLOB)") for name in ARRAYS}
    columns = """CREATE TABLE IF NOT EXISTS session_columns (
        session TEXT NOT NULL, name TEXT NOT NULL, data BLOB NOT NULL,
        PRIMARY KEY (session, name))"""
    indexes = [_index(table, fields) for table, each in INDEXES.items() for fields in each]
    return tables | {"session_columns": columns} | dict(indexes)


def _index(table: str, fields: Sequence[str]) -> tuple[str, str]:
    name, keys = f"{table}({','.join(fields)})", ", ".join(map(_sorted_field, fields))
    return name, f'CREATE INDEX IF NOT EXISTS "{name}" ON "{table}" ({keys})'


def _field(name: str) -> str:
    """Return a document's field as an SQL expression; names come from our own code, never from
    outside."""
    return "_id" if name == "_id" else f"json_extract(body, '$.{name}')"


def _sorted_field(name: str) -> str:
    return _field(name.removeprefix("-")) + (" DESC" if name.startswith("-") else "")


def _condition(where: Where) -> tuple[str, list[object]]:
    parts: list[str] = ["1"]
    values: list[object] = []
    # A plus keeps SQLite from an index of that field, which it would prefer to the `_id`s given.
    plain = "+" if "_id" in where else ""
    for name, wanted in where.items():
        if name in _JOINS:
            inner = [_condition(each) for each in wanted]
            parts.append("(" + _JOINS[name].join(f"({sql})" for sql, _ in inner) + ")")
            values += [value for _, inner_values in inner for value in inner_values]
        else:
            field = "_id" if name == "_id" else plain + _field(name)
            operators = wanted if isinstance(wanted, dict) else {"$eq": wanted}
            for operator, value in operators.items():
                sql, bound = _comparison(field, operator, value)
                parts.append(sql)
                values += bound
    return " AND ".join(parts), values


def _comparison(field: str, operator: str, value: Any) -> tuple[str, list[object]]:
    """Return a comparison and its values. To MongoDB null is a value like others and a missing
    field is null, hence IS, IS NOT and the extra IS NULL."""
    if operator == "$in":
        some = [each for each in value if each is not None]
        listed = f"{field} IN ({', '.join('?' * len(some))})"
        return (listed if len(some) == len(value) else f"({listed} OR {field} IS NULL)"), some
    return f"{field} {'IS' if operator == '$eq' else _OPERATORS[operator]} ?", [value]


def _plain(value: object) -> object:
    """Return a value as SQL compares it with what json_extract gives."""
    if isinstance(value, datetime):
        return _timestamp(value)
    return int(value) if isinstance(value, bool) else value


def _timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def _cells(collection: str) -> str:
    """Return the columns in which a collection's table keeps a document."""
    return "body, arrays" if collection in ARRAYS else "body"


def _row(collection: str) -> str:
    """Return the rest of an INSERT: the table, its columns and their values."""
    columns = f"_id, {_cells(collection)}"
    return f'"{collection}" ({columns}) VALUES ({", ".join("?" * (columns.count(",") + 1))})'


def _encode(collection: str, document: Document) -> tuple[object, ...]:
    """Return a document as `_cells`. Writing 24 arrays of a chart as text would cost several times
    its indicators."""
    field = ARRAYS.get(collection)
    if field is None:
        return (_to_json(document),)
    rest = {name: value for name, value in document.items() if name != field}
    return _to_json(rest), _pack_columns(document[field]) if field in document else None


def _decode(collection: str, body: str, arrays: bytes | None = None) -> Document:
    try:
        document: Document = json.loads(body, object_hook=_revive)
        if arrays is None:
            return document | {}  # a TypeError where it is no document
        return document | {ARRAYS[collection]: to_lists(_unpack_columns(arrays))}
    except (ValueError, TypeError, AttributeError) as error:
        raise Damaged(
            f"A stored document is damaged ({error}). Restore a backup, or load anew."
        ) from error


_COMPACT = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_timestamp
)


def _to_json(value: object) -> str:
    return _COMPACT.encode(value)


def _revive(fields: Document) -> Document:
    return {
        name: datetime.fromisoformat(value)
        if name.endswith("_utc") and isinstance(value, str)
        else value
        for name, value in fields.items()
    }


def _pack(column: Column) -> bytes:
    if isinstance(column, list):
        return _to_json(column).encode()
    dtype = "<i8" if column.dtype.kind == "i" else "<f8"
    return np.ascontiguousarray(column, dtype=dtype).tobytes()


def _pack_columns(columns: Columns) -> bytes:
    """Return one line of JSON, name -> the type of the numbers, or the texts themselves; then the
    numbers, array by array."""
    head = {
        name: column if isinstance(column, list) else column.dtype.str
        for name, column in columns.items()
    }
    numbers = [column.tobytes() for column in columns.values() if not isinstance(column, list)]
    return b"".join([_to_json(head).encode(), b"\n", *numbers])


def _unpack_columns(data: bytes) -> Columns:
    line, _, numbers = data.partition(b"\n")
    head = json.loads(line)
    size = len(numbers) // max(1, sum(isinstance(each, str) for each in head.values()))
    columns: Columns = {}
    for name, each in head.items():
        if isinstance(each, str):
            columns[name], numbers = np.frombuffer(numbers[:size], dtype=each), numbers[size:]
        else:
            columns[name] = each
    return columns


def _unpack(name: str, data: bytes) -> Column:
    if name in TEXT_COLUMNS:
        texts: list[str] = json.loads(data)
        return texts
    return np.frombuffer(data, dtype="<i8" if name in INTEGER_COLUMNS else "<f8")

"""Embedded database: one SQLite file. Documents as JSON text, columns and charts as raw
little-endian arrays, each with a checksum that is verified whenever it is read."""

import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from itertools import count, groupby
from pathlib import Path
from typing import Any

import numpy as np

from utils.clock import Clock
from utils.date_utils import LAST_DAY
from utils.errors import Damaged, StoreError, StoreUnusable, Unopenable
from utils.market_day import DAY_COLUMNS, INTEGER_COLUMNS, TEXT_COLUMNS
from utils.store.backend import Backend, Column, Columns, Damage, Document, Where, to_lists
from utils.store.schema import (
    ARRAYS,
    COLLECTIONS,
    INDEXES,
    SCHEMA,
    SCHEMA_VERSION,
    SESSIONS,
)

FILE_NAME = "night_shift.sqlite3"
_OPERATORS = {"$lt": "<", "$lte": "<=", "$gt": ">", "$gte": ">=", "$ne": "IS NOT"}
_JOINS = {"$or": " OR ", "$and": " AND "}
_DAMAGED_TEXTS = ("malformed JSON", "JSON cannot hold BLOB values", "Could not decode to UTF-8")
"""Messages of SQLite and its driver, without a code, about a document that does not unpack."""
_CHECKSUM_BYTES = 8
_CHECKSUM = '"checksum":"%s"}'
"""End of every body: a hash over all that is kept of the document before it."""
_CHECKSUM_LENGTH = len(_CHECKSUM % "") + 2 * _CHECKSUM_BYTES
_COLUMNS = "session_columns"
_COLUMNS_ROW = f"{_COLUMNS} (session, name, data, checksum) VALUES (?, ?, ?, ?)"
_NAMES = ""
"""Name under which a session keeps the names of its columns, so that none is missed."""
_ONLY_AN_INDEX = ("row ", "wrong # of entries in index", "non-unique entry in index")
"""Beginnings of what SQLite says of an index alone: the rows themselves can all be read."""
_NEW = "rebuilding"
"""Folder beside the database in which it is rebuilt."""
_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""Errors of the driver: it cannot say what SQLite says of a name that is no UTF-8 any more."""
_ENDINGS = ("", "-wal", "-shm")
"""Endings of the names of the files that make up a database."""
_LEAST_ROOM = 2**16
"""Bytes that must be free on the disk for the database to be opened, and to spare."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
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
        self._connection.text_factory = _text
        try:
            with self._translated():
                self._prepare()
        except BaseException as error:
            self._connection.close()
            if isinstance(error, Damaged):
                raise _unopenable(self._path, error.__cause__ or error) from error
            raise

    def get(self, collection: str, key: str) -> Document | None:
        rows = self._run(f'SELECT {_cells(collection)} FROM "{collection}" WHERE _id = ?', [key])
        return self._decode(collection, *rows[0]) if rows else None

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
        return [self._decode(collection, *cells) for cells in self._run(sql, values)]

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        rows = [_encode(collection, document) for document in documents]
        with self.batch(), self._translated():
            self._connection.executemany(f"INSERT OR REPLACE INTO {_row(collection)}", rows)

    def insert(self, collection: str, document: Document) -> bool:
        sql = f"INSERT OR IGNORE INTO {_row(collection)} RETURNING _id"
        with self.batch():
            return bool(self._run(sql, _encode(collection, document)))

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
        session = head["_id"]
        packed = {_NAMES: _to_json(sorted(columns)).encode()}
        packed |= {name: _pack(column) for name, column in columns.items()}
        rows = [_encode_column(session, name, data) for name, data in packed.items()]
        with self.batch(), self._translated():
            self.put(SESSIONS, [head])
            self._connection.execute(f"DELETE FROM {_COLUMNS} WHERE session = ?", [session])
            self._connection.executemany(f"INSERT INTO {_COLUMNS_ROW}", rows)

    def session_head(self, session: str) -> Document | None:
        return self.get(SESSIONS, session)

    def session_heads(self, last: str = str(LAST_DAY), count: int = 0) -> list[Document]:
        return self.find(SESSIONS, {"_id": {"$lte": last}}, [("_id", -1)], count)[::-1]

    def read_columns(
        self, names: Sequence[str], first: str, last: str
    ) -> Iterator[tuple[str, Columns]]:
        wanted = ", ".join("?" * (len(names) + 1))
        # The heads come first, so that only those of the span are read: SQLite left to itself goes
        # through all there are.
        sql = f"""SELECT session, name, data, checksum
                  FROM "{SESSIONS}" CROSS JOIN session_columns ON session = _id
                  WHERE _id BETWEEN ? AND ? AND name IN ({wanted}) ORDER BY _id"""
        with self._translated():
            rows = self._connection.execute(sql, [first, last, _NAMES, *names])
            for session, cells in groupby(rows, key=lambda row: str(row[0])):
                yield session, self._unpack_all(session, list(cells), names)

    def _unpack_all(
        self, session: str, rows: Sequence[tuple[Any, ...]], names: Sequence[str]
    ) -> Columns:
        try:
            if not all(map(_is_whole_column, rows)):
                raise ValueError("a checksum differs")
            cells = {name: data for _, name, data, _ in rows}
            saved = {*json.loads(cells[_NAMES]), *DAY_COLUMNS}
            there = [name for name in names if name in saved]
            return {name: _unpack(name, cells[name]) for name in there}
        except (KeyError, ValueError, TypeError) as error:
            raise Damaged(
                f"{self._path}: session {session} is damaged ({error}). "
                "daily_update.py reads it anew."
            ) from error

    def _decode(self, collection: str, key: Any, body: Any, arrays: Any = None) -> Document:
        try:
            return _decoded(collection, key, body, arrays)
        except (ValueError, TypeError, AttributeError) as error:
            raise Damaged(
                f"{self._path}: the document {_shown(key)} of {collection} is damaged: it is not "
                "as it was saved. daily_update.py repairs it and says what is lost."
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

    def count(self, collection: str) -> int:
        ((number,),) = self._run(f'SELECT count(*) FROM "{collection}"')
        return int(number)

    def empty(self, collections: Sequence[str]) -> None:
        tables = [*collections, _COLUMNS] if SESSIONS in collections else collections
        with self.batch():
            for table in tables:
                self._run(f'DROP TABLE IF EXISTS "{table}"')
            for sql in _schema().values():
                self._run(_unless_there(sql))

    def check_lookups(self) -> None:
        for table in COLLECTIONS:
            for text in self._said_by_sqlite(f'("{table}")'):
                repair = "" if text.startswith((*_ONLY_AN_INDEX, *_DAMAGED_TEXTS)) else " --repair"
                raise Damaged(
                    f"{self._path} is damaged ({table}: {text}). daily_update.py{repair} makes it "
                    "anew out of all that is whole."
                )

    def damages(self, thorough: bool = False) -> list[Damage]:
        found = [damage for each in COLLECTIONS for damage in self._damaged_documents(each)]
        whole_json = {*COLLECTIONS} - {damage.collection for damage in found}
        # An index over fields cannot be compared with documents that are no JSON.
        checks = [f'("{each}")' for each in COLLECTIONS if each in whole_json]
        if thorough:
            found += self._damaged_columns()
            checks = [""] if len(whole_json) == len(COLLECTIONS) else [*checks, f'("{_COLUMNS}")']
        said = [text for each in checks for text in self._said_by_sqlite(each)]
        return found + [_damage_of_file(text) for text in dict.fromkeys(said)]

    def _damaged_documents(self, collection: str) -> Iterator[Damage]:
        try:
            for row in self._connection.execute(_scan(collection)):
                if not _is_whole(collection, row):
                    yield Damage(collection, _shown(row[0]), "not as it was saved", _shown(row[1]))
        except _ERRORS as error:
            yield _damage_of_file(f"{collection}: {error}")

    def _damaged_columns(self) -> list[Damage]:
        found = []
        try:
            for row in self._connection.execute(_scan(_COLUMNS)):
                if not _is_whole_column(row):
                    session, name = map(_shown, row[:2])
                    what = f"{name} is not as it was saved"
                    found.append(Damage(SESSIONS, session, what, of_column=True))
        except _ERRORS as error:
            found.append(_damage_of_file(f"{_COLUMNS}: {error}"))
        return found

    def _said_by_sqlite(self, table: str) -> list[str]:
        try:
            answers = self._connection.execute(f"PRAGMA integrity_check{table}").fetchall()
        except _ERRORS as error:
            return [str(error)]
        lines = [line for (text,) in answers for line in str(text).splitlines()]
        return [line for line in lines if line != "ok" and not line.startswith("***")]

    def rebuild(self, complete: Callable[[Backend], None]) -> None:
        folder = self._folder / _NEW
        with self._translated():
            delete_database(folder)  # of a run that was killed
            with closing(SqliteBackend(folder)) as new:
                for table in (*COLLECTIONS, _COLUMNS):
                    self._copy_whole_rows(table, new)
                complete(new)
                new._connection.backup(self._connection)
            delete_database(folder)
            for lock in folder.glob("*.lock"):
                lock.unlink()
            folder.rmdir()

    def _copy_whole_rows(self, table: str, new: "SqliteBackend") -> None:
        """Copy the rows that are as they were saved: from both ends, up to a page that cannot be
        read."""
        into = _COLUMNS_ROW if table == _COLUMNS else _row(table)
        for order in ("", " DESC"):
            with new.batch(), suppress(*_ERRORS):
                for row in self._connection.execute(_scan(table) + order):
                    if _is_whole(table, row):
                        new._connection.execute(f"INSERT OR IGNORE INTO {into}", row)
                return

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
        existing = dict(self._connection.execute("SELECT name, sql FROM sqlite_master"))
        self._check_description(existing)
        statements = [sql for name, sql in _schema().items() if name not in existing]
        if statements:
            with self.batch():
                for sql in statements:
                    self._run(_unless_there(sql))

    def _check_description(self, existing: Mapping[str, str | None]) -> None:
        """Raise `Unopenable` when the file describes its tables otherwise than they were made. With
        another layout they may be other ones."""
        ours = _schema()
        lacking = ours.keys() - existing.keys()
        strange = [each for each in existing.keys() - ours.keys() if not each.startswith("sqlite_")]
        other = [name for name, sql in ours.items() if name in existing and existing[name] != sql]
        if other or (lacking and strange):
            if self._is_of_another_layout(existing):
                return
            named = ", ".join(map(_shown, sorted([*other, *strange])))
            raise _unopenable(self._path, f"its tables are not as they were made: {named}")

    def _is_of_another_layout(self, existing: Mapping[str, str | None]) -> bool:
        if SCHEMA not in existing:
            return False
        try:
            layout = self.get(SCHEMA, "schema") or {}
        except StoreError:
            return False
        is_other: bool = layout.get("version", SCHEMA_VERSION) != SCHEMA_VERSION
        return is_other

    def _run(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        with self._translated():
            return self._connection.execute(sql, [_plain(value) for value in values]).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (*_ERRORS, OSError) as error:
            raise _store_error(error, self._path) from error


def delete_database(folder: Path) -> None:
    """Delete the files of the database in that folder, which must be closed."""
    for ending in _ENDINGS:
        (folder / f"{FILE_NAME}{ending}").unlink(missing_ok=True)


def put_aside(folder: Path, mark: str) -> Path:
    """Rename the files of a database that cannot be opened, and delete nothing. Return the new name
    of the database.

    Args:
        mark: what the new names end in.
    """
    names = (f"{FILE_NAME}.{mark}{number or ''}" for number in count())
    aside = next(folder / name for name in names if not (folder / name).exists())
    try:
        for ending in reversed(_ENDINGS):  # the file itself last: without it nothing is tried again
            if (file := folder / f"{FILE_NAME}{ending}").exists():
                file.rename(f"{aside}{ending}")
    except OSError as error:
        raise _store_error(error, folder / FILE_NAME) from None
    return aside


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
        or getattr(error, "errno", None) in _NO_ROOM
        or code == "SQLITE_IOERR_WRITE"  # a quota, or a limit to the size of a file
        or (
            # Not even the file of shared memory beside it can grow.
            code.startswith("SQLITE_IOERR") and _is_full(path.parent)
        )
    ):
        return StoreError(
            f"{path} has no room to grow ({error}): the disk, or this user's quota, is full. "
            "Free space there, or move DATA_DIR to another "
            "disk and set it. What is stored is kept; the next run goes on."
        )
    if isinstance(error, OSError) or code.startswith(_NOT_WRITABLE):
        return StoreUnusable(
            f"{path} cannot be written ({error}). "
            "Give this user write access to it and its folder, or set DATA_DIR."
        )
    if code == "SQLITE_NOTADB":
        return _unopenable(path, error)
    # Nothing that is written breaks a constraint, unless an index is not that of its table.
    if code.startswith(("SQLITE_CORRUPT", "SQLITE_CONSTRAINT")):
        return Damaged(
            f"{path} is damaged ({error}). daily_update.py --repair makes it anew out of all that "
            "can be read."
        )
    if isinstance(error, UnicodeDecodeError) or str(error).startswith(_DAMAGED_TEXTS):
        return Damaged(
            f"{path}: a stored document is damaged ({error}). daily_update.py repairs it and says "
            "what is lost."
        )
    return StoreError(f"{path}: {error}")


def _unopenable(path: Path, reason: object) -> Unopenable:
    return Unopenable(
        f"{path} is damaged and cannot be opened ({reason}). Run manual_setup.py at a terminal: it "
        "puts the file aside after a question, and loads anew. Or move it away and restore a "
        "backup."
    )


def _is_full(folder: Path) -> bool:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _LEAST_ROOM


def _schema() -> dict[str, str]:
    """Return name -> the statement that creates it, as SQLite keeps it."""
    tables = {
        name: f'CREATE TABLE "{name}" (_id TEXT PRIMARY KEY, body TEXT NOT NULL)'
        for name in COLLECTIONS
    }
    tables |= {name: tables[name].replace(")", ", arrays BLOB)") for name in ARRAYS}
    columns = (
        f'CREATE TABLE "{_COLUMNS}" (session TEXT NOT NULL, name TEXT NOT NULL, '
        "data BLOB NOT NULL, checksum BLOB NOT NULL, PRIMARY KEY (session, name))"
    )
    indexes = [_index(table, fields) for table, each in INDEXES.items() for fields in each]
    return tables | {_COLUMNS: columns} | dict(indexes)


def _unless_there(statement: str) -> str:
    """Return the statement that creates it unless another process just has."""
    return re.sub("^CREATE (TABLE|INDEX)", r"CREATE \1 IF NOT EXISTS", statement)


def _scan(table: str) -> str:
    """Return the query of all rows as they lie in the table, by no index."""
    cells = "session, name, data, checksum" if table == _COLUMNS else _cells(table)
    return f'SELECT {cells} FROM "{table}" NOT INDEXED ORDER BY rowid'


def _is_whole(table: str, row: tuple[Any, ...]) -> bool:
    if table == _COLUMNS:
        return _is_whole_column(row)
    key, body, *arrays = row
    try:
        _opened(table, key, body, *arrays or [None])
    except ValueError:
        return False
    return True


def _damage_of_file(text: str) -> Damage:
    return Damage("", None, text, leaves_all_rows=text.startswith(_ONLY_AN_INDEX))


def _index(table: str, fields: Sequence[str]) -> tuple[str, str]:
    name, keys = f"{table}({','.join(fields)})", ", ".join(map(_sorted_field, fields))
    return name, f'CREATE INDEX "{name}" ON "{table}" ({keys})'


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


def _text(raw: bytes) -> str:
    """Return a text of the database; bytes that are no UTF-8 stay themselves, and no checksum
    verifies them."""
    return raw.decode(errors="surrogateescape")


def _shown(key: object) -> str:
    """Return a key as it may be shown, whatever it has become."""
    return key.encode(errors="replace").decode() if isinstance(key, str) else repr(key)


def _cells(collection: str) -> str:
    """Return the columns in which a collection's table keeps a document."""
    return "_id, body, arrays" if collection in ARRAYS else "_id, body"


def _row(collection: str) -> str:
    """Return the rest of an INSERT: the table, its columns and their values."""
    columns = _cells(collection)
    return f'"{collection}" ({columns}) VALUES ({", ".join("?" * (columns.count(",") + 1))})'


def _checksum(*parts: str | bytes) -> bytes:
    """Return a hash over these parts. It costs a millisecond for a megabyte, and tells every
    damage from what was saved; only somebody who means to could make another one that fits."""
    data = b"\0".join(
        part.encode(errors="surrogateescape") if isinstance(part, str) else part for part in parts
    )
    return hashlib.blake2b(data, digest_size=_CHECKSUM_BYTES).digest()


def _encode(collection: str, document: Document) -> tuple[object, ...]:
    """Return a document as `_cells`. Writing 24 arrays of a chart as text would cost several times
    its indicators."""
    key, field = document["_id"], ARRAYS.get(collection)
    if field is None:
        return key, _sealed(collection, key, document)
    rest = {name: value for name, value in document.items() if name != field}
    arrays = _pack_columns(document[field]) if field in document else None
    return key, _sealed(collection, key, rest, arrays), arrays


def _sealed(collection: str, key: str, fields: Document, arrays: bytes | None = None) -> str:
    """Return the fields as JSON that ends with its checksum."""
    body = _to_json(fields)[:-1] + ","
    return body + _CHECKSUM % _checksum(collection, key, body, arrays or b"").hex()


def _opened(collection: str, key: object, body: object, arrays: object) -> str:
    """Return the JSON of a stored document without its checksum. Raise `ValueError` when it is not
    as it was saved. Only the layout of another program has none."""
    if not isinstance(key, str) or not isinstance(body, str):
        raise ValueError("not a text")
    if not isinstance(arrays, bytes | None):
        raise ValueError("not bytes")
    plain, end = body[:-_CHECKSUM_LENGTH], body[-_CHECKSUM_LENGTH:]
    if end == _CHECKSUM % _checksum(collection, key, plain, arrays or b"").hex():
        return plain[:-1] + "}"
    if collection == SCHEMA and '"checksum"' not in body:
        layout = json.loads(body)
        if isinstance(layout, dict) and layout.get("version", SCHEMA_VERSION) != SCHEMA_VERSION:
            return body
    raise ValueError("its checksum differs")


def _decoded(collection: str, key: object, body: object, arrays: Any) -> Document:
    plain = _opened(collection, key, body, arrays)
    document: Document = _READER.decode(plain)
    if arrays is None:
        return document
    return document | {ARRAYS[collection]: to_lists(_unpack_columns(arrays))}


def _encode_column(session: str, name: str, data: bytes) -> tuple[object, ...]:
    return session, name, data, _checksum(session, name, data)


def _is_whole_column(row: tuple[Any, ...]) -> bool:
    session, name, data, checksum = row
    if not (isinstance(session, str) and isinstance(name, str) and isinstance(data, bytes)):
        return False
    whole: bool = _checksum(session, name, data) == checksum
    return whole


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


_READER = json.JSONDecoder(object_hook=_revive)


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

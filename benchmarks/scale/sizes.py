"""What a history takes on the disk: database, indexes, and one session as a document of MongoDB."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import bson
from bson.int64 import Int64

from benchmarks.scale.plan import History
from utils.market_day import DATASET_COLUMN_NAMES, DAY_COLUMNS
from utils.store.backend import Columns, to_list
from utils.store.mongo import connect
from utils.store.schema import COLLECTIONS
from utils.store.sqlite import FILE_NAME

Sizes = dict[str, Any]


def sizes(history: History, size: int) -> Sizes:
    """`bytes` of the whole database, `index_bytes` of these; `document_bytes` of the last session
    as a document of MongoDB, with everything beside its prices, and how many `tickers` it has."""
    of_database = _of_server(history) if history.uri else _of_file(Path(history.folder) / FILE_NAME)
    return of_database | _of_document(history, history.days(size)[-1])


def _of_file(path: Path) -> Sizes:
    """An index is also what SQLite makes of a table's primary key. `index_bytes` is None where
    SQLite was built without the table `dbstat`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        indexes = """SELECT sum(pgsize) FROM dbstat WHERE aggregate = TRUE AND name IN
                     (SELECT name FROM sqlite_master WHERE type = 'index')"""
        try:
            (index_bytes,) = connection.execute(indexes).fetchone()
        except sqlite3.OperationalError:
            index_bytes = None
    return {"bytes": path.stat().st_size, "index_bytes": index_bytes}


def _of_server(history: History) -> Sizes:
    """As the server itself says: what its collections and their indexes take on its disk,
    `plain_bytes` without any compression."""
    client = connect(history.uri)
    databases = history.settings().mongodb_databases
    stats = [
        client[databases[database]].command("collStats", collection)
        for database, _, collection in (name.partition(".") for name in COLLECTIONS)
    ]
    client.close()
    stored, indexes, plain = (
        sum(each.get(name, 0) for each in stats)
        for name in ("storageSize", "totalIndexSize", "size")
    )
    return {"bytes": stored + indexes, "index_bytes": indexes, "plain_bytes": plain}


def _of_document(history: History, session: str) -> Sizes:
    store = history.open(session)
    head = store.backend.get("stock_data.sessions", session) or {}
    ((_, columns),) = store.sessions.columns(
        (*DAY_COLUMNS, *DATASET_COLUMN_NAMES), session, session
    )
    store.close()
    document = bson.encode(head | {name: _as_stored(columns, name) for name in columns})
    return {"document_bytes": len(document), "tickers": len(columns["ticker"])}


def _as_stored(columns: Columns, name: str) -> list[Any]:
    column = to_list(columns[name])
    return [Int64(value) for value in column] if isinstance(column[0], int) else column

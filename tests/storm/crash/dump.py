"""The canonical dump of a whole store, from the raw database, past the suite's own code.

Everything that is stored is in it: every document of every collection with all its fields, every
column of every session, every index and view. Left out is only what tells one run from another and
is different each time rightly:

- the moment in a field whose name ends in `_utc`; that there is one, or null, stays
- `system_info.job_status`: `host`, `pid` and name of the run, and `attempts`, because a killed run
  was one
- `system_info.locks`: `owner`, `host` and `pid` of the run; that a lock is there stays
- `system_info.target_tickers`: the run in `claimed_by`; that there is one, or null, stays
- `system_info.sources`: `today` and `total`, because a killed run's requests were made
- `checksum` of the embedded database, which is over all this as well
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.collection import Collection

Document = dict[str, Any]
Dump = dict[str, Document]
"""Stored values, by a readable name, as JSON holds it."""
NO_SYSTEM = {"$not": {"$regex": r"^system\."}}
"""Names of collections that are not the server's own."""

OF_THE_RUN = {
    "system_info.job_status": {"host", "pid", "run", "attempts"},
    "system_info.locks": {"owner", "host", "pid"},
    "system_info.sources": {"today", "total"},
}


def canonical(dump: Dump) -> bytes:
    return json.dumps(dump, sort_keys=True, ensure_ascii=False).encode()


def differences(expected: Dump, found: Dump) -> list[str]:
    """Return nothing when the two are equal byte for byte, else a line for each field of each
    document that is not."""
    if canonical(expected) == canonical(found):
        return []
    return [
        f"{name}: {field} is {_shown(after, field)[:200]}, not {_shown(before, field)[:200]}"
        for name in sorted(expected.keys() | found.keys())
        for before, after in [(expected.get(name, {}), found.get(name, {}))]
        for field in sorted(before.keys() | after.keys())
        if _shown(before, field) != _shown(after, field)
    ]


def dump_sqlite(file: Path) -> Dump:
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        schema = connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall()
        dump: Dump = {f"{kind} {name}": {"sql": sql} for kind, name, sql in schema}
        for table in [name for kind, name, _ in schema if kind == "table"]:
            dump |= dict(_rows(connection, table))
    return dump


def _rows(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, Document]]:
    if table == "session_columns":
        for session, name, data in connection.execute(
            "SELECT session, name, data FROM session_columns"
        ):
            yield f"{table} {session} {name}", {"data": data.hex()}
        return
    for key, body, *arrays in connection.execute(f'SELECT * FROM "{table}"'):  # noqa: S608 - from the schema
        raw = {"arrays": [each and each.hex() for each in arrays]} if arrays else {}
        yield f"{table} {key}", _without_the_run(table, json.loads(body)) | raw


def dump_mongodb(client: MongoClient[Document], databases: Mapping[str, str]) -> Dump:
    """Dump `databases`: the project's database names -> their names on this server."""
    dump: Dump = {}
    for ours, name in databases.items():
        for facts in client[name].list_collections(filter={"name": NO_SYSTEM}):
            title = f"{ours}.{facts['name']}"
            dump[f"{facts['type']} {title}"] = dict(facts["options"])
            if facts["type"] == "collection":
                dump |= dict(_documents(client[name][facts["name"]], title))
    return dump


def _documents(collection: Collection[Document], title: str) -> Iterator[tuple[str, Document]]:
    yield (
        f"indexes of {title}",
        {name: str(facts["key"]) for name, facts in collection.index_information().items()},
    )
    for document in collection.find():
        yield f"{title} {document['_id']}", _without_the_run(title, document)


def _without_the_run(collection: str, document: Document) -> Document:
    kept = document.keys() - OF_THE_RUN.get(collection, set()) - {"checksum"}
    return {name: _timeless(name, document[name]) for name in kept}


def _timeless(name: str, value: Any) -> Any:
    if name.endswith("_utc") or name == "claimed_by":
        return None if value is None else "a moment or a run"
    if isinstance(value, Mapping):
        return {inner: _timeless(inner, each) for inner, each in value.items()}
    return [_timeless("", each) for each in value] if isinstance(value, list) else value


def _shown(document: Document, field: str) -> str:
    return json.dumps(document[field], ensure_ascii=False) if field in document else "absent"

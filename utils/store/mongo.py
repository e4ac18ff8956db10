"""MongoDB, and the only module that imports pymongo. Session columns are BSON arrays, readable in
mongosh and Compass."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qs, urlsplit

import bson
import numpy as np
import pymongo
import tenacity
from bson.codec_options import CodecOptions
from bson.errors import InvalidBSON
from bson.int64 import Int64
from pymongo import ReplaceOne, UpdateOne, errors
from pymongo.collection import Collection

from utils.clock import Clock
from utils.date_utils import LAST_DAY
from utils.errors import Damaged, StoreError, StoreUnusable
from utils.market_day import DATASET_COLUMN_NAMES, DAY_COLUMNS, INTEGER_COLUMNS, TEXT_COLUMNS
from utils.store import bson_arrays
from utils.store.backend import (
    Backend,
    Column,
    Columns,
    Damage,
    Document,
    Where,
    to_list,
    to_lists,
)
from utils.store.schema import ARRAYS, HEAD_FIELDS, INDEXES, OWNERS, SCREENS, SESSIONS

CONNECTION: dict[str, Any] = {
    "serverSelectionTimeoutMS": 10_000,
    "connectTimeoutMS": 10_000,
    "socketTimeoutMS": 120_000,
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    "retryReads": True,
    "retryWrites": True,
}
"""Options unless the URI says otherwise: bounded waits, and a write is done when a majority has it
in its journal.

What is read was confirmed by a majority too, so that no run builds on what a new primary never had.
That is enough for the claims: the conditional write decides them, on the primary, and one that was
deposed confirms no write. "linearizable" would add nothing but a round trip, and a server alone
refuses it.

The driver repeats single writes where the server knows sessions and is a replica set, and the
opening of a read everywhere. `_with_retries` repeats the rest.
"""
TRIES = 3
"""The most tries. The driver waits for a primary before each (`serverSelectionTimeoutMS`), so an
election is outlasted."""
_ENOUGH_SECONDS = 180
"""No new try after so long: all together they end before another run may take this one's lock."""
_HEADS_INDEX = [(name, 1) for name in ("_id", *HEAD_FIELDS)]
_BULK = 200
"""Writes in one command: few enough to be quick on every server, many enough that round trips do
not count."""
_STEPPED_DOWN = {91, 189, 10107, 11600, 11602, 13435, 13436}
"""Codes of a server that shuts down or is no longer the primary."""
_AUTHENTICATION_FAILED, _UNAUTHORIZED, _VIEW_EXISTS, _NO_SUCH_COMMAND = 18, 13, 48, 59
_AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True)
Answer = TypeVar("Answer")
log = logging.getLogger(__name__)


def connect(uri: str) -> "pymongo.MongoClient[Document]":
    """Return a client for that URI; nothing is sent yet. Raise `StoreUnusable` when it is no
    MongoDB URI."""
    try:
        said = {name.lower() for name in parse_qs(urlsplit(uri).query)}
        return pymongo.MongoClient(
            uri, **{name: each for name, each in CONNECTION.items() if name.lower() not in said}
        )
    except (errors.ConfigurationError, errors.InvalidURI, ValueError, TypeError) as error:
        if isinstance(error, errors.ConfigurationError) and uri.startswith("mongodb+srv:"):
            raise StoreError(
                "The host of MONGODB_URI is not found in the DNS. Check the network and its name."
            ) from None
        # The driver's own words may quote a part of the password.
        raise StoreUnusable(
            "MONGODB_URI is not a MongoDB URI. It looks like mongodb://user:password@host:27017/, "
            "and : / ? # [ ] @ % within user or password are written as "
            "%3A %2F %3F %23 %5B %5D %40 %25."
        ) from None
    except OSError as error:
        raise StoreUnusable(
            f"MONGODB_URI names a file that cannot be read ({error}). Correct its path."
        ) from None


class MongoBackend:
    """Backend over MongoDB (see `utils.store.backend.Backend`). All of it outlasts a connection
    that breaks now and then (`_with_retries`).

    Args:
        client: a pymongo client (or a double of one).
        databases: the project's database names -> their names on this server.
    """

    def __init__(
        self, client: "pymongo.MongoClient[Document]", databases: Mapping[str, str]
    ) -> None:
        self._client = client
        self._databases = databases
        # Asked first: it is what makes the driver know its nodes.
        version = _with_retries(lambda again: client.server_info()["version"])
        hosts = ",".join(f"{host}:{port}" for host, port in sorted(client.nodes))
        self.description = f"MongoDB {version} at {hosts}"
        _with_retries(lambda again: self._prepare())

    def get(self, collection: str, key: str) -> Document | None:
        return _with_retries(lambda again: self._collection(collection).find_one({"_id": key}))

    def find(
        self,
        collection: str,
        where: Where | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Document]:
        order = list(sort) or [("_id", 1)]
        return _with_retries(
            lambda again: list(
                self._collection(collection).find(where or {}).sort(order).limit(limit)
            )
        )

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        plain = [_without_arrays(collection, document) for document in documents]
        self._write(
            collection, [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in plain]
        )

    def insert(self, collection: str, document: Document) -> bool:
        """Insert the document. A first try whose answer was lost may have been done. Then the
        repeated one finds its own document: every field of it is what it writes."""

        def insert(again: bool) -> bool:
            there = self._collection(collection)
            try:
                there.insert_one(dict(document))
            except errors.DuplicateKeyError:
                return again and there.find_one({"_id": document["_id"]}) == _as_stored(document)
            return True

        return _with_retries(insert)

    def update(self, collection: str, where: Where, changes: Mapping[str, Any]) -> int:
        """Update the documents. A first try whose answer was lost may have been done. Then the
        repeated one need not match any more, and the run would be told that it lost what it won.

        So where a run writes its name into named documents, those that carry it and all the rest
        count. Elsewhere only what the repeated one matches does: at worst too few, and the caller
        looks again, books another slot or leaves it to the next run.
        """

        def update(again: bool) -> int:
            there = self._collection(collection)
            matched = there.update_many(where, {"$set": dict(changes)}).matched_count
            if not again or "_id" not in where or not any(changes.get(owner) for owner in OWNERS):
                return matched
            return there.count_documents({**changes, "_id": where["_id"]})

        return _with_retries(update)

    def update_each(self, collection: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        self._write(
            collection,
            [UpdateOne({"_id": key}, {"$set": dict(fields)}) for key, fields in changes.items()],
        )

    def delete(self, collection: str, where: Where) -> int:
        """Delete the documents. Repeated, it may count less than was deleted; the number is for
        people alone."""
        return _with_retries(
            lambda again: self._collection(collection).delete_many(where).deleted_count
        )

    def put_session(self, head: Document, columns: Columns) -> None:
        self.put(SESSIONS, [head | {name: _to_bson(column) for name, column in columns.items()}])

    def session_head(self, session: str) -> Document | None:
        head = dict.fromkeys(HEAD_FIELDS, 1)
        return _with_retries(
            lambda again: self._collection(SESSIONS).find_one({"_id": session}, head)
        )

    def session_heads(self, last: str = str(LAST_DAY), count: int = 0) -> list[Document]:
        # Answered from an index that holds all of it: a document itself is half a megabyte.
        def heads(again: bool) -> list[Document]:
            found = self._collection(SESSIONS).find(
                {"_id": {"$lte": last}}, dict.fromkeys(HEAD_FIELDS, 1)
            )
            return list(found.sort("_id", -1).limit(count).hint(_HEADS_INDEX))

        return _with_retries(heads)[::-1]

    def read_columns(
        self, names: Sequence[str], first: str, last: str
    ) -> Iterator[tuple[str, Columns]]:
        unread: Any = first if first == last else {"$gte": first, "$lte": last}
        batches: Any = None

        def next_batch(again: bool) -> bytes | None:
            nonlocal batches
            if again or batches is None:  # it broke with its connection; a new one begins there
                found: Any = self._collection(SESSIONS).find_raw_batches(
                    {"_id": unread}, dict.fromkeys(names, 1), sort=[("_id", 1)]
                )
                batches = iter(found)
            return next(batches, None)

        while (batch := _with_retries(next_batch)) is not None:
            for raw in bson_arrays.documents(batch):
                with _translated():
                    document = _decode(raw)
                unread = {"$gt": document["_id"], "$lte": last}
                yield document["_id"], _columns_of(document, names)

    def ahead_of_server(self, clock: Clock) -> timedelta | None:
        def compare(_: bool) -> timedelta | None:
            asked = clock.now_utc()
            told: datetime | None = self._hello().get("localTime")
            if told is None:
                log.warning(
                    "This server does not tell its time: "
                    "the hosts that share it have to show the same."
                )
                return None
            return asked + (clock.now_utc() - asked) / 2 - told

        return _with_retries(compare)

    def batch(self) -> AbstractContextManager[None]:
        """Open no transaction: a standalone server has none, so callers write what marks the work
        as done last."""
        return nullcontext()

    def hold(self, name: str) -> "NoHold":
        return NoHold()

    def count(self, collection: str) -> int:
        return _with_retries(lambda again: self._collection(collection).count_documents({}))

    def empty(self, collections: Sequence[str]) -> None:
        def empty(again: bool) -> None:
            for name in collections:
                self._collection(name).drop()
            if SESSIONS in collections:
                self._client[self._databases["stock_data"]].drop_collection("daily_prices")
            self._prepare()

        _with_retries(empty)

    def check_lookups(self) -> None:
        """Do nothing, as `damages` says."""

    def damages(self, thorough: bool = False) -> list[Damage]:
        """Return none: MongoDB verifies a checksum of its own whenever it reads a page."""
        return []

    def rebuild(self, complete: Callable[[Backend], None]) -> None:
        """Do nothing: the server makes its files anew."""

    def close(self) -> None:
        self._client.close()

    def _write(self, collection: str, writes: Sequence[ReplaceOne[Document] | UpdateOne]) -> None:
        for start in range(0, len(writes), _BULK):
            self._write_bulk(collection, writes[start : start + _BULK])

    def _write_bulk(
        self, collection: str, writes: Sequence[ReplaceOne[Document] | UpdateOne]
    ) -> None:
        """Write documents, each by its `_id` to what does not depend on what it was: repeated, it
        is the same. So it is repeated as well when the answer does not say what became of it, as
        FerretDB's when two writers meet."""

        def write(_: bool) -> None:
            try:
                self._collection(collection).bulk_write(writes, ordered=False)
            except KeyError as lacking:
                raise errors.AutoReconnect(f"the answer to a write lacks {lacking}") from lacking

        _with_retries(write)

    def _hello(self) -> Document:
        """Return what the server says of itself. MongoDB 4.4.0 and 4.4.1 know the command by its
        old name only."""
        try:
            return self._client.admin.command("hello", codec_options=_AWARE)
        except errors.OperationFailure as error:
            if error.code != _NO_SUCH_COMMAND:
                raise
            return self._client.admin.command("isMaster", codec_options=_AWARE)

    def _collection(self, name: str) -> Collection[Document]:
        database, _, collection = name.partition(".")
        return self._client[self._databases[database]].get_collection(
            collection, codec_options=_AWARE, read_preference=pymongo.ReadPreference.PRIMARY
        )

    def _prepare(self) -> None:
        for name, indexes in (INDEXES | SCREENS).items():
            for fields in indexes:
                self._collection(name).create_index(_index_keys(fields))
        self._collection(SESSIONS).create_index(_HEADS_INDEX)
        self._create_view()

    def _create_view(self) -> None:
        """Create `stock_data.daily_prices`. A server without views keeps everything else, and the
        log says so."""
        database = self._client[self._databases["stock_data"]]
        if "daily_prices" in database.list_collection_names():
            return
        try:
            database.command(
                "create", "daily_prices", viewOn="sessions", pipeline=daily_prices_pipeline()
            )
        except errors.OperationFailure as error:
            if error.code == _VIEW_EXISTS:
                return  # another process was first
            if error.code == _UNAUTHORIZED:
                raise
            lacking = "This server has no views (%s): stock_data.daily_prices is not available."
            log.warning(lacking, error.code)


class NoHold:
    """Hold that is always granted: a database server cannot tell whether the other process still
    lives. Expiry decides."""

    exclusive = False

    def release(self) -> None:
        """Release nothing."""


def daily_prices_pipeline() -> list[Document]:
    """Return the pipeline that makes one row per ticker and session of the parallel arrays of
    `stock_data.sessions`; null where a session lacks a dataset."""
    cells = {
        name: {"$arrayElemAt": ["$row", position]}
        for position, name in enumerate((*DAY_COLUMNS, *DATASET_COLUMN_NAMES))
    }
    prices = [f"${name}" for name in DAY_COLUMNS]
    datasets = [{"$ifNull": [f"${name}", []]} for name in DATASET_COLUMN_NAMES]
    columns = {"inputs": [*prices, *datasets], "useLongestLength": True}
    key = {"$concat": ["$_id", ":", cells["ticker"]]}
    return [
        {"$project": {"finality": 1, "row": {"$zip": columns}}},
        {"$unwind": "$row"},
        {"$project": {"_id": key, "session": "$_id", "finality": 1} | cells},
    ]


def _index_keys(fields: Sequence[str]) -> list[tuple[str, int]]:
    return [(field.removeprefix("-"), -1 if field.startswith("-") else 1) for field in fields]


def _without_arrays(collection: str, document: Document) -> Document:
    field = ARRAYS.get(collection, "")
    return document | {field: to_lists(document[field])} if field in document else document


def _to_bson(column: Column) -> list[Any]:
    if isinstance(column, np.ndarray) and column.dtype.kind == "i":
        return [Int64(value) for value in column.tolist()]
    return to_list(column)


def _decode(raw: bytes) -> Document:
    """Return the document; those of its arrays that hold numbers of one type alone are numpy
    arrays."""
    arrays, rest = {}, []
    try:
        for element in bson_arrays.elements(raw):
            found = bson_arrays.numbers(element.value) if element.is_array else None
            if found is not None and np.isfinite(found).all():
                arrays[element.name] = found
            else:
                rest.append(element)
    except ValueError:
        return bson.decode(raw)
    return bson.decode(bson_arrays.document_of(rest)) | arrays


def _columns_of(document: Document, names: Sequence[str]) -> Columns:
    try:
        there = [name for name in names if name in document or name in DAY_COLUMNS]
        return {name: _from_bson(name, document[name]) for name in there}
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise Damaged(
            f"MongoDB: session {document['_id']} is damaged. daily_update.py reads it anew."
        ) from error


def _from_bson(name: str, values: list[Any]) -> Column:
    if name in TEXT_COLUMNS:
        return values
    return np.array(values, dtype=np.int64 if name in INTEGER_COLUMNS else np.float64)


def _as_stored(document: Document) -> Document:
    return bson.decode(bson.encode(document), _AWARE)


def _with_retries(operation: Callable[[bool], Answer]) -> Answer:
    """Return what the operation answers, tried up to `TRIES` times while its connection breaks or
    its server is no longer the primary. Whatever else goes wrong is not tried again.

    The operation is told whether it is tried again: then an earlier try may have been carried out,
    all or a part of it, without its answer.
    """
    retry = tenacity.Retrying(
        retry=tenacity.retry_if_exception(_broke),
        stop=tenacity.stop_after_attempt(TRIES) | tenacity.stop_after_delay(_ENOUGH_SECONDS),
        before_sleep=_say_that_it_broke,
        reraise=True,
    )
    with _translated():
        return retry(lambda: operation(retry.statistics["attempt_number"] > 1))


def _broke(error: BaseException) -> bool:
    """Return whether to try again: the connection broke; the cursor is gone, because a server that
    was started anew does not know it; or a primary wrote, but stepped down before a majority had
    it."""
    if isinstance(error, errors.ServerSelectionTimeoutError):
        return False
    broke = isinstance(error, errors.AutoReconnect | errors.CursorNotFound)
    return broke or not _STEPPED_DOWN.isdisjoint(_unconfirmed(error))


def _unconfirmed(error: BaseException) -> list[int]:
    """Return the codes of the reasons why a majority may not have what was written."""
    if isinstance(error, errors.BulkWriteError):
        return [each["code"] for each in error.details["writeConcernErrors"]]
    return [error.code or 0] if isinstance(error, errors.WriteConcernError) else []


def _say_that_it_broke(state: tenacity.RetryCallState) -> None:
    error = state.outcome and state.outcome.exception()
    log.warning(
        "MongoDB: %s. Try %d of %d.", error and _first_line(error), state.attempt_number + 1, TRIES
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except errors.ServerSelectionTimeoutError as error:
        raise StoreError(
            f"MongoDB does not answer ({_first_line(error)}). "
            "Start the server, or correct MONGODB_URI."
        ) from None
    except errors.AutoReconnect as error:
        raise StoreError(
            f"The connection to MongoDB breaks again and again ({_first_line(error)}). "
            "Check the server and the network between; the next run goes on from here."
        ) from error
    except errors.OperationFailure as error:
        if error.code in (_AUTHENTICATION_FAILED, _UNAUTHORIZED):
            raise StoreUnusable(
                f"MongoDB refuses this user ({_first_line(error)}). "
                "Correct user, password, authSource in MONGODB_URI."
            ) from None
        raise StoreError(f"MongoDB: {_first_line(error)}") from error
    except (errors.ConfigurationError, errors.InvalidURI) as error:
        raise StoreUnusable(f"MONGODB_URI: {_first_line(error)}") from None
    except errors.PyMongoError as error:
        raise StoreError(f"MongoDB: {_first_line(error)}") from error
    except InvalidBSON as error:
        raise Damaged(
            f"MongoDB: a stored document is damaged ({_first_line(error)}). "
            "Restore a backup, or load anew."
        ) from error


def _first_line(error: BaseException) -> str:
    """Return the first sentence, which names the host and the reason. Messages of the driver repeat
    the whole topology."""
    return re.split(r" \(configured timeouts:|, Timeout:", str(error))[0].splitlines()[0][:300]

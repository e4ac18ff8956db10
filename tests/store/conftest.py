"""One contract, every database: SQLite, mongomock, and the server named in MONGODB_TEST_URI."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bson
import mongomock
import pymongo
import pytest
from mongomock.collection import BulkOperationBuilder
from mongomock.store import ServerStore
from pymongo.errors import OperationFailure

from tests.fakes import FakeClock
from tests.server import NewDatabases
from utils.store import Store
from utils.store.backend import Backend
from utils.store.base import Identity
from utils.store.mongo import MongoBackend
from utils.store.sqlite import SqliteBackend

DATABASES = ("system_info", "stock_data", "stock_analyzed")
OpenBackend = Callable[[], Backend]
OpenStore = Callable[..., Store]


class Mongomock(mongomock.MongoClient):
    """Parts of the driver that mongomock 4.3.0 lacks: `nodes`, and a word against commands such as
    `create` with a view."""

    nodes = frozenset({("mongomock", 27017)})


@pytest.fixture(scope="session", autouse=True)
def mongomock_with_this_pymongo() -> Iterator[None]:
    """Adapter for pymongo > 4.10, which hands `sort` to bulk writes, which mongomock 4.3.0 does not
    take; ours never sort. Raw batches it has none."""

    def without_sort(method: Callable[..., Any]) -> Callable[..., Any]:
        return lambda self, *args, sort=None, **more: method(self, *args, **more)

    def find_raw_batches(
        self: mongomock.Collection, where: Any, names: Any, sort: Any
    ) -> list[bytes]:
        return [b"".join(bson.encode(document) for document in self.find(where, names).sort(sort))]

    def no_such_command(self: object, command: object, *args: object, **more: object) -> None:
        raise OperationFailure(f"no such command: {command}", 59)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("add_update", "add_replace"):
            patch.setattr(
                BulkOperationBuilder, name, without_sort(getattr(BulkOperationBuilder, name))
            )
        patch.setattr(mongomock.Collection, "find_raw_batches", find_raw_batches, raising=False)
        patch.setattr(mongomock.Database, "command", no_such_command)
        yield


@contextmanager
def database(kind: str, folder: Path, on_the_server: NewDatabases) -> Iterator[OpenBackend]:
    """A function that opens one more connection to the same, at first empty, database of that
    kind."""
    opened: list[Backend] = []
    there = (
        on_the_server() if kind == "mongodb" else {"MONGODB_URI": "", "MONGODB_DB_PREFIX": "test_"}
    )
    uri, prefix = there.values()
    names = {name: prefix + name for name in DATABASES}
    shared = ServerStore()

    def connect() -> Backend:
        if kind == "sqlite":
            return SqliteBackend(folder)
        client = Mongomock(_store=shared) if kind == "mongomock" else pymongo.MongoClient(uri)
        return MongoBackend(client, names)

    def open_one() -> Backend:
        opened.append(connect())
        return opened[-1]

    yield open_one
    for backend in opened:
        backend.close()


@pytest.fixture(params=["sqlite", "mongomock", "mongodb"])
def open_backend(
    request: pytest.FixtureRequest, tmp_path: Path, on_the_server: NewDatabases
) -> Iterator[OpenBackend]:
    """Return a function that opens the database of each kind in turn."""
    with database(request.param, tmp_path / "data", on_the_server) as open_one:
        yield open_one


@pytest.fixture
def open_store(open_backend: OpenBackend, clock: FakeClock) -> OpenStore:
    """Function `open_store("b")`, which returns a store on the same database for another process,
    here called b."""

    def open_one(run: str = "a") -> Store:
        return Store(open_backend(), clock, Identity(f"host-{run}", 4711, run))

    return open_one


@pytest.fixture
def backend(open_backend: OpenBackend) -> Backend:
    return open_backend()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store("a")


@pytest.fixture
def other(open_store: OpenStore, store: Store) -> Store:
    """Another process on another host, on the same database."""
    return open_store("b")

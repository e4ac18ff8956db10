"""The two databases a crash is tried on: emptied, put back into an earlier state, dumped; never by
the suite's code."""

import shutil
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol

import pymongo
from pymongo.collection import Collection

from tests.storm.crash.dump import NO_SYSTEM, Document, Dump, dump_mongodb, dump_sqlite
from utils.store.sqlite import FILE_NAME

DATABASES = ("system_info", "stock_data", "stock_analyzed")
BILLION = 10**9


class Database(Protocol):
    name: str
    settings: dict[str, str]
    """Settings that choose it, and the targets that are chosen in it."""
    patience: timedelta
    """Time after a kill until the next run finds the dead owner's lock free."""

    def empty(self) -> None:
        """Empty it, as before the first run of all."""

    def keep(self) -> Any:
        """All that is in it, for `put_back`."""

    def put_back(self, kept: Any) -> None:
        """Put it back into that kept state."""

    def dump(self) -> Dump:
        """Return what is in it; the next run finds it as if nobody had looked."""

    def close(self) -> None:
        """Close it. Pytest and `on_the_server` remove what it holds."""


class Embedded:
    """A folder with an SQLite file. The operating system frees a dead owner's lock at once.

    Of its 52 targets one run analyses two batches.
    """

    name = "sqlite"
    patience = timedelta(minutes=1)

    def __init__(self, folder: Path) -> None:
        self._folder, self._looked_at = folder, folder.with_suffix(".looked_at")
        self.settings = {"DATA_DIR": str(folder), "MIN_MARKET_CAP": str(35 * BILLION)}

    def empty(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)

    def keep(self) -> Path:
        return Path(shutil.copytree(self._folder, self._folder.with_suffix(".kept")))

    def put_back(self, kept: Path) -> None:
        self.empty()
        shutil.copytree(kept, self._folder)

    def dump(self) -> Dump:
        """Dump a copy: whoever opens the file first after a kill clears up behind it, and that is
        for the next run."""
        if not self._folder.is_dir():
            return {}
        shutil.copytree(self._folder, self._looked_at)
        try:
            return dump_sqlite(self._looked_at / FILE_NAME)
        finally:
            shutil.rmtree(self._looked_at)

    def close(self) -> None:
        """Do nothing: no connection is open."""


class MongoServer:
    """Databases on a server, by the settings that choose them. There, a dead owner's lock is free
    after ten minutes.

    Eleven targets, one batch: the server that the tests bring along takes its time with many
    documents.
    """

    name = "mongodb"
    patience = timedelta(minutes=11)

    def __init__(self, chosen: Mapping[str, str], folder: Path) -> None:
        self._client: pymongo.MongoClient[Document] = pymongo.MongoClient(chosen["MONGODB_URI"])
        self._names = {name: chosen["MONGODB_DB_PREFIX"] + name for name in DATABASES}
        self.settings = {**chosen, "DATA_DIR": str(folder), "MIN_MARKET_CAP": str(607 * BILLION)}

    def empty(self) -> None:
        for name in self._names.values():
            self._client.drop_database(name)

    def keep(self) -> dict[str, list[Document]]:
        return {each.full_name: list(each.find()) for each in self._collections()}

    def put_back(self, kept: dict[str, list[Document]]) -> None:
        for collection in self._collections():
            documents = kept.get(collection.full_name, [])
            if list(collection.find()) != documents:
                collection.delete_many({})
                if documents:
                    collection.insert_many(documents)

    def dump(self) -> Dump:
        return dump_mongodb(self._client, self._names)

    def close(self) -> None:
        self._client.close()

    def _collections(self) -> Iterator[Collection[Document]]:
        for database in (self._client[name] for name in self._names.values()):
            for name in database.list_collection_names(
                filter={"type": "collection", "name": NO_SYSTEM}
            ):
                yield database[name]

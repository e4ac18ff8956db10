"""Store: everything that is kept, a part for each subject, over either backend."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from utils.clock import Clock
from utils.errors import StoreUnusable
from utils.settings import Settings
from utils.store.backend import Backend, Document
from utils.store.base import Identity
from utils.store.datasets import Datasets, Indices
from utils.store.incidents import Incidents
from utils.store.jobs import Jobs
from utils.store.locks import Locks
from utils.store.observed_calendar import ObservedCalendar
from utils.store.schema import CALENDAR, COLLECTIONS, COPY, LOCKS, SCHEMA, SCHEMA_VERSION, SOURCES
from utils.store.scope import Scope
from utils.store.server_time import go_by_the_servers_time
from utils.store.sessions import Sessions
from utils.store.sources import SourceRecords
from utils.store.targets import Results, Targets
from utils.store.waiting_days import WaitingDays


class Store:
    """Store in one database.

    Raises `StoreUnusable` for one of another layout, and for one into which a copy is not finished.

    Args:
        any_version: open one of another layout too; then only locks and `reset` are of use.
    """

    def __init__(
        self,
        backend: Backend,
        clock: Clock,
        identity: Identity | None = None,
        any_version: bool = False,
    ) -> None:
        self.backend, self.clock, self.identity = backend, clock, identity or Identity()
        part = (backend, clock, self.identity)
        self.calendar, self.jobs, self.locks = ObservedCalendar(*part), Jobs(*part), Locks(*part)
        self.sessions, self.targets = Sessions(*part, self.calendar), Targets(*part, self.jobs)
        self.datasets, self.indices, self.results = Datasets(*part), Indices(*part), Results(*part)
        self.sources, self.incidents = SourceRecords(*part), Incidents(*part)
        self.scope, self.waiting = Scope(*part), WaitingDays(*part)
        self._check_no_copy()
        self._version = self._find_version()
        if self.is_of_another_version and not any_version:
            raise StoreUnusable(
                f"The {self.description} has layout {self._version}, and this program knows "
                f"layout {SCHEMA_VERSION} alone. Use the program that wrote it, or choose another "
                "DATA_DIR or MONGODB_DB_PREFIX, or run manual_setup.py --reset --yes, which "
                "deletes all of it and begins anew. What is to be kept, daily_update.py --copy-to "
                "of the program that wrote it copies elsewhere before."
            )

    @property
    def description(self) -> str:
        """Return where everything is kept, for a person, without credentials."""
        return self.backend.description

    @property
    def is_of_another_version(self) -> bool:
        return self._version != SCHEMA_VERSION

    def reset(self) -> None:
        """Delete everything that is stored, but for who is at work and what the exchange is like:
        the days it has shown, the requests made, whether it is closed to us. Of another layout that
        goes too. The version is written last, so that what a killed reset leaves is of the layout
        it was."""
        kept = {LOCKS, SCHEMA} if self.is_of_another_version else {LOCKS, SCHEMA, SOURCES, CALENDAR}
        self.backend.empty([name for name in COLLECTIONS if name not in kept])
        self.backend.put(SCHEMA, [{"_id": "schema", "version": SCHEMA_VERSION}])
        self._version = SCHEMA_VERSION

    def close(self) -> None:
        self.backend.close()

    def _check_no_copy(self) -> None:
        if (copy := self.backend.get(SCHEMA, COPY)) is not None:
            raise StoreUnusable(
                f"The {self.description} holds an unfinished copy of the {copy['from']}. Run "
                "daily_update.py --copy-to again with the settings of that one: it goes on where "
                "it stopped."
            )

    def _find_version(self) -> int:
        """Return the layout of what is there; an empty database gets ours."""
        ours: Document = {"_id": "schema", "version": SCHEMA_VERSION}
        self.backend.insert(SCHEMA, ours)
        return int((self.backend.get(SCHEMA, "schema") or ours)["version"])


def open_store(
    settings: Settings,
    clock: Clock,
    any_version: bool = False,
    before: Callable[[Backend], None] = lambda backend: backend.check_lookups(),
) -> Store:
    """Return the store in the database of the settings, and set the clock by its server's. Raise
    `StoreUnusable` also when the two are too far apart.

    Args:
        before: called with the database before anything of it is read; by default raises `Damaged`
            when something could not be found in it.
    """
    backend = open_backend(settings)
    if clock.is_of_this_host:
        go_by_the_servers_time(backend, clock)
    before(backend)
    return Store(backend, clock, any_version=any_version)


def can_be_looked_at(settings: Settings) -> bool:
    """Return whether there is a database already, or a server that may hold it: then opening it
    leaves no new file behind."""
    from utils.store.sqlite import FILE_NAME

    return settings.mongodb_uri is not None or (settings.data_dir / FILE_NAME).is_file()


def drop_if_empty(settings: Settings, clock: Clock) -> None:
    """Delete an embedded database that was only tried; one that ever kept anything stays."""
    from utils.store.sqlite import delete_database

    if settings.mongodb_uri is not None or not can_be_looked_at(settings):
        return
    with closing(open_store(settings, clock)) as store:
        kept = [name for name in COLLECTIONS if name not in (SCHEMA, LOCKS)]
        if any(store.backend.count(name) for name in kept):
            return
    delete_database(settings.data_dir)


def put_aside(folder: Path, mark: str) -> Path:
    """Rename the files of the embedded database in that folder, so that they end in the mark, and
    delete nothing. Return the new name."""
    from utils.store import sqlite

    return sqlite.put_aside(folder, mark)


def open_backend(settings: Settings) -> Backend:
    """Return the database of the settings: MongoDB where MONGODB_URI is set, the embedded one
    otherwise."""
    if settings.mongodb_uri is None:
        from utils.store.sqlite import SqliteBackend

        return SqliteBackend(settings.data_dir)
    from utils.store.mongo import MongoBackend, connect

    return MongoBackend(
        connect(settings.mongodb_uri.get_secret_value()), settings.mongodb_databases
    )

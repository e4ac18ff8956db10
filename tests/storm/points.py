"""Every write to a database and every request of a run is a numbered point, and at one of them the
process dies.

Nothing of the product is changed or known here: SQLite's cursor, pymongo's command monitoring and
requests' adapter are what every write and every request passes, whoever sends it.
"""

import functools
import os
import signal
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from pymongo import monitoring
from requests.adapters import HTTPAdapter

READING_COMMANDS = {
    "aggregate",
    "buildinfo",
    "count",
    "distinct",
    "endsessions",
    "find",
    "getmore",
    "hello",
    "listcollections",
}
"""MongoDB commands, in lower case, that change nothing; every other one is taken for a write."""
_LONGEST = 70


class Points:
    """Counter of the points of this process, 1 is the first, which kills it with SIGKILL at
    `kill_at` (0: never).

    `record` gets one line per point as it is reached; a killed process leaves the line of its death
    last.
    """

    def __init__(self, record: Path, kill_at: int) -> None:
        self._record = os.open(record, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        self._kill_at, self._number = kill_at, 0

    def reach(self, point: str) -> None:
        self._number += 1
        os.write(self._record, f"{point}\n".encode())
        if self._number == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


def watch(points: Points) -> None:
    """Make everything that this process writes or requests a point. Call it before any connection
    is opened."""
    watch_sqlite(points)
    monitoring.register(WatchedCommands(points))
    watch_requests(points)


def watch_sqlite(points: Points) -> None:
    """Make a point before each statement that is no SELECT, and after those that end a transaction
    or stand alone: inside one, the moment after a statement is the moment before the next."""

    class WatchedCursor(sqlite3.Cursor):
        def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
            with self._point(sql):
                return super().execute(sql, values)

        def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
            with self._point(sql):
                return super().executemany(sql, rows)

        @contextmanager
        def _point(self, sql: str) -> Iterator[None]:
            words = sql.split()
            what = " ".join(words)[:_LONGEST]
            if words[0] == "SELECT":
                yield
                return
            points.reach(f"before {what}")
            yield
            if not self.connection.in_transaction:
                points.reach(f"after {what}")

    class WatchedConnection(sqlite3.Connection):
        def cursor(self, factory: type[sqlite3.Cursor] = WatchedCursor) -> sqlite3.Cursor:
            return super().cursor(factory)

        def execute(self, sql: str, values: Any = ()) -> sqlite3.Cursor:
            return self.cursor().execute(sql, values)

        def executemany(self, sql: str, rows: Iterable[Any]) -> sqlite3.Cursor:
            return self.cursor().executemany(sql, rows)

    sqlite3.connect = functools.partial(sqlite3.connect, factory=WatchedConnection)


class WatchedCommands(monitoring.CommandListener):
    """Points after the answer to each command that is none of `READING_COMMANDS`: the moment before
    a command is the moment after the last one."""

    def __init__(self, points: Points) -> None:
        self._points, self._sent = points, ""

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        self._sent = f"{event.command_name} {event.command.get(event.command_name, '')}"

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        self._reach("after", event.command_name)

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        self._reach("after failed", event.command_name)

    def _reach(self, when: str, command: str) -> None:
        if command.lower() not in READING_COMMANDS:
            self._points.reach(f"{when} {self._sent}")


def watch_requests(points: Points) -> None:
    """Make a point before each request is sent, to whatever host."""
    send = HTTPAdapter.send

    @functools.wraps(send)
    def watched(
        self: HTTPAdapter, request: requests.PreparedRequest, **options: Any
    ) -> requests.Response:
        points.reach(f"before {request.method} {str(request.url).partition('?')[0]}"[:_LONGEST])
        return send(self, request, **options)

    HTTPAdapter.send = watched

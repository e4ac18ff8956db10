"""Calls over HTTP that end in time, wherever they are held up.

The time limits of a socket begin anew with every byte, and nothing limits the look-up of a name. So
a call runs in a thread of its own. Whoever waits for it leaves at the deadline or on a stop
request, and its connection is cut.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

LISTEN_SECONDS = 0.25
"""Time between two looks for a stop request."""
T = TypeVar("T")


class TooSlow(Exception):
    """Error of a call that has not ended at its deadline."""


def call_in_time(
    call: Callable[[], T], seconds: float, now: Callable[[], float], heed_stop: Callable[[], None]
) -> T:
    """Make the call and return its result, or raise its error. Raise `TooSlow` after so many
    seconds, or what `heed_stop` raises meanwhile; the call is cut off then.

    Args:
        now: a stopwatch in seconds.
    """
    deadline = now() + seconds
    calling = _CallingThread(call)
    calling.start()
    try:
        while not calling.outcome.is_there.wait(min(LISTEN_SECONDS, max(deadline - now(), 0))):
            heed_stop()
            if now() >= deadline:
                raise TooSlow
    finally:
        calling.give_up()
    return calling.outcome.take()


class _Outcome(Generic[T]):
    """Result or error of the block that it is the context of. An error ends there, to be raised
    where the outcome is taken."""

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.results: list[T] = []
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        self._error = error
        self.is_there.set()
        return True

    def take(self) -> T:
        if self._error is not None:
            raise self._error
        return self.results[0]


class _CallingThread(threading.Thread, Generic[T]):
    """Thread of one call. One that hangs in spite of all does not keep the process from ending."""

    def __init__(self, call: Callable[[], T]) -> None:
        super().__init__(daemon=True)
        self.outcome = _Outcome[T]()
        self._call = call
        self._connection: HTTPConnection | None = None
        self._is_given_up = False

    def run(self) -> None:
        with self.outcome:
            self.outcome.results.append(self._call())

    def use(self, connection: HTTPConnection) -> None:
        """Note which connection is in use. Raise `ConnectionAbortedError` when nobody waits any
        more, so that nothing is sent then."""
        self._connection = connection
        if self._is_given_up:
            raise ConnectionAbortedError("nobody waits for this request any more")

    def give_up(self) -> None:
        """Cut the connection of a call that has not ended."""
        if self.outcome.is_there.is_set():
            return
        self._is_given_up = True
        used = None if self._connection is None else self._connection.sock
        if used is not None:
            with suppress(OSError):  # it has ended by itself meanwhile
                # That of the plain socket: TLS would take leave of the other side first.
                socket.socket.shutdown(used, socket.SHUT_RDWR)


class _Connection(HTTPConnection):
    """Connection that the thread which uses it knows."""

    def connect(self) -> None:
        _note_use(self)
        super().connect()
        _note_use(self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        _note_use(self)
        super().request(*args, **kwargs)


class _TlsConnection(_Connection, HTTPSConnection):
    """The same over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


POOLS = {"http": _Pool, "https": _TlsPool}
"""For `PoolManager.pool_classes_by_scheme`: pools whose connections can be cut."""


def _note_use(connection: HTTPConnection) -> None:
    thread = threading.current_thread()
    if isinstance(thread, _CallingThread):
        thread.use(connection)

"""A proxy before a MongoDB server. It breaks the connection at a numbered message, in each way that
networks do it.

It speaks just enough of the wire protocol to tell messages and commands apart, and to answer as a
server that is no longer the primary. The messages of all connections are counted, in the order they
arrive; the hellos with which the driver watches a server are passed on uncounted, because they come
when they like.
"""

import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import bson
import pymongo

OP_MSG, MORE_TO_COME = 2013, 2
WATCHING = {"hello", "ismaster"}
NO_LONGER_PRIMARY = {
    "ok": 0.0,
    "errmsg": "not primary",
    "code": 10107,
    "codeName": "NotWritablePrimary",
}
WRITING = {"insert", "update", "delete"}
UNCONFIRMED = {
    "code": 11602,
    "codeName": "InterruptedDueToReplStateChange",
    "errmsg": "stepped down",
}
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
FOR_GOOD = 10**9


class Fault(Enum):
    CUT_BEFORE = "cut before the server had it"
    CUT_AFTER = "cut before the answer came"
    DELAYED = "answered late"
    SILENT = "answered too late"
    CLOSED_BY_SERVER = "half-closed by the server"
    CLOSED_BY_CLIENT = "half-closed by the client"
    STEPPED_DOWN = "no longer the primary"
    UNCONFIRMED = "written, then no longer the primary"

    def can_befall(self, command: str) -> bool:
        """A command such as `find sessions`: only a write waits for a majority."""
        return self is not Fault.UNCONFIRMED or command.partition(" ")[0] in WRITING


LATE_SECONDS = {Fault.DELAYED: 0.2, Fault.SILENT: 2.5}
SOCKET_TIMEOUT = 2
"""Seconds for which the driver waits for an answer: between a late and a too late one."""


class Message(NamedTuple):
    raw: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The command or the answer, without the documents that a command brings along."""
        (length,) = struct.unpack_from("<i", self.raw, 21)
        return bson.decode(self.raw[21 : 21 + length])

    @property
    def command(self) -> str:
        """Return for instance `find sessions`; empty for the oldest form of hello."""
        if struct.unpack_from("<i", self.raw, 12)[0] != OP_MSG:
            return ""
        name, value = next(iter(self.document.items()))
        return f"{name} {value}" if isinstance(value, str) else str(name)

    @property
    def is_counted(self) -> bool:
        return self.command.lower().partition(" ")[0] not in {"", *WATCHING}

    @property
    def has_more(self) -> bool:
        """Return whether another message follows this one unasked."""
        opcode, flags = struct.unpack_from("<iI", self.raw, 12)
        return opcode == OP_MSG and bool(flags & MORE_TO_COME)

    def answered(self, document: dict[str, Any]) -> bytes:
        (request,) = struct.unpack_from("<i", self.raw, 4)
        payload = struct.pack("<IB", 0, 0) + bson.encode(document)
        return struct.pack("<iiii", len(payload) + 16, 0, request, OP_MSG) + payload


@dataclass(frozen=True)
class Plan:
    """Fault that befalls the messages `first` to `last`, both inclusive."""

    fault: Fault
    first: int
    last: int


class Proxy(socketserver.ThreadingTCPServer):
    """Proxy that listens on a free port of 127.0.0.1 until it is closed; `commands` are those that
    came since `expect`."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, server: tuple[str, int]) -> None:
        super().__init__(("127.0.0.1", 0), _Connection)
        self.behind = server
        self.commands: list[str] = []
        self.ends = threading.Event()
        self._plan: Plan | None = None
        self._counting = threading.Lock()
        threading.Thread(
            target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()

    def expect(self, plan: Plan | None) -> None:
        """Count anew, and play that plan."""
        with self._counting:
            self._plan, self.commands = plan, []

    def befalls(self, message: Message) -> Fault | None:
        """Count the message, and return what happens to it."""
        if not message.is_counted:
            return None
        with self._counting:
            self.commands.append(message.command)
            plan = self._plan
            return (
                plan.fault
                if plan is not None and plan.first <= len(self.commands) <= plan.last
                else None
            )

    def close(self) -> None:
        self.ends.set()
        self.shutdown()
        self.server_close()


class _Connection(socketserver.BaseRequestHandler):
    """The driver sends its next message on a connection when it has the answer to the last: so one
    after the other."""

    server: Proxy
    request: socket.socket

    def handle(self) -> None:
        with socket.create_connection(self.server.behind) as behind:
            try:
                while (raw := receive(self.request)) and self._pass_on(Message(raw), behind):
                    pass
            except OSError:
                pass  # whoever is cut off does not say goodbye; both ends are closed now

    def _pass_on(self, message: Message, behind: socket.socket) -> bool:
        """Return whether the connection is still whole afterwards."""
        fault = self.server.befalls(message)
        if fault is Fault.STEPPED_DOWN:
            self.request.sendall(message.answered(NO_LONGER_PRIMARY))
            return True
        if fault is Fault.CUT_BEFORE:
            return self._cut()
        behind.sendall(message.raw)
        if fault is Fault.CLOSED_BY_CLIENT:
            behind.shutdown(socket.SHUT_WR)
        for answer in answers(behind):
            if fault is Fault.CUT_AFTER:
                return self._cut()
            if fault is Fault.CLOSED_BY_SERVER:
                return self._half_close()
            if fault in LATE_SECONDS:
                self.server.ends.wait(LATE_SECONDS[fault])
            if fault is Fault.UNCONFIRMED and fault.can_befall(message.command):
                answer = message.answered(
                    Message(answer).document | {"writeConcernError": UNCONFIRMED}
                )
            self.request.sendall(answer)
        return fault is not Fault.CLOSED_BY_CLIENT

    def _cut(self) -> bool:
        """The other end sees a reset, as from a host that has lost its memory."""
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.request.close()
        return False

    def _half_close(self) -> bool:
        """The other end sees the end of what it reads, and may still write."""
        self.request.shutdown(socket.SHUT_WR)
        while self.request.recv(65536):
            pass
        return False


def answers(server: socket.socket) -> Iterator[bytes]:
    """One, or as many as the server announces; none when it has closed."""
    while raw := receive(server):
        yield raw
        if not Message(raw).has_more:
            return


def receive(connection: socket.socket) -> bytes:
    """The next message whole; empty when the other end has closed."""
    header = receive_exactly(connection, 16)
    return header and header + receive_exactly(connection, struct.unpack_from("<i", header)[0] - 16)


def receive_exactly(connection: socket.socket, count: int) -> bytes:
    received = bytearray()
    while len(received) < count:
        if not (more := connection.recv(count - len(received))):
            return b""
        received += more
    return bytes(received)


def primary_of(uri: str) -> tuple[str, int]:
    """Return the address of the server that takes the writes."""
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        client.server_info()
        address = client.address
    assert address is not None
    return address


def through(proxy: Proxy, uri: str) -> str:
    """Return that URI with the proxy in the server's place, and the driver as impatient as a
    test."""
    parts = urlsplit(uri)
    user, at, _ = parts.netloc.rpartition("@")
    host, port = proxy.server_address[:2]
    impatient = (
        f"directConnection=true&socketTimeoutMS={SOCKET_TIMEOUT * 1000}"
        "&serverSelectionTimeoutMS=2000"
    )
    query = "&".join(each for each in (parts.query, impatient) if each)
    return parts._replace(
        netloc=f"{user}{at}{host!s}:{port}", path=parts.path or "/", query=query
    ).geturl()

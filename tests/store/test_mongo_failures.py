"""A wrong URI, a server that is down, a wrong password: each named, each with what to do, none with
a secret in it."""

import re
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from typing import Any

import bson
import pymongo.errors
import pytest

from tests.fakes import FakeClock
from utils.errors import EXIT_FAILED, EXIT_USAGE, Damaged, StoreError, StoreUnusable
from utils.settings import load_settings
from utils.store import mongo, open_store

PASSWORD = "hunter2"
OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
HELLO = {
    "ok": 1,
    "isWritablePrimary": True,
    "helloOk": True,
    "minWireVersion": 0,
    "maxWireVersion": 21,
}
LIMITS = {
    "maxBsonObjectSize": 2**24,
    "maxMessageSizeBytes": 48_000_000,
    "maxWriteBatchSize": 100_000,
}


def open_at(uri: str, clock: FakeClock) -> None:
    open_store(load_settings({"mongodb_uri": uri}), clock).close()


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mongo.CONNECTION, "serverSelectionTimeoutMS", 200)


@pytest.mark.parametrize(
    "uri",
    [
        "http://night:hunter2@localhost/",
        "mongodb://",
        "mongodb://night:hunter2@/",
        "mongodb://night:hunter2@localhost:27017x/",
        "mongodb://night:hunter2@localhost:99999/",
        "mongodb://night:hun@hunter2@localhost/",
        "mongodb://night:hun:hunter2@localhost/",
        "mongodb://night:hun%hunter2@localhost/",
        "mongodb://night:hun?hunter2@localhost/",
        "mongodb://night:hun/hunter2@localhost/",
        "mongodb://night:hun/hunter2@localhost:27017/",
        "mongodb://night:hunter2@localhost/?tlsCAFile=/no/such/file",
    ],
)
def test_a_wrong_uri_is_refused_without_showing_the_password(uri: str, clock: FakeClock) -> None:
    with pytest.raises(StoreUnusable, match="MONGODB_URI") as error:
        open_at(uri, clock)
    assert error.value.exit_code == EXIT_USAGE
    assert PASSWORD not in str(error.value)


def test_a_wrong_uri_says_what_one_looks_like(clock: FakeClock) -> None:
    with pytest.raises(StoreUnusable, match=re.escape("mongodb://user:password@host:27017/")):
        open_at("localhost:port", clock)


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_server_that_is_down_is_named_without_the_password(clock: FakeClock) -> None:
    port = free_port()
    with pytest.raises(
        StoreError, match=rf"MongoDB does not answer \(127.0.0.1:{port}.*Start the server"
    ) as error:
        open_at(f"mongodb://night:{PASSWORD}@127.0.0.1:{port}/", clock)
    assert error.value.exit_code == EXIT_FAILED
    assert PASSWORD not in str(error.value)
    assert "Topology" not in str(error.value)


class _Refusing(socketserver.BaseRequestHandler):
    """Server with just enough of the wire protocol to say hello and to refuse whoever logs in."""

    server: "_RefusingServer"

    def handle(self) -> None:
        while header := self._receive(16):
            length, request, _, opcode = struct.unpack("<iiii", header)
            body = self._receive(length - 16)
            self.request.sendall(self._answer(request, opcode, body))

    def _answer(self, request: int, opcode: int, body: bytes) -> bytes:
        if opcode == OP_QUERY:  # the first hello of a driver still has the oldest form
            head, code = struct.pack("<iqii", 8, 0, 0, 1), OP_REPLY
            document = HELLO | LIMITS
        else:
            command = next(iter(bson.decode(body[5:])))
            head, code = struct.pack("<iB", 0, 0), OP_MSG
            document = HELLO | LIMITS if command in ("hello", "ismaster") else self.server.refusal
        payload = head + bson.encode(document)
        return struct.pack("<iiii", len(payload) + 16, 1, request, code) + payload

    def _receive(self, count: int) -> bytes:
        received = b""
        while len(received) < count:
            if not (more := self.request.recv(count - len(received))):
                return b""
            received += more
        return received


class _RefusingServer(socketserver.ThreadingTCPServer):
    daemon_threads = True
    refusal: dict[str, Any]


@pytest.fixture
def refusing_server() -> Iterator[_RefusingServer]:
    with _RefusingServer(("127.0.0.1", 0), _Refusing) as server:
        threading.Thread(
            target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        ).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize(
    "refusal",
    [
        {
            "ok": 0,
            "code": 18,
            "codeName": "AuthenticationFailed",
            "errmsg": "Authentication failed.",
        },
        {"ok": 0, "code": 13, "codeName": "Unauthorized", "errmsg": "not authorized on admin"},
    ],
    ids=["wrong password", "no rights"],
)
def test_a_refused_user_is_told_to_correct_the_uri(
    refusing_server: _RefusingServer, refusal: dict[str, Any], clock: FakeClock
) -> None:
    refusing_server.refusal = refusal
    host, port = refusing_server.server_address[:2]
    with pytest.raises(
        StoreUnusable, match=r"refuses this user.*Correct user, password, authSource"
    ) as error:
        open_at(f"mongodb://night:{PASSWORD}@{host!s}:{port}/?authMechanism=SCRAM-SHA-256", clock)
    assert error.value.exit_code == EXIT_USAGE
    assert PASSWORD not in str(error.value)


def test_a_refusal_of_another_kind_fails_and_says_what_the_server_said(
    refusing_server: _RefusingServer, clock: FakeClock
) -> None:
    refusing_server.refusal = {
        "ok": 0,
        "code": 8000,
        "codeName": "AtlasError",
        "errmsg": "over the quota",
    }
    host, port = refusing_server.server_address[:2]
    with pytest.raises(StoreError, match="MongoDB: over the quota") as error:
        open_at(f"mongodb://{host!s}:{port}/", clock)
    assert error.value.exit_code == EXIT_FAILED


def test_a_user_without_the_right_to_create_the_view_is_told_so(clock: FakeClock) -> None:
    with pytest.raises(StoreUnusable, match="refuses this user"), mongo._translated():
        raise pymongo.errors.OperationFailure("not authorized on stock_data to execute command", 13)


def test_a_connection_that_breaks_is_a_store_error() -> None:
    with (
        pytest.raises(
            StoreError, match=r"MongoDB breaks again and again \(connection closed\). Check"
        ) as error,
        mongo._translated(),
    ):
        raise pymongo.errors.AutoReconnect("connection closed\nmore lines")
    assert "more lines" not in str(error.value)


def test_a_document_that_does_not_unpack_is_damage() -> None:
    far = struct.pack("<i", 18) + b"\x09" + b"a_utc\0" + struct.pack("<q", 2**62) + b"\0"
    far = struct.pack("<i", len(far)) + far[4:]
    with pytest.raises(Damaged, match="a stored document is damaged"), mongo._translated():
        bson.decode(far)


def test_what_the_uri_says_of_the_connection_outweighs_what_we_say() -> None:
    client = mongo.connect("mongodb://localhost/?SERVERSELECTIONTIMEOUTMS=4321&w=2")
    assert client.options.server_selection_timeout == 4.321
    assert client.write_concern.document == {"w": 2, "j": True}
    client.close()


def test_a_write_is_done_when_a_majority_has_it_in_its_journal() -> None:
    client = mongo.connect("mongodb://localhost/")
    assert client.write_concern.document == {"w": "majority", "j": True}
    client.close()


def test_what_is_read_is_what_a_majority_has_and_the_driver_repeats_what_it_can() -> None:
    client = mongo.connect("mongodb://localhost/")
    assert client.read_concern.document == {"level": "majority"}
    assert client.options.retry_reads
    assert client.options.retry_writes
    client.close()

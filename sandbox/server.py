"""HTTP server of the exchange: loopback only, keep-alive, no log, and a control interface for other
processes."""

import json
import os
import socket
import struct
import sys
import threading
from collections.abc import Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from sandbox.active_faults import ActiveFault, ActiveFaults
from sandbox.answers import dump
from sandbox.exchange import Exchange, Record
from sandbox.faults import Fault, make_fault, read_faults
from sandbox.market import Market
from sandbox.messages import Request, Response
from sandbox.publication import read_kst
from utils.clock import Clock

CONTROL_CLOCK = "/__sandbox__/clock"
CONTROL_REQUESTS = "/__sandbox__/requests"
CONTROL_FAULTS = "/__sandbox__/faults"
_JSON = "application/json; charset=utf-8"


class LocalExchange:
    """Exchange on 127.0.0.1 for as long as the `with` block lasts.

    Args:
        market: the market that is traded.
        starts_at: the exchange's time at the start (aware); it runs on from there. None: the real
            time.
        accounts: passwords by login id; None: demo/demo.
        openapi_keys: services by Open API key; None: `demo-key` with all of them.
        port: 0 takes a free one.
    """

    def __init__(
        self,
        market: Market,
        starts_at: datetime | None = None,
        accounts: Mapping[str, str] | None = None,
        openapi_keys: Mapping[str, Collection[str]] | None = None,
        port: int = 0,
    ) -> None:
        self.exchange = Exchange(market, Clock(starts_at), accounts, openapi_keys)
        self._active_faults = ActiveFaults(self.exchange)
        self._port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "LocalExchange":
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """Bind and serve in a thread. Raise OSError when the port is taken."""
        self._server = _Server(
            ("127.0.0.1", self._port), self.exchange, Control(self.exchange, self._active_faults)
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and cut open connections, as a machine does that goes away."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._server.cut_connections()
        self._thread.join()
        self._server = self._thread = None

    @property
    def url(self) -> str:
        """The address http://127.0.0.1:port, of the data site and of the Open API alike."""
        if self._server is None:
            raise RuntimeError("the exchange is not running")
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def set_time(self, moment: datetime) -> None:
        """Set the exchange's clock to an aware datetime; it runs on from there."""
        self.exchange.clock = Clock(moment)

    def fail(self, name: str, **fields: Any) -> Fault:
        """Switch a fault on, from the next request. Its fields are those of `Fault`. Raise
        ValueError for wrong ones."""
        fault = make_fault(name, **fields)
        self._active_faults.add(fault)
        return fault

    def clear_faults(self, name: str | None = None) -> None:
        """Switch off all faults, or all of one name."""
        self._active_faults.remove(name)

    def faults(self) -> list[ActiveFault]:
        """Return the faults that may still hit a request, the last one added first, with their
        number of hits."""
        return self._active_faults.active()

    def counts(self) -> dict[str, int]:
        return self.exchange.counts()

    def requests(self) -> list[Record]:
        return self.exchange.requests()

    def reset_counts(self) -> None:
        self.exchange.reset_counts()


class Control:
    """Control interface for other processes: GET/PUT clock, GET/DELETE requests, GET/POST/DELETE
    faults.

    Its requests are not counted.
    """

    def __init__(self, exchange: Exchange, active_faults: ActiveFaults) -> None:
        self._exchange, self._active_faults = exchange, active_faults
        self._handlers = {
            ("GET", CONTROL_CLOCK): self._read_clock,
            ("PUT", CONTROL_CLOCK): self._set_clock,
            ("GET", CONTROL_REQUESTS): self._read_requests,
            ("DELETE", CONTROL_REQUESTS): self._forget_requests,
            ("GET", CONTROL_FAULTS): self._read_faults,
            ("POST", CONTROL_FAULTS): self._add_faults,
            ("DELETE", CONTROL_FAULTS): self._remove_faults,
        }

    def answer(self, method: str, path: str, body: bytes) -> Response:
        handler = self._handlers.get((method, path))
        return (
            _json(HTTPStatus.NOT_FOUND, {"error": f"no {method} {path}"})
            if handler is None
            else handler(body)
        )

    def _read_clock(self, _: bytes) -> Response:
        return _json(HTTPStatus.OK, {"kst": f"{self._exchange.clock.now_kst():%Y-%m-%dT%H:%M:%S}"})

    def _set_clock(self, body: bytes) -> Response:
        try:
            moment = read_kst(json.loads(body)["kst"])
        except (ValueError, KeyError, TypeError):
            return _json(
                HTTPStatus.BAD_REQUEST, {"error": 'expected {"kst": "YYYY-MM-DDTHH:MM:SS"}'}
            )
        self._exchange.clock = Clock(moment)
        return self._read_clock(body)

    def _read_requests(self, _: bytes) -> Response:
        requests = [
            {
                "kind": record.kind,
                "name": record.name,
                **record.dates,
                "kst": f"{record.at:%Y-%m-%dT%H:%M:%S}",
            }
            for record in self._exchange.requests()
        ]
        return _json(HTTPStatus.OK, {"counts": self._exchange.counts(), "requests": requests})

    def _forget_requests(self, body: bytes) -> Response:
        self._exchange.reset_counts()
        return self._read_requests(body)

    def _read_faults(self, _: bytes) -> Response:
        return _json(
            HTTPStatus.OK, {"faults": [active.as_dict() for active in self._active_faults.active()]}
        )

    def _add_faults(self, body: bytes) -> Response:
        try:
            faults = read_faults(json.loads(body))
        except ValueError as error:
            return _json(HTTPStatus.BAD_REQUEST, {"error": str(error)})
        self._active_faults.add(*faults)
        return self._read_faults(body)

    def _remove_faults(self, body: bytes) -> Response:
        self._active_faults.remove()
        return self._read_faults(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], exchange: Exchange, control: Control) -> None:
        self.exchange, self.control = exchange, control
        self._connections: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def cut_connections(self) -> None:
        """End keep-alive connections: their threads would go on answering after the server has
        stopped."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed by its own thread meanwhile

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore the error when a client has left."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave together
    server: _Server

    def _answer(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if url.path.startswith("/__sandbox__/"):
            self._send(self.server.control.answer(self.command, url.path, body))
        else:
            self._send(self.server.exchange.answer(self._request(url.path, url.query, body)))

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - named by http.server

    def _request(self, path: str, query: str, body: bytes) -> Request:
        return Request(
            method=self.command,
            path=path,
            query=dict(parse_qsl(query, keep_blank_values=True)),
            form=dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)),
            headers={name.lower(): value for name, value in self.headers.items()},
            cookies=_cookies(self.headers.get("Cookie", "")),
        )

    def _send(self, response: Response) -> None:
        response.delivery(response, self)

    # -- the wire, for deliveries

    def send_head(self, response: Response) -> None:
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(response.body)))
        self.end_headers()

    def send(self, part: bytes) -> None:
        self.wfile.write(part)
        self.wfile.flush()

    def is_gone(self, within: float | None = None) -> bool:
        """Discard what the client sends. A stopped server looks as if the client had left."""
        self.connection.settimeout(within)
        try:
            while self.connection.recv(4096):
                pass
        except TimeoutError:
            return False
        except OSError:
            return True
        finally:
            self.connection.settimeout(None)
        return True

    def hang_up(self) -> None:
        self.close_connection = True

    def reset(self) -> None:
        """Close the socket without lingering, which breaks the connection. It is detached because
        the streams keep it open."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

    def log_message(self, format: str, *args: Any) -> None:
        """Write no access log."""


def _cookies(header: str) -> dict[str, str]:
    try:
        return {name: morsel.value for name, morsel in SimpleCookie(header).items()}
    except CookieError:
        return {}


def _json(status: HTTPStatus, document: Any) -> Response:
    return Response(status, dump(document), _JSON)

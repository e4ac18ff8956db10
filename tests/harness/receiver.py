"""A server on this machine that is told things: apprise's `json://` messages and the pings of a
monitor."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Receiver:
    """Server that keeps what arrived, in order, and answers with an HTTP status, `hang` (never) or
    `drip` (byte by byte)."""

    port: int
    answer: int | str = 200
    lose: int = 0
    """Number of the next requests that are cut off without an answer."""
    arrived: list[tuple[str, str]] = field(default_factory=list)
    """(path, body) of each request that was answered."""
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def notify_url(self) -> str:
        return f"json://127.0.0.1:{self.port}/Room-4711-secret"

    @property
    def heartbeat_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping/5f0e1c3a-secret"

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [json.loads(body) for path, body in self.arrived if path.startswith("/Room")]

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.messages]

    @property
    def pings(self) -> list[str]:
        """Return what follows the address of each ping."""
        return [
            path.removeprefix("/ping/5f0e1c3a-secret")
            for path, _ in self.arrived
            if path.startswith("/ping")
        ]

    def body_of(self, ping: str) -> str:
        return next(body for path, body in self.arrived if path.endswith(f"secret{ping}"))


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if receiver.lose:
                receiver.lose -= 1
                self.close_connection = True
                return
            if receiver.answer == "hang":
                receiver.over.wait()
            elif receiver.answer == "drip":
                self.drip()
            else:
                receiver.arrived.append((self.path, body))
                self.send_response(int(receiver.answer))
                self.send_header("Content-Length", "0")
                self.end_headers()

        def drip(self) -> None:
            self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not receiver.over.wait(0.1):
                try:
                    self.wfile.write(b"z")
                except OSError:
                    return

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver = Receiver(server.server_port)
    thread = threading.Thread(
        target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
    )
    thread.start()
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        server.server_close()
        thread.join()

"""Messages over HTTP: a parsed request, an answer, and the delivery of an answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Request:
    """Parsed HTTP request. Header names are lower case; of repeated parameters the last counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """The server's end of one connection, as a delivery may use it."""

    def send_head(self, response: "Response") -> None:
        """Send status and headers. Content-Length is that of the whole body."""

    def send(self, part: bytes) -> None:
        """Send a part of the body at once."""

    def is_gone(self, within: float | None = None) -> bool:
        """Return whether the client has left or the server stops within so many seconds (None: wait
        for it)."""

    def hang_up(self) -> None:
        """Close the connection after what has been sent."""

    def reset(self) -> None:
        """Break the connection: the client gets a TCP RST."""


Delivery = Callable[["Response", Wire], None]


def whole(response: "Response", wire: Wire) -> None:
    """Deliver the whole answer."""
    wire.send_head(response)
    wire.send(response.body)


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = whole

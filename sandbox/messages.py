"""What goes over the wire: a request taken apart, an answer, and the way an answer is delivered."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class Request:
    """An HTTP request, taken apart. Header names are lower case; of repeated parameters the last
    counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)


class Wire(Protocol):
    """The server's end of one connection, as far as a delivery may touch it."""

    def send_head(self, response: "Response") -> None:
        """Status and headers; Content-Length is that of the whole body."""

    def send(self, part: bytes) -> None:
        """A part of the body, at once."""

    def is_gone(self, within: float | None = None) -> bool:
        """Waits that many seconds (None: for good) for the client to go away or the server to stop;
        whether it has."""

    def hang_up(self) -> None:
        """Closes the connection after what has been sent."""

    def reset(self) -> None:
        """Breaks the connection off: the client gets a TCP RST, not an end."""


Delivery = Callable[["Response", Wire], None]


def whole(response: "Response", wire: Wire) -> None:
    """As every proper server does."""
    wire.send_head(response)
    wire.send(response.body)


@dataclass(frozen=True)
class Response:
    status: int
    body: bytes
    content_type: str = "text/html; charset=utf-8"
    headers: Mapping[str, str] = field(default_factory=dict)
    delivery: Delivery = whole

"""Deliveries that fail: an answer that is late, cut off or missing."""

from sandbox.messages import Delivery, Response, Wire

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
_CHUNKED = _HEAD + b"Transfer-Encoding: chunked\r\n"


def hang(_: Response, wire: Wire) -> None:
    """Send nothing until the client leaves or the server stops."""
    wire.is_gone()
    wire.hang_up()


def drip(seconds: float) -> Delivery:
    """Return a delivery that sends the head, then the body, one byte every `seconds`."""

    def deliver(response: Response, wire: Wire) -> None:
        wire.send_head(response)
        for position in range(len(response.body)):
            if position and wire.is_gone(within=seconds):
                wire.hang_up()
                return
            wire.send(response.body[position : position + 1])

    return deliver


ENDLESS = {
    "head": (_HEAD + b"X-Slow: ", b"x"),
    "continue": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "chunk": (_CHUNKED + b"\r\n1;", b"x"),
    "gzip": (
        _CHUNKED + b"Content-Encoding: gzip\r\n\r\na\r\n\x1f\x8b\x08" + bytes(7) + b"\r\n",
        b"5\r\n\x00\x00\x00\xff\xff\r\n",
    ),
    "trailer": (_CHUNKED + b"\r\n2\r\n{}\r\n0\r\n", b"X-Slow: x\r\n"),
}
"""Part of an answer -> what comes before it, and what comes of it again and again: a header, lines
before the status, what follows a chunk's size, blocks of a gzip stream that hold nothing, headers
after the body."""
_BETWEEN = 0.02


def endless(part: str) -> Delivery:
    """Return a delivery that never comes to the end of one part, a piece of it every 20 ms."""

    def deliver(_: Response, wire: Wire) -> None:
        before, again = ENDLESS[part]
        wire.send(before)
        while not wire.is_gone(within=_BETWEEN):
            wire.send(again)
        wire.hang_up()

    return deliver


def die(response: Response, wire: Wire) -> None:
    """Send a head for the whole body, then half of the body, then close the connection."""
    wire.send_head(response)
    wire.send(response.body[: len(response.body) // 2])
    wire.hang_up()


def reset(_: Response, wire: Wire) -> None:
    """Send a TCP RST instead of an answer."""
    wire.reset()


def close(_: Response, wire: Wire) -> None:
    """Close the connection instead of an answer."""
    wire.hang_up()

"""Deliveries that fail: an answer that is late, cut off or missing."""

from sandbox.messages import Delivery, Response, Wire


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

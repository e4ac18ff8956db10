"""Ways in which an answer does not arrive as it should."""

from sandbox.messages import Delivery, Response, Wire


def hang(_: Response, wire: Wire) -> None:
    """Nothing, until the client has had enough or the server stops."""
    wire.is_gone()
    wire.hang_up()


def drip(seconds: float) -> Delivery:
    """The proper head, then the body, a byte every `seconds`."""

    def deliver(response: Response, wire: Wire) -> None:
        wire.send_head(response)
        for position in range(len(response.body)):
            if position and wire.is_gone(within=seconds):
                wire.hang_up()
                return
            wire.send(response.body[position : position + 1])

    return deliver


def die(response: Response, wire: Wire) -> None:
    """The head promises the whole body, half of it comes, then the connection ends."""
    wire.send_head(response)
    wire.send(response.body[: len(response.body) // 2])
    wire.hang_up()


def reset(_: Response, wire: Wire) -> None:
    """A TCP RST instead of an answer."""
    wire.reset()


def close(_: Response, wire: Wire) -> None:
    """An end instead of an answer."""
    wire.hang_up()

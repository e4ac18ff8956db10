"""Messages to people through apprise: Telegram, Slack, Discord, mail and a hundred others. Only
this module imports it."""

import logging
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from utils.addresses import scheme_of
from utils.notifications.bounded import within

if TYPE_CHECKING:
    from apprise import Apprise

SENDING_SECONDS = 6.0
SILENT = f"no answer within {SENDING_SECONDS:g} seconds"
UNKNOWN = "apprise does not know such an address"


def send(addresses: Sequence[str], title: str, body: str) -> dict[str, str]:
    """Send to all services at once, in `SENDING_SECONDS` at most. Return number and kind of each ->
    empty, or the failure.

    The reasons are apprise's own words. They are for the log, which blanks secrets in them.
    """
    names = {
        f"{position}. {scheme_of(address)}": address
        for position, address in enumerate(addresses, start=1)
    }
    answers = within(
        SENDING_SECONDS,
        {name: partial(_send_one, address, title, body) for name, address in names.items()},
    )
    return {name: answers.get(name, SILENT) for name in names}


def unknown_services(addresses: Sequence[str]) -> list[str]:
    """Return number and kind of the addresses that apprise cannot use."""
    return [
        f"{position}. {scheme_of(each)}"
        for position, each in enumerate(addresses, start=1)
        if _service(each) is None
    ]


def _send_one(address: str, title: str, body: str) -> str:
    service = _service(address)
    if service is None:
        return UNKNOWN
    # As plain text, or a service may take an underscore for markup. Errors of its plugins end up in
    # the answer's log.
    with service.notify(body=body, title=title, body_format="text") as answer:
        return (
            ""
            if answer
            else "; ".join(dict.fromkeys(entry.message for entry in answer.logs()))
            or "not delivered"
        )


def _service(address: str) -> "Apprise | None":
    """Return apprise's service for an address; None when it knows none.

    apprise is imported here because it takes a fifth of a second. It sends in this thread and
    without a limit of its own: it would wait for its own threads when the process ends.
    """
    import apprise

    logging.getLogger(
        "apprise"
    ).propagate = False  # its lines hold hosts and tokens; what failed is in the answer
    asset = apprise.AppriseAsset(
        app_id="krx-night-shift",
        async_mode=False,
        service_timeout=0,
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    service = apprise.Apprise(asset=asset)
    return service if service.add(address) else None

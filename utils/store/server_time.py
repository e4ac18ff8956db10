"""Clock of the server, by which machines that share it go: what one writes another compares with
its own time."""

import logging
from datetime import timedelta

from utils.clock import Clock
from utils.errors import StoreUnusable
from utils.store.backend import Backend

WORTH_SAYING = timedelta(seconds=30)
"""A host that sets its clock by NTP is within a second."""
TOO_FAR = timedelta(minutes=15)
"""Further apart one of the two is plainly wrong, and nobody can tell from here which. By the wrong
one a session might be taken for due, or for final, that is not."""
log = logging.getLogger(__name__)


def go_by_the_servers_time(backend: Backend, clock: Clock) -> None:
    """Set the clock by the server's, so that locks, claims, blocks and slots mean the same moments
    on every machine.

    Without a server that tells its time it stays as it is. Raises `StoreUnusable` when they are
    `TOO_FAR` apart.
    """
    ahead = backend.ahead_of_server(clock)
    if ahead is None:
        return
    if abs(ahead) > TOO_FAR:
        now = clock.now_kst()
        raise StoreUnusable(
            f"By the clock of this host it is {now:%Y-%m-%d %H:%M:%S} KST, by that of the "
            f"{backend.description} {now - ahead:%Y-%m-%d %H:%M:%S} KST: one of them is wrong. Set "
            "both by NTP (timedatectl shows whether this one is); the next run goes on."
        )
    if abs(ahead) > WORTH_SAYING:
        log.warning(
            "The clock of this host is %d seconds %s that of the %s. This run goes by the "
            "server's; set both by NTP, because cron starts runs by this host's.",
            round(abs(ahead).total_seconds()),
            "ahead of" if ahead > timedelta(0) else "behind",
            backend.description,
        )
    clock.put_back(ahead)

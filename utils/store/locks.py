"""Locks: one owner at a time, a heartbeat, an expiry. A live owner's lock is never taken, a dead
one's is."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from utils.clock import KST
from utils.errors import LockHeld
from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.lease import Lease
from utils.store.schema import LOCKS

COLLECTION = "collection"
"""Lock of whoever writes sessions and targets: `daily_update` or `manual_setup`."""
LOCK_LEASE = Lease(timedelta(minutes=10))
"""Longer than the longest time between two heartbeats: a request with its whole answer (130
seconds) or a batch of targets, and a connection to MongoDB that breaks again and again (some 310).
Clocks add nothing to it: where several machines share a server they go by its clock
(`utils.store.server_time`)."""


class Locks(StorePart):
    """Locks of all runs, `system_info.locks`: `_id`, `owner`, `host`, `pid`, `acquired_utc`,
    `heartbeat_utc`, `expires_utc`."""

    _held = 0
    """Locks that this process owns by its own account."""

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Own that lock inside the block. Raise `LockHeld` naming the owner when somebody else
        does."""
        hold = self.backend.hold(name)
        if hold is None:
            raise self._lock_held(name)
        try:
            self._acquire(name, owner_is_dead=hold.exclusive)
            self._held += 1
            try:
                yield
            finally:
                self._held -= 1
                self.backend.delete(LOCKS, {"_id": name, "owner": self.identity.owner})
        finally:
            hold.release()

    def renew(self) -> None:
        """Tell the others that this process lives. Call it at least every ten minutes. Raise
        `LockHeld` when it was too late."""
        if not self._held:
            return
        now = self.clock.now_utc()
        changes = {"heartbeat_utc": now, "expires_utc": LOCK_LEASE.end(now)}
        if self.backend.update(LOCKS, {"owner": self.identity.owner}, changes) < self._held:
            raise LockHeld(
                "This run was silent for so long that another took its lock. "
                "It leaves; the other goes on."
            )

    def is_held_by_another(self, name: str) -> bool:
        """Return whether another live run owns the lock, as far as can be told: a process of this
        host is there or not, one of another host lives until its lock expires."""
        lock = self.backend.get(LOCKS, name)
        if lock is None or lock["owner"] == self.identity.owner:
            return False
        if LOCK_LEASE.is_free(lock["expires_utc"], self.clock.now_utc()):
            return False
        return lock["host"] != self.identity.host or _is_there(lock["pid"])

    def all(self) -> list[Document]:
        """Return every lock that is recorded as held, also those of owners that are gone."""
        return self.backend.find(LOCKS)

    def clear(self, since: timedelta) -> int:
        """Forget the locks that are free for `since` already. Return how many there were."""
        free = LOCK_LEASE.filter_of_free("expires_utc", self.clock.now_utc(), since)
        return self.backend.delete(LOCKS, free)

    def _acquire(self, name: str, owner_is_dead: bool) -> None:
        now = self.clock.now_utc()
        mine = {
            "owner": self.identity.owner,
            "host": self.identity.host,
            "pid": self.identity.pid,
            "acquired_utc": now,
            "heartbeat_utc": now,
            "expires_utc": LOCK_LEASE.end(now),
        }
        if self.backend.insert(LOCKS, {"_id": name} | mine):
            return
        takeable = {} if owner_is_dead else LOCK_LEASE.filter_of_free("expires_utc", now)
        if not self.backend.update(LOCKS, {"_id": name} | takeable, mine):
            raise self._lock_held(name)

    def _lock_held(self, name: str) -> LockHeld:
        owner, known = self.backend.get(LOCKS, name), ""
        if owner is not None:
            since = f"{owner['acquired_utc'].astimezone(KST):%Y-%m-%d %H:%M:%S} KST"
            known = f": {owner['host']}, process {owner['pid']}, since {since}"
        return LockHeld(
            f"Another run holds the lock {name}{known}. "
            "This one leaves; the next may start when it is done."
        )


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True

"""`system_info.sources`: how often each source is asked, and whether it is closed to us."""

from datetime import datetime, timedelta

from utils.clock import KST
from utils.errors import Banned
from utils.store.backend import Document
from utils.store.base import StoreBase
from utils.store.schema import SOURCES


class Sources(StoreBase):
    """Shared by every process and every machine: one pace of requests, one closed door."""

    def next_request(self, source: str, interval: timedelta) -> timedelta:
        """Book the next request to the source; how long to wait until it may be sent.

        Two requests of any two processes are at least `interval` apart. Raises `Banned` while the source is closed.
        """
        while True:
            now, state = self.clock.now_utc(), self._source(source)
            refuse_blocked(state, now)
            booked = state["next_request_utc"]
            # A clock that was put back must not make everybody wait for the time it showed before.
            start = now if booked is None else max(now, min(booked, now + 100 * interval))
            # Only the process whose condition still holds gets this slot; the others look again.
            if self.backend.update(
                SOURCES,
                {"_id": source, "next_request_utc": booked, "total": state["total"]},
                {
                    "next_request_utc": start + interval,
                    "total": state["total"] + 1,
                    **self._count_today(state, now),
                },
            ):
                return start - now

    def block_source(self, source: str, until: datetime, reason: str) -> None:
        """Close the source for every process until that moment."""
        self._source(source)
        self.backend.update(SOURCES, {"_id": source}, {"blocked_until_utc": until, "reason": reason})

    def sources(self) -> list[Document]:
        return self.backend.find(SOURCES)

    def _source(self, source: str) -> Document:
        fresh: Document = {
            "_id": source,
            "blocked_until_utc": None,
            "reason": None,
            "next_request_utc": None,
            "date_kst": None,
            "today": 0,
            "total": 0,
        }
        if (found := self.backend.get(SOURCES, source)) is not None:
            return found
        self.backend.insert(SOURCES, fresh)
        return fresh

    def _count_today(self, state: Document, now: datetime) -> Document:
        today = now.astimezone(KST).date().isoformat()
        return {"date_kst": today, "today": state["today"] + 1 if state["date_kst"] == today else 1}


def refuse_blocked(source: Document, now: datetime) -> None:
    """Raises `Banned`, saying when it opens again, while the source is closed to us."""
    until = source["blocked_until_utc"]
    if until is not None and now < until:
        raise Banned(
            f"{source['_id']} is closed to us until {until.astimezone(KST):%Y-%m-%d %H:%M} KST ({source['reason']}). "
            "Nothing is asked before that; the next run after it goes on by itself."
        )

"""Summary of the stored work, as an audit takes it at its start."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from utils.cron.schedule import starts
from utils.date_utils import TradingCalendar, at_kst, is_final
from utils.errors import NotPublished
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import COMPLETED, DAILY_UPDATE
from utils.store.locks import COLLECTION
from utils.store.sessions import SessionHead

RUN_TAKES = timedelta(hours=2)
"""The most that a daily update takes with all its retries; also by how much somebody may have moved
it."""


@dataclass(frozen=True)
class StoreSnapshot:
    """Heads of the sessions and records of `daily_update` as an audit has read them at its start,
    and the store, out of which each rule reads what else it needs."""

    store: Store
    calendar: TradingCalendar
    now: datetime
    """KST."""
    first: str
    last: str
    heads: list[SessionHead]
    """All stored sessions, oldest first."""
    records: dict[str, Document]
    """Session -> record of `daily_update`."""
    at_work: bool
    """Another run is collecting at this moment."""

    def stored(self) -> list[SessionHead]:
        """Return those from `first` to `last`."""
        return [head for head in self.heads if self.first <= head.session <= self.last]

    def covers_newest(self) -> bool:
        return bool(self.heads) and self.first <= self.heads[-1].session <= self.last

    def missing(self) -> list[str]:
        """Return the sessions from `first` to `last` that are due and not stored."""
        stored = {head.session for head in self.heads}
        sessions = self.calendar.sessions(self.first, self.last)
        return [
            each for each in sessions if each not in stored and self.calendar.is_due(each, self.now)
        ]

    def is_awaited(self, session: str) -> bool:
        """Return whether nothing is wrong yet with a session that is not stored."""
        record = self.records.get(session)
        if self.at_work:
            return True
        if record is None:
            return self.now < self.due_by(session)
        # Without prices that may be a holiday nobody predicted; a later session will tell.
        showed_nothing = (record["error"] or {}).get("kind") == NotPublished.kind
        return showed_nothing and not self.calendar.is_known(session)

    def due_by(self, session: str) -> datetime:
        """Return when the first run that can collect the session has had its time."""
        return first_run_for(session, self.calendar.is_due) + RUN_TAKES

    def final_by(self, session: str) -> datetime:
        """Return when the first run that can confirm the session has had its time."""
        return first_run_for(session, is_final) + RUN_TAKES

    def is_completed(self, session: str) -> bool:
        return session in self.records and self.records[session]["status"] == COMPLETED


def take_snapshot(store: Store, calendar: TradingCalendar, first: str, last: str) -> StoreSnapshot:
    """Return the snapshot of this moment."""
    now, records = store.clock.now_kst(), store.jobs.records(DAILY_UPDATE)
    return StoreSnapshot(
        store=store,
        calendar=calendar,
        now=now,
        first=first,
        last=last,
        heads=store.sessions.heads(),
        records={record["date_kst"]: record for record in records},
        at_work=store.locks.is_held_by_another(COLLECTION),
    )


def first_run_for(session: str, is_ready: Callable[[str, datetime], bool]) -> datetime:
    """Return the first start of `daily_update` at which the session is ready."""
    moments = starts(DAILY_UPDATE, at_kst(session, time()))
    return next(moment for moment in moments if is_ready(session, moment))

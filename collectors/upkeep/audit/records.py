"""Rules over what the store says of the work: holes, job records, targets and locks.

Nothing that a normal night leaves behind is a finding. A session is awaited until two hours after
the run that is to collect it; a target is behind when a whole night could have analysed it and did
not.
"""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from collectors.collection.target_refresh import plan_targets, read_newest
from collectors.rules.target_rule import TargetRule
from collectors.upkeep.audit.findings import (
    HOLE,
    LOCK,
    NOT_RECORDED,
    PROVISIONAL,
    STALE_JOB,
    TARGET_BEHIND,
    TARGET_DATA,
    Finding,
)
from utils.clock import KST
from utils.cron.schedule import starts
from utils.date_utils import FINAL_FROM, TradingCalendar, at_kst, is_final
from utils.errors import Damaged, NotPublished
from utils.market_day import FINAL, MarketDay
from utils.store import Store
from utils.store.backend import Document
from utils.store.base import Identity
from utils.store.jobs import COMPLETED, DAILY_UPDATE, FAILED, HOURLY_ANALYSIS, MANUAL_SETUP, RUNNING
from utils.store.locks import COLLECTION, LOCK_LEASE
from utils.store.sessions import SessionHead

EVENING_RUN_TAKES = timedelta(hours=2)
"""The most that an evening's run takes with all its retries; also by how much somebody may have
moved it."""
SILENT = timedelta(hours=1)
"""A run without a sign of life for so long is gone; so is one whose last sign of life lies
ahead."""


@dataclass(frozen=True)
class StoreSnapshot:
    """Summary of the work that is stored, at one moment."""

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
        showed_nothing = _error(record).get("kind") == NotPublished.kind
        return showed_nothing and not self.calendar.is_known(session)

    def due_by(self, session: str) -> datetime:
        """Return when the first run that can collect the session has had its time."""
        return _evening_of(session, self.calendar.is_due) + EVENING_RUN_TAKES

    def final_by(self, session: str) -> datetime:
        """Return when the first run that can confirm the session has had its time."""
        return _evening_of(session, is_final) + EVENING_RUN_TAKES

    def is_completed(self, session: str) -> bool:
        return session in self.records and self.records[session]["status"] == COMPLETED


def take_snapshot(store: Store, calendar: TradingCalendar, first: str, last: str) -> StoreSnapshot:
    """Return the summary of this moment."""
    now, records = store.clock.now_kst(), store.jobs.records(DAILY_UPDATE)
    return StoreSnapshot(
        store=store,
        calendar=calendar,
        now=now,
        first=first,
        last=last,
        heads=store.sessions.heads(),
        records={record["date_kst"]: record for record in records},
        at_work=any(
            lock["_id"] == COLLECTION and _is_of_another_run(lock, store.identity, now)
            for lock in store.locks.all()
        ),
    )


def _is_of_another_run(lock: Document, ours: Identity, now: datetime) -> bool:
    """Return whether another live run owns the lock, as far as can be told: a process of this host
    is there or not, one of another host lives until its lock expires."""
    if lock["owner"] == ours.owner or LOCK_LEASE.is_free(lock["expires_utc"], now):
        return False
    return lock["host"] != ours.host or _is_there(lock["pid"])


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def audit_records(snapshot: StoreSnapshot) -> Iterator[Finding]:
    """Yield holes and everything about jobs."""
    yield from _holes(snapshot)
    yield from _unrecorded(snapshot)
    yield from _unconfirmed(snapshot)
    yield from map(_stale, stale_jobs(snapshot))


def audit_targets(
    snapshot: StoreSnapshot, target_rule: TargetRule, wrong: Collection[str | None]
) -> Iterator[Finding]:
    """Yield what is wrong with the targets; nothing when the newest session is outside the span.

    Args:
        target_rule: who is to be a target now.
        wrong: sessions whose corporate actions cannot be relied on.
    """
    if not snapshot.covers_newest():
        return
    targets = snapshot.store.targets.all()
    yield from _targets_behind(snapshot, [target for target in targets if target["is_active"]])
    yield from _target_data(snapshot, targets, target_rule, wrong)


def audit_locks(snapshot: StoreSnapshot) -> Iterator[Finding]:
    for lock in snapshot.store.locks.all():
        until = lock["expires_utc"]
        if LOCK_LEASE.is_free(until, snapshot.now, since=SILENT):
            owner = f"{lock['host']}, process {lock['pid']}"
            ends = "expired at" if until <= snapshot.now else "by a wrong clock until"
            message = f"the lock {lock['_id']} of {owner}, {ends} {_kst(until)}; its owner is gone"
            yield Finding(LOCK, message)


def _holes(snapshot: StoreSnapshot) -> Iterator[Finding]:
    for session in snapshot.missing():
        if not snapshot.is_awaited(session):
            record = snapshot.records.get(session)
            reason = "" if record is None else f"; {_how_it_ended(record)}"
            yield Finding(HOLE, f"not stored{reason}", session)


def _unrecorded(snapshot: StoreSnapshot) -> Iterator[Finding]:
    """Yield stored sessions without a completed record. It is the last write of a job, so what a
    killed run stored may be half of its work."""
    for head in [] if snapshot.at_work else snapshot.stored():
        if not snapshot.is_completed(head.session):
            record = snapshot.records.get(head.session)
            unknown = "no daily_update of it is recorded"
            reason = unknown if record is None else _how_it_ended(record)
            yield Finding(NOT_RECORDED, f"stored, but {reason}", head.session)


def _unconfirmed(snapshot: StoreSnapshot) -> Iterator[Finding]:
    """Yield sessions that are provisional, by themselves or by their record, although a run had the
    chance to confirm them."""
    for head in [] if snapshot.at_work else snapshot.stored():
        session, finalities = head.session, {head.finality}
        if snapshot.is_completed(session):
            finalities.add(snapshot.records[session]["finality"])
        if finalities != {FINAL} and snapshot.now >= snapshot.final_by(session):
            message = f"not confirmed, and final since {_final_since(session)}"
            yield Finding(PROVISIONAL, message, session)


def stale_jobs(snapshot: StoreSnapshot) -> Iterator[Document]:
    """Yield the records of runs that are recorded as running, and are gone or were given up."""
    for name, is_stale in _STALE.items():
        for job in snapshot.store.jobs.records(name):
            in_span = snapshot.first <= job["date_kst"] <= snapshot.last
            if in_span and job["status"] == RUNNING and is_stale(snapshot, job):
                yield job


def _stale(job: Document) -> Finding:
    last_sign = f"its last sign of life is of {_kst(job['heartbeat_utc'])}"
    message = f"{job['job_name']} is said to be running; {last_sign}"
    return Finding(STALE_JOB, message, job["date_kst"])


def _is_silent(snapshot: StoreSnapshot, job: Document) -> bool:
    return not snapshot.at_work and bool(abs(snapshot.now - job["heartbeat_utc"]) > SILENT)


def _is_overtaken(snapshot: StoreSnapshot, job: Document) -> bool:
    """Return whether a later session is there whose own analysis should have begun, which gives up
    this one. One that had been completed before a revision re-opened it is nobody's failure."""
    newest = snapshot.heads[-1].session if snapshot.heads else ""
    overtaken = bool(job["date_kst"] < newest) and snapshot.now >= snapshot.due_by(newest)
    return overtaken and job["end_time_utc"] is None


_STALE: dict[str, Callable[[StoreSnapshot, Document], bool]] = {
    MANUAL_SETUP: _is_silent,
    DAILY_UPDATE: _is_silent,
    HOURLY_ANALYSIS: _is_overtaken,
}


def _targets_behind(snapshot: StoreSnapshot, active: list[Document]) -> Iterator[Finding]:
    session = _last_night(snapshot)
    if session is None or snapshot.store.jobs.is_completed(HOURLY_ANALYSIS, session):
        return
    for target in active:
        reached = target["last_analyzed_date"] or ""
        is_behind = target["added_date"] <= session and reached < session
        if is_behind and _result_session(snapshot, target) < session:
            since = f"not analysed since {reached}" if reached else "never analysed"
            reason = f": {target['last_error']}" if target["last_error"] else ""
            message = f"{since}, the night of {session} is over{reason}"
            yield Finding(TARGET_BEHIND, message, ticker=target["_id"])


def _last_night(snapshot: StoreSnapshot) -> str | None:
    """Return the newest session whose whole night is over and could be used: it was collected in
    its first evening."""
    tonight = snapshot.calendar.session_of_night(snapshot.now)
    for head in reversed(snapshot.heads):
        if head.session < tonight and snapshot.is_completed(head.session):
            evening = _evening_of(head.session, snapshot.calendar.is_due)
            morning = at_kst((evening.date() + timedelta(days=1)).isoformat(), FINAL_FROM)
            ended = snapshot.records[head.session]["end_time_utc"]
            if ended is not None and ended < morning:
                return head.session
    return None


def _result_session(snapshot: StoreSnapshot, target: Document) -> str:
    """Return the session of the target's result. A revision of older data puts `last_analyzed_date`
    back; the result tells what had been reached."""
    result = snapshot.store.results.get(target["_id"])
    return "" if result is None else str(result["session"])


def _target_data(
    snapshot: StoreSnapshot,
    targets: list[Document],
    target_rule: TargetRule,
    wrong: Collection[str | None],
) -> Iterator[Finding]:
    """Compare the targets with what the newest session makes of them, when it is the one by which
    its run has refreshed them."""
    completed = max(filter(snapshot.is_completed, snapshot.records), default="")
    day = _newest(snapshot)
    if day is None or snapshot.at_work or day.session != completed:
        return
    newest = read_newest(snapshot.store, day.frame, day.session)
    reliable = [action for action in newest.actions if action["session"] not in wrong]
    plan = plan_targets(targets, replace(newest, actions=reliable), target_rule)
    known, listed = {target["_id"]: target for target in targets}, set(newest.frame["ticker"])
    for target in plan.new:
        message = f"no target, but {newest.session} makes it one"
        yield Finding(TARGET_DATA, message, ticker=target["_id"])
    for ticker, changes in plan.changes.items():
        message = _in_words(changes, known[ticker], newest.session, ticker in listed)
        yield Finding(TARGET_DATA, message, ticker=ticker)


def _in_words(changes: Document, target: Document, session: str, is_listed: bool) -> str:
    if changes.get("is_active") is True:
        return f"an inactive target, but {session} makes it active"
    if changes.get("is_active") is False:
        why = "does not make it one" if is_listed else "does not list it"
        return f"an active target, but {session} {why}"
    cells = [f"{name} {target.get(name)}, not {value}" for name, value in changes.items()]
    return f"{session} says otherwise: {'; '.join(cells)}"


def _newest(snapshot: StoreSnapshot) -> MarketDay | None:
    """Return None when it is damaged, which is a finding of its own."""
    try:
        return snapshot.store.sessions.load(snapshot.heads[-1].session)
    except Damaged:
        return None


def _evening_of(session: str, is_ready: Callable[[str, datetime], bool]) -> datetime:
    """Return the first start of `daily_update` at which the session is ready."""
    evenings = starts(DAILY_UPDATE, at_kst(session, time()))
    return next(evening for evening in evenings if is_ready(session, evening))


def _final_since(session: str) -> str:
    return _kst(at_kst((date.fromisoformat(session) + timedelta(days=1)).isoformat(), FINAL_FROM))


def _how_it_ended(record: Document) -> str:
    if record["status"] == FAILED:
        return f"its last daily_update failed: {_error(record).get('message')}"
    return f"its daily_update is recorded as {record['status']}"


def _error(record: Document) -> Document:
    return record["error"] or {}


def _kst(moment: datetime) -> str:
    return f"{moment.astimezone(KST):%Y-%m-%d %H:%M} KST"

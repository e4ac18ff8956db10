"""The rules over what the store says of the work: holes, job records, targets and locks.

Nothing that a normal night leaves behind is a finding. What an evening run is to bring is awaited
until two hours after that run; a target is behind when a whole night could have analysed it and did
not.
"""

import os
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from collectors.collection.target_refresh import look_at_newest, plan_targets
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
from utils.date_utils import FINAL_FROM, TradingCalendar, at_kst, is_final, weekdays
from utils.errors import Damaged, NotPublished
from utils.market_day import FINAL, MarketDay
from utils.schedule import UPDATE_HOUR
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import COMPLETED, DAILY_UPDATE, FAILED, HOURLY_ANALYSIS, MANUAL_SETUP, RUNNING
from utils.store.locks import COLLECTION, LOCK_LEASE
from utils.store.sessions import SessionHead

EVENING_RUN = time(UPDATE_HOUR)
EVENING_RUN_TAKES = timedelta(hours=2)
"""At most, with all its retries; also what somebody may have moved it."""
SILENT = timedelta(hours=1)
"""A run without a sign of life for so long is gone; so is one whose last sign of life lies
ahead."""
_LONGEST_WAIT = timedelta(days=7)
"""From a session to an evening on which it is due and final."""


@dataclass(frozen=True)
class Situation:
    """What is stored of the work, and when it is looked at."""

    store: Store
    calendar: TradingCalendar
    now: datetime
    """KST."""
    first: str
    last: str
    heads: list[SessionHead]
    """Of all stored sessions, oldest first."""
    records: dict[str, Document]
    """Of `daily_update`, by session."""
    at_work: bool
    """Another run is collecting at this moment."""

    def stored(self) -> list[SessionHead]:
        """Those from `first` to `last`."""
        return [head for head in self.heads if self.first <= head.session <= self.last]

    def covers_newest(self) -> bool:
        return bool(self.heads) and self.first <= self.heads[-1].session <= self.last

    def missing(self) -> list[str]:
        """Sessions from `first` to `last` that are due and not stored."""
        stored = {head.session for head in self.heads}
        sessions = self.calendar.sessions(self.first, self.last)
        return [
            each for each in sessions if each not in stored and self.calendar.is_due(each, self.now)
        ]

    def is_awaited(self, session: str) -> bool:
        """Whether nothing is wrong yet with a session that is not stored."""
        record = self.records.get(session)
        if self.at_work:
            return True
        if record is None:
            return self.now < self.due_by(session)
        # The exchange showed no prices. That may be a holiday nobody predicted; a later session
        # will tell.
        return _error(record).get("kind") == NotPublished.kind and not self.calendar.is_known(
            session
        )

    def due_by(self, session: str) -> datetime:
        """When the evening run that is the first to bring the session has had its time."""
        return _evening_of(session, self.calendar.is_due) + EVENING_RUN_TAKES

    def final_by(self, session: str) -> datetime:
        """When the evening run that is the first to confirm the session has had its time."""
        return _evening_of(session, is_final) + EVENING_RUN_TAKES

    def is_completed(self, session: str) -> bool:
        return session in self.records and self.records[session]["status"] == COMPLETED


def look_at(store: Store, calendar: TradingCalendar, first: str, last: str) -> Situation:
    """The situation at this moment."""
    now, records = store.clock.now_kst(), store.jobs(DAILY_UPDATE)
    others = [
        lock
        for lock in store.locks()
        if lock["_id"] == COLLECTION and lock["owner"] != store.identity.owner
    ]
    return Situation(
        store=store,
        calendar=calendar,
        now=now,
        first=first,
        last=last,
        heads=store.session_heads(),
        records={record["date_kst"]: record for record in records},
        at_work=any(_is_alive(lock, now, store.identity.host) for lock in others),
    )


def _is_alive(lock: Document, now: datetime, host: str) -> bool:
    """As far as can be told: a process of this host is there or not, one of another host is until
    its lock expires."""
    if LOCK_LEASE.is_free(lock["expires_utc"], now):
        return False
    return lock["host"] != host or _is_there(lock["pid"])


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True


def audit_records(situation: Situation) -> Iterator[Finding]:
    """Holes and everything about jobs."""
    yield from _holes(situation)
    yield from _unrecorded(situation)
    yield from _unconfirmed(situation)
    yield from map(_stale, stale_jobs(situation))


def audit_targets(
    situation: Situation, rule: TargetRule, wrong: Collection[str | None]
) -> Iterator[Finding]:
    """Who is analysed, and for what session. Nothing when the newest session is outside the span.

    Args:
        rule: who is to be a target now.
        wrong: sessions whose corporate actions cannot be relied on.
    """
    if not situation.covers_newest():
        return
    targets = situation.store.targets()
    yield from _targets_behind(situation, [target for target in targets if target["is_active"]])
    yield from _target_data(situation, targets, rule, wrong)


def audit_locks(situation: Situation) -> Iterator[Finding]:
    for lock in situation.store.locks():
        if lock["expires_utc"] < situation.now - SILENT:
            owner = f"{lock['host']}, process {lock['pid']}"
            message = f"the lock {lock['_id']} of {owner}, expired at {_kst(lock['expires_utc'])}; its owner is gone"
            yield Finding(LOCK, message)


def _holes(situation: Situation) -> Iterator[Finding]:
    for session in situation.missing():
        if not situation.is_awaited(session):
            record = situation.records.get(session)
            yield Finding(
                HOLE,
                "not stored" + ("" if record is None else f"; {_how_it_ended(record)}"),
                session,
            )


def _unrecorded(situation: Situation) -> Iterator[Finding]:
    """A job's record is its last write, so what a killed run stored may be half of its work."""
    for head in situation.stored():
        if not situation.is_completed(head.session) and not situation.at_work:
            record = situation.records.get(head.session)
            reason = (
                "no daily_update of it is recorded" if record is None else _how_it_ended(record)
            )
            yield Finding(NOT_RECORDED, f"stored, but {reason}", head.session)


def _unconfirmed(situation: Situation) -> Iterator[Finding]:
    """Provisional although an evening run had the chance to confirm it, by the session itself or by
    its record."""
    for head in situation.stored():
        recorded = (
            situation.records[head.session]["finality"]
            if situation.is_completed(head.session)
            else FINAL
        )
        overdue = situation.now >= situation.final_by(head.session) and not situation.at_work
        if overdue and (head.finality != FINAL or recorded != FINAL):
            yield Finding(
                PROVISIONAL,
                f"not confirmed, and final since {_final_since(head.session)}",
                head.session,
            )


def stale_jobs(situation: Situation) -> Iterator[Document]:
    """The records of runs that are said to be running, and are gone or were given up."""
    for name, is_stale in _STALE.items():
        for job in situation.store.jobs(name):
            in_span = situation.first <= job["date_kst"] <= situation.last
            if in_span and job["status"] == RUNNING and is_stale(situation, job):
                yield job


def _stale(job: Document) -> Finding:
    message = f"{job['job_name']} is said to be running; its last sign of life is of {_kst(job['heartbeat_utc'])}"
    return Finding(STALE_JOB, message, job["date_kst"])


def _is_silent(situation: Situation, job: Document) -> bool:
    return not situation.at_work and bool(abs(situation.now - job["heartbeat_utc"]) > SILENT)


def _is_overtaken(situation: Situation, job: Document) -> bool:
    """The next session is there and its own analysis should have begun, which gives up this one.
    One that had been completed before a revision re-opened it is nobody's failure."""
    newest = situation.heads[-1].session if situation.heads else ""
    overtaken = bool(job["date_kst"] < newest) and situation.now >= situation.due_by(newest)
    return overtaken and job["end_time_utc"] is None


_STALE: dict[str, Callable[[Situation, Document], bool]] = {
    MANUAL_SETUP: _is_silent,
    DAILY_UPDATE: _is_silent,
    HOURLY_ANALYSIS: _is_overtaken,
}


def _targets_behind(situation: Situation, active: list[Document]) -> Iterator[Finding]:
    session = _last_night(situation)
    if session is None or situation.store.is_completed(HOURLY_ANALYSIS, session):
        return
    for target in active:
        reached = target["last_analyzed_date"] or ""
        if (
            target["added_date"] <= session
            and reached < session
            and _result_session(situation, target) < session
        ):
            since = f"not analysed since {reached}" if reached else "never analysed"
            reason = f": {target['last_error']}" if target["last_error"] else ""
            yield Finding(
                TARGET_BEHIND,
                f"{since}, the night of {session} is over{reason}",
                ticker=target["_id"],
            )


def _last_night(situation: Situation) -> str | None:
    """The newest session whose whole night is over and could be used: it was collected in its first
    evening."""
    tonight = situation.calendar.session_of_night(situation.now)
    for head in reversed(situation.heads):
        if head.session < tonight and situation.is_completed(head.session):
            evening = _evening_of(head.session, situation.calendar.is_due)
            morning = at_kst((evening.date() + timedelta(days=1)).isoformat(), FINAL_FROM)
            ended = situation.records[head.session]["end_time_utc"]
            if ended is not None and ended < morning:
                return head.session
    return None


def _result_session(situation: Situation, target: Document) -> str:
    """A revision of older data puts `last_analyzed_date` back; the result says what had been
    reached."""
    result = situation.store.analysis(target["_id"])
    return "" if result is None else str(result["session"])


def _target_data(
    situation: Situation, targets: list[Document], rule: TargetRule, wrong: Collection[str | None]
) -> Iterator[Finding]:
    """Against the newest session, when it is the one by which its run has refreshed the targets."""
    completed = max(filter(situation.is_completed, situation.records), default="")
    day = _newest(situation)
    if day is None or situation.at_work or day.session != completed:
        return
    newest = look_at_newest(situation.store, day.frame, day.session)
    reliable = [action for action in newest.actions if action["session"] not in wrong]
    plan = plan_targets(targets, replace(newest, actions=reliable), rule)
    known, listed = {target["_id"]: target for target in targets}, set(newest.frame["ticker"])
    for target in plan.new:
        yield Finding(
            TARGET_DATA, f"no target, but {newest.session} makes it one", ticker=target["_id"]
        )
    for ticker, changes in plan.changes.items():
        if changes.get("is_active") is True:
            message = f"an inactive target, but {newest.session} makes it active"
        elif changes.get("is_active") is False:
            why = "does not make it one" if ticker in listed else "does not list it"
            message = f"an active target, but {newest.session} {why}"
        else:
            cells = [
                f"{name} {known[ticker].get(name)}, not {value}" for name, value in changes.items()
            ]
            message = f"{newest.session} says otherwise: {'; '.join(cells)}"
        yield Finding(TARGET_DATA, message, ticker=ticker)


def _newest(situation: Situation) -> MarketDay | None:
    """None when it is damaged, which is a finding of its own."""
    try:
        return situation.store.load_session(situation.heads[-1].session)
    except Damaged:
        return None


def _evening_of(session: str, is_ready: Callable[[str, datetime], bool]) -> datetime:
    """The first evening run at which the session is ready."""
    latest = (date.fromisoformat(session) + _LONGEST_WAIT).isoformat()
    evenings = (at_kst(day, EVENING_RUN) for day in weekdays(session, latest))
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

"""Rules over holes, job records and locks.

Nothing that a normal night leaves behind is a finding. A session is awaited until two hours after
the run that is to collect it.
"""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from collectors.upkeep.audit.findings import (
    HOLE,
    LOCK,
    NOT_RECORDED,
    PROVISIONAL,
    STALE_JOB,
    Finding,
)
from collectors.upkeep.audit.snapshot import StoreSnapshot
from utils.clock import KST
from utils.date_utils import final_from
from utils.market_day import FINAL
from utils.store.backend import Document
from utils.store.jobs import DAILY_UPDATE, FAILED, HOURLY_ANALYSIS, MANUAL_SETUP, RUNNING
from utils.store.locks import LOCK_LEASE

SILENT = timedelta(hours=1)
"""A run without a sign of life for so long is gone; so is one whose last sign of life lies
ahead."""


def audit_jobs(snapshot: StoreSnapshot) -> Iterator[Finding]:
    """Yield holes and everything about jobs."""
    yield from _holes(snapshot)
    yield from _unrecorded(snapshot)
    yield from _unconfirmed(snapshot)
    yield from map(_stale, stale_jobs(snapshot))


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


def _final_since(session: str) -> str:
    return _kst(final_from(session))


def _how_it_ended(record: Document) -> str:
    if record["status"] == FAILED:
        return f"its last daily_update failed: {(record['error'] or {}).get('message')}"
    return f"its daily_update is recorded as {record['status']}"


def _kst(moment: datetime) -> str:
    return f"{moment.astimezone(KST):%Y-%m-%d %H:%M} KST"

"""Collecting the sessions that are due, each with its record."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeAlias

from collectors.collection.due import DueSession
from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.exchange.sources import ENDS_ASKING
from utils.errors import (
    EXIT_FAILED,
    ClosedMarket,
    LockHeld,
    MalformedAnswer,
    NotNow,
    NotPublished,
    OddDay,
    SourceError,
)
from utils.job_status import JobRun
from utils.store import Store
from utils.store.jobs import COMPLETED, DAILY_UPDATE

MOST_IN_A_ROW = 3
"""Sessions that cannot be had one after the other, until the run leaves the exchange alone."""
_NOT_READ_AGAIN = "Not read again: "
AfterSession: TypeAlias = Callable[[Collected], None]
log = logging.getLogger(__name__)


def collect_all(
    store: Store,
    collector: StockDataCollector,
    due: Iterable[DueSession],
    stop_requested: Callable[[], bool],
    after_session: AfterSession,
) -> list[SourceError]:
    """Collect one due session after the other. Return why single sessions could not be had.

    A session that cannot be had does not keep the later ones waiting, but three in a row end the
    run: then it is not the session. Those that are odd do not count: each waits for itself. One
    that did not fit is tried once more when a later one could be had, which may tell that a stored
    one was wrong; not when an earlier run could not read it again either. One that cannot be read a
    week later is only a warning in its record: it is no problem of the run, and not tried once
    more. A source that refuses or is down ends the run at once.

    Args:
        after_session: called with each session before its record is completed: a run that dies
            in it has the session due again.
    """
    due = list(due)
    not_had_before = {each.session for each in due if _was_not_read_again(store, each)}
    optional = {each.session for each in due if each.week_later}
    problems = _collect_each(store, collector, due, stop_requested, after_session)
    had = [each.session for each in due if each.session not in problems]
    unfit = [each for each in due if _does_not_fit(problems.get(each.session))]
    later = max(had, default="")
    left = not_had_before | optional
    again = [each for each in unfit if each.session < later and each.session not in left]
    for each in again:
        del problems[each.session]
    problems |= _collect_each(store, collector, again, stop_requested, after_session)
    return [problem for session, problem in problems.items() if session not in optional]


def _does_not_fit(problem: SourceError | None) -> bool:
    """Return whether another session may have been the wrong one. One that is odd waits anyway."""
    return isinstance(problem, MalformedAnswer) and not isinstance(problem, OddDay)


def _was_not_read_again(store: Store, due: DueSession) -> bool:
    job = store.jobs.get(DAILY_UPDATE, due.session) if due.read_again else None
    return job is not None and any(each.startswith(_NOT_READ_AGAIN) for each in job["warnings"])


def _collect_each(
    store: Store,
    collector: StockDataCollector,
    due: Sequence[DueSession],
    stop_requested: Callable[[], bool],
    after_session: AfterSession,
) -> dict[str, SourceError]:
    """Return session -> why it could not be had, also for those that were not tried any more."""
    problems: dict[str, SourceError] = {}
    in_a_row = 0
    for number, each in enumerate(due):
        if stop_requested():
            raise NotNow(
                "Stopped on request after the session in hand. The next run goes on from there."
            )
        try:
            _collect(store, collector, each, after_session)
            in_a_row = 0
        except ClosedMarket as closed:
            store.jobs.forget(DAILY_UPDATE, [each.session])
            log.warning("%s", closed)
        except ENDS_ASKING:
            log.info("What is stored is kept; a later run goes on with %s.", each.session)
            raise
        except (MalformedAnswer, NotPublished) as problem:
            problems[each.session] = problem
            in_a_row += not (each.week_later or isinstance(problem, OddDay))
            log.log(logging.WARNING if each.week_later else logging.ERROR, "%s", problem)
        if in_a_row == MOST_IN_A_ROW:
            not_tried = [left.session for left in due[number:]]
            return dict.fromkeys(not_tried, problems[each.session]) | problems
    return problems


@contextmanager
def failure_recorded(store: Store, session: str) -> Iterator[None]:
    """Record what ends a run before it has come to this session as the failure of its job too, so
    that every night has a record. A completed record stays as it is."""
    try:
        yield
    except LockHeld:
        raise  # the record is the other run's
    except (SourceError, NotNow):
        job = store.jobs.get(DAILY_UPDATE, session)
        if job is None or (job["status"] != COMPLETED and job["run"] != store.identity.run):
            with JobRun(store, DAILY_UPDATE, session):
                raise
        raise


def is_odd_and_old(problem: SourceError, newest: str) -> bool:
    return isinstance(problem, OddDay) and problem.session < newest


def raise_worst(problems: list[SourceError]) -> None:
    """Raise a failure rather than what only has to wait; nothing when there was no problem."""
    if problems:
        raise max(reversed(problems), key=lambda problem: problem.exit_code == EXIT_FAILED)


def _collect(
    store: Store, collector: StockDataCollector, due: DueSession, after_session: AfterSession
) -> None:
    if due.read_again:
        _read_again(store, collector, due.session, after_session)
        return
    with JobRun(store, DAILY_UPDATE, due.session) as job:
        for own in _collect_and_record_others(store, collector, due.session, after_session):
            job.record(**_facts(own))


def _read_again(
    store: Store, collector: StockDataCollector, session: str, after_session: AfterSession
) -> None:
    """Read a completed session again. One that fails stays completed, with a warning."""
    try:
        read = [*_collect_and_record_others(store, collector, session, after_session)]
    except SourceError as problem:
        store.jobs.update(DAILY_UPDATE, session, {"warnings": [f"{_NOT_READ_AGAIN}{problem}"]})
        raise
    for own in read:  # last: a run that dies before has the session due again
        _record_completed(store, own)


def _collect_and_record_others(
    store: Store, collector: StockDataCollector, session: str, after_session: AfterSession
) -> Iterator[Collected]:
    """Collect a session and yield it. The others that come with it are recorded here."""
    for collected in collector.collect(session):
        after_session(collected)
        if collected.head.session == session:
            yield collected
        else:
            _record_completed(store, collected)


def _record_completed(store: Store, collected: Collected) -> None:
    """Record a session that has a completed record already, or is not the one in hand."""
    session = collected.head.session
    if collected.changed:
        revision, changed = collected.head.revision, len(collected.changed)
        log.info("%s: revision %d, %d tickers changed.", session, revision, changed)
    if store.jobs.is_completed(DAILY_UPDATE, session):
        store.jobs.update(DAILY_UPDATE, session, _facts(collected))
        return
    with JobRun(store, DAILY_UPDATE, session) as job:
        job.record(**_facts(collected))


def _facts(collected: Collected) -> dict[str, object]:
    head = collected.head
    facts = {name: getattr(head, name) for name in ("source", "finality", "checkpoint_utc")}
    return facts | {"tickers": head.count, "warnings": collected.remarks}

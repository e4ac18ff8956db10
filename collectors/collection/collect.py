"""What is due and bringing it in: the store decides, not the date of the last run."""

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.exchange.sources import ENDS_ASKING
from utils.date_utils import TradingCalendar, is_final, weekdays
from utils.errors import (
    EXIT_FAILED,
    ClosedMarket,
    Damaged,
    LockHeld,
    MalformedAnswer,
    NotNow,
    NotPublished,
    SourceError,
)
from utils.job_status import JobRun
from utils.market_day import FINAL
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import COMPLETED, DAILY_UPDATE, FAILED
from utils.store.sessions import SessionHead

MANY_ATTEMPTS = 3
"""After so many failed runs a session waits behind all others, so that it keeps none of them from
being tried."""
MOST_IN_A_ROW = 3
"""Sessions that cannot be had one after the other, until the run leaves the exchange alone."""
ALWAYS_READ_BACK = 300
"""Every evening, so many of the newest sessions: no analysis needs more."""
TURNS = 30
"""All older ones are read back once in so many runs: reading thirty years takes minutes, and moves
some gigabytes where the database is elsewhere."""
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DueSession:
    """A session to ask the exchange for: not completed yet (not stored, or a run died before it
    said so), or only to be confirmed: completed as provisional, and final by now."""

    session: str
    to_confirm: bool


def due_in_store(
    store: Store, calendar: TradingCalendar, first: str, last: str, now: datetime
) -> list[DueSession]:
    """`sessions_due` of what the store holds; those before the last one that have failed again and
    again come after all others."""
    jobs = {job["date_kst"]: job for job in store.jobs(DAILY_UPDATE)}
    completed = {
        session: job["finality"] for session, job in jobs.items() if job["status"] == COMPLETED
    }
    stored = {head.session for head in store.session_heads()}
    due = sessions_due(calendar, stored, completed, first, last, now)
    return sorted(due, key=lambda each: each != due[-1] and _is_hopeless(jobs.get(each.session)))


def _is_hopeless(job: Document | None) -> bool:
    odd = (
        job is not None and job["status"] == FAILED and job["error"]["kind"] == MalformedAnswer.kind
    )
    return job is not None and odd and bool(job["attempts"] >= MANY_ATTEMPTS)


def read_back_tonight(heads: Sequence[SessionHead], after: str) -> list[SessionHead]:
    """Those of the stored sessions that an evening's run reads back: the older ones whose turn it
    is, and the newest, which the analysis needs. The audit reads all of them.

    Args:
        heads: of all that are stored, oldest first.
        after: the session with which the last turn ended (`Store.read_back_until`).
    """
    return [*turn_of_older(heads, after), *heads[-ALWAYS_READ_BACK:]]


def turn_of_older(heads: Sequence[SessionHead], after: str) -> list[SessionHead]:
    """The next older sessions behind that one, round and round. Where a turn ended is kept in the
    store, so none is left out, however many sessions come in between two runs."""
    older = heads[:-ALWAYS_READ_BACK]
    in_turn = sorted(older, key=lambda head: (head.session <= after, head.session))
    return in_turn[: -(-len(older) // TURNS)]


def damaged_sessions(store: Store, first: str, last: str, but: Collection[str]) -> list[DueSession]:
    """The stored sessions from first to last, both inclusive, that do not read back as they were
    saved, `but` these; as far as it is their turn."""
    found = []
    heads = [head for head in store.session_heads(last) if head.session >= first]
    for head in read_back_tonight(heads, store.read_back_until()):
        if head.session not in but:
            try:
                store.load_session(head.session)
            except Damaged as damage:
                log.error("%s", damage)
                found.append(DueSession(head.session, to_confirm=False))
    return found


def sessions_due(
    calendar: TradingCalendar,
    stored: Collection[str],
    completed: Mapping[str, str],
    first: str,
    last: str,
    now: datetime,
) -> list[DueSession]:
    """Every session from first to last, both inclusive, that is not stored as it should be by now,
    oldest first.

    Args:
        completed: session -> the finality its completed job recorded. A job's record is its last
            write, so what a killed run left half done is due again, whatever the session itself
            says.
    """
    wanted = [
        session for session in calendar.sessions(first, last) if calendar.is_due(session, now)
    ]
    done = {session for session in wanted if session in stored and session in completed}
    confirmable = {
        session for session in done if completed[session] != FINAL and is_final(session, now)
    }
    return [
        DueSession(each, each in confirmable)
        for each in wanted
        if each not in done or each in confirmable
    ]


def unsettled_days(calendar: TradingCalendar, first: str, now: datetime) -> list[str]:
    """The weekdays since `first` of which the exchange has not shown whether they were sessions.

    Today is among them only when it is predicted closed and could be collected if that were wrong:
    a session that was predicted shows itself when it is collected.
    """
    today = now.date().isoformat()
    unsettled = [day for day in weekdays(first, today) if not calendar.is_settled(day)]
    return [
        day
        for day in unsettled
        if day < today or (calendar.is_due(day, now) and not calendar.is_session(day))
    ]


def settle_calendar(collector: StockDataCollector, first: str, now: datetime) -> list[SourceError]:
    """Learn what is open, in one request, and only when some weekday since `first` is not settled.
    An odd answer is returned as a problem: what is predicted can be healed all the same."""
    unsettled = unsettled_days(collector.calendar, first, now)
    try:
        if unsettled:
            collector.learn_calendar(
                collector.calendar.previous_session(unsettled[0]), now.date().isoformat()
            )
    except MalformedAnswer as problem:
        log.error("%s", problem)
        return [problem]
    return []


def heal_all(
    store: Store,
    collector: StockDataCollector,
    due: Iterable[DueSession],
    stop_requested: Callable[[], bool],
    then: Callable[[Collected], None],
) -> list[SourceError]:
    """Bring in one due session after the other; what could not be had of single sessions is
    returned.

    A session that cannot be had does not keep the later ones waiting, but three in a row end the
    run: then it is not the session. One that did not fit is tried once more when a later one could
    be had, which may tell that a stored one was wrong. A source that refuses or is down ends the
    run at once. `then` belongs to each session: a run that dies before it has the session due
    again.
    """
    waiting = list(due)
    problems = _heal_each(store, collector, waiting, stop_requested, then)
    had = [each.session for each in waiting if each.session not in problems]
    odd = [each for each in waiting if isinstance(problems.get(each.session), MalformedAnswer)]
    again = [each for each in odd if had and each.session < max(had)]
    problems = {
        session: each
        for session, each in problems.items()
        if session not in {due.session for due in again}
    }
    return [*(problems | _heal_each(store, collector, again, stop_requested, then)).values()]


def _heal_each(
    store: Store,
    collector: StockDataCollector,
    due: Sequence[DueSession],
    stop_requested: Callable[[], bool],
    then: Callable[[Collected], None],
) -> dict[str, SourceError]:
    """One after the other; session -> why it could not be had, also for those that were not tried
    any more."""
    problems: dict[str, SourceError] = {}
    in_a_row = 0
    for place, each in enumerate(due):
        if stop_requested():
            raise NotNow(
                "Stopped on request after the session in hand. The next run goes on from there."
            )
        try:
            _heal(store, collector, each, then)
            in_a_row = 0
        except ClosedMarket as closed:
            store.forget_jobs(DAILY_UPDATE, [each.session])
            log.warning("%s", closed)
        except ENDS_ASKING:
            log.info("What is stored is kept; a later run goes on with %s.", each.session)
            raise
        except (MalformedAnswer, NotPublished) as problem:
            problems[each.session] = problem
            in_a_row += 1
            log.error("%s", problem)
        if in_a_row == MOST_IN_A_ROW:
            return (
                dict.fromkeys((left.session for left in due[place:]), problems[each.session])
                | problems
            )
    return problems


@contextmanager
def failure_recorded(store: Store, session: str) -> Iterator[None]:
    """What ends a run before it has come to this session is recorded as the failure of its job too,
    so that nobody looks in vain for the word of a night; a completed record stays as it is."""
    try:
        yield
    except LockHeld:
        raise  # the record is the other run's
    except (SourceError, NotNow):
        job = store.job(DAILY_UPDATE, session)
        if job is None or (job["status"] != COMPLETED and not _is_of_this_run(store, job)):
            with JobRun(store, DAILY_UPDATE, session):
                raise
        raise


def raise_worst(problems: list[SourceError]) -> None:
    """A failure goes before what only has to wait; nothing happens when there was no problem."""
    if problems:
        raise max(reversed(problems), key=lambda problem: problem.exit_code == EXIT_FAILED)


def _heal(
    store: Store, collector: StockDataCollector, due: DueSession, then: Callable[[Collected], None]
) -> None:
    if due.to_confirm:
        _confirm(store, collector, due.session, then)
        return
    with JobRun(store, DAILY_UPDATE, due.session) as job:
        for collected in collector.collect(due.session):
            then(collected)
            if collected.head.session == due.session:
                job.record(**_facts(collected))
            else:
                _record_completed(store, collected)


def _confirm(
    store: Store, collector: StockDataCollector, session: str, then: Callable[[Collected], None]
) -> None:
    """Read a completed session again. One that fails stays completed, with a warning."""
    try:
        for collected in collector.collect(session):
            then(collected)
            _record_completed(store, collected)
    except SourceError as problem:
        store.update_job(DAILY_UPDATE, session, {"warnings": [f"Not confirmed: {problem}"]})
        raise


def _record_completed(store: Store, collected: Collected) -> None:
    """Record a session that has a completed record already, or is not the one in hand."""
    session = collected.head.session
    if collected.changed:
        log.info(
            "%s: revision %d, %d tickers changed.",
            session,
            collected.head.revision,
            len(collected.changed),
        )
    if store.is_completed(DAILY_UPDATE, session):
        store.update_job(DAILY_UPDATE, session, _facts(collected))
        return
    with JobRun(store, DAILY_UPDATE, session) as job:
        job.record(**_facts(collected))


def _is_of_this_run(store: Store, job: Document) -> bool:
    return bool(job["run"] == store.identity.run)


def _facts(collected: Collected) -> dict[str, object]:
    head = collected.head
    facts = {"source": head.source, "finality": head.finality, "tickers": head.count}
    return facts | {"warnings": collected.remarks}

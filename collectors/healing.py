"""What is due and bringing it in: the store decides, not the date of the last run."""

import logging
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from collectors.stock_data_collector import Collected, StockDataCollector
from utils.date_utils import TradingCalendar, is_due, is_final, weekdays
from utils.errors import ClosedMarket, MalformedAnswer, NotNow, NotPublished, SourceError
from utils.job_status import JobRun
from utils.store import Store
from utils.store.jobs import COMPLETED, DAILY_UPDATE
from utils.store.sessions import SessionHead

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DueSession:
    """A session to ask the exchange for: not completed yet (not stored, or a run died before it said so), or only to
    be confirmed: completed as provisional, and final by now."""

    session: str
    to_confirm: bool


def due_in_store(store: Store, calendar: TradingCalendar, first: str, last: str, now: datetime) -> list[DueSession]:
    """`sessions_due` of what the store holds."""
    completed = {job["date_kst"] for job in store.jobs(DAILY_UPDATE) if job["status"] == COMPLETED}
    return sessions_due(calendar, store.session_heads(), completed, first, last, now)


def sessions_due(
    calendar: TradingCalendar,
    heads: Iterable[SessionHead],
    completed: Collection[str],
    first: str,
    last: str,
    now: datetime,
) -> list[DueSession]:
    """Every session from first to last, both inclusive, that is not stored as it should be by now, oldest first."""
    stored = {head.session: head for head in heads}
    wanted = [session for session in calendar.sessions(first, last) if is_due(session, now)]
    done = {session for session in wanted if session in stored and session in completed}
    confirmable = {session for session in done if not stored[session].is_final and is_final(session, now)}
    return [DueSession(each, each in confirmable) for each in wanted if each not in done or each in confirmable]


def unsettled_days(calendar: TradingCalendar, first: str, last: str, now: datetime) -> list[str]:
    """The weekdays from first to last before today of which the exchange has not shown whether they were sessions."""
    today = now.date().isoformat()
    return [day for day in weekdays(first, last) if day < today and not calendar.is_settled(day)]


def settle_calendar(store: Store, collector: StockDataCollector, first: str, now: datetime) -> None:
    """Learn what is open about the past, in one request, and only when some weekday since `first` is not settled.

    A day that turns out closed is no session, so what was recorded of the attempts to collect it goes.
    """
    today = now.date().isoformat()
    if unsettled := unsettled_days(collector.calendar, first, today, now):
        collector.learn_calendar(collector.calendar.previous_session(unsettled[0]), today)
        closed = [
            day for day in unsettled if collector.calendar.is_settled(day) and not collector.calendar.is_session(day)
        ]
        store.forget_jobs(DAILY_UPDATE, closed)


def heal_all(
    store: Store,
    collector: StockDataCollector,
    due: Iterable[DueSession],
    stop_requested: Callable[[], bool],
    then: Callable[[Collected], None],
) -> list[SourceError]:
    """Bring in one due session after the other; what could not be had of single sessions is returned.

    A session that cannot be had does not keep the later ones waiting; a source that refuses or is down does, so those
    errors leave at once. `then` is part of each session's job.
    """
    problems: list[SourceError] = []
    for each in due:
        if stop_requested():
            raise NotNow("Stopped on request after the session in hand. The next run goes on from there.")
        try:
            _heal(store, collector, each, then)
        except ClosedMarket as closed:
            store.forget_jobs(DAILY_UPDATE, [each.session])
            log.warning("%s", closed)
        except (MalformedAnswer, NotPublished) as problem:
            log.error("%s", problem)
            problems.append(problem)
    return problems


def _heal(store: Store, collector: StockDataCollector, due: DueSession, then: Callable[[Collected], None]) -> None:
    if due.to_confirm:
        then(_confirm(store, collector, due.session))
        return
    with JobRun(store, DAILY_UPDATE, due.session) as job:
        collected = collector.collect(due.session)
        job.record(**_facts(collected))
        then(collected)


def _confirm(store: Store, collector: StockDataCollector, session: str) -> Collected:
    """Read a provisional session again. If that fails, the completed record of its evening stays as it is."""
    collected = collector.collect(session)
    if collected.changed:
        log.info("%s: revision %d, %d tickers changed.", session, collected.head.revision, len(collected.changed))
        store.reopen_targets(collected.changed, session, collector.calendar.previous_session(session))
    store.update_job(DAILY_UPDATE, session, _facts(collected))
    return collected


def _facts(collected: Collected) -> dict[str, object]:
    head = collected.head
    return {"source": head.source, "finality": head.finality, "tickers": head.count}

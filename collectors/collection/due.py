"""Due sessions and datasets, and the sessions to read back: decided by what is stored, never by the
date of the last run."""

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum, auto
from functools import partial
from typing import TypeAlias

from collectors.exchange.dataset_tables import DATASETS, INDEX_NAMES, INDICES, Dataset
from utils.date_utils import (
    TradingCalendar,
    first_reading_from,
    has_checkpoint_passed,
    is_final,
    weekdays,
)
from utils.decision_table import Rows, first_that_fits
from utils.errors import Damaged, MalformedAnswer, NotPublished, OddDay
from utils.market_day import FINAL, PROVISIONAL
from utils.store import Store
from utils.store.backend import Document
from utils.store.datasets import STALE, DatasetState
from utils.store.jobs import COMPLETED, DAILY_UPDATE, FAILED
from utils.store.sessions import SessionHead

ReadUpTo: TypeAlias = Mapping[str, datetime | None]
"""Session -> the last checkpoint that had passed when it was read."""
MANY_ATTEMPTS = 3
"""After so many failed runs a session waits behind all others, so that it keeps none of them
waiting."""
ALWAYS_READ_BACK = 300
"""Newest sessions that every run reads back: no analysis needs more."""
READ_BACK_CYCLE = 30
"""Days in which each older session is read back once. Reading thirty years takes minutes, and moves
some gigabytes where the database is elsewhere."""
MOST_AHEAD = timedelta(minutes=15)
"""A reading further ahead was made by a wrong clock. Nobody knows when it was: it is made again."""
log = logging.getLogger(__name__)


class DueStep(Enum):
    """The step to take about a session, or about a dataset of it."""

    COLLECT = auto()
    READ_AGAIN = auto()
    """It is stored, and the exchange's figures may have changed since for good."""
    READ_A_WEEK_LATER = auto()
    """It is stored, and was not read again since its checkpoint a week later."""
    WAIT = auto()
    """The exchange does not show it yet."""
    LEAVE = auto()


@dataclass(frozen=True)
class SessionFacts:
    """Facts of a session that may be collected by now."""

    is_stored: bool
    is_completed: bool
    """Its record of `daily_update` is. That is the last write of all, so what a killed run has left
    half done is due again."""
    checkpoint_passed: bool
    """Since it was read (`CHECKPOINTS` of `utils.date_utils`)."""
    week_passed: bool = False
    """Its checkpoint a week later has, since it was read (`TradingCalendar.weeks_later`)."""
    is_damaged: bool = False
    """It was read back and is damaged. Only what is left without that is read back."""


SESSION_ROWS: Rows[DueStep] = (
    ({"is_stored": False}, DueStep.COLLECT),
    ({"is_damaged": True}, DueStep.COLLECT),
    ({"is_completed": False}, DueStep.COLLECT),
    ({"checkpoint_passed": True}, DueStep.READ_AGAIN),
    ({"week_passed": True}, DueStep.READ_A_WEEK_LATER),
    ({"week_passed": False}, DueStep.LEAVE),
)


@dataclass(frozen=True)
class DatasetFacts:
    """Facts of a dataset of a stored session."""

    finality: str | None
    """Finality as it is stored; None when it is absent or damaged."""
    is_read_on_its_evening: bool
    is_final_by_now: bool
    """The session is. Looked up only for what is absent: over thirty years that takes a second."""
    prices_are_final: bool
    """Finality of the prices as they are stored."""


DATASET_ROWS: Rows[DueStep] = (
    ({"finality": None, "is_read_on_its_evening": True}, DueStep.COLLECT),
    ({"finality": None, "is_final_by_now": False}, DueStep.WAIT),
    ({"finality": None}, DueStep.COLLECT),
    ({"finality": STALE}, DueStep.READ_AGAIN),
    ({"finality": PROVISIONAL, "prices_are_final": False}, DueStep.LEAVE),
    ({"finality": PROVISIONAL}, DueStep.READ_AGAIN),
    ({"finality": FINAL}, DueStep.LEAVE),
)
"""While the prices are provisional, provisional figures are left; both become final together."""


@dataclass(frozen=True)
class DueSession:
    """Session to ask the exchange for; `read_again` when it is completed and a checkpoint has
    passed since it was read; `week_later` when that is none but the one a week later."""

    session: str
    read_again: bool
    week_later: bool = False


@dataclass(frozen=True)
class DueDataset:
    """Dataset that a stored session lacks. `tries`: how often it was asked for in vain."""

    name: str
    session: str
    tries: int = 0

    @property
    def tried_too_often(self) -> bool:
        return self.tries >= MANY_ATTEMPTS


def due_in_store(
    store: Store, calendar: TradingCalendar, first: str, last: str, now: datetime
) -> list[DueSession]:
    """Return `sessions_due` of what the store holds. Those that are read a week later come after
    the others, so that these do not depend on it. After all of them come those before the last one
    that have failed again and again."""
    jobs = {job["date_kst"]: job for job in store.jobs.records(DAILY_UPDATE)}
    completed = {
        session: job["checkpoint_utc"]
        for session, job in jobs.items()
        if job["status"] == COMPLETED
    }
    heads = store.sessions.heads()
    stored = {
        head.session: head.checkpoint_utc if head.read_utc <= now + MOST_AHEAD else None
        for head in heads
    }
    unsure = {each.session for each in heads if _may_still_be_wrong(each, calendar, now)}
    unsure |= {day["_id"] for day in store.waiting.all() if day["accepted_utc"] is not None}
    sessions = calendar.sessions(first, last)
    due = sessions_due(calendar, sessions, stored, completed, now, unsure)
    return sorted(
        due,
        key=lambda each: (each != due[-1] and _failed_too_often(jobs, each), each.week_later),
    )


def _failed_too_often(jobs: Mapping[str, Document], due: DueSession) -> bool:
    job = jobs.get(due.session)
    if job is None or job["status"] != FAILED:
        return False
    is_of_the_day = job["error"]["kind"] in (MalformedAnswer.kind, OddDay.kind)
    return bool(is_of_the_day and job["attempts"] >= MANY_ATTEMPTS)


def _may_still_be_wrong(head: SessionHead, calendar: TradingCalendar, now: datetime) -> bool:
    """Return whether the session is to be read once more. That is so for one that the reading a
    week later, or one after it, has changed, and one that was odd or had rows that cannot be used
    at that reading too: when the same number of sessions has passed since without a reading, and
    not twice as many, so that an answer that stays wrong is not asked for for ever."""
    is_odd = bool(head.accepted or head.set_aside)
    if head.revision == 1 and not is_odd:
        return False
    week_later = calendar.week_after(first_reading_from(head.session))
    if head.collected_utc < week_later and not is_odd:
        return False
    moment = calendar.week_after(max(head.collected_utc, week_later))
    return head.read_utc < moment <= now < calendar.week_after(moment)


def sessions_due(
    calendar: TradingCalendar,
    sessions: Sequence[str],
    stored: ReadUpTo,
    completed: ReadUpTo,
    now: datetime,
    unsure: Collection[str] = (),
) -> list[DueSession]:
    """Return those of the sessions that are due, in the same order.

    Args:
        stored: by their heads.
        completed: by their records, which are written last: what a killed run has stored without
            one is read again.
        unsure: changed a week later or still odd then, and to be read once more by now; or
            accepted by a person as they were read.
    """
    due: list[DueSession] = []
    weeks_later = calendar.weeks_later(now)
    for session in sessions:
        if calendar.is_due(session, now):
            read_up_to = [each.get(session) for each in (stored, completed)]
            facts = SessionFacts(
                is_stored=session in stored,
                is_completed=session in completed,
                checkpoint_passed=any(
                    has_checkpoint_passed(session, each, now) for each in read_up_to
                ),
                week_passed=session in unsure
                or any(
                    each < weeks_later[session]
                    for each in read_up_to
                    if each is not None and session in weeks_later
                ),
            )
            due += _due(session, facts)
    return due


def collects_nothing_new(due: Collection[DueSession]) -> bool:
    """Return whether of these some are read again and the others only a week later: the run that
    collects the night's session was an earlier one, or is still to come."""
    tonight = [each for each in due if not each.week_later]
    return bool(tonight) and all(each.read_again for each in tonight)


def _due(session: str, facts: SessionFacts) -> list[DueSession]:
    """Return the session when it is due, else nothing."""
    step = first_that_fits(SESSION_ROWS, facts)
    if step is DueStep.LEAVE:
        return []
    week_later = step is DueStep.READ_A_WEEK_LATER
    return [DueSession(session, week_later or step is DueStep.READ_AGAIN, week_later)]


def unknown_days(
    calendar: TradingCalendar, first: str, now: datetime, without_prices: Collection[str] = ()
) -> list[str]:
    """Return the weekdays since `first` to ask the index series about: those of which the exchange
    has not shown whether they were sessions, and whose collection will not show it.

    These are the days that are predicted closed and those in `without_prices`, once a later session
    has opened, and today when it is predicted closed and could be collected if that were wrong.
    """
    today = now.date().isoformat()
    unknown = [day for day in weekdays(first, today) if not calendar.is_known(day)]
    return [
        day
        for day in unknown
        if (
            calendar.is_due(day, now)
            if day == today
            else calendar.next_session_has_opened(day, now)
        )
        and (day in without_prices or not calendar.is_session(day))
    ]


def shown_without_prices(store: Store) -> list[str]:
    """Return the days for which the exchange has shown no prices although these would be final."""
    return [
        job["date_kst"]
        for job in store.jobs.records(DAILY_UPDATE)
        if job["status"] == FAILED
        and job["error"]["kind"] == NotPublished.kind
        and is_final(job["date_kst"], job["start_time_utc"])
    ]


def read_back_today(heads: Sequence[SessionHead], today: date) -> list[SessionHead]:
    """Return the stored sessions that a run reads back: the newest, and of the older ones those
    whose age in days is a multiple of `READ_BACK_CYCLE`. The audit reads all of them.

    Whoever runs every day reads each one back within 30 days; from Monday to Saturday, as the
    schedule has it, within 60, since of two such days in a row at least one is no Sunday; once a
    week within 210, since 30 and 7 have no common divisor.

    Args:
        heads: of all that are stored, oldest first.
        today: in KST.
    """
    older, newest = heads[:-ALWAYS_READ_BACK], heads[-ALWAYS_READ_BACK:]
    return [*(head for head in older if _is_read_back(head.session, today)), *newest]


def _is_read_back(session: str, today: date) -> bool:
    return (today - date.fromisoformat(session)).days % READ_BACK_CYCLE == 0


def due_by_damage(
    store: Store, first: str, last: str, except_for: Collection[str]
) -> list[DueSession]:
    """Return the stored sessions from first to last, both inclusive, that are read back today and
    are due because they are damaged. Those in `except_for`, which are due anyway, are not read: all
    others are left as long as they are whole."""
    due: list[DueSession] = []
    heads = [head for head in store.sessions.heads(last) if head.session >= first]
    for head in read_back_today(heads, store.clock.now_kst().date()):
        if head.session not in except_for:
            facts = SessionFacts(
                is_stored=True,
                is_completed=True,
                checkpoint_passed=False,
                is_damaged=_is_damaged(partial(store.sessions.check, head)),
            )
            due += _due(head.session, facts)
    return due


def _is_damaged(load: Callable[[], object]) -> bool:
    """Return whether something stored does not read back as it was saved, and log it."""
    try:
        load()
    except Damaged as damage:
        log.error("%s", damage)
        return True
    return False


def datasets_due(
    store: Store,
    chosen: Collection[str],
    first: str,
    last: str,
    now: datetime,
    thorough: bool = False,
) -> list[DueDataset]:
    """Return what the stored sessions from first to last, both inclusive, lack of the chosen
    datasets, of the indices one for each session. The newest session comes first; what was asked
    for in vain again and again comes last.

    Args:
        now: in KST.
        thorough: read back all figures, not only those of `read_back_today`.
    """
    heads = [head for head in store.sessions.heads(last) if head.session >= first]
    read = {head.session for head in (heads if thorough else read_back_today(heads, now.date()))}
    due = [
        DueDataset(name, head.session, head.datasets.get(name, DatasetState()).tries)
        for name in chosen
        if name in DATASETS
        for head in heads
        if _is_due(_facts(store, head, DATASETS[name], now, head.session in read))
    ]
    if INDICES in chosen:
        of_each = (index_days_due(store, index, first, last, now) for index in INDEX_NAMES)
        due += [DueDataset(INDICES, session) for session in set().union(*of_each)]
    newest_first = sorted(due, key=lambda each: each.session, reverse=True)
    return sorted(newest_first, key=lambda each: each.tries if each.tried_too_often else 0)


def _is_due(facts: DatasetFacts) -> bool:
    return first_that_fits(DATASET_ROWS, facts) in (DueStep.COLLECT, DueStep.READ_AGAIN)


def _facts(
    store: Store, head: SessionHead, dataset: Dataset, now: datetime, is_read_back: bool
) -> DatasetFacts:
    state = head.datasets.get(dataset.name, DatasetState())
    finality = state.finality
    if is_read_back and finality is not None:
        load = partial(store.datasets.load, head.session, dataset.name, state)
        finality = None if _is_damaged(load) else finality
    return DatasetFacts(
        finality=finality,
        is_read_on_its_evening=dataset.on_its_evening,
        is_final_by_now=finality is None and is_final(head.session, now),
        prices_are_final=head.finality == FINAL,
    )


def index_days_due(store: Store, index: str, first: str, last: str, now: datetime) -> list[str]:
    """Return the stored sessions from first to last, both inclusive, for which the index is due,
    newest first."""
    stored = {
        day["session"]: day["finality"]
        for day in store.indices.load(first, last)
        if day["index"] == index
    }
    sessions = [head.session for head in store.sessions.heads(last) if head.session >= first]
    return [
        each
        for each in reversed(sessions)
        if each not in stored or (stored[each] != FINAL and is_final(each, now))
    ]

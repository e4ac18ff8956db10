"""What stands beside the prices is healed after them, by what is stored, and never keeps them from
being there.

A dataset that cannot be had is logged and stands in the `warnings` of its session's job; the run
ends as its prices do.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from collectors.collection.collect import MANY_ATTEMPTS, MOST_IN_A_ROW, read_back_tonight
from collectors.exchange.dataset_tables import (
    DATASETS,
    INDEX_NAMES,
    INDICES,
    Dataset,
    parse_dataset,
    parse_index,
)
from collectors.exchange.sources import ENDS_ASKING, Sources
from utils.date_utils import is_final
from utils.errors import Damaged, NotNow, SourceError
from utils.market_day import FINAL, PROVISIONAL, MarketDay
from utils.progress import Advance, progress_bar
from utils.store import Store
from utils.store.datasets import STALE, DatasetState
from utils.store.jobs import DAILY_UPDATE
from utils.store.sessions import SessionHead

MOST_A_NIGHT = 100
"""Requests for one dataset in one evening's run: what was chosen later is filled in over some
nights."""
INDEX_SPAN = timedelta(days=700)
"""What one request for an index series may ask for."""
_SAID_EVERY = 25
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DueDataset:
    """A stored session that lacks a dataset. `tries`: how often it was asked for in vain."""

    name: str
    session: str
    tries: int = 0

    @property
    def is_hopeless(self) -> bool:
        return self.tries >= MANY_ATTEMPTS


def heal_datasets(
    store: Store,
    sources: Sources,
    chosen: Sequence[str],
    first: str,
    last: str,
    stop_requested: Callable[[], bool],
    thorough: bool = False,
    doing: Callable[[str], str] = "Loading {}".format,
) -> None:
    """Bring in the chosen datasets that stored sessions from first to last, both inclusive, lack:
    newest first.

    A table that is odd or not out three times in a row is left to the next run, and so is
    everything when the source refuses or is down. Raises `NotNow` when a stop is requested, never a
    `SourceError`.

    Args:
        thorough: all of it. Else at most `MOST_A_NIGHT` of each dataset, and of those that were
            asked for in vain again and again only one, so that they cost one request a night.
        doing: what a person at a terminal is shown of a dataset by its name, while that is loaded.
    """
    if not chosen:
        return
    if not sources.publish_datasets:
        names = ", ".join(chosen)
        log.info(
            "DATASETS: %s come from the data site alone. Without KRX_ID and KRX_PW they are left out.",
            names,
        )
        return
    for name in chosen:
        if not sources.can_be_asked_for_datasets:
            log.warning("%s: the data site is left alone in this run; the next one goes on.", name)
        elif name == INDICES:
            _heal_indices(store, sources, first, last, thorough)
        else:
            due = datasets_due(store, [name], first, last, store.clock.now_kst(), thorough)
            tonight = due if thorough else for_one_night(due)
            with progress_bar(doing(name), len(tonight)) as advance:
                _heal(store, sources, DATASETS[name], tonight, stop_requested, advance)


def datasets_due(
    store: Store,
    chosen: Collection[str],
    first: str,
    last: str,
    now: datetime,
    thorough: bool = False,
) -> list[DueDataset]:
    """What the stored sessions from first to last, both inclusive, lack of the chosen datasets,
    newest session first, but after all others what was asked for in vain again and again; of the
    indices one for each session.

    Args:
        thorough: all figures are read, to see whether they are as they were saved; else those of
            `read_back_tonight`.
    """
    heads = [head for head in store.session_heads(last) if head.session >= first]
    read = {
        head.session
        for head in (heads if thorough else read_back_tonight(heads, store.read_back_until()))
    }
    due = [
        DueDataset(name, head.session, head.datasets.get(name, DatasetState()).tries)
        for name in chosen
        if name in DATASETS
        for head in heads
        if _is_due(store, head, DATASETS[name], now, head.session in read)
    ]
    if INDICES in chosen:
        sessions = {
            session
            for index in INDEX_NAMES
            for session in index_days_due(store, index, first, last, now)
        }
        due += [DueDataset(INDICES, session) for session in sessions]
    newest_first = sorted(due, key=lambda each: each.session, reverse=True)
    return sorted(newest_first, key=lambda each: each.tries if each.is_hopeless else 0)


def for_one_night(due: Sequence[DueDataset]) -> list[DueDataset]:
    """What one evening's run asks for of it."""
    promising = [each for each in due if not each.is_hopeless]
    return [*promising[:MOST_A_NIGHT], *[each for each in due if each.is_hopeless][:1]]


def index_days_due(store: Store, index: str, first: str, last: str, now: datetime) -> list[str]:
    """The stored sessions from first to last of which the index is not stored as it should be by
    now, newest first."""
    stored = {
        day["session"]: day["finality"]
        for day in store.index_days(first, last)
        if day["index"] == index
    }
    sessions = [head.session for head in store.session_heads(last) if head.session >= first]
    due = [
        each
        for each in sessions
        if stored.get(each) != FINAL and (each not in stored or is_final(each, now))
    ]
    return due[::-1]


def _is_due(
    store: Store, head: SessionHead, dataset: Dataset, now: datetime, is_read: bool
) -> bool:
    state = head.datasets.get(dataset.name, DatasetState())
    if state.finality is None or (
        is_read and not _is_whole(store, head.session, dataset.name, state)
    ):
        return dataset.on_its_evening or is_final(head.session, now)
    return state.finality == STALE or (state.finality != FINAL and head.finality == FINAL)


def _is_whole(store: Store, session: str, name: str, state: DatasetState) -> bool:
    try:
        store.load_dataset(session, name, state)
    except Damaged as damage:
        log.error("%s", damage)
        return False
    return True


def _heal(
    store: Store,
    sources: Sources,
    dataset: Dataset,
    due: Sequence[DueDataset],
    stop_requested: Callable[[], bool],
    advance: Advance,
) -> None:
    had = in_a_row = 0
    if len(due) > 1:
        log.info(
            "%s: %d sessions lack them. One request each, newest first.", dataset.name, len(due)
        )
    for each in due:
        if stop_requested():
            raise NotNow(
                "Stopped on request after the session in hand. The next run goes on from there."
            )
        if _is_had(store, sources, dataset, each.session):
            had, in_a_row = had + 1, 0
        else:
            in_a_row += 1
        advance(1)
        if had % _SAID_EVERY == 0 and in_a_row == 0 and had < len(due):
            log.info(
                "%s: %d of %d sessions, down to %s.", dataset.name, had, len(due), each.session
            )
        if in_a_row == MOST_IN_A_ROW or not sources.can_be_asked_for_datasets:
            log.warning("%s: left to the next run.", dataset.name)
            break
    if due:
        log.info("%s: %d of %d sessions.", dataset.name, had, len(due))


def _is_had(store: Store, sources: Sources, dataset: Dataset, session: str) -> bool:
    """Ask for one session's dataset and store it; whether it could be had."""
    day = _stored_day(store, session)
    if day is None:
        return False
    read_at = store.clock.now_utc()
    try:
        beside = sources.fetch_dataset(
            dataset.name, session, lambda raw: parse_dataset(raw, dataset, day.frame, session)
        )
    except SourceError as problem:
        log.warning("%s", problem)
        _warn(store, session, dataset.name, str(problem))
        if not isinstance(problem, ENDS_ASKING):  # else it is no fault of this session
            store.note_vain_try(session, dataset.name)
        return False
    store.beat_locks()  # whoever has lost its lock in the meantime writes nothing
    store.save_dataset(
        session, dataset.name, beside, FINAL if is_final(session, read_at) else PROVISIONAL
    )
    _warn(store, session, dataset.name, None)
    return True


def _stored_day(store: Store, session: str) -> MarketDay | None:
    """None when its prices are damaged: these are read again first."""
    try:
        return store.load_session(session)
    except Damaged as damage:
        log.error("%s", damage)
        return None


def _heal_indices(store: Store, sources: Sources, first: str, last: str, thorough: bool) -> None:
    now = store.clock.now_kst()
    for index in INDEX_NAMES:
        spans = list(_spans(index_days_due(store, index, first, last, now)))
        for days in spans if thorough else spans[:1]:
            if not sources.can_be_asked_for_datasets:
                return
            _bring_in(store, sources, index, days, now)


def _spans(days: Sequence[str]) -> Iterator[list[str]]:
    """The days, newest first, in groups that one request can ask for."""
    left = list(days)
    while left:
        oldest = str(date.fromisoformat(left[0]) - INDEX_SPAN)
        yield (span := [day for day in left if day >= oldest])
        left = left[len(span) :]


def _bring_in(
    store: Store, sources: Sources, index: str, days: Sequence[str], now: datetime
) -> None:
    """Ask for the index on these days, newest first, and store what the exchange shows of them."""
    first, last = days[-1], days[0]
    try:
        shown = sources.fetch_index(
            index, first, last, lambda raw: parse_index(raw, index, first, last)
        )
    except SourceError as problem:
        log.warning("%s", problem)
        _warn(store, last, f"{index} index", str(problem))
        return
    store.beat_locks()  # whoever has lost its lock in the meantime writes nothing
    had = {day["session"]: day for day in shown if day["session"] in set(days)}
    finality = {session: FINAL if is_final(session, now) else PROVISIONAL for session in had}
    store.save_index_days([day | {"finality": finality[session]} for session, day in had.items()])
    log.info("%s: the %s index of %d of %d sessions.", INDICES, index, len(had), len(days))
    for session in days:
        lacking = None if session in had else "The exchange's series lacks this session."
        _warn(store, session, f"{index} index", lacking)


def _warn(store: Store, session: str, name: str, problem: str | None) -> None:
    """Say it in the warnings of the session's job, in place of what was said of it before; None: it
    is there."""
    job = store.job(DAILY_UPDATE, session)
    if job is None:
        return
    others = [each for each in job["warnings"] if not each.startswith(f"{name}: ")]
    warnings = others if problem is None else [*others, f"{name}: {problem}"]
    if warnings != job["warnings"]:
        store.update_job(DAILY_UPDATE, session, {"warnings": warnings})

"""Collecting the datasets that stored sessions lack, after the prices.

A dataset that cannot be had is logged and stands in the `warnings` of its session's job. It never
changes the exit code.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta

import pandas as pd

from collectors.collection.collect import MOST_IN_A_ROW
from collectors.collection.due import DueDataset, datasets_due, index_days_due
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
from utils.market_day import FINAL, PROVISIONAL
from utils.progress import Advance, progress_bar
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE

FEW = 5
"""Requests for one dataset in a run that only reads sessions again."""
MOST_A_RUN = 100
"""Requests for one dataset in one run: a dataset that was chosen later is filled in over some
runs."""
INDEX_SPAN = timedelta(days=700)
"""The most days that one request for an index series may ask for."""
_SAID_EVERY = 25
log = logging.getLogger(__name__)


class DatasetCollector:
    """Collector of the datasets that stored sessions lack.

    Args:
        thorough: collect all of it.
        fills_up: collect at most `MOST_A_RUN` of each dataset, and of those that were tried too
            often one; else `FEW` and none, so that they cost a night no more than one request.
        label: what a person at a terminal is shown of a dataset by its name, while that is loaded.
    """

    def __init__(
        self,
        store: Store,
        sources: Sources,
        stop_requested: Callable[[], bool],
        thorough: bool = False,
        fills_up: bool = True,
        label: Callable[[str], str] = "Loading {}".format,
    ) -> None:
        self._store, self._sources, self._stop_requested = store, sources, stop_requested
        self._thorough, self._fills_up, self._label = thorough, fills_up, label

    def collect(self, chosen: Sequence[str], first: str, last: str) -> None:
        """Collect the chosen datasets that stored sessions from first to last, both inclusive,
        lack: newest first.

        A table that is odd or not out three times in a row is left to the next run, and so is
        everything when the source refuses or is down. Raises `NotNow` when a stop is requested,
        never a `SourceError`.
        """
        if chosen and not self._sources.has_datasets:
            log.info(
                "DATASETS: %s come from the data site alone. "
                "Without KRX_ID and KRX_PW they are left out.",
                ", ".join(chosen),
            )
            return
        for name in chosen:
            if not self._sources.can_be_asked_for_datasets:
                log.warning(
                    "%s: the data site is left alone in this run; the next one goes on.", name
                )
            elif name == INDICES:
                self._collect_indices(first, last)
            else:
                self._collect_figures(DATASETS[name], first, last)

    def _collect_figures(self, dataset: Dataset, first: str, last: str) -> None:
        now, name = self._store.clock.now_kst(), dataset.name
        due = datasets_due(self._store, [name], first, last, now, self._thorough)
        in_this_run = due if self._thorough else for_one_run(due, self._fills_up)
        with progress_bar(self._label(name), len(in_this_run)) as advance:
            self._collect_each(dataset, in_this_run, advance)

    def _collect_each(self, dataset: Dataset, due: Sequence[DueDataset], advance: Advance) -> None:
        had, in_a_row, name = 0, 0, dataset.name
        if len(due) > 1:
            log.info("%s: %d sessions lack them. One request each, newest first.", name, len(due))
        for each in due:
            if self._stop_requested():
                raise NotNow(
                    "Stopped on request after the session in hand. The next run goes on from there."
                )
            if self._collect_one(dataset, each.session):
                had, in_a_row = had + 1, 0
            else:
                in_a_row += 1
            advance(1)
            if had % _SAID_EVERY == 0 and in_a_row == 0 and had < len(due):
                log.info("%s: %d of %d sessions, down to %s.", name, had, len(due), each.session)
            if in_a_row == MOST_IN_A_ROW or not self._sources.can_be_asked_for_datasets:
                log.warning("%s: left to the next run.", name)
                break
        if due:
            log.info("%s: %d of %d sessions.", name, had, len(due))

    def _collect_one(self, dataset: Dataset, session: str) -> bool:
        """Ask for one session's dataset and store it. Return False when it could not be had, also
        where the session is damaged: its prices are read again first."""
        store, name, tickers = self._store, dataset.name, self._tickers_of(session)
        if tickers is None:
            return False
        read_at = store.clock.now_utc()
        try:
            figures = self._sources.fetch_dataset(
                name, session, lambda raw: parse_dataset(raw, dataset, tickers, session)
            )
        except SourceError as problem:
            log.warning("%s", problem)
            self._warn(session, name, str(problem))
            if not isinstance(problem, ENDS_ASKING):  # else it is no fault of this session
                store.datasets.count_vain_try(session, name)
            return False
        store.locks.renew()  # whoever has lost its lock in the meantime writes nothing
        finality = FINAL if is_final(session, read_at) else PROVISIONAL
        store.datasets.save(session, name, figures, finality)
        self._warn(session, name, None)
        return True

    def _tickers_of(self, session: str) -> pd.DataFrame | None:
        """Return the stored session's rows; None when it is not stored or damaged."""
        try:
            day = self._store.sessions.load(session)
        except Damaged as damage:
            log.error("%s", damage)
            return None
        return None if day is None else day.frame

    def _collect_indices(self, first: str, last: str) -> None:
        now = self._store.clock.now_kst()
        for index in INDEX_NAMES:
            spans = list(_spans(index_days_due(self._store, index, first, last, now)))
            for days in spans if self._thorough else spans[:1]:
                if not self._sources.can_be_asked_for_datasets:
                    return
                self._collect_index(index, days, now)

    def _collect_index(self, index: str, days: Sequence[str], now: datetime) -> None:
        """Ask for the index on these days, newest first, and store what the exchange shows of
        them."""
        first, last = days[-1], days[0]
        try:
            shown = self._sources.fetch_index(
                index, first, last, lambda raw: parse_index(raw, index, first, last)
            )
        except SourceError as problem:
            log.warning("%s", problem)
            self._warn(last, f"{index} index", str(problem))
            return
        self._store.locks.renew()  # whoever has lost its lock in the meantime writes nothing
        had = {day["session"]: day for day in shown if day["session"] in set(days)}
        finality = {session: FINAL if is_final(session, now) else PROVISIONAL for session in had}
        self._store.indices.save(
            [day | {"finality": finality[session]} for session, day in had.items()]
        )
        log.info("%s: the %s index of %d of %d sessions.", INDICES, index, len(had), len(days))
        for session in days:
            lacking = None if session in had else "The exchange's series lacks this session."
            self._warn(session, f"{index} index", lacking)

    def _warn(self, session: str, name: str, problem: str | None) -> None:
        """Put this problem of a dataset into the warnings of the session's job, in place of an
        earlier one; None: there is none any more."""
        job = self._store.jobs.get(DAILY_UPDATE, session)
        if job is None:
            return
        others = [each for each in job["warnings"] if not each.startswith(f"{name}: ")]
        warnings = others if problem is None else [*others, f"{name}: {problem}"]
        if warnings != job["warnings"]:
            self._store.jobs.update(DAILY_UPDATE, session, {"warnings": warnings})


def for_one_run(due: Sequence[DueDataset], fills_up: bool = True) -> list[DueDataset]:
    """Return what one run asks for of it."""
    promising = [each for each in due if not each.tried_too_often]
    if not fills_up:
        return promising[:FEW]
    return [*promising[:MOST_A_RUN], *[each for each in due if each.tried_too_often][:1]]


def _spans(days: Sequence[str]) -> Iterator[list[str]]:
    """Yield the days, newest first, in groups that one request can ask for."""
    left = list(days)
    while left:
        oldest = str(date.fromisoformat(left[0]) - INDEX_SPAN)
        yield (span := [day for day in left if day >= oldest])
        left = left[len(span) :]

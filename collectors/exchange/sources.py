"""Sources of the exchange, in the order in which they are asked.

The order follows from who can have the day and who is preferred. Another source is asked when one
refuses, and some failures are tried again.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar

import pandas as pd
import tenacity

from collectors.exchange.day_table import DayTable, parse_day
from collectors.exchange.transport import ANSWER_SECONDS
from utils.clock import Clock
from utils.date_utils import is_final
from utils.errors import MalformedAnswer, NotPublished, SourceDown, SourceError, SourceRefuses

TRIES = 8
"""At most. The waits between them are ten minutes: as long as a restart at the exchange lasts."""
ENOUGH_SECONDS = 11 * 60
"""Longest time of tries and waits after which one more try begins, however long each takes."""
ENDS_ASKING = (SourceDown, SourceRefuses)
"""Errors that are about the source and not about the day."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class Source(Protocol):
    """Source of sessions. Every failure leaves as a `SourceError`."""

    name: str

    def shows(self, session: str, now: datetime) -> bool:
        """Return True when the source can have that session by now."""

    def fetch_day(self, session: str) -> pd.DataFrame:
        """Fetch the whole market of one day as the exchange's raw text (see
        `collectors.exchange.day_table.RAW_COLUMNS`)."""

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        """Fetch the days from first to last, both inclusive, that the exchange shows as open,
        oldest first.

        Args:
            known: day -> whether it was open, as the exchange has shown before; need not be asked
                again.
        """


class DatasetSource(Protocol):
    """Source that also has datasets."""

    name: str

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        """Fetch one dataset of the whole market of one day as the exchange's raw text (see
        `collectors.exchange.dataset_tables`)."""

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        """Fetch an index series from first to last, both inclusive, as the exchange's raw text."""


S = TypeVar("S", Source, DatasetSource)


class FetchedDay(NamedTuple):
    """Answer of a source for one day."""

    table: DayTable
    source: str


class Sources:
    """All sources that are set up. A request goes to whichever has an answer.

    Args:
        for_evenings: in the order in which they are asked for the calendar and for sessions that
            are not final yet.
        for_history: the same sources in the order in which they are asked for sessions that are
            final.
        pause: waits so many seconds; it may raise when a stop is requested.
        for_datasets: those of them that have datasets.
        on_health_change: receives a source and the kind of its error, or None when it answers well
            again: for each source the first result of a run, and then every change.
    """

    def __init__(
        self,
        for_evenings: Sequence[Source],
        for_history: Sequence[Source],
        clock: Clock,
        pause: Callable[[float], None],
        for_datasets: Sequence[DatasetSource] = (),
        on_health_change: Callable[[str, str | None], None] = lambda source, kind: None,
    ) -> None:
        self._evenings, self._history, self._datasets = for_evenings, for_history, for_datasets
        self._clock, self._pause, self._on_health_change = clock, pause, on_health_change
        self._last_reported: dict[str, str | None] = {}
        self._out: set[str] = set()
        """Sources that refused or were down in this run: passed over while another can be asked."""

    def fetch_day(self, session: str) -> FetchedDay:
        """Return the day of the first source that has it. Raise the last source's `SourceError`
        when none has."""
        now = self._clock.now_kst()
        ordered = self._history if is_final(session, now) else self._evenings
        able = [source for source in ordered if source.shows(session, now)]
        if not able:
            raise NotPublished(
                f"No source that is set up has {session} yet. It is asked for at the next run."
            )

        return self._first_success(able, lambda source: self._fetch_day_from(source, session))

    def fetch_day_of_other(self, source: str, session: str) -> FetchedDay | None:
        """Return the day from the other source than this one; None when there is none that can
        have it, or when it is left alone. One that refuses or is down is left alone from then
        on."""
        now = self._clock.now_kst()
        for other in self._history:
            if other.name not in {source, *self._out} and other.shows(session, now):
                try:
                    with self._health_reported(other.name):
                        return self._fetch_day_from(other, session)
                except ENDS_ASKING:
                    self._out.add(other.name)
                    raise
        return None

    def _fetch_day_from(self, source: Source, session: str) -> FetchedDay:
        raw = self._retrying(lambda: source.fetch_day(session))
        return FetchedDay(parse_day(raw, session), source.name)

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        """Return the open days from first to last, both inclusive, oldest first."""
        return self._first_success(
            self._evenings,
            lambda source: self._retrying(lambda: source.fetch_sessions(first, last, known)),
        )

    @property
    def has_datasets(self) -> bool:
        """True when a source that is set up has datasets."""
        return bool(self._datasets)

    @property
    def can_be_asked_for_datasets(self) -> bool:
        """True while one of those has not been found to refuse or to be down in this run."""
        return any(source.name not in self._out for source in self._datasets)

    def fetch_dataset(self, name: str, session: str, parse: Callable[[pd.DataFrame], T]) -> T:
        """Return the exchange's table as `parse` understands it. Raise the error of `parse` or the
        source's `SourceError`."""
        return self._first_success(
            self._datasets,
            lambda source: parse(self._retrying(lambda: source.fetch_dataset(name, session))),
        )

    def fetch_index(
        self, index: str, first: str, last: str, parse: Callable[[pd.DataFrame], T]
    ) -> T:
        """Return an index series from first to last, both inclusive, in the same way."""
        return self._first_success(
            self._datasets,
            lambda source: parse(self._retrying(lambda: source.fetch_index(index, first, last))),
        )

    def _first_success(self, ordered: Sequence[S], ask: Callable[[S], T]) -> T:
        """Return the answer of the first source that has one.

        When none has, an error about this day is raised before one about a whole source: other days
        may still be had.
        """
        problems: list[SourceError] = []
        for source in self._in_service(ordered):
            try:
                with self._health_reported(source.name):
                    return ask(source)
            except SourceError as problem:
                problems.append(problem)
                if isinstance(problem, ENDS_ASKING):
                    self._out.add(source.name)
                if len(ordered) > 1:
                    log.warning("%s: %s", source.name, problem)
        raise min(reversed(problems), key=lambda problem: isinstance(problem, ENDS_ASKING))

    @contextmanager
    def _health_reported(self, source: str) -> Iterator[None]:
        try:
            yield
        except (*ENDS_ASKING, MalformedAnswer) as problem:
            self._report_change(source, problem.kind)
            raise
        except SourceError:  # that a day is closed or not out yet is a good answer too
            self._report_change(source, None)
            raise
        self._report_change(source, None)

    def _report_change(self, source: str, kind: str | None) -> None:
        if self._last_reported.get(source, "") != kind:
            self._last_reported[source] = kind
            self._on_health_change(source, kind)

    def _in_service(self, ordered: Sequence[S]) -> Iterator[S]:
        """Yield the sources that are not out, and always the last one."""
        for position, source in enumerate(ordered):
            if source.name not in self._out or position == len(ordered) - 1:
                yield source

    def _retrying(self, request: Callable[[], T]) -> T:
        """Send the request, again when a second try can help."""
        held = 0.0

        def timed() -> T:
            nonlocal held
            begun = self._clock.monotonic()
            try:
                return request()
            finally:  # what else it took went into answers
                held += min(self._clock.monotonic() - begun, ANSWER_SECONDS)

        def is_enough(state: tenacity.RetryCallState) -> bool:
            is_late = held + state.idle_for + state.upcoming_sleep > ENOUGH_SECONDS
            return is_late or state.attempt_number >= TRIES

        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(SourceDown),
            stop=is_enough,
            wait=tenacity.wait_exponential_jitter(multiplier=5, max=300),
            sleep=self._pause,
            before_sleep=_log_retry,
            reraise=True,
        )
        return retry(timed)


def _log_retry(state: tenacity.RetryCallState) -> None:
    problem, wait = state.outcome and state.outcome.exception(), state.upcoming_sleep
    log.warning("%s Try %d of %d in %d seconds.", problem, state.attempt_number + 1, TRIES, wait)

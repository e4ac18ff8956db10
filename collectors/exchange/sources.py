"""The exchange's sources, in the order in which they are to be asked: who can have the day, who is
preferred, who is asked instead when one refuses, and what is tried again."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Protocol, TypeVar

import pandas as pd
import tenacity

from collectors.exchange.answers import parse_day
from utils.clock import Clock
from utils.date_utils import is_final
from utils.errors import MalformedAnswer, NotPublished, SourceDown, SourceError, SourceRefuses

TRIES = 8
"""With the waits between them some ten minutes: as long as a hiccup or a restart at the exchange
lasts."""
ENDS_ASKING = (SourceDown, SourceRefuses)
"""What says that the source, and not the day, is the matter."""
T = TypeVar("T")
log = logging.getLogger(__name__)


class Source(Protocol):
    """Where sessions come from. Whatever cannot be had leaves as a `SourceError`."""

    name: str

    def shows(self, session: str, now: datetime) -> bool:
        """Whether the source can have that session by now."""

    def fetch_day(self, session: str) -> pd.DataFrame:
        """The whole market of one day as the exchange's raw text (see
        `collectors.exchange.answers.RAW_COLUMNS`)."""

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        """The days from first to last, both inclusive, that the exchange shows as open, oldest
        first.

        Args:
            known: day -> whether it was open, as the exchange has shown before; need not be asked
                again.
        """


class DatasetSource(Protocol):
    """A source that also has what the exchange publishes beside the prices."""

    name: str

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        """One dataset of the whole market of one day as the exchange's raw text (see
        `collectors.exchange.dataset_tables`)."""

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        """The series of an index from first to last, both inclusive, as the exchange's raw text."""


S = TypeVar("S", Source, DatasetSource)


class Sources:
    """What the exchange publishes, from whichever source has it.

    Args:
        for_evenings: in the order in which they are asked for the calendar and for sessions that
            are not final yet.
        for_history: the same sources in the order in which they are asked for sessions that are
            final.
        pause: waits so many seconds; it may raise when a stop is requested.
        for_datasets: those of them that have datasets beside the prices.
        note: is told how a source fails, by the kind of the error, or None: that it answers well
            again. Of each source the first word in a run, and then what is new.
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
        self._last_told: dict[str, str | None] = {}
        self._out: set[str] = set()
        """Sources that refused or were down while another could be asked: not asked again in this
        run."""

    def fetch_day(
        self, session: str, check: Callable[[pd.DataFrame], None]
    ) -> tuple[pd.DataFrame, str]:
        """The typed day (see `parse_day`) and the name of the source it is from.

        Args:
            check: raises `MalformedAnswer` for a day that cannot be what the exchange published.
        Raises:
            the last source's `SourceError` when no source has it.
        """
        now = self._clock.now_kst()
        ordered = self._history if is_final(session, now) else self._evenings
        able = [source for source in ordered if source.shows(session, now)]
        if not able:
            raise NotPublished(
                f"No source that is set up has {session} yet. It is asked for at the next run."
            )

        def fetch(source: Source) -> tuple[pd.DataFrame, str]:
            frame = self._fetch_day_from(source, session)
            check(frame)
            return frame, source.name

        return self._first_success(able, fetch)

    def fetch_day_of_other(
        self, source: str, session: str, check: Callable[[pd.DataFrame], None]
    ) -> pd.DataFrame | None:
        """The typed day from the other source than this one; None when there is none, or when it is
        left alone."""
        others = [each for each in self._history if each.name not in {source, *self._out}]
        if not others:
            return None
        with self._health_told(others[0].name):
            frame = self._fetch_day_from(others[0], session)
            check(frame)
        return frame

    def _fetch_day_from(self, source: Source, session: str) -> pd.DataFrame:
        return parse_day(self._retrying(lambda: source.fetch_day(session)), session)

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        """The days from first to last, both inclusive, that the exchange shows as open, oldest
        first."""
        return self._first_success(
            self._evenings,
            lambda source: self._retrying(lambda: source.fetch_sessions(first, last, known)),
        )

    @property
    def has_datasets(self) -> bool:
        """Whether a source that is set up has datasets beside the prices."""
        return bool(self._datasets)

    @property
    def can_be_asked_for_datasets(self) -> bool:
        """Whether one of those has not been found to refuse or to be down in this run."""
        return any(source.name not in self._out for source in self._datasets)

    def fetch_dataset(self, name: str, session: str, parse: Callable[[pd.DataFrame], T]) -> T:
        """What `parse` makes of the exchange's table. Raises the source's or its `SourceError`."""
        return self._first_success(
            self._datasets,
            lambda source: parse(self._retrying(lambda: source.fetch_dataset(name, session))),
        )

    def fetch_index(
        self, index: str, first: str, last: str, parse: Callable[[pd.DataFrame], T]
    ) -> T:
        """The same of an index series from first to last, both inclusive."""
        return self._first_success(
            self._datasets,
            lambda source: parse(self._retrying(lambda: source.fetch_index(index, first, last))),
        )

    def _first_success(self, ordered: Sequence[S], ask: Callable[[S], T]) -> T:
        """The answer of the first source that has one. When none has, what one of them said of this
        day goes before what keeps another from answering at all: other days may still be had."""
        problems: list[SourceError] = []
        for source in self._in_service(ordered):
            try:
                with self._health_told(source.name):
                    return ask(source)
            except SourceError as problem:
                problems.append(problem)
                if isinstance(problem, ENDS_ASKING):
                    self._out.add(source.name)
                if len(ordered) > 1:
                    log.warning("%s: %s", source.name, problem)
        raise min(reversed(problems), key=lambda problem: isinstance(problem, ENDS_ASKING))

    @contextmanager
    def _health_told(self, source: str) -> Iterator[None]:
        try:
            yield
        except (*ENDS_ASKING, MalformedAnswer) as problem:
            self._tell_change(source, problem.kind)
            raise
        except SourceError:  # that a day is closed or not out yet is a good answer too
            self._tell_change(source, None)
            raise
        self._tell_change(source, None)

    def _tell_change(self, source: str, kind: str | None) -> None:
        if self._last_told.get(source, "") != kind:
            self._last_told[source] = kind
            self._on_health_change(source, kind)

    def _in_service(self, ordered: Sequence[S]) -> Iterator[S]:
        """Whoever is out is left out, but for the last hope."""
        for position, source in enumerate(ordered):
            if source.name not in self._out or position == len(ordered) - 1:
                yield source

    def _retrying(self, request: Callable[[], T]) -> T:
        """Only what a second try can mend is tried again."""
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(SourceDown),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential_jitter(multiplier=5, max=300),
            sleep=self._pause,
            before_sleep=_say_that_it_is_tried_again,
            reraise=True,
        )
        return retry(request)


def _say_that_it_is_tried_again(state: tenacity.RetryCallState) -> None:
    problem, wait = state.outcome and state.outcome.exception(), state.upcoming_sleep
    log.warning("%s Try %d of %d in %d seconds.", problem, state.attempt_number + 1, TRIES, wait)

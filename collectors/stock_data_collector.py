"""One session from the exchange into the store: ask, parse, check, factor, save, read back."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import ParamSpec, Protocol, TypeVar

import numpy as np
import pandas as pd
import tenacity

from collectors.answers import parse_day
from collectors.corporate_actions import find_actions
from collectors.integrity import check_day
from utils.clock import Clock
from utils.date_utils import TradingCalendar, is_final, neighbours, weekdays
from utils.errors import Banned, ClosedMarket, MalformedAnswer, NotPublished, SourceDown, StoreError
from utils.market_day import DAY_COLUMNS, FINAL, PROVISIONAL, MarketDay
from utils.store import Store
from utils.store.sessions import SessionHead

BAN_LASTS = timedelta(hours=24)
TRIES = 4
P = ParamSpec("P")
R = TypeVar("R")
log = logging.getLogger(__name__)


class Source(Protocol):
    """Where sessions come from."""

    name: str

    def fetch_day(self, session: str) -> pd.DataFrame:
        """The whole market of one day as the exchange's raw text (see `collectors.answers.RAW_COLUMNS`)."""

    def fetch_sessions(self, first: str, last: str) -> list[str]:
        """The days from first to last, both inclusive, that the exchange shows as open, oldest first."""


@dataclass(frozen=True)
class Collected:
    """What collecting one session came to."""

    head: SessionHead
    frame: pd.DataFrame
    """The typed day as it was published (see `MarketDay.frame`), without factors."""
    actions: int
    changed: list[str]
    """Tickers whose cells differ from what was stored before; empty when the session is new."""


class StockDataCollector:
    """Collects sessions from a source into the store."""

    def __init__(self, source: Source, store: Store, clock: Clock) -> None:
        self._source, self._store, self._clock = source, store, clock
        self.calendar = TradingCalendar(store.observed_calendar())

    @property
    def source_name(self) -> str:
        return self._source.name

    def learn_calendar(self, first: str, last: str) -> None:
        """Ask which days from first to last were sessions, in one request, and remember the answer.

        A weekday that the series leaves out is closed, finally, once a later day is in it; otherwise it stays unknown.
        """
        shown = self._retrying(self._source.fetch_sessions, first, last)
        stored = [head.session for head in self._store.session_heads() if first <= head.session <= last]
        if missing := sorted(set(stored) - set(shown)):
            raise MalformedAnswer(f"The exchange's index series lacks {missing[0]}, which is stored as a session.")
        if not shown:
            return
        settled = weekdays(first, shown[-1])
        news = self._store.record_calendar({day: day in shown for day in settled}, "index series")
        self.calendar = TradingCalendar(self._store.observed_calendar())
        for day in sorted(news):
            if news[day] != TradingCalendar().is_session(day):
                log.warning("%s was predicted wrongly: the exchange was %s.", day, "open" if news[day] else "closed")

    def collect(self, session: str) -> Collected:
        """Bring one session into the store, whole and checked, and settle the factors beside it.

        Raises `ClosedMarket` when the day turns out to be no session, `NotPublished` while it cannot be told, any
        other `SourceError` as the answer was, `StoreError` when it cannot be read back.
        """
        read_at = self._clock.now_utc()
        frame = self._fetch(session)
        before = self._store.load_session(session)
        earlier, later = neighbours(session, [head.session for head in self._store.session_heads()])
        check_day(frame, session, self._frame(earlier))
        finality = FINAL if is_final(session, read_at) else PROVISIONAL
        head, actions = self._save(session, frame, finality, self._source.name)
        self._store.record_calendar({session: True}, "session")
        if later is not None and self.calendar.previous_session(later) == session:
            self._settle(later)
        return Collected(head, frame, actions, [] if before is None else _changed(before.frame, frame))

    def _fetch(self, session: str) -> pd.DataFrame:
        raw = self._retrying(self._source.fetch_day, session)
        try:
            return parse_day(raw, session)
        except NotPublished as unknown:
            self._decide_whether_closed(session, unknown)
            raise

    def _decide_whether_closed(self, session: str, unknown: NotPublished) -> None:
        """All `-` alone says nothing; the index series does, once it shows a later day."""
        start = self.calendar.previous_session(session)
        self.learn_calendar(start, self._clock.now_kst().date().isoformat())
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown

    def _save(self, session: str, frame: pd.DataFrame, finality: str, source: str) -> tuple[SessionHead, int]:
        previous = self._store.load_session(self.calendar.previous_session(session))
        found = find_actions(None if previous is None else previous.frame, frame, session)
        day = MarketDay(session, frame.assign(factor=found.factor)[list(DAY_COLUMNS)], finality, source)
        head = self._store.save_session(day, found.documents())
        self._read_back(day)
        return head, len(found.found)

    def _settle(self, session: str) -> None:
        """A session's factors can be known once the session before it is there."""
        day = self._store.load_session(session)
        if day is not None and np.isnan(day.frame["factor"]).any():
            self._save(session, day.frame, day.finality, day.source)

    def _read_back(self, day: MarketDay) -> None:
        stored = self._store.load_session(day.session)
        if stored is None or stored.digest() != day.digest():
            raise StoreError(f"Session {day.session} does not read back as it was written. Check disk and database.")

    def _frame(self, session: str | None) -> pd.DataFrame | None:
        day = None if session is None else self._store.load_session(session)
        return None if day is None else day.frame

    def _retrying(self, request: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Only what a second try can mend is tried again; a ban closes the source for everybody."""
        retry = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(SourceDown),
            stop=tenacity.stop_after_attempt(TRIES),
            wait=tenacity.wait_exponential_jitter(multiplier=5, max=60),
            sleep=self._clock.sleep,
            before_sleep=tenacity.before_sleep_log(log, logging.WARNING),
            reraise=True,
        )
        try:
            return retry(request, *args, **kwargs)
        except Banned as ban:
            self._store.block_source(self._source.name, self._clock.now_utc() + BAN_LASTS, ban.kind)
            raise


def _changed(before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """The tickers whose published cells differ, appeared or went."""
    published = [name for name in DAY_COLUMNS if name != "factor"]
    both = pd.concat([before[published], after[published]])
    return sorted(set(both.loc[~both.duplicated(keep=False), "ticker"]))

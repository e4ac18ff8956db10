"""One session from the exchange into the store: ask, parse, check, factor, save, read back."""

import logging
from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import ParamSpec, Protocol, TypeVar

import pandas as pd
import tenacity

from collectors.answers import parse_day
from collectors.corporate_actions import find_actions
from collectors.integrity import check_day
from utils.clock import Clock
from utils.date_utils import TradingCalendar, is_final, neighbours, predicted_open, weekdays
from utils.errors import Banned, ClosedMarket, MalformedAnswer, NotPublished, SourceDown, StoreError
from utils.market_day import DAY_COLUMNS, FINAL, PROVISIONAL, MarketDay
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
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
    is_newest: bool
    """No later session is stored."""


class StockDataCollector:
    """Collects sessions from a source into the store."""

    def __init__(self, source: Source, store: Store, clock: Clock) -> None:
        self._source, self._store, self._clock = source, store, clock
        self._stored = [head.session for head in store.session_heads()]  # kept in step with what is saved here
        self.calendar = TradingCalendar(store.observed_calendar())

    def learn_calendar(self, first: str, last: str) -> list[str]:
        """Ask which days from first to last were sessions, in one request; remember it and act on it. Returns those
        that were shown, oldest first.

        A weekday that the series leaves out between two it shows was closed, finally; outside them it stays unknown.
        """
        shown = self._retrying(self._source.fetch_sessions, first, last)
        open_days = set(shown)
        if missing := sorted({each for each in self._stored if first <= each <= last} - open_days):
            raise MalformedAnswer(f"The exchange's index series lacks {missing[0]}, which is stored as a session.")
        settled = {day: day in open_days for day in weekdays(shown[0], shown[-1])} if shown else {}
        known = self._store.observed_calendar()
        news = {day: is_open for day, is_open in settled.items() if known.get(day) != is_open}
        self.calendar = TradingCalendar(known | news)
        for day in sorted(news):
            if news[day] != predicted_open(day):
                log.warning("%s was predicted wrongly: the exchange was %s.", day, "open" if news[day] else "closed")
                self._settle_after(day)
        self._store.forget_jobs(DAILY_UPDATE, [day for day, is_open in news.items() if not is_open])
        # Last, so that a run that dies before has all of it to do again.
        self._store.record_calendar(news, "index series")
        return shown

    def collect(self, session: str) -> Collected:
        """Bring one session into the store, whole and checked, settle the factors beside it and have analysed again
        what it changes.

        Raises `ClosedMarket` when the day turns out to be no session, `NotPublished` while it cannot be told, any
        other `SourceError` as the answer was, `StoreError` when it cannot be read back.
        """
        read_at = self._clock.now_utc()
        frame = self._fetch(session)
        before = self._load(session) if session in self._stored else None
        earlier, later = neighbours(session, self._stored)
        previous = self._load(earlier) if earlier == self.calendar.previous_session(session) else None
        check_day(frame, session, None if previous is None else previous.frame)
        changed = [] if before is None else _changed(before.frame, frame)
        # Before the session is saved: afterwards nobody could tell any more what had changed.
        if changed or (before is None and later is not None):
            behind = self.calendar.previous_session(session)
            self._store.reopen_targets(session, behind, changed if before is not None else None)
        finality = FINAL if is_final(session, read_at) else PROVISIONAL
        head, actions = self._save(MarketDay(session, frame, finality, self._source.name), previous)
        self._store.record_calendar({session: True}, "session")
        if later is not None and self.calendar.previous_session(later) == session:
            self._settle_after(session)
        return Collected(head, frame, actions, changed, is_newest=later is None)

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

    def _save(self, day: MarketDay, previous: MarketDay | None) -> tuple[SessionHead, int]:
        """Store the day with its factors, which only the exchange's session right before it can tell."""
        found = find_actions(None if previous is None else previous.frame, day.frame, day.session)
        whole = replace(day, frame=day.frame.assign(factor=found.factor)[list(DAY_COLUMNS)])
        head = self._store.save_session(whole, found.documents())
        if self._load(day.session).digest() != head.digest:
            raise StoreError(f"Session {day.session} does not read back as it was written. Check disk and database.")
        if day.session not in self._stored:
            insort(self._stored, day.session)
        return head, len(found.found)

    def _settle_after(self, day: str) -> None:
        """What was learned of a day decides whether the next stored session's factors can be known."""
        _, later = neighbours(day, self._stored)
        if later is not None:
            before = self.calendar.previous_session(later)
            self._save(self._load(later), self._load(before) if before in self._stored else None)

    def _load(self, session: str) -> MarketDay:
        if (day := self._store.load_session(session)) is None:
            raise StoreError(f"Session {session} is listed but cannot be read. Check disk and database.")
        return day

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

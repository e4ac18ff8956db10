"""One session from the exchange into the store: ask, check, factor, save, read back."""

import logging
from bisect import insort
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from collectors.corporate_actions import Actions, find_actions
from collectors.integrity import check_day, check_follows, check_loses_nothing, follows, is_short_beside
from collectors.sources import Sources
from utils.date_utils import TradingCalendar, is_final, neighbours, predicted_open, weekdays
from utils.errors import ClosedMarket, MalformedAnswer, NotPublished, StoreError
from utils.market_day import DAY_COLUMNS, FINAL, PROVISIONAL, PUBLISHED_COLUMNS, MarketDay, differing_tickers
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.sessions import SessionHead

MOST_DOUBTS = 3
"""Stored sessions that one collector reads once more in vain because what comes after them does not follow."""
log = logging.getLogger(__name__)


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
    """Collects sessions from the exchange's sources into the store.

    Args:
        calendar: what is known of the days so far; the collector's own `calendar` learns more.
    """

    def __init__(self, sources: Sources, store: Store, calendar: TradingCalendar) -> None:
        self._sources, self._store, self._clock = sources, store, store.clock
        self._stored = [head.session for head in store.session_heads()]  # kept in step with what is saved here
        self._doubts = MOST_DOUBTS
        self.calendar = calendar

    def learn_calendar(self, first: str, last: str) -> list[str]:
        """Ask which days from first to last were sessions; remember it and act on it. Returns those that were shown,
        oldest first.

        A weekday that the series leaves out between two it shows was closed, finally; outside them it stays unknown.
        """
        known = self._store.observed_calendar()
        shown = self._sources.fetch_sessions(first, last, known)
        open_days = set(shown)
        if missing := sorted({each for each in self._stored if first <= each <= last} - open_days):
            raise MalformedAnswer(f"The exchange's index series lacks {missing[0]}, which is stored as a session.")
        settled = {day: day in open_days for day in weekdays(shown[0], shown[-1])} if shown else {}
        news = {day: is_open for day, is_open in settled.items() if known.get(day) != is_open}
        self.calendar = self.calendar.knowing(news)
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
        what it changes. A session that is stored already is read again; what is damaged counts as not stored.

        Raises `ClosedMarket` when the day turns out to be no session, `NotPublished` while it cannot be told, any
        other `SourceError` as the answer was, `StoreError` when it cannot be read back.
        """
        read_at = self._clock.now_utc()
        frame, source = self._fetch(session)
        before = self._readable(session)
        if before is not None:
            check_loses_nothing(frame, session, before.frame)
            frame = frame if before.source == source else _with_names_of(before.frame, frame)
        previous = self._followed(frame, session)
        changed = [] if before is None else differing_tickers(before.frame, frame, PUBLISHED_COLUMNS)
        _, later = neighbours(session, self._stored)
        # Before the session is saved: afterwards nobody could tell any more what had changed.
        if changed or (before is None and (later is not None or session in self._stored)):
            behind = self.calendar.previous_session(session)
            self._store.reopen_targets(session, behind, changed if before is not None else None)
        finality = FINAL if is_final(session, read_at) else PROVISIONAL
        found = find_actions(None if previous is None else previous.frame, frame, session)
        head = self._save(MarketDay(session, frame, finality, source), found)
        self._store.record_calendar({session: True}, "session")
        self._settle_after(session)
        return Collected(head, frame, len(found.found), changed, is_newest=later is None)

    def settle_factors(self, session: str) -> None:
        """Find the factors and corporate actions of a stored session anew in what is stored, and have analysed again
        what they change. Raises `StoreError` when the session is damaged."""
        day = self._load(session)
        self._settle(day, self._find_actions(day))

    def _fetch(self, session: str) -> tuple[pd.DataFrame, str]:
        try:
            return self._sources.fetch_day(session, lambda frame: check_day(frame, session))
        except NotPublished as unknown:
            self._decide_whether_closed(session, unknown)
            raise

    def _decide_whether_closed(self, session: str, unknown: NotPublished) -> None:
        """All `-` alone says nothing; the index series does, once it shows a later day."""
        start = self.calendar.previous_session(session)
        self.learn_calendar(start, self._clock.now_kst().date().isoformat())
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown

    def _followed(self, frame: pd.DataFrame, session: str) -> MarketDay | None:
        """The stored session right before, which this day has been found to follow; None while there is none.

        When it does not follow, one of the two is wrong. Where that may be the stored one it is read once more. Raises
        `MalformedAnswer` when the day still does not follow.
        """
        previous = self._before(session)
        if previous is None:
            return None
        try:
            check_follows(frame, session, previous.frame)
            doubtful = is_short_beside(previous.frame, frame)
        except MalformedAnswer:
            doubtful = self._may_be_wrong(previous, frame, session)
            if not (doubtful and self._doubts):
                raise
        if doubtful and self._doubts:
            previous = self._read_again(previous)
            check_follows(frame, session, previous.frame)
        return previous

    def _may_be_wrong(self, previous: MarketDay, frame: pd.DataFrame, session: str) -> bool:
        """Whether the stored session, and not this day which does not follow it, may be the wrong one of the two: the
        stored session after this day follows it, or the stored one itself follows none."""
        _, later = neighbours(session, self._stored)
        if later is not None and self.calendar.previous_session(later) == session:
            after = self._readable(later)
            return after is not None and follows(after.frame, later, frame)
        before = self._before(previous.session)
        return before is None or not follows(previous.frame, previous.session, before.frame)

    def _read_again(self, day: MarketDay) -> MarketDay:
        """The session as the exchange shows it now; as it is stored when it cannot be had."""
        log.warning("%s may be wrong, since the session after it does not follow. Reading it once more.", day.session)
        self._doubts -= 1
        try:
            again = self.collect(day.session)
        except (MalformedAnswer, NotPublished) as problem:
            log.warning("%s", problem)
            return day
        if again.changed:
            self._doubts = MOST_DOUBTS
            log.warning("%s was wrong in %d tickers and is mended.", day.session, len(again.changed))
        return self._load(day.session)

    def _before(self, session: str) -> MarketDay | None:
        """The session right before, None when it is not stored or damaged: then factors cannot be known."""
        return self._readable(self.calendar.previous_session(session))

    def _find_actions(self, day: MarketDay) -> Actions:
        """Only the exchange's session right before it can tell; without it every factor is unknown."""
        previous = self._before(day.session)
        return find_actions(None if previous is None else previous.frame, day.frame, day.session)

    def _save(self, day: MarketDay, found: Actions) -> SessionHead:
        """Store the day with its factors and corporate actions, and see that it reads back."""
        whole = replace(day, frame=day.frame.assign(factor=found.factor)[list(DAY_COLUMNS)])
        head = self._store.save_session(whole, found.documents())
        if self._load(day.session).digest() != head.digest:
            raise StoreError(f"Session {day.session} does not read back as it was written. Check disk and database.")
        if day.session not in self._stored:
            insort(self._stored, day.session)
        return head

    def _settle_after(self, day: str) -> None:
        """What was learned of a day decides whether the next stored session's factors can be known."""
        _, later = neighbours(day, self._stored)
        if later is None or (stored := self._readable(later)) is None:
            return
        found = self._find_actions(stored)
        if not np.array_equal(stored.frame["factor"], found.factor, equal_nan=True):
            self._settle(stored, found)

    def _settle(self, day: MarketDay, found: Actions) -> None:
        """What changes is opened before it is saved: afterwards nobody could tell any more which factors had."""
        if changed := _with_other_factor(day.frame, found):
            self._store.reopen_targets(day.session, self.calendar.previous_session(day.session), changed)
        self._save(day, found)

    def _readable(self, session: str) -> MarketDay | None:
        """The stored session, None when it is not stored or damaged; the damage is said."""
        if session not in self._stored:
            return None
        try:
            return self._load(session)
        except StoreError as damage:
            log.error("%s", damage)
            return None

    def _load(self, session: str) -> MarketDay:
        if (day := self._store.load_session(session)) is None:
            raise StoreError(f"Session {session} is listed but cannot be read. Check disk and database.")
        return day


def _with_other_factor(before: pd.DataFrame, found: Actions) -> list[str]:
    """The tickers whose prices are adjusted otherwise than before; a factor that is not known counts as 1."""
    differs = np.nan_to_num(before["factor"], nan=1.0) != np.nan_to_num(found.factor, nan=1.0)
    return list(before.loc[differs, "ticker"])


def _with_names_of(before: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Sources may write a name differently; the one that was stored first stays, so that it is no revision."""
    known = frame["ticker"].map(dict(zip(before["ticker"], before["name"], strict=True)))
    return frame.assign(name=known.fillna(frame["name"]))

"""One session from the exchange into the store: ask, check, factor, save, read back."""

import logging
from bisect import insort
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from collectors.corporate_actions import Actions, find_actions
from collectors.integrity import (
    check_beyond_gap,
    check_day,
    check_follows,
    check_loses_nothing,
    follows,
    is_short_beside,
    remarks_on,
)
from collectors.sources import Sources
from utils.date_utils import TradingCalendar, is_final, neighbours, predicted_open, weekdays
from utils.errors import ClosedMarket, MalformedAnswer, NotPublished, StoreError
from utils.market_day import DAY_COLUMNS, FINAL, PROVISIONAL, PUBLISHED_COLUMNS, MarketDay, differing_tickers
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.sessions import SessionHead

LONGEST_GAP = 20
"""Sessions between two days that can still be held against each other: by then 0.2 % of the tickers have changed."""
MOST_SURPRISES = 10
"""Closures that nobody predicted, in one answer. Measured: one to three a year."""
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
    remarks: list[str]
    """What is odd about the day and may be right all the same; usually nothing."""
    is_newest: bool
    """No later session is stored."""


class Later(NamedTuple):
    """The session right after another, as it is stored or as it has just been read."""

    session: str
    frame: pd.DataFrame


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

    def learn_calendar(self, first: str, last: str, without_prices: Collection[str] = ()) -> list[str]:
        """Ask which days from first to last were sessions; remember it and act on it. Returns those that were shown or
        are stored, oldest first.

        A weekday that the series leaves out between two it shows was closed, finally; outside them it stays unknown.

        Args:
            without_prices: days whose own answer has just had no prices: they are asked for again, whatever was shown.
        """
        known = self._store.observed_calendar()
        believed = {day: is_open for day, is_open in known.items() if day not in without_prices}
        stored = {each for each in self._stored if first <= each <= last}
        shown = self._sources.fetch_sessions(first, last, believed)
        for each in sorted(stored - set(shown)):
            log.error("The exchange's index series lacks %s, which is stored as a session. It stays one.", each)
        open_days = sorted(stored.union(shown))
        settled = self._settled_by(open_days, known, without_prices)
        self._act_on({day: is_open for day, is_open in settled.items() if known.get(day) != is_open})
        return open_days

    def _settled_by(
        self, open_days: list[str], known: Mapping[str, bool], without_prices: Collection[str]
    ) -> dict[str, bool]:
        """Weekday -> whether it was open, as far as these days tell. One line left out of an answer must not close a
        session for good: a closure that nobody predicted is believed when the day itself has no prices either."""
        days = weekdays(open_days[0], open_days[-1]) if open_days else []
        settled = {day: day in open_days for day in days}
        closed = [day for day in days if not settled[day] and predicted_open(day) and known.get(day) is not False]
        if len(closed) > MOST_SURPRISES:
            raise MalformedAnswer(f"The exchange's index series lacks {len(closed)} days that should be sessions.")
        doubtful = {day for day in closed if day not in without_prices and not self._has_no_prices(day)}
        return {day: is_open for day, is_open in settled.items() if day not in doubtful}

    def _has_no_prices(self, day: str) -> bool:
        try:
            self._sources.fetch_day(day, lambda frame: None)
        except NotPublished:
            return True
        except MalformedAnswer as problem:
            log.warning("%s", problem)
            return False
        log.error("The exchange's index series lacks %s, but the day has prices. It is taken for a session.", day)
        return False

    def _act_on(self, news: Mapping[str, bool]) -> None:
        """What was learned of days is remembered last, so that a run that dies before has all of it to do again."""
        self.calendar = self.calendar.knowing(news)
        for day in sorted(news):
            if news[day] != predicted_open(day):
                log.warning("%s was predicted wrongly: the exchange was %s.", day, "open" if news[day] else "closed")
                self._settle_after(day)
        self._store.forget_jobs(DAILY_UPDATE, [day for day, is_open in news.items() if not is_open])
        self._store.record_calendar(news, "index series")

    def collect(self, session: str) -> Collected:
        """Bring one session into the store, whole and checked, settle the factors beside it and have analysed again
        what it changes. A session that is stored already is read again; what is damaged counts as not stored.

        Raises `ClosedMarket` when the day turns out to be no session, `NotPublished` while it cannot be told, any
        other `SourceError` as the answer was, `StoreError` when it cannot be read back.
        """
        return self._collect(session, None)

    def _collect(self, session: str, after: Later | None) -> Collected:
        read_at = self._clock.now_utc()
        frame, source = self._fetch(session)
        previous = self._followed(frame, session, after or self._right_after(session))
        before = self._readable(session)
        if before is not None:
            if previous is None or follows(before.frame, session, previous.frame):
                check_loses_nothing(frame, session, before.frame)
            frame = frame if before.source == source else _with_names_of(before.frame, frame)
        changed = None if before is None else differing_tickers(before.frame, frame, PUBLISHED_COLUMNS)
        found = find_actions(None if previous is None else previous.frame, frame, session)
        day = MarketDay(session, frame, FINAL if is_final(session, read_at) else PROVISIONAL, source)
        head = self._save_and_reopen(day, found, changed)
        self._store.record_calendar({session: True}, "session")
        self._settle_after(session)
        stored_after = self._right_after(session)
        if previous is None and stored_after and not follows(stored_after.frame, stored_after.session, frame):
            self._read_again(self._load(stored_after.session), None)
        _, later = neighbours(session, self._stored)
        remarks = [*remarks_on(frame, session, None if previous is None else previous.frame), *found.remarks()]
        for remark in remarks:
            log.warning("%s: %s", session, remark)
        return Collected(head, frame, len(found.found), changed or [], remarks, is_newest=later is None)

    def _save_and_reopen(self, day: MarketDay, found: Actions, changed: list[str] | None) -> SessionHead:
        """Before the session is saved, what it changes is opened: afterwards nobody could tell any more what had
        changed. And after: an analysis of the old prices may have been marked in between.

        Args:
            changed: tickers; None when the session is new or was damaged, so that anything may have changed.
        """
        self._store.beat_locks()  # whoever has lost its lock in the meantime writes nothing
        _, later = neighbours(day.session, self._stored)
        is_new = changed is None and later is None and day.session not in self._stored
        if is_new or changed == []:
            return self._save(day, found)
        behind = self.calendar.previous_session(day.session)
        self._store.reopen_targets(day.session, behind, changed)
        head = self._save(day, found)
        self._store.reopen_targets(day.session, behind, changed)
        return head

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
        self.learn_calendar(start, self._clock.now_kst().date().isoformat(), without_prices=[session])
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown

    def _followed(self, frame: pd.DataFrame, session: str, after: Later | None) -> MarketDay | None:
        """The stored session right before, which this day has been found to follow; None while there is none.

        When it does not follow, one of the two is wrong. Where that may be the stored one it is read once more. Raises
        `MalformedAnswer` when the day still does not fit.
        """
        previous = self._mended_before(session)
        if previous is None:
            self._check_without_previous(frame, session, after)
            return None
        try:
            check_follows(frame, session, previous.frame)
            doubtful = is_short_beside(previous.frame, frame)
        except MalformedAnswer:
            doubtful = self._may_be_wrong(previous, frame, after)
            if not (doubtful and self._doubts):
                raise
        if doubtful and self._doubts:
            previous = self._read_again(previous, Later(session, frame))
            check_follows(frame, session, previous.frame)
        return previous

    def _check_without_previous(self, frame: pd.DataFrame, session: str, after: Later | None) -> None:
        """Without the session right before, the one right after it or the nearest earlier one tells whether it fits."""
        if after is not None and not follows(after.frame, after.session, frame):
            check_follows(self._fetch(after.session)[0], after.session, frame)
        earlier, _ = neighbours(session, self._stored)
        if earlier is None or len(self.calendar.sessions(earlier, session)) > LONGEST_GAP:
            return
        if (day_before_gap := self._readable(earlier)) is not None:
            check_beyond_gap(frame, session, day_before_gap.frame)

    def _may_be_wrong(self, previous: MarketDay, frame: pd.DataFrame, after: Later | None) -> bool:
        """Whether the stored session, and not this day which does not follow it, may be the wrong one of the two: the
        session after this day follows it, or the stored one does not follow its own."""
        if after is not None:
            return follows(after.frame, after.session, frame)
        before = self._before(previous.session)
        return before is not None and not follows(previous.frame, previous.session, before.frame)

    def _read_again(self, day: MarketDay, after: Later | None) -> MarketDay:
        """The session as the exchange shows it now; as it is stored when it cannot be had."""
        log.warning("%s may be wrong: the session beside it does not fit. Reading it once more.", day.session)
        self._doubts -= 1
        try:
            again = self._collect(day.session, after)
        except (MalformedAnswer, NotPublished) as problem:
            log.warning("%s", problem)
            return day
        if again.changed:
            self._doubts = MOST_DOUBTS
            log.warning("%s was wrong in %d tickers and is mended.", day.session, len(again.changed))
        return self._load(day.session)

    def _mended_before(self, session: str) -> MarketDay | None:
        """The session right before; one that is damaged is read from the exchange again."""
        previous = self.calendar.previous_session(session)
        day = self._readable(previous)
        if day is not None or previous not in self._stored or not self._doubts:
            return day
        self._doubts -= 1
        try:
            self._collect(previous, None)
        except (MalformedAnswer, NotPublished) as problem:
            log.warning("%s", problem)
        return self._readable(previous)

    def _right_after(self, session: str) -> Later | None:
        """The exchange's next session, when it is stored and can be read."""
        _, later = neighbours(session, self._stored)
        if later is None or self.calendar.previous_session(later) != session:
            return None
        day = self._readable(later)
        return None if day is None else Later(later, day.frame)

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

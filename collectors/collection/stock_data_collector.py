"""One session from the exchange into the store: ask, check, factor, save, read back."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pandas as pd

from collectors.collection.calendar_learning import CalendarLearner
from collectors.collection.stored_sessions import StoredSessions
from collectors.exchange.sources import Sources
from collectors.rules.corporate_actions import Actions, find_actions
from collectors.rules.day_order import Facts, Step, next_step
from collectors.rules.integrity import (
    check_beyond_gap,
    check_day,
    check_follows,
    check_loses_nothing,
    follows,
    lacks_many_tickers_of,
    remarks_on,
)
from utils.date_utils import TradingCalendar, is_final
from utils.errors import ClosedMarket, MalformedAnswer, NotPublished
from utils.market_day import FINAL, PROVISIONAL, PUBLISHED_COLUMNS, MarketDay, differing_tickers
from utils.store import Store
from utils.store.sessions import SessionHead

LONGEST_GAP = 20
"""Sessions between two days that can still be held against each other: by then 0.2 % of the tickers
have changed."""
MOST_RECHECKS = 3
"""Stored sessions that one collector reads once more in vain because what comes after them does not
follow."""
_MAY_BE_WRONG = "%s may be wrong: the session beside it does not fit. Reading it once more."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collected:
    """One session, collected."""

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


class _Agenda:
    """The sessions to collect in one call.

    Attributes:
        wanted: the session that was asked for.
        left: those to collect, the last one first.
        asked: all that were ever on it: each is read once at most.
        read: days as the exchange shows them now.
        after: session -> the day right after it as it was read just now, which it has to fit.
    """

    def __init__(self, session: str) -> None:
        self.wanted, self.left, self.asked = session, [session], {session}
        self.read: dict[str, MarketDay] = {}
        self.after: dict[str, MarketDay] = {}

    @property
    def top(self) -> str:
        return self.left[-1]

    def put(self, session: str) -> None:
        """Put it on top."""
        self.left.append(session)
        self.asked.add(session)

    def put_below(self, session: str) -> None:
        """Put it right below the top, unless it has been on the agenda already."""
        if session not in self.asked:
            self.left.insert(-1, session)
            self.asked.add(session)


class StockDataCollector:
    """Collects sessions from the exchange's sources into the store.

    Args:
        calendar: what is known of the days so far; the collector's own `calendar` learns more.
    """

    def __init__(self, sources: Sources, store: Store, calendar: TradingCalendar) -> None:
        self._sources, self._store, self._clock = sources, store, store.clock
        self._stored = StoredSessions(store, calendar)
        self._learner = CalendarLearner(sources, self._stored)
        self._rechecks_left = MOST_RECHECKS

    @property
    def calendar(self) -> TradingCalendar:
        return self._stored.calendar

    def learn_calendar(
        self, first: str, last: str, without_prices: Collection[str] = ()
    ) -> list[str]:
        """See `CalendarLearner.learn`."""
        return self._learner.learn(first, last, without_prices)

    def refind_factors(self, session: str) -> None:
        """See `StoredSessions.refind_factors`."""
        self._stored.refind_factors(session)

    def forget_factors_behind_holes(self, first: str, last: str) -> None:
        """See `StoredSessions.forget_factors_behind_holes`."""
        self._stored.forget_factors_behind_holes(first, last)

    def collect(self, session: str) -> Iterator[Collected]:
        """Yield each session that is collected, in the order in which it is stored: the one asked
        for, and others without which it does not fit. A session that is stored already is read
        again; what is damaged counts as not stored.

        Each one is stored whole and checked, with the factors beside it, and what it changes is to
        be analysed again. What another session cannot be had for is a warning.

        Raises:
            ClosedMarket: the day turns out to be no session.
            NotPublished: it cannot be told yet.
            SourceError: any other, as the answer was.
            StoreError: what was saved cannot be read back.
        """
        agenda = _Agenda(session)
        while agenda.left:
            try:
                collected = self._take_step(agenda)
            except (ClosedMarket, MalformedAnswer, NotPublished) as problem:
                if agenda.top == session:
                    raise
                log.warning("%s", problem)
                agenda.left.pop()
            else:
                if collected is not None:
                    yield collected

    def _take_step(self, agenda: _Agenda) -> Collected | None:
        """Store the day on top and take it off the agenda, or put on it what has to come first."""
        session = agenda.top
        if session not in agenda.read:
            agenda.read[session] = self._fetch(session)
        day, previous = agenda.read[session], self._stored.before(session)
        after = agenda.after.get(session) or self._stored.right_after(session)
        step = next_step(self._facts(day, previous, after, agenda))
        if step is Step.STORE:
            collected = self._store_day(day, previous)
            agenda.left.pop()
            self._say_what_was_wrong(collected, agenda)
            return collected
        if step is Step.READ_PREVIOUS:
            self._read_previous(day, previous, agenda)
        elif step is Step.ASK_NEXT and after is not None:
            self._ask_next(day, after.session, agenda)
        elif previous is not None:
            self._look_between(previous, day, agenda)
        return None

    def _facts(
        self,
        day: MarketDay,
        previous: MarketDay | None,
        after: MarketDay | None,
        agenda: _Agenda,
    ) -> Facts:
        behind = self.calendar.previous_session(day.session)
        return Facts(
            follows_previous=_follows(day, previous),
            next_follows=None if after is None else _follows(after, day),
            may_read_previous=behind not in agenda.asked and self._rechecks_left > 0,
            previous_is_damaged=previous is None and behind in self._stored,
            previous_is_short=previous is not None
            and lacks_many_tickers_of(previous.frame, day.frame),
            previous_follows_its_own=self._follows_its_own(previous, day),
        )

    def _follows_its_own(self, previous: MarketDay | None, day: MarketDay) -> bool | None:
        """None also where the day follows: then nobody asks."""
        if previous is None or _follows(day, previous):
            return None
        return _follows(previous, self._stored.before(previous.session))

    def _read_previous(self, day: MarketDay, previous: MarketDay | None, agenda: _Agenda) -> None:
        """Put the session before the day on top. Where nothing is stored before that one either, it
        has to fit the day; unless it is damaged, then nothing is lost with it."""
        self._rechecks_left -= 1
        agenda.put(behind := self.calendar.previous_session(day.session))
        if previous is not None:
            agenda.after[behind] = day
            log.warning(_MAY_BE_WRONG, behind)

    def _ask_next(self, day: MarketDay, following: str, agenda: _Agenda) -> None:
        """Read the session after the day once more, to be stored after it. Raises `MalformedAnswer`
        when it still does not follow."""
        if following not in agenda.read:
            log.warning(_MAY_BE_WRONG, following)
            agenda.read[following] = self._fetch(following)
        after = agenda.read[following]
        check_follows(after.frame, following, day.frame)
        agenda.after[day.session] = after
        agenda.put_below(following)

    def _look_between(self, previous: MarketDay, day: MarketDay, agenda: _Agenda) -> None:
        """Put the sessions between these two that were taken for closed days on top. Raises
        `MalformedAnswer` when there are none."""
        closed = self._learner.taken_for_closed(previous.session, day.session)
        found = [session for session in closed if session not in agenda.asked]
        if not found:
            check_follows(day.frame, day.session, previous.frame)
        for session in reversed(found):
            log.error("%s was taken for a closed day, but it has prices. It is collected.", session)
            agenda.put(session)

    def _store_day(self, day: MarketDay, previous: MarketDay | None) -> Collected:
        """Store a day that fits the sessions beside it. Raises `MalformedAnswer` when it does not
        fit those further away, or what was stored of it before."""
        session, before = day.session, self._stored.readable(day.session)
        if previous is None:
            self._check_beyond_gap(day)
        if before is not None:
            if _follows(before, previous) is not False:
                check_loses_nothing(day.frame, session, before.frame)
            day = day if before.source == day.source else _with_names_of(before.frame, day)
        changed = (
            None
            if before is None
            else differing_tickers(before.frame, day.frame, PUBLISHED_COLUMNS)
        )
        previous_frame = None if previous is None else previous.frame
        found = find_actions(previous_frame, day.frame, session)
        head = self._save_and_reopen(day, found, changed)
        self._learner.remember_open(session)
        self._stored.refind_factors_after(session)
        _, later = self._stored.neighbours(session)
        remarks = [*remarks_on(day.frame, session, previous_frame), *found.remarks()]
        for remark in remarks:
            log.warning("%s: %s", session, remark)
        return Collected(
            head, day.frame, len(found.found), changed or [], remarks, is_newest=later is None
        )

    def _check_beyond_gap(self, day: MarketDay) -> None:
        """Raise `MalformedAnswer` when the day does not fit the nearest earlier session."""
        earlier, _ = self._stored.neighbours(day.session)
        if earlier is None or len(self.calendar.sessions(earlier, day.session)) > LONGEST_GAP:
            return
        if (day_before_gap := self._stored.readable(earlier)) is not None:
            check_beyond_gap(day.frame, day.session, day_before_gap.frame)

    def _say_what_was_wrong(self, collected: Collected, agenda: _Agenda) -> None:
        """A session that was read again on account of another one and was wrong was not read in
        vain."""
        session, tickers = collected.head.session, len(collected.changed)
        if session != agenda.wanted and tickers:
            self._rechecks_left = MOST_RECHECKS
            log.warning("%s was wrong in %d tickers and is mended.", session, tickers)

    def _save_and_reopen(
        self, day: MarketDay, found: Actions, changed: list[str] | None
    ) -> SessionHead:
        """Save the day. What it changes is opened before: afterwards nobody could tell any more
        what had changed. And after: an analysis of the old prices may have been marked in between.

        Args:
            changed: tickers; None when the session is new or was damaged, so that anything may have
                changed.
        """
        self._store.locks.renew()  # whoever has lost its lock in the meantime writes nothing
        _, later = self._stored.neighbours(day.session)
        is_new = changed is None and later is None and day.session not in self._stored
        if is_new or changed == []:
            return self._stored.save(day, found)
        behind = self.calendar.previous_session(day.session)
        self._store.targets.reopen(day.session, behind, changed)
        head = self._stored.save(day, found)
        self._store.targets.reopen(day.session, behind, changed)
        return head

    def _fetch(self, session: str) -> MarketDay:
        """The day as it is published now, without factors."""
        read_at = self._clock.now_utc()
        try:
            frame, source = self._sources.fetch_day(
                session, lambda frame: check_day(frame, session)
            )
        except NotPublished as unknown:
            self._decide_whether_closed(session, unknown)
            raise
        return MarketDay(
            session, frame, FINAL if is_final(session, read_at) else PROVISIONAL, source
        )

    def _decide_whether_closed(self, session: str, unknown: NotPublished) -> None:
        """Raise `ClosedMarket` when the index series shows a later day without this one; all `-`
        alone says nothing."""
        start = self.calendar.previous_session(session)
        self._learner.learn(
            start, self._clock.now_kst().date().isoformat(), without_prices=[session]
        )
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown


def _follows(day: MarketDay, previous: MarketDay | None) -> bool | None:
    return None if previous is None else follows(day.frame, day.session, previous.frame)


def _with_names_of(before: pd.DataFrame, day: MarketDay) -> MarketDay:
    """Return the day with the names that were stored first: sources may write one differently, and
    that is no revision."""
    known = day.frame["ticker"].map(dict(zip(before["ticker"], before["name"], strict=True)))
    return replace(day, frame=day.frame.assign(name=known.fillna(day.frame["name"])))

"""One session from the exchange into the store: ask, check, factor, save, read back."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import pandas as pd

from collectors.collection.calendar_learning import CalendarLearner
from collectors.collection.stored_sessions import StoredSessions
from collectors.collection.unknown_columns import name_once
from collectors.exchange.sources import Sources
from collectors.rules.corporate_actions import find_actions
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
from utils.date_utils import TradingCalendar
from utils.errors import ClosedMarket, MalformedAnswer, NotPublished
from utils.market_day import PUBLISHED_COLUMNS, MarketDay, differing_tickers
from utils.store import Store
from utils.store.sessions import SessionHead

LONGEST_GAP = 20
"""The most sessions between two days that are still held against each other: by then 0.2 % of the
tickers have changed."""
MOST_RECHECKS = 3
"""The most stored sessions that one collector reads once more in vain because the next one does not
follow."""
_RECHECK = "%s is read once more: the session next to it does not fit."
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Collected:
    """Result of collecting one session."""

    head: SessionHead
    frame: pd.DataFrame
    """The typed day as it was published (see `MarketDay.frame`), without factors."""
    actions: int
    changed: list[str]
    """Tickers whose cells differ from what was stored before; empty when the session is new."""
    remarks: list[str]
    """Remarks on the day: odd, though it may be right all the same. Usually none."""
    is_newest: bool
    """No later session is stored."""


class _Agenda:
    """Sessions to collect in one call.

    Attributes:
        left: those to collect; the last one is next.
        asked: all that were ever on it: each is stored once at most.
        read: session -> the day as the exchange shows it now.
        next_of: session -> the day right after it as the exchange shows it now, which has to
            follow.
    """

    def __init__(self, session: str) -> None:
        self.left, self.asked = [session], {session}
        self.read: dict[str, MarketDay] = {}
        self.next_of: dict[str, MarketDay] = {}

    @property
    def top(self) -> str:
        return self.left[-1]

    def put(self, session: str) -> None:
        """Put it on top."""
        self.left.append(session)
        self.asked.add(session)

    def put_below(self, session: str) -> None:
        """Put it right below the top, unless it was on the agenda already."""
        if session not in self.asked:
            self.left.insert(-1, session)
            self.asked.add(session)


class StockDataCollector:
    """Collector of sessions from the exchange's sources into the store.

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

    def forget_factors_after_holes(self, first: str, last: str) -> None:
        """See `StoredSessions.forget_factors_after_holes`."""
        self._stored.forget_factors_after_holes(first, last)

    def collect(self, session: str) -> Iterator[Collected]:
        """Yield each session that is collected, in the order in which it is stored: the one asked
        for, and others without which it does not fit.

        A session that is stored already is read again; what is damaged counts as not stored. Each
        one is checked and stored whole, with its factors, and what it changes is to be analysed
        again. A session next to the one asked for that cannot be had is a warning.

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
                    agenda.left.pop()
                    self._count_correction(collected, session)
                    yield collected

    def _take_step(self, agenda: _Agenda) -> Collected | None:
        """Store the day on top, or change the agenda so that it can be decided."""
        session = agenda.top
        if session not in agenda.read:
            agenda.read[session] = self._fetch(session)
        day, previous = agenda.read[session], self._stored.previous_of(session)
        next_day = agenda.next_of.get(session) or self._stored.next_of(session)
        step = next_step(self._facts(day, previous, next_day, agenda))
        if step is Step.STORE:
            return self._store_day(day, previous)
        if step is Step.READ_PREVIOUS:
            self._read_previous(day, previous, agenda)
        elif step is Step.ASK_NEXT and next_day is not None:
            self._ask_next(day, next_day.session, agenda)
        elif step is Step.LOOK_BETWEEN and previous is not None:
            self._look_between(previous, day, agenda)
        else:  # the same facts would give the same step for ever
            raise AssertionError(f"{session}: no session to take the step {step.name} with.")
        return None

    def _facts(
        self,
        day: MarketDay,
        previous: MarketDay | None,
        next_day: MarketDay | None,
        agenda: _Agenda,
    ) -> Facts:
        previous_session = self.calendar.previous_session(day.session)
        facts = Facts(
            follows_previous=_follows(day, previous),
            next_follows=None if next_day is None else _follows(next_day, day),
            may_read_previous=previous_session not in agenda.asked and self._rechecks_left > 0,
        )
        if previous is None:
            return replace(facts, previous_is_damaged=previous_session in self._stored)
        is_short = lacks_many_tickers_of(previous.frame, day.frame)
        facts = replace(facts, previous_is_short=is_short)
        if facts.follows_previous:
            return facts  # the session before that one is read only where it decides
        own_previous = self._stored.previous_of(previous_session)
        return replace(facts, previous_follows_its_own=_follows(previous, own_previous))

    def _read_previous(self, day: MarketDay, previous: MarketDay | None, agenda: _Agenda) -> None:
        """Put the session before the day on top. Unless it is damaged, the day has to follow it."""
        self._rechecks_left -= 1
        agenda.put(session := self.calendar.previous_session(day.session))
        if previous is not None:
            agenda.next_of[session] = day
            log.warning(_RECHECK, session)

    def _ask_next(self, day: MarketDay, next_session: str, agenda: _Agenda) -> None:
        """Read the session after the day once more and put it below the day, to be stored after it.

        Raises `MalformedAnswer` when it still does not follow.
        """
        if next_session not in agenda.read:
            log.warning(_RECHECK, next_session)
            agenda.read[next_session] = self._fetch(next_session)
        next_day = agenda.read[next_session]
        check_follows(next_day.frame, next_session, day.frame)
        agenda.next_of[day.session] = next_day
        agenda.put_below(next_session)

    def _look_between(self, previous: MarketDay, day: MarketDay, agenda: _Agenda) -> None:
        """Put the sessions between these two that were taken for closed days on top. Raises
        `MalformedAnswer` when there are none."""
        closed = self._learner.sessions_taken_for_closed(previous.session, day.session)
        found = [session for session in closed if session not in agenda.asked]
        if not found:
            check_follows(day.frame, day.session, previous.frame)
        for session in reversed(found):
            log.error("%s was taken for a closed day, but it has prices. It is collected.", session)
            agenda.put(session)

    def _store_day(self, day: MarketDay, previous: MarketDay | None) -> Collected:
        """Store a day that follows the session before it. Raises `MalformedAnswer` when it does not
        fit earlier ones, or lacks what was stored of it before."""
        session, as_stored = day.session, self._stored.readable(day.session)
        if previous is None:
            self._check_beyond_gap(day)
        if as_stored is not None:
            if _follows(as_stored, previous) is not False:
                check_loses_nothing(day.frame, session, as_stored.frame)
            if day.read_utc < as_stored.read_utc <= self._clock.now_utc():
                log.warning("%s was read again meanwhile. The later reading stays.", session)
                day = as_stored
            if as_stored.source != day.source:
                day = _with_names_of(as_stored.frame, day)
        previous_frame = None if previous is None else previous.frame
        actions = find_actions(previous_frame, day.frame, session)
        self._store.locks.renew()  # whoever has lost its lock in the meantime writes nothing
        if as_stored is None:
            head, changed = self._stored.save(day, actions, changed=None), []
        else:
            changed = differing_tickers(as_stored.frame, day.frame, PUBLISHED_COLUMNS)
            head = self._stored.replace(day, actions, as_stored)
        self._learner.remember_open(session)
        self._stored.refind_factors_after(session)
        _, next_stored = self._stored.neighbours(session)
        remarks = [*remarks_on(day.frame, session, previous_frame), *actions.remarks()]
        for remark in remarks:
            log.warning("%s: %s", session, remark)
        return Collected(
            head,
            day.frame,
            len(actions.found),
            changed,
            remarks,
            is_newest=next_stored is None,
        )

    def _check_beyond_gap(self, day: MarketDay) -> None:
        """Raise `MalformedAnswer` when the day does not fit the nearest earlier session."""
        earlier, _ = self._stored.neighbours(day.session)
        if earlier is None or len(self.calendar.sessions(earlier, day.session)) > LONGEST_GAP:
            return
        if (day_before_gap := self._stored.readable(earlier)) is not None:
            check_beyond_gap(day.frame, day.session, day_before_gap.frame)

    def _count_correction(self, collected: Collected, wanted: str) -> None:
        """Allow as many rechecks as at first when one of them has found a wrong session."""
        session, tickers = collected.head.session, len(collected.changed)
        if session != wanted and tickers:
            self._rechecks_left = MOST_RECHECKS
            log.warning("%s was wrong in %d tickers and is corrected.", session, tickers)

    def _fetch(self, session: str) -> MarketDay:
        """Return the day as it is published now, without factors."""
        read_utc = self._clock.now_utc()
        try:
            fetched = self._sources.fetch_day(session, lambda frame: check_day(frame, session))
        except NotPublished as unknown:
            self._decide_whether_closed(session, unknown)
            raise
        name_once(self._store.sources, fetched.source, fetched.unknown)
        return MarketDay(session, fetched.frame, read_utc, fetched.source, fetched.unknown.kept)

    def _decide_whether_closed(self, session: str, unknown: NotPublished) -> None:
        """Raise `ClosedMarket` when the index series shows a later day without this one. An answer
        of `-` alone says nothing, and before the next opening there is no later day to ask for."""
        if (
            self._clock.now_kst()
            < self.calendar.market_hours(self.calendar.next_session(session)).opens
        ):
            return
        start = self.calendar.previous_session(session)
        self._learner.learn(
            start, self._clock.now_kst().date().isoformat(), without_prices=[session]
        )
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown


def _follows(day: MarketDay, previous: MarketDay | None) -> bool | None:
    return None if previous is None else follows(day.frame, day.session, previous.frame)


def _with_names_of(stored: pd.DataFrame, day: MarketDay) -> MarketDay:
    """Return the day with the names that were stored first: sources may write one differently, and
    that is no revision."""
    known = day.frame["ticker"].map(dict(zip(stored["ticker"], stored["name"], strict=True)))
    return replace(day, frame=day.frame.assign(name=known.fillna(day.frame["name"])))

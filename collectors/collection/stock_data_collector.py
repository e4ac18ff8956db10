"""One session from the exchange into the store: ask, check, factor, save, read back."""

import logging
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from collectors.collection.calendar_learning import CalendarLearner
from collectors.collection.odd_days import OddDays, Stored, lasting_digest
from collectors.collection.stored_sessions import StoredSessions
from collectors.collection.unknown_columns import name_once
from collectors.exchange.sources import Sources
from collectors.rules.day_order import Facts, Step, next_step
from collectors.rules.factors import actions_between
from collectors.rules.integrity import remarks_on
from collectors.rules.judgement import (
    Judgement,
    beyond_gap,
    extents_of,
    judge,
    loses_tickers,
    with_known_tickers,
)
from collectors.rules.market_rules import Oddity, continued, repeated_or_continued
from utils.date_utils import TradingCalendar
from utils.errors import ClosedMarket, MalformedAnswer, NotPublished
from utils.market_day import PUBLISHED_COLUMNS, MarketDay, differing_tickers
from utils.store import Store
from utils.store.sessions import SessionHead

LONGEST_GAP = 20
"""The most sessions between two days that are still held against each other: by then 0.2 % of the
tickers have changed."""
FURTHEST_OTHER_DAY = 30
"""The most stored sessions before and after a day that its answer is compared with. A stale answer
of a cache is days or weeks old."""
MOST_RECHECKS = 6
"""The most stored sessions that one collector reads once more in vain because the next one does not
follow: as many as five evenings of wrong answers leave."""
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
        self._odd_days = OddDays(sources, store)
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
            OddDay: the day is odd and waits.
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
        previous = self._stored.previous_of(session)
        day = agenda.read[session] = with_known_tickers(agenda.read[session], previous)
        next_day = agenda.next_of.get(session) or self._stored.next_of(session)
        judgement = self._judge(day, previous)
        step = next_step(self._facts(day, previous, next_day, judgement, agenda))
        if step is Step.READ_PREVIOUS:
            self._read_previous(day, previous, agenda)
        elif step is Step.ASK_NEXT and next_day is not None:
            if not self._ask_next(day, next_day.session, agenda):
                return self._store_day(day, previous, judgement, not_followed_by=next_day.session)
        elif step is Step.STORE or not self._look_between(previous, day, agenda):
            return self._store_day(day, previous, judgement)
        return None

    def _judge(self, day: MarketDay, previous: MarketDay | None) -> Judgement:
        """Return the judgement on a day. One whose base prices are not the closes before is
        impossible when it is another session's answer."""
        judgement = judge(day, previous)
        if previous is None or not any(each.rule == "base_price" for each in judgement.pair):
            return judgement
        if (told := self._told_of_another_session(day, previous)) is None:
            return judgement
        impossible = MalformedAnswer(
            f"The answer for {day.session} is not stored: {told}. It is asked for again at the "
            "next run."
        )
        return replace(judgement, impossible=impossible)

    def _told_of_another_session(self, day: MarketDay, previous: MarketDay) -> str | None:
        """Return of which stored session the answer tells instead; None when of none.

        It is compared with the sessions around its own, but not with the two before it: each day
        continues the first of them, and the second one where the first was no session.
        """
        left_out = self.calendar.last_sessions(previous.session, 2)
        for session in self._stored.around(day.session, FURTHEST_OTHER_DAY):
            if session not in left_out and (other := self._stored.readable(session)) is not None:
                of_another = continued if session == day.session else repeated_or_continued
                if (told := of_another(day.frame, other.frame)) is not None:
                    return f"{told} {session}"
        return None

    def _facts(
        self,
        day: MarketDay,
        previous: MarketDay | None,
        next_day: MarketDay | None,
        judgement: Judgement,
        agenda: _Agenda,
    ) -> Facts:
        previous_session = self.calendar.previous_session(day.session)
        facts = Facts(
            follows_previous=None,
            next_follows=None if next_day is None else judge(next_day, day).follows(),
            may_read_previous=previous_session not in agenda.asked and self._rechecks_left > 0,
        )
        if previous is None:
            return replace(facts, previous_is_damaged=previous_session in self._stored)
        if judgement.impossible is not None:
            own_previous = self._stored.previous_of(previous_session)
            follows = None if own_previous is None else judge(previous, own_previous).follows()
            facts = replace(facts, is_impossible=True, previous_follows_its_own=follows)
        stored = self._as_stored(day.session, previous) if judgement.pair else None
        is_same = stored is not None and stored.digest == lasting_digest(day.frame)
        known = stored.oddities if stored is not None and is_same else {}
        return replace(facts, follows_previous=judgement.follows(known))

    def _read_previous(self, day: MarketDay, previous: MarketDay | None, agenda: _Agenda) -> None:
        """Put the session before the day on top. Unless it is damaged, the day has to follow it."""
        self._rechecks_left -= 1
        agenda.put(session := self.calendar.previous_session(day.session))
        if previous is not None:
            agenda.next_of[session] = day
            log.warning(_RECHECK, session)

    def _ask_next(self, day: MarketDay, next_session: str, agenda: _Agenda) -> bool:
        """Read the session after the day once more. When it follows the day as it is now, put it
        below the day, to be stored after it, and return True."""
        if next_session not in agenda.read:
            log.warning(_RECHECK, next_session)
            try:
                agenda.read[next_session] = self._fetch(next_session)
            except (ClosedMarket, MalformedAnswer, NotPublished) as problem:
                log.warning("%s", problem)
                return False
        next_day = agenda.read[next_session]
        if not judge(next_day, day).follows():
            return False
        agenda.next_of[day.session] = next_day
        agenda.put_below(next_session)
        return True

    def _look_between(self, previous: MarketDay | None, day: MarketDay, agenda: _Agenda) -> bool:
        """Put the sessions between these two that were taken for closed days on top. Return whether
        there are any."""
        if previous is None:
            return False
        closed = self._learner.sessions_taken_for_closed(previous.session, day.session)
        found = [session for session in closed if session not in agenda.asked]
        for session in reversed(found):
            log.error("%s was taken for a closed day, but it has prices. It is collected.", session)
            agenda.put(session)
        return bool(found)

    def _store_day(
        self,
        day: MarketDay,
        previous: MarketDay | None,
        judgement: Judgement,
        not_followed_by: str | None = None,
    ) -> Collected:
        """Store a day that is fine or accepted. Raise `MalformedAnswer` when it is impossible,
        `OddDay` when it waits."""
        if judgement.impossible is not None:
            raise judgement.impossible
        session, as_stored = day.session, self._stored.readable(day.session)
        found = [*judgement.oddities, *self._oddities_by_others(day, previous, as_stored)]
        if not_followed_by and as_stored is None:
            found.append(_does_not_follow(not_followed_by))
        if found:
            stored = self._as_stored(session, previous)
            day = self._odd_days.accepted(day, found, stored, previous)
        day = self._next_to_what_is_stored(day, as_stored, previous)
        actions = actions_between(previous, day)
        self._store.locks.renew()  # whoever has lost its lock in the meantime writes nothing
        if as_stored is None:
            head, changed = self._stored.save(day, actions, changed=None), []
        else:
            changed = differing_tickers(as_stored.frame, day.frame, PUBLISHED_COLUMNS)
            head = self._stored.replace(day, actions, as_stored)
        self._store.waiting.forget(session)
        self._learner.remember_open(session)
        self._stored.refind_factors_after(session)
        _, next_stored = self._stored.neighbours(session)
        remarks = [*_remarks(day, previous), *actions.remarks()]
        for remark in remarks:
            log.warning("%s: %s", session, remark)
        is_newest = next_stored is None
        return Collected(head, day.frame, len(actions.found), changed, remarks, is_newest)

    def _next_to_what_is_stored(
        self, day: MarketDay, as_stored: MarketDay | None, previous: MarketDay | None
    ) -> MarketDay:
        """Return the day to be stored: the later one of two readings, with the names that were
        stored first where they are of different sources, and with the rows of the earlier reading
        for those that cannot be used any more."""
        if as_stored is None:
            return day
        if day.read_utc < as_stored.read_utc <= self._clock.now_utc():
            log.warning("%s was read again meanwhile. The later reading stays.", day.session)
            return as_stored
        if day.source_of_names != as_stored.source_of_names:
            day = _with_names_of(as_stored, day, previous)
        return _with_rows_of(as_stored, day)

    def _oddities_by_others(
        self, day: MarketDay, previous: MarketDay | None, as_stored: MarketDay | None
    ) -> list[Oddity]:
        """Return what is odd about the day next to its earlier reading, and next to the nearest
        earlier session where the one right before is not stored."""
        found = [] if previous is not None else self._oddities_beyond_gap(day)
        gone = [] if as_stored is None else loses_tickers(day, as_stored)
        if gone and as_stored is not None and judge(as_stored, previous).follows():
            found += gone
        return found

    def _oddities_beyond_gap(self, day: MarketDay) -> list[Oddity]:
        earlier, _ = self._stored.neighbours(day.session)
        if earlier is None or len(self.calendar.sessions(earlier, day.session)) > LONGEST_GAP:
            return []
        day_before_gap = self._stored.readable(earlier)
        return [] if day_before_gap is None else beyond_gap(day, day_before_gap)

    def _as_stored(self, session: str, previous: MarketDay | None) -> Stored | None:
        if (stored := self._stored.readable(session)) is None:
            return None
        beyond = [] if previous is not None else self._oddities_beyond_gap(stored)
        oddities = extents_of([*judge(stored, previous).oddities, *beyond])
        return Stored(lasting_digest(stored.frame), oddities)

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
            table, source = self._sources.fetch_day(session)
        except NotPublished as unknown:
            self._decide_whether_closed(session, unknown)
            raise
        name_once(self._store.sources, source, table.unknown)
        return MarketDay(
            session, table.frame, read_utc, source, table.unknown.kept, table.set_aside
        )

    def _decide_whether_closed(self, session: str, unknown: NotPublished) -> None:
        """Raise `ClosedMarket` when the index series shows a later day without this one. An answer
        of `-` alone says nothing, and before the next opening there is no later day to ask for."""
        if not self.calendar.next_session_has_opened(session, self._clock.now_kst()):
            return
        start = self.calendar.previous_session(session)
        self._learner.learn(
            start, self._clock.now_kst().date().isoformat(), without_prices=[session]
        )
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown


def _does_not_follow(next_session: str) -> Oddity:
    return Oddity("base_price", "", f"{next_session}, which is stored, does not follow it")


def _remarks(day: MarketDay, previous: MarketDay | None) -> list[str]:
    """Return the remarks on a day that is stored: none on normal days."""
    rows = [f"set_aside: {each.ticker}: {each.reason}." for each in day.set_aside]
    before = None if previous is None else previous.frame
    return [*day.accepted, *rows, *remarks_on(day.frame, day.session, before)]


def _with_names_of(stored: MarketDay, day: MarketDay, before: MarketDay | None) -> MarketDay:
    """Return the day with the names that were stored first: sources may write one differently, and
    that is no revision. A name that the session before has too is right, whatever was stored."""
    own, tickers = day.frame["name"], day.frame["ticker"]
    names = tickers.map(_names(stored)).fillna(own)
    if before is not None:
        names = names.where(own != tickers.map(_names(before)), own)
    return replace(day, frame=day.frame.assign(name=names), names_of=stored.source_of_names)


def _names(day: MarketDay) -> dict[str, str]:
    return dict(zip(day.frame["ticker"], day.frame["name"], strict=True))


def _with_rows_of(stored: MarketDay, day: MarketDay) -> MarketDay:
    """Return the day with the stored rows of tickers whose row is set aside now: they could be used
    when the session was read before."""
    kept = stored.frame[stored.frame["ticker"].isin(day.tickers_set_aside)]
    kept = kept[~kept["ticker"].isin(day.frame["ticker"])][list(day.frame.columns)]
    if kept.empty:
        return day
    for each in day.set_aside:
        if each.ticker in set(kept["ticker"]):
            said = "%s: the row of %s cannot be used (%s); that of the reading before stays."
            log.warning(said, day.session, each.ticker, each.reason)
    frame = pd.concat([day.frame, kept], ignore_index=True)
    order = frame["ticker"].argsort(kind="stable").to_numpy()
    nothing = np.full(len(kept), np.nan)
    return replace(
        day,
        frame=frame.iloc[order].reset_index(drop=True),
        further={name: np.append(cells, nothing)[order] for name, cells in day.further.items()},
        set_aside=tuple(each for each in day.set_aside if each.ticker not in set(kept["ticker"])),
    )

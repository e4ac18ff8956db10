"""One session from the exchange into the store: ask, check, factor, save, read back."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, replace

import pandas as pd

from collectors.collection.calendar_learning import CalendarLearner
from collectors.collection.stored_sessions import StoredSessions
from collectors.exchange.sources import Sources
from collectors.rules.corporate_actions import Actions, find_actions
from collectors.rules.integrity import (
    check_beyond_gap,
    check_day,
    check_follows,
    check_loses_nothing,
    follows,
    is_short_beside,
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
MOST_DOUBTS = 3
"""Stored sessions that one collector reads once more in vain because what comes after them does not
follow."""
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


class StockDataCollector:
    """Collects sessions from the exchange's sources into the store.

    Args:
        calendar: what is known of the days so far; the collector's own `calendar` learns more.
    """

    def __init__(self, sources: Sources, store: Store, calendar: TradingCalendar) -> None:
        self._sources, self._store, self._clock = sources, store, store.clock
        self._stored = StoredSessions(store, calendar)
        self._learner = CalendarLearner(sources, self._stored)
        self._doubts = MOST_DOUBTS
        self._on_the_way: list[Collected] = []

    @property
    def calendar(self) -> TradingCalendar:
        return self._stored.calendar

    def learn_calendar(
        self, first: str, last: str, without_prices: Collection[str] = ()
    ) -> list[str]:
        """See `CalendarLearner.learn`."""
        return self._learner.learn(first, last, without_prices)

    def settle_factors(self, session: str) -> None:
        """See `StoredSessions.settle_factors`."""
        self._stored.settle_factors(session)

    def settle_behind_holes(self, first: str, last: str) -> None:
        """See `StoredSessions.settle_behind_holes`."""
        self._stored.settle_behind_holes(first, last)

    def collect(self, session: str) -> Collected:
        """Bring one session into the store, whole and checked, settle the factors beside it and
        have analysed again what it changes. A session that is stored already is read again; what is
        damaged counts as not stored.

        Raises `ClosedMarket` when the day turns out to be no session, `NotPublished` while it
        cannot be told, any other `SourceError` as the answer was, `StoreError` when it cannot be
        read back.
        """
        return self._collect(session, None)

    def taken_on_the_way(self) -> list[Collected]:
        """The other sessions that were brought in or mended since this was asked last, because the
        one in hand did not fit without it."""
        taken, self._on_the_way = self._on_the_way, []
        return taken

    def _collect_too(self, session: str, after: MarketDay | None = None) -> Collected:
        collected = self._collect(session, after)
        self._on_the_way.append(collected)
        return collected

    def _collect(self, session: str, after: MarketDay | None) -> Collected:
        """`after`: the session right after, where it has just been read and is not stored yet."""
        day = self._fetch(session)
        previous = self._followed(day, after or self._stored.right_after(session))
        before = self._stored.readable(session)
        if before is not None:
            if previous is None or follows(before.frame, session, previous.frame):
                check_loses_nothing(day.frame, session, before.frame)
            day = day if before.source == day.source else _with_names_of(before.frame, day)
        changed = (
            None
            if before is None
            else differing_tickers(before.frame, day.frame, PUBLISHED_COLUMNS)
        )
        found = find_actions(None if previous is None else previous.frame, day.frame, session)
        head = self._save_and_reopen(day, found, changed)
        self._learner.remember_open(session)
        self._stored.settle_after(session)
        self._doubt_what_does_not_follow(day, previous)
        _, later = self._stored.neighbours(session)
        remarks = [
            *remarks_on(day.frame, session, None if previous is None else previous.frame),
            *found.remarks(),
        ]
        for remark in remarks:
            log.warning("%s: %s", session, remark)
        return Collected(
            head, day.frame, len(found.found), changed or [], remarks, is_newest=later is None
        )

    def _doubt_what_does_not_follow(self, day: MarketDay, previous: MarketDay | None) -> None:
        """Where nothing before the day has vouched for it, what is stored right after it may be the
        wrong one."""
        after = None if previous is not None else self._stored.right_after(day.session)
        if after is not None and not follows(after.frame, after.session, day.frame):
            self._read_again(after, None)

    def _save_and_reopen(
        self, day: MarketDay, found: Actions, changed: list[str] | None
    ) -> SessionHead:
        """Before the session is saved, what it changes is opened: afterwards nobody could tell any
        more what had changed. And after: an analysis of the old prices may have been marked in
        between.

        Args:
            changed: tickers; None when the session is new or was damaged, so that anything may have
                changed.
        """
        self._store.beat_locks()  # whoever has lost its lock in the meantime writes nothing
        _, later = self._stored.neighbours(day.session)
        is_new = changed is None and later is None and day.session not in self._stored
        if is_new or changed == []:
            return self._stored.save(day, found)
        behind = self.calendar.previous_session(day.session)
        self._store.reopen_targets(day.session, behind, changed)
        head = self._stored.save(day, found)
        self._store.reopen_targets(day.session, behind, changed)
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
        """All `-` alone says nothing; the index series does, once it shows a later day."""
        start = self.calendar.previous_session(session)
        self._learner.learn(
            start, self._clock.now_kst().date().isoformat(), without_prices=[session]
        )
        if not self.calendar.is_session(session):
            raise ClosedMarket(f"{session} was no session: the exchange was closed.") from unknown

    def _followed(self, day: MarketDay, after: MarketDay | None) -> MarketDay | None:
        """The stored session right before, which this day has been found to follow; None while
        there is none.

        When it does not follow, one of the two is wrong. Where that may be the stored one it is
        read once more. Raises `MalformedAnswer` when the day still does not fit.
        """
        previous = self._mended_before(day.session)
        if previous is None:
            self._check_without_previous(day, after)
            return None
        try:
            return self._vouched(previous, day, after)
        except MalformedAnswer:
            if not self._find_between(previous.session, day.session):
                raise
        return self._followed(day, after)

    def _vouched(self, previous: MarketDay, day: MarketDay, after: MarketDay | None) -> MarketDay:
        """The session before, read once more where it may be the wrong one. Raises
        `MalformedAnswer` when the day does not follow it."""
        try:
            check_follows(day.frame, day.session, previous.frame)
            doubtful = is_short_beside(previous.frame, day.frame)
        except MalformedAnswer:
            doubtful = self._may_be_wrong(previous, day, after)
            if not (doubtful and self._doubts):
                raise
        if doubtful and self._doubts:
            previous = self._read_again(previous, day)
            check_follows(day.frame, day.session, previous.frame)
        return previous

    def _find_between(self, first: str, last: str) -> bool:
        """Bring in the sessions between these two that were taken for closed days; whether there
        were any."""
        found = self._learner.taken_for_closed(first, last)
        for session in found:
            log.error("%s was taken for a closed day, but it has prices. It is collected.", session)
            self._collect_too(session)
        return bool(found)

    def _check_without_previous(self, day: MarketDay, after: MarketDay | None) -> None:
        """Without the session right before, the one right after it or the nearest earlier one tells
        whether it fits."""
        if after is not None and not follows(after.frame, after.session, day.frame):
            check_follows(self._fetch(after.session).frame, after.session, day.frame)
        earlier, _ = self._stored.neighbours(day.session)
        if earlier is None or len(self.calendar.sessions(earlier, day.session)) > LONGEST_GAP:
            return
        if (day_before_gap := self._stored.readable(earlier)) is not None:
            check_beyond_gap(day.frame, day.session, day_before_gap.frame)

    def _may_be_wrong(self, previous: MarketDay, day: MarketDay, after: MarketDay | None) -> bool:
        """Whether the stored session, and not this day which does not follow it, may be the wrong
        one of the two: the session after this day follows it, or the stored one does not follow its
        own."""
        if after is not None:
            return follows(after.frame, after.session, day.frame)
        before = self._stored.before(previous.session)
        return before is not None and not follows(previous.frame, previous.session, before.frame)

    def _read_again(self, day: MarketDay, after: MarketDay | None) -> MarketDay:
        """The session as the exchange shows it now; as it is stored when it cannot be had."""
        log.warning(
            "%s may be wrong: the session beside it does not fit. Reading it once more.",
            day.session,
        )
        self._doubts -= 1
        try:
            again = self._collect_too(day.session, after)
        except (MalformedAnswer, NotPublished) as problem:
            log.warning("%s", problem)
            return day
        if again.changed:
            self._doubts = MOST_DOUBTS
            log.warning(
                "%s was wrong in %d tickers and is mended.", day.session, len(again.changed)
            )
        return self._stored.load(day.session)

    def _mended_before(self, session: str) -> MarketDay | None:
        """The session right before; one that is damaged is read from the exchange again."""
        previous = self.calendar.previous_session(session)
        day = self._stored.readable(previous)
        if day is not None or previous not in self._stored or not self._doubts:
            return day
        self._doubts -= 1
        try:
            self._collect_too(previous)
        except (MalformedAnswer, NotPublished) as problem:
            log.warning("%s", problem)
        return self._stored.readable(previous)


def _with_names_of(before: pd.DataFrame, day: MarketDay) -> MarketDay:
    """Sources may write a name differently; the one that was stored first stays, so that it is no
    revision."""
    known = day.frame["ticker"].map(dict(zip(before["ticker"], before["name"], strict=True)))
    return replace(day, frame=day.frame.assign(name=known.fillna(day.frame["name"])))

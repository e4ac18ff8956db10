"""Trading calendar as the exchange's answers correct it."""

import logging
from collections.abc import Collection, Mapping

from collectors.collection.stored_sessions import StoredSessions
from collectors.exchange.sources import Sources
from collectors.rules.judgement import judge
from utils.date_utils import neighbours, predicted_open, weekdays
from utils.errors import MalformedAnswer, NotPublished
from utils.store.jobs import DAILY_UPDATE

MOST_SURPRISES = 10
"""The most closures in one answer that nobody predicted. Measured: one to three a year."""
log = logging.getLogger(__name__)


class CalendarLearner:
    """Learner of the calendar: `stored.calendar` knows from then on what is learned, and the store
    remembers it."""

    def __init__(self, sources: Sources, stored: StoredSessions) -> None:
        self._sources, self._stored, self._store = sources, stored, stored.store

    def learn(self, first: str, last: str, without_prices: Collection[str] = ()) -> list[str]:
        """Ask which days from first to last were sessions; apply and remember the answer.
        Return those that were shown or are stored, oldest first.

        A weekday that the series leaves out between two it shows was closed, finally; outside them
        it stays unknown.

        Args:
            without_prices: days whose own answer has just had no prices: they are asked for again,
                whatever was shown.
        """
        known = self._store.calendar.observed()
        believed = {day: is_open for day, is_open in known.items() if day not in without_prices}
        stored = set(self._stored.between(first, last))
        shown = self._sources.fetch_sessions(first, last, believed)
        for each in sorted(stored - set(shown)):
            log.error(
                "The exchange's index series lacks %s, which is stored as a session. It stays one.",
                each,
            )
        open_days = sorted(stored.union(shown))
        shows = self._shown_by(open_days, known, without_prices)
        self._apply({day: is_open for day, is_open in shows.items() if known.get(day) != is_open})
        return open_days

    def _shown_by(
        self, open_days: list[str], known: Mapping[str, bool], without_prices: Collection[str]
    ) -> dict[str, bool]:
        """Return weekday -> whether it was open, as far as these days tell. One line left out of an
        answer must not close a session for good: a closure that nobody predicted has to be
        believed."""
        days = weekdays(open_days[0], open_days[-1]) if open_days else []
        surprises = [
            day
            for day in days
            if day not in open_days and predicted_open(day) and known.get(day) is not False
        ]
        if len(surprises) > MOST_SURPRISES:
            raise MalformedAnswer(
                f"The exchange's index series lacks {len(surprises)} days that should be sessions."
            )
        unsure = {day for day in surprises if not self._is_believed(day, open_days, without_prices)}
        return {day: day in open_days for day in days if day not in unsure}

    def _is_believed(self, day: str, open_days: list[str], without_prices: Collection[str]) -> bool:
        """Return whether a day was closed although nobody predicted it: it has no prices itself,
        and the stored sessions on both sides of it follow each other."""
        if day not in without_prices and self._has_prices(day) is not False:
            log.error(
                "The exchange's index series lacks %s. It is taken for a session all the same.", day
            )
            return False
        before, after = neighbours(day, open_days)
        if before and after and self._is_gap_between(before, after):
            gap = "The exchange shows nothing for %s, but %s does not follow %s without it."
            log.error(gap, day, after, before)
            return False
        return True

    def _has_prices(self, day: str) -> bool | None:
        """Return None when the answer does not tell."""
        try:
            self._sources.fetch_day(day)
        except NotPublished:
            return False
        except MalformedAnswer as problem:
            log.warning("%s", problem)
            return None
        return True

    def _is_gap_between(self, before: str, after: str) -> bool:
        one, other = self._stored.readable(before), self._stored.readable(after)
        return one is not None and other is not None and not judge(other, one).follows()

    def remember_open(self, session: str) -> None:
        """Remember that a collected day is a session, whatever was thought of it before."""
        if not self._stored.calendar.is_session(session):
            self._stored.calendar = self._stored.calendar.knowing({session: True})
        self._store.calendar.record({session: True}, "session")

    def sessions_taken_for_closed(self, first: str, last: str) -> list[str]:
        """Return the weekdays between two sessions that are remembered as closed, though nobody
        predicted it, and have prices: an outage at the exchange can look like a holiday in every
        answer of a day."""
        closed = [
            day
            for day in weekdays(first, last)
            if predicted_open(day) and not self._stored.calendar.is_session(day)
        ]
        return [day for day in closed if self._has_prices(day)]

    def _apply(self, news: Mapping[str, bool]) -> None:
        """Warn of wrong predictions, find factors after those days anew, forget the jobs of closed
        days and that they wait, and remember the days last: a run that dies before has all of it to
        do again."""
        self._stored.calendar = self._stored.calendar.knowing(news)
        for day in sorted(news):
            if news[day] != predicted_open(day):
                state = "open" if news[day] else "closed"
                log.warning("%s was predicted wrongly: the exchange was %s.", day, state)
                self._stored.refind_factors_after(day)
        closed = [day for day, is_open in news.items() if not is_open]
        self._store.jobs.forget(DAILY_UPDATE, closed)
        self._store.waiting.forget(*closed)
        self._store.calendar.record(news, "index series")

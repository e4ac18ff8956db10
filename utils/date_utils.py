"""Sessions of the exchange: which days they are, when they are due and when they are final. Dates
are KST strings."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

import holidays

from utils.clock import KST
from utils.errors import WrongUsage

FIRST_DAY = date(2001, 1, 1)
"""`holidays` agrees with every real session since. Before 2001 it lacks days on which the exchange
was closed."""
LAST_DAY = date(2099, 12, 31)

AFTER_MARKET_SINCE = "2026-09-14"
"""First session with an after-market, from 16:00 to 20:00: docs/exchange.md."""

_SHORTER_DAY_UNTIL = date(2016, 8, 1)
_EXAM_DAYS_OUT_OF_TURN = {
    2017: date(2017, 11, 23),  # put off a week after the Pohang earthquake of 2017-11-15
    2020: date(2020, 12, 3),  # put off by the pandemic
}


class OutOfCalendar(WrongUsage, ValueError):
    """Raised for a day that the calendar does not cover."""


@dataclass(frozen=True)
class Checkpoint:
    """Moment after which the exchange's figures of a session are others for good, for the sessions
    since that day. `moment` is KST, on the day that lies `days_after` the session."""

    since: str
    days_after: int
    moment: time

    def of(self, session: str) -> datetime:
        return at_kst(_shift(session, self.days_after), self.moment)


CHECKPOINTS = (
    # Prices stand, volumes of off-hours trades do not all.
    Checkpoint(FIRST_DAY.isoformat(), days_after=0, moment=time(18, 0)),
    # The after-market has ended at 20:00, and the site is 20 minutes late.
    Checkpoint(AFTER_MARKET_SINCE, days_after=0, moment=time(20, 30)),
    # What the exchange shows now stays.
    Checkpoint(FIRST_DAY.isoformat(), days_after=1, moment=time(8, 0)),
)
"""Those that the clock alone decides, in the order in which they pass. Before the first one a
session is not due; what is read after the last one is final."""

WEEK_LATER = 5
"""One more checkpoint passes with the first one of the session that lies so many sessions later. It
changes no finality: see `TradingCalendar.weeks_later`."""
LATEST_WEEK_LATER = 10
"""A session that lies further back has none any more: so whoever was off for weeks, or has never
read one a week later, asks for six sessions at most."""
WEEKS_LATER_DAYS = 40
"""Days that these sessions take at most, whatever holidays there are."""


@dataclass(frozen=True)
class MarketHours:
    """Opening and closing of the regular session, both inclusive, KST."""

    opens: datetime
    closes: datetime


def parse_date(text: str) -> str:
    """Return `text` itself if it is a date as `YYYY-MM-DD`. Raise ValueError otherwise."""
    day = date.fromisoformat(text)
    if day.isoformat() != text:
        raise ValueError(f"{text!r} is not a date as YYYY-MM-DD")
    return text


def at_kst(day: str, moment: time) -> datetime:
    """Return that time of that day, aware, in KST."""
    return KST.localize(datetime.combine(date.fromisoformat(day), moment))


def checkpoints(session: str) -> list[datetime]:
    """Return the session's `CHECKPOINTS` in the order in which they pass, aware, in KST."""
    return [each.of(session) for each in CHECKPOINTS if each.since <= session]


def last_checkpoint_utc(session: str, moment: datetime) -> datetime | None:
    """Return the last of the session's `CHECKPOINTS` that has passed by then, in UTC; None before
    the first one."""
    passed = [each for each in checkpoints(session) if each <= moment]
    return passed[-1].astimezone(UTC) if passed else None


def has_checkpoint_passed(session: str, read_up_to: datetime | None, moment: datetime) -> bool:
    """Return whether by then one of the session's `CHECKPOINTS` has passed since the one up to
    which it was read."""
    last = last_checkpoint_utc(session, moment)
    return last is not None and (read_up_to is None or read_up_to < last)


def first_reading_from(session: str) -> datetime:
    """Return the session's first checkpoint, from which on it may be read."""
    return CHECKPOINTS[0].of(session)


def final_from(session: str) -> datetime:
    """Return the last of the session's `CHECKPOINTS`."""
    return CHECKPOINTS[-1].of(session)


def end_of_night(day: str) -> datetime:
    """Return when the night that begins on that day is over. The day need not be a session."""
    return final_from(day)


def is_final(session: str, read_at: datetime) -> bool:
    """Return whether figures that were read at that moment are final."""
    return read_at >= final_from(session)


def _shift(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


def weekdays(first: str, last: str) -> list[str]:
    """Return Monday to Friday from first to last, both inclusive."""
    start, count = (
        date.fromisoformat(first),
        (date.fromisoformat(last) - date.fromisoformat(first)).days + 1,
    )
    days = (start + timedelta(offset) for offset in range(count))
    return [day.isoformat() for day in days if day.weekday() < 5]


@lru_cache(maxsize=1)
def _library() -> holidays.HolidayBase:
    return holidays.financial_holidays("XKRX")


def predicted_open(day: str) -> bool:
    """Return whether the `holidays` package takes the day for a session. Raise `OutOfCalendar`
    outside FIRST_DAY..LAST_DAY."""
    when = date.fromisoformat(day)
    if not FIRST_DAY <= when <= LAST_DAY:
        raise OutOfCalendar(
            f"{day} is outside the calendar, which runs from {FIRST_DAY} to {LAST_DAY}"
        )
    return when.weekday() < 5 and when not in _library()


class TradingCalendar:
    """Calendar of sessions: predicted by `holidays`, corrected by what the exchange has shown.

    Args:
        observed: day -> True when the exchange was open; outweighs the prediction.
        same_evening: True when a session can be collected on its own evening; False: only when it
            is final.
    """

    def __init__(
        self, observed: Mapping[str, bool] | None = None, same_evening: bool = True
    ) -> None:
        self._observed = dict(observed or {})
        self._same_evening = same_evening

    def knowing(self, observed: Mapping[str, bool]) -> "TradingCalendar":
        """Return the calendar with these observed days added."""
        return TradingCalendar(self._observed | dict(observed), self._same_evening)

    def is_due(self, session: str, now: datetime) -> bool:
        """Return whether the session may be collected yet."""
        return now >= first_reading_from(session) if self._same_evening else is_final(session, now)

    def is_session(self, day: str) -> bool:
        """Return whether the day is a session. Raise `OutOfCalendar` for a day that the calendar
        does not cover."""
        predicted = predicted_open(day)
        return self._observed.get(day, predicted)

    def next_session_has_opened(self, day: str, now: datetime) -> bool:
        """Return whether a session after the day has begun, as predicted: before, no index series
        can show that the day is left out."""
        return now >= self.market_hours(self.next_session(day)).opens

    def is_known(self, day: str) -> bool:
        """Return whether the exchange has shown if the day is a session. Weekends are known."""
        return day in self._observed or date.fromisoformat(day).weekday() >= 5

    def sessions(self, first: str, last: str) -> list[str]:
        """Return all sessions from first to last, both inclusive, oldest first; none when first is
        after last."""
        span = (date.fromisoformat(last) - date.fromisoformat(first)).days
        days = (_shift(first, offset) for offset in range(span + 1))
        return [day for day in days if self.is_session(day)]

    def previous_session(self, day: str) -> str:
        """Return the last session before the day. The day need not be a session."""
        return next(self._walk(day, -1))

    def next_session(self, day: str) -> str:
        """Return the first session after the day."""
        return next(self._walk(day, 1))

    def last_sessions(self, last: str, count: int) -> list[str]:
        """Return the `count` sessions up to `last`, oldest first. When `last` is no session they
        end before it."""
        walk = self._walk(_shift(last, 1), -1)
        return [next(walk) for _ in range(count)][::-1]

    def weeks_later(self, moment: datetime) -> dict[str, datetime]:
        """Return session -> its checkpoint a week later, in UTC, for the six sessions of which that
        has passed by then and which lie at most `LATEST_WEEK_LATER` sessions back.

        A closure that nobody predicted moves it to the next session, once that closure is known.
        """
        today = moment.astimezone(KST).date().isoformat()
        last = _shift(today, -1) if moment < first_reading_from(today) else today
        first = max(_shift(today, -WEEKS_LATER_DAYS), FIRST_DAY.isoformat())
        back = self.sessions(first, last)[-LATEST_WEEK_LATER - 1 :]
        later = (first_reading_from(each).astimezone(UTC) for each in back[WEEK_LATER:])
        return dict(zip(back, later, strict=False))

    def week_after(self, moment: datetime) -> datetime:
        """Return the first checkpoint of the fifth session after the night of that moment: before
        18:00 that is the night of the day before."""
        today = moment.astimezone(KST).date().isoformat()
        walk = self._walk(today if moment >= first_reading_from(today) else _shift(today, -1), 1)
        return first_reading_from([next(walk) for _ in range(WEEK_LATER)][-1])

    def read_up_to(self, session: str, moment: datetime) -> datetime | None:
        """Return the last checkpoint of the session that has passed by then, also the one a week
        later, in UTC; None before the first one."""
        return self.weeks_later(moment).get(session) or last_checkpoint_utc(session, moment)

    def session_of_night(self, now: datetime) -> str:
        """Return the session that a night analyses: the last one that is due at this moment.

        At 19:00 of a session it is that session. On Saturday at 03:00, on Monday at 00:10 and on
        the morning after a holiday it is the last session before. Before 18:00 of a session it is
        still the previous one.
        """
        tomorrow = _shift(now.astimezone(KST).date().isoformat(), 1)
        return next(session for session in self._walk(tomorrow, -1) if self.is_due(session, now))

    def market_hours(self, session: str) -> MarketHours:
        """Return the regular hours of the session. Raise ValueError when the day is no session.

        The year's first session opens at 10:00. On the day of the college entrance exam everything
        is an hour later (10:00-16:30). The close was 15:00 until 2016-07-29.
        """
        if not self.is_session(session):
            raise ValueError(f"{session} is not a session")
        day = date.fromisoformat(session)
        opens, closes = time(9), time(15) if day < _SHORTER_DAY_UNTIL else time(15, 30)
        if day == exam_day(day.year):
            opens, closes = time(10), time(closes.hour + 1, closes.minute)
        elif self.sessions(f"{day.year}-01-01", session) == [session]:
            opens = time(10)
        return MarketHours(at_kst(session, opens), at_kst(session, closes))

    def _walk(self, day: str, step: int) -> Iterator[str]:
        while True:
            day = _shift(day, step)
            if self.is_session(day):
                yield day


def exam_day(year: int) -> date:
    """Return the day of the college entrance exam (수능): the Thursday from 13 to 19 November, as
    in every year since 2016 but two."""
    if year in _EXAM_DAYS_OUT_OF_TURN:
        return _EXAM_DAYS_OUT_OF_TURN[year]
    earliest = date(year, 11, 13)
    return earliest + timedelta((3 - earliest.weekday()) % 7)


def neighbours(session: str, ordered: list[str]) -> tuple[str | None, str | None]:
    """Return the entries before and after the session in a sorted list. It may be missing there."""
    position = bisect_left(ordered, session)
    after = position + 1 if position < len(ordered) and ordered[position] == session else position
    return (ordered[position - 1] if position else None), (
        ordered[after] if after < len(ordered) else None
    )

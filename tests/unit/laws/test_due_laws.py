"""Laws of what is due, whatever is stored, completed and shown."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from functools import cached_property
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.collection.due import DueSession, ReadUpTo, sessions_due
from tests.unit.laws.strategies import (
    FIRST,
    LAST,
    PROFILE,
    by_day,
    calendars,
    days,
    nights,
    shifted,
    zones,
)
from utils.date_utils import TradingCalendar, at_kst, checkpoints

LAW = settings(PROFILE, max_examples=10)


@dataclass(frozen=True)
class StoreState:
    """Sessions and completed jobs in the store, each with the moment of its reading, and the
    calendar."""

    calendar: TradingCalendar
    stored: dict[str, datetime]
    completed: dict[str, datetime]

    @cached_property
    def read_up_to(self) -> tuple[ReadUpTo, ReadUpTo]:
        return self._up_to(self.stored), self._up_to(self.completed)

    def _up_to(self, readings: dict[str, datetime]) -> ReadUpTo:
        return {day: self.calendar.read_up_to(day, moment) for day, moment in readings.items()}

    def due(self, now: datetime, first: str = FIRST, last: str = LAST) -> list[DueSession]:
        return sessions_due(
            self.calendar, self.calendar.sessions(first, last), *self.read_up_to, now
        )

    def after(self, done: dict[str, datetime]) -> "StoreState":
        """Return the state once these sessions were read, stored and completed at these moments."""
        return StoreState(self.calendar, self.stored | done, self.completed | done)


def read_after(hours: dict[str, float]) -> dict[str, datetime]:
    """Return a reading of each day, so many hours after its midnight in Korea."""
    return {day: at_kst(day, time()) + timedelta(hours=each) for day, each in hours.items()}


readings = by_day(st.sampled_from([None, 18, 19, 20.4, 20.5, 31.9, 32, 100, 200, 300])).map(
    read_after
)
states = st.builds(StoreState, calendars, readings, readings)


@LAW
@given(states, nights)
def test_a_session_is_due_until_no_checkpoint_has_passed_since_it_was_read(
    state: StoreState, nows: list[datetime]
) -> None:
    for now in nows:
        expected: list[DueSession] = []
        for day in state.calendar.sessions(FIRST, LAST):
            if state.calendar.is_due(day, now):
                if day not in state.stored or day not in state.completed:
                    expected.append(DueSession(day, read_again=False))
                    continue
                read = min(state.stored[day], state.completed[day])
                if any(read < checkpoint <= now for checkpoint in checkpoints(day)):
                    expected.append(DueSession(day, read_again=True))
                elif is_a_week_later(state.calendar, day, read, now):
                    expected.append(DueSession(day, read_again=True, week_later=True))
        assert state.due(now) == expected


def is_a_week_later(calendar: TradingCalendar, day: str, read: datetime, now: datetime) -> bool:
    """Return whether 18:00 of the fifth session after the day has passed since the reading, and of
    the eleventh it has not."""
    later = calendar.sessions(shifted(day, 1), now.date().isoformat())
    passed = [at_kst(each, time(18)) for each in later if at_kst(each, time(18)) <= now]
    return 5 <= len(passed) <= 10 and read < passed[4]


@LAW
@given(states, nights)
def test_nothing_is_due_any_more_once_all_that_is_due_was_completed(
    state: StoreState, nows: list[datetime]
) -> None:
    for now in nows:
        assert state.after({each.session: now for each in state.due(now)}).due(now) == []


@LAW
@given(states, nights)
def test_completing_one_session_leaves_the_others_as_they_are(
    state: StoreState, nows: list[datetime]
) -> None:
    for now in nows[:5]:
        for done in state.due(now)[-2:]:
            assert state.after({done.session: now}).due(now) == [
                each for each in state.due(now) if each != done
            ]


@LAW
@given(states, nights.map(sorted))
def test_what_is_due_stays_due_until_somebody_brings_it_in(
    state: StoreState, nows: list[datetime]
) -> None:
    """But for what is read a week later, which is given up after ten sessions."""
    due = [{each for each in state.due(now) if not each.week_later} for now in nows]
    assert all(earlier <= later for earlier, later in pairwise(due))


@LAW
@given(states, nights, days)
def test_a_span_may_be_collected_in_two_parts(
    state: StoreState, nows: list[datetime], cut: str
) -> None:
    for now in nows:
        assert state.due(now) == state.due(now, last=cut) + state.due(now, first=shifted(cut, 1))


@LAW
@given(states, nights, zones)
def test_the_same_moment_in_another_time_zone_has_the_same_due(
    state: StoreState, nows: list[datetime], zone: tzinfo
) -> None:
    for now in nows:
        assert state.due(now.astimezone(zone)) == state.due(now)

"""Laws of what is due, whatever is stored, completed and shown."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.collection.due import DueSession, sessions_due
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
from utils.date_utils import TradingCalendar, is_final
from utils.market_day import FINAL, PROVISIONAL

LAW = settings(PROFILE, max_examples=15)


@dataclass(frozen=True)
class StoreState:
    """Sessions and jobs in the store, and the calendar."""

    calendar: TradingCalendar
    stored: set[str]
    completed: dict[str, str]

    def due(self, now: datetime, first: str = FIRST, last: str = LAST) -> list[DueSession]:
        return sessions_due(self.calendar, self.stored, self.completed, first, last, now)

    def after(self, done: dict[str, str]) -> "StoreState":
        """Return the state once these sessions were stored and completed, with that finality."""
        return StoreState(self.calendar, self.stored | set(done), self.completed | done)


stored = by_day(st.sampled_from([True, True, None])).map(set)
completed = by_day(st.sampled_from([FINAL, PROVISIONAL, PROVISIONAL, None]))
states = st.builds(StoreState, calendars, stored, completed)


@LAW
@given(states, nights)
def test_every_session_that_may_be_had_is_due_until_it_is_stored_and_completed_as_final(
    state: StoreState, nows: list[datetime]
) -> None:
    for now in nows:
        had = [
            each
            for each in state.calendar.sessions(FIRST, LAST)
            if state.calendar.is_due(each, now)
        ]
        finality = {
            each: state.completed.get(each) if each in state.stored else None for each in had
        }
        fresh = [DueSession(each, False) for each in had if finality[each] is None]
        to_confirm = [
            DueSession(each, True)
            for each in had
            if finality[each] == PROVISIONAL and is_final(each, now)
        ]
        assert state.due(now) == sorted(fresh + to_confirm, key=lambda each: each.session)


@LAW
@given(states, nights)
def test_nothing_is_due_any_more_once_all_that_is_due_was_completed(
    state: StoreState, nows: list[datetime]
) -> None:
    for now in nows:
        collected = {
            each.session: FINAL if is_final(each.session, now) else PROVISIONAL
            for each in state.due(now)
        }
        assert state.after(collected).due(now) == []


@LAW
@given(states, nights)
def test_completing_one_session_leaves_the_others_as_they_are(
    state: StoreState, nows: list[datetime]
) -> None:
    for now in nows:
        for done in state.due(now)[-2:]:
            assert state.after({done.session: FINAL}).due(now) == [
                each for each in state.due(now) if each != done
            ]


@LAW
@given(states, nights.map(sorted))
def test_what_is_due_stays_due_until_somebody_brings_it_in(
    state: StoreState, nows: list[datetime]
) -> None:
    due = [set(state.due(now)) for now in nows]
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

"""Laws of the calendar, whatever days the exchange has shown to be open or closed."""

from datetime import date, datetime, tzinfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.laws.strategies import (
    DAYS,
    EARLIER,
    FIRST,
    LAST,
    LATER,
    PROFILE,
    calendars,
    days,
    nights,
    observations,
    shifted,
    zones,
)
from utils.date_utils import TradingCalendar, is_final, predicted_open

LAW = settings(PROFILE, max_examples=15)


@LAW
@given(calendars)
def test_a_session_is_the_one_after_the_one_before_it(calendar: TradingCalendar) -> None:
    for session in calendar.sessions(FIRST, LAST):
        assert calendar.next_session(calendar.previous_session(session)) == session
        assert calendar.previous_session(calendar.next_session(session)) == session


@LAW
@given(calendars)
def test_between_a_day_and_its_neighbours_there_is_no_session(calendar: TradingCalendar) -> None:
    for day in DAYS:
        before, after = calendar.previous_session(day), calendar.next_session(day)
        assert calendar.sessions(before, after) == [
            before,
            *([day] if calendar.is_session(day) else []),
            after,
        ]


@LAW
@given(calendars, st.tuples(days, days).map(sorted))
def test_a_span_of_sessions_may_be_cut_anywhere(calendar: TradingCalendar, span: list[str]) -> None:
    first, last = span
    for cut in (day for day in DAYS if first <= day <= last):
        parts = calendar.sessions(first, cut) + calendar.sessions(shifted(cut, 1), last)
        assert parts == calendar.sessions(first, last)


@LAW
@given(calendars, days, st.integers(0, 20))
def test_the_last_sessions_are_the_end_of_all_sessions(
    calendar: TradingCalendar, last: str, count: int
) -> None:
    all_of_them = calendar.sessions(EARLIER, last)
    assert calendar.last_sessions(last, count) == all_of_them[len(all_of_them) - count :]


@LAW
@given(observations)
def test_what_was_shown_outweighs_the_prediction_and_says_nothing_of_other_days(
    shown: dict[str, bool],
) -> None:
    calendar = TradingCalendar(shown)
    for day in DAYS:
        assert calendar.is_session(day) == shown.get(day, predicted_open(day))
        assert calendar.is_known(day) == (day in shown or date.fromisoformat(day).weekday() >= 5)


@LAW
@given(calendars, observations, nights)
def test_what_is_shown_later_outweighs_all_before_and_changes_no_older_calendar(
    calendar: TradingCalendar, news: dict[str, bool], nows: list[datetime]
) -> None:
    before = {day: (calendar.is_session(day), calendar.is_known(day)) for day in DAYS}
    knowing = calendar.knowing(news)
    for day, (was_session, was_known) in before.items():
        assert knowing.is_session(day) == news.get(day, was_session)
        assert knowing.is_known(day) == (day in news or was_known)
        assert [knowing.is_due(day, now) for now in nows] == [
            calendar.is_due(day, now) for now in nows
        ]
    assert {day: (calendar.is_session(day), calendar.is_known(day)) for day in DAYS} == before


@LAW
@given(calendars, nights)
def test_a_night_is_about_the_last_of_all_sessions_that_are_due(
    calendar: TradingCalendar, nows: list[datetime]
) -> None:
    sessions = calendar.sessions(EARLIER, LATER)
    for now in nows:
        assert (
            calendar.session_of_night(now)
            == [each for each in sessions if calendar.is_due(each, now)][-1]
        )


@LAW
@given(calendars, nights.map(sorted))
def test_time_never_takes_back_a_session(calendar: TradingCalendar, nows: list[datetime]) -> None:
    nightly = [calendar.session_of_night(now) for now in nows]
    assert nightly == sorted(nightly)
    for day in DAYS:
        assert [calendar.is_due(day, now) for now in nows] == sorted(
            calendar.is_due(day, now) for now in nows
        )
        assert [is_final(day, now) for now in nows] == sorted(is_final(day, now) for now in nows)


@LAW
@given(calendars, nights, zones)
def test_the_same_moment_in_another_time_zone_is_the_same(
    calendar: TradingCalendar, nows: list[datetime], zone: tzinfo
) -> None:
    for now in nows:
        there, day = now.astimezone(zone), now.date().isoformat()
        assert calendar.session_of_night(there) == calendar.session_of_night(now)
        assert calendar.is_due(day, there) == calendar.is_due(day, now)
        assert is_final(shifted(day, -1), there) == is_final(shifted(day, -1), now)


@LAW
@given(observations, nights)
def test_a_session_is_due_on_its_evening_and_final_in_the_morning(
    shown: dict[str, bool], nows: list[datetime]
) -> None:
    evening, morning = TradingCalendar(shown), TradingCalendar(shown, same_evening=False)
    for now in nows:
        for day in DAYS:
            assert evening.is_due(day, now) == (now.isoformat() >= f"{day}T18:00")
            assert (
                morning.is_due(day, now)
                == is_final(day, now)
                == (now.isoformat() >= f"{shifted(day, 1)}T08:00")
            )
        assert morning.session_of_night(now) <= evening.session_of_night(now)

"""Sessions of the exchange, compared with the exchange's own list and with days that went down in
history."""

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.layers import RECORDED
from utils.clock import kst
from utils.date_utils import (
    OutOfCalendar,
    TradingCalendar,
    at_kst,
    first_reading_from,
    is_final,
    neighbours,
    parse_date,
    predicted_open,
    weekdays,
)

REAL_SESSIONS = RECORDED / "krx_sessions_2000_2023.csv"
CALENDAR = TradingCalendar()
FRIDAY, MONDAY, TUESDAY = "2024-01-19", "2024-01-22", "2024-01-23"


@pytest.mark.recorded
def test_every_real_session_since_2001_is_known_and_no_other() -> None:
    real = [day for day in REAL_SESSIONS.read_text().split()[1:] if day >= "2001-01-01"]
    assert len(real) > 5_000
    assert CALENDAR.sessions("2001-01-01", real[-1]) == real


@pytest.mark.parametrize(
    ("now", "session"),
    [
        (kst(2024, 1, 22, 17, 59, 59), FRIDAY),
        (kst(2024, 1, 22, 18), MONDAY),
        (kst(2024, 1, 22, 19), MONDAY),
        (kst(2024, 1, 22, 23, 59), MONDAY),
        (kst(2024, 1, 23, 0, 10), MONDAY),
        (kst(2024, 1, 20, 3), FRIDAY),  # Saturday, in the night that began on Friday
        (kst(2024, 1, 21, 12), FRIDAY),
        (kst(2024, 1, 22, 0, 10), FRIDAY),  # Monday, in nobody's night
        (kst(2024, 2, 9, 19), "2024-02-08"),  # the lunar new year
        (kst(2024, 2, 12, 19), "2024-02-08"),
        (kst(2024, 2, 13, 8), "2024-02-08"),  # the morning after
        (kst(2024, 2, 13, 18), "2024-02-13"),
        (kst(2024, 1, 2, 8), "2023-12-28"),  # the exchange closes on the last day of the year
        (datetime.fromisoformat("2024-01-22T09:00:00+00:00"), MONDAY),  # 18:00 KST
        (datetime.fromisoformat("2024-01-22T08:59:59+00:00"), FRIDAY),
        (datetime.fromisoformat("2024-01-22T20:00:00+00:00"), MONDAY),  # already Tuesday in Korea
    ],
    ids=str,
)
def test_a_night_is_about_the_last_session_that_is_due(now: datetime, session: str) -> None:
    assert CALENDAR.session_of_night(now) == session


def test_a_holiday_that_nobody_predicted_is_no_session_once_the_exchange_has_shown_it() -> None:
    calendar = TradingCalendar({MONDAY: False})
    assert not calendar.is_session(MONDAY)
    assert calendar.session_of_night(kst(2024, 1, 22, 19)) == FRIDAY
    assert calendar.sessions(FRIDAY, TUESDAY) == [FRIDAY, TUESDAY]
    assert (calendar.next_session(FRIDAY), calendar.previous_session(TUESDAY)) == (TUESDAY, FRIDAY)


def test_a_holiday_on_which_the_exchange_was_open_is_a_session() -> None:
    calendar = TradingCalendar({"2024-02-09": True})
    assert calendar.session_of_night(kst(2024, 2, 12, 19)) == "2024-02-09"


def test_a_day_is_known_when_the_exchange_has_shown_it_or_it_is_a_weekend() -> None:
    calendar = TradingCalendar({MONDAY: False})
    known = [
        calendar.is_known(day)
        for day in ("2024-01-20", "2024-01-21", MONDAY, TUESDAY, "2024-02-09")
    ]
    assert known == [True, True, True, False, False]


def test_a_calendar_does_not_change_with_the_answers_it_was_made_of() -> None:
    observed = {MONDAY: False}
    calendar = TradingCalendar(observed)
    observed.clear()
    assert not calendar.is_session(MONDAY)


@pytest.mark.parametrize(
    ("session", "opens", "closes"),
    [
        (MONDAY, "09:00", "15:30"),
        ("2024-01-02", "10:00", "15:30"),
        ("2024-01-03", "09:00", "15:30"),
        ("2026-01-02", "10:00", "15:30"),
        ("2001-01-02", "10:00", "15:00"),
        ("2016-01-04", "10:00", "15:00"),
        ("2016-07-29", "09:00", "15:00"),
        ("2016-08-01", "09:00", "15:30"),
        ("2017-11-16", "09:00", "15:30"),
        ("2017-11-23", "10:00", "16:30"),
        ("2020-11-19", "09:00", "15:30"),
        ("2020-12-03", "10:00", "16:30"),
        ("2024-11-14", "10:00", "16:30"),
        ("2025-11-13", "10:00", "16:30"),
        ("2026-11-19", "10:00", "16:30"),
        ("2026-11-12", "09:00", "15:30"),
    ],
)
def test_the_market_is_open(session: str, opens: str, closes: str) -> None:
    hours = CALENDAR.market_hours(session)
    assert (f"{hours.opens:%Y-%m-%d %H:%M %z}", f"{hours.closes:%Y-%m-%d %H:%M %z}") == (
        f"{session} {opens} +0900",
        f"{session} {closes} +0900",
    )


def test_the_first_session_the_exchange_showed_opens_at_ten() -> None:
    calendar = TradingCalendar({"2024-01-02": False})
    assert calendar.market_hours("2024-01-03").opens == kst(2024, 1, 3, 10)


@pytest.mark.parametrize("day", ["2024-01-20", "2024-02-09"])
def test_a_day_without_a_session_has_no_hours(day: str) -> None:
    with pytest.raises(ValueError, match=f"{day} is not a session"):
        CALENDAR.market_hours(day)


@pytest.mark.parametrize("day", ["2000-12-29", "1999-01-04", "2100-01-04"])
def test_a_question_out_of_range_raises(day: str) -> None:
    for ask in (
        predicted_open,
        CALENDAR.is_session,
        CALENDAR.market_hours,
        TradingCalendar({day: True}).is_session,
    ):
        with pytest.raises(
            OutOfCalendar, match=f"{day} is outside the calendar, .*2001-01-01 to 2099-12-31"
        ):
            ask(day)


def test_a_walk_out_of_range_raises() -> None:
    with pytest.raises(OutOfCalendar):
        CALENDAR.sessions("2000-12-20", "2001-01-10")
    with pytest.raises(OutOfCalendar):
        CALENDAR.previous_session("2001-01-02")
    with pytest.raises(OutOfCalendar):
        CALENDAR.next_session("2099-12-31")
    with pytest.raises(OutOfCalendar):
        CALENDAR.last_sessions("2001-01-10", 300)


def test_the_edges_of_the_range_are_answered() -> None:
    assert not CALENDAR.is_session("2001-01-01")
    assert CALENDAR.sessions("2001-01-01", "2001-01-03") == ["2001-01-02", "2001-01-03"]
    assert CALENDAR.sessions("2099-12-30", "2099-12-31") == ["2099-12-30"]


@pytest.mark.parametrize(
    ("now", "due"),
    [
        (kst(2024, 1, 22, 9), False),
        (kst(2024, 1, 22, 17, 59, 59), False),
        (kst(2024, 1, 22, 18), True),
        (kst(2024, 1, 23), True),
        (kst(2024, 1, 21, 19), False),
    ],
)
def test_a_session_is_due_from_18_00_of_its_own_day(now: datetime, due: bool) -> None:
    assert CALENDAR.is_due(MONDAY, now) is due


@pytest.mark.parametrize(
    ("session", "read_at", "final"),
    [
        (MONDAY, kst(2024, 1, 22, 23, 59, 59), False),
        (MONDAY, kst(2024, 1, 23, 7, 59, 59), False),
        (MONDAY, kst(2024, 1, 23, 8), True),
        (FRIDAY, kst(2024, 1, 20, 7, 59), False),
        (
            FRIDAY,
            kst(2024, 1, 20, 8),
            True,
        ),  # the following calendar day, not the following session
        ("2023-12-28", kst(2024, 1, 22), True),
        ("2024-02-29", kst(2024, 3, 1, 8), True),
    ],
)
def test_a_reading_is_final_from_08_00_of_the_following_day(
    session: str, read_at: datetime, final: bool
) -> None:
    assert is_final(session, read_at) is final


@pytest.mark.parametrize(
    ("session", "observed", "moment"),
    [
        (FRIDAY, {}, kst(2024, 1, 26, 18)),
        (FRIDAY, {"2024-01-24": False}, kst(2024, 1, 29, 18)),
        ("2024-02-08", {}, kst(2024, 2, 19, 18)),  # the New Year's holidays on 02-09 and 02-12
    ],
)
def test_a_week_later_is_six_oclock_of_the_fifth_session_after_it(
    session: str, observed: dict[str, bool], moment: datetime
) -> None:
    calendar = TradingCalendar(observed)
    assert session not in calendar.weeks_later(moment - timedelta(seconds=1))
    assert calendar.weeks_later(moment)[session] == moment
    last = moment
    for _ in range(6):
        last = first_reading_from(calendar.next_session(last.date().isoformat()))
        assert (session in calendar.weeks_later(last - timedelta(seconds=1))) is True
    assert session not in calendar.weeks_later(last), "it lies eleven sessions back"


def test_a_reading_is_up_to_the_last_checkpoint_and_long_after_up_to_the_final_one() -> None:
    expected = [
        (kst(2024, 1, 19, 17), None),
        (kst(2024, 1, 19, 19), kst(2024, 1, 19, 18)),
        (kst(2024, 1, 26, 17), kst(2024, 1, 20, 8)),
        (kst(2024, 1, 26, 19), kst(2024, 1, 26, 18)),
        (kst(2024, 3, 4, 19), kst(2024, 1, 20, 8)),
    ]
    assert [(moment, CALENDAR.read_up_to(FRIDAY, moment)) for moment, _ in expected] == expected


def test_in_the_first_days_of_the_range_nothing_is_a_week_later() -> None:
    assert CALENDAR.weeks_later(kst(2001, 1, 3, 19)) == {}


@pytest.mark.parametrize(
    "text", ["20240122", "2024-1-22", "2024-W04-1", "2024-02-30", "yesterday", "", "2024-01-22 "]
)
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        parse_date(text)


def test_a_date_is_itself() -> None:
    assert parse_date("2024-02-29") == "2024-02-29"


def test_a_time_of_a_day_is_aware() -> None:
    assert at_kst(MONDAY, kst(2024, 1, 1, 19, 30).time()) == kst(2024, 1, 22, 19, 30)


def test_weekdays_are_monday_to_friday_inclusive() -> None:
    assert weekdays(FRIDAY, TUESDAY) == [FRIDAY, MONDAY, TUESDAY]
    assert weekdays("2024-01-20", "2024-01-21") == []
    assert weekdays(TUESDAY, FRIDAY) == []


def test_a_span_that_ends_before_it_begins_has_no_sessions() -> None:
    assert CALENDAR.sessions(TUESDAY, FRIDAY) == []


def test_last_sessions_counts_back_from_a_session_or_the_one_before() -> None:
    assert CALENDAR.last_sessions(MONDAY, 2) == [FRIDAY, MONDAY]
    assert CALENDAR.last_sessions("2024-01-21", 2) == ["2024-01-18", FRIDAY]
    assert CALENDAR.last_sessions(MONDAY, 0) == []


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        ("a", (None, "b")),
        ("b", (None, "d")),
        ("c", ("b", "d")),
        ("d", ("b", "f")),
        ("f", ("d", None)),
        ("g", ("f", None)),
    ],
)
def test_neighbours_are_before_and_after_the_place(
    session: str, expected: tuple[str | None, str | None]
) -> None:
    assert neighbours(session, ["b", "d", "f"]) == expected
    assert neighbours(session, []) == (None, None)


days = st.dates(date(2001, 2, 1), date(2030, 12, 31)).map(date.isoformat)
observations = st.dictionaries(days, st.booleans(), max_size=20)


@given(days, st.integers(0, 60), observations)
def test_sessions_are_sorted_within_their_span_and_weekdays_unless_shown(
    first: str, length: int, observed: dict[str, bool]
) -> None:
    last = (date.fromisoformat(first) + timedelta(length)).isoformat()
    found = TradingCalendar(observed).sessions(first, last)
    assert found == sorted(set(found))
    assert all(first <= day <= last for day in found)
    assert {day for day in found if observed.get(day) is None} <= set(weekdays(first, last))
    assert {day for day, is_open in observed.items() if is_open and first <= day <= last} <= set(
        found
    )


@given(days)
def test_the_previous_of_the_next_session_is_where_we_were(day: str) -> None:
    following = CALENDAR.next_session(day)
    assert day < following
    back = CALENDAR.previous_session(following)
    assert back == (day if CALENDAR.is_session(day) else CALENDAR.previous_session(day))


@given(days, st.integers(0, 15))
def test_last_sessions_are_as_many_as_asked_for_and_without_a_gap(last: str, count: int) -> None:
    found = CALENDAR.last_sessions(last, count)
    assert len(found) == count
    assert found == (CALENDAR.sessions(found[0], last) if found else [])


@given(st.datetimes(datetime(2001, 2, 1), datetime(2030, 12, 31)))
def test_the_session_of_a_night_is_due_and_no_later_one_is(naive: datetime) -> None:
    now = kst(*naive.timetuple()[:6])
    session = CALENDAR.session_of_night(now)
    assert CALENDAR.is_due(session, now)
    assert not CALENDAR.is_due(CALENDAR.next_session(session), now)


def test_what_is_only_to_be_had_the_next_morning_is_due_from_eight_then() -> None:
    calendar = TradingCalendar(same_evening=False)
    assert not calendar.is_due(MONDAY, kst(2024, 1, 22, 23))
    assert calendar.is_due(MONDAY, kst(2024, 1, 23, 8))
    assert calendar.session_of_night(kst(2024, 1, 23, 7, 59)) == "2024-01-19"
    assert calendar.session_of_night(kst(2024, 1, 23, 8)) == MONDAY


def test_a_calendar_that_learns_keeps_what_it_knew() -> None:
    calendar = TradingCalendar({MONDAY: False}, same_evening=False).knowing({"2024-01-23": False})
    assert [calendar.is_session(day) for day in (MONDAY, "2024-01-23", "2024-01-24")] == [
        False,
        False,
        True,
    ]
    assert not calendar.is_due("2024-01-24", kst(2024, 1, 24, 23))

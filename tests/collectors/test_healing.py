"""What is due is decided by what is stored and completed, never by the date of the last run."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from collectors.healing import DueSession, sessions_due, unsettled_days
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.store.sessions import SessionHead

WEEK = ["2024-01-15", "2024-01-16", "2024-01-17", "2024-01-18", "2024-01-19"]
EVENING = kst(2024, 1, 19, 19)


def head(session: str, finality: str = "final") -> SessionHead:
    return SessionHead(session, finality, "pykrx", 1, "digest", 3, datetime(2024, 1, 1, tzinfo=UTC), None)


def due(heads: list[SessionHead], completed: set[str], now: datetime = EVENING) -> list[DueSession]:
    return sessions_due(TradingCalendar(), heads, completed, WEEK[0], WEEK[-1], now)


def test_everything_that_is_not_stored_is_due_oldest_first() -> None:
    assert due([head(WEEK[0]), head(WEEK[2])], {WEEK[0], WEEK[2]}) == [
        DueSession(each, False) for each in (WEEK[1], WEEK[3], WEEK[4])
    ]


def test_a_session_is_not_due_before_six_in_the_evening() -> None:
    done = [head(each) for each in WEEK[:4]]
    assert due(done, set(WEEK[:4]), kst(2024, 1, 19, 17, 59)) == []
    assert due(done, set(WEEK[:4]), kst(2024, 1, 19, 18)) == [DueSession(WEEK[4], False)]


def test_a_provisional_session_is_confirmed_from_eight_the_next_morning() -> None:
    done = [*(head(each) for each in WEEK[:3]), head(WEEK[3], "provisional")]
    assert due(done, set(WEEK[:4]), kst(2024, 1, 19, 7, 59)) == []
    assert due(done, set(WEEK[:4]), kst(2024, 1, 19, 8)) == [DueSession(WEEK[3], True)]


def test_a_session_whose_run_died_before_it_was_recorded_is_due_again() -> None:
    stored = [head(each) for each in WEEK]
    assert due(stored, set(WEEK) - {WEEK[2]}) == [DueSession(WEEK[2], False)]


def test_a_record_without_a_session_does_not_count() -> None:
    assert DueSession(WEEK[1], False) in due([head(WEEK[0])], set(WEEK))


@given(
    stored=st.sets(st.sampled_from(WEEK)),
    final=st.sets(st.sampled_from(WEEK)),
    completed=st.sets(st.sampled_from(WEEK)),
)
def test_whatever_is_stored_exactly_the_rest_is_due_in_order(
    stored: set[str], final: set[str], completed: set[str]
) -> None:
    heads = [head(each, "final" if each in final else "provisional") for each in sorted(stored)]
    found = due(heads, completed, kst(2024, 1, 20, 9))
    assert [each.session for each in found] == sorted(set(WEEK) - (stored & completed & final))
    assert {each.session for each in found if each.to_confirm} == (stored & completed) - final


def test_days_of_which_the_exchange_has_shown_nothing_are_unsettled() -> None:
    calendar = TradingCalendar({WEEK[0]: True, WEEK[1]: False})
    assert unsettled_days(calendar, WEEK[0], "2024-01-19", EVENING) == WEEK[2:4]

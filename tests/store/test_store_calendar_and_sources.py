"""Calendar of what the exchange has shown, and its treatment of us (sources), shared by all
processes."""

from datetime import timedelta
from itertools import pairwise

import pytest

from tests.fakes import FakeClock
from utils.clock import kst
from utils.date_utils import OutOfCalendar
from utils.errors import EXIT_NOT_NOW, Banned, QuotaUsed
from utils.store import Store
from utils.store.schema import CALENDAR

SECOND = timedelta(seconds=1)


def state(store: Store, source: str = "pykrx") -> dict[str, object]:
    return next(each for each in store.sources.all() if each["_id"] == source)


def test_what_the_exchange_showed_is_remembered(store: Store, other: Store) -> None:
    assert store.calendar.observed() == {}
    store.calendar.record({"2024-01-22": True, "2024-02-09": False}, "index series")
    assert other.calendar.observed() == {"2024-01-22": True, "2024-02-09": False}


def test_a_remembered_day_says_what_was_predicted_and_by_what_it_is_known(
    store: Store, clock: FakeClock
) -> None:
    store.calendar.record({"2024-01-22": False}, "index series")
    assert store.backend.get(CALENDAR, "2024-01-22") == {
        "_id": "2024-01-22",
        "open": False,
        "predicted": True,
        "evidence": "index series",
        "observed_utc": clock.now_utc(),
    }


def test_only_news_is_written(store: Store, clock: FakeClock) -> None:
    store.calendar.record({"2024-01-22": True, "2024-01-23": True}, "first")
    clock.advance(days=1)
    store.calendar.record({"2024-01-22": True, "2024-01-23": False, "2024-01-24": True}, "second")
    assert store.calendar.observed() == {
        "2024-01-22": True,
        "2024-01-23": False,
        "2024-01-24": True,
    }
    assert [day["evidence"] for day in store.backend.find(CALENDAR)] == [
        "first",
        "second",
        "second",
    ]


def test_nothing_shown_is_no_news(store: Store) -> None:
    store.calendar.record({}, "index series")
    assert store.calendar.observed() == {}


def test_a_day_outside_the_calendar_is_refused_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(OutOfCalendar):
        store.calendar.record({"2024-01-22": True, "1999-12-30": True}, "index series")
    assert store.calendar.observed() == {}


def test_the_first_request_goes_at_once_and_the_next_ones_queue_up(store: Store) -> None:
    waits = [store.sources.next_request("pykrx", SECOND).total_seconds() for _ in range(4)]
    assert waits == [0, 1, 2, 3]


def test_two_processes_share_one_pace(store: Store, other: Store) -> None:
    waits = [
        each.sources.next_request("pykrx", SECOND).total_seconds()
        for each in (store, other, other, store)
    ]
    assert waits == [0, 1, 2, 3]


def test_who_waits_as_told_is_never_closer_than_the_interval(
    store: Store, other: Store, clock: FakeClock
) -> None:
    sent = []
    for number in range(12):
        clock.advance(milliseconds=370 * (number % 3))
        clock.sleep(
            (store, other)[number % 2].sources.next_request("pykrx", SECOND).total_seconds()
        )
        sent.append(clock.now_utc())
    assert min(later - earlier for earlier, later in pairwise(sent)) >= SECOND


def test_after_a_pause_nobody_waits(store: Store, clock: FakeClock) -> None:
    store.sources.next_request("pykrx", SECOND)
    clock.advance(seconds=1)
    assert store.sources.next_request("pykrx", SECOND) == timedelta(0)


def test_a_process_that_loses_the_race_for_a_slot_takes_the_next_one(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    update = store.backend.update

    def overtaken(*args: object) -> int:
        monkeypatch.undo()
        assert other.sources.next_request("pykrx", SECOND) == timedelta(0)
        return update(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(store.backend, "update", overtaken)
    assert store.sources.next_request("pykrx", SECOND) == SECOND
    assert state(store)["total"] == 2


def test_sources_have_a_pace_of_their_own(store: Store) -> None:
    store.sources.next_request("pykrx", SECOND)
    assert store.sources.next_request("openapi", SECOND) == timedelta(0)
    assert {each["_id"] for each in store.sources.all()} == {"pykrx", "openapi"}


def test_an_interval_of_zero_never_waits(store: Store) -> None:
    assert [store.sources.next_request("pykrx", timedelta(0)) for _ in range(3)] == [
        timedelta(0)
    ] * 3


def test_a_clock_that_was_set_back_does_not_make_anybody_wait_for_days(
    store: Store, clock: FakeClock
) -> None:
    store.sources.next_request("pykrx", SECOND)
    clock.set(kst(2024, 1, 1))
    assert store.sources.next_request("pykrx", SECOND) <= timedelta(minutes=2)


def test_requests_are_counted_per_kst_day_and_altogether(
    store: Store, other: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 22, 23, 59, 58))
    for each in (store, other, store):
        each.sources.next_request("pykrx", timedelta(0))
    assert (state(store)["date_kst"], state(store)["today"], state(store)["total"]) == (
        "2024-01-22",
        3,
        3,
    )
    clock.set(kst(2024, 1, 23))
    other.sources.next_request("pykrx", timedelta(0))
    assert (state(store)["date_kst"], state(store)["today"], state(store)["total"]) == (
        "2024-01-23",
        1,
        4,
    )


def test_midnight_utc_begins_no_new_day(store: Store, clock: FakeClock) -> None:
    for hour in (8, 9, 10):
        clock.set(kst(2024, 1, 22, hour))
        store.sources.next_request("pykrx", SECOND)
    assert state(store)["today"] == 3


def test_a_blocked_source_is_closed_to_every_process_until_it_opens(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.sources.next_request("pykrx", SECOND)
    store.sources.block("pykrx", clock.now_utc() + timedelta(hours=24), "automated use detected")
    with pytest.raises(
        Banned, match=r"pykrx.*2024-01-23 19:00 KST.*automated use detected"
    ) as refusal:
        other.sources.next_request("pykrx", SECOND)
    assert refusal.value.exit_code == EXIT_NOT_NOW
    clock.advance(hours=24, milliseconds=-1, minutes=-5)
    with pytest.raises(Banned):
        store.sources.next_request("pykrx", SECOND)
    clock.advance(minutes=5, milliseconds=1)
    assert store.sources.next_request("pykrx", SECOND) == timedelta(0)


def test_the_end_of_a_block_is_waited_for_when_it_is_near(store: Store, clock: FakeClock) -> None:
    store.sources.block("pykrx", clock.now_utc() + timedelta(minutes=5), "banned")
    assert store.sources.next_request("pykrx", SECOND) == timedelta(minutes=5)
    assert store.sources.next_request("pykrx", SECOND) == timedelta(minutes=5) + SECOND


def test_the_requests_of_a_day_are_limited_until_midnight_in_korea(
    store: Store, other: Store, clock: FakeClock
) -> None:
    for booker in (store, other, store):
        booker.sources.next_request("openapi", timedelta(0), daily_limit=3)
    with pytest.raises(QuotaUsed, match="3 requests a day that openapi allows"):
        other.sources.next_request("openapi", timedelta(0), daily_limit=3)
    clock.advance(hours=4, minutes=59)
    with pytest.raises(QuotaUsed):
        store.sources.next_request("openapi", timedelta(0), daily_limit=3)
    clock.advance(minutes=1)
    assert store.sources.next_request("openapi", timedelta(0), daily_limit=3) == timedelta(0)


def test_a_comparison_of_sources_is_remembered(store: Store, clock: FakeClock) -> None:
    assert store.sources.comparison("openapi") is None
    store.sources.record_comparison("openapi", "2024-01-19", 3)
    assert store.sources.comparison("openapi") == {
        "session": "2024-01-19",
        "differing": 3,
        "compared_utc": clock.now_utc(),
    }


def test_a_refused_request_is_not_counted(store: Store, clock: FakeClock) -> None:
    store.sources.block("pykrx", clock.now_utc() + timedelta(hours=24), "ban")
    with pytest.raises(Banned):
        store.sources.next_request("pykrx", SECOND)
    assert (state(store)["total"], state(store)["next_request_utc"]) == (0, None)


def test_a_blocked_source_does_not_close_the_other_one(store: Store, clock: FakeClock) -> None:
    store.sources.block("pykrx", clock.now_utc() + timedelta(hours=24), "ban")
    assert store.sources.next_request("openapi", SECOND) == timedelta(0)


def test_blocking_keeps_the_counts(store: Store, clock: FakeClock) -> None:
    store.sources.next_request("pykrx", SECOND)
    until = clock.now_utc() + timedelta(hours=24)
    store.sources.block("pykrx", until, "ban")
    blocked = state(store)
    assert (blocked["total"], blocked["today"], blocked["blocked_until_utc"]) == (1, 1, until)


def test_refused_logins_are_counted_in_a_row_and_for_one_login_id(
    store: Store, other: Store, clock: FakeClock
) -> None:
    assert store.sources.refused_logins("pykrx", "a1b2") == 0
    assert [
        store.sources.record_refused_login("pykrx", "a1b2", "pw-1"),
        other.sources.record_refused_login("pykrx", "a1b2", "pw-1"),
    ] == [1, 2]
    assert state(store)["refused_logins"] == {
        "a1b2": {"password_mark": "pw-1", "count": 2, "tries": 2, "last_utc": clock.now_utc()}
    }
    assert store.sources.refused_logins("pykrx", "c3d4") == 0
    assert store.sources.record_refused_login("pykrx", "c3d4", "pw-1") == 1
    store.sources.forget_refused_logins("pykrx", "c3d4")
    assert other.sources.refused_logins("pykrx", "c3d4") == 0
    assert other.sources.refused_logins("pykrx", "a1b2") == 2, "of another machine, perhaps"
    store.sources.forget_refused_logins("pykrx", "a1b2")
    assert state(other)["refused_logins"] == {}


def test_a_refused_password_is_tried_twice_and_two_of_them_never_lock_the_account(
    store: Store, other: Store, clock: FakeClock
) -> None:
    def given_up(which: str = "pw-1", login: str = "a1b2") -> bool:
        return other.sources.given_up_since("pykrx", login, which) is not None

    assert not given_up()
    store.sources.record_refused_login("pykrx", "a1b2", "pw-1")
    assert not given_up()
    store.sources.record_refused_login("pykrx", "a1b2", "pw-1")
    assert other.sources.given_up_since("pykrx", "a1b2", "pw-1") == clock.now_utc()
    clock.advance(days=30)
    assert given_up()
    assert not given_up("pw-2")
    assert not given_up(login="c3d4")
    for _ in range(2):
        store.sources.record_refused_login("pykrx", "a1b2", "pw-2")
    assert given_up("pw-2")
    assert given_up("pw-3"), "the fifth refusal locks the account"
    store.sources.forget_refused_logins("pykrx", "c3d4")
    assert given_up(), "a good login with another login ID says nothing of this one"
    store.sources.forget_refused_logins("pykrx", "a1b2")
    assert not given_up()


def test_a_password_is_as_old_as_its_first_login(
    store: Store, other: Store, clock: FakeClock
) -> None:
    first = clock.now_utc()
    assert store.sources.record_password("pykrx", "a1b2") == first
    clock.advance(days=30)
    assert other.sources.record_password("pykrx", "a1b2") == first
    assert other.sources.record_password("pykrx", "c3d4") == clock.now_utc()
    assert state(store)["password"] == {"mark": "c3d4", "since_utc": clock.now_utc()}


def test_how_a_source_fails_is_kept_with_its_beginning_until_it_answers_well(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.sources.record_failure("pykrx", "down")
    began = clock.now_utc()
    clock.advance(hours=1)
    other.sources.record_failure("pykrx", "down")
    assert state(store)["failure"] == {"kind": "down", "since_utc": began}
    other.sources.record_failure("pykrx", "login_refused")
    assert state(store)["failure"] == {"kind": "login_refused", "since_utc": clock.now_utc()}
    store.sources.record_failure("pykrx", None)
    assert state(store)["failure"] is None

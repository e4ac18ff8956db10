"""Days that wait: since when, what is the same, and what a person has accepted."""

from datetime import timedelta

from tests.fakes import FakeClock
from utils.store import Store
from utils.store.backend import Document

FRIDAY, MONDAY = "2024-01-19", "2024-01-22"
VOLUMES: Document = {"rule": "volumes", "market": "KOSPI", "text": "of 42 tickers 40", "count": 40}
HOUR = timedelta(hours=1)


def test_one_that_goes_on_waits_since_its_first_reading(store: Store, clock: FakeClock) -> None:
    first, fewer = clock.now_utc(), VOLUMES | {"text": "of 42 tickers 39", "count": 39}
    store.waiting.put(MONDAY, "a", [VOLUMES], "It is odd.", first)
    store.waiting.put(MONDAY, "a", [fewer], "It still is.", first + HOUR, goes_on=True)
    assert store.waiting.get(MONDAY) == {
        "_id": MONDAY,
        "first_read_utc": first,
        "read_utc": first + HOUR,
        "digest": "a",
        "oddities": [fewer],
        "message": "It still is.",
        "accepted_utc": None,
    }


def test_one_that_was_read_differently_waits_anew_and_is_accepted_no_more(
    store: Store, clock: FakeClock
) -> None:
    store.waiting.put(MONDAY, "a", [VOLUMES], "It is odd.", clock.now_utc())
    assert store.waiting.accept(MONDAY)
    store.waiting.put(MONDAY, "b", [VOLUMES], "It is odd.", clock.now_utc() + HOUR)
    (waiting,) = store.waiting.all()
    assert (waiting["first_read_utc"], waiting["accepted_utc"]) == (clock.now_utc() + HOUR, None)


def test_what_is_accepted_stays_so_while_it_goes_on(store: Store, clock: FakeClock) -> None:
    store.waiting.put(MONDAY, "a", [VOLUMES], "It is odd.", clock.now_utc())
    assert store.waiting.accept(MONDAY)
    store.waiting.put(MONDAY, "a", [VOLUMES], "It is odd.", clock.now_utc() + HOUR, goes_on=True)
    assert [each["accepted_utc"] for each in store.waiting.all()] == [clock.now_utc()]


def test_a_first_reading_that_a_wrong_clock_wrote_ahead_does_not_last(
    store: Store, clock: FakeClock
) -> None:
    store.waiting.put(MONDAY, "a", [VOLUMES], "It is odd.", clock.now_utc() + 900 * HOUR)
    store.waiting.put(MONDAY, "a", [VOLUMES], "It is odd.", clock.now_utc(), goes_on=True)
    assert [each["first_read_utc"] for each in store.waiting.all()] == [clock.now_utc()]


def test_only_what_waits_is_accepted_and_forgotten(store: Store, clock: FakeClock) -> None:
    assert not store.waiting.accept(MONDAY)
    for session in (MONDAY, FRIDAY):
        store.waiting.put(session, "a", [VOLUMES], "It is odd.", clock.now_utc())
    assert [each["_id"] for each in store.waiting.all()] == [FRIDAY, MONDAY]
    store.waiting.forget(MONDAY, "2024-01-23")
    assert [each["_id"] for each in store.waiting.all()] == [FRIDAY]
    assert store.waiting.get(MONDAY) is None

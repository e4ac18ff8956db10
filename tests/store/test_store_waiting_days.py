"""Days that wait: since when, what is the same, and what a person has accepted."""

from datetime import timedelta

import pytest

from tests.fakes import FakeClock
from utils.store import Store
from utils.store.backend import Document

FRIDAY, MONDAY = "2024-01-19", "2024-01-22"
VOLUMES: Document = {"rule": "volumes", "market": "KOSPI", "text": "of 42 tickers 40"}
VALUES: Document = {"rule": "values", "market": "KOSPI", "text": "of 42 tickers 2"}
HOUR = timedelta(hours=1)


def test_one_that_is_read_the_same_waits_since_its_first_reading(
    store: Store, clock: FakeClock
) -> None:
    first = clock.now_utc()
    store.waiting.put(MONDAY, "a", [VOLUMES, VALUES], first)
    store.waiting.put(MONDAY, "a", [VOLUMES | {"text": "of 42 tickers 39"}], first + HOUR)
    assert store.waiting.get(MONDAY) == {
        "_id": MONDAY,
        "first_read_utc": first,
        "read_utc": first + HOUR,
        "digest": "a",
        "oddities": [VOLUMES | {"text": "of 42 tickers 39"}],
        "accepted_utc": None,
    }


@pytest.mark.parametrize(
    ("digest", "oddities"),
    [
        ("b", [VOLUMES]),
        ("a", [VOLUMES, VALUES]),
        ("a", [VALUES]),
        ("a", [VOLUMES | {"market": "KOSDAQ"}]),
    ],
    ids=["closes", "one more", "another rule", "another market"],
)
def test_one_that_is_read_differently_waits_anew_and_is_accepted_no_more(
    store: Store, clock: FakeClock, digest: str, oddities: list[Document]
) -> None:
    store.waiting.put(MONDAY, "a", [VOLUMES], clock.now_utc())
    assert store.waiting.accept(MONDAY)
    store.waiting.put(MONDAY, digest, oddities, clock.now_utc() + HOUR)
    (waiting,) = store.waiting.all()
    assert (waiting["first_read_utc"], waiting["accepted_utc"]) == (clock.now_utc() + HOUR, None)


def test_what_is_accepted_stays_so_while_it_is_read_the_same(
    store: Store, clock: FakeClock
) -> None:
    store.waiting.put(MONDAY, "a", [VOLUMES], clock.now_utc())
    assert store.waiting.accept(MONDAY)
    store.waiting.put(MONDAY, "a", [VOLUMES], clock.now_utc() + HOUR)
    assert [each["accepted_utc"] for each in store.waiting.all()] == [clock.now_utc()]


def test_only_what_waits_is_accepted_and_forgotten(store: Store, clock: FakeClock) -> None:
    assert not store.waiting.accept(MONDAY)
    for session in (MONDAY, FRIDAY):
        store.waiting.put(session, "a", [VOLUMES], clock.now_utc())
    assert [each["_id"] for each in store.waiting.all()] == [FRIDAY, MONDAY]
    store.waiting.forget(MONDAY, "2024-01-23")
    assert [each["_id"] for each in store.waiting.all()] == [FRIDAY]
    assert store.waiting.get(MONDAY) is None

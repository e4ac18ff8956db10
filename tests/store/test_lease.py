"""`Lease`: the end of what is taken, alone and as a filter over every database."""

from datetime import UTC, datetime, timedelta

import pytest

from utils.store.backend import Backend
from utils.store.lease import Lease
from utils.store.schema import LOCKS

NOW = datetime(2024, 1, 22, 10, tzinfo=UTC)
LEASE = Lease(timedelta(minutes=10))
MOMENT = timedelta(milliseconds=1)
ENDS = [
    (None, True),
    (NOW - timedelta(days=400), True),
    (NOW - MOMENT, True),
    (NOW, True),
    (NOW + MOMENT, False),
    (LEASE.end(NOW), False),
    (NOW + timedelta(minutes=30), False),
    (NOW + timedelta(minutes=30) + MOMENT, True),
    (NOW + timedelta(days=400), True),
]
"""An end and what it means; from three lengths ahead on, a clock was wrong."""


@pytest.mark.parametrize(("until", "is_free"), ENDS)
def test_what_is_taken_is_free_from_its_end_on(until: datetime | None, is_free: bool) -> None:
    assert LEASE.is_free(until, NOW) is is_free


def test_the_filter_finds_the_same(backend: Backend) -> None:
    backend.put(LOCKS, [{"_id": str(n), "end_utc": end} for n, (end, _) in enumerate(ENDS)])
    backend.put(LOCKS, [{"_id": "never"}])
    found = backend.find(LOCKS, LEASE.filter_of_free("end_utc", NOW))
    free = [str(n) for n, (_, is_free) in enumerate(ENDS) if is_free]
    assert [each["_id"] for each in found] == [*free, "never"]


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("until", "is_free"),
    [*ENDS[4:], (NOW, False), (NOW - HOUR + MOMENT, False), (NOW - HOUR, True), (None, True)],
)
def test_what_is_free_since_an_hour_is_free_since_its_end_or_was_never_taken(
    backend: Backend, until: datetime | None, is_free: bool
) -> None:
    assert LEASE.is_free(until, NOW, since=HOUR) is is_free
    backend.put(LOCKS, [{"_id": "one", "end_utc": until}])
    assert bool(backend.find(LOCKS, LEASE.filter_of_free("end_utc", NOW, since=HOUR))) is is_free


def test_it_ends_one_length_from_now() -> None:
    assert LEASE.end(NOW) == NOW + timedelta(minutes=10)

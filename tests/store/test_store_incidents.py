"""Incidents: opened once, told once, whoever gets to tell; resolved when the job ends well; claimed
by one of two."""

from datetime import timedelta

from tests.fakes import FakeClock
from utils.store import Store
from utils.store.backend import Document
from utils.store.incidents import TELLING_LEASE
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.schema import INCIDENTS

SESSION = "2024-01-22"


def record(store: Store, key: str = "daily_update:down") -> Document:
    found = store.backend.get(INCIDENTS, key)
    assert found is not None
    return found


def tell(store: Store) -> list[str]:
    """Claim what is untold, have it told, and return the `_id`s."""
    claimed = store.incidents.claim_untold()
    for each in claimed:
        store.incidents.close_claim(each, told=True)
    return [each["_id"] for each in claimed]


def test_an_incident_is_open_and_untold(store: Store, clock: FakeClock) -> None:
    until = clock.now_utc() + timedelta(hours=24)
    store.incidents.open(DAILY_UPDATE, "banned", "closed", until)
    assert record(store, "daily_update:banned") == {
        "_id": "daily_update:banned",
        "job_name": DAILY_UPDATE,
        "kind": "banned",
        "session": None,
        "message": "closed",
        "until_utc": until,
        "opened_utc": clock.now_utc(),
        "resolved_utc": None,
        "told_utc": None,
        "claimed_until_utc": None,
    }
    assert [each["_id"] for each in store.incidents.unresolved()] == ["daily_update:banned"]


def test_failing_on_changes_nothing(store: Store, other: Store, clock: FakeClock) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "first")
    assert tell(store) == ["daily_update:down"]
    before = record(store)
    clock.advance(hours=1)
    other.incidents.open(DAILY_UPDATE, "down", "second")
    assert record(store) == before
    assert tell(other) == []


def test_another_kind_and_another_job_are_other_incidents(store: Store) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    store.incidents.open(DAILY_UPDATE, "malformed", "x")
    store.incidents.open(HOURLY_ANALYSIS, "down", "x")
    assert tell(store) == ["daily_update:down", "daily_update:malformed", "hourly_analysis:down"]


def test_the_end_of_an_incident_is_told_once_and_only_of_that_job(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    store.incidents.open(HOURLY_ANALYSIS, "unexpected", "x")
    tell(store)
    clock.advance(hours=1)
    for each in (store, other):
        each.incidents.resolve(DAILY_UPDATE)
    assert record(store)["resolved_utc"] == clock.now_utc()
    assert [each["_id"] for each in store.incidents.unresolved()] == ["hourly_analysis:unexpected"]
    assert (tell(other), tell(store)) == (["daily_update:down"], [])


def test_a_job_that_ends_well_without_an_incident_writes_nothing(store: Store) -> None:
    store.incidents.resolve(DAILY_UPDATE)
    assert store.backend.find(INCIDENTS) == []


def test_a_job_that_fails_again_after_its_recovery_opens_it_anew(
    store: Store, clock: FakeClock
) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "first")
    store.incidents.resolve(DAILY_UPDATE)
    tell(store)
    clock.advance(days=1)
    store.incidents.open(DAILY_UPDATE, "down", "second")
    now = record(store)
    assert (now["message"], now["opened_utc"], now["resolved_utc"]) == (
        "second",
        clock.now_utc(),
        None,
    )
    assert tell(store) == ["daily_update:down"]


def test_what_one_run_is_telling_no_other_tells_until_its_claim_is_over(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    assert len(store.incidents.claim_untold()) == 1
    assert other.incidents.claim_untold() == []
    clock.advance(seconds=TELLING_LEASE.length.total_seconds())
    assert len(other.incidents.claim_untold()) == 1, "the first one has died over it"


def test_of_two_runs_that_read_the_same_only_one_wins(store: Store, other: Store) -> None:
    """The second has read before the first one's claim is written."""
    store.incidents.open(DAILY_UPDATE, "down", "x")
    seen = other.incidents.untold()
    assert len(store.incidents.claim_untold()) == 1
    other.incidents.untold = lambda: seen  # type: ignore[method-assign]
    assert other.incidents.claim_untold() == []


def test_what_could_not_be_told_is_claimed_again_at_once(store: Store, other: Store) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    (claimed,) = store.incidents.claim_untold()
    store.incidents.close_claim(claimed, told=False)
    assert len(other.incidents.claim_untold()) == 1


def test_a_recovery_that_comes_while_the_failure_is_told_is_still_to_be_told(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    (claimed,) = store.incidents.claim_untold()
    other.incidents.resolve(DAILY_UPDATE)
    store.incidents.close_claim(claimed, told=True)
    assert record(store)["told_utc"] is None
    clock.advance(seconds=TELLING_LEASE.length.total_seconds())
    assert tell(other) == ["daily_update:down"]


def test_a_claim_by_a_clock_that_was_ahead_does_not_last(
    store: Store, other: Store, clock: FakeClock
) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    clock.advance(days=30)
    store.incidents.claim_untold()
    clock.advance(days=-30)
    assert len(other.incidents.claim_untold()) == 1


def test_an_announcement_is_made_once_a_session_and_is_never_open(
    store: Store, other: Store
) -> None:
    assert not store.incidents.is_announced("night", SESSION)
    for each in (store, other):
        each.incidents.announce(HOURLY_ANALYSIS, "night", SESSION, "all well")
    assert other.incidents.is_announced("night", SESSION)
    assert store.incidents.unresolved() == []
    assert record(store, f"night:{SESSION}")["message"] == "all well"
    assert (tell(store), tell(other)) == ([f"night:{SESSION}"], [])
    store.incidents.announce(HOURLY_ANALYSIS, "night", SESSION, "again")
    store.incidents.resolve(HOURLY_ANALYSIS)
    assert tell(store) == []


def test_the_oldest_is_told_first(store: Store, clock: FakeClock) -> None:
    store.incidents.open(HOURLY_ANALYSIS, "unexpected", "x")
    clock.advance(minutes=1)
    store.incidents.open(DAILY_UPDATE, "down", "x")
    assert tell(store) == ["hourly_analysis:unexpected", "daily_update:down"]


def test_a_reset_forgets_them(store: Store) -> None:
    store.incidents.open(DAILY_UPDATE, "down", "x")
    store.reset()
    assert store.incidents.untold() == []

"""The queue of the analysis: claimed in order of market cap, by one worker each, and never blocked
by a bad target."""

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from tests.fakes import FakeClock
from tests.store.conftest import OpenBackend
from utils.store import Store
from utils.store.backend import Columns
from utils.store.base import Identity
from utils.store.jobs import COMPLETED, HOURLY_ANALYSIS, RUNNING
from utils.store.schema import INDICATORS
from utils.store.targets import CLAIM_LEASE, RETRY_LEASE, Progress

FRIDAY, MONDAY, TUESDAY = "2024-01-19", "2024-01-22", "2024-01-23"


def target(ticker: str, market_cap: int, **fields: Any) -> dict[str, Any]:
    fresh = {
        "is_active": True,
        "added_date": FRIDAY,
        "removed_date": None,
        "last_analyzed_date": None,
    }
    work = {"attempts": 0, "retry_after_utc": None, "last_error": None, "claimed_by": None}
    caps = {"market_cap": market_cap, "corrected_market_cap": market_cap}
    return {"_id": ticker, "name": "이름", "market": "KOSPI"} | caps | fresh | work | fields


@pytest.fixture
def queue(store: Store) -> Store:
    """Five targets; the largest is 005930."""
    caps = {"000020": 10, "005930": 500, "035720": 20, "000660": 100, "0001A0": 20}
    store.targets.save([target(ticker, cap) for ticker, cap in caps.items()], {})
    return store


def tickers(targets: list[dict[str, Any]]) -> list[str]:
    return [each["_id"] for each in targets]


def test_targets_come_largest_first_and_equals_by_ticker(queue: Store) -> None:
    assert tickers(queue.targets.all()) == ["005930", "000660", "0001A0", "035720", "000020"]


def test_the_order_counts_the_shares_that_are_still_to_be_listed(queue: Store) -> None:
    queue.targets.save([], {"005930": {"market_cap": 15}, "000660": {"corrected_market_cap": 15}})
    assert tickers(queue.targets.all()) == ["005930", "0001A0", "035720", "000660", "000020"]
    assert tickers(queue.targets.claim(MONDAY, 9)) == tickers(queue.targets.all())


def test_a_target_comes_back_as_it_was_saved(queue: Store) -> None:
    assert queue.targets.get("005930") == target("005930", 500)
    assert queue.targets.get("999999") is None


def test_inactive_targets_are_kept_and_left_out_on_request(queue: Store) -> None:
    queue.targets.save([], {"000660": {"is_active": False, "removed_date": MONDAY}})
    assert "000660" in tickers(queue.targets.all())
    assert "000660" not in tickers(queue.targets.active())


def test_changes_touch_only_the_fields_they_name(queue: Store) -> None:
    queue.targets.save(
        [target("028260", 7)], {"000660": {"market_cap": 900}, "777777": {"market_cap": 1}}
    )
    assert queue.targets.get("000660") == target("000660", 100) | {"market_cap": 900}
    assert queue.targets.get("028260") == target("028260", 7)
    assert queue.targets.get("777777") is None


def test_claims_go_by_market_cap(queue: Store) -> None:
    assert tickers(queue.targets.claim(MONDAY, 3)) == ["005930", "000660", "0001A0"]
    assert tickers(queue.targets.claim(MONDAY, 3)) == ["035720", "000020"]
    assert queue.targets.claim(MONDAY, 3) == []


def test_a_claim_says_who_works_and_until_when(queue: Store, clock: FakeClock) -> None:
    (claimed,) = queue.targets.claim(MONDAY, 1)
    assert (claimed["claimed_by"], claimed["retry_after_utc"]) == (
        queue.identity.owner,
        clock.now_utc() + CLAIM_LEASE.length,
    )
    assert claimed == queue.targets.get("005930")


def test_nobody_else_gets_what_is_claimed(queue: Store, other: Store) -> None:
    assert tickers(queue.targets.claim(MONDAY, 2)) == ["005930", "000660"]
    assert tickers(other.targets.claim(MONDAY, 2)) == ["0001A0", "035720"]
    assert tickers(queue.targets.claim(MONDAY, 2)) == ["000020"]


def test_two_workers_share_the_work_and_do_nothing_twice(store: Store, other: Store) -> None:
    store.targets.save([target(f"{number:06}", number) for number in range(50)], {})
    done: list[str] = []
    while batch := store.targets.claim(MONDAY, 7) + other.targets.claim(MONDAY, 4):
        done += tickers(batch)
        store.results.save(MONDAY, [{"_id": each["_id"], "session": MONDAY} for each in batch])
    assert sorted(done) == [f"{number:06}" for number in range(50)]


def overtake(
    queue: Store, other: Store, claims: int, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Let the other one claim between the queue's look and its conditional write; return what it
    gets."""
    look, theirs = queue.backend.find, []

    def look_then_lose(*args: Any) -> list[dict[str, Any]]:
        monkeypatch.undo()
        found = look(*args)
        theirs.extend(other.targets.claim(MONDAY, claims))
        return found

    monkeypatch.setattr(queue.backend, "find", look_then_lose)
    return theirs


@pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)
def test_who_looked_first_but_wrote_second_gets_what_is_left(
    queue: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = overtake(queue, other, 2, monkeypatch)
    assert tickers(queue.targets.claim(MONDAY, 3)) == ["0001A0"]
    assert tickers(theirs) == ["005930", "000660"]


@pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)
def test_who_loses_all_it_looked_at_is_not_told_that_the_queue_is_empty(
    queue: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    overtake(queue, other, 3, monkeypatch)
    assert tickers(queue.targets.claim(MONDAY, 3)) == ["035720", "000020"]


def test_a_dead_workers_claims_are_free_when_the_lease_has_run_out(
    queue: Store, other: Store, clock: FakeClock
) -> None:
    queue.targets.claim(MONDAY, 5)
    clock.advance(seconds=CLAIM_LEASE.length.total_seconds() - 0.001)
    assert other.targets.claim(MONDAY, 5) == []
    clock.advance(seconds=0.001)
    assert sum(len(other.targets.claim(MONDAY, 5)) for _ in range(6)) == 5


@pytest.fixture(params=[-9, -4, 4, 9], ids=lambda minutes: f"{minutes:+} minutes")
def elsewhere(request: pytest.FixtureRequest, open_backend: OpenBackend, clock: FakeClock) -> Store:
    """Another machine whose clock is so much ahead, less than a lease."""
    theirs = FakeClock(clock.now_utc() + timedelta(minutes=request.param))
    return Store(open_backend(), theirs, Identity("host-c", 4711, "c"))


def test_a_machine_whose_clock_is_minutes_off_gets_only_what_nobody_has_claimed(
    queue: Store, elsewhere: Store
) -> None:
    assert tickers(queue.targets.claim(MONDAY, 2)) == ["005930", "000660"]
    assert tickers(elsewhere.targets.claim(MONDAY, 2)) == ["0001A0", "035720"]
    assert tickers(queue.targets.claim(MONDAY, 2)) == ["000020"]
    assert queue.targets.claim(MONDAY, 5) == elsewhere.targets.claim(MONDAY, 5) == []
    claims = {each["_id"]: each["claimed_by"] for each in queue.targets.all()}
    assert [ticker for ticker, owner in claims.items() if owner == elsewhere.identity.owner] == [
        "0001A0",
        "035720",
    ]


def test_machines_whose_clocks_are_minutes_apart_do_nothing_twice(
    store: Store, elsewhere: Store
) -> None:
    store.targets.save([target(f"{number:06}", number) for number in range(50)], {})
    done: list[str] = []
    held: list[list[dict[str, Any]]] = []
    while batch := [*store.targets.claim(MONDAY, 7), *elsewhere.targets.claim(MONDAY, 4)]:
        held.append(batch)
        done += tickers(batch)
        if len(held) > 1:  # each is saved only after the claims that follow it
            store.results.save(
                MONDAY, [{"_id": each["_id"], "session": MONDAY} for each in held.pop(0)]
            )
    assert sorted(done) == [f"{number:06}" for number in range(50)]


def test_a_claim_runs_out_by_the_clock_of_whoever_looks(
    queue: Store, elsewhere: Store, clock: FakeClock
) -> None:
    (claimed,) = queue.targets.claim(MONDAY, 1)
    elsewhere.targets.claim(MONDAY, 4)
    theirs = elsewhere.clock
    assert isinstance(theirs, FakeClock)
    theirs.set(clock.now_utc() + CLAIM_LEASE.length - timedelta(milliseconds=1))
    assert claimed["_id"] not in tickers(elsewhere.targets.claim(MONDAY, 5))
    theirs.set(clock.now_utc() + CLAIM_LEASE.length)
    assert tickers(elsewhere.targets.claim(MONDAY, 1)) == [claimed["_id"]]
    queue.targets.fail(claimed, "written by the one that lost it")
    queue.targets.release([claimed])
    taken = queue.targets.get(claimed["_id"])
    assert taken is not None
    assert (taken["claimed_by"], taken["last_error"]) == (elsewhere.identity.owner, None)


def test_released_targets_are_as_if_they_had_never_been_claimed(queue: Store, other: Store) -> None:
    before = queue.targets.all()
    queue.targets.release(queue.targets.claim(MONDAY, 5))
    assert other.targets.all() == before
    assert len(other.targets.claim(MONDAY, 5)) == 5


def test_a_target_that_killed_its_worker_comes_after_all_others(
    queue: Store, other: Store, clock: FakeClock
) -> None:
    assert tickers(queue.targets.claim(MONDAY, 1)) == ["005930"]
    clock.advance(seconds=CLAIM_LEASE.length.total_seconds())
    assert tickers(other.targets.claim(MONDAY, 5)) == ["000660", "0001A0", "035720", "000020"]
    assert tickers(other.targets.claim(MONDAY, 5)) == ["005930"]


def test_what_was_claimed_together_with_a_killer_is_claimed_one_by_one(
    queue: Store, clock: FakeClock
) -> None:
    queue.targets.claim(MONDAY, 5)
    clock.advance(seconds=CLAIM_LEASE.length.total_seconds())
    assert [len(queue.targets.claim(MONDAY, 5)) for _ in range(6)] == [1, 1, 1, 1, 1, 0]


def test_the_stalest_come_before_the_largest(queue: Store) -> None:
    queue.results.save("2024-01-18", [{"_id": "000660"}])
    queue.results.save(FRIDAY, [{"_id": "005930"}])
    assert tickers(queue.targets.claim(MONDAY, 5)) == [
        "0001A0",
        "035720",
        "000020",
        "000660",
        "005930",
    ]


def test_small_quotas_reach_everybody_within_some_nights(queue: Store) -> None:
    done: list[str] = []
    for session in (FRIDAY, MONDAY, TUESDAY):
        batch = tickers(queue.targets.claim(session, 2))
        queue.results.save(session, [{"_id": ticker} for ticker in batch])
        done += batch
    assert set(done) == {"005930", "000660", "0001A0", "035720", "000020"}


@pytest.mark.parametrize(
    ("fields", "claimable"),
    [
        ({}, True),
        ({"last_analyzed_date": FRIDAY}, True),
        ({"last_analyzed_date": MONDAY}, False),
        ({"last_analyzed_date": TUESDAY}, False),
        ({"is_active": False}, False),
        ({"added_date": MONDAY}, True),
        ({"added_date": TUESDAY}, False),
    ],
)
def test_only_active_targets_that_are_behind_the_session_are_claimed(
    store: Store, fields: dict[str, Any], claimable: bool
) -> None:
    store.targets.save([target("005930", 500, **fields)], {})
    assert bool(store.targets.claim(MONDAY, 5)) is claimable


def test_an_analysed_target_is_marked_and_not_claimed_again(queue: Store) -> None:
    (claimed,) = queue.targets.claim(MONDAY, 1)
    queue.results.save(MONDAY, [{"_id": "005930", "session": MONDAY}])
    assert queue.targets.get("005930") == claimed | {
        "last_analyzed_date": MONDAY,
        "attempts": 0,
        "retry_after_utc": None,
        "last_error": None,
        "claimed_by": None,
    }
    assert "005930" not in tickers(queue.targets.claim(MONDAY, 5))


def test_an_analysed_target_is_claimed_for_the_next_session(queue: Store) -> None:
    queue.results.save(MONDAY, [{"_id": "005930", "session": MONDAY}])
    assert "005930" in tickers(queue.targets.claim(TUESDAY, 5))


def test_success_wipes_out_an_earlier_failure(queue: Store) -> None:
    queue.targets.save([], {"005930": {"attempts": 3, "last_error": "too short"}})
    queue.results.save(MONDAY, [{"_id": "005930"}])
    done = queue.targets.get("005930")
    assert done is not None
    assert (done["attempts"], done["last_error"]) == (0, None)


def test_a_result_is_replaced_whole(queue: Store) -> None:
    queue.results.save(
        FRIDAY,
        [{"_id": "005930", "latest": {"rsi_14": 51.5, "sma_120": None}, "patterns": ["doji"]}],
    )
    result = {
        "_id": "005930",
        "name": "삼성전자",
        "latest": {"rsi_14": 48.0},
        "history": {"close": [1.5, None]},
    }
    queue.results.save(MONDAY, [result])
    assert queue.results.get("005930") == result
    assert queue.results.get("000660") is None


def test_the_arrays_of_a_chart_come_back_as_plain_lists(queue: Store) -> None:
    close = np.array([2**53 + 1, -7, 0], dtype=np.int64)
    rsi = np.array([np.nan, 51.1234, -0.5])
    chart: Columns = {
        "session": [FRIDAY, MONDAY, TUESDAY],
        "close": close,
        "rsi_14": rsi[::-1][::-1],
    }
    queue.results.save(
        MONDAY, [{"_id": "005930", "name": "삼성전자", "history": chart}, {"_id": "000660"}]
    )
    found = queue.results.get("005930")
    assert found == {
        "_id": "005930",
        "name": "삼성전자",
        "history": {
            "session": [FRIDAY, MONDAY, TUESDAY],
            "close": [2**53 + 1, -7, 0],
            "rsi_14": [None, 51.1234, -0.5],
        },
    }
    assert [type(value) for value in found["history"]["rsi_14"]] == [type(None), float, float]
    assert queue.backend.find(INDICATORS) == [{"_id": "000660"}, found]
    assert chart["close"] is close


def test_a_chart_of_a_young_listing_may_have_one_bar_or_none(queue: Store) -> None:
    for count in (1, 0):
        chart: Columns = {
            "session": [MONDAY] * count,
            "close": np.ones(count),
            "volume": np.ones(count, dtype=int),
        }
        queue.results.save(MONDAY, [{"_id": "005930", "history": chart}])
        found = queue.results.get("005930")
        assert found is not None
        assert found["history"] == {
            "session": [MONDAY] * count,
            "close": [1.0] * count,
            "volume": [1] * count,
        }


def test_a_result_that_is_changed_in_part_keeps_its_chart(queue: Store) -> None:
    queue.results.save(
        MONDAY,
        [{"_id": "005930", "session": MONDAY, "history": {"close": np.array([1.5, np.nan])}}],
    )
    queue.backend.update(INDICATORS, {"_id": "005930"}, {"session": TUESDAY})
    assert queue.results.get("005930") == {
        "_id": "005930",
        "session": TUESDAY,
        "history": {"close": [1.5, None]},
    }


def test_a_failed_target_waits_for_the_next_hour_with_its_reason(
    queue: Store, clock: FakeClock
) -> None:
    (claimed,) = queue.targets.claim(MONDAY, 1)
    queue.targets.fail(claimed, "KeyError: volume")
    failed = queue.targets.get("005930")
    assert failed is not None
    assert (failed["attempts"], failed["last_error"], failed["claimed_by"]) == (
        1,
        "KeyError: volume",
        None,
    )
    assert failed["retry_after_utc"] == clock.now_utc() + RETRY_LEASE.length


def test_a_failed_target_never_stands_in_the_way_and_comes_back(
    queue: Store, clock: FakeClock
) -> None:
    (claimed,) = queue.targets.claim(MONDAY, 1)
    queue.targets.fail(claimed, "no")
    assert tickers(queue.targets.claim(MONDAY, 5)) == ["000660", "0001A0", "035720", "000020"]
    queue.results.save(MONDAY, [{"_id": each} for each in ("000660", "0001A0", "035720", "000020")])
    clock.advance(seconds=RETRY_LEASE.length.total_seconds())
    assert tickers(queue.targets.claim(MONDAY, 1)) == ["005930"]


def test_the_next_hourly_run_is_late_enough_for_a_retry() -> None:
    assert CLAIM_LEASE.length < RETRY_LEASE.length < timedelta(hours=1)


def test_attempts_add_up(queue: Store, clock: FakeClock) -> None:
    queue.results.save(MONDAY, [{"_id": each} for each in ("000660", "0001A0", "035720", "000020")])
    for _ in range(3):
        queue.targets.fail(queue.targets.claim(MONDAY, 1)[0], "no")
        clock.advance(hours=1)
    failed = queue.targets.get("005930")
    assert failed is not None
    assert failed["attempts"] == 3


def test_reopened_targets_are_analysed_again(queue: Store) -> None:
    queue.results.save(MONDAY, [{"_id": "005930"}, {"_id": "000660"}])
    assert queue.targets.reopen(MONDAY, FRIDAY, ["005930", "000020"]) == 1
    assert "005930" in tickers(queue.targets.claim(MONDAY, 5))
    assert queue.targets.reopen(MONDAY, FRIDAY, []) == 0
    assert queue.targets.reopen(MONDAY, FRIDAY) == 1


def test_an_analysis_whose_targets_are_reopened_is_completed_no_more(queue: Store) -> None:
    queue.results.save(MONDAY, [{"_id": "005930"}, {"_id": "000660"}])
    queue.jobs.start(HOURLY_ANALYSIS, MONDAY)
    queue.jobs.update(HOURLY_ANALYSIS, MONDAY, {"status": COMPLETED, "tickers": 2, "analyzed": 2})
    queue.targets.reopen(MONDAY, FRIDAY, ["000020"])
    assert queue.jobs.is_completed(HOURLY_ANALYSIS, MONDAY), "nothing of it was opened"
    queue.targets.reopen(MONDAY, FRIDAY, ["005930"])
    job = queue.jobs.get(HOURLY_ANALYSIS, MONDAY)
    assert job is not None
    assert (job["status"], job["analyzed"], job["pending"]) == (RUNNING, 1, 1)


def test_a_change_of_an_old_session_reopens_what_was_analysed_since(queue: Store) -> None:
    queue.results.save(TUESDAY, [{"_id": "005930"}])
    assert queue.targets.reopen(MONDAY, FRIDAY, ["005930"]) == 1
    reopened = queue.targets.get("005930")
    assert reopened is not None
    assert reopened["last_analyzed_date"] == FRIDAY


def test_a_target_that_is_behind_anyway_is_not_reopened(queue: Store) -> None:
    queue.results.save(FRIDAY, [{"_id": "005930"}])
    assert queue.targets.reopen(MONDAY, "2024-01-18", ["005930"]) == 0


def test_progress_counts_analysed_failed_and_pending(queue: Store) -> None:
    queue.results.save(MONDAY, [{"_id": "005930"}, {"_id": "000660"}])
    queue.targets.fail(queue.targets.claim(MONDAY, 1)[0], "no")
    progress = queue.targets.progress(MONDAY)
    assert progress == Progress(tickers=5, analyzed=2, failed=1, ahead=0)
    assert progress.pending == 2
    queue.results.save(TUESDAY, [{"_id": "005930"}])
    assert queue.targets.progress(MONDAY) == Progress(tickers=5, analyzed=2, failed=1, ahead=1)


def test_progress_leaves_out_who_is_no_target_of_that_session(queue: Store) -> None:
    queue.targets.save([], {"005930": {"is_active": False}, "000660": {"added_date": TUESDAY}})
    assert queue.targets.progress(MONDAY).tickers == 3
    assert queue.targets.progress(TUESDAY).tickers == 4


def test_signals_are_counted_over_the_targets_of_that_session(store: Store) -> None:
    seen = {"000020": ["gap_up"], "005930": ["gap_up", "golden_cross_5_20"], "000660": []}
    results = [
        {"_id": ticker, "session": MONDAY, "signals": signals} for ticker, signals in seen.items()
    ]
    store.results.save(
        MONDAY, [*results, {"_id": "035720", "session": FRIDAY, "signals": ["gap_up"]}]
    )
    assert store.results.signal_counts(MONDAY) == {"gap_up": 2, "golden_cross_5_20": 1}


def test_a_run_that_was_silent_for_a_whole_lease_does_not_put_its_result_over_a_newer_one(
    queue: Store, other: Store, clock: FakeClock
) -> None:
    (largest,) = queue.targets.claim("2024-01-22", 1)
    ticker = largest["_id"]
    clock.advance(days=1)
    assert len(other.targets.claim("2024-01-23", 9)) == 4
    assert tickers(other.targets.claim("2024-01-23", 9)) == [ticker]  # it was tried before
    queue.results.save("2024-01-22", [{"_id": ticker, "session": "2024-01-22"}])
    held = other.targets.get(ticker)
    assert held is not None
    assert (held["claimed_by"], held["last_analyzed_date"]) == (
        other.identity.owner,
        largest["last_analyzed_date"],
    )
    other.results.save("2024-01-23", [{"_id": ticker, "session": "2024-01-23"}])
    queue.results.save("2024-01-22", [{"_id": ticker, "session": "2024-01-22"}])
    result, done = other.results.get(ticker), other.targets.get(ticker)
    assert result is not None
    assert done is not None
    assert (result["session"], done["last_analyzed_date"]) == ("2024-01-23", "2024-01-23")


WHY = {"005930": "The row of 2024-01-22 is set aside: no whole number."}


def test_a_target_that_is_passed_over_counts_as_analysed_and_says_why(queue: Store) -> None:
    queue.targets.save([], {"005930": {"attempts": 2}})
    queue.targets.pass_over(MONDAY, WHY | {"999999": "not listed"})
    passed = queue.targets.get("005930")
    assert passed == target("005930", 500, last_analyzed_date=MONDAY, last_error=WHY["005930"])
    assert "005930" not in tickers(queue.targets.claim(MONDAY, 9))
    assert queue.targets.progress(MONDAY) == Progress(tickers=5, analyzed=1, failed=0, ahead=0)
    assert queue.targets.get("999999") is None
    assert queue.targets.get("000660")["last_error"] is None  # type: ignore[index]


def test_it_is_claimed_again_once_its_session_is_read_well_or_the_next_one_comes(
    queue: Store,
) -> None:
    queue.targets.pass_over(MONDAY, WHY)
    assert tickers(queue.targets.claim(TUESDAY, 9))[-1] == "005930", "it is the least behind"
    queue.targets.pass_over(MONDAY, WHY)
    assert queue.targets.reopen(MONDAY, FRIDAY, ["005930"]) == 1
    assert queue.targets.get("005930")["last_analyzed_date"] == FRIDAY  # type: ignore[index]


def test_for_the_next_session_it_is_pending_and_not_failed(queue: Store) -> None:
    """It was not tried in vain: it has a row there."""
    queue.targets.pass_over(MONDAY, WHY)
    assert queue.targets.progress(TUESDAY) == Progress(tickers=5, analyzed=0, failed=0, ahead=0)
    (first, *_) = queue.targets.claim(TUESDAY, 1)
    queue.targets.fail(first, "too short")
    assert queue.targets.progress(TUESDAY).failed == 1


def test_what_is_analysed_for_that_session_or_a_later_one_is_not_passed_over(queue: Store) -> None:
    for session in (MONDAY, TUESDAY):
        queue.targets.save([], {"005930": {"last_analyzed_date": session}})
        queue.targets.pass_over(MONDAY, WHY)
        assert queue.targets.get("005930") == target("005930", 500, last_analyzed_date=session)


def test_a_result_of_an_earlier_reading_goes_with_its_row_and_an_older_one_stays(
    queue: Store,
) -> None:
    results = {"005930": MONDAY, "000660": FRIDAY}
    queue.backend.put(
        INDICATORS,
        [
            {"_id": ticker, "session": session, "signals": ["golden_cross"]}
            for ticker, session in results.items()
        ],
    )
    queue.targets.pass_over(MONDAY, dict.fromkeys(results, "no row"))
    assert queue.results.get("005930") is None
    assert queue.results.get("000660") is not None
    assert queue.results.signal_counts(MONDAY) == {}

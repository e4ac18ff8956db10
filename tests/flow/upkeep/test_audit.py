"""Runs at work, targets that are behind, late and lost nights, and spans."""

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from collectors.upkeep.audit import audit_sessions, show_audit
from collectors.upkeep.audit.cells import audit_cells
from tests.fakes import FakeClock, market_day, row
from tests.flow.upkeep.damages import (
    falsify_a_target,
    forget_factors,
    keep_a_tenth_of_the_first,
    keep_nine_tenths_of_one,
    kill_a_setup,
    leave_a_lock,
    leave_targets_behind,
    lose_a_session,
)
from tests.flow.upkeep.store_under_test import (
    FIRST,
    LAST,
    MIDDLE,
    MONDAY,
    NOON,
    SECOND,
    SETUP,
    StoreUnderTest,
    at,
    told,
)
from utils.date_utils import TradingCalendar
from utils.errors import MalformedAnswer, StoreError
from utils.market_day import PROVISIONAL
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS, MANUAL_SETUP
from utils.store.locks import COLLECTION
from utils.store.schema import (
    INDICATORS,
    JOBS,
    LOCKS,
    SESSIONS,
    TARGETS,
)
from utils.store.sqlite import SqliteBackend


def test_targets_that_a_whole_night_left_out_are_named_with_their_error(
    tested: StoreUnderTest,
) -> None:
    leave_targets_behind(tested)
    behind = tested.audit().findings
    assert sorted(told(tested.audit())) == sorted(
        ("target_behind", ticker) for ticker in tested.targets()[:2]
    )
    assert {"not analysed since 2026-08-07" in finding.message for finding in behind} == {True}
    assert sorted(
        finding.message.endswith(": its closes are not positive") for finding in behind
    ) == [False, True]


def test_they_are_left_to_the_hourly_analysis(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_targets_behind(tested)
    assert tested.repair() == 0
    assert "2 findings left to the hourly analysis" in capsys.readouterr().out
    tested.clock.set(at("2026-08-12", 19))
    tested.evening()
    tested.clock.advance(minutes=10)
    tested.hour()
    assert tested.audit().findings == []


def test_a_target_that_a_revision_opened_again_is_not_behind(tested: StoreUnderTest) -> None:
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    tested.store.targets.reopen(SECOND, FIRST)
    assert tested.audit().findings == []


def test_nobody_is_behind_a_session_that_came_too_late_for_its_night(
    tested: StoreUnderTest,
) -> None:
    tested.store.jobs.forget(HOURLY_ANALYSIS, ["2026-08-10"])
    for ticker in tested.targets():
        tested.change(TARGETS, ticker, last_analyzed_date="2026-08-07")
        tested.change(INDICATORS, ticker, session="2026-08-07")
    assert {rule for rule, _ in told(tested.audit())} == {"target_behind"}
    tested.change(JOBS, f"2026-08-10_{DAILY_UPDATE}", end_time_utc=at("2026-08-11", 8))
    assert tested.audit().findings == []


def somebody_at_work(tested: StoreUnderTest, expires: datetime) -> None:
    lock = {
        "_id": COLLECTION,
        "owner": "other:1:x",
        "host": "other",
        "pid": 1,
        "expires_utc": expires,
    }
    tested.store.backend.put(LOCKS, [lock])


@pytest.mark.parametrize(
    ("ended", "said"), [(61, "expired at"), (59, ""), (-5, ""), (-31, "by a wrong clock until")]
)
def test_a_lock_that_nobody_can_hold_is_found_and_cleared(
    tested: StoreUnderTest, ended: int, said: str
) -> None:
    leave_a_lock(tested, timedelta(minutes=ended))
    found = [each.message for each in tested.audit().findings]
    assert [said in message for message in found] == [True] * bool(said)
    assert tested.store.locks.clear(since=timedelta(hours=1)) == bool(said)


def test_what_a_run_is_just_doing_is_no_finding(tested: StoreUnderTest) -> None:
    for damage in (lose_a_session, kill_a_setup, falsify_a_target):
        damage(tested)
    tested.store.jobs.forget(DAILY_UPDATE, [SETUP])
    tested.change(SESSIONS, SECOND, finality=PROVISIONAL)
    rules = {"hole", "not_recorded", "provisional", "stale_job", "target_data"}
    assert {rule for rule, _ in told(tested.audit())} == rules
    somebody_at_work(tested, NOON + timedelta(minutes=1))
    assert (tested.audit().findings, tested.audit().awaited) == ([], [MIDDLE])


def test_while_a_run_is_at_work_the_verdict_says_so(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_a_session(tested)
    somebody_at_work(tested, NOON + timedelta(minutes=1))
    show_audit(tested.audit(), as_json=False)
    assert capsys.readouterr().out.startswith("Another run is at work; so far nothing is wrong")


def test_a_killed_run_of_this_host_hides_nothing_although_its_lock_has_not_expired(
    tested: StoreUnderTest,
) -> None:
    lose_a_session(tested)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = {
        "_id": COLLECTION,
        "host": tested.store.identity.host,
        "pid": dead.pid,
        "expires_utc": NOON + timedelta(minutes=1),
    }
    tested.store.backend.put(LOCKS, [lock | {"owner": "dead"}])
    assert told(tested.audit()) == [("hole", MIDDLE)]
    tested.store.backend.put(LOCKS, [lock | {"owner": "alive", "pid": os.getppid()}])
    assert tested.audit().findings == []


def test_a_run_that_showed_a_sign_of_life_within_the_hour_may_still_live(
    tested: StoreUnderTest,
) -> None:
    tested.clock.advance(minutes=-60)
    tested.store.jobs.start(MANUAL_SETUP, LAST)
    tested.clock.advance(minutes=60)
    assert tested.audit().findings == []
    tested.clock.advance(seconds=1)
    assert told(tested.audit()) == [("stale_job", LAST)]


def test_an_unfinished_analysis_is_given_up_by_the_next_nights_first_hour(
    tested: StoreUnderTest,
) -> None:
    tested.change(JOBS, f"{LAST}_{HOURLY_ANALYSIS}", status="running", end_time_utc=None)
    tested.clock.set(at("2026-08-12", 19))
    tested.evening()
    assert tested.audit().findings == []
    tested.clock.set(at("2026-08-12", 21))
    assert told(tested.audit()) == [("stale_job", LAST)]


def never_analysed(tested: StoreUnderTest, added: str) -> str:
    ticker = tested.targets()[0]
    tested.change(TARGETS, ticker, added_date=added, last_analyzed_date=None)
    tested.store.backend.delete(INDICATORS, {"_id": ticker})
    return ticker


def test_a_target_that_entered_after_its_night_had_finished_is_not_behind(
    tested: StoreUnderTest,
) -> None:
    """By the confirmation of its session, which may move a market cap."""
    ticker = never_analysed(tested, "2026-08-10")
    assert tested.audit().findings == []
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    assert told(tested.audit()) == [("target_behind", ticker)]


def test_a_target_that_entered_tonight_is_not_behind(tested: StoreUnderTest) -> None:
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    never_analysed(tested, LAST)
    assert tested.audit().findings == []


def test_a_dead_runs_lock_hides_nothing(tested: StoreUnderTest) -> None:
    lose_a_session(tested)
    somebody_at_work(tested, NOON - timedelta(seconds=1))
    assert told(tested.audit()) == [("hole", MIDDLE)]


def test_a_clock_that_was_wrong_hides_nothing(tested: StoreUnderTest) -> None:
    lose_a_session(tested)
    kill_a_setup(tested)
    tested.change(JOBS, f"{LAST}_{MANUAL_SETUP}", heartbeat_utc=NOON + timedelta(days=1))
    somebody_at_work(tested, NOON + timedelta(days=1))
    assert told(tested.audit()) == [("hole", MIDDLE), ("stale_job", LAST), ("lock", None)]


def test_a_hole_says_at_once_why_the_evenings_run_failed(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = tested.source.fetch_day
    nothing = pd.DataFrame()
    monkeypatch.setattr(
        tested.source, "fetch_day", lambda day: nothing if day == "2026-08-12" else true(day)
    )
    tested.clock.set(at("2026-08-12", 19))
    with pytest.raises(MalformedAnswer) as error:
        tested.evening()
    (hole,) = tested.audit().findings
    assert str(hole) == f"2026-08-12: not stored; its last daily_update failed: {error.value}"


def test_an_evening_that_cron_missed_is_awaited_for_two_hours(tested: StoreUnderTest) -> None:
    tested.clock.set(at("2026-08-12", 20, 59))
    assert (tested.audit().findings, tested.audit().awaited) == ([], ["2026-08-12"])
    tested.clock.set(at("2026-08-12", 21))
    assert told(tested.audit()) == [("hole", "2026-08-12")]


def test_a_final_reading_that_cron_missed_is_awaited_for_two_hours(
    tested: StoreUnderTest,
) -> None:
    tested.clock.set(at("2026-08-12", 19))
    tested.evening()
    tested.clock.set(at("2026-08-13", 10, 1))
    assert tested.audit().findings == []
    tested.clock.set(at("2026-08-13", 10, 2))
    assert told(tested.audit()) == [("provisional", "2026-08-12"), ("dataset", "2026-08-12")]


def test_a_day_without_prices_is_a_hole_once_the_exchange_shows_it_as_a_session(
    tested: StoreUnderTest,
) -> None:
    tested.store.jobs.start(DAILY_UPDATE, "2026-08-12")
    error = {"kind": "not_published", "message": "no prices"}
    tested.change(JOBS, f"2026-08-12_{DAILY_UPDATE}", status="failed", error=error)
    tested.clock.set(at("2026-08-12", 22))
    assert tested.audit().awaited == ["2026-08-12"]
    tested.store.calendar.record({"2026-08-12": True}, "index series")
    assert ("hole", "2026-08-12") in told(tested.audit())


def test_only_the_span_is_looked_at(tested: StoreUnderTest) -> None:
    lose_a_session(tested)
    falsify_a_target(tested)
    kill_a_setup(tested)
    narrow = tested.audit(SETUP, "2026-08-10")
    assert (narrow.findings, narrow.sessions) == ([], 3)
    up_to_today = tested.audit(SETUP, "2026-08-12")
    assert ([rule for rule, _ in told(up_to_today)], up_to_today.awaited) == (
        ["stale_job", "target_data"],
        [],
    ), "not due before six"
    assert told(tested.audit(MIDDLE, MIDDLE)) == [("hole", MIDDLE)]


def test_the_neighbours_of_a_span_tell_whether_its_ends_fit(tested: StoreUnderTest) -> None:
    keep_nine_tenths_of_one(tested)
    forget_factors(tested)
    assert told(tested.audit(MIDDLE, MIDDLE)) == [
        ("few_tickers", MIDDLE),
        ("factor", MIDDLE),
    ]
    keep_a_tenth_of_the_first(tested)
    assert told(tested.audit(FIRST, FIRST)) == [("few_tickers", FIRST)]


def test_a_loaded_history_has_to_be_whole(tested: StoreUnderTest) -> None:
    calendar = TradingCalendar(tested.store.calendar.observed())
    assert audit_sessions(tested.store, calendar, FIRST, LAST) == []
    lose_a_session(tested)
    break_the_order_of_another = tested.frame(SETUP)
    break_the_order_of_another.loc[0, "low"] = 10**9
    tested.rewrite(SETUP, break_the_order_of_another)
    found = audit_sessions(tested.store, calendar, FIRST, LAST)
    assert [(each.rule, each.session) for each in found] == [("hole", MIDDLE), ("order", SETUP)]


def test_a_database_that_stops_answering_is_no_damage_of_sessions(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise StoreError("MongoDB does not answer")

    monkeypatch.setattr(tested.store.sessions, "load", silent)
    monkeypatch.setattr(tested.store.sessions, "head", silent)
    with pytest.raises(StoreError, match="does not answer"):
        tested.audit()


def test_without_the_newest_session_nothing_can_be_said_of_targets(tested: StoreUnderTest) -> None:
    tested.store.backend.delete(SESSIONS, {"_id": LAST})
    assert told(tested.audit()) == [("hole", LAST)]
    assert tested.repair() == 0
    assert tested.audit().findings == []


def test_sessions_that_are_not_neighbours_are_not_held_against_each_other(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Over the years the market grows, and every price moves on."""
    store = Store(SqliteBackend(tmp_path), clock)
    store.sessions.save(market_day("2024-01-17", row("000010", 1000, factor=np.nan)))
    store.sessions.save(
        market_day(MONDAY, row("000010", 500, factor=np.nan), row("000020", factor=np.nan))
    )
    assert audit_cells(store, TradingCalendar(), "2024-01-01", MONDAY) == []
    closed_between = TradingCalendar({"2024-01-18": False, "2024-01-19": False})
    assert {each.rule for each in audit_cells(store, closed_between, "2024-01-01", MONDAY)} == {
        "few_tickers",
        "base_price",
    }

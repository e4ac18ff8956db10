"""The session five sessions back is read once more, after the night's own: what the exchange has
corrected since it was final is a revision like any other."""

from datetime import datetime, timedelta

import pandas as pd
import pytest

from tests.harness import KEY, Installation
from utils.clock import kst
from utils.date_utils import final_from
from utils.market_day import ANALYSED_COLUMNS, differing_tickers
from utils.store.jobs import DAILY_UPDATE
from utils.store.locks import COLLECTION
from utils.store.schema import JOBS, SESSIONS

SET_UP, FIFTH = kst(2026, 9, 4, 19), kst(2026, 9, 8, 19)
CORRECTED, TONIGHT = "2026-09-01", "2026-09-08"
"""The first of the four sessions that are set up, and the fifth after it."""
LATER, MORNING = FIFTH + timedelta(minutes=100), kst(2026, 9, 9, 8, 2)


@pytest.fixture
def set_up(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Installation:
    """Installation that has read one session before the exchange corrected it, days later."""
    monkeypatch.setattr("sandbox.effects.is_final", lambda day, now: False)
    installation.exchange.fail("revised", date=CORRECTED, until="2026-09-04T23:00")
    installation.load(SET_UP, "--sessions", "4")
    installation.exchange.reset_counts()
    return installation


def days_asked(installation: Installation, kind: str = "data") -> list[str | None]:
    """Return the days that were asked for since the last time, in their order."""
    days = [each.day for each in installation.exchange.requests() if each.kind == kind]
    installation.exchange.reset_counts()
    return days


def frame(installation: Installation, moment: datetime) -> pd.DataFrame:
    with installation.opened(moment) as store:
        day = store.sessions.load(CORRECTED)
    assert day is not None
    return day.frame


def test_a_correction_of_the_third_day_is_stored_a_week_later(set_up: Installation) -> None:
    (before, *_) = set_up.read(SET_UP)["heads"]
    done = set_up.must(FIFTH, DAILY_UPDATE)
    assert days_asked(set_up) == ["2026-09-04", "2026-09-07", TONIGHT, CORRECTED]
    seen = set_up.read(FIFTH)
    (after, *_) = seen["heads"]
    assert (before.revision, after.revision, after.finality) == (1, 2, "final")
    assert after.checkpoint_utc == kst(2026, 9, 8, 18)
    assert seen["jobs"][CORRECTED]["checkpoint_utc"] == kst(2026, 9, 8, 18)
    assert f"{CORRECTED}: revision 2, " in done.log
    set_up.assert_equal_to_the_exchange(FIFTH)
    set_up.must(LATER, DAILY_UPDATE)
    set_up.must(MORNING, DAILY_UPDATE)
    assert days_asked(set_up) == [TONIGHT], "the morning's reading alone"
    assert CORRECTED not in set_up.run(MORNING, DAILY_UPDATE, "--audit").stdout


def test_only_what_it_corrects_is_analysed_again_and_a_failure_hurts_nothing_else(
    set_up: Installation,
) -> None:
    set_up.exchange.fail("few_rows", date=CORRECTED, times=1)
    done = set_up.must(FIFTH, DAILY_UPDATE)
    assert days_asked(set_up).count(CORRECTED) == 1
    jobs = set_up.read(FIFTH)["jobs"]
    assert (jobs[TONIGHT]["status"], jobs[CORRECTED]["status"]) == ("completed", "completed")
    assert jobs[CORRECTED]["warnings"][0].startswith("Not read again: ")
    assert "ERROR" not in done.log
    set_up.analyse_night(FIFTH)
    before = frame(set_up, FIFTH)
    set_up.must(LATER, DAILY_UPDATE)
    assert days_asked(set_up) == [CORRECTED]
    changed = differing_tickers(before, frame(set_up, LATER), ANALYSED_COLUMNS)
    targets = {each["_id"]: each for each in set_up.read(LATER)["targets"]}
    again = [each for each in targets if targets[each]["last_analyzed_date"] != TONIGHT]
    assert again == [each for each in targets if each in changed]
    assert 0 < len(again) < len(targets)
    hour = set_up.must(kst(2026, 9, 8, 21, 10), "hourly_analysis")
    assert f"{len(again)} analysed" in hour.log


def test_the_hour_does_not_wait_for_it(set_up: Installation) -> None:
    set_up.exchange.fail("few_rows", date=CORRECTED, times=1)
    set_up.must(FIFTH, DAILY_UPDATE)
    with set_up.opened(FIFTH) as store, store.locks.hold(COLLECTION):
        hour = set_up.must(FIFTH + timedelta(minutes=10), "hourly_analysis")
    assert "waits" not in hour.log


def test_with_a_key_the_open_api_is_asked_for_it(set_up: Installation) -> None:
    set_up.own_settings["KRX_OPENAPI_KEY"] = KEY
    set_up.must(FIFTH, DAILY_UPDATE)
    assert days_asked(set_up, "openapi").count(CORRECTED) == 3
    assert set_up.read(FIFTH)["heads"][0].revision == 2
    set_up.assert_equal_to_the_exchange(FIFTH)


def test_its_figures_stay_when_its_closes_do(installation: Installation) -> None:
    installation.own_settings["DATASETS"] = "prices,fundamentals"
    installation.load(SET_UP, "--sessions", "4")
    installation.must(FIFTH - timedelta(days=1), DAILY_UPDATE)
    installation.exchange.reset_counts()
    installation.must(FIFTH, DAILY_UPDATE)
    assert days_asked(installation) == ["2026-09-07", TONIGHT, CORRECTED, TONIGHT]
    (head, *_) = installation.read(FIFTH)["heads"]
    assert (head.revision, head.datasets["fundamentals"].finality) == (1, "final")


def test_it_is_shown_as_due_and_is_no_finding(set_up: Installation) -> None:
    set_up.must(FIFTH - timedelta(days=1), DAILY_UPDATE)
    set_up.must(FIFTH, DAILY_UPDATE, "--from", TONIGHT)
    assert CORRECTED not in days_asked(set_up)
    shown = set_up.must(FIFTH, DAILY_UPDATE, "--dry-run")
    assert f"{CORRECTED} is due (to read a week later)." in shown.log
    status = set_up.must(FIFTH, DAILY_UPDATE, "--status").stdout
    assert CORRECTED in status
    assert CORRECTED not in set_up.run(kst(2026, 9, 9, 7), DAILY_UPDATE, "--audit").stdout
    set_up.must(FIFTH, DAILY_UPDATE, "--from", CORRECTED, "--to", CORRECTED)
    assert days_asked(set_up) == [CORRECTED]


def test_missed_nights_are_made_up_for_and_what_is_older_is_left(
    installation: Installation,
) -> None:
    """The oldest of the loaded sessions was five sessions back when it was loaded."""
    back = kst(2026, 9, 11, 19)
    installation.load(SET_UP, "--sessions", "7")
    installation.exchange.reset_counts()
    installation.must(back, DAILY_UPDATE)
    new = [f"2026-09-{day:02}" for day in (4, 7, 8, 9, 10, 11)]
    a_week_later = ["2026-08-31", "2026-09-01", "2026-09-02", "2026-09-03"]
    assert days_asked(installation) == new + a_week_later
    installation.must(back + timedelta(minutes=30), DAILY_UPDATE)
    assert days_asked(installation) == []


def test_after_weeks_nothing_is_read_a_week_later(installation: Installation) -> None:
    installation.load(SET_UP, "--sessions", "4")
    installation.exchange.reset_counts()
    installation.must(kst(2026, 9, 22, 19), DAILY_UPDATE)
    days = days_asked(installation)
    assert min(day for day in days if day) == "2026-09-04", "it was provisional"
    assert len(days) == len(set(days)) == 13


def test_a_store_that_has_never_read_one_a_week_later_asks_for_six(
    installation: Installation,
) -> None:
    installation.load(FIFTH, "--sessions", "16")
    with installation.opened(FIFTH) as store:
        for head in store.sessions.heads()[:-1]:
            only_final = {"checkpoint_utc": final_from(head.session)}
            store.backend.update(SESSIONS, {"_id": head.session}, only_final)
            store.backend.update(JOBS, {"_id": f"{head.session}_{DAILY_UPDATE}"}, only_final)
    installation.exchange.reset_counts()
    installation.must(FIFTH, DAILY_UPDATE)
    assert days_asked(installation) == [f"2026-08-{day}" for day in (25, 26, 27, 28, 31)] + [
        CORRECTED
    ]
    installation.must(FIFTH, DAILY_UPDATE)
    assert days_asked(installation) == []


def test_a_closure_that_nobody_predicted_moves_the_fifth_session(
    installation: Installation,
) -> None:
    """2026-08-14 is one, and 2026-08-17 a holiday. Until the run of 2026-08-18 has learned of the
    closure it counts as a session, so two sessions are read too soon, and once more."""
    too_soon = ["2026-08-07", "2026-08-10"]
    installation.load(kst(2026, 8, 13, 19), "--sessions", "5")
    installation.exchange.reset_counts()
    assert installation.run(kst(2026, 8, 14, 19), DAILY_UPDATE).code == 75
    assert days_asked(installation)[-1] == too_soon[0]
    installation.must(kst(2026, 8, 18, 19), DAILY_UPDATE)
    assert days_asked(installation)[-1] == too_soon[1]
    installation.must(kst(2026, 8, 18, 20, 40), DAILY_UPDATE)
    assert days_asked(installation) == too_soon[:1]
    installation.must(kst(2026, 8, 19, 19), DAILY_UPDATE)
    assert days_asked(installation) == ["2026-08-18", "2026-08-19", too_soon[1]]


def test_a_morning_that_changes_the_session_costs_no_reading_more(
    installation: Installation,
) -> None:
    first, fifth = "2026-09-14", kst(2026, 9, 21, 19)
    installation.load(kst(2026, 9, 14, 19), "--sessions", "1")
    installation.must(kst(2026, 9, 15, 8, 2), DAILY_UPDATE)
    assert installation.read(fifth)["heads"][0].revision == 2
    installation.exchange.reset_counts()
    installation.must(fifth, DAILY_UPDATE)
    assert first in days_asked(installation)
    installation.must(fifth + timedelta(days=1), DAILY_UPDATE)
    assert first not in days_asked(installation)


def test_an_old_session_that_was_stored_without_a_row_is_read_again_a_week_after_that(
    installation: Installation,
) -> None:
    old, until = "2026-08-18", "2026-09-08T23:00"
    installation.exchange.fail("zero_close", date=old, until=until)
    installation.load(FIFTH, "--sessions", "16")
    assert len(installation.read(FIFTH)["heads"][0].set_aside) == 1
    installation.exchange.reset_counts()
    for day in (14, 15):
        installation.must(kst(2026, 9, day, 19), DAILY_UPDATE)
        assert (old in days_asked(installation)) == (day == 15)
    assert installation.read(FIFTH)["heads"][0].set_aside == ()

"""Missed sessions are collected, in order, each session with its own record."""

from datetime import timedelta

from collectors.views.prices import read_adjustments
from tests.harness import Installation
from utils.clock import kst
from utils.store.schema import ACTIONS, SESSIONS

SETUP = kst(2026, 9, 3, 19)
BACK = kst(2026, 9, 10, 19)
MISSED = ["2026-09-04", "2026-09-07", "2026-09-08", "2026-09-09"]


def test_four_skipped_evenings_are_all_there_after_one_run(installation_over: Installation) -> None:
    installation_over.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    installation_over.must(BACK, "daily_update")
    seen = installation_over.read(BACK)
    assert [head.session for head in seen["heads"]][5:] == [*MISSED, "2026-09-10"]
    assert [seen["jobs"][session]["status"] for session in MISSED] == ["completed"] * 4
    starts = [seen["jobs"][session]["start_time_utc"] for session in [*MISSED, "2026-09-10"]]
    assert starts == sorted(starts)
    assert [head.finality for head in seen["heads"]] == ["final"] * 9 + ["provisional"]


def test_a_hole_in_the_middle_is_found_and_filled(installation: Installation) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    installation.must(BACK, "daily_update", "--from", "2026-09-08")
    assert "2026-09-07" not in installation.read(BACK)["jobs"]
    installation.must(BACK + timedelta(minutes=5), "hourly_analysis")
    installation.must(BACK + timedelta(minutes=10), "daily_update")
    seen = installation.read(BACK)
    assert [head.session for head in seen["heads"]][5:] == [*MISSED, "2026-09-10"]
    assert "2026-09-10" not in {target["last_analyzed_date"] for target in seen["targets"]}, (
        "analysed over a hole"
    )


def test_a_session_that_is_lost_leaves_the_factors_after_it_unknown_until_it_is_there_again(
    installation: Installation,
) -> None:
    installation.must(BACK, "manual_setup", "--yes", "--sessions", "6")
    store = installation.store(BACK)
    whole = dict(store.sessions.read(MISSED[0], MISSED[-1]))
    for collection, key in ((SESSIONS, "_id"), (ACTIONS, "session")):
        store.backend.delete(collection, {key: MISSED[1]})
    assert MISSED[2] in read_adjustments(store, MISSED[0], MISSED[-1]).sessions_without_factors, (
        "a hole is seen at once"
    )
    assert [session for session, _ in store.sessions.columns(["factor"])].count(MISSED[1]) == 0
    store.close()
    installation.exchange.fail("too_many")
    assert installation.run(BACK, "daily_update").code == 75
    store = installation.store(BACK)
    (_, after), *_ = store.sessions.read(MISSED[2], MISSED[2])
    assert after["factor"].isna().all()
    store.close()
    installation.exchange.clear_faults()
    installation.must(BACK + timedelta(minutes=5), "daily_update")
    store = installation.store(BACK)
    for session, frame in store.sessions.read(MISSED[0], MISSED[-1]):
        assert frame.equals(whole[session]), session
    store.close()


def test_whoever_asks_for_earlier_sessions_has_them_and_all_since_kept_right(
    installation: Installation,
) -> None:
    installation.must(BACK, "manual_setup", "--yes", "--sessions", "3")
    installation.must(BACK, "daily_update", "--from", "2026-09-03", "--to", "2026-09-04")
    assert installation.read(BACK)["scope"]["first_session"] == "2026-09-03"
    holes = installation.run(BACK, "daily_update", "--audit")
    assert (holes.code, "2026-09-07" in holes.stdout) == (1, True)
    installation.must(BACK + timedelta(minutes=5), "daily_update")
    assert [head.session for head in installation.read(BACK)["heads"]] == [
        "2026-09-03",
        *MISSED,
        "2026-09-10",
    ]


def test_before_the_setup_the_analysis_says_what_to_do(installation: Installation) -> None:
    done = installation.run(BACK, "hourly_analysis")
    assert (done.code, "Run manual_setup.py first" in done.stderr) == (2, True)


def test_a_session_before_the_first_one_kept_is_no_session_to_analyse(
    installation: Installation,
) -> None:
    installation.must(BACK, "manual_setup", "--yes", "--sessions", "3")
    done = installation.run(BACK, "hourly_analysis", "--session", "2026-09-01")
    assert (done.code, "the first session that is kept is 2026-09-08" in done.stderr) == (
        2,
        True,
    )


def test_an_analysis_of_an_older_session_than_the_last_one_leaves_its_record_alone(
    installation: Installation,
) -> None:
    installation.must(BACK, "manual_setup", "--yes", "--sessions", "3")
    installation.analyse_night(BACK)
    installation.must(BACK + timedelta(hours=3), "hourly_analysis", "--session", "2026-09-09")
    assert list(installation.read(BACK)["analyses"]) == ["2026-09-10"]


def test_a_second_run_of_the_same_evening_asks_for_nothing(installation: Installation) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    installation.exchange.reset_counts()
    done = installation.must(SETUP + timedelta(minutes=30), "daily_update")
    assert installation.exchange.requests() == []
    assert "Nothing to do" in done.stderr


def test_setup_runs_again_without_loading_anything_twice(installation_over: Installation) -> None:
    installation_over.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    before = installation_over.read(SETUP)
    installation_over.exchange.reset_counts()
    installation_over.must(SETUP, "manual_setup", "--yes", "--sessions", "7")
    after = installation_over.read(SETUP)
    assert installation_over.exchange.counts()["data"] == 1 + 2
    assert after["heads"][2:] == before["heads"]
    assert after["scope"]["first_session"] == after["heads"][0].session


def test_a_holiday_that_no_library_predicts_is_known_with_the_next_session(
    installation: Installation,
) -> None:
    installation.must(kst(2026, 8, 13, 19), "manual_setup", "--yes", "--sessions", "5")
    evening = installation.run(kst(2026, 8, 14, 19), "daily_update")
    assert evening.code == 75
    assert "2026-08-14" in evening.stderr
    assert (
        installation.read(kst(2026, 8, 14, 19))["jobs"]["2026-08-14"]["error"]["kind"]
        == "not_published"
    )
    installation.must(kst(2026, 8, 18, 19), "daily_update")
    seen = installation.read(kst(2026, 8, 18, 19))
    assert [head.session for head in seen["heads"]][-2:] == ["2026-08-13", "2026-08-18"]
    assert "2026-08-14" not in seen["jobs"]
    installation.exchange.reset_counts()
    installation.must(kst(2026, 8, 19, 19), "daily_update")
    assert not [
        record
        for record in installation.exchange.requests()
        if record.dates.get("trdDd") == "20260814"
    ]


def test_at_noon_nothing_of_the_running_session_is_stored(installation: Installation) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    installation.must(kst(2026, 9, 4, 12), "daily_update")
    heads = installation.read(kst(2026, 9, 4, 12))["heads"]
    assert (heads[-1].session, heads[-1].finality) == ("2026-09-03", "final")

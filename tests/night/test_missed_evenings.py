"""What was missed is caught up, in order, each session with its own record."""

from datetime import timedelta

from collectors.views.prices import read_adjustments
from tests.night.suite import Suite
from utils.clock import kst
from utils.store.schema import ACTIONS, SESSIONS

SETUP = kst(2026, 9, 3, 19)
BACK = kst(2026, 9, 10, 19)
MISSED = ["2026-09-04", "2026-09-07", "2026-09-08", "2026-09-09"]


def test_four_skipped_evenings_are_all_there_after_one_run(suite_over: Suite) -> None:
    suite_over.must(SETUP, "manual_setup.py", "--yes", "--sessions", "5")
    suite_over.must(BACK, "daily_update.py")
    seen = suite_over.read(BACK)
    assert [head.session for head in seen["heads"]][5:] == [*MISSED, "2026-09-10"]
    assert [seen["jobs"][session]["status"] for session in MISSED] == ["completed"] * 4
    starts = [seen["jobs"][session]["start_time_utc"] for session in [*MISSED, "2026-09-10"]]
    assert starts == sorted(starts)
    assert [head.finality for head in seen["heads"]] == ["final"] * 9 + ["provisional"]


def test_a_hole_in_the_middle_is_found_and_filled(suite: Suite) -> None:
    suite.must(SETUP, "manual_setup.py", "--yes", "--sessions", "5")
    suite.must(BACK, "daily_update.py", "--from", "2026-09-08")
    assert "2026-09-07" not in suite.read(BACK)["jobs"]
    suite.must(BACK + timedelta(minutes=5), "hourly_analysis.py")
    suite.must(BACK + timedelta(minutes=10), "daily_update.py")
    seen = suite.read(BACK)
    assert [head.session for head in seen["heads"]][5:] == [*MISSED, "2026-09-10"]
    assert "2026-09-10" not in {target["last_analyzed_date"] for target in seen["targets"]}, (
        "analysed over a hole"
    )


def test_a_session_that_is_lost_leaves_the_factors_after_it_unknown_until_it_is_there_again(
    suite: Suite,
) -> None:
    suite.must(BACK, "manual_setup.py", "--yes", "--sessions", "6")
    store = suite.store(BACK)
    whole = dict(store.read_sessions(MISSED[0], MISSED[-1]))
    for collection, key in ((SESSIONS, "_id"), (ACTIONS, "session")):
        store.backend.delete(collection, {key: MISSED[1]})
    assert MISSED[2] in read_adjustments(store, MISSED[0], MISSED[-1]).sessions_without_factors, (
        "a hole is seen at once"
    )
    assert [session for session, _ in store.read_columns(["factor"])].count(MISSED[1]) == 0
    store.close()
    suite.exchange.fail("too_many")
    assert suite.run(BACK, "daily_update.py").returncode == 75
    store = suite.store(BACK)
    (_, after), *_ = store.read_sessions(MISSED[2], MISSED[2])
    assert after["factor"].isna().all()
    store.close()
    suite.exchange.clear_faults()
    suite.must(BACK + timedelta(minutes=5), "daily_update.py")
    store = suite.store(BACK)
    for session, frame in store.read_sessions(MISSED[0], MISSED[-1]):
        assert frame.equals(whole[session]), session
    store.close()


def test_whoever_asks_for_earlier_sessions_has_them_and_all_since_kept_right(suite: Suite) -> None:
    suite.must(BACK, "manual_setup.py", "--yes", "--sessions", "3")
    suite.must(BACK, "daily_update.py", "--from", "2026-09-03", "--to", "2026-09-04")
    assert suite.read(BACK)["scope"]["first_session"] == "2026-09-03"
    holes = suite.run(BACK, "daily_update.py", "--audit")
    assert (holes.returncode, "2026-09-07" in holes.stdout) == (1, True)
    suite.must(BACK + timedelta(minutes=5), "daily_update.py")
    assert [head.session for head in suite.read(BACK)["heads"]] == [
        "2026-09-03",
        *MISSED,
        "2026-09-10",
    ]


def test_before_the_setup_the_analysis_says_what_to_do(suite: Suite) -> None:
    done = suite.run(BACK, "hourly_analysis.py")
    assert (done.returncode, "Run manual_setup.py first" in done.stderr) == (2, True)


def test_a_session_before_the_first_one_kept_is_no_session_to_analyse(suite: Suite) -> None:
    suite.must(BACK, "manual_setup.py", "--yes", "--sessions", "3")
    done = suite.run(BACK, "hourly_analysis.py", "--session", "2026-09-01")
    assert (done.returncode, "the first session that is kept is 2026-09-08" in done.stderr) == (
        2,
        True,
    )


def test_an_analysis_of_an_older_session_than_the_last_one_leaves_its_record_alone(
    suite: Suite,
) -> None:
    suite.must(BACK, "manual_setup.py", "--yes", "--sessions", "3")
    suite.analyse_night(BACK)
    suite.must(BACK + timedelta(hours=3), "hourly_analysis.py", "--session", "2026-09-09")
    assert list(suite.read(BACK)["analyses"]) == ["2026-09-10"]


def test_a_second_run_of_the_same_evening_asks_for_nothing(suite: Suite) -> None:
    suite.must(SETUP, "manual_setup.py", "--yes", "--sessions", "5")
    suite.exchange.reset_counts()
    done = suite.must(SETUP + timedelta(minutes=30), "daily_update.py")
    assert suite.exchange.requests() == []
    assert "Nothing to do" in done.stderr


def test_setup_runs_again_without_loading_anything_twice(suite_over: Suite) -> None:
    suite_over.must(SETUP, "manual_setup.py", "--yes", "--sessions", "5")
    before = suite_over.read(SETUP)
    suite_over.exchange.reset_counts()
    suite_over.must(SETUP, "manual_setup.py", "--yes", "--sessions", "7")
    after = suite_over.read(SETUP)
    assert suite_over.exchange.counts()["data"] == 1 + 2
    assert after["heads"][2:] == before["heads"]
    assert after["scope"]["first_session"] == after["heads"][0].session


def test_a_holiday_that_no_library_predicts_is_settled_by_the_next_session(suite: Suite) -> None:
    suite.must(kst(2026, 8, 13, 19), "manual_setup.py", "--yes", "--sessions", "5")
    evening = suite.run(kst(2026, 8, 14, 19), "daily_update.py")
    assert evening.returncode == 75
    assert "2026-08-14" in evening.stderr
    assert (
        suite.read(kst(2026, 8, 14, 19))["jobs"]["2026-08-14"]["error"]["kind"] == "not_published"
    )
    suite.must(kst(2026, 8, 18, 19), "daily_update.py")
    seen = suite.read(kst(2026, 8, 18, 19))
    assert [head.session for head in seen["heads"]][-2:] == ["2026-08-13", "2026-08-18"]
    assert "2026-08-14" not in seen["jobs"]
    suite.exchange.reset_counts()
    suite.must(kst(2026, 8, 19, 19), "daily_update.py")
    assert not [
        record for record in suite.exchange.requests() if record.dates.get("trdDd") == "20260814"
    ]


def test_at_noon_nothing_of_the_running_session_is_stored(suite: Suite) -> None:
    suite.must(SETUP, "manual_setup.py", "--yes", "--sessions", "5")
    suite.must(kst(2026, 9, 4, 12), "daily_update.py")
    heads = suite.read(kst(2026, 9, 4, 12))["heads"]
    assert (heads[-1].session, heads[-1].finality) == ("2026-09-03", "final")

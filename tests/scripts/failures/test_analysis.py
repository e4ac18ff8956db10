"""docs/failures.md: an analysis that a revision or the next session overtakes."""

from dataclasses import replace
from datetime import timedelta

import pytest

from collectors.analysis.analysis_queue import AnalysisQueue
from tests.harness import Installation
from utils.clock import kst

EVENING, NEXT_EVENING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
TONIGHT = "2026-09-10"
TEN_PAST = timedelta(minutes=10)


def test_an_overtaken_night_is_recorded_as_unfinished(installed: Installation) -> None:
    installed.must(EVENING, "daily_update")
    installed.must(EVENING + TEN_PAST, "hourly_analysis", "--quota", "5")
    installed.must(NEXT_EVENING, "daily_update")
    installed.must(NEXT_EVENING + TEN_PAST, "hourly_analysis")
    jobs = installed.read(NEXT_EVENING)["analyses"]
    assert (jobs[TONIGHT]["status"], jobs[TONIGHT]["error"]["kind"]) == ("failed", "unfinished")
    assert (jobs["2026-09-11"]["status"], jobs["2026-09-11"]["pending"]) == ("completed", 0)


def test_factors_that_are_found_again_during_the_analysis_reopen_what_was_analysed(
    installed: Installation,
) -> None:
    installed.must(EVENING, "daily_update")
    step, digests = AnalysisQueue.step, []

    def step_and_refind(queue: AnalysisQueue) -> bool:
        more = step(queue)
        store = installed.store(EVENING)
        day = store.sessions.load(TONIGHT)
        assert day is not None
        digests.append(day.digest())
        store.sessions.save(replace(day, frame=day.frame.assign(factor=day.frame["factor"] * 0.5)))
        digests.append(store.sessions.load(TONIGHT).digest())  # type: ignore[union-attr]
        store.close()
        return more

    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(AnalysisQueue, "step", step_and_refind)
        installed.must(EVENING + TEN_PAST, "hourly_analysis")
    assert digests[0] == digests[1], "the cells are the same"
    assert installed.read(EVENING)["analyses"][TONIGHT]["status"] == "running"
    assert {target["last_analyzed_date"] for target in installed.read(EVENING)["targets"]} == {
        "2026-09-09"
    }


def test_a_revision_during_the_analysis_reopens_what_was_analysed(installed: Installation) -> None:
    installed.must(EVENING, "daily_update")
    step = AnalysisQueue.step

    def step_and_revise(queue: AnalysisQueue) -> bool:
        more = step(queue)
        store = installed.store(EVENING)
        day = store.sessions.load(TONIGHT)
        assert day is not None
        store.sessions.save(replace(day, frame=day.frame.assign(value=day.frame["value"] + 1)))
        store.close()
        return more

    with pytest.MonkeyPatch.context() as meanwhile:
        meanwhile.setattr(AnalysisQueue, "step", step_and_revise)
        installed.must(EVENING + TEN_PAST, "hourly_analysis")
    assert installed.read(EVENING)["analyses"][TONIGHT]["status"] == "running"
    assert {target["last_analyzed_date"] for target in installed.read(EVENING)["targets"]} == {
        "2026-09-09"
    }
    installed.must(EVENING + timedelta(hours=1), "hourly_analysis")
    assert installed.read(EVENING)["analyses"][TONIGHT]["status"] == "completed"

"""Nights of odd days and of rows that are set aside: what waits, who accepts it, and that the night
completes."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from sandbox.lies import LIES, ComesTo, Lie
from tests.harness import Installation
from tests.harness.fixtures import installed, prepared  # noqa: F401 - fixtures
from utils.clock import kst

EVENING, TEN_PAST = kst(2026, 9, 10, 19), kst(2026, 9, 10, 19, 10)
MORNING, LAST_SLOT = kst(2026, 9, 11, 8, 2), kst(2026, 9, 11, 8, 10)
NEXT_EVENING = kst(2026, 9, 11, 19)
TONIGHT, YESTERDAY = "2026-09-10", "2026-09-09"
TOLD_ANYWHERE = ("no_volume", "tenfold_prices", "swapped_markets", "doubled_shares")

RULES = ["volumes", "volumes", "values", "values"]
"""What is odd about KOSPI and KOSDAQ while all volumes are 0."""


def lie(name: str, comes_to: ComesTo = ComesTo.WAITS) -> Lie:
    """Return the catalogue's lie of that fault, the first that is told of all markets or rows."""
    return next(
        each
        for each in LIES
        if each.fault == name and each.market is None and each.comes_to is comes_to
    )


def tell(installation: Installation, told: Lie) -> None:
    installation.exchange.fail(
        told.fault, date=TONIGHT, value=told.value, market=told.market, rows=told.rows
    )


def status(installation: Installation, moment: Any) -> dict[str, Any]:
    said = installation.must(moment, "daily_update", "--status", "--json").stdout
    found: dict[str, Any] = json.loads(said)
    return found


@pytest.fixture
def waiting(installed: Installation) -> Installation:  # noqa: F811
    """Installation after an evening on which all volumes were 0."""
    tell(installed, lie("no_volume"))
    assert installed.run(EVENING, "daily_update").code == 75
    return installed


@pytest.mark.parametrize("name", TOLD_ANYWHERE)
def test_an_odd_day_waits_and_is_stored_in_the_morning_when_it_is_the_same(
    installed: Installation,  # noqa: F811
    name: str,
) -> None:
    tell(installed, lie(name))
    for hour in range(2):
        done = installed.run(EVENING + timedelta(hours=hour), "daily_update")
        assert done.code == 75
        assert f"{TONIGHT} is odd and not stored yet." in done.log
    job = installed.read(EVENING)["jobs"][TONIGHT]
    assert (job["status"], job["error"]["kind"], job["attempts"]) == ("failed", "odd", 2)
    installed.must(MORNING, "daily_update")
    stored = installed.read(MORNING)
    head = stored["heads"][-1]
    assert (head.session, head.finality, bool(head.accepted)) == (TONIGHT, "final", True)
    assert stored["jobs"][TONIGHT]["status"] == "completed"
    assert set(head.accepted) <= set(stored["jobs"][TONIGHT]["warnings"])


def test_the_truth_of_the_morning_is_stored_without_a_remark(waiting: Installation) -> None:
    waiting.exchange.clear_faults()
    waiting.must(MORNING, "daily_update")
    assert waiting.read(MORNING)["heads"][-1].accepted == ()
    waiting.assert_equal_to_the_exchange(MORNING)
    assert status(waiting, MORNING)["sessions_waiting"] == []


def test_while_a_day_waits_the_analysis_leaves_and_does_so_no_more_after_that(
    waiting: Installation,
) -> None:
    done = waiting.run(TEN_PAST, "hourly_analysis")
    assert done.code == 75
    assert f"daily_update has not completed {TONIGHT} yet." in done.log
    waiting.must(MORNING, "daily_update")
    waiting.must(LAST_SLOT, "hourly_analysis")
    assert waiting.read(LAST_SLOT)["analyses"][TONIGHT]["status"] == "completed"


def test_a_person_accepts_it_at_once(waiting: Installation) -> None:
    done = waiting.must(TEN_PAST, "daily_update", "--accept", TONIGHT)
    assert f"{TONIGHT} is accepted as it was read." in done.log
    head = waiting.read(TEN_PAST)["heads"][-1]
    assert (head.session, head.finality) == (TONIGHT, "provisional")
    assert [each.split(":")[0] for each in head.accepted] == RULES
    waiting.must(MORNING, "daily_update")
    again = waiting.read(MORNING)["heads"][-1]
    assert (again.finality, again.accepted) == ("final", head.accepted)
    waiting.must(LAST_SLOT, "hourly_analysis")
    assert waiting.pending(LAST_SLOT) == 0


def test_the_status_says_what_waits_what_is_odd_and_what_can_be_done(
    waiting: Installation,
) -> None:
    facts = status(waiting, TEN_PAST)
    (day,) = facts["sessions_waiting"]
    assert day["session"] == TONIGHT
    assert day["first_read"] == day["read"] == "2026-09-10T19:00:00+09:00"
    assert day["accepted"] is None
    words = [each.split() for each in day["oddities"]]
    assert [each[2] for each in words] == ["KOSPI", "KOSDAQ"] * 2, "KONEX has too few tickers"
    assert facts["sessions_missing"] == [TONIGHT]
    text = _joined(waiting.must(TEN_PAST, "daily_update", "--status").stdout)
    assert f"Waiting {TONIGHT} odd as read since 2026-09-10 19:00: of " in text
    assert f"To accept it: daily_update.py --accept {TONIGHT}" in text


def test_what_a_person_has_accepted_while_the_exchange_was_away_is_stored_by_the_next_run(
    waiting: Installation,
) -> None:
    waiting.exchange.fail("forbidden", times=1)
    assert waiting.run(TEN_PAST, "daily_update", "--accept", TONIGHT).code == 75
    assert status(waiting, TEN_PAST)["sessions_waiting"][0]["accepted"] is not None
    text = _joined(waiting.must(TEN_PAST, "daily_update", "--status").stdout)
    assert "It is accepted, and stored when it is read the same." in text
    waiting.must(TEN_PAST + timedelta(hours=1), "daily_update")
    assert waiting.read(TEN_PAST)["heads"][-1].session == TONIGHT
    assert status(waiting, TEN_PAST)["sessions_waiting"] == []


def _joined(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def test_the_status_says_with_what_remark_a_day_is_stored(waiting: Installation) -> None:
    waiting.must(MORNING, "daily_update")
    facts = status(waiting, MORNING)
    assert facts["sessions_waiting"] == []
    assert list(facts["accepted"]) == [TONIGHT]
    assert [each.split(":")[0] for each in facts["accepted"][TONIGHT]] == RULES


def test_a_session_that_does_not_wait_cannot_be_accepted(waiting: Installation) -> None:
    done = waiting.run(TEN_PAST, "daily_update", "--accept", YESTERDAY)
    assert done.code == 2
    assert f"--accept {YESTERDAY}: that session does not wait. Those that do: {TONIGHT}." in (
        _joined(done.stderr)
    )
    assert status(waiting, TEN_PAST)["sessions_waiting"][0]["accepted"] is None


@pytest.mark.parametrize(
    "options",
    [
        ("--repair",),
        ("--audit",),
        ("--status",),
        ("--dry-run",),
        ("--export", "x.csv"),
        ("--copy-to", "elsewhere"),
    ],
    ids=lambda options: options[0],
)
def test_it_goes_with_no_run_of_another_kind(
    waiting: Installation, options: tuple[str, ...]
) -> None:
    done = waiting.run(TEN_PAST, "daily_update", "--accept", TONIGHT, *options)
    assert done.code == 2
    assert f"--accept does not go with {options[0]}" in done.stderr
    assert status(waiting, TEN_PAST)["sessions_waiting"][0]["accepted"] is None


@pytest.mark.parametrize("day", ["2026-02-30", "yesterday", "20260910", ""])
def test_it_wants_a_date(waiting: Installation, day: str) -> None:
    done = waiting.run(TEN_PAST, "daily_update", "--accept", day)
    assert done.code == 2
    assert "--accept" in done.stderr


def test_before_the_setup_it_says_so(installation: Installation) -> None:
    done = installation.run(EVENING, "daily_update", "--accept", TONIGHT)
    assert done.code == 2
    assert "manual_setup.py" in done.stderr


# -- rows that are set aside

ROW_FAULTS = ("zero_close", "zero_shares", "no_number", "unknown_market", "wrong_cap")


@pytest.mark.parametrize("name", ROW_FAULTS)
def test_a_night_with_a_row_that_is_set_aside_completes_and_the_morning_brings_it(
    installed: Installation,  # noqa: F811
    name: str,
) -> None:
    tell(installed, lie(name, ComesTo.SET_ASIDE))
    installed.must(EVENING, "daily_update")
    (row,) = installed.read(EVENING)["heads"][-1].set_aside
    installed.must(TEN_PAST, "hourly_analysis")
    night = installed.read(TEN_PAST)
    analysis, targets = night["analyses"][TONIGHT], {each["_id"]: each for each in night["targets"]}
    assert (analysis["status"], analysis["pending"], analysis["failed"]) == ("completed", 0, 0)
    assert {each["last_analyzed_date"] for each in targets.values()} == {TONIGHT}
    if row.ticker in targets:
        assert targets[row.ticker]["last_error"].startswith(f"The row of {TONIGHT} is set aside: ")
    assert status(installed, TEN_PAST)["set_aside"] == [
        {"session": TONIGHT, "ticker": row.ticker, "name": row.name, "market": row.market}
        | {"reason": row.reason}
    ]
    installed.exchange.clear_faults()
    installed.must(MORNING, "daily_update")
    installed.must(LAST_SLOT, "hourly_analysis")
    assert installed.read(LAST_SLOT)["heads"][-1].set_aside == ()
    assert {each["last_error"] for each in installed.read(LAST_SLOT)["targets"]} == {None}
    assert installed.pending(LAST_SLOT) == 0
    installed.assert_equal_to_the_exchange(LAST_SLOT)
    assert installed.run(NEXT_EVENING - timedelta(hours=2), "daily_update", "--audit").code == 0


def test_a_row_that_is_set_aside_has_no_result_and_stands_on_the_page(
    installed: Installation,  # noqa: F811
) -> None:
    page = {"REPORT_FILE": str(installed.folder / "page.html")}
    tell(installed, lie("zero_close", ComesTo.SET_ASIDE))
    installed.must(EVENING, "daily_update")
    installed.must(TEN_PAST, "hourly_analysis", **page)
    (row,) = installed.read(TEN_PAST)["heads"][-1].set_aside
    assert row.ticker in {each["_id"] for each in installed.read(TEN_PAST)["targets"]}
    with installed.opened(TEN_PAST) as store:
        result = store.results.get(row.ticker)
    assert result is None or result["session"] == YESTERDAY
    assert installed.pending(TEN_PAST) == 0
    text = (installed.folder / "page.html").read_text(encoding="utf-8")
    shown = json.loads(re.findall(r'type="application/json"[^>]*>(.*?)</script>', text)[0])
    of_tonight = zip(shown["rows"]["ticker"], shown["rows"]["session"], strict=True)
    assert (row.ticker, TONIGHT) not in of_tonight
    assert [each[0] for each in shown["set_aside"]] == [row.ticker]


def test_a_row_that_is_odd_in_the_morning_alone_stays_as_it_was_in_the_evening(
    installed: Installation,  # noqa: F811
) -> None:
    installed.must(EVENING, "daily_update")
    installed.must(TEN_PAST, "hourly_analysis")
    before = installed.read(TEN_PAST)["heads"][-1].count
    tell(installed, lie("zero_close", ComesTo.SET_ASIDE))
    done = installed.must(MORNING, "daily_update")
    assert "that of the reading before stays" in done.log
    head = installed.read(MORNING)["heads"][-1]
    assert (head.count, head.set_aside, head.finality) == (before, (), "final")


def test_a_ticker_whose_row_was_set_aside_is_analysed_the_next_evening_as_all_others(
    installed: Installation,  # noqa: F811
) -> None:
    tell(installed, lie("zero_close", ComesTo.SET_ASIDE))
    for moment, script in ((EVENING, "daily_update"), (TEN_PAST, "hourly_analysis")):
        installed.must(moment, script)
    (row,) = installed.read(TEN_PAST)["heads"][-1].set_aside
    installed.must(NEXT_EVENING, "daily_update")
    installed.must(NEXT_EVENING + timedelta(minutes=10), "hourly_analysis")
    found = installed.read(NEXT_EVENING)
    (target,) = [each for each in found["targets"] if each["_id"] == row.ticker]
    assert (target["last_analyzed_date"], target["last_error"]) == ("2026-09-11", None)
    assert target["added_date"] <= YESTERDAY
    with installed.opened(NEXT_EVENING) as store:
        result = store.results.get(row.ticker)
    assert result is not None
    assert result["session"] == "2026-09-11"
    warnings = found["analyses"]["2026-09-11"]["warnings"]
    assert warnings == ["2026-09-11: factors not known yet"]


def test_an_odd_day_of_the_first_load_waits_and_the_others_are_there(
    installation: Installation,
) -> None:
    installation.exchange.fail("no_volume", date=YESTERDAY)
    done = installation.run(EVENING, "manual_setup", "--yes", "--sessions", "4")
    assert done.code == 0, "it keeps no setup from its end"
    assert f"{YESTERDAY} is odd and not stored yet." in done.log
    stored = installation.read(EVENING)
    assert [head.session for head in stored["heads"]] == ["2026-09-07", "2026-09-08", TONIGHT]
    installation.must(TEN_PAST, "daily_update", "--accept", YESTERDAY)
    sessions = [head.session for head in installation.read(TEN_PAST)["heads"]]
    assert sessions == ["2026-09-07", "2026-09-08", YESTERDAY, TONIGHT]

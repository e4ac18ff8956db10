"""Who is a target over whole nights: by the file, through renames, moves and ex-dates, until the
last session."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sandbox.scenarios import Event
from sandbox.synthetic import SyntheticMarket
from tests.night.suite import Suite
from utils.clock import kst
from utils.store.schema import ACTIONS

BEFORE, GAP, AFTER = kst(2026, 8, 26, 19), kst(2026, 8, 27, 19), kst(2026, 8, 28, 19)
"""A large company moves from KOSDAQ to KOSPI in the second session, a SPAC becomes a company in the
third."""
SETUP = ("manual_setup.py", "--yes", "--sessions", "3")


def event_of(market: SyntheticMarket, kind: str, since: str) -> Event:
    return next(each for each in market.events if each.kind == kind and each.session >= since)


def target(suite: Suite, moment: datetime, ticker: str) -> dict[str, Any]:
    store = suite.store(moment)
    found = store.targets.get(ticker)
    store.close()
    assert found is not None
    return found


def with_file(suite: Suite, text: str) -> Suite:
    path = suite.folder / "targets.txt"
    path.write_text(text, encoding="utf-8")
    return Suite(suite.exchange, suite.folder, {**suite.own_settings, "TARGETS_FILE": str(path)})


def test_a_night_with_a_file_a_rename_a_move_and_a_hole(
    suite_over: Suite, market: SyntheticMarket
) -> None:
    merger, move = (
        event_of(market, "spac_merger", "2026-08-27"),
        event_of(market, "market_transfer", "2026-08-27"),
    )
    assert (move.session, merger.session) == ("2026-08-27", "2026-08-28")
    giant = market.day("2026-08-26").code[market.day("2026-08-26").market_cap.argmax()]
    suite = with_file(suite_over, f"# mine\n+{merger.code}\n-{giant}  # too large\n+ABCDE0\n")
    assert "line 4: ABCDE0 is not listed in 2026-08-26" in suite.must(BEFORE, *SETUP).stderr
    spac = target(suite, BEFORE, merger.code)
    assert (spac["is_active"], spac["kind"], spac["chosen_by"], spac["former"]) == (
        True,
        "spac",
        "targets_file",
        [],
    )
    assert spac["market_cap"] < 100_000_000_000

    suite.must(AFTER, "daily_update.py", "--from", "2026-08-28")
    suite.must(AFTER, "daily_update.py")
    company, moved = target(suite, AFTER, merger.code), target(suite, AFTER, move.code)
    assert (company["is_active"], company["kind"]) == (True, None)
    assert company["former"] == [{"name": spac["name"], "market": "KOSDAQ", "until": "2026-08-27"}]
    assert moved["market"] == "KOSPI"
    assert moved["former"] == [{"name": moved["name"], "market": "KOSDAQ", "until": "2026-08-26"}]
    assert (moved["added_date"], moved["history"]) == ("2026-08-26", [])
    active = {each["_id"] for each in suite.read(AFTER)["targets"]}
    assert giant not in active
    suite.analyse_night(AFTER)
    assert {each["last_analyzed_date"] for each in suite.read(AFTER)["targets"]} == {"2026-08-28"}
    audited = suite.run(AFTER, "daily_update.py", "--audit")
    assert audited.returncode == 0, audited.stdout


def test_status_counts_what_is_special_about_the_targets(
    suite: Suite, market: SyntheticMarket
) -> None:
    merger = event_of(market, "spac_merger", "2026-08-27")
    installed = with_file(suite, f"+{merger.code}\n")
    installed.must(BEFORE, *SETUP)
    shown = json.loads(installed.must(BEFORE, "daily_update.py", "--status", "--json").stdout)
    assert (shown["targets_by_file"], shown["targets_by_kind"]["spac"]) == (1, 1)
    assert "1 by TARGETS_FILE" in installed.must(BEFORE, "daily_update.py", "--status").stdout


def test_an_ex_date_drops_no_target_until_the_new_shares_are_listed(
    suite: Suite, market: SyntheticMarket
) -> None:
    bonus, listing = (
        event_of(market, "bonus_issue", "2026-01-01"),
        event_of(market, "share_listing", "2026-07-14"),
    )
    assert (bonus.code, bonus.session, listing.session) == (
        listing.code,
        "2026-07-14",
        "2026-08-05",
    )
    suite.must(kst(2026, 7, 13, 19), *SETUP)
    ex_date = kst(2026, 7, 14, 19)
    suite.must(ex_date, "daily_update.py")
    owing = target(suite, ex_date, bonus.code)
    assert (owing["is_active"], owing["added_date"]) == (True, "2026-07-13")
    assert (
        owing["market_cap"]
        < 100_000_000_000
        < owing["corrected_market_cap"]
        == 2 * owing["market_cap"]
    )
    listed = kst(2026, 8, 5, 19)
    suite.must(listed, "daily_update.py")
    whole = target(suite, listed, bonus.code)
    assert (whole["is_active"], whole["history"]) == (True, []), (
        "on none of the sessions between it was dropped"
    )
    assert whole["corrected_market_cap"] == whole["market_cap"] > 100_000_000_000


def test_a_lost_ex_date_is_found_again_together_with_the_target_it_dropped(
    suite: Suite, market: SyntheticMarket
) -> None:
    bonus, ex_date = event_of(market, "bonus_issue", "2026-01-01"), kst(2026, 7, 14, 19)
    suite.must(kst(2026, 7, 13, 19), *SETUP)
    suite.must(ex_date, "daily_update.py")
    before, store = target(suite, ex_date, bonus.code), suite.store(ex_date)
    assert store.backend.delete(ACTIONS, {"ticker": bonus.code}) == 1
    store.targets.save([], {bonus.code: {"is_active": False, "removed_date": bonus.session}})
    store.close()
    suite.must(ex_date, "daily_update.py", "--repair")
    after = target(suite, ex_date, bonus.code)
    assert (after["is_active"], after["corrected_market_cap"]) == (
        True,
        before["corrected_market_cap"],
    )


def test_a_change_of_the_file_counts_at_once_with_a_repair(suite: Suite) -> None:
    suite.must(BEFORE, *SETUP)
    (largest, *_) = suite.read(BEFORE)["targets"]
    changed = with_file(suite, f"-{largest['_id']}\n")
    audited = changed.run(BEFORE, "daily_update.py", "--audit")
    assert (audited.returncode, f"{largest['_id']}: an active target" in audited.stdout) == (
        1,
        True,
    ), audited.stdout
    changed.must(BEFORE, "daily_update.py", "--repair")
    assert largest["_id"] not in {each["_id"] for each in suite.read(BEFORE)["targets"]}


def test_a_delisted_target_leaves_with_its_last_session(
    suite: Suite, market: SyntheticMarket
) -> None:
    gone = event_of(market, "delisted", "2026-10-01")
    assert gone.session == "2026-10-13"
    installed = with_file(suite, f"+{gone.code}\n")
    installed.must(kst(2026, 10, 8, 19), *SETUP)
    evening = kst(2026, 10, 13, 19)
    installed.must(evening, "daily_update.py")
    left = target(installed, evening, gone.code)
    assert (left["is_active"], left["removed_date"], left["delisted_date"]) == (
        False,
        "2026-10-12",
        "2026-10-12",
    )


@pytest.mark.parametrize(
    "text", ["+005930\n-005930\n", "+005930\nx\n", None], ids=["twice", "no entry", "no file"]
)
def test_a_wrong_file_of_targets_ends_a_run_before_it_asks_or_writes_anything(
    suite: Suite, text: str | None
) -> None:
    suite.must(BEFORE, *SETUP)
    before, path = suite.read(BEFORE), suite.folder / "targets.txt"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    suite.exchange.reset_counts()
    for command in (
        SETUP,
        (*SETUP, "--reset"),
        ("daily_update.py",),
        ("daily_update.py", "--repair"),
    ):
        refused = suite.run(GAP, *command, TARGETS_FILE=str(path))
        assert (refused.returncode, f"TARGETS_FILE: {path}" in refused.stderr) == (2, True), (
            refused.stderr
        )
        assert "Traceback" not in refused.stderr
        assert text is None or "line 2: " in refused.stderr
    assert suite.exchange.requests() == []
    assert suite.read(BEFORE) == before
    suite.must(GAP, "daily_update.py")


def test_a_file_named_by_a_relative_path_is_looked_for_in_the_projects_folder(suite: Suite) -> None:
    refused = suite.run(BEFORE, *SETUP, TARGETS_FILE="no-such-file-of-targets.txt")
    assert refused.returncode == 2
    project = Path(__file__).resolve().parents[2]
    assert str(project / "no-such-file-of-targets.txt") in refused.stderr


def test_a_changed_threshold_counts_at_once_though_no_session_is_due(suite_over: Suite) -> None:
    suite_over.must(BEFORE, *SETUP)
    suite_over.must(BEFORE, "daily_update.py")
    before = suite_over.read(BEFORE)["targets"]
    half = sorted(each["market_cap"] for each in before)[len(before) // 2]
    changed = Suite(
        suite_over.exchange,
        suite_over.folder,
        {**suite_over.own_settings, "MIN_MARKET_CAP": str(half)},
    )
    shown = json.loads(changed.must(BEFORE, "daily_update.py", "--status", "--json").stdout)
    assert shown["scope"]["min_market_cap"] == half
    done = changed.must(BEFORE, "daily_update.py")
    assert "Nothing to do" in done.stderr
    after = changed.read(BEFORE)["targets"]
    assert (
        f"2026-08-26: {len(after)} targets, 0 entered, {len(before) - len(after)} left."
        in done.stderr
    )
    assert min(each["market_cap"] for each in after) == half
    assert changed.run(BEFORE, "daily_update.py", "--audit").returncode == 0
    assert " left." not in changed.must(BEFORE, "daily_update.py").stderr, (
        "what is right is not said again"
    )

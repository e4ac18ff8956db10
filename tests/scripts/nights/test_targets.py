"""Targets over whole nights: by the file, through renames, moves and ex-dates, until the last
session."""

import json
from datetime import datetime
from typing import Any

import pytest

from sandbox.scenarios import Event
from sandbox.synthetic import SyntheticMarket
from tests.harness import Installation
from utils.clock import kst
from utils.settings import PROJECT
from utils.store.schema import ACTIONS

BEFORE, GAP, AFTER = kst(2026, 8, 26, 19), kst(2026, 8, 27, 19), kst(2026, 8, 28, 19)
"""A large company moves from KOSDAQ to KOSPI in the second session, a SPAC becomes a company in the
third."""
SETUP = ("manual_setup", "--yes", "--sessions", "3")


def event_of(market: SyntheticMarket, kind: str, since: str) -> Event:
    return next(each for each in market.events if each.kind == kind and each.session >= since)


def target(installation: Installation, moment: datetime, ticker: str) -> dict[str, Any]:
    store = installation.store(moment)
    found = store.targets.get(ticker)
    store.close()
    assert found is not None
    return found


def with_file(installation: Installation, text: str) -> Installation:
    path = installation.folder / "targets.txt"
    path.write_text(text, encoding="utf-8")
    return installation.with_settings({"TARGETS_FILE": str(path)})


def test_a_night_with_a_file_a_rename_a_move_and_a_hole(
    installation_over: Installation, market: SyntheticMarket
) -> None:
    merger, move = (
        event_of(market, "spac_merger", "2026-08-27"),
        event_of(market, "market_transfer", "2026-08-27"),
    )
    assert (move.session, merger.session) == ("2026-08-27", "2026-08-28")
    giant = market.day("2026-08-26").code[market.day("2026-08-26").market_cap.argmax()]
    installation = with_file(
        installation_over, f"# mine\n+{merger.code}\n-{giant}  # too large\n+ABCDE0\n"
    )
    assert "line 4: ABCDE0 is not listed in 2026-08-26" in installation.must(BEFORE, *SETUP).stderr
    spac = target(installation, BEFORE, merger.code)
    assert (spac["is_active"], spac["kind"], spac["chosen_by"], spac["former"]) == (
        True,
        "spac",
        "targets_file",
        [],
    )
    assert spac["market_cap"] < 100_000_000_000

    installation.must(AFTER, "daily_update", "--from", "2026-08-28")
    installation.must(AFTER, "daily_update")
    company, moved = (
        target(installation, AFTER, merger.code),
        target(installation, AFTER, move.code),
    )
    assert (company["is_active"], company["kind"]) == (True, None)
    assert company["former"] == [{"name": spac["name"], "market": "KOSDAQ", "until": "2026-08-27"}]
    assert moved["market"] == "KOSPI"
    assert moved["former"] == [{"name": moved["name"], "market": "KOSDAQ", "until": "2026-08-26"}]
    assert (moved["added_date"], moved["history"]) == ("2026-08-26", [])
    active = {each["_id"] for each in installation.read(AFTER)["targets"]}
    assert giant not in active
    installation.analyse_night(AFTER)
    assert {each["last_analyzed_date"] for each in installation.read(AFTER)["targets"]} == {
        "2026-08-28"
    }
    audited = installation.run(AFTER, "daily_update", "--audit")
    assert audited.code == 0, audited.stdout


def test_status_counts_what_is_special_about_the_targets(
    installation: Installation, market: SyntheticMarket
) -> None:
    merger = event_of(market, "spac_merger", "2026-08-27")
    installed = with_file(installation, f"+{merger.code}\n")
    installed.must(BEFORE, *SETUP)
    shown = json.loads(installed.must(BEFORE, "daily_update", "--status", "--json").stdout)
    assert (shown["targets_by_file"], shown["targets_by_kind"]["spac"]) == (1, 1)
    assert "1 by TARGETS_FILE" in installed.must(BEFORE, "daily_update", "--status").stdout


def test_an_ex_date_drops_no_target_until_the_new_shares_are_listed(
    installation: Installation, market: SyntheticMarket
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
    installation.must(kst(2026, 7, 13, 19), *SETUP)
    ex_date = kst(2026, 7, 14, 19)
    installation.must(ex_date, "daily_update")
    owing = target(installation, ex_date, bonus.code)
    assert (owing["is_active"], owing["added_date"]) == (True, "2026-07-13")
    assert (
        owing["market_cap"]
        < 100_000_000_000
        < owing["corrected_market_cap"]
        == 2 * owing["market_cap"]
    )
    listed = kst(2026, 8, 5, 19)
    installation.must(listed, "daily_update")
    whole = target(installation, listed, bonus.code)
    assert (whole["is_active"], whole["history"]) == (True, []), (
        "on none of the sessions between it was dropped"
    )
    assert whole["corrected_market_cap"] == whole["market_cap"] > 100_000_000_000


def test_a_lost_ex_date_is_found_again_together_with_the_target_it_dropped(
    installation: Installation, market: SyntheticMarket
) -> None:
    bonus, ex_date = event_of(market, "bonus_issue", "2026-01-01"), kst(2026, 7, 14, 19)
    installation.must(kst(2026, 7, 13, 19), *SETUP)
    installation.must(ex_date, "daily_update")
    before, store = target(installation, ex_date, bonus.code), installation.store(ex_date)
    assert store.backend.delete(ACTIONS, {"ticker": bonus.code}) == 1
    store.targets.save([], {bonus.code: {"is_active": False, "removed_date": bonus.session}})
    store.close()
    installation.must(ex_date, "daily_update", "--repair")
    after = target(installation, ex_date, bonus.code)
    assert (after["is_active"], after["corrected_market_cap"]) == (
        True,
        before["corrected_market_cap"],
    )


def test_a_change_of_the_file_counts_at_once_with_a_repair(installation: Installation) -> None:
    installation.must(BEFORE, *SETUP)
    (largest, *_) = installation.read(BEFORE)["targets"]
    changed = with_file(installation, f"-{largest['_id']}\n")
    audited = changed.run(BEFORE, "daily_update", "--audit")
    assert (audited.code, f"{largest['_id']}: an active target" in audited.stdout) == (
        1,
        True,
    ), audited.stdout
    changed.must(BEFORE, "daily_update", "--repair")
    assert largest["_id"] not in {each["_id"] for each in installation.read(BEFORE)["targets"]}


def test_a_delisted_target_leaves_with_its_last_session(
    installation: Installation, market: SyntheticMarket
) -> None:
    gone = event_of(market, "delisted", "2026-10-01")
    assert gone.session == "2026-10-13"
    installed = with_file(installation, f"+{gone.code}\n")
    installed.must(kst(2026, 10, 8, 19), *SETUP)
    evening = kst(2026, 10, 13, 19)
    installed.must(evening, "daily_update")
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
    installation: Installation, text: str | None
) -> None:
    installation.must(BEFORE, *SETUP)
    before, path = installation.read(BEFORE), installation.folder / "targets.txt"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    installation.exchange.reset_counts()
    for command in (
        SETUP,
        (*SETUP, "--reset"),
        ("daily_update",),
        ("daily_update", "--repair"),
    ):
        refused = installation.run(GAP, *command, TARGETS_FILE=str(path))
        assert (refused.code, f"TARGETS_FILE: {path}" in refused.stderr) == (2, True), (
            refused.stderr
        )
        assert "Traceback" not in refused.stderr
        assert text is None or "line 2: " in refused.stderr
    assert installation.exchange.requests() == []
    assert installation.read(BEFORE) == before
    installation.must(GAP, "daily_update")


def test_a_file_named_by_a_relative_path_is_looked_for_in_the_projects_folder(
    installation: Installation,
) -> None:
    refused = installation.run(BEFORE, *SETUP, TARGETS_FILE="no-such-file-of-targets.txt")
    assert refused.code == 2
    project = PROJECT
    assert str(project / "no-such-file-of-targets.txt") in refused.stderr


def test_a_changed_threshold_counts_at_once_though_no_session_is_due(
    installation_over: Installation,
) -> None:
    installation_over.must(BEFORE, *SETUP)
    installation_over.must(BEFORE, "daily_update")
    before = installation_over.read(BEFORE)["targets"]
    half = sorted(each["market_cap"] for each in before)[len(before) // 2]
    changed = installation_over.with_settings({"MIN_MARKET_CAP": str(half)})
    shown = json.loads(changed.must(BEFORE, "daily_update", "--status", "--json").stdout)
    assert shown["scope"]["min_market_cap"] == half
    done = changed.must(BEFORE, "daily_update")
    assert "Nothing to do" in done.stderr
    after = changed.read(BEFORE)["targets"]
    assert (
        f"2026-08-26: {len(after)} targets, 0 entered, {len(before) - len(after)} left."
        in done.stderr
    )
    assert min(each["market_cap"] for each in after) == half
    assert changed.run(BEFORE, "daily_update", "--audit").code == 0
    assert " left." not in changed.must(BEFORE, "daily_update").stderr, (
        "what is right is not said again"
    )

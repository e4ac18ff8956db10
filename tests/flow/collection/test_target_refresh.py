"""Targets follow the newest session: they enter, leave and come back, are never deleted, keep what
the queue wrote, and know what they were called and where they were listed before."""

import logging
from dataclasses import replace
from typing import Any

import pytest

from collectors.collection.target_refresh import (
    TargetChanges,
    extend_to_late_session,
    follow_older_session,
    refresh_from_newest,
    refresh_targets,
)
from collectors.rules.corporate_actions import find_actions
from collectors.rules.target_list import TargetList
from collectors.rules.target_rule import TargetRule
from tests.fakes import FakeClock, market_day, row
from utils.store import Store
from utils.store.backend import Document
from utils.store.schema import SESSIONS
from utils.store.sqlite import SqliteBackend

THRESHOLD = 100_000
RULE = TargetRule(THRESHOLD, ("KOSPI", "KOSDAQ"))
THURSDAY, FRIDAY, MONDAY, TUESDAY, WEDNESDAY = (
    "2024-01-18",
    "2024-01-19",
    "2024-01-22",
    "2024-01-23",
    "2024-01-24",
)
TICKER = "000100"
QUIET = row("999990", market_cap=0)
"""Somebody else, so that a day is never empty."""


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)


def save(store: Store, session: str, *rows: dict[str, Any], after: str | None = None) -> None:
    """The session with these rows, and with the corporate actions that follow from the one `after`
    which it comes."""
    day, before = market_day(session, QUIET, *rows), store.sessions.load(after or "")
    actions = find_actions(None if before is None else before.frame, day.frame, session)
    store.sessions.save(
        replace(day, frame=day.frame.assign(factor=actions.factor)), actions.documents()
    )


def evening(
    store: Store, session: str, *rows: dict[str, Any], rule: TargetRule = RULE
) -> TargetChanges:
    """One night's session, and the targets after it."""
    heads = [head.session for head in store.sessions.heads() if head.session < session]
    save(store, session, *rows, after=heads[-1] if heads else None)
    return refresh_from_newest(store, rule)


def listed(market_cap: int = THRESHOLD, ticker: str = TICKER, **cells: Any) -> dict[str, Any]:
    return row(ticker, market_cap=market_cap, **cells)


def target(store: Store, ticker: str = TICKER) -> Document:
    found = store.targets.get(ticker)
    assert found is not None
    return found


def active(store: Store) -> list[str]:
    return [each["_id"] for each in store.targets.active()]


def test_the_threshold_is_inclusive_and_other_markets_stay_out(store: Store) -> None:
    small, elsewhere = (
        listed(THRESHOLD - 1, "000200"),
        listed(10 * THRESHOLD, "000300", market="KONEX"),
    )
    changes = evening(store, MONDAY, listed(), small, elsewhere)
    assert (changes.entered, changes.left, changes.active) == ([TICKER], [], 1)


def test_a_new_target_has_every_field_of_the_contract(store: Store) -> None:
    evening(store, MONDAY, listed())
    assert target(store) == {
        "_id": TICKER,
        "ticker": TICKER,
        "name": f"종목 {TICKER}",
        "market": "KOSPI",
        "kind": None,
        "market_cap": THRESHOLD,
        "corrected_market_cap": THRESHOLD,
        "chosen_by": "market_cap",
        "is_active": True,
        "added_date": MONDAY,
        "removed_date": None,
        "delisted_date": None,
        "last_analyzed_date": None,
        "attempts": 0,
        "retry_after_utc": None,
        "last_error": None,
        "claimed_by": None,
        "history": [],
        "former": [],
    }


def test_below_the_threshold_means_inactive_from_that_session_on_and_not_deleted(
    store: Store,
) -> None:
    evening(store, MONDAY, listed())
    assert evening(store, TUESDAY, listed(THRESHOLD - 1)).left == [TICKER]
    fallen = target(store)
    assert (fallen["is_active"], fallen["removed_date"], fallen["delisted_date"]) == (
        False,
        TUESDAY,
        None,
    )
    assert (fallen["market_cap"], active(store)) == (THRESHOLD, [])


def test_a_delisted_target_leaves_with_its_last_session(store: Store) -> None:
    evening(store, MONDAY, listed())
    evening(store, TUESDAY, listed())
    assert evening(store, WEDNESDAY).left == [TICKER]
    gone = target(store)
    assert (gone["is_active"], gone["removed_date"], gone["delisted_date"]) == (
        False,
        TUESDAY,
        TUESDAY,
    )


def test_one_that_is_no_target_any_more_and_then_delisted_left_when_it_left(store: Store) -> None:
    evening(store, FRIDAY, listed())
    evening(store, MONDAY, listed(1))
    evening(store, TUESDAY)
    evening(store, WEDNESDAY)
    assert (target(store)["removed_date"], target(store)["delisted_date"]) == (MONDAY, MONDAY)


def test_a_session_that_arrives_late_moves_the_last_one_of_a_delisted_target(store: Store) -> None:
    evening(store, FRIDAY, listed())
    evening(store, TUESDAY)
    assert target(store)["removed_date"] == FRIDAY
    save(store, MONDAY, listed(), after=FRIDAY)
    follow_older_session(store, RULE)
    assert (target(store)["removed_date"], target(store)["delisted_date"]) == (MONDAY, MONDAY)


def test_a_session_that_arrives_after_two_later_ones_moves_what_had_ended_before_it(
    store: Store,
) -> None:
    evening(store, FRIDAY, listed())
    for later in (TUESDAY, WEDNESDAY):
        evening(store, later)
    save(store, MONDAY, listed(), after=FRIDAY)
    extend_to_late_session(store, MONDAY)
    assert (target(store)["removed_date"], target(store)["delisted_date"]) == (MONDAY, MONDAY)


def test_a_former_name_lasts_as_long_as_a_late_session_shows_it(store: Store) -> None:
    evening(store, FRIDAY, listed(name="old"))
    for later in (TUESDAY, WEDNESDAY):
        evening(store, later, listed(name="new"))
    assert [(each["name"], each["until"]) for each in target(store)["former"]] == [("old", FRIDAY)]
    save(store, MONDAY, listed(name="old"), after=FRIDAY)
    extend_to_late_session(store, MONDAY)
    assert [(each["name"], each["until"]) for each in target(store)["former"]] == [("old", MONDAY)]


def test_coming_back_keeps_the_earlier_membership(store: Store) -> None:
    evening(store, MONDAY, listed())
    evening(store, TUESDAY, listed(1))
    assert evening(store, WEDNESDAY, listed(THRESHOLD + 5)).entered == [TICKER]
    back = target(store)
    assert (back["is_active"], back["added_date"], back["removed_date"]) == (True, WEDNESDAY, None)
    assert back["history"] == [{"added_date": MONDAY, "removed_date": TUESDAY}]


def test_what_the_analysis_wrote_stays(store: Store) -> None:
    evening(store, MONDAY, listed())
    store.results.save(MONDAY, [{"_id": TICKER}])
    evening(store, TUESDAY, listed(THRESHOLD + 7))
    assert target(store)["last_analyzed_date"] == MONDAY
    assert target(store)["market_cap"] == THRESHOLD + 7


def written_by_another_refresh(
    store: Store, monkeypatch: pytest.MonkeyPatch, rule: TargetRule = RULE
) -> list[object]:
    written: list[object] = []
    monkeypatch.setattr(store.targets, "save", lambda new, changes: written.append((new, changes)))
    refresh_from_newest(store, rule)
    return written


def test_a_second_refresh_of_the_same_session_changes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the session brought: newcomers, renamed ones, moved, delisted and relisted ones."""
    evening(store, THURSDAY, listed(ticker="000400", name="전"))
    evening(store, FRIDAY, listed(), listed(ticker="000200"), listed(ticker="000300"))
    renamed, moved = listed(name="새 이름"), listed(ticker="000200", market="KOSDAQ")
    evening(
        store,
        MONDAY,
        renamed,
        moved,
        listed(ticker="000400", name="후"),
        listed(1, "000500", name="이전"),
    )
    evening(store, TUESDAY, renamed, moved, listed(ticker="000500", name="이후"))
    assert written_by_another_refresh(store, monkeypatch) == [([], {})]
    former = {each["_id"]: each["former"] for each in store.targets.all()}
    assert former["000500"] == [{"name": "이전", "market": "KOSPI", "until": MONDAY}]
    assert former["000400"] == [{"name": "전", "market": "KOSPI", "until": THURSDAY}]


# Names and markets


def test_a_rename_leaves_the_former_name_with_its_last_session(store: Store) -> None:
    evening(store, FRIDAY, listed(name="다음"))
    evening(store, MONDAY, listed(name="다음"))
    for session in (TUESDAY, WEDNESDAY):
        evening(store, session, listed(name="카카오"))
    assert target(store)["name"] == "카카오"
    assert target(store)["former"] == [{"name": "다음", "market": "KOSPI", "until": MONDAY}]


def test_a_move_to_another_market_is_kept_the_same_way(store: Store) -> None:
    evening(store, MONDAY, listed(market="KOSDAQ"))
    evening(store, TUESDAY, listed(market="KOSPI"))
    assert target(store)["market"] == "KOSPI"
    assert [(each["market"], each["until"]) for each in target(store)["former"]] == [
        ("KOSDAQ", MONDAY)
    ]


def test_there_and_back_again_are_two_entries(store: Store) -> None:
    for session, name in ((FRIDAY, "가"), (MONDAY, "나"), (TUESDAY, "가")):
        evening(store, session, listed(name=name))
    assert [(each["name"], each["until"]) for each in target(store)["former"]] == [
        ("가", FRIDAY),
        ("나", MONDAY),
    ]


def test_a_former_target_is_followed_while_it_is_listed(store: Store) -> None:
    evening(store, FRIDAY, listed(name="가"))
    evening(store, MONDAY, listed(1, name="가"))
    evening(store, TUESDAY, listed(2, name="나"))
    left = target(store)
    assert (left["is_active"], left["name"], left["market_cap"]) == (False, "나", THRESHOLD)
    assert [(each["name"], each["until"]) for each in left["former"]] == [("가", MONDAY)]


def test_a_revision_that_takes_a_rename_back_leaves_no_trace_of_it(store: Store) -> None:
    evening(store, MONDAY, listed(name="가"))
    evening(store, TUESDAY, listed(name="나"))
    evening(store, TUESDAY, listed(name="가"))
    assert (target(store)["name"], target(store)["former"]) == ("가", [])


@pytest.mark.parametrize("renamed_in", [MONDAY, TUESDAY])
def test_a_rename_around_a_session_that_arrives_late_is_there_once_and_exact(
    store: Store, renamed_in: str
) -> None:
    names = {
        session: "나" if session >= renamed_in else "가" for session in (FRIDAY, MONDAY, TUESDAY)
    }
    evening(store, FRIDAY, listed(name=names[FRIDAY]))
    evening(store, TUESDAY, listed(name=names[TUESDAY]))
    save(store, MONDAY, listed(name=names[MONDAY]), after=FRIDAY)
    follow_older_session(store, RULE)
    last = FRIDAY if renamed_in == MONDAY else MONDAY
    assert target(store)["former"] == [{"name": "가", "market": "KOSPI", "until": last}]


def test_a_wrong_name_in_the_database_never_becomes_a_former_name(store: Store) -> None:
    evening(store, MONDAY, listed())
    evening(store, TUESDAY, listed())
    store.targets.save([], {TICKER: {"name": "x"}})
    refresh_from_newest(store, RULE)
    assert (target(store)["name"], target(store)["former"]) == (f"종목 {TICKER}", [])


def test_an_evening_on_which_the_exchange_shows_no_name_changes_no_name(store: Store) -> None:
    evening(store, FRIDAY, listed(name="가"))
    for session, name in ((MONDAY, TICKER), (TUESDAY, "가"), (TUESDAY, "가")):
        evening(store, session, listed(name=name))
        assert (target(store)["name"], target(store)["former"]) == ("가", [])


def test_a_target_without_a_name_gets_it_with_the_next_session(store: Store) -> None:
    evening(store, MONDAY, listed(name=TICKER))
    assert target(store)["name"] == TICKER
    evening(store, TUESDAY, listed(name="가"))
    assert (target(store)["name"], target(store)["former"]) == ("가", [])


def test_a_code_that_is_used_again_keeps_the_name_of_the_company_before(store: Store) -> None:
    evening(store, THURSDAY, listed(name="앞"))
    evening(store, FRIDAY)
    evening(store, MONDAY)
    evening(store, TUESDAY, listed(name="뒤"))
    again = target(store)
    assert (again["is_active"], again["added_date"], again["delisted_date"]) == (
        True,
        TUESDAY,
        None,
    )
    assert again["history"] == [{"added_date": THURSDAY, "removed_date": THURSDAY}]
    assert again["former"] == [{"name": "앞", "market": "KOSPI", "until": THURSDAY}]


def test_a_damaged_session_before_the_newest_keeps_no_target_from_being_chosen(
    store: Store,
) -> None:
    evening(store, MONDAY, listed(name="가"))
    save(store, TUESDAY, listed(THRESHOLD + 1, name="나"), after=MONDAY)
    store.backend.update(SESSIONS, {"_id": MONDAY}, {"digest": "0"})
    refresh_from_newest(store, RULE)
    assert (target(store)["name"], target(store)["market_cap"]) == ("나", THRESHOLD + 1)


def test_a_damaged_newest_session_leaves_the_targets_as_they_are(store: Store) -> None:
    evening(store, MONDAY, listed())
    save(store, TUESDAY, listed(1), after=MONDAY)
    store.backend.update(SESSIONS, {"_id": TUESDAY}, {"digest": "0"})
    follow_older_session(store, RULE)
    assert active(store) == [TICKER]


# Facts of the ticker


def test_a_spac_that_takes_over_a_company_is_none_any_more(store: Store) -> None:
    evening(store, MONDAY, listed(name="하나금융19호스팩"), listed(ticker="005935"))
    assert (target(store)["kind"], target(store, "005935")["kind"]) == ("spac", "preferred")
    evening(store, TUESDAY, listed(name="라이콤"))
    assert (target(store)["kind"], target(store)["former"][0]["name"]) == (None, "하나금융19호스팩")


# Shares that are still to be listed


def shares(close: int, count: int, base: int | None = None) -> dict[str, Any]:
    change = 0 if base is None else close - base
    return row(TICKER, close, shares=count, market_cap=close * count, change=change)


def test_an_ex_date_drops_no_target_and_the_listing_ends_the_correction(store: Store) -> None:
    evening(store, FRIDAY, shares(1_200, 100))
    evening(store, MONDAY, shares(610, 100, base=600))
    owed = target(store)
    assert (owed["is_active"], owed["market_cap"], owed["corrected_market_cap"]) == (
        True,
        61_000,
        122_000,
    )
    evening(store, TUESDAY, shares(620, 200, base=610))
    assert (target(store)["market_cap"], target(store)["corrected_market_cap"]) == (
        124_000,
        124_000,
    )
    assert (target(store)["added_date"], target(store)["history"]) == (FRIDAY, [])


def test_with_the_shares_that_are_owed_a_target_leaves_by_its_price(store: Store) -> None:
    evening(store, FRIDAY, shares(1_200, 100))
    evening(store, MONDAY, shares(600, 100, base=600))
    assert evening(store, TUESDAY, shares(499, 100, base=600)).left == [TICKER]


def test_the_ex_date_may_become_known_after_the_newest_session(store: Store) -> None:
    evening(store, THURSDAY, shares(1_200, 100))
    save(store, MONDAY, shares(600, 100), after=FRIDAY)  # Friday, the ex-date, is missing
    assert refresh_from_newest(store, RULE).left == [TICKER]
    save(store, FRIDAY, shares(600, 100, base=600), after=THURSDAY)
    follow_older_session(store, RULE)
    assert (target(store)["is_active"], target(store)["corrected_market_cap"]) == (True, 120_000)


def test_targets_stand_in_the_order_of_their_corrected_market_caps(store: Store) -> None:
    evening(store, FRIDAY, shares(1_200, 100), listed(110_000, "000200"))
    evening(store, MONDAY, shares(600, 100, base=600), listed(110_000, "000200"))
    assert active(store) == [TICKER, "000200"]


# TARGETS_FILE


def by_name(always: str = "", never: str = "") -> TargetRule:
    lines = {
        ticker: number for number, ticker in enumerate([*always.split(), *never.split()], start=1)
    }
    split = [{ticker: lines[ticker] for ticker in each.split()} for each in (always, never)]
    return replace(RULE, by_name=TargetList(*split))


def test_an_included_ticker_is_a_target_below_the_threshold_and_outside_the_markets(
    store: Store,
) -> None:
    konex = listed(5, "000300", market="KONEX")
    changes = evening(
        store, MONDAY, listed(), listed(1, "000200"), konex, rule=by_name(always="000200 000300")
    )
    assert changes.entered == [TICKER, "000200", "000300"]
    chosen = {each["_id"]: each["chosen_by"] for each in store.targets.all()}
    assert chosen == {TICKER: "market_cap", "000200": "targets_file", "000300": "targets_file"}


def test_an_excluded_ticker_is_no_target_and_leaves_when_it_was_one(store: Store) -> None:
    evening(store, MONDAY, listed(), listed(ticker="000200"))
    changes = evening(store, TUESDAY, listed(), listed(ticker="000200"), rule=by_name(never=TICKER))
    assert (changes.left, active(store)) == ([TICKER], ["000200"])
    assert target(store)["removed_date"] == TUESDAY


def test_a_ticker_taken_out_of_the_file_is_chosen_as_any_other(store: Store) -> None:
    evening(
        store,
        MONDAY,
        listed(1),
        listed(ticker="000200"),
        rule=by_name(always=TICKER, never="000200"),
    )
    assert active(store) == [TICKER]
    changes = evening(store, TUESDAY, listed(1), listed(ticker="000200"))
    assert (changes.entered, changes.left) == (["000200"], [TICKER])


def test_an_included_ticker_that_is_not_listed_is_warned_of_and_no_target(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    changes = evening(store, MONDAY, listed(), rule=by_name(always="123450", never="543210"))
    assert (changes.entered, store.targets.get("123450")) == ([TICKER], None)
    warned = [each.getMessage() for each in caplog.records if each.levelno == logging.WARNING]
    assert [text.split(", ")[1] for text in warned] == [
        f"line 1: 123450 is not listed in {MONDAY}",
        f"line 2: 543210 is not listed in {MONDAY}",
    ]


def test_an_included_ticker_leaves_with_its_last_session_like_any_other(store: Store) -> None:
    rule = by_name(always=TICKER)
    evening(store, MONDAY, listed(1), rule=rule)
    assert evening(store, TUESDAY, rule=rule).left == [TICKER]
    assert target(store)["removed_date"] == MONDAY


def test_the_log_counts_what_is_special(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    evening(store, FRIDAY, shares(1_200, 100), listed(1, "000200"), rule=by_name(always="000200"))
    evening(
        store,
        MONDAY,
        shares(600, 100, base=600),
        listed(1, "000200"),
        rule=by_name(always="000200"),
    )
    first, second = (each.getMessage() for each in caplog.records)
    assert first == "2024-01-19: 2 targets (1 by TARGETS_FILE), 2 entered, 0 left."
    assert (
        second
        == "2024-01-22: 2 targets (1 by TARGETS_FILE, 1 with shares to come), 0 entered, 0 left."
    )


def test_without_any_session_before_a_refresh_works_alone(store: Store) -> None:
    changes = refresh_targets(store, market_day(MONDAY, listed()).frame, MONDAY, RULE)
    assert changes.entered == [TICKER]

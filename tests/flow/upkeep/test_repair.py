"""What a repair leaves, and what it leaves alone."""

import pandas as pd
import pytest

from tests.flow.upkeep.damages import (
    damage_a_column,
    falsify_a_target,
    keep_a_tenth_of_the_first,
    kill_a_setup,
    leave_a_lock,
    lose_a_session,
    lose_an_action,
    stay_provisional,
)
from tests.flow.upkeep.store_under_test import (
    FIRST,
    MIDDLE,
    Market,
    StoreUnderTest,
    at,
    contents,
    told,
)
from utils.errors import MalformedAnswer
from utils.store.jobs import DAILY_UPDATE
from utils.store.schema import (
    CALENDAR,
)


def test_a_hole_that_turns_out_closed_is_none_any_more(tested: StoreUnderTest) -> None:
    """The 14th was a holiday that nobody had predicted, and nobody has asked since."""
    tested.clock.set(at("2026-08-18", 19))
    tested.evening()
    tested.store.backend.delete(CALENDAR, {"_id": "2026-08-14"})
    assert told(tested.audit()) == [("hole", "2026-08-14")]
    assert tested.repair() == 0
    assert tested.audit().findings == []
    assert tested.store.calendar.observed()["2026-08-14"] is False
    assert tested.store.jobs.get(DAILY_UPDATE, "2026-08-14") is None


def test_a_repair_that_the_exchange_refuses_does_the_rest_and_says_what_is_left(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for damage in (lose_a_session, lose_an_action, falsify_a_target, kill_a_setup, leave_a_lock):
        damage(tested)
    monkeypatch.setattr(tested.source, "fetch_day", lambda session: pd.DataFrame())
    with pytest.raises(MalformedAnswer, match=MIDDLE):
        tested.repair()
    assert told(tested.audit()) == [("hole", MIDDLE)]
    assert "4 of 5 findings repaired. 1 finding left" in capsys.readouterr().out


def test_what_the_exchange_itself_shows_so_is_left_to_a_person(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some tickers of the first day are gone for good."""
    true = tested.source.fetch_day
    monkeypatch.setattr(
        tested.source, "fetch_day", lambda day: true(day)[: 57 if day == FIRST else None]
    )
    keep_a_tenth_of_the_first(tested)
    assert tested.repair() == 1
    assert told(tested.audit()) == [("few_tickers", FIRST)]
    assert "1 finding left: what the exchange still shows so" in capsys.readouterr().out


def test_a_session_that_only_waits_for_its_confirmation_keeps_its_record_when_that_fails(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay_provisional(tested)
    monkeypatch.setattr(tested.source, "fetch_day", lambda session: pd.DataFrame())
    with pytest.raises(MalformedAnswer):
        tested.repair()
    assert tested.store.jobs.is_completed(DAILY_UPDATE, MIDDLE)
    damage_a_column(tested)
    with pytest.raises(MalformedAnswer):
        tested.repair()
    assert not tested.store.jobs.is_completed(DAILY_UPDATE, MIDDLE)


def test_a_repair_of_a_whole_store_asks_and_changes_nothing(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Market, "fetch_day")
    monkeypatch.delattr(Market, "fetch_sessions")
    before = contents(tested), tested.store.jobs.records(DAILY_UPDATE)
    assert tested.repair() == 0
    assert (contents(tested), tested.store.jobs.records(DAILY_UPDATE)) == before
    assert capsys.readouterr().out.startswith("Nothing was wrong. 9 sessions, ")

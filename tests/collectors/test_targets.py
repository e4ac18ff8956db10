"""Targets follow the market cap: they enter, leave and come back, are never deleted, and keep what the queue wrote."""

import pytest

from collectors.targets import TargetChanges, refresh_targets
from tests.fakes import FakeClock, market_day, row
from utils.store import Store
from utils.store.backend import Document
from utils.store.sqlite import SqliteBackend

THRESHOLD = 100_000
MARKETS = ("KOSPI", "KOSDAQ")


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)


def refresh(store: Store, session: str, **caps: int) -> TargetChanges:
    rows = [
        row(f"00{name[1:]}00", market_cap=cap, market="KONEX" if name == "t03" else "KOSPI")
        for name, cap in caps.items()
    ]
    return refresh_targets(store, market_day(session, *rows).frame, session, THRESHOLD, MARKETS)


def target(store: Store, ticker: str) -> Document:
    found = store.target(ticker)
    assert found is not None
    return found


def test_the_threshold_is_inclusive_and_other_markets_stay_out(store: Store) -> None:
    changes = refresh(store, "2024-01-22", t01=THRESHOLD, t02=THRESHOLD - 1, t03=10 * THRESHOLD)
    assert (changes.entered, changes.left, changes.active) == (["000100"], [], 1)


def test_a_new_target_has_every_field_of_the_contract(store: Store) -> None:
    refresh(store, "2024-01-22", t01=THRESHOLD)
    assert target(store, "000100") == {
        "_id": "000100",
        "ticker": "000100",
        "name": "종목 000100",
        "market": "KOSPI",
        "market_cap": THRESHOLD,
        "is_active": True,
        "added_date": "2024-01-22",
        "removed_date": None,
        "last_analyzed_date": None,
        "attempts": 0,
        "retry_after_utc": None,
        "last_error": None,
        "claimed_by": None,
        "history": [],
    }


def test_below_the_threshold_or_delisted_means_inactive_not_deleted(store: Store) -> None:
    refresh(store, "2024-01-22", t01=THRESHOLD, t02=THRESHOLD)
    changes = refresh(store, "2024-01-23", t01=THRESHOLD - 1)
    assert changes.left == ["000100", "000200"]
    assert [target(store, each)["removed_date"] for each in changes.left] == ["2024-01-23"] * 2
    assert store.targets(active_only=True) == []


def test_coming_back_keeps_the_earlier_membership(store: Store) -> None:
    refresh(store, "2024-01-22", t01=THRESHOLD)
    refresh(store, "2024-01-23", t01=1)
    assert refresh(store, "2024-01-24", t01=THRESHOLD + 5).entered == ["000100"]
    back = target(store, "000100")
    assert (back["is_active"], back["added_date"], back["removed_date"]) == (True, "2024-01-24", None)
    assert back["history"] == [{"added_date": "2024-01-22", "removed_date": "2024-01-23"}]


def test_what_the_analysis_wrote_stays(store: Store) -> None:
    refresh(store, "2024-01-22", t01=THRESHOLD)
    store.save_analysis("2024-01-22", [{"_id": "000100"}])
    refresh(store, "2024-01-23", t01=THRESHOLD + 7)
    assert target(store, "000100")["last_analyzed_date"] == "2024-01-22"
    assert target(store, "000100")["market_cap"] == THRESHOLD + 7


def test_a_second_refresh_of_the_same_session_changes_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    refresh(store, "2024-01-22", t01=THRESHOLD)
    written: list[object] = []
    monkeypatch.setattr(store, "save_targets", lambda new, changes: written.append((new, changes)))
    refresh(store, "2024-01-22", t01=THRESHOLD)
    assert written == [([], {})]

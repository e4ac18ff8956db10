"""Figures of the whole market of a session in the report."""

from typing import Any

import pandas as pd
import pytest

from collectors.views.report.breadth import breadth, movers, trend, with_moves
from tests.fakes import FakeClock, after_market_only, halted, market_day, row
from utils.store import Store
from utils.store.sqlite import SqliteBackend

SESSION = "2024-01-22"


def moves(*rows: dict[str, Any]) -> pd.DataFrame:
    return with_moves(market_day(SESSION, *rows).frame, SESSION)


@pytest.fixture
def day() -> pd.DataFrame:
    return moves(
        row("000010", 1300, change=300, value=900),  # base 1,000: the highest price allowed
        row("000020", 700, change=-300, value=800),
        row("000030", 1010, change=10, value=5_000),
        row("000040", 1000, change=0, value=1),
        halted("000050", 1000),
        row("000060", 1150, change=150, market="KONEX", value=2),  # the limit is 15 % there
    )


def test_every_ticker_is_counted_once_in_its_market(day: pd.DataFrame) -> None:
    kospi, konex = breadth(day)
    assert (kospi["market"], konex["market"]) == ("KOSPI", "KONEX")
    assert [kospi[name] for name in ("up", "down", "flat", "untraded")] == [2, 1, 1, 1]
    assert [konex[name] for name in ("up", "down", "flat", "untraded")] == [1, 0, 0, 0]


def test_limits_are_the_prices_the_exchange_allows(day: pd.DataFrame) -> None:
    kospi, konex = breadth(day)
    assert (kospi["limit_up"], kospi["limit_down"]) == (1, 1)
    assert (konex["limit_up"], konex["limit_down"]) == (1, 0)


def test_a_halted_ticker_is_at_no_limit_and_no_mover(day: pd.DataFrame) -> None:
    assert day.set_index("ticker").loc["000050", ["traded", "limit"]].tolist() == [False, 0]
    assert "000050" not in {entry[0] for entries in movers(day).values() for entry in entries}


def test_trades_of_the_after_market_alone_move_nothing_but_money() -> None:
    quiet, alone = row("000010", 1000, value=5), after_market_only("000020", 700, value=900)
    day = moves(quiet, alone)
    (kospi,) = breadth(day)
    assert [kospi[name] for name in ("up", "down", "flat", "untraded")] == [0, 0, 1, 1]
    assert (kospi["value"], kospi["percent"]) == (905, 0.0)
    assert day.set_index("ticker").loc["000020", ["traded", "percent", "limit"]].tolist() == [
        False,
        0.0,
        0,
    ]
    assert [entry[0] for entry in movers(day)["value"]] == ["000010"]


def test_money_is_summed(day: pd.DataFrame) -> None:
    kospi, _ = breadth(day)
    assert (kospi["value"], kospi["market_cap"]) == (6_701, 100 * (1300 + 700 + 1010 + 1000 + 1000))


def test_the_change_of_a_market_is_weighted_by_market_cap() -> None:
    (kospi,) = breadth(
        moves(row("000010", 110, change=10, shares=900), row("000020", 90, change=-10, shares=100))
    )
    assert kospi["percent"] == 8.0


def test_a_market_in_which_nothing_is_traded_has_not_changed() -> None:
    (kospi,) = breadth(moves(halted("000010", 1000)))
    assert kospi["percent"] == 0.0


def test_movers_are_ordered_and_from_the_base_price(day: pd.DataFrame) -> None:
    found = movers(day)
    assert [entry[0] for entry in found["rising"]] == ["000010", "000060", "000030"]
    assert [entry[0] for entry in found["falling"]] == ["000020"]
    assert [entry[0] for entry in found["value"]][:2] == ["000030", "000010"]
    assert found["rising"][0] == ["000010", "종목 000010", "KOSPI", 1300, 30.0, 900]


def test_a_ticker_without_a_base_price_has_not_moved() -> None:
    assert moves(row("000010", 100, change=100))["percent"].tolist() == [0.0]


def test_the_trend_counts_each_stored_session_up_to_the_reported_one(store: Store) -> None:
    assert trend(store, "2024-01-19") == {
        "session": ["2024-01-18", "2024-01-19"],
        "up": [1, 0],
        "down": [0, 2],
        "value": [20_000, 19_000],
    }


def test_the_trend_leaves_sessions_of_the_after_market_alone_out(store: Store) -> None:
    """A change that is not 0 all the same, as quotes leave it on KONEX, is no move."""
    alone = after_market_only("000010", 990, change=-10, value=40)
    store.sessions.save(market_day("2024-01-22", alone, row("000020", 900, change=1, value=2)))
    found = trend(store, "2024-01-22")
    assert [found[name][-1] for name in ("up", "down", "value")] == [1, 0, 42]


@pytest.fixture
def store(tmp_path: Any, clock: FakeClock) -> Store:
    store = Store(SqliteBackend(tmp_path), clock)
    store.sessions.save(
        market_day("2024-01-18", row("000010", 1010, value=10_000, change=10), row("000020", 1000))
    )
    store.sessions.save(
        market_day("2024-01-19", row("000010", 1000, change=-10), row("000020", 900, change=-100))
    )
    store.sessions.save(market_day("2024-01-22", row("000010", 1000), row("000020", 900)))
    return store

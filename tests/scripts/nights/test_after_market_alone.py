"""A night in which one ticker has traded in the after-market alone: stored as published, analysed
as a session without a regular price."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.harness import Exchange, Installation
from utils.clock import kst
from utils.date_utils import AFTER_MARKET_SINCE

BEFORE = "2026-09-11"
"""Last session without an after-market."""


def evening(session: str) -> datetime:
    return kst(*map(int, session.split("-")), 19)


def flat(exchange: Exchange, session: str) -> list[str]:
    """Tickers that opened and closed at their base price: the fault takes the first of them."""
    day = exchange.exchange.market.day(session)
    unmoved = (day.change == 0) & (day.open > 0) & (day.volume > 0)
    return [code for code, is_flat in zip(day.code, unmoved, strict=True) if is_flat]


@pytest.fixture
def session(exchange: Exchange) -> str:
    """The first session with an after-market that has such a ticker."""
    sessions = exchange.exchange.market.sessions
    return next(day for day in sessions if day >= AFTER_MARKET_SINCE and flat(exchange, day))


def neighbours(exchange: Exchange, session: str) -> tuple[str, str]:
    sessions = list(exchange.exchange.market.sessions)
    position = sessions.index(session)
    return sessions[position - 1], sessions[position + 1]


def stored(installation: Installation, session: str) -> Any:
    """Return the stored frame of the session, by ticker."""
    with installation.opened(evening(session)) as store:
        (_, frame), *_ = store.sessions.read(session, session)
        return frame.set_index("ticker")


def test_it_is_stored_as_published_and_gives_no_signal(
    installation: Installation, session: str
) -> None:
    exchange = installation.exchange
    yesterday, tomorrow = neighbours(exchange, session)
    installation = installation.with_settings(
        {"MIN_MARKET_CAP": "1", "MARKETS": "KOSPI,KOSDAQ,KONEX"}
    )
    installation.must(evening(yesterday), "manual_setup", "--yes", "--sessions", "8")
    exchange.fail("after_market_only", date=session)
    installation.must(evening(session), "daily_update")
    ticker = flat(exchange, session)[0]
    row = stored(installation, session).loc[ticker]
    assert (row["open"], row["change"]) == (0, 0)
    assert min(row["high"], row["low"], row["volume"]) > 0

    installation.must(evening(session) + timedelta(minutes=10), "hourly_analysis")
    with installation.opened(evening(session)) as store:
        result = store.results.get(ticker)
    assert result is not None
    assert result["session"] == session
    assert result["signals"] == result["patterns"] == []
    assert {result["history"][name][-1] for name in ("open", "high", "low")} == {result["close"]}
    assert result["history"]["volume"][-1] == row["volume"]
    assert result["latest"]["return_1"] == 0

    installation.must(evening(tomorrow), "daily_update")
    assert stored(installation, tomorrow).loc[ticker, "factor"] == 1
    audit = installation.must(evening(tomorrow), "daily_update", "--audit")
    assert "Nothing is wrong" in audit.stdout


def test_before_there_was_an_after_market_such_a_row_is_set_aside(
    installation: Installation,
) -> None:
    exchange = installation.exchange
    yesterday, _ = neighbours(exchange, BEFORE)
    installation.must(evening(yesterday), "manual_setup", "--yes", "--sessions", "4")
    exchange.fail("after_market_only", date=BEFORE)
    installation.must(evening(BEFORE), "daily_update")
    (head,) = (
        each for each in installation.read(evening(BEFORE))["heads"] if each.session == BEFORE
    )
    (row,) = head.set_aside
    assert row.reason == "low <= open, close <= high broken"

"""Every class of event in the synthetic market's ledger against what is found in its rows: the same
classes as on the real days, for everybody."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from collectors.rules.corporate_actions import CorporateAction, find_actions
from sandbox.scenarios import Event
from tests.unit.rules.days import synthetic_days, synthetic_market

pytestmark = pytest.mark.parametrize("tickers", [60, 2_700])

EXPECTED = {
    # kind of event, flag: kind of action, rule, flag
    ("split", ""): ("split", "base", None),
    ("consolidation", ""): ("consolidation", "base", None),
    ("rights_issue", ""): ("ex_rights", "base", None),
    ("bonus_issue", ""): ("ex_rights", "base", None),
    ("auction_resumption", ""): ("auction_resumption", "auction", None),
    ("auction_with_shares", ""): ("capital_reduction", "auction_shares", None),
    ("auction_with_shares", "new_shares"): ("market_transfer", "auction_shares", "new_shares"),
    ("market_transfer", ""): ("market_transfer", "auction", None),
    ("spin_off", "spin_off"): ("spin_off", "spin_off", "spin_off"),
    ("halted_rebase", ""): ("consolidation", "halted_base", None),
    ("share_collapse", "share_collapse"): ("share_collapse", "collapse", "collapse"),
}
NOTHING = set(
    "share_listing off_tick first_session liquidation delisted spac_merger rename huge_volume "
    "off_hours_trade".split()
)
"""Events that are no corporate actions: factor 1, and nothing is found."""


@cache
def found(tickers: int) -> dict[tuple[str, str], CorporateAction]:
    """Return (session, ticker) -> the action, of all sessions."""
    days = synthetic_days(tickers)
    actions = (
        find_actions(before, day, session) for (_, before), (session, day) in pairwise(days.items())
    )
    return {(one.session, one.ticker): one for each in actions for one in each.found}


@pytest.fixture(autouse=True)
def all_found(tickers: int) -> None:
    """Every day of the market is made and looked through once, before the first test."""
    found(tickers)


def due(tickers: int) -> dict[tuple[str, str], Event]:
    """The events of the ledger that are actions."""
    return {
        (event.session, event.code): event
        for event in synthetic_market(tickers).events
        if event.kind not in NOTHING
    }


def test_every_event_of_the_ledger_is_found_and_nothing_else_is(tickers: int) -> None:
    rows = sum(map(len, synthetic_days(tickers).values()))
    assert set(found(tickers)) == set(due(tickers)), f"in {rows:,} ticker-days"


def test_every_class_of_event_has_the_kind_the_rule_and_the_flag_that_is_due(tickers: int) -> None:
    events = due(tickers)
    decided = {
        key: (action.kind, action.rule, action.flag) for key, action in found(tickers).items()
    }
    assert decided == {key: EXPECTED[event.kind, event.flag] for key, event in events.items()}
    assert {(event.kind, event.flag) for event in events.values()} == set(EXPECTED), (
        "every class happens"
    )


def test_every_factor_is_the_true_one_and_every_other_ticker_day_has_1(tickers: int) -> None:
    true = {key: event.true_factor for key, event in due(tickers).items()}
    assert {key: action.factor for key, action in found(tickers).items()} == pytest.approx(
        true, rel=1e-12
    )
    for (_, before), (session, day) in pairwise(synthetic_days(tickers).items()):
        actions = find_actions(before, day, session)
        assert (
            actions.factor[~day["ticker"].isin([one.ticker for one in actions.found])] == 1
        ).all()


def test_every_action_holds_the_prices_and_shares_of_the_ledger(tickers: int) -> None:
    recorded = {
        key: (event.previous_close, event.base, event.shares_before, event.shares_after)
        for key, event in due(tickers).items()
    }
    assert recorded == {
        key: (one.previous_close, one.base_price, one.shares_before, one.shares_after)
        for key, one in found(tickers).items()
    }


def test_adjusted_returns_begin_at_the_base_price_but_for_auctions_and_closes_off_their_tick(
    tickers: int,
) -> None:
    apart = set()
    for (_, before), (session, day) in pairwise(synthetic_days(tickers).items()):
        factor = find_actions(before, day, session).factor
        both = day.assign(factor=factor).merge(
            before[["ticker", "close"]], on="ticker", suffixes=("", "_before")
        )
        base = both["close"] - both["change"]
        begins_at_base = np.isclose(both["close_before"] * both["factor"], base, rtol=1e-12, atol=0)
        apart |= {(session, ticker) for ticker in both["ticker"][~begins_at_base]}
    by_auction = {
        key
        for key, action in found(tickers).items()
        if action.rule in ("auction", "auction_shares")
    }
    events = synthetic_market(tickers).events
    assert apart == by_auction | {
        (event.session, event.code) for event in events if event.kind == "off_tick"
    }

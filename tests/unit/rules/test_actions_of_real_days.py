"""Three stretches of the real market against the list of events in them. Skipped where the data are
absent."""

import csv
from collections import Counter
from functools import cache

import numpy as np
import pandas as pd
import pytest

from collectors.rules.corporate_actions import Actions, CorporateAction, find_actions
from collectors.rules.price_rules import price_limits, tick
from tests.unit.rules.days import EVENTS, REAL_YEARS, real_days

pytestmark = pytest.mark.recorded

RULE_OF_CLASS = {
    "split_or_consolidation": "base",
    "ex_rights_bonus": "base",
    "halted_day_rebase": "halted_base",
    "auction_resume_shares": "auction_shares",
    "auction_resume_sr1": "auction",
    "market_transfer": "auction_shares",
}
SPIN_OFFS = {
    "033290:2024-02-02",  # CowellFashion, its logistics business
    "003070:2023-01-31",  # Kolon Global, Kolon Mobility Group
    "003075:2023-01-31",  # its preferred shares
}
"""The list counts them as auctions with a change of shares; a person knows better."""


def outcome(sessions: dict[str, pd.DataFrame]) -> dict[str, Actions]:
    """Session -> what was found in it, of sessions that follow one another."""
    before: list[pd.DataFrame | None] = [None, *list(sessions.values())[:-1]]
    return {
        session: find_actions(previous, day, session)
        for previous, (session, day) in zip(before, sessions.items(), strict=True)
    }


@cache
def outcomes() -> dict[str, Actions]:
    return {
        session: found for year in REAL_YEARS for session, found in outcome(real_days(year)).items()
    }


@cache
def found() -> dict[str, CorporateAction]:
    return {
        f"{one.ticker}:{one.session}": one
        for actions in outcomes().values()
        for one in actions.found
    }


@cache
def events() -> dict[str, dict[str, str]]:
    with EVENTS.open(encoding="utf-8") as file:
        return {f"{event['code']}:{event['date']}": event for event in csv.DictReader(file)}


def pairs() -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """Return (session, day, day of the session before) for every session that has one."""
    return [
        (session, day, before)
        for year in REAL_YEARS
        for before, (session, day) in zip(
            real_days(year).values(), list(real_days(year).items())[1:], strict=False
        )
    ]


def factor_due(key: str) -> float:
    """Return the factor by the rules of docs/exchange.md, from the list alone."""
    event = events()[key]
    rebased = int(event["base"]) / int(event["prev_close"])
    by_rule = {
        "base": rebased,
        "halted_base": rebased,
        "auction": 1.0,
        "auction_shares": int(event["shares_before"]) / int(event["shares_after"]),
    }
    return rebased if key in SPIN_OFFS else by_rule[RULE_OF_CLASS[event["class"]]]


def ticker_days() -> str:
    """Count the rows that were looked at, for a message."""
    days = [actions.factor for actions in outcomes().values()]
    known = sum(int((~np.isnan(factor)).sum()) for factor in days)
    return f"among {known:,} ticker-days with a session before, of {sum(map(len, days)):,}"


def test_every_real_action_is_found_by_the_rule_of_its_class_and_nothing_else_is():
    expected = {key: RULE_OF_CLASS[event["class"]] for key, event in events().items()}
    expected |= dict.fromkeys(SPIN_OFFS, "spin_off")
    assert {key: action.rule for key, action in found().items()} == expected, ticker_days()
    assert len(expected) == 57
    assert ticker_days() == "among 234,460 ticker-days with a session before, of 242,545"


def test_no_ticker_day_without_an_event_has_a_factor_other_than_1():
    known = [
        actions.factor for actions in outcomes().values() if not np.isnan(actions.factor).all()
    ]
    factors = np.concatenate(known)
    assert not np.isnan(factors).any()
    assert (factors != 1).sum() == sum(factor_due(key) != 1 for key in events()), ticker_days()


def test_only_the_first_session_of_each_stretch_is_pending():
    pending = [session for session, actions in outcomes().items() if np.isnan(actions.factor).any()]
    assert pending == [next(iter(real_days(year))) for year in REAL_YEARS]


def test_every_factor_is_the_one_due():
    assert {key: action.factor for key, action in found().items()} == pytest.approx(
        {key: factor_due(key) for key in events()}, rel=1e-12
    )


def test_every_action_holds_the_prices_and_shares_of_the_list():
    names = ("prev_close", "base", "shares_before", "shares_after")
    recorded = {key: tuple(int(event[name]) for name in names) for key, event in events().items()}
    assert recorded == {
        key: (one.previous_close, one.base_price, one.shares_before, one.shares_after)
        for key, one in found().items()
    }


def test_each_factor_stands_in_the_row_of_its_ticker():
    for year in REAL_YEARS:
        for session, day in real_days(year).items():
            at = dict(zip(day["ticker"], outcomes()[session].factor, strict=True))
            assert [at[one.ticker] for one in outcomes()[session].found] == [
                one.factor for one in outcomes()[session].found
            ]


def test_the_kinds_of_three_winters():
    assert Counter(action.kind for action in found().values()) == {
        "ex_rights": 25,
        "auction_resumption": 9,
        "consolidation": 8,
        "halted_rebase": 5,
        "capital_reduction": 5,
        "spin_off": 3,
        "market_transfer": 2,
    }


def test_only_spin_offs_and_transfers_with_new_shares_are_flagged():
    flags = {key: action.flag for key, action in found().items() if action.flag}
    assert flags == dict.fromkeys(SPIN_OFFS, "spin_off") | dict.fromkeys(
        ("179530:2022-01-24", "211050:2022-02-16"), "new_shares"
    )


@pytest.mark.parametrize("key", ["373200:2022-01-20", "388790:2023-02-14"])
def test_a_spac_that_takes_over_a_company_keeps_its_code_and_its_history(key):
    """Five and eight times the shares and another name, at an unmoved base price: no action."""
    ticker, session = key.split(":")
    year = session[:4]
    position = list(real_days(year)).index(session)
    assert (outcomes()[session].factor[(real_days(year)[session]["ticker"] == ticker)] == 1).all()
    before, after = (
        day[day["ticker"] == ticker].iloc[0]
        for day in list(real_days(year).values())[position - 1 : position + 1]
    )
    assert before["name"] != after["name"]
    assert after["shares"] > 5 * before["shares"]
    assert key not in found()


@pytest.mark.parametrize(
    ("key", "offered"), [("179530:2022-01-24", 7_000), ("211050:2022-02-16", 18_000)]
)
def test_the_two_moves_to_kosdaq_were_public_offerings_which_the_flag_leaves_open(key, offered):
    """With what the new shares were sold for, factor 1 is within 1 %, and shares before / after 12
    to 15 % away."""
    action = found()[key]
    assert (action.rule, action.flag) == ("auction_shares", "new_shares")
    new = action.shares_after - action.shares_before
    money = action.previous_close * action.shares_before + offered * new
    true = money / action.shares_after / action.previous_close
    assert 0.99 < true < 1
    assert 0.84 < action.factor / true < 0.89


def test_adjusted_returns_equal_close_over_base_for_all_but_auctions():
    auctions = {
        key for key, action in found().items() if action.rule in ("auction", "auction_shares")
    }
    checked = 0
    for session, day, before in pairs():
        factor = pd.Series(outcomes()[session].factor, index=day["ticker"])
        both = day.set_index("ticker").join(
            before.set_index("ticker")["close"].rename("earlier"), how="inner"
        )
        both = both[[f"{ticker}:{session}" not in auctions for ticker in both.index]]
        adjusted = both["close"] / (both["earlier"] * factor.loc[both.index]) - 1
        np.testing.assert_allclose(
            adjusted, both["close"] / (both["close"] - both["change"]) - 1, atol=1e-12
        )
        checked += len(both)
    assert checked > 230_000


@pytest.mark.parametrize(
    "ticker", ["089230", "033290", "138360", "005930"]
)  # consolidation, spin-off, auction, nothing
def test_scaling_the_history_of_a_ticker_scales_nothing_else(ticker):
    year = "2023" if ticker == "138360" else "2024"
    scaled = {session: day.copy() for session, day in real_days(year).items()}
    for day in scaled.values():
        day.loc[day["ticker"] == ticker, ["open", "high", "low", "close", "change"]] *= 10
    for session, actions in outcome(scaled).items():
        np.testing.assert_allclose(actions.factor, outcomes()[session].factor, rtol=1e-12)


def test_a_missing_session_would_invent_actions_for_most_of_the_market():
    """Why `previous` has to be the session right before, and None when that one is not stored."""
    (_, first), _, (session, third) = list(real_days("2024").items())[:3]
    assert len(find_actions(first, third, session).found) > 0.8 * len(third)


def test_every_traded_price_is_on_the_tick_of_its_date():
    for year in REAL_YEARS:
        for session, day in real_days(year).items():
            traded = day[day["open"] > 0]
            for name in ("open", "high", "low", "close"):
                step = tick(traded[name], traded["market"].to_numpy(), session)
                assert not (traded[name].to_numpy() % step).any(), (session, name)


def test_closes_marked_as_limit_are_at_the_limit():
    marked = 0
    for session, day, before in pairs():
        known = day[day["ticker"].isin(before["ticker"])]  # first sessions have limits of their own
        lowest, highest = price_limits(
            known["close"] - known["change"], known["market"].to_numpy(), session
        )
        close, direction = known["close"].to_numpy(), known["direction"].to_numpy()
        assert (close[direction == 4] == highest[direction == 4]).all()
        assert (close[direction == 5] == lowest[direction == 5]).all()
        marked += int(np.isin(direction, (4, 5)).sum())
    assert marked > 700

"""Each rule on small hand-made days, known cases as facts, and the laws a factor obeys whatever the
day."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from collectors.rules.corporate_actions import CorporateAction, find_actions

PRICES = ["open", "high", "low", "close", "change"]
SESSION = "2024-03-05"


def row(
    close: int, shares: int = 1_000_000, *, base: int | None = None, **cells: Any
) -> dict[str, Any]:
    """A published row that opened, unless told otherwise, a little off its base price."""
    base = close if base is None else base
    opened = cells.pop("open", base + 10)
    volume = cells.pop("volume", 5_000)
    low, high = (0, 0) if opened == 0 else (min(opened, close), max(opened, close))
    return {
        "ticker": "000001",
        "name": "n",
        "market": "KOSPI",
        "open": opened,
        "high": high,
        "low": low,
        "close": close,
        "change": close - base,
        "volume": volume,
        "value": volume * close,
        "market_cap": close * shares,
        "shares": shares,
        "factor": np.nan,
    } | cells


def halted(close: int, shares: int = 1_000_000, **cells: Any) -> dict[str, Any]:
    return row(close, shares, **({"open": 0, "volume": 0} | cells))


def actions_of(
    before: dict[str, Any], after: dict[str, Any], session: str = SESSION
) -> tuple[float, Any]:
    """Return factor and action (or None) of a market of one ticker."""
    result = find_actions(pd.DataFrame([before]), pd.DataFrame([after]), session)
    assert len(result.found) < 2
    return float(result.factor[0]), (result.found or [None])[0]


@dataclass(frozen=True)
class Case:
    before: dict[str, Any]
    after: dict[str, Any]
    factor: float
    kind: str
    rule: str
    flag: str | None = None


CASES = {
    # the exchange keeps the value continuous
    "a split halted before it": Case(
        halted(10_000, 100), row(2_050, 500, base=2_000), 0.2, "split", "base"
    ),
    "a split that opens at its base price": Case(
        halted(10_000, 100), row(2_050, 500, base=2_000, open=2_000), 0.2, "split", "base"
    ),
    "a split on a halted day": Case(
        halted(10_000, 100), halted(2_000, 500, base=2_000), 0.2, "split", "halted_base"
    ),
    "a split on a day of the after-market alone": Case(
        halted(10_000, 100),
        halted(2_000, 500, base=2_000, volume=9, high=2_000, low=2_000),
        0.2,
        "split",
        "halted_base",
    ),
    "a split of a cheap share, a tick off in theory": Case(
        halted(101, 100), row(55, 200, base=51), 51 / 101, "split", "base"
    ),
    "a consolidation": Case(
        halted(823, 500), row(4_950, 100, base=4_115), 5.0, "consolidation", "base"
    ),
    "a consolidation on a halted day": Case(
        halted(3_110, 200), halted(6_220, 100, base=6_220), 2.0, "consolidation", "halted_base"
    ),
    "a bonus issue, new shares not listed yet": Case(
        row(41_700), row(20_750, base=20_850), 0.5, "ex_rights", "base"
    ),
    "a rights issue": Case(row(2_000), row(1_900, base=1_800), 0.9, "ex_rights", "base"),
    "ex-rights while other shares are listed": Case(
        row(2_000, 1_000), row(1_900, 1_150, base=1_800), 0.9, "ex_rights", "base"
    ),
    "ex-rights and just as many new shares": Case(
        row(2_000, 1_000), row(1_900, 1_100, base=1_818), 0.909, "ex_rights", "base"
    ),
    "twice the shares, but the base price disagrees": Case(
        row(2_000, 1_000), row(1_200, 2_000, base=1_100), 0.55, "ex_rights", "base"
    ),
    "ex-rights that opens at its base price": Case(
        row(2_000), row(1_900, base=1_800, open=1_800), 0.9, "ex_rights", "base"
    ),
    "a rebase on a halted day": Case(
        halted(8_850, 3_048_786),
        halted(3_540, 5_331_891, base=3_540),
        0.4,
        "halted_rebase",
        "halted_base",
    ),
    "a base price that rose for no reason seen": Case(
        row(1_000), row(1_300, base=1_250), 1.25, "rebase", "base", "unexplained"
    ),
    # an auction: the base price holds a return
    "resumed by auction, same shares": Case(
        halted(1_815), row(1_520, base=1_865, open=1_865), 1.0, "auction_resumption", "auction"
    ),
    "resumed after off-hours trades in the halt": Case(
        halted(1_815, volume=1_911),
        row(1_520, base=1_865, open=1_865),
        1.0,
        "auction_resumption",
        "auction",
    ),
    "resumed after a day of the after-market alone": Case(
        halted(1_815, volume=1_911, high=2_000, low=1_700),
        row(1_520, base=1_865, open=1_865),
        1.0,
        "auction_resumption",
        "auction",
    ),
    "resumed by auction after a reduction": Case(
        halted(86, 1_000),
        row(735, 100, base=799, open=799),
        10.0,
        "capital_reduction",
        "auction_shares",
    ),
    "a reduction whose auction fell by a third": Case(
        halted(1_000, 400),
        row(2_500, 100, base=2_680, open=2_680),
        4.0,
        "capital_reduction",
        "auction_shares",
    ),
    "a reduction of an odd ratio that lost nothing": Case(
        halted(1_000, 1_000_000),
        row(2_300, 444_012, base=2_260, open=2_260),
        1_000_000 / 444_012,
        "capital_reduction",
        "auction_shares",
    ),
    "resumed by auction with new shares": Case(
        halted(1_000, 400),
        row(900, 500, base=900, open=900),
        0.8,
        "auction_resumption",
        "auction_shares",
        "new_shares",
    ),
    "moved to another market, new shares": Case(
        row(7_180, 800, market="KONEX"),
        row(5_950, 1_000, market="KOSDAQ", base=6_730, open=6_730),
        0.8,
        "market_transfer",
        "auction_shares",
        "new_shares",
    ),
    "moved to another market, same shares": Case(
        row(7_180, market="KONEX"),
        row(5_950, market="KOSDAQ", base=6_730, open=6_730),
        1.0,
        "market_transfer",
        "auction",
    ),
    "moved to another market, fewer shares": Case(
        row(7_180, 1_000, market="KONEX"),
        row(5_950, 800, market="KOSDAQ", base=6_730, open=6_730),
        1.25,
        "market_transfer",
        "auction_shares",
    ),
    "moved to another market without an auction": Case(
        row(7_000, market="KONEX"),
        row(5_950, market="KOSDAQ", base=6_300),
        0.9,
        "ex_rights",
        "base",
    ),
    # what rows cannot tell
    "a spin-off": Case(
        halted(5_000, 88_500_234),
        row(3_815, 56_156_301, base=4_000, open=4_000),
        0.8,
        "spin_off",
        "spin_off",
        "spin_off",
    ),
    "a spin-off of half, no dearer": Case(
        halted(5_000, 200),
        row(5_100, 100, base=4_950, open=4_950),
        0.99,
        "spin_off",
        "spin_off",
        "spin_off",
    ),
    "a few shares cancelled, and a fall that is a return": Case(
        halted(1_000, 10_000_000),
        row(610, 9_800_000, base=600, open=600),
        1 / 0.98,
        "capital_reduction",
        "auction_shares",
    ),
    "a reduction of a quarter that opens where it was": Case(
        halted(1_000, 4_000),
        row(995, 3_000, base=990, open=990),
        4 / 3,
        "capital_reduction",
        "auction_shares",
    ),
    "a reduction by half that finds the old price again": Case(
        halted(1_000, 2_000),
        row(1_050, 1_000, base=1_000, open=1_000),
        2.0,
        "capital_reduction",
        "auction_shares",
    ),
    "a spin-off dearer than before": Case(
        halted(80_000, 1_000_000),
        row(91_000, 444_012, base=90_000, open=90_000),
        1.125,
        "spin_off",
        "spin_off",
        "spin_off",
    ),
    "shares collapse without a rebase": Case(
        halted(2_080, 150_000_000),
        row(625_000, 100_000, base=2_080),
        1.0,
        "share_collapse",
        "collapse",
        "collapse",
    ),
    "shares more than double without a rebase": Case(
        row(10_000, 100),
        row(6_900, 201, base=10_000),
        1.0,
        "share_collapse",
        "collapse",
        "collapse",
    ),
}

NOTHING = {
    "an ordinary day": (row(1_000), row(1_100, base=1_000)),
    "a halted day": (row(1_000), halted(1_000)),
    "a resumption at the old price": (halted(1_000), row(1_100, base=1_000, open=1_000)),
    "shares alone, many": (row(1_000, 100), row(1_290, 1_500, base=1_000)),
    "shares alone on a halted day": (halted(10_880, 7_733_747), halted(10_880, 2_102_547)),
    "a delisting trade far below": (halted(2_820), row(920, base=2_820, open=770)),
    "twice the shares and a jump, not beyond": (row(1_000, 100), row(1_500, 200, base=1_000)),
    "a jump of exactly the limit": (row(1_000, 100), row(1_300, 900, base=1_000)),
    "a market change at an unchanged base price": (
        row(159_400, market="KOSDAQ"),
        row(145_100, market="KOSPI", base=159_400, open=159_400),
    ),
    "a row without a price before": (row(0, open=0, volume=0), row(1_100, base=1_000)),
}


@pytest.mark.parametrize("name", CASES)
def test_every_class_of_action_is_decided_by_its_rule(name):
    case = CASES[name]
    factor, action = actions_of(case.before, case.after)
    assert (action.kind, action.rule, action.flag) == (case.kind, case.rule, case.flag)
    assert factor == action.factor == pytest.approx(case.factor, rel=1e-12)


@pytest.mark.parametrize("name", NOTHING)
def test_what_is_no_action_has_factor_1(name):
    assert actions_of(*NOTHING[name]) == (1.0, None)


# Closes off their tick


@pytest.mark.parametrize(
    ("close", "base"),
    [(20_025, 20_050), (199_950, 200_000), (2_002, 2_005), (50_050, 50_100), (250_250, 250_500)],
)
@pytest.mark.parametrize("market", ["KOSPI", "KOSDAQ", "KONEX"])
@pytest.mark.parametrize("opened", [0, 300_000])
def test_a_close_off_its_tick_is_rounded_up_and_nothing_happened(close, base, market, opened):
    before, after = row(close, market=market), row(base, base=base, market=market, open=opened)
    assert actions_of(before, after, "2025-03-05") == (1.0, None)


@pytest.mark.parametrize(
    ("close", "base", "session"),
    [
        (20_025, 20_000, "2025-03-05"),  # rounded down
        (20_025, 20_100, "2025-03-05"),  # two ticks up
        (20_000, 20_050, "2025-03-05"),  # the close is on its tick
        (2_001, 2_005, "2025-03-05"),  # further than half a tick can be
        (20_025, 20_050, "2025-02-28"),  # before closes could be off their tick
    ],
)
def test_other_small_rebases_are_actions(close, base, session):
    factor, action = actions_of(row(close), row(base, base=base), session)
    assert factor == base / close
    assert action.rule == "base"


# Whole days


def a_whole_day() -> tuple[pd.DataFrame, pd.DataFrame, dict[str, float]]:
    """Every case and every non-case of this file as one market, with the factor each ticker is
    due."""
    pairs = [(case.before, case.after, case.factor) for case in CASES.values()]
    pairs += [(before, after, 1.0) for before, after in NOTHING.values()]
    tickers = [f"{number:06d}" for number in range(len(pairs))]
    days = [
        pd.DataFrame(
            [pair[side] | {"ticker": ticker} for ticker, pair in zip(tickers, pairs, strict=True)]
        )
        for side in (0, 1)
    ]
    return days[0], days[1], {ticker: pair[2] for ticker, pair in zip(tickers, pairs, strict=True)}


def by_ticker(day: pd.DataFrame, factor: np.ndarray) -> dict[str, float]:
    return dict(zip(day["ticker"], factor.tolist(), strict=True))


def test_without_the_previous_session_everything_is_pending():
    _, today, _ = a_whole_day()
    result = find_actions(None, today, SESSION)
    assert (np.isnan(result.factor).all(), len(result.factor), result.found) == (
        True,
        len(today),
        [],
    )


def test_each_ticker_is_decided_by_its_own_rows_alone():
    yesterday, today, due = a_whole_day()
    result = find_actions(yesterday, today, SESSION)
    assert by_ticker(today, result.factor) == pytest.approx(due, rel=1e-12)
    assert [action.ticker for action in result.found] == list(due)[: len(CASES)]
    assert result.factor.dtype == np.float64


@pytest.mark.parametrize("seed", range(5))
def test_the_order_of_rows_does_not_matter(seed):
    yesterday, today, _ = a_whole_day()
    mixed = today.sample(frac=1, random_state=seed)
    straight, shuffled = (
        find_actions(yesterday, today, SESSION),
        find_actions(yesterday.sample(frac=1, random_state=seed + 9), mixed, SESSION),
    )
    assert by_ticker(mixed, shuffled.factor) == by_ticker(today, straight.factor)
    assert shuffled.found == straight.found


def test_neither_day_is_changed():
    yesterday, today, _ = a_whole_day()
    copies = yesterday.copy(), today.copy()
    find_actions(yesterday, today, SESSION)
    pd.testing.assert_frame_equal(yesterday, copies[0])
    pd.testing.assert_frame_equal(today, copies[1])


def test_a_first_session_has_factor_1_also_for_a_code_used_before():
    yesterday = pd.DataFrame([row(1_000) | {"ticker": "000010"}])
    # 000005 was merged away some sessions ago and its code is given to another company at ten times
    # the price.
    today = pd.DataFrame(
        [
            row(20_000, 77, base=10_000) | {"ticker": "000005"},
            row(500, base=500) | {"ticker": "000010"},
        ]
    )
    result = find_actions(yesterday, today, SESSION)
    assert result.factor.tolist() == [1.0, 0.5]
    assert [action.ticker for action in result.found] == ["000010"]


def test_a_market_nobody_was_listed_in_yesterday_is_all_first_sessions():
    yesterday, today, _ = a_whole_day()
    assert find_actions(yesterday.iloc[:0], today, SESSION).factor.tolist() == [1.0] * len(today)


@pytest.mark.parametrize("side", [0, 1])
def test_a_ticker_that_stands_in_a_day_twice_is_refused(side):
    days = [pd.DataFrame([row(1_000)]), pd.DataFrame([row(1_000)])]
    days[side] = pd.concat([days[side]] * 2)
    with pytest.raises(ValueError, match="twice"):
        find_actions(days[0], days[1], SESSION)


def test_the_document_is_the_one_that_is_stored():
    (action,) = find_actions(
        pd.DataFrame([halted(86, 1_000)]),
        pd.DataFrame([row(735, 100, base=799, open=799)]),
        SESSION,
    ).found
    assert action.document() == {
        "_id": "000001:2024-03-05",
        "ticker": "000001",
        "session": "2024-03-05",
        "kind": "capital_reduction",
        "previous_close": 86,
        "base_price": 799,
        "factor": 10.0,
        "shares_before": 1_000,
        "shares_after": 100,
        "flag": None,
        "rule": "auction_shares",
    }
    assert all(type(value) in (str, int, float, type(None)) for value in action.document().values())


def test_the_documents_of_a_day_are_those_of_its_actions():
    result = find_actions(*a_whole_day()[:2], SESSION)
    assert result.documents() == [action.document() for action in result.found]
    assert len({document["_id"] for document in result.documents()}) == len(CASES)


# Laws

prices = st.integers(2_000, 3_000_000)
shares = st.integers(1_000, 10_000_000)
histories = st.fixed_dictionaries(
    {
        "close": st.tuples(prices, prices),
        "base": prices,
        "shares": st.tuples(shares, shares),
        "opened": st.sampled_from(["base", "elsewhere", "halted"]),
        "halted_before": st.booleans(),
        "market": st.tuples(st.sampled_from(["KOSPI", "KONEX"]), st.just("KOSPI")),
    }
)


def days_of(history: dict[str, Any], scale: int = 1) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two rows of a ticker with that history, all prices times `scale`."""
    base, (first, second) = history["base"] * scale, (close * scale for close in history["close"])
    opened = {"base": base, "elsewhere": base + scale, "halted": 0}[history["opened"]]
    before = (halted if history["halted_before"] else row)(
        first, history["shares"][0], market=history["market"][0]
    )
    return before, row(
        second, history["shares"][1], base=base, open=opened, market=history["market"][1]
    )


def without_prices(action: CorporateAction | None) -> CorporateAction | None:
    return action and replace(action, previous_close=0, base_price=0, factor=0.0)


@given(histories, st.integers(2, 50))
def test_scaling_a_price_history_changes_nothing_but_prices(history, scale):
    factor, action = actions_of(*days_of(history))
    scaled, same = actions_of(*days_of(history, scale))
    assert scaled == factor
    assert without_prices(same) == without_prices(action)


@given(histories)
def test_the_adjusted_return_is_close_over_base_wherever_the_value_was_kept(history):
    before, after = days_of(history)
    factor, action = actions_of(before, after)
    assume(action is None or action.rule not in ("auction", "auction_shares"))
    adjusted = after["close"] / (before["close"] * factor) - 1
    assert adjusted == pytest.approx(after["close"] / history["base"] - 1, rel=1e-9, abs=1e-12)


@given(histories)
def test_a_factor_is_a_positive_finite_number(history):
    factor, _ = actions_of(*days_of(history))
    assert 0 < factor < np.inf

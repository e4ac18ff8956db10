"""Long halts, delistings, new listings, codes that go on under another name: actions or none."""

from itertools import pairwise
from typing import Any

import pytest

from collectors.rules.corporate_actions import CorporateAction, find_actions
from collectors.rules.integrity import remarks_on
from tests.fakes import halted, market_day, row
from utils.date_utils import TradingCalendar

TICKER = "000010"
SESSIONS = TradingCalendar().last_sessions("2024-12-30", 200)
QUIET = row("999990")
"""Somebody else, so that a day is never empty."""


def lived(*life: dict[str, Any] | None) -> tuple[list[float | None], list[CorporateAction]]:
    """The ticker's factor in each session but the first (None: not listed), and all that was
    found."""
    days = [
        market_day(session, QUIET, *([] if cells is None else [cells])).frame
        for session, cells in zip(SESSIONS, life, strict=False)
    ]
    factors: list[float | None] = []
    found: list[CorporateAction] = []
    for position, (before, day) in enumerate(pairwise(days), start=1):
        actions = find_actions(before, day, SESSIONS[position])
        at = dict(zip(day["ticker"], actions.factor.tolist(), strict=True))
        factors.append(at.get(TICKER))
        found += actions.found
    return factors, found


def at_auction(close: int, base: int, **cells: Any) -> dict[str, Any]:
    return row(TICKER, close, open=base, change=close - base, **cells)


def test_a_halt_of_months_invents_nothing_and_its_resumption_is_a_return() -> None:
    life = [
        row(TICKER, 1_000),
        *[halted(TICKER, 1_000)] * 150,
        at_auction(1_500, 1_600),
        row(TICKER, 1_550, change=50),
    ]
    factors, found = lived(*life)
    assert factors == [1.0] * 152
    assert [(one.kind, one.rule, one.flag) for one in found] == [
        ("auction_resumption", "auction", None)
    ]


def test_a_reduction_that_ends_a_halt_of_months_is_seen_on_its_last_day_alone() -> None:
    life = [row(TICKER, 1_000, shares=500), *[halted(TICKER, 1_000, shares=500)] * 150]
    factors, found = lived(*life, at_auction(4_800, 5_200, shares=100))
    assert factors == [1.0] * 150 + [5.0]
    assert [(one.kind, one.flag) for one in found] == [("capital_reduction", None)]


def test_a_base_price_that_moves_within_a_halt_counts_once() -> None:
    still, moved = halted(TICKER, 8_850, shares=3_048_786), halted(TICKER, 3_005, shares=5_331_891)
    factors, found = lived(
        *[still] * 40,
        moved | {"change": 0},
        *[moved] * 40,
        row(TICKER, 3_100, change=95, open=3_010),
    )
    assert [factor for factor in factors if factor != 1] == [3_005 / 8_850]
    assert [one.rule for one in found] == ["halted_base"]


def test_shares_that_are_sold_to_others_during_a_halt_are_no_action() -> None:
    """015540 in January 2022: 13 to 20 to 23 million shares at an unmoved base price."""
    counts = [13_452_340, 13_452_340, 20_595_197, 20_595_197, 23_595_191]
    factors, found = lived(*[halted(TICKER, 6_410, shares=shares) for shares in counts])
    assert (factors, found) == ([1.0] * 4, [])


def test_a_reduction_in_the_middle_of_a_halt_is_remarked_on_and_its_auction_is_unexplained() -> (
    None
):
    """263540 on 2023-02-09: 7,733,747 shares became 2,102,547, the base price stayed. Two sessions
    never show both the old number of shares and the new price, so the factor stays 1 and says that
    it may be wrong."""
    before, after = (halted(TICKER, 10_880, shares=shares) for shares in (7_733_747, 2_102_547))
    factors, found = lived(before, after, after, at_auction(36_000, 38_000, shares=2_102_547))
    assert factors == [1.0] * 3
    assert [(one.kind, one.rule, one.flag) for one in found] == [
        ("auction_resumption", "auction", "unexplained")
    ]
    frames = [
        market_day(SESSIONS[position], cells).frame
        for position, cells in enumerate((before, after))
    ]
    (remark,) = remarks_on(frames[1], SESSIONS[1], frames[0])
    assert remark.startswith("halted_shares: ")


@pytest.mark.parametrize(
    ("shares", "base", "flag"),
    [
        (1_000, 500, None),  # an auction ends between half and twice the price to be expected
        (1_000, 2_000, None),
        (1_000, 494, "unexplained"),
        (1_000, 2_021, "unexplained"),
        (100, 5_000, None),
        (100, 20_000, None),
        (100, 20_210, "unexplained"),
        (1_500, 3_000, "new_shares"),
    ],
)
def test_an_auction_beyond_what_auctions_may_come_to_is_flagged(
    shares: int, base: int, flag: str | None
) -> None:
    """1,000 shares at 1,000 won before the halt."""
    _, (action,) = lived(halted(TICKER, 1_000, shares=1_000), at_auction(base, base, shares=shares))
    assert action.flag == flag
    assert action.factor == 1_000 / shares


def test_a_move_to_another_market_is_held_to_no_such_bounds() -> None:
    """Its auction is held between bounds of the issue price, which the rows do not show."""
    _, (action,) = lived(
        row(TICKER, 1_000, market="KONEX"), at_auction(4_000, 4_000, market="KOSDAQ")
    )
    assert (action.kind, action.factor, action.flag) == ("market_transfer", 1.0, None)


def test_the_warning_of_a_day_names_the_flag_the_first_ticker_and_how_many() -> None:
    frames = [
        market_day(session, *[cells | {"ticker": ticker} for ticker in ("000010", "000020")]).frame
        for session, cells in (
            ("2024-03-04", halted(TICKER, 1_000)),
            ("2024-03-05", at_auction(9_000, 9_000)),
        )
    ]
    assert find_actions(frames[0], frames[1], "2024-03-05").remarks() == [
        "unexplained: the base price moved and the rows do not say why: first 000010, 2 in all."
    ]
    assert find_actions(frames[0], frames[0], "2024-03-05").remarks() == []


def test_delisting_trades_know_no_limit_and_are_no_action() -> None:
    life = [row(TICKER, 9_000), *[halted(TICKER, 9_000)] * 60]
    life += [
        row(TICKER, 1_249, open=1_500, change=1_249 - 9_000),
        row(TICKER, 840, open=980, change=840 - 1_249),
    ]
    factors, found = lived(*life, None, None)
    assert (factors, found) == ([1.0] * 62 + [None, None], [])


@pytest.mark.parametrize("absent", [1, 150])
def test_a_code_that_comes_back_begins_anew(absent: int) -> None:
    """Another company, or the same one listed again: what the code cost before has nothing to do
    with it."""
    life = [
        row(TICKER, 2_000, shares=3_000_000),
        *[None] * absent,
        row(TICKER, 39_900, change=21_900, shares=9_000),
    ]
    factors, found = lived(*life, row(TICKER, 40_000, change=100, shares=9_000))
    assert (factors, found) == ([None] * absent + [1.0, 1.0], [])


def test_a_spac_that_takes_over_a_company_goes_on_under_its_code() -> None:
    """388790 on 2023-02-14: another name, 8.4 times the shares, the base price unmoved. A share of
    the SPAC has become a share of the company, so its history stays comparable."""
    spac = {"name": "IBKS제16호스팩", "shares": 3_410_000}
    life = [row(TICKER, 2_410, **spac), *[halted(TICKER, 2_410, **spac)] * 15]
    company = row(TICKER, 3_130, open=2_435, change=720, name="라이콤", shares=28_513_930)
    factors, found = lived(*life, company)
    assert (factors, found) == ([1.0] * 16, [])


def test_a_spac_whose_new_price_is_found_by_auction_is_flagged_for_its_new_shares() -> None:
    _, (action,) = lived(
        halted(TICKER, 2_000, shares=1_000), at_auction(2_500, 2_400, shares=8_000)
    )
    assert (action.kind, action.rule, action.flag) == (
        "auction_resumption",
        "auction_shares",
        "new_shares",
    )

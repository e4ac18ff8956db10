"""A row that breaks a rule which never broke on real days is found, with the rule."""

from typing import Any

import pandas as pd
import pytest

from collectors.rules.integrity import (
    bases_that_continue,
    lacks_many_tickers_of,
    remarks_on,
    row_faults,
    share_of_continued_bases,
)
from tests.fakes import after_market_only, halted, market_day, row

SESSION = "2024-01-22"
ORDER = "low <= open, close <= high broken"
BASE = "a base price (close - change) that is not positive"


def day(*rows: dict[str, Any], session: str = SESSION) -> pd.DataFrame:
    return market_day(session, *rows).frame


def faults(frame: pd.DataFrame, session: str = SESSION) -> dict[str, list[str]]:
    """Return the rules that are broken -> the tickers that break them."""
    return {
        rule: frame["ticker"][broken].tolist()
        for broken, rule in row_faults(frame, session)
        if broken.any()
    }


def test_a_normal_day_with_halted_and_off_hours_rows_has_no_fault() -> None:
    off_hours = row("000030", 500, open=0, high=0, low=0, volume=7, value=3500)
    assert faults(day(row("000010"), halted("000020", 700), off_hours)) == {}
    assert faults(day()) == {}


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"high": 990}, ORDER),
        ({"low": 1010}, ORDER),
        ({"open": 0}, ORDER),
        ({"market_cap": 99_999}, "market cap is not close x shares"),
        ({"change": 1000}, BASE),
        ({"change": 1001}, BASE),
        ({"change": -(2**63)}, BASE),
        ({"change": -(2**63) + 1}, BASE),
        ({"shares": 0, "market_cap": 0}, "a number of shares that is not positive"),
        ({"shares": -100, "market_cap": -100_000}, "a number of shares that is not positive"),
        ({"volume": -1}, "a negative number"),
        ({"value": -1}, "a negative number"),
    ],
)
def test_a_row_that_cannot_be_is_found_alone(cells: dict[str, int], rule: str) -> None:
    frame = day(row("000010"), row("000020", **cells), row("000030"))
    assert faults(frame) == {rule: ["000020"]}


def test_a_close_that_is_not_positive_is_named_first() -> None:
    frame = day(row("000010", 0), row("000020", -5))
    _, first = next(iter(row_faults(frame, SESSION)))
    assert first == "a close that is not positive"
    assert faults(frame)[first] == ["000010", "000020"]


@pytest.mark.parametrize("column", ["market_cap", "shares"])
@pytest.mark.parametrize("times", [2**32, 2**61])
def test_a_product_beyond_64_bits_is_not_taken_for_the_one_it_wraps_round_to(
    column: str, times: int
) -> None:
    frame = day(row("000010"), row("000020", **{column: 2 * times}))
    assert faults(frame) == {"market cap is not close x shares": ["000020"]}


@pytest.mark.parametrize(
    "cells",
    [
        {},
        {"high": 500, "low": 500},
        {"high": 450, "low": 410},
        {"high": 650, "low": 560, "volume": 1},
    ],
    ids=["around the close", "at the close", "below it", "above it"],
)
def test_a_row_of_the_after_market_alone_passes_since_there_is_one(cells: dict[str, int]) -> None:
    alone = day(row("000010"), after_market_only("000020", 500, **cells), session="2026-09-14")
    assert faults(alone, "2026-09-14") == {}
    assert remarks_on(alone, "2026-09-14", None) == []
    assert faults(alone, "2026-09-11") == {ORDER: ["000020"]}


@pytest.mark.parametrize(
    "cells",
    [
        {"low": 601, "high": 600},
        {"low": 0},
        {"low": 0, "high": 0, "open": 500},
        {"volume": 0},
        {"open": 1},
    ],
    ids=lambda cells: " ".join(cells),
)
def test_a_row_that_is_neither_whole_nor_of_the_after_market_alone_is_found(
    cells: dict[str, int],
) -> None:
    broken = day(row("000010"), after_market_only("000020", 500, **cells), session="2026-09-14")
    assert faults(broken, "2026-09-14") == {ORDER: ["000020"]}


def test_the_session_that_lacks_tickers_is_the_short_one() -> None:
    whole = day(*(row(f"{number:06d}") for number in range(100)))
    assert lacks_many_tickers_of(whole.iloc[:97], whole)
    assert not lacks_many_tickers_of(whole.iloc[:98], whole)
    assert not lacks_many_tickers_of(whole, whole.iloc[:98])


def test_a_base_continues_the_close_before_or_that_close_rounded_up_to_the_tick() -> None:
    before = day(row("000010", 9_995), row("000020"), row("000030"), session="2024-01-19")
    after = day(
        row("000010", 10_100, change=100),
        row("000020", 1_100, change=100),
        row("000030", 1_100),
        row("000040"),
    )
    continued = bases_that_continue(after, before)
    assert continued.tolist()[:3] == [1, 1, 0]
    assert continued.isna().tolist() == [False, False, False, True]
    assert share_of_continued_bases(after, before) == pytest.approx(2 / 3)
    assert share_of_continued_bases(after.iloc[3:], before) == 1

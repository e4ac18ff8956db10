"""A day that breaks a rule which never broke on real days is refused, with the rule and the ticker
named."""

import pandas as pd
import pytest

from collectors.rules.integrity import (
    check_day,
    check_follows,
    lacks_many_tickers_of,
    remarks_on,
)
from tests.fakes import after_market_only, halted, market_day, row
from utils.errors import MalformedAnswer

SESSION = "2024-01-22"


def day(*rows: dict[str, object], session: str = SESSION) -> pd.DataFrame:
    return market_day(session, *rows).frame


def test_a_normal_day_with_halted_and_off_hours_rows_passes() -> None:
    off_hours = row("000030", 500, open=0, high=0, low=0, volume=7, value=3500)
    check_day(day(row("000010"), halted("000020", 700), off_hours), SESSION)


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        ({"high": 990}, "low <= open, close <= high"),
        ({"low": 1010}, "low <= open, close <= high"),
        ({"open": 0}, "low <= open, close <= high"),
        ({"market_cap": 99_999}, "market cap"),
        ({"close": 0, "market_cap": 0}, "not positive"),
        ({"volume": -1}, "negative"),
    ],
)
def test_a_broken_rule_names_the_ticker(cells: dict[str, int], rule: str) -> None:
    with pytest.raises(MalformedAnswer, match=f"{rule}.*000020"):
        check_day(day(row("000010"), row("000020", **cells)), SESSION)


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
    check_day(alone, "2026-09-14")
    assert remarks_on(alone, "2026-09-14", None) == []
    with pytest.raises(MalformedAnswer, match=r"low <= open, close <= high.*000020"):
        check_day(alone, "2026-09-11")


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
def test_a_row_that_is_neither_whole_nor_of_the_after_market_alone_is_refused(
    cells: dict[str, int],
) -> None:
    broken = day(row("000010"), after_market_only("000020", 500, **cells), session="2026-09-14")
    with pytest.raises(MalformedAnswer, match=r"low <= open, close <= high.*000020"):
        check_day(broken, "2026-09-14")


def test_fewer_than_98_percent_of_the_tickers_are_not_the_market() -> None:
    before = day(*(row(f"{number:06d}") for number in range(100)), session="2024-01-19")
    enough = day(*(row(f"{number:06d}", volume=11) for number in range(98)))
    check_follows(enough, SESSION, before)
    with pytest.raises(MalformedAnswer, match="only 97 of the 100"):
        check_follows(enough.iloc[:97], SESSION, before)


def test_other_tickers_in_place_of_the_known_ones_do_not_count() -> None:
    before = day(*(row(f"{number:06d}") for number in range(100)), session="2024-01-19")
    strangers = day(*(row(f"9{number:05d}") for number in range(100)))
    with pytest.raises(MalformedAnswer, match="only 0 of the 100"):
        check_follows(strangers, SESSION, before)


def test_the_answer_of_the_day_before_is_not_taken_for_today() -> None:
    rows = [row("000010"), row("000020", 700)]
    with pytest.raises(MalformedAnswer, match="repeats the session before"):
        check_follows(day(*rows), SESSION, day(*rows, session="2024-01-19"))


def test_bases_that_are_not_the_closes_before_are_of_another_day() -> None:
    before = day(
        *(row(f"{number:06d}", 1000 + number) for number in range(10)), session="2024-01-19"
    )
    after = day(*(row(f"{number:06d}", 2000 + number, change=1000) for number in range(10)))
    check_follows(after, SESSION, before)
    with pytest.raises(MalformedAnswer, match="0% of its base prices"):
        check_follows(after.assign(change=0), SESSION, before)


def test_a_base_that_was_rounded_up_to_the_tick_continues() -> None:
    before, after = (
        day(row("000010", 9_995), session="2024-01-19"),
        day(row("000010", 10_100, change=100)),
    )
    check_follows(after, SESSION, before)


def test_the_session_that_lacks_tickers_is_the_short_one() -> None:
    whole = day(*(row(f"{number:06d}") for number in range(100)))
    assert lacks_many_tickers_of(whole.iloc[:97], whole)
    assert not lacks_many_tickers_of(whole, whole.iloc[:98])

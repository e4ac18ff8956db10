"""Remarks: each rule on small hand-made days, and its base rate on real ones."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.rules.corporate_actions import find_actions
from collectors.rules.integrity import (
    beyond_limit,
    broken_turnover,
    off_tick,
    remarks_on,
    row_faults,
    share_of_continued_bases,
)
from tests.fakes import halted, market_day, row
from tests.unit.rules.days import REAL_YEARS, real_days, synthetic_days
from utils.settings import PROJECT

BEFORE, SESSION = "2024-03-04", "2024-03-05"
OFF_TICKS = "2025-03-04"
"""The first session with closes off their tick."""


def day(*rows: dict[str, Any], session: str = SESSION) -> pd.DataFrame:
    return market_day(session, *rows).frame


def numbered(count: int, start: int = 0, **cells: Any) -> list[dict[str, Any]]:
    return [row(f"{number:06d}", **cells) for number in range(start, start + count)]


QUIET = [
    row("900010", 10_000),
    row("900020", 20_000, market="KOSDAQ"),
    halted("900030", 700, market="KONEX"),
]


# What is remarked on


def test_a_normal_day_has_no_remarks() -> None:
    assert remarks_on(day(*QUIET), SESSION, day(*QUIET, session=BEFORE)) == []
    assert remarks_on(day(*QUIET), SESSION, None) == []


@pytest.mark.parametrize("cells", [{"volume": 0}, {"value": 0}, {"volume": 0, "value": 0}])
def test_trades_have_volume_and_value(cells: dict[str, int]) -> None:
    (remark,) = remarks_on(day(*QUIET, row("000040", **cells)), SESSION, None)
    assert remark == "turnover: volume or value without the other: first 000040, 1 in all."


@pytest.mark.parametrize("price", ["open", "high", "low", "close"])
def test_a_price_off_its_tick_is_remarked_on(price: str) -> None:
    odd = {"open": 20_050, "high": 20_100, "low": 20_000, "close": 20_050}
    odd[price] += 10
    remarks = [
        remarks_on(day(*QUIET, row("000040", **odd)), session, None)
        for session in (SESSION, OFF_TICKS)
    ]
    assert remarks == [["tick: a price off its tick: first 000040, 1 in all."], []]


@pytest.mark.parametrize(
    ("session", "market", "price", "is_off"),
    [
        ("2023-01-20", "KOSPI", 1_501, True),  # until then the tick was 5 from 1,000 won up
        ("2023-01-25", "KOSPI", 1_501, False),
        ("2010-10-01", "KOSPI", 1_501, False),  # before the ticks that are known
        ("2013-06-28", "KONEX", 1_501, False),
        ("2013-07-01", "KONEX", 1_501, True),
    ],
)
def test_ticks_are_those_of_their_date_and_market(
    session: str, market: str, price: int, is_off: bool
) -> None:
    assert off_tick(day(row("000010", price, market=market)), session).tolist() == [is_off]


@pytest.mark.parametrize(
    ("session", "market", "low", "high", "is_beyond"),
    [
        (SESSION, "KOSPI", 7_000, 13_000, False),
        (SESSION, "KOSPI", 6_990, 10_000, True),
        (SESSION, "KOSDAQ", 10_000, 13_010, True),
        (SESSION, "KONEX", 8_500, 11_500, False),
        (SESSION, "KONEX", 8_490, 10_000, True),
        ("2015-06-12", "KOSPI", 8_500, 11_500, False),
        ("2015-06-12", "KOSPI", 10_000, 11_550, True),
        ("2015-06-15", "KOSPI", 10_000, 11_550, False),
        ("2010-10-01", "KOSPI", 1_000, 90_000, False),  # before the limits that are known
    ],
)
def test_limits_are_those_of_their_market_and_date(
    session: str, market: str, low: int, high: int, is_beyond: bool
) -> None:
    assert beyond_limit(
        day(row("000010", 10_000, low=low, high=high, market=market)), session
    ).tolist() == [is_beyond]


def test_limits_are_cut_to_ticks_and_count_from_the_base_price_not_from_the_close_before() -> None:
    for close, low, is_beyond in (
        (12_900, 6_960, False),
        (12_950, 6_960, True),
        (12_900, 6_950, True),
    ):
        frame = day(
            row("000010", close, low=low, change=close - 9_940)
        )  # the exchange's own example
        assert beyond_limit(frame, "2022-01-03").tolist() == [is_beyond]


@pytest.mark.parametrize(
    ("after", "speaks"), [(7_733_747, False), (3_866_874, False), (2_102_547, True), (16e6, True)]
)
def test_shares_that_change_in_a_halt_at_an_unmoved_base_price_are_remarked_on(
    after: float, speaks: bool
) -> None:
    """263540 on 2023-02-09: 7,733,747 shares became 2,102,547 in the middle of a halt."""
    frames = [day(halted("263540", 10_880, shares=int(shares))) for shares in (7_733_747, after)]
    said = remarks_on(frames[1], SESSION, frames[0])
    assert [remark.split(":")[0] for remark in said] == ["halted_shares"] * speaks


def test_shares_that_change_with_the_base_price_or_with_trades_are_no_remark() -> None:
    before = day(halted("000010", 1_000, shares=1_000), row("000020", shares=1_000), session=BEFORE)
    after = day(
        halted("000010", 2_000, shares=400, change=0), row("000020", shares=15_000, volume=11)
    )
    assert remarks_on(after, SESSION, before) == []


# Base rates


@pytest.mark.parametrize("tickers", [60, 2_700])
def test_the_synthetic_market_has_no_remarks(tickers: int) -> None:
    said = [
        remark
        for (_, before), (session, frame) in pairwise(synthetic_days(tickers).items())
        for remark in remarks_on(frame, session, before)
    ]
    assert said == []


def real_sessions() -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame | None]]:
    """Return (session, day, day of the session before) of every real session."""
    for year in REAL_YEARS:
        before = None
        for session, frame in real_days(year).items():
            yield session, frame, before
            before = frame


@pytest.mark.recorded
def test_no_real_row_is_set_aside_and_one_day_is_remarked_on() -> None:
    said, rows = {}, 0
    for session, frame, before in real_sessions():
        assert [rule for broken, rule in row_faults(frame, session) if broken.any()] == []
        remarks = remarks_on(frame, session, before)
        if before is not None:
            remarks += find_actions(before, frame, session).remarks()
        said |= {session: remarks} if remarks else {}
        rows += len(frame)
    assert {
        session: [remark.split(":")[0] for remark in each] for session, each in said.items()
    } == {"2023-02-09": ["halted_shares"]}, f"of {rows:,} ticker-days"


@pytest.mark.recorded
def test_the_numbers_in_the_docs_are_those_of_the_real_days() -> None:
    text = (PROJECT / "docs" / "exchange.md").read_text(encoding="utf-8")
    table = text.split("## Rules that a day must keep")[1].split("\n## ")[0]
    for name, number in base_rates().items():
        assert f"{number:,}" in table, f"{name}: {number:,}"


def base_rates() -> dict[str, int]:
    """Count the rows of the real days that each rule would speak of, those included that are left
    out for it."""
    frames = [frame for _, frame, _ in real_sessions()]
    rows = pd.concat(frames)
    traded = rows[rows["open"] > 0]
    untraded = rows[rows["open"] == 0]
    value, volume = traded["value"], traded["volume"]
    pairs = [
        (session, frame, before) for session, frame, before in real_sessions() if before is not None
    ]
    beyond = [beyond_among_known(*pair) for pair in pairs]
    return {
        "ticker-days": len(rows),
        "traded": len(traded),
        "in two sessions": sum(
            int(frame["ticker"].isin(before["ticker"]).sum()) for _, frame, before in pairs
        ),
        "beyond the limit": sum(beyond),
        "sessions with one beyond the limit": sum(count > 0 for count in beyond),
        "value outside low x volume to high x volume": int(
            ((value < traded["low"] * volume) | (value > traded["high"] * volume)).sum()
        ),
        "more volume than shares": int((rows["volume"] > rows["shares"]).sum()),
        "a change without a trade": int((untraded["change"] != 0).sum()),
        "shares changed": sum(changed_shares(frame, before) for _, frame, before in pairs),
        "turnover": int(sum(broken_turnover(frame).sum() for frame in frames)),
    }


def beyond_among_known(session: str, frame: pd.DataFrame, before: pd.DataFrame) -> int:
    return int(
        (beyond_limit(frame, session) & frame["ticker"].isin(before["ticker"]).to_numpy()).sum()
    )


def changed_shares(frame: pd.DataFrame, before: pd.DataFrame) -> int:
    earlier = frame["ticker"].map(dict(zip(before["ticker"], before["shares"], strict=True)))
    return int((earlier.notna() & (earlier != frame["shares"])).sum())


@pytest.mark.recorded
def test_at_least_99_8_percent_of_the_base_prices_continue_on_every_real_session() -> None:
    shares = [
        share_of_continued_bases(frame, before)
        for _, frame, before in real_sessions()
        if before is not None
    ]
    assert np.min(shares) > 0.998

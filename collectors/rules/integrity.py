"""Rules within a row of a day that was read, and what else can be told of a pair of days.

A row that breaks a rule is set aside. Findings that are unusual and right become remarks
(`remarks_on`). docs/failures.md says how often each rule speaks on real days.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from collectors.rules.price_rules import (
    OFF_TICK_CLOSES_SINCE,
    Bools,
    has_known_rules,
    price_limits,
    tick,
)
from utils.date_utils import AFTER_MARKET_SINCE

LEAST_SHARE_OF_TICKERS = 0.98
"""Part of the previous session's tickers. Measured: 0.2 listed or delisted a day among 2,900, so
2 % missing is a fault."""
LEAST_SHARE_OF_BASES = 0.5
"""Part of the tickers in both days, namely those whose base price continues the previous close.
Measured on real days: at least 99.8 % after the session before, at most 15 % after the one before
that."""
MOST_SHARES_IN_HALT = 2
"""Times as many shares as before, or as few."""
_ROUNDED_UP_TO_THE_TICK = 1.0015
"""Since 2025-03-04 closes may lie off the tick; the next base is the close rounded up to it."""


def row_faults(frame: pd.DataFrame, session: str) -> Iterator[tuple[Bools, str]]:
    """Yield which rows of a typed day break a rule of their own, and the rule. Measured: none.

    Args:
        frame: the columns of `MarketDay.frame`, the factor not needed.
    """
    close, shares = frame["close"].to_numpy(), frame["shares"].to_numpy()
    yield close <= 0, "a close that is not positive"
    # A base price beyond 64 bits wraps round and is negative.
    base = close - frame["change"].to_numpy()
    yield base <= 0, "a base price (close - change) that is not positive"
    yield shares <= 0, "a number of shares that is not positive"
    yield _has_negative(frame), "a negative number"
    yield broken_order(frame, session), "low <= open, close <= high broken"
    yield broken_cap(frame), "market cap is not close x shares"


def broken_order(frame: pd.DataFrame, session: str) -> Bools:
    """Return True for rows that break low <= open, close <= high.

    Measured: 0 of 473,429 traded rows, all before the after-market. Halted rows (and 2 of off-hours
    trades only) have open = high = low = 0.
    """
    opened, high, low, close = (frame[name].to_numpy() for name in ("open", "high", "low", "close"))
    untraded = (opened == 0) & (high == 0) & (low == 0)
    in_order = (low > 0) & (low <= np.minimum(opened, close)) & (np.maximum(opened, close) <= high)
    passes: Bools = untraded | in_order | after_market_alone(frame, session)
    return ~passes


def after_market_alone(frame: pd.DataFrame, session: str) -> Bools:
    """Return True for rows that may have traded in the after-market alone: no opening price, but a
    volume, and 0 < low <= high, wherever the close lies. None before there was an after-market."""
    opened, high, low, volume = (
        frame[name].to_numpy() for name in ("open", "high", "low", "volume")
    )
    found: Bools = (opened == 0) & (low > 0) & (low <= high) & (volume > 0)
    return found & (session >= AFTER_MARKET_SINCE)


def broken_cap(frame: pd.DataFrame) -> Bools:
    """Return True for rows whose market cap is not close x shares."""
    # Divided, because a product beyond 64 bits would wrap round and may then agree.
    close = frame["close"].to_numpy()
    whole, rest = np.divmod(frame["market_cap"].to_numpy(), np.where(close == 0, 1, close))
    broken: Bools = (whole != frame["shares"].to_numpy()) | (rest != 0)
    return broken


def _has_negative(frame: pd.DataFrame) -> Bools:
    lowest = np.minimum.reduce(
        [frame[name].to_numpy() for name in ("open", "high", "low", "volume", "value")]
    )
    negative: Bools = lowest < 0
    return negative


def remarks_on(frame: pd.DataFrame, session: str, previous: pd.DataFrame | None) -> list[str]:
    """Return the remarks on single rows of a day that is stored all the same: one text for each
    rule, with the number of rows and the first ticker. Empty on normal days. What is odd about
    whole markets is found by `market_rules`.

    Args:
        frame: the typed day.
        previous: the typed day of the exchange's session right before; None when it is not stored.
    """
    said = [
        _remark(frame, broken_turnover(frame), "turnover: volume or value without the other"),
        _remark(frame, off_tick(frame, session), "tick: a price off its tick"),
    ]
    if previous is not None:
        said.append(_remark(frame, _halted_with_other_shares(frame, previous), _HALTED_SHARES))
    return [remark for remark in said if remark]


def broken_turnover(frame: pd.DataFrame) -> Bools:
    """Return True for rows with only one of volume and value, or with neither but a traded
    price."""
    volume, value, traded = (frame[name].to_numpy() > 0 for name in ("volume", "value", "open"))
    broken: Bools = (volume != value) | (traded & ~volume)
    return broken


def off_tick(frame: pd.DataFrame, session: str) -> Bools:
    """Return True for traded rows with a price off its tick. None since 2025-03-04, and none where
    the ticks are not known."""
    off = np.zeros(len(frame), dtype=bool)
    rows = _traded_rows(frame, session)
    if session < OFF_TICK_CLOSES_SINCE and len(rows):
        market = frame["market"].to_numpy()[rows]
        for name in ("open", "high", "low", "close"):
            price = frame[name].to_numpy()[rows]
            off[rows] |= price % tick(price, market, session) != 0
    return off


def beyond_limit(frame: pd.DataFrame, session: str) -> Bools:
    """Return True for traded rows with a price beyond the daily limit from their base price, where
    the limits are known. The exchange holds no first session and no delisting trades to it."""
    beyond = np.zeros(len(frame), dtype=bool)
    if len(rows := _traded_rows(frame, session)):
        low, high, close, change = (
            frame[name].to_numpy()[rows] for name in ("low", "high", "close", "change")
        )
        lowest, highest = price_limits(close - change, frame["market"].to_numpy()[rows], session)
        beyond[rows] = (low < lowest) | (high > highest)
    return beyond


def _traded_rows(frame: pd.DataFrame, session: str) -> np.ndarray:
    """Return the positions of rows with prices of trades whose price rules are known."""
    return np.flatnonzero(
        (frame["open"].to_numpy() > 0) & has_known_rules(frame["market"].to_numpy(), session)
    )


_HALTED_SHARES = (
    "halted_shares: shares changed beyond 2x in a halt, the first price after it will hold that"
)


def _halted_with_other_shares(frame: pd.DataFrame, previous: pd.DataFrame) -> Bools:
    """Return True for halted rows with over twice the shares of the session before, or under
    half."""
    positions = _positions_in(previous, frame)
    close, before = (previous[name].to_numpy()[positions] for name in ("close", "shares"))
    base, shares = (frame["close"] - frame["change"]).to_numpy(), frame["shares"].to_numpy()
    moved = (shares > MOST_SHARES_IN_HALT * before) | (before > MOST_SHARES_IN_HALT * shares)
    found: Bools = (positions >= 0) & (frame["open"].to_numpy() == 0) & (base == close) & moved
    return found


def _remark(frame: pd.DataFrame, odd: Bools, what: str) -> str | None:
    """Return the remark, or None when there is no such row."""
    if not odd.any():
        return None
    return f"{what}: first {frame['ticker'].to_numpy()[odd][0]}, {int(odd.sum())} in all."


def share_of_continued_bases(frame: pd.DataFrame, previous: pd.DataFrame) -> float:
    """Return the mean of `bases_that_continue`; 1 when no ticker is in both days."""
    continued = bases_that_continue(frame, previous)
    return 1.0 if continued.isna().all() else float(continued.mean())


def bases_that_continue(frame: pd.DataFrame, previous: pd.DataFrame) -> pd.Series:
    """Return for each ticker 1 where its base price (close - change) is the previous close, or that
    close rounded up to the tick, else 0; NaN where the previous day lacks the ticker."""
    positions = _positions_in(previous, frame)
    bases = (frame["close"] - frame["change"]).to_numpy()
    continued = base_continues(bases, previous["close"].to_numpy()[positions]).astype(float)
    return pd.Series(np.where(positions >= 0, continued, np.nan), frame.index)


def base_continues(base: np.ndarray, close: np.ndarray) -> Bools:
    """Return True where the base price is the close before, or that close rounded up to the
    tick."""
    continues: Bools = (base >= close) & (base <= close * _ROUNDED_UP_TO_THE_TICK)
    return continues


def lacks_many_tickers_of(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Return True when one day lacks more than 2 % of the other's tickers."""
    return bool((_positions_in(one, other) >= 0).sum() < LEAST_SHARE_OF_TICKERS * len(other))


def _positions_in(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """Return the row in one day of each ticker of the other, -1 where it is not there."""
    positions: np.ndarray = pd.Index(one["ticker"]).get_indexer(pd.Index(other["ticker"]))
    return positions

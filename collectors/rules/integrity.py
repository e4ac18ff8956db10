"""Integrity rules for a day that was read. Those that never failed on real days refuse it
(`check_...`). Findings that are odd but may be right become remarks (`remarks_on`).

docs/exchange.md says how often each rule speaks on real days. A rule that would speak on normal
days is not here.
"""

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
from utils.errors import MalformedAnswer

LEAST_SHARE_OF_TICKERS = 0.98
"""Part of the previous session's tickers. Measured: 0.2 listed or delisted a day among 2,900, so
2 % missing is a fault."""
LEAST_SHARE_OF_BASES = 0.5
"""Part of the tickers in both days, namely those whose base price continues the previous close.
Measured on real days: at least 99.8 % after the session before, at most 15 % after the one before
that."""
MOST_REBASED_SHARE = 0.1
"""Part of the tickers in both days, namely those whose base price is not the close before.
Measured: 0.14 % at most. No end of a year was among the 87 sessions, when dividends in shares move
more: some 50 of 1,500 companies on 2001-12-27 (https://hankyung.com/amp/2001122669081)."""
MOST_REBASED = 10
"""Same limit in tickers, for a market of which a tenth is nothing. Measured: four at most."""
MOST_BEYOND_LIMIT = 10
"""Rows of one session: delisting trades know no limit and nothing in the rows marks them. Measured:
one at most."""
MOST_COME_OR_GONE = 20
"""Tickers of one session. Measured: three came at most, two were gone at most."""
MOST_SHARES_IN_HALT = 2
"""Times as many shares as before, or as few."""
_ROUNDED_UP_TO_THE_TICK = 1.0015
"""Since 2025-03-04 closes may lie off the tick; the next base is the close rounded up to it."""


def check_day(frame: pd.DataFrame, session: str) -> None:
    """Raise `MalformedAnswer` when the typed day by itself cannot be what the exchange published.

    Args:
        frame: the columns of `MarketDay.frame`, the factor not needed.
    """
    _refuse(frame, frame["close"] <= 0, session, "a close that is not positive")
    _refuse(
        frame,
        frame["close"] <= frame["change"],
        session,
        "a base price (close - change) that is not positive",
    )
    _refuse(frame, frame["shares"] <= 0, session, "a number of shares that is not positive")
    _refuse(frame, _has_negative(frame), session, "a negative number")
    _refuse(frame, broken_order(frame, session), session, "low <= open, close <= high broken")
    _refuse(frame, broken_cap(frame), session, "market cap != close x shares")


def broken_order(frame: pd.DataFrame, session: str) -> pd.Series:
    """Return True for rows that break low <= open, close <= high.

    Measured: 0 of 473,429 traded rows, all before the after-market. Halted rows (and 2 of off-hours
    trades only) have open = high = low = 0.
    """
    opened, high, low, close = (frame[name].to_numpy() for name in ("open", "high", "low", "close"))
    untraded = (opened == 0) & (high == 0) & (low == 0)
    in_order = (low > 0) & (low <= np.minimum(opened, close)) & (np.maximum(opened, close) <= high)
    passes = untraded | in_order | after_market_alone(frame, session)
    return pd.Series(~passes, frame.index)


def after_market_alone(frame: pd.DataFrame, session: str) -> Bools:
    """Return True for rows that may have traded in the after-market alone: no opening price, but a
    volume, and 0 < low <= high, wherever the close lies. None before there was an after-market."""
    opened, high, low, volume = (
        frame[name].to_numpy() for name in ("open", "high", "low", "volume")
    )
    found: Bools = (opened == 0) & (low > 0) & (low <= high) & (volume > 0)
    return found & (session >= AFTER_MARKET_SINCE)


def broken_cap(frame: pd.DataFrame) -> pd.Series:
    """Return True for rows whose market cap is not close x shares."""
    # Divided, because a product beyond 64 bits would wrap round and may then agree.
    close = frame["close"].to_numpy()
    whole, rest = np.divmod(frame["market_cap"].to_numpy(), np.where(close == 0, 1, close))
    return pd.Series((whole != frame["shares"].to_numpy()) | (rest != 0), frame.index)


def _has_negative(frame: pd.DataFrame) -> pd.Series:
    lowest = np.minimum.reduce(
        [frame[name].to_numpy() for name in ("open", "high", "low", "volume", "value")]
    )
    return pd.Series(lowest < 0, frame.index)


def check_follows(frame: pd.DataFrame, session: str, previous: pd.DataFrame) -> None:
    """Raise `MalformedAnswer` when the typed day cannot be the one right after the previous
    session."""
    if lacks_many_tickers_of(frame, previous):
        present = len(set(previous["ticker"]) & set(frame["ticker"]))
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it holds only {present} of the "
            f"{len(previous)} tickers of the session before (98 % are needed). It is asked for "
            "again at the next run."
        )
    numbers = ["ticker", "close", "volume", "value"]
    if frame[numbers].equals(previous[numbers]) and frame["volume"].any():
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it repeats the session before, cell by cell."
        )
    if (share := share_of_continued_bases(frame, previous)) < LEAST_SHARE_OF_BASES:
        raise MalformedAnswer(
            f"The answer for {session} is not stored: only {share:.0%} of its base prices are the "
            "closes of the session before, so it tells of another day. It is asked for again at "
            "the next run."
        )


def check_beyond_gap(frame: pd.DataFrame, session: str, earlier: pd.DataFrame) -> None:
    """Raise `MalformedAnswer` when the typed day cannot be one some sessions after the earlier one:
    it lacks its tickers, or it is that very day, or the one right after it."""
    if lacks_many_tickers_of(frame, earlier):
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it lacks many of the {len(earlier)} tickers "
            "of the last session that is stored before it. It is asked for again at the next run."
        )
    moved = bool((frame["change"] != 0).any())
    if moved and share_of_continued_bases(frame, earlier) >= LEAST_SHARE_OF_BASES:
        raise MalformedAnswer(
            f"The answer for {session} is not stored: its base prices are the closes of a session "
            "that is not the one before it, so it tells of another day. It is asked for again at "
            "the next run."
        )


def follows(frame: pd.DataFrame, session: str, previous: pd.DataFrame) -> bool:
    """Return True when `check_follows` lets the day pass."""
    try:
        check_follows(frame, session, previous)
    except MalformedAnswer:
        return False
    return True


def check_loses_nothing(frame: pd.DataFrame, session: str, stored: pd.DataFrame) -> None:
    """Raise `MalformedAnswer` when a session read again lacks more than 2 % of its tickers."""
    if lacks_many_tickers_of(frame, stored):
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it lacks many of the {len(stored)} tickers "
            "that the session had when it was read before."
        )


def remarks_on(frame: pd.DataFrame, session: str, previous: pd.DataFrame | None) -> list[str]:
    """Return the remarks on a day that is stored all the same: one text for each rule, with the
    number of rows and the first ticker. Empty on normal days.

    Args:
        frame: the typed day, which `check_day` and `check_follows` have let pass.
        previous: the typed day of the exchange's session right before; None when it is not stored.
    """
    said = [
        _remark(frame, broken_turnover(frame), "turnover: volume or value without the other"),
        _remark(frame, off_tick(frame, session), "tick: a price off its tick"),
    ]
    if previous is None:
        said.append(_remark(frame, beyond_limit(frame, session), _BEYOND_LIMIT, MOST_BEYOND_LIMIT))
    else:
        said += _remarks_on_pair(frame, session, previous)
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


_BEYOND_LIMIT = "price_limit: beyond the daily limit"
_HALTED_SHARES = (
    "halted_shares: shares changed beyond 2x in a halt, the first price after it will hold that"
)


def _remarks_on_pair(frame: pd.DataFrame, session: str, previous: pd.DataFrame) -> list[str | None]:
    """Return the remarks that need the session before."""
    positions = _positions_in(previous, frame)
    both, gone = positions >= 0, _positions_in(frame, previous) < 0
    before = {name: previous[name].to_numpy()[positions] for name in ("open", "close", "shares")}
    base, shares = (frame["close"] - frame["change"]).to_numpy(), frame["shares"].to_numpy()
    rebased = both & ~base_continues(base, before["close"])
    usually_rebased = max(MOST_REBASED, MOST_REBASED_SHARE * both.sum())
    more, fewer = (
        a > MOST_SHARES_IN_HALT * b
        for a, b in ((shares, before["shares"]), (before["shares"], shares))
    )
    in_halt = both & (frame["open"].to_numpy() == 0) & (base == before["close"]) & (more | fewer)
    # Delisting trades begin after a halt; the later ones are marked by nothing, hence the usual
    # number.
    beyond = beyond_limit(frame, session) & both & (before["open"] > 0)
    return [
        _remark(frame, beyond, _BEYOND_LIMIT, MOST_BEYOND_LIMIT),
        _remark(frame, rebased, "base_price: not the close of the session before", usually_rebased),
        _remark(frame, ~both, "tickers: new in the market", MOST_COME_OR_GONE),
        _remark(previous, gone, "tickers: gone since the session before", MOST_COME_OR_GONE),
        _remark(frame, in_halt, _HALTED_SHARES),
    ]


def _remark(frame: pd.DataFrame, odd: np.ndarray, what: str, usual: float = 0) -> str | None:
    """Return the remark, or None while there are no more such rows than usual."""
    count = int(odd.sum())
    return (
        f"{what}: first {frame['ticker'].to_numpy()[odd][0]}, {count} in all."
        if count > usual
        else None
    )


def share_of_continued_bases(frame: pd.DataFrame, previous: pd.DataFrame) -> float:
    """Return the part of the tickers in both days whose base price (close - change) is the previous
    close, or that close rounded up to the tick; 1 when no ticker is in both."""
    positions = _positions_in(previous, frame)
    both = positions >= 0
    bases = (frame["close"] - frame["change"]).to_numpy()[both]
    return (
        float(base_continues(bases, previous["close"].to_numpy()[positions[both]]).mean())
        if both.any()
        else 1.0
    )


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


def _refuse(frame: pd.DataFrame, broken: pd.Series, session: str, what: str) -> None:
    if broken.any():
        tickers = frame.loc[broken, "ticker"]
        raise MalformedAnswer(
            f"The answer for {session} is not stored: {what} in {len(tickers)} rows, first "
            f"{tickers.iloc[0]}."
        )

"""What every published session holds: the rules that never failed on real days. A day that breaks one is not stored."""

import numpy as np
import pandas as pd

from utils.errors import MalformedAnswer

LEAST_SHARE_OF_TICKERS = 0.98
"""Of the previous session's tickers. Measured: 0.2 listed or delisted a day among 2,900, so 2 % missing is a fault."""
LEAST_SHARE_OF_BASES = 0.5
"""Of the tickers in both days, those whose base price continues the previous close. Measured on real days: at least
99.8 % after the session before, at most 15 % after the one before that."""
_ROUNDED_UP_TO_THE_TICK = 1.0015
"""Since 2025-03-04 closes may lie off the tick; the next base is the close rounded up to it."""


def check_day(frame: pd.DataFrame, session: str) -> None:
    """Raises `MalformedAnswer` when the typed day by itself cannot be what the exchange published.

    Args:
        frame: the columns of `MarketDay.frame`, the factor not needed.
    """
    _refuse(frame, frame["close"] <= 0, session, "a close that is not positive")
    _refuse(frame, frame[["open", "high", "low", "volume", "value"]].lt(0).any(axis=1), session, "a negative number")
    _refuse(frame, broken_order(frame), session, "low <= open, close <= high broken")
    _refuse(frame, broken_cap(frame), session, "market cap != close x shares")


def broken_order(frame: pd.DataFrame) -> pd.Series:
    """Which rows break low <= open, close <= high.

    Measured: 0 of 473,429 traded rows. Halted rows (and 2 of off-hours trades only) have open = high = low = 0.
    """
    untraded = frame[["open", "high", "low"]].eq(0).all(axis=1)
    highest, lowest = frame[["open", "low", "close"]].max(axis=1), frame[["open", "high", "close"]].min(axis=1)
    priceless = frame[["open", "high", "low"]].eq(0).any(axis=1)
    return ~untraded & (priceless | (frame["high"] < highest) | (frame["low"] > lowest))


def broken_cap(frame: pd.DataFrame) -> pd.Series:
    """Which rows have a market cap that is not close x shares."""
    # Divided, because a product beyond 64 bits would wrap round and may then agree.
    return (frame["market_cap"] // frame["close"] != frame["shares"]) | (frame["market_cap"] % frame["close"] != 0)


def check_follows(frame: pd.DataFrame, session: str, previous: pd.DataFrame) -> None:
    """Raises `MalformedAnswer` when the typed day cannot be the one right after the exchange's previous session."""
    if is_short_beside(frame, previous):
        present = len(set(previous["ticker"]) & set(frame["ticker"]))
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it holds only {present} of the {len(previous)} tickers of the "
            f"session before (98 % are needed). It is asked for again at the next run."
        )
    numbers = ["ticker", "close", "volume", "value"]
    if frame[numbers].equals(previous[numbers]) and frame["volume"].any():
        raise MalformedAnswer(f"The answer for {session} is not stored: it repeats the session before, cell by cell.")
    if (share := share_of_continued_bases(frame, previous)) < LEAST_SHARE_OF_BASES:
        raise MalformedAnswer(
            f"The answer for {session} is not stored: only {share:.0%} of its base prices are the closes of the "
            "session before, so it tells of another day. It is asked for again at the next run."
        )


def follows(frame: pd.DataFrame, session: str, previous: pd.DataFrame) -> bool:
    """Whether `check_follows` has nothing to say."""
    try:
        check_follows(frame, session, previous)
    except MalformedAnswer:
        return False
    return True


def check_loses_nothing(frame: pd.DataFrame, session: str, stored: pd.DataFrame) -> None:
    """Raises `MalformedAnswer` when a session that is read again lacks more than 2 % of the tickers it had."""
    if is_short_beside(frame, stored):
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it lacks many of the {len(stored)} tickers that the session had "
            "when it was read before."
        )


def share_of_continued_bases(frame: pd.DataFrame, previous: pd.DataFrame) -> float:
    """Of the tickers in both days, the share whose base price (close - change) is the previous close, or that close
    rounded up to the tick; 1 when no ticker is in both."""
    places = _places_in(previous, frame)
    both = places >= 0
    bases = (frame["close"] - frame["change"]).to_numpy()[both]
    ratio = bases / previous["close"].to_numpy()[places[both]]
    return float(((ratio >= 1) & (ratio <= _ROUNDED_UP_TO_THE_TICK)).mean()) if both.any() else 1.0


def is_short_beside(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    """Whether one day lacks more than 2 % of the other's tickers."""
    return bool((_places_in(one, other) >= 0).sum() < LEAST_SHARE_OF_TICKERS * len(other))


def _places_in(one: pd.DataFrame, other: pd.DataFrame) -> np.ndarray:
    """The row in one day of each ticker of the other, -1 where it is not there."""
    places: np.ndarray = pd.Index(one["ticker"]).get_indexer(pd.Index(other["ticker"]))
    return places


def _refuse(frame: pd.DataFrame, broken: pd.Series, session: str, what: str) -> None:
    if broken.any():
        tickers = frame.loc[broken, "ticker"]
        raise MalformedAnswer(
            f"The answer for {session} is not stored: {what} in {len(tickers)} rows, first {tickers.iloc[0]}."
        )

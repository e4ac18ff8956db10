"""The after-market since 2026-09-14, 16:00-20:00: what it adds to a session, and how much of it the
site shows by the time."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sandbox.market import Day, Ints, tick_up, to_tick, uniform

_OPENS_AFTER_CLOSE, _LASTS = timedelta(minutes=30), timedelta(hours=4)

LEAST_SHARE, MOST_SHARE = 0.019, 0.201  # of a ticker's volume of the day, measured on 2026-09-14
_LATE_SHARE, _LATE_PART = 0.05, 0.1
_ALONE_SHARE = 0.05  # of the tickers without a regular trade
_USUAL_VOLUME = 120  # of a ticker that trades in the after-market alone
_CLOSE, _ONE_PRICE, _TWO_PRICES = range(3)  # prices of such a ticker


def with_after_market(day: Day, quiet: NDArray[np.bool_], rng: Generator) -> Day:
    """Return the day with the trades of its after-market added to volume and value.

    Prices and market cap stay those of the regular session. KONEX has no after-market.

    Args:
        day: the regular session.
        quiet: True for rows that may trade in the after-market alone, if they have no regular
            trade. Some do, at least one: open 0, high and low above 0.
        rng: for this session's after-market alone.
    """
    chance = rng.random((2, len(day)))
    volume = _volume(day, chance[0])
    value: Ints = day.low * volume + ((day.high - day.low) * volume * chance[1]).astype(np.int64)
    high, low = day.high.copy(), day.low.copy()
    alone = np.flatnonzero(quiet & (day.volume == 0) & (day.market_id != "KNX"))
    if len(alone):
        alone = rng.choice(alone, max(round(_ALONE_SHARE * len(alone)), 1), replace=False)
        low[alone], high[alone], volume[alone], value[alone] = _alone(day.close[alone], rng)
    return replace(
        day,
        high=high,
        low=low,
        volume=day.volume + volume,
        value=day.value + value,
        after_volume=volume,
        after_value=value,
    )


def after_market_part(since_close: timedelta) -> float:
    """Return the part of the after-market that is over so long after the regular close, 0 to 1."""
    return min(max((since_close - _OPENS_AFTER_CLOSE) / _LASTS, 0.0), 1.0)


def after_market_so_far(day: Day, part: float) -> Day:
    """Return the day with `part` of its after-market, 0 to 1, as shown before the morning.

    A few tickers are late: of theirs, a tenth is missing until the figures are final. A ticker
    that traded in the after-market alone is a row without trades until its first trade is shown.
    """
    part_of_each = part * np.where(_late(day), 1 - _LATE_PART, 1.0)
    after: Ints = (day.after_volume * part_of_each).astype(np.int64)
    each, rest = np.divmod(day.after_value, np.maximum(day.after_volume, 1))
    worth = each * after + rest * after // np.maximum(day.after_volume, 1)
    shown = (day.open > 0) | (after > 0)
    return replace(
        day,
        high=np.where(shown, day.high, 0),
        low=np.where(shown, day.low, 0),
        volume=day.volume - day.after_volume + after,
        value=day.value - day.after_value + worth,
        after_volume=after,
        after_value=worth,
    )


def _volume(day: Day, chance: NDArray[np.float64]) -> Ints:
    """Return the volumes of tickers with regular trades. A ticker with fewer than four shares has
    none: one would be more than the largest share."""
    share = LEAST_SHARE + (MOST_SHARE - LEAST_SHARE) * chance
    most = np.floor(day.volume * (MOST_SHARE / (1 - MOST_SHARE)))
    volume = np.minimum(np.ceil(day.volume * (share / (1 - share))), most).astype(np.int64)
    return np.where((day.open > 0) & (day.market_id != "KNX"), volume, 0)


def _late(day: Day) -> NDArray[np.bool_]:
    """Return True for a few of the tickers that traded in both, at least for one."""
    both = (day.after_volume > 0) & (day.open > 0)
    chance = np.where(both, uniform(day.code, f"{day.session}|late"), 1.0)
    late: NDArray[np.bool_] = both & (chance <= max(_LATE_SHARE, chance.min(initial=1.0)))
    return late


def _alone(close: Ints, rng: Generator) -> tuple[Ints, Ints, Ints, Ints]:
    """Return low, high, volume and value: at the close, at another price, or at two prices."""
    kind = rng.integers(0, 3, len(close))
    moved = to_tick(close * np.exp(np.clip(0.03 * rng.standard_normal(len(close)), -0.2, 0.2)))
    low = np.where(kind == _CLOSE, close, moved)
    high = np.where(kind == _TWO_PRICES, tick_up(low + 1 + low // 100), low)
    volume = 1 + (kind == _TWO_PRICES) + rng.exponential(_USUAL_VOLUME, len(close)).astype(np.int64)
    at_high = 1 + (rng.random(len(close)) * (volume - 1)).astype(np.int64)
    return low, high, volume, low * volume + (high - low) * at_high

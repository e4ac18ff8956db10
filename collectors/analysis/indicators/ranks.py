"""Relative strength: the rank of a ticker among all others, and among those of its own market."""

import numpy as np

from collectors.analysis.indicators.bars import BoolArray, FloatArray
from collectors.analysis.indicators.whole_market import RETURN_PERIODS

RANKED = (
    *(f"return_{n}" for n in RETURN_PERIODS),
    *("volume", "value", "volume_ratio", "volatility_20"),
)
"""Ranked figures, largest first at 100: returns, the last session's volume (shares) and value
(won), its volume over the 20 sessions before, and volatility."""
RANK_NAMES = (*(f"{name}_all" for name in RANKED), *(f"{name}_own" for name in RANKED))
"""`_all`: in the whole market (KOSPI, KOSDAQ and KONEX, as far as they are in the panel); `_own`:
in its own."""


def percentile_ranks(values: FloatArray) -> FloatArray:
    """Return percentile ranks of a 1-D array: 0 the smallest, 100 the largest, equal values share
    the mean of their places.

    100 (mean place - 1) / (n - 1) over the n values that are not NaN, places counted from 1; NaN
    for a NaN, and for all when n < 2: a place among one says nothing.

    >>> percentile_ranks(np.array([3.0, 1.0, np.nan, 3.0, 7.0])).tolist()
    [50.0, 0.0, nan, 50.0, 100.0]
    """
    ranks = np.full(len(values), np.nan)
    known = np.isfinite(values)
    if known.sum() < 2:
        return ranks
    _, position, count = np.unique(values[known], return_inverse=True, return_counts=True)
    below = np.cumsum(count) - count
    ranks[known] = 100 * (below + (count - 1) / 2)[position] / (known.sum() - 1)
    return ranks


def rank_market(
    columns: dict[str, FloatArray], markets: list[str], ranked: BoolArray
) -> FloatArray:
    """Return the ranks of every ticker, shape (tickers, len(RANK_NAMES)).

    `columns` holds one (tickers,) array per name in `RANKED`; tickers where `ranked` is False
    (halted, delisted) have no rank and are not counted.
    """
    result = np.full((len(markets), len(RANK_NAMES)), np.nan)
    own = np.array(markets)
    for column, name in enumerate(RANKED):
        values = np.where(ranked, columns[name], np.nan)
        result[:, column] = percentile_ranks(values)
        for market in sorted(set(markets)):
            member = own == market
            result[member, len(RANKED) + column] = percentile_ranks(values[member])
    return result

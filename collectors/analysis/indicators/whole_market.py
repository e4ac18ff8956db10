"""Indicators that are quickest for all tickers at once, in numpy over (tickers, columns) arrays.

Every function takes the aligned `Market` and returns arrays of shape (tickers,) for the last bar,
NaN where a ticker has too few bars or the formula divides by zero.
"""

import numpy as np

from collectors.analysis.indicators.bars import BoolArray, FloatArray, Market
from collectors.analysis.indicators.studies import HISTORY, SIGNAL_PERIOD

RETURN_PERIODS = (1, 5, 20, 60, 120)
SESSIONS_PER_YEAR = 252
YEAR_MINIMUM = 60
"""Bars that a ticker must have before a new 52-week high or low is worth a signal."""

Columns = dict[str, FloatArray]


def compute(market: Market) -> Columns:
    """Return every whole-market indicator by name."""
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = (
            returns(market) | volatility(market) | psychological(market) | volume_ratios(market)
        )
        columns |= prices_by_volume(market) | year_range(market)
    return columns


def returns(market: Market) -> Columns:
    """Return simple returns in percent: 100 (C / C n sessions ago - 1)."""
    close = market.close
    return {f"return_{n}": 100 * (close[:, -1] / close[:, -1 - n] - 1) for n in RETURN_PERIODS}


def volatility(market: Market) -> Columns:
    """Return the sample deviation (n - 1) of the last 20 log returns, times sqrt(252), in
    percent."""
    steps = np.diff(np.log(market.close[:, -21:]), axis=1)
    return {"volatility_20": 100 * np.sqrt(SESSIONS_PER_YEAR) * steps.std(axis=1, ddof=1)}


def psychological(market: Market) -> Columns:
    """Return the share of the last 10 sessions that closed above the one before, in percent."""
    steps = np.diff(market.close[:, -11:], axis=1)
    rising = 10.0 * (steps > 0).sum(axis=1)
    return {"psychological_10": np.where(np.isnan(steps).any(axis=1), np.nan, rising)}


def volume_ratios(market: Market) -> Columns:
    """Return VR 20 in percent (infinite without a falling session: NaN) and the last volume over
    the 20 before it."""
    volume = market.volume
    steps = np.sign(np.diff(market.close[:, -21:], axis=1))
    recent = volume[:, -20:]
    rising, falling = (recent * (1 + steps)).sum(axis=1), (recent * (1 - steps)).sum(axis=1)
    ratio = volume[:, -1] / volume[:, -21:-1].mean(axis=1)
    return {"vr_20": _finite(100 * rising / falling), "volume_ratio": _finite(ratio)}


def prices_by_volume(market: Market) -> Columns:
    """Return the VWAP of the last 20 typical prices (won) and the mean value traded of the last 20
    sessions (won)."""
    recent = slice(-20, None)
    typical = (market.high[:, recent] + market.low[:, recent] + market.close[:, recent]) / 3
    volume = market.volume[:, recent]
    vwap = (typical * volume).sum(axis=1) / volume.sum(axis=1)
    return {"vwap_20": _finite(vwap), "value_sma_20": market.value[:, recent].mean(axis=1)}


def year_range(market: Market) -> Columns:
    """Return the 52-week high and low (won) with the close's distance from them in percent, and
    both without the last bar."""
    first = int(market.first_of_year.min(initial=market.high.shape[1] - 1))
    outside = np.arange(first, market.high.shape[1]) < market.first_of_year[:, None]
    high = np.where(outside, np.nan, market.high[:, first:])
    low = np.where(outside, np.nan, market.low[:, first:])
    close, known = market.close[:, -1], ~np.isnan(market.close[:, -YEAR_MINIMUM])
    top, bottom = np.fmax.reduce(high, axis=1), np.fmin.reduce(low, axis=1)
    return {
        "high_52w": top,
        "low_52w": bottom,
        "high_52w_distance": 100 * (close / top - 1),
        "low_52w_distance": 100 * (close / bottom - 1),
        "prior_high_52w": np.where(
            known, np.fmax.reduce(high[:, :-1], axis=1, initial=np.nan), np.nan
        ),
        "prior_low_52w": np.where(
            known, np.fmin.reduce(low[:, :-1], axis=1, initial=np.nan), np.nan
        ),
    }


def _finite(values: FloatArray) -> FloatArray:
    return np.where(np.isfinite(values), values, np.nan)


def undefined(market: Market) -> dict[str, BoolArray]:
    """Return True where a line of `studies` is 0 / 0 for want of any movement, by the line's name;
    shape (tickers, n last bars).

    TA-Lib puts 0 there, which would read as "oversold"; after a division of noise by noise even
    that is not sure.
    """
    range_14 = market.flat_run[:, -HISTORY - 4 :] >= 14
    return {
        "stoch_k": _any_of_last(range_14, 3)[:, -HISTORY:],
        "stoch_d": _any_of_last(range_14, 5)[:, -HISTORY:],
        "williams_r_14": range_14[:, -1:],
        **_still_closes(market.close),
        **dict.fromkeys(("plus_di_14", "minus_di_14", "adx_14"), _still_ranges(market)[:, None]),
        **_still_typical_prices(market),
    }


def _any_of_last(cells: BoolArray, count: int) -> BoolArray:
    result = cells.copy()
    for run in range(1, count):
        result[:, run:] |= cells[:, :-run]
    return result


def _still_closes(close: FloatArray) -> dict[str, BoolArray]:
    """Return True where RSI and its signal are undefined.

    RSI is so until a close has first changed; its signal as long as its window holds such a
    session.
    """
    still = ~np.logical_or.accumulate(np.abs(np.diff(close, axis=1)) > 0, axis=1)
    return {
        "rsi_14": still[:, -HISTORY:],
        "rsi_signal": still[:, -HISTORY - SIGNAL_PERIOD + 1 : -SIGNAL_PERIOD + 1],
    }


def _still_ranges(market: Market) -> BoolArray:
    """Return True for a ticker whose true range was always 0 after its first bar. Shape
    (tickers,)."""
    reach = np.maximum(market.high[:, 1:], market.close[:, :-1]) - np.minimum(
        market.low[:, 1:], market.close[:, :-1]
    )
    return np.asarray(~(reach > 0).any(axis=1))


def _still_typical_prices(market: Market) -> dict[str, BoolArray]:
    """Return True where CCI and MFI are undefined.

    CCI needs a deviation within 20 bars; MFI needs a session with volume and a changed typical
    price within 14.
    """
    recent = slice(-20, None)
    typical = (market.high[:, recent] + market.low[:, recent] + market.close[:, recent]) / 3
    flow = (np.diff(typical[:, -15:], axis=1) != 0) & (market.volume[:, -14:] > 0)
    still = typical.max(axis=1) == typical.min(axis=1)
    return {"cci_20": still[:, None], "mfi_14": ~flow.any(axis=1)[:, None]}

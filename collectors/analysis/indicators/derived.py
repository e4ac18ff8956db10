"""Indicators that are made of other values of the last bar, for one ticker."""

import numpy as np

from collectors.analysis.indicators.signals import TOLERANCE, Values
from collectors.analysis.indicators.studies import SQUEEZE_SESSIONS, Lines


def compute(now: Values, lines: Lines) -> dict[str, float]:
    """Return every derived indicator and the helper values of signals, NaN where there is none.

    `now` holds the last values of `lines`, the whole-market indicators and the bar itself.
    """
    width = now["bb_upper"] - now["bb_lower"]
    wide = width > TOLERANCE * now["close"]
    return {
        "disparity_20": 100 * now["close"] / now["sma_20"],
        "disparity_60": 100 * now["close"] / now["sma_60"],
        "bb_percent_b": (now["close"] - now["bb_lower"]) / width if wide else np.nan,
        "bb_width": 100 * width / now["bb_middle"],
        "bb_width_lowest": _lowest_width(lines),
        "donchian_middle": (now["donchian_upper"] + now["donchian_lower"]) / 2,
        "ichimoku_lagging": now["close"],
    }


def _lowest_width(lines: Lines) -> float:
    """Return the narrowest Bollinger band of 120 sessions, in percent of its middle; NaN if too
    few."""
    upper, middle, lower = (
        lines[name][-SQUEEZE_SESSIONS:] for name in ("bb_upper", "bb_middle", "bb_lower")
    )
    if len(upper) < SQUEEZE_SESSIONS:
        return np.nan
    lowest: float = (100 * (upper - lower) / middle).min().item()
    return lowest

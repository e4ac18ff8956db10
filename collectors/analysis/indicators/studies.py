"""Indicator lines of one ticker: TA-Lib's functions, fed with the rows their last 60 values need.

A line is a float64 array whose last element belongs to the ticker's last bar; lines may differ in
length. TA-Lib's `__wrapped__` is the function itself, without the wrapper that looks for pandas and
polars input.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import talib

from collectors.analysis.indicators.bars import Bars, FloatArray

HISTORY = 60
"""Sessions a chart shows."""
SQUEEZE_SESSIONS = 120
"""Sessions over which the narrowest Bollinger band is looked for."""
CLOUD_SHIFT = 25
"""Bars from a leading span's computation to the bar it is drawn at: 26 with today included."""
CLOUD_ROWS = HISTORY + CLOUD_SHIFT + 51
"""Bars a chart's cloud needs: the oldest span shown was computed 25 bars earlier, over 52 bars."""
SIGNAL_PERIOD = 9

Lines = dict[str, FloatArray]


def raw(name: str) -> Callable[..., FloatArray | tuple[FloatArray, ...]]:
    """Return TA-Lib's function `name` without its pandas and polars wrapper."""
    function: Callable[..., FloatArray | tuple[FloatArray, ...]] = getattr(talib, name).__wrapped__
    return function


@dataclass(frozen=True)
class Study:
    """Call of TA-Lib: which function over which bars with which parameters makes which lines.

    `rows` is how many of the last bars it is fed; 0 means all, for the smoothings that never
    forget.
    """

    outputs: tuple[str, ...]
    function: str
    inputs: tuple[str, ...]
    parameters: tuple[float, ...] = ()
    rows: int = 0


def _average(name: str, series: str, period: int, shown: int = HISTORY) -> Study:
    return Study((name,), "SMA", (series,), (period,), shown + period - 1)


HLC = ("high", "low", "close")
STUDIES = (
    *(_average(f"sma_{period}", "close", period) for period in (5, 10, 20, 60, 120)),
    Study(("ema_12",), "EMA", ("close",), (12,)),
    Study(("ema_26",), "EMA", ("close",), (26,)),
    Study(
        ("bb_upper", "bb_middle", "bb_lower"),
        "BBANDS",
        ("close",),
        (20, 2.0, 2.0, 0),
        SQUEEZE_SESSIONS + 19,
    ),
    Study(("donchian_upper",), "MAX", ("high",), (20,), 20),
    Study(("donchian_lower",), "MIN", ("low",), (20,), 20),
    Study(("ichimoku_conversion",), "MIDPRICE", ("high", "low"), (9,), CLOUD_ROWS),
    Study(("ichimoku_base",), "MIDPRICE", ("high", "low"), (26,), CLOUD_ROWS),
    Study(("ichimoku_lead_b",), "MIDPRICE", ("high", "low"), (52,), CLOUD_ROWS),
    Study(("stoch_k", "stoch_d"), "STOCH", HLC, (14, 3, 0, 3, 0), HISTORY + 17),
    Study(("rsi_14",), "RSI", ("close",), (14,)),
    Study(("macd", "macd_signal", "macd_histogram"), "MACD", ("close",), (12, 26, SIGNAL_PERIOD)),
    Study(("cci_20",), "CCI", HLC, (20,), 20),
    Study(("williams_r_14",), "WILLR", HLC, (14,), 14),
    Study(("roc_12",), "ROC", ("close",), (12,), 13),
    Study(("atr_14",), "ATR", HLC, (14,)),
    Study(("adx_14",), "ADX", HLC, (14,)),
    Study(("plus_di_14",), "PLUS_DI", HLC, (14,)),
    Study(("minus_di_14",), "MINUS_DI", HLC, (14,)),
    _average("volume_sma_5", "volume", 5, shown=1),
    _average("volume_sma_20", "volume", 20),
    Study(("mfi_14",), "MFI", (*HLC, "volume"), (14,), 15),
    Study(("obv",), "OBV", ("close", "volume"), (), HISTORY + 1),
)


def _feeds(study: Study) -> tuple[tuple[int, int], ...]:
    return tuple((Bars._fields.index(name), study.rows) for name in study.inputs)


_PLAN = tuple(
    (study.outputs, raw(study.function), _feeds(study), study.parameters) for study in STUDIES
)
_FED = tuple({feed for _, _, feeds, _ in _PLAN for feed in feeds})
_SMA = raw("SMA")
_NOTHING = np.full(1, np.nan)


def compute(bars: Bars) -> Lines:
    """Return every line of one ticker, undefined values not taken out yet (see
    `whole_market.undefined`)."""
    lines = _run_plan(bars)
    lines["rsi_signal"] = _SMA(lines["rsi_14"], SIGNAL_PERIOD)  # type: ignore[assignment]
    lines |= _cloud(lines)
    lines |= _obv_changes(lines.pop("obv"))
    return lines


def _run_plan(bars: Bars) -> Lines:
    fed = {(series, rows): bars[series][-rows:] if rows else bars[series] for series, rows in _FED}
    lines: Lines = {}
    for outputs, function, feeds, parameters in _PLAN:
        result = function(*[fed[feed] for feed in feeds], *parameters)
        if isinstance(result, tuple):
            lines.update(zip(outputs, result, strict=True))
        else:
            lines[outputs[0]] = result
    return lines


def _cloud(lines: Lines) -> Lines:
    """Return leading span A, and both spans at each bar: computed 25 bars before it."""
    lead_a = (lines["ichimoku_conversion"] + lines["ichimoku_base"]) / 2
    long_enough = len(lead_a) > CLOUD_SHIFT
    return {
        "ichimoku_lead_a": lead_a,
        "ichimoku_span_a": lead_a[:-CLOUD_SHIFT] if long_enough else _NOTHING,
        "ichimoku_span_b": lines["ichimoku_lead_b"][:-CLOUD_SHIFT] if long_enough else _NOTHING,
    }


def _obv_changes(obv: FloatArray) -> Lines:
    """Return OBV's differences. Its level depends on where the series begins, and that moves every
    night; these do not."""
    change = np.diff(obv) if len(obv) > 1 else _NOTHING
    return {
        "obv_change_1": change,
        "obv_change_20": obv[20:] - obv[:-20] if len(obv) > 20 else _NOTHING,
        "obv_change_60": obv[60:] - obv[:-60] if len(obv) > 60 else _NOTHING,
    }

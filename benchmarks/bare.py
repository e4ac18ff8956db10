"""The speed limit: the TA-Lib functions of the product in a loop over the panel's arrays, results
thrown away."""

from collections.abc import Callable

from collectors.analysis.indicators.bars import Bars
from collectors.analysis.indicators.patterns import DEPTH, PATTERNS
from collectors.analysis.indicators.studies import SIGNAL_PERIOD, STUDIES, raw
from utils.market_day import Panel

_CALLS = [
    (raw(study.function), [Bars._fields.index(name) for name in study.inputs], study.parameters)
    for study in STUDIES
]
_PATTERNS: list[Callable[..., object]] = [raw(pattern.function) for pattern in PATTERNS]
_RSI = next(position for position, study in enumerate(STUDIES) if study.outputs == ("rsi_14",))
_SMA = raw("SMA")


def indicators(panel: Panel, rows: range) -> None:
    """Every TA-Lib study over the whole series of those rows of the panel."""
    arrays = (panel.open, panel.high, panel.low, panel.close, panel.volume)
    for row in rows:
        bars = [array[row] for array in arrays]
        results = [
            function(*[bars[position] for position in positions], *rest)
            for function, positions, rest in _CALLS
        ]
        _SMA(results[_RSI], SIGNAL_PERIOD)


def patterns(panel: Panel, rows: range) -> None:
    """The 61 candlestick patterns over the last 45 bars of those rows."""
    arrays = (panel.open, panel.high, panel.low, panel.close)
    for row in rows:
        prices = [array[row, -DEPTH:] for array in arrays]
        for function in _PATTERNS:
            function(*prices)


def everything(panel: Panel, rows: range) -> None:
    indicators(panel, rows)
    patterns(panel, rows)

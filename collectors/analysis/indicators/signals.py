"""Signals of the last session as a list of names: each is a rule over the values of the last two
bars.

A rule is called with two mappings from name to float: `now` (every indicator, the bar itself under
open, high, low, close, volume, and helpers of `whole_market` and `derived`) and
`before` (the bar and the lines of `BEFORE`, one bar earlier). A value that does not exist is NaN;
every comparison with it is false, so a signal that cannot be known is not given.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

Values = Mapping[str, float]
Rule = Callable[[Values, Values], bool]

BEFORE = (
    *("sma_5", "sma_20", "sma_60", "bb_upper", "bb_lower"),
    *("rsi_14", "stoch_k", "stoch_d", "macd", "macd_signal"),
    *("ichimoku_span_a", "ichimoku_span_b"),
)
"""Lines of `studies` whose value one bar earlier the rules may ask for, besides the bar itself.
Each is computed over one row more than its last value needs; others are known of the last bar."""
FROZEN_SESSIONS = 5
"""Bars (or all, when younger) at one single price that make a ticker frozen: no signals."""
OVERSOLD_RSI, OVERBOUGHT_RSI = 30.0, 70.0
OVERSOLD_STOCHASTIC, OVERBOUGHT_STOCHASTIC = 20.0, 80.0
SURGE = 3.0
TOLERANCE = 1e-9
"""Lines closer than this part of the price (of 100 for oscillators) are equal: running sums leave
such differences."""


@dataclass(frozen=True)
class Signal:
    """Signal of the catalogue: stable name, titles, its direction as it is commonly read, the rule
    in words, and the rule itself.

    `meaning` is English. Its Korean is the entry of `meaning` in `HINTS` of
    collectors/views/report/words.js.
    """

    name: str
    title: str
    korean: str
    direction: Literal["bullish", "bearish", "neutral"]
    meaning: str
    fires: Rule


def _crosses(over: str, under: str, priced: bool = True) -> Rule:
    """Return the rule that `over` was not above `under` one bar earlier and is now."""

    def fires(now: Values, before: Values) -> bool:
        least = TOLERANCE * (now["close"] if priced else 100.0)
        return before[over] - before[under] <= least < now[over] - now[under]

    return fires


def _aligned(*names: str) -> Rule:
    """Return the rule that each line is above the next one."""

    def fires(now: Values, _: Values) -> bool:
        return all(
            now[upper] - now[lower] > TOLERANCE * now["close"] for upper, lower in pairwise(names)
        )

    return fires


def _rises_through(name: str, level: float) -> Rule:
    return lambda now, before: before[name] <= level < now[name]


def _falls_through(name: str, level: float) -> Rule:
    return lambda now, before: before[name] >= level > now[name]


def _stochastic_turns_up(now: Values, before: Values) -> bool:
    return before["stoch_k"] < OVERSOLD_STOCHASTIC and _K_OVER_D(now, before)


def _stochastic_turns_down(now: Values, before: Values) -> bool:
    return before["stoch_k"] > OVERBOUGHT_STOCHASTIC and _D_OVER_K(now, before)


def _breaks_above_cloud(now: Values, before: Values) -> bool:
    return before["close"] <= _cloud(before, max) and now["close"] > _cloud(now, max)


def _breaks_below_cloud(now: Values, before: Values) -> bool:
    return before["close"] >= _cloud(before, min) and now["close"] < _cloud(now, min)


def _cloud(values: Values, edge: Callable[[float, float], float]) -> float:
    """Return the cloud's upper (max) or lower (min) edge; NaN unless both spans exist."""
    a, b = values["ichimoku_span_a"], values["ichimoku_span_b"]
    return edge(a, b) if a == a and b == b else a + b


_K_OVER_D = _crosses("stoch_k", "stoch_d", priced=False)
_D_OVER_K = _crosses("stoch_d", "stoch_k", priced=False)

SIGNALS = (
    Signal("golden_cross_5_20", "Golden cross 5/20", "골든크로스 5/20", "bullish",
           "SMA 5 crosses above SMA 20", _crosses("sma_5", "sma_20")),
    Signal("dead_cross_5_20", "Dead cross 5/20", "데드크로스 5/20", "bearish",
           "SMA 5 crosses below SMA 20", _crosses("sma_20", "sma_5")),
    Signal("golden_cross_20_60", "Golden cross 20/60", "골든크로스 20/60", "bullish",
           "SMA 20 crosses above SMA 60", _crosses("sma_20", "sma_60")),
    Signal("dead_cross_20_60", "Dead cross 20/60", "데드크로스 20/60", "bearish",
           "SMA 20 crosses below SMA 60", _crosses("sma_60", "sma_20")),
    Signal("aligned_up", "Averages aligned upward", "정배열", "bullish",
           "SMA 5 > SMA 20 > SMA 60 > SMA 120 (a state)",
           _aligned("sma_5", "sma_20", "sma_60", "sma_120")),
    Signal("aligned_down", "Averages aligned downward", "역배열", "bearish",
           "SMA 5 < SMA 20 < SMA 60 < SMA 120 (a state)",
           _aligned("sma_120", "sma_60", "sma_20", "sma_5")),
    Signal("new_high_52w", "New 52-week high", "52주 신고가", "bullish",
           "high above every earlier high of the 52 weeks; from 60 bars on",
           lambda now, _: now["high"] > now["prior_high_52w"]),
    Signal("new_low_52w", "New 52-week low", "52주 신저가", "bearish",
           "low below every earlier low of the 52 weeks; from 60 bars on",
           lambda now, _: now["low"] < now["prior_low_52w"]),
    Signal("bb_break_upper", "Upper band break", "볼린저 상단 돌파", "bullish",
           "close crosses above the upper Bollinger band", _crosses("close", "bb_upper")),
    Signal("bb_break_lower", "Lower band break", "볼린저 하단 이탈", "bearish",
           "close crosses below the lower Bollinger band", _crosses("bb_lower", "close")),
    Signal("bb_squeeze", "Bollinger squeeze", "볼린저 스퀴즈", "neutral",
           "band width above 0 and the smallest of 120 sessions (a state)",
           lambda now, _: TOLERANCE < now["bb_width"] <= now["bb_width_lowest"]),
    Signal("rsi_oversold_turn", "RSI leaves oversold", "RSI 과매도 탈출", "bullish",
           "RSI 14 rises through 30", _rises_through("rsi_14", OVERSOLD_RSI)),
    Signal("rsi_overbought_turn", "RSI leaves overbought", "RSI 과매수 이탈", "bearish",
           "RSI 14 falls through 70", _falls_through("rsi_14", OVERBOUGHT_RSI)),
    Signal("stoch_oversold_turn", "Stochastic turns up from oversold", "스토캐스틱 과매도 반등",
           "bullish", "%K crosses above %D after a %K below 20", _stochastic_turns_up),
    Signal("stoch_overbought_turn", "Stochastic turns down from overbought",
           "스토캐스틱 과매수 반락", "bearish", "%K crosses below %D after a %K above 80",
           _stochastic_turns_down),
    Signal("macd_golden_cross", "MACD golden cross", "MACD 골든크로스", "bullish",
           "MACD crosses above its signal", _crosses("macd", "macd_signal")),
    Signal("macd_dead_cross", "MACD dead cross", "MACD 데드크로스", "bearish",
           "MACD crosses below its signal", _crosses("macd_signal", "macd")),
    Signal("cloud_break_up", "Break above the cloud", "구름대 상향 돌파", "bullish",
           "close crosses above the higher of the two Ichimoku spans", _breaks_above_cloud),
    Signal("cloud_break_down", "Break below the cloud", "구름대 하향 이탈", "bearish",
           "close crosses below the lower of the two Ichimoku spans", _breaks_below_cloud),
    Signal("volume_surge", "Volume surge", "거래량 급증", "neutral",
           "volume at least 3 times the mean of the 20 sessions before",
           lambda now, _: now["volume_ratio"] >= SURGE),
    Signal("gap_up", "Gap up", "상승 갭", "bullish", "low above the high of the bar before",
           lambda now, before: now["low"] > before["high"]),
    Signal("gap_down", "Gap down", "하락 갭", "bearish", "high below the low of the bar before",
           lambda now, before: now["high"] < before["low"]),
)  # fmt: skip


def fired(now: Values, before: Values) -> list[str]:
    """Return the names of the signals the two bars give, in the order of the catalogue."""
    return [signal.name for signal in SIGNALS if signal.fires(now, before)]

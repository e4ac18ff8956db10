"""Catalogue of indicators: the single list of names that `latest` carries and docs/indicators.md
prints.

Bars are O, H, L, C, V of a session, adjusted to the last session; T = (H + L + C) / 3 is the
typical price; "n" is the parameter; EMA n has the weight 2 / (n + 1) and begins with the simple
mean of its first n values; Wilder's average (W n) has the weight 1 / n and begins likewise.
`warm_up` is how many bars a ticker needs for the first value. `studies`, `whole_market` and
`derived` compute the formulas.
"""

from dataclasses import dataclass
from operator import attrgetter

MURPHY = "Murphy, Technical Analysis of the Financial Markets (1999)"
WILDER = "Wilder, New Concepts in Technical Trading Systems (1978)"
BOLLINGER = "Bollinger, Bollinger on Bollinger Bands (2001)"
HOSODA = "Hosoda (Ichimoku Sanjin), Ichimoku Kinko Hyo (1969)"
APPEL = "Appel, The Moving Average Convergence-Divergence Method (1979)"
LANE = "Lane, Lane's Stochastics, TASC 2:3 (1984)"
LAMBERT = "Lambert, Commodity Channel Index, Commodities (October 1980)"
GRANVILLE = "Granville, Granville's New Key to Stock Market Profits (1963)"
QUONG = "Quong and Soudack, Volume-weighted RSI: money flow, TASC 7:3 (1989)"
WILLIAMS = "Williams, How I Made One Million Dollars (1973)"
DONCHIAN = "Donchian's four-week rule, in Murphy (1999)"
KOREAN = "as Korean brokers' charts count it"
PLAIN = "definition"


@dataclass(frozen=True)
class Indicator:
    """Entry of `latest`: stable name, titles, formula, parameters, unit, bars to the first value,
    source."""

    name: str
    title: str
    korean: str
    formula: str
    parameters: str
    unit: str
    warm_up: int
    source: str


@dataclass(frozen=True)
class Group:
    """Indicators that share a table."""

    title: str
    indicators: tuple[Indicator, ...]


def _sma(n: int) -> Indicator:
    return Indicator(f"sma_{n}", f"Simple moving average {n}", f"{n}일 이동평균",
                     "mean of the last n C", f"n = {n}", "won", n, MURPHY)  # fmt: skip


def _ema(n: int) -> Indicator:
    return Indicator(f"ema_{n}", f"Exponential moving average {n}", f"{n}일 지수이동평균",
                     "EMA n of C", f"n = {n}", "won", n, MURPHY)  # fmt: skip


def _disparity(n: int) -> Indicator:
    return Indicator(f"disparity_{n}", f"Disparity {n}", f"{n}일 이격도", "100 C / SMA n",
                     f"n = {n}", "%", n, KOREAN)  # fmt: skip


def _return(n: int) -> Indicator:
    return Indicator(f"return_{n}", f"Return over {n} sessions", f"{n}일 수익률",
                     "100 (C / C n sessions ago - 1)", f"n = {n}", "%", n + 1, PLAIN)  # fmt: skip


def _obv(n: int) -> Indicator:
    return Indicator(f"obv_change_{n}", f"On-balance volume, change over {n}", f"OBV {n}일 증감",
                     "sum over the last n sessions of V sign(C - previous C)", f"n = {n}", "shares",
                     n + 1, GRANVILLE)  # fmt: skip


def _volume_average(n: int) -> Indicator:
    return Indicator(f"volume_sma_{n}", f"Average volume {n}", f"{n}일 평균 거래량",
                     "mean of the last n V", f"n = {n}", "shares", n, MURPHY)  # fmt: skip


GROUPS = (
    Group("Averages and bands", (
        *map(_sma, (5, 10, 20, 60, 120)),
        *map(_ema, (12, 26)),
        *map(_disparity, (20, 60)),
        Indicator("bb_upper", "Bollinger upper band", "볼린저밴드 상단",
                  "SMA n + k s; s: deviation over n, divisor n", "n = 20, k = 2", "won", 20,
                  BOLLINGER),
        Indicator("bb_middle", "Bollinger middle band", "볼린저밴드 중심", "SMA n", "n = 20", "won",
                  20, BOLLINGER),
        Indicator("bb_lower", "Bollinger lower band", "볼린저밴드 하단", "SMA n - k s",
                  "n = 20, k = 2", "won", 20, BOLLINGER),
        Indicator("bb_percent_b", "Bollinger %b", "볼린저밴드 %b", "(C - lower) / (upper - lower)",
                  "n = 20, k = 2", "0 lower, 1 upper", 20, BOLLINGER),
        Indicator("bb_width", "Bollinger band width", "볼린저밴드 폭",
                  "100 (upper - lower) / middle", "n = 20, k = 2", "%", 20, BOLLINGER),
        Indicator("donchian_upper", "Donchian upper", "돈치안 채널 상단", "highest H of the last n",
                  "n = 20", "won", 20, DONCHIAN),
        Indicator("donchian_middle", "Donchian middle", "돈치안 채널 중심", "(upper + lower) / 2",
                  "n = 20", "won", 20, DONCHIAN),
        Indicator("donchian_lower", "Donchian lower", "돈치안 채널 하단", "lowest L of the last n",
                  "n = 20", "won", 20, DONCHIAN),
    )),
    Group("Ichimoku", (
        Indicator("ichimoku_conversion", "Conversion line", "전환선",
                  "(highest H + lowest L) / 2 of the last n", "n = 9", "won", 9, HOSODA),
        Indicator("ichimoku_base", "Base line", "기준선",
                  "(highest H + lowest L) / 2 of the last n", "n = 26", "won", 26, HOSODA),
        Indicator("ichimoku_lead_a", "Leading span A, drawn 25 bars ahead", "선행스팬1 (25봉 앞)",
                  "(conversion + base) / 2 of today", "9, 26; shift 26 with today included", "won",
                  26, HOSODA),
        Indicator("ichimoku_lead_b", "Leading span B, drawn 25 bars ahead", "선행스팬2 (25봉 앞)",
                  "(highest H + lowest L) / 2 of the last n",
                  "n = 52; shift 26 with today included", "won", 52, HOSODA),
        Indicator("ichimoku_span_a", "Leading span A at today's bar", "선행스팬1 (당일)",
                  "lead A of 25 bars ago", "9, 26; shift 26 with today included", "won", 51,
                  HOSODA),
        Indicator("ichimoku_span_b", "Leading span B at today's bar", "선행스팬2 (당일)",
                  "lead B of 25 bars ago", "n = 52; shift 26 with today included", "won", 77,
                  HOSODA),
        Indicator("ichimoku_lagging", "Lagging span, drawn 25 bars back", "후행스팬", "C",
                  "shift 26 with today included", "won", 1, HOSODA),
    )),
    Group("Momentum", (
        Indicator("stoch_k", "Slow stochastic %K", "스토캐스틱 슬로우 %K",
                  "SMA 3 of 100 (C - lowest L) / (highest H - lowest L) over n", "n = 14, 3, 3",
                  "0 to 100", 18, LANE),
        Indicator("stoch_d", "Slow stochastic %D", "스토캐스틱 슬로우 %D", "SMA 3 of %K",
                  "n = 14, 3, 3", "0 to 100", 18, LANE),
        Indicator("rsi_14", "Relative strength index", "RSI",
                  "100 W(rises) / (W(rises) + W(falls)) of C's changes", "n = 14", "0 to 100", 15,
                  WILDER),
        Indicator("rsi_signal", "RSI signal", "RSI 시그널", "SMA n of RSI 14", "n = 9", "0 to 100",
                  23, KOREAN),
        Indicator("macd", "MACD", "MACD",
                  "EMA 12 - EMA 26 of C, each begun at bar 26 with its mean", "12, 26, 9", "won",
                  34, APPEL),
        Indicator("macd_signal", "MACD signal", "MACD 시그널", "EMA n of MACD", "n = 9", "won", 34,
                  APPEL),
        Indicator("macd_histogram", "MACD histogram", "MACD 오실레이터", "MACD - signal",
                  "12, 26, 9", "won", 34, "Aspray (1986), in Murphy (1999)"),
        Indicator("cci_20", "Commodity channel index", "CCI",
                  "(T - SMA n of T) / (0.015 mean absolute deviation of T over n)", "n = 20",
                  "index", 20, LAMBERT),
        Indicator("williams_r_14", "Williams %R", "윌리엄스 %R",
                  "-100 (highest H - C) / (highest H - lowest L) over n", "n = 14", "-100 to 0", 14,
                  WILLIAMS),
        Indicator("roc_12", "Rate of change", "ROC", "100 (C / C n sessions ago - 1)", "n = 12",
                  "%", 13, MURPHY),
        Indicator("psychological_10", "Psychological line", "투자심리도",
                  "100 (sessions of the last n that closed higher) / n", "n = 10", "0 to 100", 11,
                  KOREAN),
    )),
    Group("Trend and volatility", (
        Indicator("atr_14", "Average true range", "ATR",
                  "W n of max(H, previous C) - min(L, previous C)", "n = 14", "won", 15, WILDER),
        Indicator("plus_di_14", "+DI", "+DI", "100 W(+DM) / W(true range), sums in Wilder's way",
                  "n = 14", "0 to 100", 15, WILDER),
        Indicator("minus_di_14", "-DI", "-DI", "100 W(-DM) / W(true range), sums in Wilder's way",
                  "n = 14", "0 to 100", 15, WILDER),
        Indicator("adx_14", "Average directional index", "ADX",
                  "W n of 100 abs(+DI - -DI) / (+DI + -DI)", "n = 14", "0 to 100", 28, WILDER),
        Indicator("volatility_20", "Historical volatility", "역사적 변동성",
                  "100 sqrt(252) times the sample standard deviation (over n - 1) of n log returns",
                  "n = 20", "% a year", 21, "Hull, Options, Futures and Other Derivatives"),
    )),
    Group("Volume", (
        *map(_volume_average, (5, 20)),
        Indicator("volume_ratio", "Volume over its average", "거래량 비율",
                  "V / mean of the n V before it", "n = 20", "times", 21, PLAIN),
        Indicator("value_sma_20", "Average value traded", "20일 평균 거래대금",
                  "mean of the last n values traded", "n = 20", "won", 20, PLAIN),
        Indicator("vr_20", "Volume ratio VR", "VR",
                  "100 (V of rising + half V of unchanged) / (V of falling + half V of unchanged) "
                  "over n sessions", "n = 20", "%", 21, KOREAN),
        Indicator("mfi_14", "Money flow index", "MFI",
                  "100 (T V of rising T) / (T V of rising and of falling T)", "n = 14", "0 to 100",
                  15, QUONG),
        Indicator("vwap_20", "Volume-weighted average price", "20일 거래량가중평균",
                  "sum of T V / sum of V over n", "n = 20", "won", 20, PLAIN),
        *map(_obv, (1, 20, 60)),
    )),
    Group("Range and return", (
        Indicator("high_52w", "52-week high", "52주 최고가",
                  "highest H of the 52 weeks that end today", "364 days; as far as there are bars",
                  "won", 1, KOREAN),
        Indicator("low_52w", "52-week low", "52주 최저가",
                  "lowest L of the 52 weeks that end today", "364 days; as far as there are bars",
                  "won", 1, KOREAN),
        Indicator("high_52w_distance", "Distance from the 52-week high", "52주 최고가 대비",
                  "100 (C / high - 1)", "364 days", "%", 1, KOREAN),
        Indicator("low_52w_distance", "Distance from the 52-week low", "52주 최저가 대비",
                  "100 (C / low - 1)", "364 days", "%", 1, KOREAN),
        *map(_return, (1, 5, 20, 60, 120)),
    )),
)  # fmt: skip

CATALOGUE = tuple(indicator for group in GROUPS for indicator in group.indicators)
INDICATOR_NAMES = tuple(map(attrgetter("name"), CATALOGUE))

"""Candlestick patterns of TA-Lib, 61 of them, on the last 45 candles, reported where they complete
on the last one. A bar without a regular price has no candle and is left out.

The deepest pattern looks back 14 bars, so 45 give the same answer as the whole series. Over 45 bars
a call costs little but its own overhead; bars in whole won let one call serve all tickers: laid end
to end, every sum TA-Lib keeps is an exact integer, so nothing of one ticker reaches the next and
the answers are those of a call per ticker. Tickers with adjusted prices in fractions of a won
within the 45 candles are asked one by one.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from collectors.analysis.indicators.bars import Bars, BoolArray, FloatArray, Market
from collectors.analysis.indicators.studies import raw

DEPTH = 45
_LARGEST_EXACT = 2.0**45
"""Won below which sums over a few bars are exact in float64, with room to spare."""

BOTH, NEUTRAL = "", "neutral"


@dataclass(frozen=True)
class Pattern:
    """Candlestick pattern: stable name, TA-Lib's function, titles, and its direction (`BOTH`: by
    the sign TA-Lib returns).

    TA-Lib gives some patterns of indecision a sign that only tells the candle's colour, or +100
    always: `NEUTRAL`.
    """

    name: str
    function: str
    title: str
    korean: str
    direction: str = BOTH


PATTERNS = (
    Pattern("two_crows", "CDL2CROWS", "Two crows", "두 까마귀형"),
    Pattern("three_black_crows", "CDL3BLACKCROWS", "Three black crows", "흑삼병"),
    Pattern("three_inside", "CDL3INSIDE", "Three inside up/down", "잉태 확인형"),
    Pattern("three_line_strike", "CDL3LINESTRIKE", "Three-line strike", "삼선 반격형"),
    Pattern("three_outside", "CDL3OUTSIDE", "Three outside up/down", "장악 확인형"),
    Pattern("three_stars_in_south", "CDL3STARSINSOUTH", "Three stars in the south", "남쪽 세 별형"),
    Pattern(
        "three_white_soldiers", "CDL3WHITESOLDIERS", "Three advancing white soldiers", "적삼병"
    ),
    Pattern("abandoned_baby", "CDLABANDONEDBABY", "Abandoned baby", "버려진 아기형"),
    Pattern("advance_block", "CDLADVANCEBLOCK", "Advance block", "전진 봉쇄형"),
    Pattern("belt_hold", "CDLBELTHOLD", "Belt-hold", "샅바형"),
    Pattern("breakaway", "CDLBREAKAWAY", "Breakaway", "탈출형"),
    Pattern("closing_marubozu", "CDLCLOSINGMARUBOZU", "Closing marubozu", "종가 마루보주"),
    Pattern(
        "concealing_baby_swallow",
        "CDLCONCEALBABYSWALL",
        "Concealing baby swallow",
        "숨은 아기 제비형",
    ),
    Pattern("counterattack", "CDLCOUNTERATTACK", "Counterattack", "반격형"),
    Pattern("dark_cloud_cover", "CDLDARKCLOUDCOVER", "Dark cloud cover", "흑운형"),
    Pattern("doji", "CDLDOJI", "Doji", "도지", NEUTRAL),
    Pattern("doji_star", "CDLDOJISTAR", "Doji star", "도지 스타형"),
    Pattern("dragonfly_doji", "CDLDRAGONFLYDOJI", "Dragonfly doji", "잠자리형 도지"),
    Pattern("engulfing", "CDLENGULFING", "Engulfing", "장악형"),
    Pattern("evening_doji_star", "CDLEVENINGDOJISTAR", "Evening doji star", "저녁 도지 별형"),
    Pattern("evening_star", "CDLEVENINGSTAR", "Evening star", "저녁 별형(석별형)"),
    Pattern(
        "gap_side_by_side_white",
        "CDLGAPSIDESIDEWHITE",
        "Up/down-gap side-by-side white lines",
        "갭 나란히형",
    ),
    Pattern("gravestone_doji", "CDLGRAVESTONEDOJI", "Gravestone doji", "비석형 도지", "bearish"),
    Pattern("hammer", "CDLHAMMER", "Hammer", "망치형"),
    Pattern("hanging_man", "CDLHANGINGMAN", "Hanging man", "교수형"),
    Pattern("harami", "CDLHARAMI", "Harami", "잉태형"),
    Pattern("harami_cross", "CDLHARAMICROSS", "Harami cross", "십자 잉태형"),
    Pattern("high_wave", "CDLHIGHWAVE", "High-wave candle", "하이 웨이브형", NEUTRAL),
    Pattern("hikkake", "CDLHIKKAKE", "Hikkake", "힛카케형"),
    Pattern("modified_hikkake", "CDLHIKKAKEMOD", "Modified hikkake", "변형 힛카케형"),
    Pattern("homing_pigeon", "CDLHOMINGPIGEON", "Homing pigeon", "귀소 비둘기형"),
    Pattern(
        "identical_three_crows", "CDLIDENTICAL3CROWS", "Identical three crows", "동일 삼까마귀형"
    ),
    Pattern("in_neck", "CDLINNECK", "In-neck", "인넥형"),
    Pattern("inverted_hammer", "CDLINVERTEDHAMMER", "Inverted hammer", "역망치형"),
    Pattern("kicking", "CDLKICKING", "Kicking", "키킹형"),
    Pattern(
        "kicking_by_length",
        "CDLKICKINGBYLENGTH",
        "Kicking, by the longer marubozu",
        "키킹형(긴 봉 기준)",
    ),
    Pattern("ladder_bottom", "CDLLADDERBOTTOM", "Ladder bottom", "사다리 바닥형"),
    Pattern("long_legged_doji", "CDLLONGLEGGEDDOJI", "Long-legged doji", "긴 다리 도지", NEUTRAL),
    Pattern("long_line", "CDLLONGLINE", "Long line candle", "장대봉"),
    Pattern("marubozu", "CDLMARUBOZU", "Marubozu", "마루보주"),
    Pattern("matching_low", "CDLMATCHINGLOW", "Matching low", "동일 저가형"),
    Pattern("mat_hold", "CDLMATHOLD", "Mat hold", "매트 홀드형"),
    Pattern("morning_doji_star", "CDLMORNINGDOJISTAR", "Morning doji star", "아침 도지 별형"),
    Pattern("morning_star", "CDLMORNINGSTAR", "Morning star", "아침 별형(샛별형)"),
    Pattern("on_neck", "CDLONNECK", "On-neck", "온넥형"),
    Pattern("piercing", "CDLPIERCING", "Piercing line", "관통형"),
    Pattern("rickshaw_man", "CDLRICKSHAWMAN", "Rickshaw man", "인력거꾼형", NEUTRAL),
    Pattern(
        "three_methods", "CDLRISEFALL3METHODS", "Rising/falling three methods", "상승/하락 삼법형"
    ),
    Pattern("separating_lines", "CDLSEPARATINGLINES", "Separating lines", "격리형"),
    Pattern("shooting_star", "CDLSHOOTINGSTAR", "Shooting star", "유성형"),
    Pattern("short_line", "CDLSHORTLINE", "Short line candle", "단봉", NEUTRAL),
    Pattern("spinning_top", "CDLSPINNINGTOP", "Spinning top", "팽이형", NEUTRAL),
    Pattern("stalled_pattern", "CDLSTALLEDPATTERN", "Stalled pattern", "지연형"),
    Pattern("stick_sandwich", "CDLSTICKSANDWICH", "Stick sandwich", "스틱 샌드위치형"),
    Pattern("takuri", "CDLTAKURI", "Takuri (long lower shadow dragonfly)", "타쿠리형"),
    Pattern("tasuki_gap", "CDLTASUKIGAP", "Tasuki gap", "타스키 갭형"),
    Pattern("thrusting", "CDLTHRUSTING", "Thrusting", "스러스팅형"),
    Pattern("tristar", "CDLTRISTAR", "Tristar", "트라이스타형"),
    Pattern("unique_three_river", "CDLUNIQUE3RIVER", "Unique three river bottom", "유니크 삼강형"),
    Pattern(
        "upside_gap_two_crows", "CDLUPSIDEGAP2CROWS", "Upside gap two crows", "상승 갭 두 까마귀형"
    ),
    Pattern(
        "gap_three_methods", "CDLXSIDEGAP3METHODS", "Upside/downside gap three methods", "갭 삼법형"
    ),
)

_FUNCTIONS = tuple(raw(pattern.function) for pattern in PATTERNS)
Scores = NDArray[np.int8]
"""Signs of TA-Lib's answers for the last bar, in the order of `PATTERNS`; 0 is no pattern."""


def score(candles: Bars) -> Scores:
    """Return the last candle's scores of one ticker, shape (61,)."""
    prices = [series[-DEPTH:] for series in candles[:4]]
    return np.sign([function(*prices)[-1] for function in _FUNCTIONS]).astype(np.int8)


def score_whole_won(market: Market, traded: BoolArray) -> tuple[Scores, BoolArray]:
    """Return the scores of all tickers whose last 45 candles are in whole won, shape (tickers, 61),
    and which tickers those are. `traded` is that of the panel."""
    recent = _last_candles(market, traded)
    whole = ((recent == np.rint(recent)) & (recent < _LARGEST_EXACT)).all(axis=(0, 2))
    whole &= market.current
    prices = [series[whole].ravel() for series in recent]
    scores = np.zeros((len(whole), len(PATTERNS)), dtype=np.int8)
    if whole.any():
        for column, function in enumerate(_FUNCTIONS):
            scores[whole, column] = np.sign(function(*prices)[DEPTH - 1 :: DEPTH])
    return scores, whole


def _last_candles(market: Market, traded: BoolArray) -> FloatArray:
    """Return open, high, low and close of the last 45 candles of each ticker, shape (4, tickers,
    45); NaN where there are fewer."""
    series = (market.open, market.high, market.low, market.close)
    recent = np.stack([each[:, -DEPTH:] for each in series])
    width = market.close.shape[1] - traded.shape[1]
    for row in np.flatnonzero(~traded[:, -DEPTH:].all(axis=1)):
        bars = width + np.flatnonzero(traded[row])
        bars = bars[~np.isnan(market.close[row, bars])][-DEPTH:]
        recent[:, row] = np.nan
        recent[:, row, DEPTH - len(bars) :] = [each[row, bars] for each in series]
    return recent


def describe(scores: Scores) -> list[dict[str, str]]:
    """Return the patterns found, each `{"name": .., "direction": "bullish" | "bearish" |
    "neutral"}`."""
    return [
        {
            "name": PATTERNS[i].name,
            "direction": PATTERNS[i].direction or ("bullish" if scores[i] > 0 else "bearish"),
        }
        for i in np.flatnonzero(scores).tolist()
    ]

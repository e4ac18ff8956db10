"""Every indicator against its definition, written out plainly here and sharing no code with what is
tested."""

from datetime import date, timedelta
from itertools import pairwise
from math import log, sqrt

import numpy as np
import pytest

from collectors.analysis.indicators.catalogue import CATALOGUE, INDICATOR_NAMES
from collectors.analysis.night import PANEL_SESSIONS
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from utils.market_day import Panel

ROWS = 300
SEEDS = (11, 12, 13)


def sessions(count):
    """Return `count` weekdays from 2023-01-02 on."""
    days = (date(2023, 1, 2) + timedelta(days=n) for n in range(2 * count + 7))
    return [day.isoformat() for day in days if day.weekday() < 5][:count]


def series(seed, rows=ROWS):
    """A fixed random walk of whole won: open, high, low, close, volume, value as lists of
    floats."""
    random = np.random.default_rng(seed)
    close = np.rint(20_000 * np.exp(np.cumsum(random.normal(0, 0.02, rows))))
    opened = np.rint(close * (1 + random.normal(0, 0.01, rows)))
    high = np.rint(np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.006, rows))))
    low = np.rint(np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.006, rows))))
    volume = np.rint(np.exp(random.normal(12, 0.8, rows)))
    return tuple(array.tolist() for array in (opened, high, low, close, volume, close * volume))


def panel_of(*tickers):
    """A panel of complete tickers, each a tuple of six equally long lists as `series` makes
    them."""
    arrays = [np.array(rows, dtype=np.float64) for rows in zip(*tickers, strict=True)]
    count, columns = arrays[0].shape
    codes = [f"{row:06d}" for row in range(count)]
    listed = np.ones((count, columns), dtype=bool)
    return Panel(
        sessions(columns), codes, codes, ["KOSPI"] * count, *arrays, listed, np.full(count, 1e12)
    )


# Definitions. Each takes plain lists and returns the value at the last bar.


def mean(values):
    return sum(values) / len(values)


def ema_line(values, n):
    line = [mean(values[:n])]
    for value in values[n:]:
        line.append(line[-1] + (value - line[-1]) * 2 / (n + 1))
    return line


def wilder_line(values, n):
    line = [mean(values[:n])]
    for value in values[n:]:
        line.append((line[-1] * (n - 1) + value) / n)
    return line


def rsi_line(close, n=14):
    moves = [b - a for a, b in pairwise(close)]
    rises = wilder_line([max(move, 0) for move in moves], n)
    falls = wilder_line([max(-move, 0) for move in moves], n)
    return [100 * up / (up + down) for up, down in zip(rises, falls, strict=True)]


def middle(high, low, n, back=0):
    end = len(high) - back
    return (max(high[end - n : end]) + min(low[end - n : end])) / 2


def raw_k(high, low, close, back, n=14):
    end = len(close) - back
    top, bottom = max(high[end - n : end]), min(low[end - n : end])
    return 100 * (close[end - 1] - bottom) / (top - bottom)


def true_ranges(high, low, close):
    days = range(1, len(close))
    return [
        max(high[d] - low[d], abs(high[d] - close[d - 1]), abs(low[d] - close[d - 1])) for d in days
    ]


def movements(high, low):
    plus, minus = [], []
    for day in range(1, len(high)):
        up, down = high[day] - high[day - 1], low[day - 1] - low[day]
        plus.append(up if up > down and up > 0 else 0.0)
        minus.append(down if down > up and down > 0 else 0.0)
    return plus, minus


def moving_averages(o, h, lo, c, v, value):
    return {
        **{f"sma_{n}": mean(c[-n:]) for n in (5, 10, 20, 60, 120) if len(c) >= n},
        **{f"ema_{n}": ema_line(c, n)[-1] for n in (12, 26)},
        **{f"disparity_{n}": 100 * c[-1] / mean(c[-n:]) for n in (20, 60)},
    }


def bands(o, h, lo, c, v, value):
    center = mean(c[-20:])
    deviation = sqrt(mean([(price - center) ** 2 for price in c[-20:]]))
    upper, lower = center + 2 * deviation, center - 2 * deviation
    return {
        "bb_upper": upper,
        "bb_middle": center,
        "bb_lower": lower,
        "bb_percent_b": (c[-1] - lower) / (upper - lower),
        "bb_width": 100 * (upper - lower) / center,
        "donchian_upper": max(h[-20:]),
        "donchian_lower": min(lo[-20:]),
        "donchian_middle": (max(h[-20:]) + min(lo[-20:])) / 2,
    }


def ichimoku(o, h, lo, c, v, value):
    return {
        "ichimoku_conversion": middle(h, lo, 9),
        "ichimoku_base": middle(h, lo, 26),
        "ichimoku_lead_a": (middle(h, lo, 9) + middle(h, lo, 26)) / 2,
        "ichimoku_lead_b": middle(h, lo, 52),
        "ichimoku_span_a": (middle(h, lo, 9, 25) + middle(h, lo, 26, 25)) / 2,
        "ichimoku_span_b": middle(h, lo, 52, 25),
        "ichimoku_lagging": c[-1],
    }


def oscillators(o, h, lo, c, v, value):
    slow = [mean([raw_k(h, lo, c, back + day) for day in range(3)]) for back in range(3)]
    typical = [sum(bar) / 3 for bar in zip(h, lo, c, strict=True)]
    center = mean(typical[-20:])
    spread = mean([abs(price - center) for price in typical[-20:]])
    return {
        "stoch_k": slow[0],
        "stoch_d": mean(slow),
        "rsi_14": rsi_line(c)[-1],
        "rsi_signal": mean(rsi_line(c)[-9:]),
        "cci_20": (typical[-1] - center) / (0.015 * spread),
        "williams_r_14": raw_k(h, lo, c, 0) - 100,
        "roc_12": 100 * (c[-1] / c[-13] - 1),
        "psychological_10": 10.0 * sum(c[-day] > c[-day - 1] for day in range(1, 11)),
    }


def macd(o, h, lo, c, v, value):
    fast, slow = ema_line(c, 12), ema_line(c, 26)
    line = [a - b for a, b in zip(fast[14:], slow, strict=True)]
    signal = ema_line(line, 9)[-1]
    return {"macd": line[-1], "macd_signal": signal, "macd_histogram": line[-1] - signal}


def directional(o, h, lo, c, v, value):
    true = wilder_line(true_ranges(h, lo, c), 14)
    plus, minus = (wilder_line(moves, 14) for moves in movements(h, lo))
    plus_di = [100 * a / b for a, b in zip(plus, true, strict=True)]
    minus_di = [100 * a / b for a, b in zip(minus, true, strict=True)]
    dx = [100 * abs(a - b) / (a + b) for a, b in zip(plus_di, minus_di, strict=True)]
    return {
        "atr_14": true[-1],
        "plus_di_14": plus_di[-1],
        "minus_di_14": minus_di[-1],
        "adx_14": wilder_line(dx, 14)[-1],
    }


def volumes(o, h, lo, c, v, value):
    days = range(len(c) - 20, len(c))
    rising = sum(v[d] for d in days if c[d] > c[d - 1])
    falling = sum(v[d] for d in days if c[d] < c[d - 1])
    same = sum(v[d] for d in days if c[d] == c[d - 1])
    typical = [sum(bar) / 3 for bar in zip(h, lo, c, strict=True)]
    flows = [(typical[d] - typical[d - 1], typical[d] * v[d]) for d in range(len(c) - 14, len(c))]
    into, out = (
        sum(flow for move, flow in flows if move > 0),
        sum(flow for move, flow in flows if move < 0),
    )
    signed = [v[d] * ((c[d] > c[d - 1]) - (c[d] < c[d - 1])) for d in range(1, len(c))]
    return {
        "volume_sma_5": mean(v[-5:]),
        "volume_sma_20": mean(v[-20:]),
        "volume_ratio": v[-1] / mean(v[-21:-1]),
        "value_sma_20": mean(value[-20:]),
        "vr_20": 100 * (rising + same / 2) / (falling + same / 2),
        "mfi_14": 100 * into / (into + out),
        "vwap_20": sum(typical[d] * v[d] for d in days) / sum(v[d] for d in days),
        **{f"obv_change_{n}": sum(signed[-n:]) for n in (1, 20, 60)},
    }


def ranges(o, h, lo, c, v, value):
    today = date.fromisoformat(sessions(len(c))[-1])
    year = [
        d
        for d, day in enumerate(sessions(len(c)))
        if date.fromisoformat(day) > today - timedelta(weeks=52)
    ]
    top, bottom = max(h[d] for d in year), min(lo[d] for d in year)
    steps = [log(c[-day] / c[-day - 1]) for day in range(1, 21)]
    spread = sqrt(sum((step - mean(steps)) ** 2 for step in steps) / 19)
    return {
        "high_52w": top,
        "low_52w": bottom,
        "high_52w_distance": 100 * (c[-1] - top) / top,
        "low_52w_distance": 100 * (c[-1] - bottom) / bottom,
        "volatility_20": 100 * spread * sqrt(252),
        **{
            f"return_{n}": 100 * (c[-1] - c[-n - 1]) / c[-n - 1]
            for n in (1, 5, 20, 60, 120)
            if len(c) > n
        },
    }


DEFINITIONS = (moving_averages, bands, ichimoku, oscillators, macd, directional, volumes, ranges)
CONVERGING = {
    "macd",
    "macd_signal",
    "macd_histogram",
    "atr_14",
    "plus_di_14",
    "minus_di_14",
    "adx_14",
}
"""TA-Lib begins these smoothings elsewhere than the plain definitions do; the difference must fade
away."""


def golden(rows, *arrays):
    cut = [array[:rows] for array in arrays]
    answers = {}
    for define in DEFINITIONS:
        answers |= define(*cut)
    return answers


@pytest.mark.parametrize(("rows", "converging"), [(100, 2e-2), (200, 1e-4), (300, 1e-6)])
@pytest.mark.parametrize("seed", SEEDS)
def test_every_indicator_equals_its_plain_definition(rows, converging, seed):
    arrays = series(seed)
    latest = TechnicalAnalyzer(panel_of([array[:rows] for array in arrays])).analyze(0).latest
    expected = golden(rows, *arrays)
    for name, value in expected.items():
        tolerance = converging if name in CONVERGING else 1e-9
        scale = latest["atr_14"] if name.startswith("macd") else 0.0
        assert latest[name] == pytest.approx(value, rel=tolerance, abs=tolerance * scale), name
    assert set(latest) - set(expected) == (set() if rows > 120 else {"sma_120", "return_120"})


@pytest.mark.parametrize("seed", SEEDS)
def test_no_indicator_needs_more_sessions_than_a_night_reads(seed):
    arrays = series(seed, 600)
    long, short = (
        TechnicalAnalyzer(panel_of([line[-count:] for line in arrays])).analyze(0)
        for count in (600, PANEL_SESSIONS)
    )
    scale = long.latest["atr_14"]
    for name, value in long.latest.items():
        assert short.latest[name] == pytest.approx(
            value, rel=1e-6, abs=1e-6 * scale * name.startswith("macd")
        ), name
    assert short.signals == long.signals


def test_the_definitions_cover_the_catalogue():
    assert set(golden(300, *series(1))) == set(INDICATOR_NAMES)


def test_each_indicator_begins_exactly_at_its_warm_up():
    first = {}
    arrays = series(4, 130)
    for rows in range(1, 131):
        latest = TechnicalAnalyzer(panel_of([array[:rows] for array in arrays])).analyze(0).latest
        for name, value in latest.items():
            if value is not None:
                first.setdefault(name, rows)
    assert first == {indicator.name: indicator.warm_up for indicator in CATALOGUE}


def test_history_holds_the_value_each_session_had_on_its_own_night():
    arrays = series(5)
    history = TechnicalAnalyzer(panel_of(arrays)).analyze(0).history
    for back in (1, 17, 42):
        rows = ROWS - back
        latest = TechnicalAnalyzer(panel_of([array[:rows] for array in arrays])).analyze(0).latest
        for name in set(history) & set(latest):
            assert history[name][-1 - back] == pytest.approx(latest[name], rel=1e-8, abs=1e-4), name


def test_history_is_the_last_60_bars():
    arrays = series(6)
    history = TechnicalAnalyzer(panel_of(arrays)).analyze(0).history
    assert history["session"] == sessions(ROWS)[-60:]
    for name, array in zip(("open", "high", "low", "close", "volume"), arrays, strict=False):
        assert history[name].tolist() == array[-60:]
    assert {len(line) for line in history.values()} == {60}


def test_one_more_night_does_not_move_the_level_of_obv():
    arrays = series(7, 301)
    tonight, tomorrow = (
        TechnicalAnalyzer(panel_of([array[start : start + 300] for array in arrays])).analyze(0)
        for start in (0, 1)
    )
    step = tomorrow.latest["obv_change_1"]
    left = arrays[4][-61] * np.sign(arrays[3][-61] - arrays[3][-62])
    assert tomorrow.latest["obv_change_60"] - tonight.latest["obv_change_60"] == step - left
    assert (
        tomorrow.history["obv_change_1"][:-1].tolist()
        == tonight.history["obv_change_1"][1:].tolist()
    )


IN_WON = {i.name for i in CATALOGUE if i.unit == "won"} - {"value_sma_20"}


@pytest.mark.parametrize("scale", [0.01, 7.0, 1000.0])
def test_prices_scale_and_ratios_do_not(scale):
    o, h, lo, c, v, value = series(8)
    scaled = tuple([price * scale for price in line] for line in (o, h, lo, c))
    plain = TechnicalAnalyzer(panel_of((o, h, lo, c, v, value))).analyze(0)
    large = TechnicalAnalyzer(panel_of((*scaled, v, value))).analyze(0)
    for name, number in plain.latest.items():
        factor = scale if name in IN_WON else 1.0
        assert large.latest[name] == pytest.approx(number * factor, rel=1e-7), name
    assert large.signals == plain.signals


@pytest.mark.parametrize("scale", [3.0, 4096.0])
def test_only_volume_indicators_follow_the_volume(scale):
    o, h, lo, c, v, value = series(9)
    plain = TechnicalAnalyzer(panel_of((o, h, lo, c, v, value))).analyze(0).latest
    large = (
        TechnicalAnalyzer(panel_of((o, h, lo, c, [x * scale for x in v], value))).analyze(0).latest
    )
    in_shares = {i.name for i in CATALOGUE if i.unit == "shares"}
    for name, number in plain.items():
        assert large[name] == pytest.approx(
            number * (scale if name in in_shares else 1.0), rel=1e-12
        ), name


@pytest.mark.parametrize("seed", SEEDS)
def test_oscillators_stay_within_their_bounds(seed):
    latest = TechnicalAnalyzer(panel_of(series(seed))).analyze(0).latest
    for indicator in CATALOGUE:
        if indicator.unit == "0 to 100":
            assert 0 <= latest[indicator.name] <= 100, indicator.name
    assert -100 <= latest["williams_r_14"] <= 0
    assert (
        latest["low_52w"]
        <= latest["donchian_lower"]
        <= latest["donchian_upper"]
        <= latest["high_52w"]
    )

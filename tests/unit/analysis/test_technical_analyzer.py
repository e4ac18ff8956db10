"""Analyzer on bad, short and quiet data; signals, patterns, ranks; the page that describes them."""

import json
from dataclasses import asdict, fields, replace
from datetime import date, timedelta

import numpy as np
import pytest
import talib
import talib.abstract
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.analysis.indicators import documentation
from collectors.analysis.indicators.catalogue import CATALOGUE, INDICATOR_NAMES
from collectors.analysis.indicators.patterns import DEPTH, PATTERNS
from collectors.analysis.indicators.ranks import RANK_NAMES, percentile_ranks
from collectors.analysis.indicators.signals import SIGNALS, fired
from collectors.analysis.technical_analyzer import HISTORY_LINES, AnalysisError, TechnicalAnalyzer
from utils.market_day import Panel
from utils.settings import PROJECT
from utils.store.backend import to_lists

PRICES = ("open", "high", "low", "close")
BARS = (*PRICES, "volume")
ARRAYS = (*BARS, "value")


def sessions(count):
    return [(date(2024, 1, 1) + timedelta(days=n)).isoformat() for n in range(count)]


def panel_from(close, opened=None, high=None, low=None, volume=None, markets=None):
    """A panel from (tickers, sessions) closes; bars without a shape of their own are 1 % tall
    around the close."""
    close = np.atleast_2d(np.asarray(close, dtype=np.float64))
    count = len(close)
    opened = close.copy() if opened is None else np.atleast_2d(np.asarray(opened, dtype=np.float64))
    high = (
        np.maximum(opened, close) * 1.005
        if high is None
        else np.atleast_2d(np.asarray(high, dtype=np.float64))
    )
    low = (
        np.minimum(opened, close) * 0.995
        if low is None
        else np.atleast_2d(np.asarray(low, dtype=np.float64))
    )
    volume = (
        np.full_like(close, 1000.0)
        if volume is None
        else np.atleast_2d(np.asarray(volume, dtype=np.float64))
    )
    codes = [f"{row:06d}" for row in range(count)]
    arrays = (
        opened,
        high,
        low,
        close,
        volume,
        close * volume,
        ~np.isnan(close),
        np.full(count, 1e12),
    )
    return Panel(sessions(close.shape[1]), codes, codes, markets or ["KOSPI"] * count, *arrays)


def walk(seed=0, tickers=1, rows=300, price=20_000, whole=True):
    """Random bars (open, high, low, close, volume), each (tickers, rows), in whole won unless told
    otherwise."""
    random = np.random.default_rng(seed)
    shape = (tickers, rows)
    close = price * np.exp(np.cumsum(random.normal(0, 0.02, shape), axis=1))
    opened = close * (1 + random.normal(0, 0.01, shape))
    high = np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.006, shape)))
    low = np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.006, shape)))
    bars = [np.rint(array) + 1 if whole else array for array in (opened, high, low, close)]
    return (*bars, np.rint(np.exp(random.normal(12, 0.8, shape))))


def panel_of_walk(**options):
    opened, high, low, close, volume = walk(**options)
    return panel_from(close, opened, high, low, volume)


def halt(panel, row, days):
    """The ticker's last `days` sessions without trading, as the panel fills them."""
    for name in PRICES:
        getattr(panel, name)[row, -days:] = panel.close[row, -days - 1]
    for name in ("volume", "value"):
        getattr(panel, name)[row, -days:] = 0
    panel.traded[row, -days:] = False
    return panel


def unlist(panel, row, days):
    for name in ARRAYS:
        getattr(panel, name)[row, days] = np.nan
    panel.traded[row, days] = False
    return panel


def cut(panel, days):
    """The panel with only the sessions in the slice `days`."""
    arrays = {
        name: np.ascontiguousarray(getattr(panel, name)[:, days]) for name in (*ARRAYS, "traded")
    }
    return replace(panel, sessions=panel.sessions[days], **arrays)


def analysis(panel, row=0):
    return TechnicalAnalyzer(panel).analyze(row)


def plain(result):
    return asdict(result) | {"history": to_lists(result.history)}


def without_ranks(result):
    return {name: value for name, value in plain(result).items() if name != "ranks"}


# What comes out


def test_a_result_is_plain_json_without_nan():
    panel = halt(unlist(panel_of_walk(tickers=3, rows=80), 1, slice(0, 60)), 2, 30)
    analyzer = TechnicalAnalyzer(panel)
    for row in range(3):
        json.dumps(plain(analyzer.analyze(row)), allow_nan=False)


def test_values_are_python_numbers_not_numpy_ones():
    result = analysis(panel_of_walk())
    assert {type(value) for value in result.latest.values()} == {float}
    assert type(result.close) is type(result.market_cap) is int
    history = plain(result)["history"]
    assert {type(value) for name in BARS for value in history[name]} == {int}
    assert {type(value) for name in HISTORY_LINES for value in history[name]} == {float}


def test_a_result_carries_every_name_of_the_catalogues():
    result = analysis(panel_of_walk(tickers=2))
    assert tuple(result.latest) == INDICATOR_NAMES
    assert tuple(result.ranks) == RANK_NAMES


def test_names_of_each_catalogue_are_unique():
    for catalogue in (CATALOGUE, SIGNALS, PATTERNS):
        assert len({entry.name for entry in catalogue}) == len(catalogue)


def test_a_ticker_is_found_by_row_and_by_code():
    analyzer = TechnicalAnalyzer(panel_of_walk(tickers=3))
    assert plain(analyzer.analyze("000002")) == plain(analyzer.analyze(2))
    with pytest.raises(AnalysisError, match="not listed"):
        analyzer.analyze("999999")
    with pytest.raises(IndexError):
        analyzer.analyze(3)


def test_the_panel_is_only_read():
    panel = halt(unlist(panel_of_walk(tickers=4), 1, slice(100, 110)), 2, 20)
    copy = {name: getattr(panel, name).copy() for name in (*ARRAYS, "traded", "market_cap")}
    analyzer = TechnicalAnalyzer(panel)
    for row in range(4):
        analyzer.analyze(row)
    for name, array in copy.items():
        np.testing.assert_array_equal(getattr(panel, name), array)


def test_a_read_only_panel_is_enough():
    panel = halt(panel_of_walk(tickers=2), 1, 30)
    for name in ARRAYS:
        getattr(panel, name).flags.writeable = False
    TechnicalAnalyzer(panel).analyze(1)


def test_neighbours_change_nothing_but_ranks():
    together = TechnicalAnalyzer(panel_of_walk(tickers=5))
    opened, high, low, close, volume = walk(tickers=5)
    nobody = {"ticker": "", "name": ""}
    for row in range(5):
        alone = analysis(panel_from(close[row], opened[row], high[row], low[row], volume[row]))
        assert without_ranks(together.analyze(row)) | nobody == without_ranks(alone) | nobody


# Bad data


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i8"])
def test_anything_but_native_float64_is_refused(name, dtype):
    panel = panel_of_walk()
    with pytest.raises(AnalysisError, match=name):
        TechnicalAnalyzer(replace(panel, **{name: getattr(panel, name).astype(dtype)}))


def test_arrays_that_are_not_contiguous_are_refused():
    panel = panel_of_walk(tickers=3)
    with pytest.raises(AnalysisError, match="contiguous"):
        TechnicalAnalyzer(replace(panel, high=np.asfortranarray(panel.high)))


def test_arrays_of_another_shape_are_refused():
    panel = panel_of_walk(tickers=3)
    with pytest.raises(AnalysisError, match="shape"):
        TechnicalAnalyzer(replace(panel, low=panel.low[:, 1:].copy()))


FAULTS = {
    "a missing close": ("close", np.nan),
    "a missing volume": ("volume", np.nan),
    "an infinite price": ("high", np.inf),
    "a price of zero": ("low", 0.0),
    "a negative price": ("open", -5.0),
    "high below low": ("high", 1.0),
    "a negative volume": ("volume", -1.0),
}


@pytest.mark.parametrize(("name", "value"), FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("day", [0, 150, 299])
def test_an_impossible_bar_is_refused_and_leaves_the_others_alone(name, value, day):
    panel = panel_of_walk(tickers=3)
    expected = without_ranks(analysis(panel, 2))
    getattr(panel, name)[1, day] = value
    analyzer = TechnicalAnalyzer(panel)
    with pytest.raises(AnalysisError, match="000001"):
        analyzer.analyze(1)
    assert list(analyzer.faults) == ["000001"]
    assert without_ranks(analyzer.analyze(2)) == expected


def test_a_bad_bar_before_a_gap_does_not_matter():
    panel = unlist(panel_of_walk(), 0, slice(100, 110))
    panel.low[0, 50] = -1
    assert analysis(panel).latest["sma_120"] is not None


def test_a_ticker_that_was_never_listed_is_refused():
    with pytest.raises(AnalysisError, match="no bar"):
        analysis(unlist(panel_of_walk(tickers=2), 1, slice(None)), 1)


@pytest.mark.parametrize("rows", [*range(1, 61)])
def test_any_short_history_is_analysed(rows):
    panel = cut(panel_of_walk(), slice(300 - rows, 300))
    result = analysis(panel)
    assert result.latest["high_52w"] == panel.high.max()
    assert {len(line) for line in result.history.values()} == {rows}


@pytest.mark.parametrize("rows", [1, 2, 15, 40, 60, 139, 299])
def test_a_late_listing_equals_the_same_bars_alone(rows):
    panel = panel_of_walk(tickers=2)
    late = analysis(unlist(panel, 0, slice(0, 300 - rows)))
    alone = analysis(cut(panel, slice(300 - rows, 300)))
    assert without_ranks(late) == without_ranks(alone)


@pytest.mark.parametrize("first", [0, 20])
def test_a_code_that_came_back_counts_from_its_return(first):
    panel = unlist(unlist(panel_of_walk(), 0, slice(0, first)), 0, slice(200, 210))
    assert without_ranks(analysis(panel)) == without_ranks(analysis(cut(panel, slice(210, 300))))


def test_a_delisted_ticker_stands_at_its_own_last_bar_without_signals_or_ranks():
    panel = unlist(panel_of_walk(tickers=3), 1, slice(280, 300))
    gone, then = analysis(panel, 1), analysis(cut(panel, slice(0, 280)), 1)
    assert gone.session == panel.sessions[279]
    assert gone.latest == then.latest
    assert to_lists(gone.history) == to_lists(then.history)
    assert gone.signals == gone.patterns == []
    assert set(gone.ranks.values()) == {None}


def test_an_empty_panel_has_nobody_to_analyse():
    empty = np.empty((0, 300))
    panel = Panel(sessions(300), [], [], [], *[empty] * 6, empty.astype(bool), np.empty(0))
    assert TechnicalAnalyzer(panel).faults == {}


def test_zero_volume_leaves_volume_ratios_undefined():
    latest = analysis(panel_from(walk()[3], volume=np.zeros((1, 300)))).latest
    for name in ("vr_20", "mfi_14", "vwap_20", "volume_ratio"):
        assert latest[name] is None
    assert latest["obv_change_60"] == latest["volume_sma_20"] == 0
    assert latest["rsi_14"] is not None


@pytest.mark.parametrize("price", [1.0, 333.3, 20_000.0, 987_654.321])
def test_a_price_frozen_for_good_has_no_ratios_signals_or_patterns(price):
    flat = np.full((1, 300), price)
    result = analysis(panel_from(flat, flat, flat, flat))
    for name in (
        "rsi_14",
        "rsi_signal",
        "stoch_k",
        "stoch_d",
        "williams_r_14",
        "cci_20",
        "mfi_14",
        "bb_percent_b",
    ):
        assert result.latest[name] is None, name
    for name in ("plus_di_14", "minus_di_14", "adx_14"):
        assert result.latest[name] is None, name
    for name in ("sma_120", "ema_26", "vwap_20", "bb_upper", "ichimoku_span_b", "high_52w"):
        assert result.latest[name] == pytest.approx(price), name
    assert result.latest["vr_20"] == 100
    assert (
        result.latest["return_120"]
        == result.latest["atr_14"]
        == result.latest["volatility_20"]
        == 0
    )
    assert result.signals == result.patterns == []


def test_a_halt_leaves_the_stochastic_undefined_until_its_window_moves_again():
    panel = halt(panel_of_walk(), 0, 40)
    for name in PRICES:
        getattr(panel, name)[0, -3:] = walk(seed=1)[PRICES.index(name)][0, -3:]
    panel.traded[0, -3:] = True
    line = plain(analysis(panel))["history"]["stoch_k"]
    assert line[-60 + 20 + 18] is None
    assert line[-4] is None
    assert line[-1] is not None


@pytest.mark.parametrize(("days", "defined"), [(13, True), (14, False)])
def test_a_window_of_14_bars_is_flat_after_14_sessions_of_halt(days, defined):
    latest = analysis(halt(panel_of_walk(), 0, days)).latest
    assert (latest["williams_r_14"] is not None) is defined
    assert (latest["stoch_k"] is not None) is defined
    assert (latest["mfi_14"] is not None) is defined


@pytest.mark.parametrize(("days_ago", "seen"), [(363, True), (364, False)])
def test_the_52_weeks_are_364_days_with_today_included(days_ago, seen):
    panel = panel_from(np.full((1, 400), 1000.0))
    panel.high[0, -1 - days_ago] = 5000.0
    assert (analysis(panel).latest["high_52w"] == 5000) is seen


@pytest.mark.parametrize("days", [1, 5, 60, 299])
def test_a_halted_ticker_gives_no_signal_pattern_or_rank(days):
    close = np.append(np.linspace(2000, 1000, 299), 1300.0)
    panel = panel_from(np.vstack([close] * 3))
    assert analysis(panel).signals
    assert analysis(panel).ranks["return_1_all"] == 50
    result = analysis(halt(panel, 0, days))
    assert result.signals == result.patterns == []
    assert set(result.ranks.values()) == {None}


def insert_halt(panel, at):
    """The panel of one ticker with a session more before column `at`, in which it is halted."""
    arrays = {
        name: np.insert(getattr(panel, name), at, panel.close[:, at - 1], axis=1) for name in PRICES
    }
    arrays |= {
        name: np.insert(getattr(panel, name), at, 0, axis=1)
        for name in ("volume", "value", "traded")
    }
    return replace(panel, sessions=sessions(len(panel.sessions) + 1), **arrays)


@pytest.mark.parametrize("bars_ago", [1, 2, 3, 30])
@pytest.mark.parametrize("whole", [True, False], ids=["whole won", "fractions"])
def test_patterns_pass_over_a_halted_bar(bars_ago, whole):
    """The walks among them complete patterns of one, two, three and more candles."""
    found = []
    for seed in range(40):
        panel = panel_of_walk(seed=seed, rows=80, whole=whole)
        halted = insert_halt(panel, 80 - bars_ago)
        assert analysis(halted).patterns == analysis(panel).patterns
        found += analysis(halted).patterns
    assert len({pattern["name"] for pattern in found}) > 10


@pytest.mark.parametrize("days", [0, 1, 3])
@pytest.mark.parametrize(
    ("low", "high", "gap"),
    [(111, 120, ["gap_up"]), (105, 120, []), (80, 95, []), (80, 89, ["gap_down"])],
)
def test_a_gap_is_between_candles(days, low, high, gap):
    """The candle before the halted days reaches from 90 to 110 and closes at 100."""
    middle = (low + high) / 2
    close = [100.0, 100.0, *[100.0] * days, middle]
    highs, lows = ([edge, edge, *[100.0] * days, last] for edge, last in ((110, high), (90, low)))
    panel = panel_from(close, close, highs, lows)
    panel.traded[0, 2 : 2 + days] = False
    assert [name for name in analysis(panel).signals if name.startswith("gap")] == gap


def test_the_first_candle_after_halted_bars_alone_is_no_gap():
    panel = panel_from([100.0, 100.0, 150.0])
    panel.traded[0, :2] = False
    assert [name for name in analysis(panel).signals if name.startswith("gap")] == []


def test_a_whole_market_in_halt_is_analysed_quietly():
    panel = panel_of_walk(tickers=4)
    for row in range(4):
        halt(panel, row, 10)
    analyzer = TechnicalAnalyzer(panel)
    results = [analyzer.analyze(row) for row in range(4)]
    assert not any(result.signals or result.patterns for result in results)
    assert all(result.latest["sma_20"] for result in results)


@pytest.mark.parametrize(("days", "quiet"), [(4, False), (5, True)])
def test_a_traded_ticker_is_frozen_after_five_sessions_at_one_price(days, quiet):
    panel = panel_from(np.linspace(1000, 2000, 300))
    for name in PRICES:
        getattr(panel, name)[0, -days:] = 2000.0
    assert (analysis(panel).signals == []) is quiet


def test_volume_beyond_32_bits_is_kept_whole():
    huge = 2.0**31 * 1000 + 1
    result = analysis(panel_from(walk()[3], volume=np.full((1, 300), huge)))
    assert result.history["volume"].tolist() == [2**31 * 1000 + 1] * 60
    assert result.latest["volume_sma_20"] == huge


# Signals

QUIET = dict.fromkeys(
    ("open", "high", "low", "close", "sma_5", "sma_20", "sma_60", "sma_120"), 100.0
)
QUIET |= {
    "bb_upper": 110.0,
    "bb_lower": 90.0,
    "bb_width": 20.0,
    "bb_width_lowest": 10.0,
    "rsi_14": 50.0,
}
QUIET |= {"stoch_k": 50.0, "stoch_d": 50.0, "macd": 1.0, "macd_signal": 1.0, "volume_ratio": 1.0}
QUIET |= {
    "ichimoku_span_a": 100.0,
    "ichimoku_span_b": 95.0,
    "prior_high_52w": 120.0,
    "prior_low_52w": 80.0,
}

CASES = {
    "golden_cross_5_20": ({"sma_5": 101}, {"sma_5": 99}, {"sma_5": 101}, {"sma_5": 100.5}),
    "dead_cross_5_20": ({"sma_5": 99}, {"sma_5": 101}, {"sma_5": 100 - 1e-9}, {"sma_5": 101}),
    "golden_cross_20_60": ({"sma_20": 101}, {"sma_20": 100}, {"sma_20": 100}, {"sma_20": 99}),
    "dead_cross_20_60": ({"sma_20": 99}, {"sma_20": 100}, {"sma_20": 98}, {"sma_20": 99}),
    "aligned_up": (
        {"sma_5": 103, "sma_20": 102, "sma_60": 101}, {}, {"sma_5": 103, "sma_20": 102}, {},
    ),
    "aligned_down": (
        {"sma_5": 97, "sma_20": 98, "sma_60": 99}, {}, {"sma_5": 97, "sma_60": 99}, {},
    ),
    "new_high_52w": ({"high": 121}, {}, {"high": 120}, {}),
    "new_low_52w": ({"low": 79}, {}, {"low": 80}, {}),
    "bb_break_upper": ({"close": 111}, {"close": 109}, {"close": 111}, {"close": 111}),
    "bb_break_lower": ({"close": 89}, {"close": 91}, {"close": 89}, {"close": 89}),
    "bb_squeeze": ({"bb_width": 10}, {}, {"bb_width": 0, "bb_width_lowest": 0}, {}),
    "rsi_oversold_turn": ({"rsi_14": 31}, {"rsi_14": 30}, {"rsi_14": 30}, {"rsi_14": 25}),
    "rsi_overbought_turn": ({"rsi_14": 69}, {"rsi_14": 70}, {"rsi_14": 69}, {"rsi_14": 69.5}),
    "stoch_oversold_turn": (
        {"stoch_k": 18, "stoch_d": 15}, {"stoch_k": 10, "stoch_d": 14},
        {"stoch_k": 38, "stoch_d": 35}, {"stoch_k": 30, "stoch_d": 34},
    ),
    "stoch_overbought_turn": (
        {"stoch_k": 82, "stoch_d": 85}, {"stoch_k": 90, "stoch_d": 86},
        {"stoch_k": 62, "stoch_d": 65}, {"stoch_k": 70, "stoch_d": 66},
    ),
    "macd_golden_cross": ({"macd": 2}, {"macd": 0.5}, {"macd": 2}, {"macd": 1.5}),
    "macd_dead_cross": ({"macd": -2}, {"macd": 1}, {"macd": 1}, {"macd": 2}),
    "cloud_break_up": ({"close": 101}, {}, {"close": 99}, {"close": 94}),
    "cloud_break_down": ({"close": 94}, {}, {"close": 96}, {"close": 101}),
    "volume_surge": ({"volume_ratio": 3}, {}, {"volume_ratio": 2.99}, {}),
    "gap_up": ({"low": 101}, {}, {"low": 100}, {}),
    "gap_down": ({"high": 99}, {}, {"high": 100}, {}),
}  # fmt: skip


def test_every_signal_has_a_case():
    assert set(CASES) == {signal.name for signal in SIGNALS}


def test_a_quiet_bar_gives_no_signal():
    assert fired(QUIET, QUIET) == []


@pytest.mark.parametrize("name", CASES)
def test_a_signal_fires_when_its_rule_is_met(name):
    now, before, _, _ = CASES[name]
    assert name in fired(QUIET | now, QUIET | before)


@pytest.mark.parametrize("name", CASES)
def test_a_signal_does_not_fire_when_its_rule_is_just_missed(name):
    _, _, now, before = CASES[name]
    assert name not in fired(QUIET | now, QUIET | before)


def test_values_that_do_not_exist_give_no_signal():
    nothing = dict.fromkeys(QUIET, np.nan)
    assert fired(nothing, nothing) == []
    assert (
        fired(QUIET | {"close": 120}, QUIET | {"ichimoku_span_b": np.nan, "bb_upper": np.nan}) == []
    )


FALL, RISE = np.linspace(2000, 1000, 200), np.geomspace(1000, 2000, 200)
TURN_UP = (
    "golden_cross_5_20 bb_break_upper rsi_oversold_turn stoch_oversold_turn "
    "macd_golden_cross cloud_break_up gap_up"
)
TURN_DOWN = (
    "dead_cross_5_20 bb_break_lower rsi_overbought_turn stoch_overbought_turn "
    "macd_dead_cross cloud_break_down gap_down"
)


@pytest.mark.parametrize(
    ("path", "jump", "expected"), [(FALL, 1.5, TURN_UP), (RISE, 0.6, TURN_DOWN)]
)
def test_a_trend_that_turns_sharply_gives_the_signals_of_a_turn_that_night_only(
    path, jump, expected
):
    turn = np.append(path, path[-1] * jump)
    names = set(expected.split())
    assert names <= set(analysis(panel_from(turn)).signals)
    assert not names & set(analysis(panel_from(path)).signals)
    assert not names & set(analysis(panel_from(np.append(turn, turn[-1]))).signals)


TRENDS = [(RISE, "aligned_up", "new_high_52w"), (FALL, "aligned_down", "new_low_52w")]


@pytest.mark.parametrize(("path", "state", "extreme"), TRENDS)
def test_a_steady_trend_aligns_the_averages_at_new_extremes(path, state, extreme):
    assert {state, extreme} <= set(analysis(panel_from(path)).signals)
    assert extreme not in analysis(panel_from(path[:59])).signals
    assert extreme in analysis(panel_from(path[:60])).signals


def test_the_slow_cross_fires_on_the_session_the_averages_cross():
    close = np.concatenate([FALL, np.linspace(1000, 1600, 100)])
    short, long = talib.SMA(close, 20), talib.SMA(close, 60)
    day = int(np.flatnonzero((short > long) & (np.arange(300) > 200))[0])
    nights = {d: analysis(panel_from(close[: d + 1])).signals for d in (day - 1, day, day + 1)}
    assert [d for d, names in nights.items() if "golden_cross_20_60" in names] == [day]


def test_a_calm_after_a_storm_is_a_squeeze():
    storm = 1000 + 50 * (-1.0) ** np.arange(200)
    calm = 1000 + 5 * (-1.0) ** np.arange(30)
    assert (
        "bb_squeeze" in analysis(panel_from(np.concatenate([storm, calm * 1.0, [1003.0]]))).signals
    )
    assert (
        "bb_squeeze" not in analysis(panel_from(np.concatenate([storm, calm, storm[:3]]))).signals
    )


def test_a_volume_surge_is_three_times_the_sessions_before():
    for last, surges in ((3000.0, True), (2999.0, False)):
        volume = np.full((1, 300), 1000.0)
        volume[0, -1] = last
        assert ("volume_surge" in analysis(panel_from(walk()[3], volume=volume)).signals) is surges


# Patterns


def test_the_patterns_are_talibs_61():
    assert {pattern.function for pattern in PATTERNS} == set(
        talib.get_function_groups()["Pattern Recognition"]
    )
    assert len(PATTERNS) == 61


def test_no_pattern_looks_back_further_than_the_bars_it_is_given():
    assert (
        max(talib.abstract.Function(pattern.function).lookback for pattern in PATTERNS) < DEPTH / 2
    )


def expected_patterns(panel, row):
    """One call per pattern over the ticker's whole series."""
    prices = [getattr(panel, name)[row] for name in PRICES]
    signs = {pattern: getattr(talib, pattern.function)(*prices)[-1] for pattern in PATTERNS}
    return [
        {
            "name": pattern.name,
            "direction": pattern.direction or ("bullish" if sign > 0 else "bearish"),
        }
        for pattern, sign in signs.items()
        if sign
    ]


@pytest.mark.parametrize("price", [100, 300, 1_000_000])
def test_patterns_of_whole_won_equal_a_call_per_ticker_over_the_whole_series(price):
    panel = panel_of_walk(seed=price, tickers=150, price=price)
    analyzer = TechnicalAnalyzer(panel)
    found = [analyzer.analyze(row).patterns for row in range(150)]
    assert found == [expected_patterns(panel, row) for row in range(150)]
    assert len({pattern["name"] for patterns in found for pattern in patterns}) > 15


def test_patterns_of_adjusted_prices_equal_a_call_over_the_same_45_bars():
    panel = panel_of_walk(tickers=40, whole=False)
    analyzer = TechnicalAnalyzer(panel)
    recent = cut(panel, slice(255, 300))
    for row in range(40):
        assert analyzer.analyze(row).patterns == expected_patterns(recent, row)


def last_two(first, second):
    """A calm fall followed by two bars (open, high, low, close)."""
    bars = [(price + 5, price + 6, price - 6, price - 5) for price in range(1400, 1000, -10)]
    return panel_from(*np.array([*bars, first, second]).T[[3, 0, 1, 2]])


def test_a_bar_that_swallows_the_one_before_is_a_bullish_engulfing():
    swallowed = last_two((1005, 1008, 985, 990), (988, 1030, 985, 1025))
    assert {"name": "engulfing", "direction": "bullish"} in analysis(swallowed).patterns
    inside = last_two((1005, 1008, 985, 990), (992, 1000, 990, 998))
    assert "engulfing" not in [pattern["name"] for pattern in analysis(inside).patterns]


def test_a_doji_has_no_direction():
    doji = last_two((995, 996, 985, 990), (990, 996, 984, 990))
    assert {"name": "doji", "direction": "neutral"} in analysis(doji).patterns


# Ranks


def test_ranks_of_a_tiny_market():
    steps = np.array([0, 1, 2, 3, 4, 5])
    close = np.vstack([np.linspace(1000, 1000 + 100 * step, 300) for step in steps])
    markets = ["KOSPI", "KOSDAQ", "KOSPI", "KOSDAQ", "KOSPI", "KOSDAQ"]
    analyzer = TechnicalAnalyzer(panel_from(close, markets=markets))
    ranks = [analyzer.analyze(row).ranks for row in range(6)]
    assert [rank["return_120_all"] for rank in ranks] == [0, 20, 40, 60, 80, 100]
    assert [rank["return_120_own"] for rank in ranks] == [0, 0, 50, 50, 100, 100]
    assert [rank["volume_all"] for rank in ranks] == [50] * 6


def test_a_young_ticker_takes_no_place_where_it_has_no_value():
    panel = unlist(panel_from(walk(tickers=3)[3]), 0, slice(0, 270))
    analyzer = TechnicalAnalyzer(panel)
    assert analyzer.analyze(0).ranks["return_60_all"] is None
    assert analyzer.analyze(0).ranks["return_20_all"] is not None
    assert {analyzer.analyze(row).ranks["return_60_all"] for row in (1, 2)} == {0, 100}


def test_a_ticker_alone_in_its_market_has_no_place_in_it():
    panel = panel_from(walk(tickers=3)[3], markets=["KOSPI", "KOSPI", "KONEX"])
    ranks = analysis(panel, 2).ranks
    assert ranks["return_1_own"] is None
    assert ranks["return_1_all"] is not None


def test_equal_values_share_their_places():
    assert percentile_ranks(np.array([5.0, 1.0, 5.0, np.nan, 9.0])).tolist()[:3] == [50, 0, 50]


@given(st.lists(st.floats(-1e9, 1e9) | st.just(float("nan")), max_size=30))
@settings(max_examples=100, deadline=None)
def test_percentile_ranks_stay_within_bounds_and_keep_the_order(values):
    array = np.array(values, dtype=np.float64)
    ranks = percentile_ranks(array)
    known = ~np.isnan(ranks)
    assert (ranks[known] >= 0).all()
    assert (ranks[known] <= 100).all()
    assert (
        np.argsort(ranks[known], kind="stable") == np.argsort(array[known], kind="stable")
    ).all()
    assert not known.any() or ranks[known].mean() == pytest.approx(50)


# The page


def test_the_page_is_printed_from_the_catalogues():
    page = PROJECT / "docs" / "indicators.md"
    assert page.read_text(encoding="utf-8") == documentation.page(), (
        "python -m collectors.analysis.indicators.documentation"
    )


def test_every_entry_of_the_catalogue_is_complete():
    for catalogue in (CATALOGUE, SIGNALS, PATTERNS):
        for entry in catalogue:
            cells = {
                field.name: getattr(entry, field.name)
                for field in fields(entry)
                if field.name != "direction"
            }
            assert all(cells.values()), entry.name

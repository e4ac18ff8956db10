"""Published worked examples: the spreadsheets of StockCharts' ChartSchool, figure by figure.

An example is a table, one bar a line; `-` stands where the spreadsheet has nothing.
"""

import numpy as np
import pytest

from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from tests.unit.analysis.test_indicators_golden import panel_of

CLOSES = """
44.3389 44.0902 44.1497 43.6124 44.3278 44.8264 45.0955 45.4245 45.8433 46.0826
45.8931 46.0328 45.6140 46.2820 46.2820 46.0028 46.0328 46.4116 46.2222 45.6439
46.2122 46.2521 45.7137 46.4515 45.7835 45.3548 44.0288 44.1783 44.2181 44.5672
43.4205 42.6628 43.1314
"""
RSI = (
    "70.53 66.32 66.55 69.41 66.36 57.97 62.93 63.26 56.06 62.38 54.71 50.42 39.99 41.46 41.87 "
    "45.46 37.30 33.08 37.77"
)

HIGH_LOW_CLOSE_CCI = """
24.2013 23.8534 23.8932 -
24.0721 23.7242 23.9528 -
24.0423 23.6447 23.6745 -
23.8733 23.3664 23.7839 -
23.6745 23.4559 23.4956 -
23.5851 23.1776 23.3217 -
23.8037 23.3962 23.7540 -
23.8036 23.5652 23.7938 -
24.3007 24.0522 24.1417 -
24.1516 23.7739 23.8137 -
24.0522 23.5950 23.7839 -
24.0622 23.8435 23.8634 -
23.8833 23.6447 23.7044 -
25.1356 23.9429 24.9567 -
25.1952 24.7380 24.8771 -
25.0660 24.7678 24.9616 -
25.2151 24.8970 25.1753 -
25.3741 24.9268 25.0660 -
25.3642 24.9567 25.2747 -
25.2648 24.9268 24.9964 102.3150
24.8175 24.2112 24.4597 30.7360
24.4398 24.2112 24.2808 6.5516
24.6485 24.4299 24.6237 33.2964
24.8374 24.4398 24.5815 34.9514
24.7479 24.2013 24.5268 13.8401
24.5094 24.2510 24.3504 -10.7478
24.6784 24.2112 24.3404 -11.5821
24.6684 24.1516 24.2311 -29.3472
23.8435 23.6348 23.7640 -129.3557
24.3007 23.7640 24.2013 -73.0696
"""

HIGH_LOW_CLOSE_VOLUME_MFI = """
24.82830 24.32050 24.74860 18730.144 -
24.75860 24.59930 24.70880 12271.740 -
25.15680 24.77850 25.03730 24691.414 -
25.58480 24.94770 25.54500 18357.606 -
25.68440 24.80830 25.06720 22964.080 -
25.33600 25.05720 25.10700 15918.948 -
25.28620 24.84820 24.88800 16067.044 -
25.12690 24.74960 24.99750 16568.487 -
25.27620 24.92780 25.04730 16018.729 -
25.38570 25.02740 25.33600 9773.569 -
25.53510 25.04730 25.05720 22572.712 -
25.60480 25.06220 25.44550 12986.669 -
25.74410 25.53510 25.56490 10906.659 -
25.72420 25.45540 25.55500 5799.259 -
25.67440 25.28620 25.40570 7395.274 49.46631
25.44550 25.16670 25.36580 5818.162 45.10974
25.31610 24.91780 25.03730 7164.726 36.27215
25.25630 24.90790 24.91780 5672.914 28.40665
25.03730 24.82830 24.87800 5624.742 31.52806
25.00740 24.70880 24.96760 5023.469 33.86815
25.30610 25.02740 25.04730 7457.091 41.30010
25.11700 24.34040 24.45000 11798.009 42.80337
24.68890 24.27080 24.56940 12366.132 31.83048
24.54950 23.89250 24.02190 13294.865 23.76012
24.27080 23.77800 23.88250 9256.870 26.50618
24.27080 23.72320 24.20110 9690.604 24.07266
24.59930 24.20110 24.28070 8870.318 22.38329
24.47980 24.24090 24.33050 7168.965 22.17875
24.55950 23.43450 24.44000 11356.180 21.53405
25.16000 24.27000 25.00000 13379.374 30.83618
"""

HIGH_LOW_CLOSE_ATR = """
48.7 47.79 48.16 -
48.72 48.14 48.61 -
48.9 48.39 48.75 -
48.87 48.37 48.63 -
48.82 48.24 48.74 -
49.05 48.635 49.03 -
49.2 48.94 49.07 -
49.35 48.86 49.32 -
49.92 49.5 49.91 -
50.19 49.87 50.13 -
50.12 49.2 49.53 -
49.66 48.9 49.5 -
49.88 49.43 49.75 -
50.19 49.725 50.03 0.555
50.36 49.26 50.31 0.5939285714
50.57 50.09 50.52 0.5857908163
50.65 50.3 50.41 0.5689486152
50.43 49.21 49.34 0.6154522855
49.63 48.98 49.37 0.6179199794
50.33 49.61 50.23 0.6423542666
50.29 49.2 49.2375 0.6743289618
50.17 49.43 49.93 0.6927697503
49.32 48.08 48.43 0.7754290538
48.5 47.64 48.18 0.7814698357
48.3201 41.55 46.57 1.209229133
46.8 44.2833 45.41 1.302619909
47.8 47.31 47.77 1.380289916
48.39 47.2 47.72 1.366697779
48.66 47.9 48.62 1.336219366
48.79 47.7301 47.85 1.316482269
"""

HIGH_LOW_CLOSE_FAST_AND_SLOW_K = """
127.0090 125.3574 - - -
127.6159 126.1633 - - -
126.5911 124.9296 - - -
127.3472 126.0937 - - -
128.1730 126.8199 - - -
128.4317 126.4817 - - -
127.3671 126.0340 - - -
126.4220 124.8301 - - -
126.8995 126.3921 - - -
126.8498 125.7156 - - -
125.6460 124.5615 - - -
125.7156 124.5715 - - -
127.1582 125.0689 - - -
127.7154 126.8597 127.2876 70.438220 -
127.6855 126.6309 127.1781 67.608909 -
128.2228 126.8001 128.0138 89.202108 -
128.2725 126.7105 127.1085 65.810552 74.207190
128.0934 126.8001 127.7253 81.747713 78.920124
128.2725 126.1335 127.0587 64.523797 70.694021
127.7353 125.9245 127.3273 74.529776 73.600429
128.7700 126.9891 128.7103 98.581442 79.211672
129.2873 127.8148 127.8745 70.104533 81.071917
130.0633 128.4715 128.5809 73.056091 80.580689
129.1182 128.0641 128.6008 73.417791 72.192805
129.2873 127.6059 127.9342 61.231290 69.235057
128.4715 127.5960 128.1133 60.956271 65.201784
128.0934 126.9990 127.5960 40.386102 54.191221
128.6506 126.8995 127.5960 40.386102 47.242825
129.1381 127.4865 128.6904 66.828549 49.200251
128.6406 127.3970 128.2725 56.731420 54.648690
"""

CLOSE_VOLUME_OBV = """
53.26 0 0
53.3 8200 8200
53.32 8100 16300
53.72 8300 24600
54.19 8900 33500
53.92 9200 24300
54.65 13300 37600
54.6 10300 27300
54.21 9900 17400
54.53 10100 27500
53.79 11300 16200
53.66 12600 3600
53.56 10700 -7100
53.57 11500 4400
53.94 23800 28200
53.27 14600 13600
53.6 11700 25300
53.65 10400 35700
53.62 9500 26200
53.27 13900 12300
53.44 10400 22700
53.28 4200 18500
53.14 10900 7600
53.31 17600 25200
54.09 17900 43100
54.08 15800 27300
54.01 10200 17100
54.17 8700 25800
54.24 16000 41800
54.45 12500 54300
"""


def columns(table):
    rows = [
        [np.nan if cell == "-" else float(cell) for cell in line.split()]
        for line in table.split("\n")
        if line
    ]
    return [list(column) for column in zip(*rows, strict=True)]


def nightly(names, high, low, close, volume=None):
    """The values that each of these indicators had on the night of each bar, NaN where it had
    none."""
    volume = volume or [1.0] * len(close)
    found = {name: [] for name in names}
    for count in range(1, len(close) + 1):
        arrays = [line[:count] for line in (close, high, low, close, volume, volume)]
        latest = TechnicalAnalyzer(panel_of(arrays)).analyze(0).latest
        for name in names:
            found[name].append(np.nan if latest[name] is None else latest[name])
    return [found[name] for name in names]


def assert_published(found, published, within):
    """Check that nothing is before the first published figure, and all of them after it."""
    np.testing.assert_allclose(found, published, rtol=0, atol=within)


def test_rsi():
    (close,), published = (
        columns(CLOSES.strip().replace(" ", "\n")),
        [float(value) for value in RSI.split()],
    )
    (rsi,) = nightly(["rsi_14"], close, close, close)
    assert_published(rsi, [np.nan] * 14 + published, within=0.0051)


def test_cci():
    high, low, close, published = columns(HIGH_LOW_CLOSE_CCI)
    (cci,) = nightly(["cci_20"], high, low, close)
    assert_published(cci, published, within=0.02)


def test_mfi():
    high, low, close, volume, published = columns(HIGH_LOW_CLOSE_VOLUME_MFI)
    (mfi,) = nightly(["mfi_14"], high, low, close, volume)
    assert_published(mfi, published, within=0.0005)


def test_atr():
    """The spreadsheet counts the first bar's own range as its true range; a bar before it at its
    low makes it so."""
    high, low, close, published = columns(HIGH_LOW_CLOSE_ATR)
    (atr,) = nightly(["atr_14"], *[[low[0], *line] for line in (high, low, close)])
    assert_published(atr[1:], published, within=1e-9)


def test_stochastic_and_williams_r():
    """The spreadsheet's %K is the fast one and its signal the slow %K, of which ours begins with
    its own signal."""
    high, low, close, fast, slow = columns(HIGH_LOW_CLOSE_FAST_AND_SLOW_K)
    close[:13] = low[:13]  # not published, and not asked for
    slow_k, williams = nightly(["stoch_k", "williams_r_14"], high, low, close)
    assert_published(williams, [value - 100 for value in fast], within=0.0015)
    assert_published(slow_k[17:], slow[17:], within=0.0015)
    assert_published(slow_k[:17], [np.nan] * 17, within=0)


def test_obv():
    close, volume, level = columns(CLOSE_VOLUME_OBV)
    one, twenty = nightly(["obv_change_1", "obv_change_20"], close, close, close, volume)
    assert one == [pytest.approx(np.nan, nan_ok=True), *np.diff(level)]
    assert twenty[20:] == [then - before for before, then in zip(level, level[20:], strict=False)]

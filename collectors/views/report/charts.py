"""Chart of a ticker in few bytes: its series as whole numbers of a unit, as differences, in as many
bytes as they need.

The lines of 1,700 targets are two million numbers. As JSON they would be over 10 MB; packed like
this a number takes little more than a byte, the script of the page unpacks one ticker in a
millisecond, and bars keep every won.

One ticker is `[units, text]`: `units` in the order of `UNITS`; `text` is base64 of unsigned LEB128
numbers that are zigzag-coded integers. Each series of `SERIES` gives its length, its floor, then
its values, each less the value (at first: the floor) before it. A value that is the floor does not
exist; every other is above it.
"""

import base64
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from collectors.analysis.indicators.studies import CLOUD_SHIFT
from utils.market_day import Panel

BARS = ("open", "high", "low", "close")
VOLUMES = ("volume", "volume_sma_20")
LINES = (
    *("sma_5", "sma_20", "sma_60", "sma_120", "bb_upper", "bb_lower"),
    *("ichimoku_conversion", "ichimoku_base", "ichimoku_span_a", "ichimoku_span_b"),
    "cloud_ahead_b",
)
MACD = ("macd", "macd_signal")
UNITS = {
    "position": ("position",),
    "bar": BARS,
    "volume": VOLUMES,
    "line": LINES,
    "macd": MACD,
    "rsi": ("rsi_14",),
}
"""Series that share a unit. `position`: of each bar's session in the report's list of sessions."""
SERIES = tuple(name for names in UNITS.values() for name in names)
_STEPS = {"volume": 3_000, "line": 3_000, "macd": 500}
"""Steps into which the largest value of the group is divided: finer than a pixel of a chart."""
_CLOUD_BARS = 52
CLOUD_SESSIONS = _CLOUD_BARS + CLOUD_SHIFT - 1
"""Sessions of a panel that `cloud_ahead` needs."""

Floats = NDArray[np.float64]
Chart = list[Any]


def pack(
    history: Mapping[str, Any],
    positions: Mapping[str, int],
    ahead: Floats | None = None,
    untraded: Collection[str] = (),
) -> Chart:
    """Pack the `history` of a `stock_analyzed.indicators` document as described above.

    Args:
        positions: session -> its position in the report's list of sessions.
        ahead: leading span B of the next bars, won, from `cloud_ahead`.
        untraded: sessions without a regular price: only their close is packed, so that they have no
            candle.
    """
    series = {name: np.array(history[name], dtype=np.float64) for name in SERIES if name in history}
    without_candle = np.array([session in untraded for session in history["session"]])
    for name in ("open", "high", "low"):
        series[name][without_candle] = np.nan
    series["position"] = np.array(
        [positions[session] for session in history["session"]], dtype=np.float64
    )
    series["cloud_ahead_b"] = np.full(CLOUD_SHIFT, np.nan) if ahead is None else ahead
    units = {
        group: _unit(group, np.concatenate([series[name] for name in names]))
        for group, names in UNITS.items()
    }
    numbers = [
        _to_numbers(series[name] / units[group]) for group, names in UNITS.items() for name in names
    ]
    return [list(units.values()), base64.b64encode(_to_bytes(np.concatenate(numbers))).decode()]


def cloud_ahead(panel: Panel) -> dict[str, Floats]:
    """Return leading span B at the next `CLOUD_SHIFT` bars by ticker, as far as a ticker's last
    sessions can tell."""
    if len(panel.sessions) < CLOUD_SESSIONS:
        return {}
    high, low = (sliding_window_view(prices[:, -CLOUD_SESSIONS:], _CLOUD_BARS, axis=1) for prices in
                 (panel.high, panel.low))  # fmt: skip
    middle = (high.max(axis=2) + low.min(axis=2)) / 2
    return dict(zip(panel.tickers, middle, strict=True))


def untraded_sessions(panel: Panel) -> dict[str, set[str]]:
    """Return the sessions of each ticker in which it is listed and has no regular price."""
    rows, columns = np.nonzero(~panel.traded & ~np.isnan(panel.close))
    found: dict[str, set[str]] = {}
    for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
        found.setdefault(panel.tickers[row], set()).add(panel.sessions[column])
    return found


def _unit(group: str, values: Floats) -> float:
    """Return the unit of a group. Bars are exact in the largest whole unit they all share (their
    tick, where nothing was adjusted)."""
    known = values[np.isfinite(values)]
    if group == "bar":
        return int(np.gcd.reduce(known.astype(np.int64))) or 1
    if group not in _STEPS:
        return 1 if group == "position" else 0.1
    largest = float(np.abs(known).max(initial=0.0))
    return float(f"{largest / _STEPS[group]:.3g}") or 1


def _to_numbers(values: Floats) -> NDArray[np.int64]:
    known = np.isfinite(values)
    whole = np.rint(np.where(known, values, 0)).astype(np.int64)
    floor = whole[known].min() - 1 if known.any() else 0
    coded = np.where(known, whole, floor)
    return np.concatenate([[len(values), floor], np.diff(coded, prepend=floor)])


def _to_bytes(numbers: NDArray[np.int64]) -> bytes:
    """Return zigzag numbers (0, -1, 1, -2 become 0, 1, 2, 3) as seven bits a byte, lowest first.
    The high bit says that more follow."""
    unsigned = ((numbers << 1) ^ (numbers >> 63)).astype(np.uint64)
    most = max(1, -(-int(unsigned.max()).bit_length() // 7))
    groups = unsigned[:, None] >> np.arange(0, 7 * most, 7, dtype=np.uint64)
    wanted = groups > 0
    wanted[:, 0] = True
    more = np.zeros_like(wanted)
    more[:, :-1] = wanted[:, 1:]
    return (
        ((groups & np.uint64(127)) | (more.astype(np.uint64) << np.uint64(7)))
        .astype(np.uint8)[wanted]
        .tobytes()
    )

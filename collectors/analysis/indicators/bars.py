"""Bars of a panel that can be analysed, and the same bars aligned to each ticker's last one.

A session in which every array of a ticker holds NaN is a session in which it was not listed. Only
the last contiguous listed stretch counts: a code that was delisted and given to another company
starts again. A bar that holds NaN in some arrays but not in all, or an impossible price, is a
fault: such a ticker is refused, never repaired.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from utils.market_day import Panel

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

ARRAYS = ("open", "high", "low", "close", "volume", "value")
"""Names of the panel's (tickers, sessions) float64 arrays."""
DEEPEST_WINDOW = 130
"""Aligned arrays have at least this many columns, so that every look-back of `market` can be a
plain slice."""


class AnalysisError(ValueError):
    """Arrays that cannot be analysed: wrong type or layout, or a ticker with no bar or an
    impossible bar."""


class Bars(NamedTuple):
    """Listed bars of one ticker, oldest first: five float64 arrays of equal length (adjusted won;
    shares)."""

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


class Spans(NamedTuple):
    """Last listed stretches: columns `start[i]` to `end[i]` (exclusive) of the panel are ticker
    i's; (tickers,) int64."""

    start: IntArray
    end: IntArray


def check_layout(panel: Panel) -> None:
    """Raise `AnalysisError` unless every array is native float64, C-contiguous and of shape
    (tickers, sessions).

    TA-Lib reads raw memory: it takes a big-endian array for native numbers without a word.
    """
    shape = (len(panel.tickers), len(panel.sessions))
    for name in ARRAYS:
        array = getattr(panel, name)
        if array.dtype != np.float64 or not array.dtype.isnative:
            raise AnalysisError(f"panel.{name} is {array.dtype.str}, not native float64")
        if array.shape != shape:
            raise AnalysisError(f"panel.{name} has shape {array.shape}, not {shape}")
        if not array.flags.c_contiguous:
            raise AnalysisError(f"panel.{name} is not C-contiguous")
    if panel.traded.shape != shape:
        raise AnalysisError(f"panel.traded has shape {panel.traded.shape}, not {shape}")


def listed_cells(panel: Panel) -> BoolArray:
    """Return True where at least one array holds a number: listed. Shape (tickers, sessions)."""
    listed: BoolArray = ~np.isnan(panel.close)
    for name in ARRAYS:
        listed |= ~np.isnan(getattr(panel, name))
    return listed


def last_spans(listed: BoolArray) -> Spans:
    """Return the last contiguous listed stretch of every ticker; start = end = 0 if never
    listed."""
    count = listed.shape[1]
    columns = np.arange(count)
    end = np.where(listed, columns + 1, 0).max(axis=1, initial=0)
    gap = ~listed & (columns < end[:, None])
    start = np.where(gap, columns + 1, 0).max(axis=1, initial=0)
    return Spans(start.astype(np.int64), end.astype(np.int64))


def find_faults(panel: Panel, spans: Spans) -> dict[int, str]:
    """Return the reasons why tickers cannot be analysed, by row of the panel."""
    columns = np.arange(len(panel.sessions))
    inside = (columns >= spans.start[:, None]) & (columns < spans.end[:, None])
    finite = np.isfinite(panel.close)
    for name in ARRAYS:
        finite &= np.isfinite(getattr(panel, name))
    lowest = np.minimum(np.minimum(panel.open, panel.close), panel.low)
    checks = (
        ("high below low", panel.high < panel.low),
        ("a negative volume", panel.volume < 0),
        ("a price of zero or below", lowest <= 0),
        ("a value missing or infinite in the midst of its bars", ~finite),
    )
    faults = {int(row): "it has no bar" for row in np.flatnonzero(spans.end == 0)}
    for reason, cells in checks:
        faults |= {int(row): reason for row in np.flatnonzero((cells & inside).any(axis=1))}
    return faults


@dataclass(frozen=True)
class Market:
    """Listed bars of all tickers, with every ticker's last bar in the last column; NaN before its
    first bar.

    float64 arrays of shape (tickers, columns) in adjusted won (`value`: won as published) and
    shares. `first_of_year` is the first column within the 52 weeks that end with each ticker's last
    bar; `flat_run` counts how many bars up to each one, itself included, showed one single price;
    `current` is True where the last bar is the panel's last.
    """

    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray
    value: FloatArray
    first_of_year: IntArray
    flat_run: IntArray
    current: BoolArray


def align(panel: Panel, listed: BoolArray, spans: Spans, excluded: list[int]) -> Market:
    """Return the panel with every ticker's last stretch moved to the right edge; rows in `excluded`
    become NaN throughout."""
    stray = (spans.end != len(panel.sessions)) | (listed.sum(axis=1) != spans.end - spans.start)
    redone = sorted({*np.flatnonzero(stray).tolist(), *excluded})
    kept = Spans(spans.start.copy(), spans.end.copy())
    kept.start[excluded] = kept.end[excluded] = 0
    arrays = {name: _aligned(getattr(panel, name), kept, redone) for name in ARRAYS}
    return Market(
        **arrays,
        first_of_year=_first_of_year(panel.sessions, spans, arrays["close"].shape[1]),
        flat_run=flat_run(arrays["high"], arrays["low"]),
        current=spans.end == len(panel.sessions),
    )


def _aligned(array: FloatArray, spans: Spans, redone: list[int]) -> FloatArray:
    """Return `array` when nothing is to be moved, else a copy of `DEEPEST_WINDOW` columns or
    more."""
    tickers, count = array.shape
    width = max(count, DEEPEST_WINDOW)
    if width == count and not redone:
        return array
    result = np.full((tickers, width), np.nan)
    result[:, width - count :] = array
    for row in redone:
        start, end = spans.start[row], spans.end[row]
        result[row] = np.nan
        result[row, width - (end - start) :] = array[row, start:end]
    return result


def _first_of_year(sessions: list[str], spans: Spans, width: int) -> IntArray:
    if not sessions:
        return np.zeros(len(spans.end), dtype=np.int64)
    dates = np.array(sessions, dtype="datetime64[D]")
    last = np.maximum(spans.end - 1, 0)
    first = np.searchsorted(dates, dates[last] - np.timedelta64(52, "W"), side="right")
    return np.asarray(width - 1 - (last - first), dtype=np.int64)


def flat_run(high: FloatArray, low: FloatArray) -> IntArray:
    """Count the bars up to each one with high = low = the same single price; 0 for a bar with a
    range. Same shape."""
    flat = high == low
    starts = np.ones_like(flat)
    starts[:, 1:] = ~flat[:, 1:] | (high[:, 1:] != high[:, :-1]) | (low[:, 1:] != low[:, :-1])
    columns = np.arange(high.shape[1])
    return np.where(
        flat, columns - np.maximum.accumulate(np.where(starts, columns, 0), axis=1) + 1, 0
    )

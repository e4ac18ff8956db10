"""Packed charts, unpacked here by other code than that of the page."""

import base64
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors.views.report.charts import (
    BARS,
    CLOUD_SESSIONS,
    LINES,
    SERIES,
    UNITS,
    VOLUMES,
    Chart,
    _to_bytes,
    cloud_ahead,
    pack,
    untraded_sessions,
)
from collectors.views.report.contents import contents
from tests.flow.views.report.conftest import SESSION
from utils.store import Store

GROUP = {name: group for group, names in UNITS.items() for name in names}


def numbers(data: bytes) -> Iterator[int]:
    value = run = 0
    for byte in data:
        value |= (byte & 127) << run
        run += 7
        if byte < 128:
            yield -(value + 1) // 2 if value % 2 else value // 2
            value = run = 0


def unpack(chart: Chart) -> dict[str, list[float | None]]:
    units, found = dict(zip(UNITS, chart[0], strict=True)), {}
    stream = numbers(base64.b64decode(chart[1]))
    for name in SERIES:
        count, floor = next(stream), next(stream)
        value, found[name] = floor, []
        for _ in range(count):
            value += next(stream)
            found[name].append(None if value == floor else value * units[GROUP[name]])
    assert next(stream, None) is None
    return found


@pytest.fixture
def history(store: Store) -> dict[str, Any]:
    """Adjusted bars of the ticker that was split."""
    document = store.results.get("000290")
    assert document is not None
    return document["history"]


@pytest.fixture
def positions(history: dict[str, Any]) -> dict[str, int]:
    return {session: position for position, session in enumerate(history["session"])}


@given(st.lists(st.integers(-(2**60), 2**60), min_size=1))
def test_every_number_comes_back(given: list[int]) -> None:
    assert list(numbers(_to_bytes(np.array(given, dtype=np.int64)))) == given


def test_small_differences_take_one_byte() -> None:
    assert len(_to_bytes(np.arange(-64, 64))) == 128


def test_bars_keep_every_won(history: dict[str, Any], positions: dict[str, int]) -> None:
    found = unpack(pack(history, positions))
    assert {name: found[name] for name in BARS} == {name: history[name] for name in BARS}


@pytest.mark.parametrize("names", [VOLUMES, LINES[:-1]])
def test_lines_are_as_near_as_a_pixel(
    history: dict[str, Any], positions: dict[str, int], names: tuple[str, ...]
) -> None:
    found = unpack(pack(history, positions))
    largest = np.nanmax(np.array([history[name] for name in names], dtype=float))
    for name in names:
        shown, stored = (np.array(lines[name], dtype=float) for lines in (found, history))
        np.testing.assert_allclose(shown, stored, rtol=0, atol=largest / 5_900)


def test_what_does_not_exist_stays_so(history: dict[str, Any], positions: dict[str, int]) -> None:
    short = {
        name: [None] * 59 + values[-1:]
        for name, values in history.items()
        if name not in ("session", *BARS)
    }
    found = unpack(
        pack(history | short | {"rsi_14": [None] * 60, "sma_5": [7.0, None] * 30}, positions)
    )
    assert found["sma_20"][:59] == [None] * 59
    assert found["sma_20"][59] is not None
    assert found["rsi_14"] == [None] * 60
    assert [value is None for value in found["sma_5"]] == [False, True] * 30
    assert found["cloud_ahead_b"] == [None] * 25


def test_a_session_without_a_regular_price_keeps_only_its_close(
    history: dict[str, Any], positions: dict[str, int]
) -> None:
    found = unpack(pack(history, positions, untraded={history["session"][7], "2001-01-02"}))
    for name in BARS:
        missing = [bar for bar, value in enumerate(found[name]) if value is None]
        assert missing == ([] if name == "close" else [7]), name
    assert found["close"] == history["close"]


def test_the_page_knows_the_sessions_without_a_regular_price(store: Store) -> None:
    """The last ticker is halted in the last session."""
    assert untraded_sessions(store.sessions.panel(SESSION, 5)) == {"000300": {SESSION}}
    shown = contents(store, SESSION)
    chart = unpack(shown["charts"][shown["rows"]["ticker"].index("000300")])
    assert chart["open"][-1] is chart["high"][-1] is chart["low"][-1] is None
    assert chart["close"][-1] == chart["close"][-2]
    assert None not in chart["open"][:-1]


def test_sessions_are_positions_in_the_list_of_sessions(history: dict[str, Any]) -> None:
    found = unpack(
        pack(
            history, {session: 7 + position for position, session in enumerate(history["session"])}
        )
    )
    assert found["position"] == list(range(7, 67))


def test_one_bar_is_enough(history: dict[str, Any], positions: dict[str, int]) -> None:
    found = unpack(pack({name: values[-1:] for name, values in history.items()}, positions))
    assert found["close"] == history["close"][-1:]


def test_the_cloud_ahead_ends_with_todays_leading_span(store: Store) -> None:
    ahead = cloud_ahead(store.sessions.panel(SESSION, CLOUD_SESSIONS))
    for ticker in ("000010", "000020", "000290"):
        document = store.results.get(ticker)
        assert document is not None
        assert len(ahead[ticker]) == 25
        assert ahead[ticker][-1] == pytest.approx(document["latest"]["ichimoku_lead_b"])


def test_the_cloud_ahead_goes_on_where_the_history_ends(store: Store) -> None:
    """The span drawn at the last bar was computed 25 bars earlier, the first one ahead a bar
    later."""
    panel = store.sessions.panel(SESSION, CLOUD_SESSIONS)
    row = panel.tickers.index("000010")
    window = slice(len(panel.sessions) - 24 - 52, len(panel.sessions) - 24)
    expected = (panel.high[row, window].max() + panel.low[row, window].min()) / 2
    assert cloud_ahead(panel)["000010"][0] == expected


def test_without_enough_sessions_there_is_no_cloud_ahead(store: Store) -> None:
    assert cloud_ahead(store.sessions.panel(SESSION, CLOUD_SESSIONS - 1)) == {}

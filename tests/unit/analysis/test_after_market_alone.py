"""A bar that traded in the after-market alone, through the real store: its prices reach nothing,
and its volume counts as the volume of that day."""

from typing import Any

import numpy as np
import pytest

from collectors.analysis.technical_analyzer import Analysis, TechnicalAnalyzer
from tests.fakes import FakeClock, after_market_only, halted, market_day, row
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.store import Store
from utils.store.backend import to_lists
from utils.store.sqlite import SqliteBackend

DAYS = TradingCalendar().last_sessions("2026-10-30", 150)
BARS_AGO = (0, 1, 2, 14)
VOLUME = 7_654_321
BY_VOLUME = {
    *("volume_sma_20", "volume_ratio", "value_sma_20", "vr_20", "vwap_20"),
    *("volume_sma_5", "mfi_14"),
}
"""Indicators that volume moves in a session that kept its close. OBV counts no such volume."""


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Analysis]:
    """Results of tickers with one series that rises. It stops in the session that lies so many bars
    back (two digits), which is of the after-market alone (A), halted with the same volume (V), or
    halted (H)."""
    store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), FakeClock(kst(2026, 10, 30, 19)))
    random = np.random.default_rng(14)
    close = np.rint(10_000 * np.exp(np.cumsum(random.normal(0.004, 0.02, 150)))).astype(int)
    volume = np.rint(np.exp(random.normal(12, 0.8, 150))).astype(int)
    with store.backend.batch():
        for number, day in enumerate(DAYS):
            rows = []
            for ago in BARS_AGO:
                rows += _rows(ago, number - (len(DAYS) - 1 - ago), close[: number + 1], volume)
            store.sessions.save(market_day(day, *rows))
    analyzer = TechnicalAnalyzer(store.sessions.panel(DAYS[-1], len(DAYS)))
    store.close()
    return {f"{kind}{ago:05d}": analyzer.analyze(f"{kind}{ago:05d}")
            for kind in "AVH" for ago in BARS_AGO}  # fmt: skip


def _rows(ago: int, away: int, closes: Any, volumes: Any) -> list[dict[str, Any]]:
    """Rows of the three tickers in a session that many sessions away from the one that stops."""
    codes = [f"{kind}{ago:05d}" for kind in "AVH"]
    if away == 0:
        kept = int(closes[-2])
        alone = after_market_only(codes[0], kept, volume=VOLUME, value=VOLUME * kept)
        off_hours = halted(codes[1], kept) | {"volume": VOLUME, "value": VOLUME * kept}
        return [alone, off_hours, halted(codes[2], kept)]
    last, before = int(closes[-1]), int(closes[-2:][0])
    bar = {"open": before, "high": max(last, before) + 20, "low": min(last, before) - 10}
    bar |= {"volume": int(volumes[len(closes) - 1])}
    return [row(code, last, **bar, value=bar["volume"] * last) for code in codes]


@pytest.mark.parametrize("ago", BARS_AGO)
def test_everything_equals_a_halted_bar_with_the_same_volume(
    results: dict[str, Analysis], ago: int
) -> None:
    alone, off_hours = results[f"A{ago:05d}"], results[f"V{ago:05d}"]
    assert alone.latest == off_hours.latest
    assert to_lists(alone.history) == to_lists(off_hours.history)
    assert (alone.signals, alone.patterns) == (off_hours.signals, off_hours.patterns)
    assert (alone.close, alone.ranks) == (off_hours.close, off_hours.ranks)


@pytest.mark.parametrize("ago", BARS_AGO)
def test_only_its_volume_tells_it_from_a_halted_bar(results: dict[str, Analysis], ago: int) -> None:
    alone, still = results[f"A{ago:05d}"], results[f"H{ago:05d}"]
    differing = {name for name, value in alone.latest.items() if still.latest[name] != value}
    beyond = {"volume_sma_5", "mfi_14"} if ago == 14 else set()
    assert differing == BY_VOLUME - beyond
    assert alone.patterns == still.patterns


def test_a_last_bar_of_the_after_market_alone_gives_no_signal_pattern_or_rank(
    results: dict[str, Analysis],
) -> None:
    alone = results["A00000"]
    assert alone.signals == alone.patterns == []
    assert set(alone.ranks.values()) == {None}
    assert alone.latest["return_1"] == alone.latest["obv_change_1"] == 0
    assert alone.latest["volume_ratio"] > 3
    assert [alone.history[name][-1] for name in ("open", "high", "low", "close")] == [
        alone.history["close"][-2]
    ] * 4


def test_the_next_bar_has_signals_again(results: dict[str, Analysis]) -> None:
    assert results["A00001"].signals
    assert results["A00001"].ranks["return_1_all"] is not None

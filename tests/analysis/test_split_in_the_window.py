"""A split in the window, through the real store: no indicator notices it, those of volume
neither."""

import numpy as np
import pytest

from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from tests.fakes import market_day, row
from utils.date_utils import TradingCalendar
from utils.store import Store
from utils.store.sqlite import SqliteBackend

ROWS = 300
TURNOVER = {"vwap_20", "value_sma_20", "value_average_20"}
"""From the turnover in won, which is never adjusted."""
DAYS = TradingCalendar().last_sessions("2024-01-22", ROWS)


def bars():
    """A random walk in whole hundreds of won and shares, a dict of cells per session."""
    random = np.random.default_rng(21)
    close = 200_000 * np.exp(np.cumsum(random.normal(0, 0.02, ROWS)))
    opened = close * (1 + random.normal(0, 0.01, ROWS))
    high = np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.006, ROWS)))
    low = np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.006, ROWS)))
    volume = np.exp(random.normal(12, 0.8, ROWS))
    whole = [
        (np.rint(line / 100) * 100).astype(int).tolist()
        for line in (opened, high, low, close, volume)
    ]
    for cells in zip(*whole, strict=True):
        bar = dict(zip(("open", "high", "low", "close", "volume"), cells, strict=True))
        yield bar | {"value": bar["close"] * bar["volume"]}


def in_units_of(shares, cells):
    """The same bar when one share is still worth so many of the later ones."""
    prices = {name: round(cells[name] * shares) for name in ("open", "high", "low", "close")}
    return prices | {"volume": round(cells["volume"] / shares), "value": cells["value"]}


@pytest.mark.parametrize("session", [0, 40, 260, 299])
@pytest.mark.parametrize(("kind", "shares"), [("split", 2), ("split", 50), ("consolidation", 0.2)])
def test_a_split_in_the_window_changes_no_indicator(tmp_path, clock, kind, shares, session):
    """Through the store: published bars change their unit on that session, those of the unsplit
    series never do."""
    store = Store(SqliteBackend(tmp_path), clock)
    change = {"shares_before": 1000, "shares_after": round(1000 * shares)}
    with store.backend.batch():
        for number, (day, cells) in enumerate(zip(DAYS, bars(), strict=True)):
            published = in_units_of(shares if number < session else 1, cells)
            rows = (
                row("000010", **published, factor=1 / shares if number == session else 1.0),
                row("000020", **cells),
            )
            action = {
                "_id": f"000010:{day}",
                "ticker": "000010",
                "session": day,
                "kind": kind,
                **change,
            }
            store.sessions.save(market_day(day, *rows), [action] if number == session else [])
    analyzer = TechnicalAnalyzer(store.sessions.panel(DAYS[-1], ROWS))
    store.close()
    split, unsplit = analyzer.analyze("000010"), analyzer.analyze("000020")
    assert split.latest == pytest.approx(unsplit.latest, rel=1e-9)
    assert split.history.pop("session") == unsplit.history.pop("session")
    for name, line in unsplit.history.items():
        np.testing.assert_allclose(split.history[name], line, rtol=1e-9, err_msg=name)
    assert (split.signals, split.patterns) == (unsplit.signals, unsplit.patterns)


@pytest.mark.parametrize(("before", "base"), [(56_192, 32_554), (194_177, 124_064), (1_003, 7)])
def test_a_price_that_never_moves_is_flat_over_an_ex_date(tmp_path, clock, before, base):
    """The factor is base / previous close, and no product of floats brings the base back
    exactly."""
    store = Store(SqliteBackend(tmp_path), clock)
    with store.backend.batch():
        for number, day in enumerate(DAYS):
            close = before if number < 290 else base
            factor = base / before if number == 290 else 1.0
            store.sessions.save(
                market_day(day, row("000010", close, factor=factor), row("000020", base))
            )
    panel = store.sessions.panel(DAYS[-1], ROWS)
    store.close()
    assert (panel.close[0] == base).all()
    moved, still = (
        TechnicalAnalyzer(panel).analyze("000010"),
        TechnicalAnalyzer(panel).analyze("000020"),
    )
    assert (moved.signals, moved.ranks) == (still.signals, still.ranks)
    assert {name for name in moved.latest if moved.latest[name] != still.latest[name]} <= TURNOVER

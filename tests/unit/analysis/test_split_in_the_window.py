"""A split in the window, through the real store: no indicator notices it, those of volume
neither."""

import numpy as np
import pytest

from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.store import Store
from utils.store.sqlite import SqliteBackend

ROWS = 300
TURNOVER = {"vwap_20", "value_sma_20", "value_average_20"}
"""Indicators made of the turnover in won, which is never adjusted."""
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


CASES = [
    (kind, shares, session)
    for kind, shares in (("split", 2), ("split", 50), ("consolidation", 0.2))
    for session in (0, 40, 260, 299)
]
TICKERS = {f"{number:05d}0": case for number, case in enumerate(CASES, 1)}
"""A ticker for each case, all of the same series."""
UNSPLIT = "000000"
EX_DATES = [(56_192, 32_554), (194_177, 124_064), (1_003, 7)]


@pytest.fixture(scope="module")
def panel(tmp_path_factory):
    """Return a panel through the store: published bars change their unit on the session of the
    case, those of the unsplit series never do."""
    store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), FakeClock(kst(2024, 1, 22, 19)))
    with store.backend.batch():
        for number, (day, cells) in enumerate(zip(DAYS, bars(), strict=True)):
            rows, actions = [row(UNSPLIT, **cells)], []
            for ticker, (kind, shares, session) in TICKERS.items():
                published = in_units_of(shares if number < session else 1, cells)
                rows.append(row(ticker, **published, factor=factor_of(shares, number == session)))
                if number == session:
                    actions.append(action(ticker, day, kind, shares))
            store.sessions.save(market_day(day, *rows), actions)
    found = store.sessions.panel(DAYS[-1], ROWS)
    store.close()
    return found


def factor_of(shares, is_ex_date):
    return 1 / shares if is_ex_date else 1.0


def action(ticker, day, kind, shares):
    change = {"shares_before": 1000, "shares_after": round(1000 * shares)}
    return {"_id": f"{ticker}:{day}", "ticker": ticker, "session": day, "kind": kind, **change}


@pytest.mark.parametrize("ticker", TICKERS, ids=[f"{kind}-{n}-{at}" for kind, n, at in CASES])
def test_a_split_in_the_window_changes_no_indicator(panel, ticker):
    analyzer = TechnicalAnalyzer(panel)
    split, unsplit = analyzer.analyze(ticker), analyzer.analyze(UNSPLIT)
    assert split.latest == pytest.approx(unsplit.latest, rel=1e-9)
    assert split.history.pop("session") == unsplit.history.pop("session")
    for name, line in unsplit.history.items():
        np.testing.assert_allclose(split.history[name], line, rtol=1e-9, err_msg=name)
    assert (split.signals, split.patterns) == (unsplit.signals, unsplit.patterns)


@pytest.fixture(scope="module")
def still_panel(tmp_path_factory):
    """Each price never moves but on one ex-date; next to it the same one without."""
    store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), FakeClock(kst(2024, 1, 22, 19)))
    with store.backend.batch():
        for number, day in enumerate(DAYS):
            rows = []
            for position, (before, base) in enumerate(EX_DATES):
                close = before if number < 290 else base
                factor = base / before if number == 290 else 1.0
                rows += [
                    row(f"{position}00010", close, factor=factor),
                    row(f"{position}00020", base),
                ]
            store.sessions.save(market_day(day, *rows))
    found = store.sessions.panel(DAYS[-1], ROWS)
    store.close()
    return found


@pytest.mark.parametrize("position", range(len(EX_DATES)), ids=map(str, EX_DATES))
def test_a_price_that_never_moves_is_flat_over_an_ex_date(still_panel, position):
    """The factor is base / previous close, and no product of floats brings the base back
    exactly."""
    analyzer = TechnicalAnalyzer(still_panel)
    _, base = EX_DATES[position]
    assert (still_panel.close[2 * position] == base).all()
    moved, still = analyzer.analyze(f"{position}00010"), analyzer.analyze(f"{position}00020")
    assert (moved.signals, moved.ranks) == (still.signals, still.ranks)
    assert {name for name in moved.latest if moved.latest[name] != still.latest[name]} <= TURNOVER

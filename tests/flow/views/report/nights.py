"""A store after a night's work over an invented market of chosen size: sessions stored, targets
chosen and analysed."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np
import pandas as pd

from collectors.analysis.analysis_queue import AnalysisQueue
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from collectors.collection.target_refresh import refresh_targets
from collectors.rules.corporate_actions import find_actions
from collectors.rules.price_rules import tick
from collectors.rules.target_rule import TargetRule
from tests.fakes import read_at
from utils.job_status import JobRun
from utils.market_day import DAY_COLUMNS, FINAL, MarketDay
from utils.store import Store
from utils.store.jobs import HOURLY_ANALYSIS

LAST = date(2024, 1, 22)
"""The session of the clock's evening."""
EVIL_NAMES = (
    "</script><script>document.title='gone'</script>",
    "<img src=x onerror=\"document.title='gone'\">",
    "A&B \"C\" 'D' <!--",
)


def sessions(count: int) -> list[str]:
    """Return so many weekdays up to `LAST`."""
    days = (LAST - timedelta(days=back) for back in range(2 * count))
    return [day.isoformat() for day in days if day.weekday() < 5][count - 1 :: -1]


def market(tickers: int, count: int, names: Sequence[str] = ()) -> Iterator[MarketDay]:
    """Whole sessions of a random walk on the exchange's ticks. The last ticker is halted in the
    last session, the one before it split five for one ten sessions earlier, and one of nine is
    listed on KONEX."""
    random = np.random.default_rng(20240122)
    codes = [f"{10 * position:06d}" for position in range(1, tickers + 1)]
    texts = [*names, *(f"종목{position}" for position in range(len(names), tickers))]
    of_ticker = np.where(np.arange(tickers) % 9 == 8, 2, np.arange(tickers) % 2)
    markets = np.array(["KOSPI", "KOSDAQ", "KONEX"], dtype=object)[of_ticker]
    shares = np.sort(random.integers(20_000_000, 900_000_000, tickers))[::-1].copy()
    close = _on_tick(np.exp(random.normal(9.6, 1.2, tickers)), markets)
    for position, session in enumerate(sessions(count)):
        base = close.copy()
        if position == count - 11:
            base[-2] = _on_tick(base[-2:-1] / 5, markets[-2:-1])[0]
            shares[-2] *= 5
        close = _on_tick(
            base * np.exp(np.clip(random.normal(0, 0.025, tickers), -0.25, 0.25)), markets
        )
        opened = _on_tick(base * np.exp(random.normal(0, 0.008, tickers)), markets)
        high = _on_tick(
            np.maximum(opened, close) * (1 + np.abs(random.normal(0, 0.006, tickers))), markets
        )
        low = _on_tick(
            np.minimum(opened, close) * (1 - np.abs(random.normal(0, 0.006, tickers))), markets
        )
        volume = np.exp(random.normal(12, 1, tickers)).astype(np.int64)
        if position == count - 1:
            close[-1] = base[-1]
            opened[-1] = high[-1] = low[-1] = volume[-1] = 0
        numbers = {
            "open": opened,
            "high": high,
            "low": low,
            "close": close,
            "change": close - base,
            "volume": volume,
        }
        more = {"value": volume * close, "market_cap": close * shares, "shares": shares.copy()}
        frame = pd.DataFrame(
            {"ticker": codes, "name": texts, "market": markets, **numbers, **more, "factor": 1.0}
        )
        yield MarketDay(session, frame[list(DAY_COLUMNS)], read_at(session, FINAL), "pykrx")


def _on_tick(price: np.ndarray, markets: np.ndarray) -> np.ndarray:
    whole = np.maximum(price, 100).astype(np.int64)
    step = tick(whole, markets, LAST.isoformat())
    return whole // step * step


def store_market(store: Store, days: Iterator[MarketDay]) -> MarketDay:
    """Store the days with their corporate actions and choose the targets; the last day."""
    before = None
    for day in days:
        found = find_actions(before.frame if before else None, day.frame, day.session)
        factor = np.ones(len(day.frame)) if before is None else found.factor
        before = MarketDay(day.session, day.frame.assign(factor=factor), day.read_utc, day.source)
        store.sessions.save(before, found.documents())
    assert before is not None
    refresh_targets(store, before.frame, before.session, TargetRule(0, ("KOSPI", "KOSDAQ")))
    return before


def analyse(store: Store, session: str, quota: int = 100_000) -> None:
    """The hourly analysis of that session, up to the quota."""
    with JobRun(store, HOURLY_ANALYSIS, session):
        queue = AnalysisQueue(
            store,
            TechnicalAnalyzer(store.sessions.panel(session, 300)),
            session,
            quota,
            lambda: True,
        )
        while queue.step():
            pass

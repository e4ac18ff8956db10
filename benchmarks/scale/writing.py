"""Writing of a history as the daily updates do it: collector, job records, targets, then the
datasets."""

from collections.abc import Callable, Mapping
from datetime import datetime
from time import perf_counter
from typing import Any

import pandas as pd

from benchmarks.scale.plan import DATASETS, FIRST, History
from benchmarks.timing import seconds_of
from collectors.collection.collect import collect_all, raise_worst
from collectors.collection.collect_datasets import DatasetCollector
from collectors.collection.due import due_in_store
from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.collection.target_refresh import refresh_targets
from collectors.exchange.connect import make_calendar
from collectors.exchange.dataset_tables import FUNDAMENTALS
from collectors.exchange.sources import Sources
from collectors.rules.target_rule import TargetRule, target_rule
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from utils.errors import NotPublished
from utils.store import Store

TIMED = 20
"""Number of the last sessions of each part: they are committed step by step, as in the product, and
timed."""
_BLOCK = 100
"""Number of other sessions in one commit: decades of single commits would wait for the disk for an
hour."""
_MARKET_IDS = {"KOSPI": "STK", "KOSDAQ": "KSQ"}


class Synthetic:
    """Source that shows the sandbox's market: the tables that pykrx makes of the exchange's
    answers.

    `seconds` adds up the time to make them, which is no work of the product.
    """

    name = "synthetic"

    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self.seconds = 0.0

    def shows(self, session: str, now: datetime) -> bool:
        return session in self._market.sessions

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        return [session for session in self._market.sessions if first <= session <= last]

    def fetch_day(self, session: str) -> pd.DataFrame:
        if session not in self._market.sessions:
            raise NotPublished(f"{session} is no session of this market.")
        return self._table(lambda: answers.day_rows(self._market.day(session)))

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        market = self._market
        if name == FUNDAMENTALS.name:
            return self._table(
                lambda: answers.fundamental_rows(market.fundamentals(market.day(session)))
            )
        return self._table(lambda: answers.holding_rows(market.holdings(market.day(session))))

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        series = self._market.index(_MARKET_IDS[index])
        positions = [
            position for position, session in enumerate(series.sessions) if first <= session <= last
        ]
        return self._table(lambda: answers.index_rows(series, positions))

    def _table(self, rows: Callable[[], answers.Rows]) -> pd.DataFrame:
        started = perf_counter()
        table = pd.DataFrame(rows())
        self.seconds += perf_counter() - started
        return table


def write(history: History, begin: int, size: int) -> dict[str, Any]:
    """Write the sessions between two eighths of the history.

    Returns the seconds of one session at the end, with its datasets, without the wait for the
    exchange.
    """
    days, first = history.days(size), len(history.days(begin))
    source = Synthetic(SyntheticMarket(history.tickers, first=FIRST, last=history.days(8)[-1]))
    store = history.open(days[-1])
    rule = target_rule(history.settings())
    store.scope.save(rule.min_market_cap, list(rule.markets), FIRST)
    sources = Sources([source], [source], store.clock, store.clock.sleep, [source])
    collector = StockDataCollector(sources, store, make_calendar(history.settings(), store))
    collector.learn_calendar(days[max(first - 1, 0)], days[-1])
    if first:  # sessions of the part before that are read a week later
        _collect(days[:first], store, sources, collector)
    timed = days[first:][-TIMED:]
    for start in range(first, len(days) - len(timed), _BLOCK):
        with store.backend.batch():
            _collect(
                days[start : min(start + _BLOCK, len(days) - len(timed))], store, sources, collector
            )
    before = source.seconds
    whole = seconds_of(lambda: _collect(timed, store, sources, collector, rule))
    store.close()
    return {"seconds": (whole - (source.seconds - before)) / len(timed)}


def _collect(
    sessions: list[str],
    store: Store,
    sources: Sources,
    collector: StockDataCollector,
    rule: TargetRule | None = None,
) -> None:
    """Collect the sessions; with a rule, refresh each session's targets as well."""

    def after_session(collected: Collected) -> None:
        if rule is not None:
            refresh_targets(store, collected.frame, collected.head.session, rule)

    first, last = sessions[0], sessions[-1]
    due = due_in_store(store, collector.calendar, first, last, store.clock.now_kst())
    raise_worst(collect_all(store, collector, due, lambda: False, after_session))
    datasets = DatasetCollector(store, sources, lambda: False, thorough=True)
    datasets.collect(DATASETS, first, last)

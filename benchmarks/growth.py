"""How time grows with tickers and with sessions: one, two, four and eight eighths of the market."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.analysis import analyse_all
from benchmarks.market import (
    Recorded,
    collect,
    copy_sessions,
    every_nth,
    open_collector,
    open_embedded,
)
from benchmarks.names import (
    ANALYSIS_BY_SESSIONS,
    ANALYSIS_BY_TICKERS,
    COLLECT_BY_TICKERS,
    PANEL_BY_SESSIONS,
    PANEL_BY_TICKERS,
)
from benchmarks.plan import GROWTH, Plan
from benchmarks.timing import interleaved, seconds_of_clean
from utils.store import Store

WIDTH_OF_SESSION_RUNS = 2
"""In eighths of the tickers: the runs over more and more sessions take a quarter of the market."""


def measure(plan: Plan) -> dict[str, Any]:
    whole = open_embedded(plan.database)
    stores = _stores(plan, whole)
    tickers = {size: len(every_nth(store, 1)) for size, store in stores.items()}
    lengths = {size: plan.sessions_at(size) for size in GROWTH}
    half = plan.sessions_at(GROWTH[-1] // 2)
    collected = _collect(plan, whole)
    by_tickers = _analyse(plan, {size: (stores[size], half) for size in GROWTH})
    by_sessions = _analyse(
        plan, {size: (stores[WIDTH_OF_SESSION_RUNS], lengths[size]) for size in GROWTH}
    )
    for store in stores.values():
        store.close()
    return {
        "growth": [
            _row(COLLECT_BY_TICKERS, tickers, collected),
            _row(PANEL_BY_TICKERS, tickers, {size: each[0] for size, each in by_tickers.items()}),
            _row(
                ANALYSIS_BY_TICKERS, tickers, {size: each[1] for size, each in by_tickers.items()}
            ),
            _row(PANEL_BY_SESSIONS, lengths, {size: each[0] for size, each in by_sessions.items()}),
            _row(
                ANALYSIS_BY_SESSIONS, lengths, {size: each[1] for size, each in by_sessions.items()}
            ),
        ]
    }


def _stores(plan: Plan, whole: Store) -> dict[int, Store]:
    """A store for each width; that of the session runs has every session, the others the last half
    of them."""
    sessions = [head.session for head in whole.sessions.heads()]
    stores = {}
    for size in GROWTH[:-1]:
        kept = plan.sessions if size == WIDTH_OF_SESSION_RUNS else plan.sessions_at(GROWTH[-1] // 2)
        stores[size] = open_embedded(Path(plan.folder) / f"width-{size}")
        copy_sessions(whole, stores[size], every_nth(whole, GROWTH[-1] // size), sessions[-kept:])
    return stores | {GROWTH[-1]: whole}


def _collect(plan: Plan, whole: Store) -> dict[int, float]:
    """Seconds to collect a new session, by width; the widths take turns. The store before holds a
    few sessions."""
    sessions = [head.session for head in whole.sessions.heads()]
    new, before = (
        sessions[-plan.growth_collections :],
        sessions[-plan.growth_collections - 2 : -plan.growth_collections],
    )
    sources, collectors = {}, {}
    for size in GROWTH:
        tickers = every_nth(whole, GROWTH[-1] // size)
        store = open_embedded(Path(plan.folder) / f"collected-{size}")
        copy_sessions(whole, store, tickers, before)
        sources[size] = Recorded(plan.bodies, set(tickers))
        collectors[size] = open_collector(sources[size], store)
    seconds: dict[int, list[float]] = {size: [] for size in GROWTH}
    for session in new:
        for size in GROWTH:
            sources[size].take_up(session)
            seconds[size].append(seconds_of_clean(partial(collect, collectors[size], session)))
    return {size: median(each) for size, each in seconds.items()}


def _analyse(plan: Plan, runs: dict[int, tuple[Store, int]]) -> dict[int, tuple[float, float]]:
    """Seconds of `sessions.panel` and of the whole analysis, by size; every run has stored its results
    once before."""
    panels: dict[int, list[float]] = {size: [] for size in runs}

    def task(size: int) -> Callable[[], None]:
        store, sessions = runs[size]
        return lambda: panels[size].append(analyse_all(store, sessions)["load the panel"])

    tasks = {str(size): task(size) for size in runs}
    interleaved(tasks, 1)
    for each in panels.values():
        each.clear()
    seconds = interleaved(tasks, plan.growth_repetitions)
    return {size: (median(panels[size]), median(seconds[str(size)])) for size in runs}


def _row(name: str, sizes: dict[int, int], seconds: dict[int, float]) -> dict[str, Any]:
    return {
        "name": name,
        "sizes": [sizes[size] for size in GROWTH],
        "seconds": [seconds[size] for size in GROWTH],
    }

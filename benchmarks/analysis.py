"""The analysis of the whole market, against the bare TA-Lib loop and against the usual way."""

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import bare
from benchmarks.market import LAST_SESSION, SESSION_BEFORE, open_embedded
from benchmarks.names import (
    ANALYSIS,
    ANALYSIS_WITHOUT_PATTERNS,
    BARE,
    BARE_INDICATORS,
    QUEUE,
    USUAL,
    USUAL_TO_OURS,
)
from benchmarks.plan import Plan
from benchmarks.timing import Stopwatch, interleaved, ratio_row
from benchmarks.usual import UsualWay
from collectors.analysis.analysis_queue import BATCH, AnalysisQueue, to_document
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from collectors.collection.target_refresh import refresh_targets
from collectors.rules.target_rule import TargetRule
from utils.market_day import MARKETS
from utils.store import Store
from utils.store.jobs import HOURLY_ANALYSIS

Stages = list[dict[str, float]]


def measure(plan: Plan) -> dict[str, Any]:
    """Ours, the queue and the bare loops in turn; the stages are those of the same repetitions."""
    store = open_embedded(plan.database)
    make_targets(store)
    panel = store.sessions.panel(LAST_SESSION, plan.sessions)
    everybody = range(len(panel.tickers))
    stages: Stages = []
    tasks = {
        ANALYSIS: lambda: stages.append(analyse_all(store, plan.sessions)),
        BARE: lambda: bare.everything(panel, everybody),
        BARE_INDICATORS: lambda: bare.indicators(panel, everybody),
        QUEUE: lambda: run_queue(store, plan.sessions),
    }
    tasks[ANALYSIS]()  # the first time inserts, all later nights replace
    stages.clear()
    seconds = interleaved(tasks, plan.repetitions, before={QUEUE: lambda: reopen(store)})
    store.close()
    return {
        "rows": [
            ratio_row(ANALYSIS, seconds[ANALYSIS], BARE, seconds[BARE]),
            ratio_row(
                ANALYSIS_WITHOUT_PATTERNS,
                seconds[ANALYSIS],
                BARE_INDICATORS,
                seconds[BARE_INDICATORS],
            ),
            ratio_row(QUEUE, seconds[QUEUE], BARE, seconds[BARE]),
        ],
        "stages": {"of": ANALYSIS, "against": BARE, "seconds": middle(stages)},
        "baseline_seconds": median(seconds[BARE]),
        "tickers": len(panel.tickers),
    }


def measure_usual(plan: Plan) -> dict[str, Any]:
    """The usual way over a few tickers, against the bare loop over the same ones, and scaled up
    against ours."""
    store = open_embedded(plan.database)
    panel = store.sessions.panel(LAST_SESSION, plan.sessions)
    count = len(panel.tickers)
    rows = range(0, count, max(1, count // plan.usual_tickers))
    chosen = [panel.tickers[row] for row in rows]
    sessions = store.sessions.read(panel.sessions[0], panel.sessions[-1])
    usual = UsualWay(Path(plan.folder) / "usual.sqlite3", sessions, chosen)
    tasks = {
        USUAL: lambda: usual.analyse(BATCH),
        BARE: lambda: bare.everything(panel, rows),
        ANALYSIS: lambda: analyse_all(store, plan.sessions),
    }
    seconds = interleaved(tasks, plan.repetitions)
    usual.close()
    store.close()
    scale = count / len(rows)
    scaled = {name: [scale * each for each in seconds[name]] for name in (USUAL, BARE)}
    return {
        "rows": [
            ratio_row(USUAL, scaled[USUAL], BARE, scaled[BARE]),
            ratio_row(USUAL_TO_OURS, scaled[USUAL], ANALYSIS, seconds[ANALYSIS]),
        ],
        "usual_tickers": len(rows),
        "scaled_to": count,
    }


def measure_memory(plan: Plan) -> dict[str, Any]:
    """One night's analysis of every ticker by the queue, as `hourly_analysis` does it; its memory
    is what counts."""
    store = open_embedded(plan.database)
    make_targets(store)
    run_queue(store, plan.sessions)
    store.close()
    return {}


def make_targets(store: Store) -> None:
    """Every listed ticker is a target."""
    if (day := store.sessions.load(LAST_SESSION)) is not None:
        refresh_targets(store, day.frame, LAST_SESSION, TargetRule(0, list(MARKETS.values())))


def analyse_all(store: Store, sessions: int) -> dict[str, float]:
    """Load, analyse, store: every ticker, in batches as the queue forms them. Seconds by stage."""
    watch = Stopwatch()
    panel = store.sessions.panel(LAST_SESSION, sessions)
    watch.lap("load the panel")
    analyzer = TechnicalAnalyzer(panel)
    tickers = [ticker for ticker in panel.tickers if ticker not in analyzer.faults]
    watch.lap("analyse: the market at once")
    for start in range(0, len(tickers), BATCH):
        results = [analyzer.analyze(ticker) for ticker in tickers[start : start + BATCH]]
        watch.lap("analyse: ticker by ticker")
        documents = [
            to_document(result) | {"analyzed_utc": store.clock.now_utc()} for result in results
        ]
        watch.lap("to documents")
        store.results.save(LAST_SESSION, documents)
        watch.lap("save")
    return watch.seconds


def reopen(store: Store) -> None:
    """Every target was analysed for the session before the last."""
    store.targets.save(
        [],
        {target["_id"]: {"last_analyzed_date": SESSION_BEFORE} for target in store.targets.all()},
    )


def run_queue(store: Store, sessions: int) -> None:
    """What `hourly_analysis` does, with no quota."""
    source = store.sessions.panel_source(LAST_SESSION, sessions)
    analyzer = TechnicalAnalyzer(store.sessions.panel(LAST_SESSION, sessions))
    queue = AnalysisQueue(
        store,
        analyzer,
        LAST_SESSION,
        quota=1_000_000,
        may_go_on=lambda: True,
        is_current=lambda: store.sessions.panel_source(LAST_SESSION, sessions) == source,
    )
    with store.locks.hold(HOURLY_ANALYSIS):
        while queue.step():
            pass


def middle(stages: Stages) -> dict[str, float]:
    return {name: median(each[name] for each in stages) for name in stages[0]}

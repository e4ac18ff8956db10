"""Work over a history: that of every night, and that of commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.scale.names import AUDIT, EVENING, EXPORT, HEADS, PANEL, PRICES, STATUS
from benchmarks.scale.plan import DATASETS, FIRST, History
from benchmarks.timing import seconds_of_clean
from collectors.analysis.night import PANEL_SESSIONS
from collectors.collection.update import DailyUpdate
from collectors.upkeep.audit import audit as audit_store
from collectors.upkeep.audit.findings import FEW_TICKERS
from collectors.views.export import export
from collectors.views.prices import PriceReader
from collectors.views.status import status
from utils.run import Run
from utils.store import Store

_ENOUGH_SECONDS = 1.0
"""Seconds after which nothing is repeated."""
Work = Callable[[Run, str], object]


def evening(run: Run, last: str) -> object:
    """Run the steps of `daily_update` when everything is there."""
    steps = DailyUpdate(run, None, None)
    steps.learn_calendar()
    steps.forget_factors_after_holes()
    if due := steps.due():
        raise SystemExit(f"{due[0].session} is due: the history is not whole.")
    steps.collect_datasets()
    return due


def audit(run: Run, last: str) -> object:
    """Audit the history. In a narrow market one ticker more or less is more than the 2 % that the
    audit allows."""
    steps = DailyUpdate(run, None, None)
    datasets = run.settings.datasets_at_hand
    found = audit_store(run.store, steps.calendar(), steps.first, last, steps.rule, datasets)
    if wrong := [
        finding for finding in found.findings if finding.session and finding.rule != FEW_TICKERS
    ]:
        raise SystemExit(f"{wrong[0]}: the history is not whole.")
    return found


def status_of(run: Run, last: str) -> object:
    return status(run)


def prices_of_one(run: Run, last: str) -> object:
    return PriceReader(run.store).prices(_largest(run.store))


def export_of_one(run: Run, last: str) -> object:
    path = Path(run.settings.data_dir) / "one.csv"
    return export(run.store, path, FIRST, last, _largest(run.store), DATASETS)


def _largest(store: Store) -> str:
    return str(max(store.targets.active(), key=lambda target: target["market_cap"])["_id"])


WORK: dict[str, Work] = {
    HEADS: lambda run, last: run.store.sessions.heads(),
    PANEL: lambda run, last: run.store.sessions.panel(last, PANEL_SESSIONS),
    EVENING: evening,
    STATUS: status_of,
    AUDIT: audit,
    PRICES: prices_of_one,
    EXPORT: export_of_one,
}


def work(history: History, name: str, size: int) -> dict[str, Any]:
    """Return the fastest of a few runs, as many as fit into a second: other load only slows
    them."""
    last = history.days(size)[-1]
    store = history.open(last)
    run = Run(history.settings(), history.clock(last), store)
    seconds: list[float] = []
    while not seconds or (len(seconds) < history.repetitions and sum(seconds) < _ENOUGH_SECONDS):
        seconds.append(seconds_of_clean(lambda: WORK[name](run, last)))
    store.close()
    return {"seconds": min(seconds)}

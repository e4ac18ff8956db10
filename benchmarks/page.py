"""The report of a whole night: its size, how long it takes to write, and how soon a real Chromium
can use it."""

from pathlib import Path
from statistics import median
from typing import Any

from selenium.webdriver.support.ui import WebDriverWait

from benchmarks.analysis import make_targets, reopen, run_queue
from benchmarks.chromium import IS_INSTALLED, NO_CHROMIUM, chromium
from benchmarks.market import LAST_SESSION, open_embedded
from benchmarks.names import PAGE_CHART, PAGE_SIZE, PAGE_SORTED, PAGE_USABLE, PAGE_WRITTEN
from benchmarks.plan import Plan
from benchmarks.timing import seconds_of_clean
from collectors.views.report import write_report
from utils.store import Store

TARGETS = 1_700
_USABLE = "return performance.getEntriesByName('usable')[0]?.startTime"
_SECONDS_OF_CLICK = """
const started = performance.now();
document.querySelector(arguments[0]).click();
if (arguments[1]) window.dispatchEvent(new Event("hashchange"));
document.body.getBoundingClientRect();
return performance.now() - started;
"""
"""With the layout that follows; a new address would else take effect later."""


def measure(plan: Plan) -> dict[str, Any]:
    """`measured`: bytes and seconds by name, what Chromium takes only where it is installed; `note`
    for a person."""
    store = open_embedded(plan.database)
    count = keep_largest(store)
    reopen(store)
    run_queue(store, plan.sessions)
    path = Path(plan.folder) / "report.html"
    written = [
        seconds_of_clean(lambda: write_report(store, path, LAST_SESSION))
        for _ in range(max(1, plan.repetitions // 2))
    ]
    store.close()
    measured = {PAGE_SIZE: float(path.stat().st_size), PAGE_WRITTEN: median(written)}
    if not IS_INSTALLED:
        return {"measured": measured, "note": NO_CHROMIUM}
    in_browser, version = try_in_chromium(path, plan.repetitions)
    note = f"The report shows {count:,} targets; it was opened in Chromium {version}."
    return {"measured": measured | in_browser, "note": note}


def keep_largest(store: Store) -> int:
    """Of all listed tickers the largest are targets; how many."""
    make_targets(store)
    others = store.targets.active()[TARGETS:]
    store.targets.save([], {target["_id"]: {"is_active": False} for target in others})
    return len(store.targets.active())


def try_in_chromium(path: Path, repetitions: int) -> tuple[dict[str, float], str]:
    """Medians in seconds by name, and the browser's version."""
    found: dict[str, list[float]] = {PAGE_USABLE: [], PAGE_SORTED: [], PAGE_CHART: []}
    with chromium(path.parent / "profile") as browser:
        for _ in range(repetitions):
            browser.get("about:blank")
            browser.get(path.as_uri())
            found[PAGE_USABLE].append(
                WebDriverWait(browser, 60, poll_frequency=0.02).until(
                    lambda _: browser.execute_script(_USABLE)
                )
            )
            found[PAGE_SORTED].append(
                browser.execute_script(_SECONDS_OF_CLICK, '[data-column="percent"]', False)
            )
            found[PAGE_CHART].append(
                browser.execute_script(_SECONDS_OF_CLICK, "#table tbody .name a", True)
            )
        version = str(browser.capabilities["browserVersion"])
    return {name: median(milliseconds) / 1000 for name, milliseconds in found.items()}, version

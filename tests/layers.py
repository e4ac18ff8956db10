"""The layers of the tests: what of this machine a test needs is its marker, and `make test` runs
those without one.

A marker stands on a test, on a module (`pytestmark`), or on a folder (`FOLDERS`). What runs over
the server is marked here, by its parameters and fixtures.
"""

import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from utils.settings import PROJECT

TESTS = Path(__file__).parent
RECORDED = PROJECT.parent / "shared" / "data"
"""Days as the exchange published them, which stay out of the repository; without them what is
marked `recorded` is skipped."""
MARKERS = ("process", "server", "storm", "browser", "cron", "docs", "recorded")
WAIT_FOR_A_LIMIT = {"hang", "drip", "endless", "outage"}
"""Failures that last until a time limit or for as many tries as there are, as parameters of a
test."""
SECONDS_OF_A_MILLION = 0.042
"""Seconds that `slowness` takes on the machine on which a second was chosen as the limit."""
FOLDERS = {"process": "process", "process/cron": "cron", "storm": "storm", "docs": "docs"}
"""A folder of tests -> the marker of all that is in it."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--most-seconds",
        type=float,
        help="fail a test without a marker that takes more processor time than this",
    )


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for folder, marker in FOLDERS.items():
            if (TESTS / folder) in item.path.parents:
                item.add_marker(marker)
        if runs_over_the_server(item):
            item.add_marker("server")
        if WAIT_FOR_A_LIMIT & {value for value in parameters(item) if isinstance(value, str)}:
            item.add_marker("process")
        if item.get_closest_marker("recorded") and not RECORDED.is_dir():
            item.add_marker(pytest.mark.skip(reason=f"no recorded days in {RECORDED}"))


def parameters(item: pytest.Item) -> list[object]:
    """Return the values of the item's parameters, and what is in those that are tuples."""
    call = getattr(item, "callspec", None)
    values = call.params.values() if call else ()
    return [part for value in values for part in (value if isinstance(value, tuple) else (value,))]


def runs_over_the_server(item: pytest.Item) -> bool:
    fixtures = getattr(item, "fixturenames", ())
    chosen = "mongodb" in [part for part in parameters(item) if isinstance(part, str)]
    return "on_the_server" in fixtures and ("server" in fixtures or chosen)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Fail a test that belongs into `make test` and is too slow for it.

    Counted is the processor time of the test itself and of processes that it waited for, not the
    time on the wall: how busy the machine is makes no difference. A slow processor is allowed for.
    Its fixtures are left out, because the first test that asks for a shared one pays for all.
    """
    most = item.config.getoption("most_seconds")
    before = processor_seconds()
    yield
    spent = processor_seconds() - before
    if most and not is_marked(item) and spent > most and (spent := spent / slowness()) > most:
        pytest.fail(
            f"It took {spent:.1f} s of processor time, and {most:g} are the most in `make test`. "
            f"Make it smaller, or mark what it needs: {', '.join(MARKERS)}.",
            pytrace=False,
        )


def is_marked(item: pytest.Item) -> bool:
    return any(item.get_closest_marker(name) for name in MARKERS)


def slowness() -> float:
    """Return how many times as long as on the machine of the limit a fixed piece of work takes
    here, at least 1. Twice that where others crowd the processor, because then they empty its
    caches."""
    begun = time.process_time()
    sum(number * number for number in range(1_000_000))
    slower = (time.process_time() - begun) / SECONDS_OF_A_MILLION
    is_crowded = os.getloadavg()[0] > 2 * (os.cpu_count() or 1)
    return max(1.0, slower) * (2 if is_crowded else 1)


def processor_seconds() -> float:
    """Return those of this process, its threads, and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)

"""Results of the sections as one document: rows with ratios, goals and whether each goal is met."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from math import log
from statistics import linear_regression
from typing import Any

from benchmarks.names import (
    GOALS,
    LEAST,
    LIMIT,
    MEMORY_ANALYSIS,
    MEMORY_FIRST_LOAD,
    MEMORY_LIMIT,
    MONGODB,
    PAGE_LIMITS,
    SLOPE_TOLERANCE,
)
from benchmarks.plan import Plan

Found = dict[str, dict[str, Any]]
PACKAGES = ("numpy", "pandas", "TA-Lib", "pymongo")
SMALLER = "This is a smaller market than the goals are about, so none of them is judged."
STAND_IN = (
    "FerretDB speaks MongoDB's protocol over SQLite, far slower than MongoDB: "
    "the goal is not judged by it."
)
NO_SERVER = "MONGODB_TEST_URI is not set: nothing was measured over MongoDB."


def machine() -> dict[str, Any]:
    """Return the facts that the figures depend on, and nothing that names the machine."""
    return {
        "system": platform.system(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "load_before": round(os.getloadavg()[0], 1),
    }


def build(plan: Plan, of_machine: dict[str, Any], found: Found) -> dict[str, Any]:
    """Return the whole report. `found` holds the result of every section by its name."""
    results = list(found.values())
    judged = {
        "rows": [judged_ratio(row) for each in results for row in each.get("rows", [])],
        "growth": [judged_growth(row) for each in results for row in each.get("growth", [])],
        "memory": [
            judged_memory(MEMORY_FIRST_LOAD, found["collection"]["peak_bytes"]),
            judged_memory(MEMORY_ANALYSIS, found["analysis memory"]["peak_bytes"]),
        ],
        "page": [judged_page(name, value) for name, value in found["page"]["measured"].items()],
    }
    if not plan.is_whole:
        for row in chain(*judged.values()):
            row["met"] = None
    if found.get("mongodb", {}).get("stand_in"):
        next(row for row in judged["rows"] if row["name"] == MONGODB)["met"] = None
    return judged | {
        "machine": of_machine,
        "plan": {name: value for name, value in plan.document().items() if name != "folder"},
        "stages": [
            stage_table(each["stages"], each["baseline_seconds"])
            for each in results
            if "stages" in each
        ],
        "notes": ([] if plan.is_whole else [SMALLER]) + notes(found),
    }


def judged_ratio(row: dict[str, Any]) -> dict[str, Any]:
    most, least = GOALS.get(row["name"]), LEAST.get(row["name"])
    met = None
    if most is not None:
        met = row["ratio"] <= most
    if least is not None:
        met = row["ratio"] >= least
    return row | {"goal": most or least, "goal_is_least": least is not None, "met": met}


def stage_table(stages: dict[str, Any], baseline_seconds: float) -> dict[str, Any]:
    total = sum(stages["seconds"].values())
    lines = [
        {
            "name": name,
            "seconds": seconds,
            "share": seconds / total,
            "ratio": seconds / baseline_seconds,
        }
        for name, seconds in stages["seconds"].items()
    ]
    return {"of": stages["of"], "against": stages["against"], "lines": lines}


def slope(sizes: Sequence[float], values: Sequence[float]) -> float:
    """Return the slope of log values over log sizes: 1 is linear growth, 0 none."""
    return linear_regression([log(size) for size in sizes], [log(each) for each in values]).slope


def judged_growth(row: dict[str, Any]) -> dict[str, Any]:
    """Judge a growth row. `ratio` is the largest run's cost per size, over the smallest run's."""
    sizes, seconds = row["sizes"], row["seconds"]
    steepness = slope(sizes, seconds)
    ratio = seconds[-1] / seconds[0] * sizes[0] / sizes[-1]
    goal = GOALS[row["name"]]
    return row | {
        "slope": steepness,
        "ratio": ratio,
        "goal": goal,
        "met": steepness <= goal + SLOPE_TOLERANCE,
    }


def judged_memory(name: str, peak: int) -> dict[str, Any]:
    ratio = peak / MEMORY_LIMIT
    return {
        "name": name,
        "bytes": peak,
        "baseline": LIMIT,
        "ratio": ratio,
        "goal": GOALS[name],
        "met": ratio <= GOALS[name],
    }


def judged_page(name: str, measured: float) -> dict[str, Any]:
    """Judge bytes or seconds against a limit where there is one."""
    limit = PAGE_LIMITS.get(name)
    return {
        "name": name,
        "measured": measured,
        "goal": limit,
        "met": None if limit is None else measured <= limit,
    }


def notes(found: Found) -> list[str]:
    """Return remarks that a reader of these figures needs."""
    usual = found["usual"]
    said = [
        f"An answer body has {found['collection']['body_bytes']:,} bytes.",
        f"The usual way was measured on {usual['usual_tickers']} of {usual['scaled_to']:,} tickers "
        "and multiplied to all of them, as was the bare loop over the same tickers.",
    ]
    said.append(found["page"]["note"])
    if "mongodb" not in found:
        return [*said, NO_SERVER]
    mongodb = found["mongodb"]
    width = "the whole market"
    if mongodb["tickers"] < mongodb["of_tickers"]:
        width = (
            f"{mongodb['tickers']:,} of {mongodb['of_tickers']:,} tickers, because the server is "
            "slow; what a session costs however few its tickers are weighs more there than in the "
            "whole market"
        )
    said.append(f"The MongoDB server was {mongodb['server']}; measured over {width}.")
    if mongodb["stand_in"]:
        said.append(STAND_IN)
    return said

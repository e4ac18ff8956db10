"""`python -m benchmarks.scale`: write histories, measure them at some eighths, keep the numbers."""

import argparse
import json
import logging
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

from benchmarks import report
from benchmarks.__main__ import PROJECT
from benchmarks.plan import GROWTH
from benchmarks.scale import tables
from benchmarks.scale.names import COLLECT, SIZES, WORKS
from benchmarks.scale.plan import History, histories
from benchmarks.scale.processes import in_a_process
from benchmarks.scale.sizes import sizes
from benchmarks.scale.working import work
from benchmarks.scale.writing import write
from utils.store.mongo import connect

PAGE = PROJECT / "docs" / "scale.md"
NUMBERS = PROJECT / "benchmarks" / "scale" / "numbers.json"
"""Numbers of the page, for a program."""
console = Console(stderr=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="short histories; the numbers mean nothing"
    )
    default = PROJECT / "benchmarks" / "out"
    parser.add_argument(
        "--output",
        type=Path,
        default=default,
        metavar="FOLDER",
        help="for scale.json, and for the databases while they are measured (benchmarks/out)",
    )
    parser.add_argument(
        "--write-docs",
        action="store_true",
        help="put the numbers into docs/scale.md and benchmarks/scale/numbers.json as well",
    )
    args = parser.parse_args()
    if args.write_docs and args.quick:
        parser.error("--write-docs goes with the whole measurement only")
    return args


def main() -> int:
    args = parse()
    logging.basicConfig(level=logging.CRITICAL)
    output: Path = args.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    machine = report.machine()
    with tempfile.TemporaryDirectory(prefix="work-", dir=output) as folder:
        kept = histories(Path(folder), os.environ.get("MONGODB_TEST_URI", ""), args.quick)
        found = {history.name: measure(history) for history in kept}
    result = {"machine": machine, "histories": found}
    (output / "scale.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    tables.show(result)
    if args.write_docs:
        shown = tables.shown(result)
        NUMBERS.write_text(json.dumps(shown, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        PAGE.write_text(tables.filled_in(PAGE.read_text(encoding="utf-8"), shown), encoding="utf-8")
    return 0


def measure(history: History) -> dict[str, Any]:
    """Return `sizes` and `work` (by name), each a list with one element for every measured
    eighth."""
    Path(history.folder).mkdir()
    try:
        measured = [_measure_at(history, size) for size in GROWTH]
    finally:
        if history.uri:
            _drop(history)
    return {
        "tickers": history.tickers,
        "sessions": [len(history.days(size)) for size in GROWTH],
        "sizes": [each[SIZES] for each in measured],
        "work": {name: [each[name] for each in measured] for name in (COLLECT, *WORKS)},
    }


def _measure_at(history: History, size: int) -> dict[str, Any]:
    """Write on from the size before, then measure."""
    started, begin = perf_counter(), max((each for each in GROWTH if each < size), default=0)
    found = {COLLECT: in_a_process(partial(write, history, begin, size))}
    found |= {SIZES: in_a_process(partial(sizes, history, size))}
    found |= {name: in_a_process(partial(work, history, name, size)) for name in WORKS}
    console.print(
        f"{history.name}, {len(history.days(size)):,} sessions: {perf_counter() - started:.0f} s"
    )
    return found


def _drop(history: History) -> None:
    client = connect(history.uri)
    for name in history.settings().mongodb_databases.values():
        client.drop_database(name)
    client.close()


if __name__ == "__main__":
    sys.exit(main())

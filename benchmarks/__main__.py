"""`python -m benchmarks`: measure, show the ratios, keep them as JSON."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console

from benchmarks import report, tables
from benchmarks.plan import Plan

PROJECT = Path(__file__).resolve().parent.parent
PAGE = PROJECT / "docs" / "performance.md"
SECTIONS = (
    "record",
    "collection",
    "analysis memory",
    "analysis",
    "usual",
    "growth",
    "page",
    "night",
)
QUICK: dict[str, int] = {
    "tickers": 240,
    "sessions": 80,
    "repetitions": 3,
    "usual_tickers": 10,
    "growth_repetitions": 2,
    "growth_collections": 5,
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a small market, under half a minute; the goals mean little",
    )
    parser.add_argument("--tickers", type=int, metavar="N", help="tickers of the market (2700)")
    parser.add_argument("--sessions", type=int, metavar="N", help="sessions to load (300)")
    parser.add_argument(
        "--repetitions", type=int, metavar="N", help="how often the analysis is repeated (5)"
    )
    default = Path(__file__).parent / "out"
    parser.add_argument(
        "--output",
        type=Path,
        default=default,
        metavar="FOLDER",
        help="for results.json, and for the databases while they are measured (benchmarks/out)",
    )
    parser.add_argument(
        "--write-docs", action="store_true", help="write docs/performance.md as well"
    )
    args = parser.parse_args()
    if args.write_docs and (args.quick or args.tickers or args.sessions):
        parser.error("--write-docs goes with the whole measurement only")
    return args


def main() -> int:
    args = parse()
    output: Path = args.output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    machine = report.machine()
    with tempfile.TemporaryDirectory(prefix="work-", dir=output) as folder:
        plan = make_plan(args, folder)
        found = {name: run_section(name, plan) for name in sections()}
    result = report.build(plan, machine, found)
    (output / "results.json").write_text(json.dumps(result, indent=1), encoding="utf-8")
    tables.show(result)
    if args.write_docs:
        PAGE.write_text(tables.page(result), encoding="utf-8")
    return 0


def make_plan(args: argparse.Namespace, folder: str) -> Plan:
    sizes = dict(QUICK) if args.quick else {}
    asked = {name: getattr(args, name) for name in ("tickers", "sessions", "repetitions")}
    return Plan(folder, **(sizes | {name: value for name, value in asked.items() if value}))


def sections() -> list[str]:
    return [*SECTIONS, "mongodb"] if os.environ.get("MONGODB_TEST_URI") else list(SECTIONS)


def run_section(name: str, plan: Plan) -> dict[str, Any]:
    """Run one section in a process of its own, so that its peak memory is its own."""
    started = perf_counter()
    folder = Path(plan.folder)
    result = folder / f"{name}.result"
    plan.write(folder / "plan")
    command = [sys.executable, "-m", "benchmarks.sections", name, str(folder / "plan"), str(result)]
    if subprocess.run(command, cwd=PROJECT, check=False).returncode:
        raise SystemExit(f"The section {name} failed; what it said stands above.")
    Console(stderr=True).print(f"{name}: {perf_counter() - started:.0f} s")
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    return found


if __name__ == "__main__":
    sys.exit(main())

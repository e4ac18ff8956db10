"""The measurements run and report every row. How fast anything is, no test says."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.names import GROWTHS, MEMORIES, RATIOS
from utils.settings import PROJECT


def test_a_quick_run_reports_every_row_with_a_ratio(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "--quick", "--tickers", "60", "--output", str(tmp_path)]
    run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=240, check=False)
    assert run.returncode == 0, run.stderr
    report = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    ratios = {row["name"]: row["ratio"] for kind in ("rows", "growth", "memory") for row in report[kind]}
    assert {*RATIOS, *GROWTHS, *MEMORIES} <= ratios.keys()
    assert all(ratio > 0 for ratio in ratios.values())
    assert all(line["ratio"] >= 0 for stages in report["stages"] for line in stages["lines"][:-1])
    assert all(name in run.stdout for name in (RATIOS[0], GROWTHS[0], MEMORIES[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]

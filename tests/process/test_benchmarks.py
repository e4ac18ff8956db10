"""The measurements run and report every row. How fast anything is, no test says."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.names import GROWTHS, MEMORIES, RATIOS
from benchmarks.scale.names import COLLECT, WORKS
from benchmarks.scale.tables import filled_in, shown, tables
from utils.settings import PROJECT


@pytest.mark.process
def test_a_quick_run_reports_every_row_with_a_ratio(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "benchmarks",
        "--quick",
        "--tickers",
        "60",
        "--output",
        str(tmp_path),
    ]
    run = subprocess.run(
        command, cwd=PROJECT, capture_output=True, text=True, timeout=540, check=False
    )
    assert run.returncode == 0, run.stderr
    report = json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))
    ratios = {
        row["name"]: row["ratio"] for kind in ("rows", "growth", "memory") for row in report[kind]
    }
    assert {*RATIOS, *GROWTHS, *MEMORIES} <= ratios.keys()
    assert all(ratio > 0 for ratio in ratios.values())
    assert all(line["ratio"] >= 0 for stages in report["stages"] for line in stages["lines"][:-1])
    assert all(name in run.stdout for name in (RATIOS[0], GROWTHS[0], MEMORIES[0]))
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


@pytest.fixture(scope="module")
def scale(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Result of a quick run of the histories, without a server."""
    folder = tmp_path_factory.mktemp("scale")
    command = [sys.executable, "-m", "benchmarks.scale", "--quick", "--output", str(folder)]
    environment = {name: text for name, text in os.environ.items() if name != "MONGODB_TEST_URI"}
    run = subprocess.run(
        command,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env=environment,
    )
    assert run.returncode == 0, run.stderr
    assert all(name.split(",")[0] in run.stdout for name in (COLLECT, *WORKS))
    assert [path.name for path in folder.iterdir()] == ["scale.json"]
    found: dict[str, Any] = json.loads((folder / "scale.json").read_text(encoding="utf-8"))
    return found


@pytest.mark.process
def test_histories_are_measured_at_every_size(scale: dict[str, Any]) -> None:
    assert {name: each["sessions"] for name, each in scale["histories"].items()} == {
        "long": [4, 8, 16, 32],
        "wide": [2, 4, 8, 16],
    }
    for history in scale["histories"].values():
        assert history["work"].keys() == {COLLECT, *WORKS}
        for measured in history["work"].values():
            assert all(each["seconds"] > 0 and each["peak_bytes"] > 1e6 for each in measured)
            assert len(measured) == len(history["sessions"])
        files = [each["bytes"] for each in history["sizes"]]
        assert files == sorted(files)
        assert all(
            0 < each["index_bytes"] < each["bytes"]
            for each in history["sizes"]
            if each["index_bytes"]
        )
        assert all(
            100 < each["document_bytes"] / each["tickers"] < 1000 for each in history["sizes"]
        )


@pytest.mark.process
def test_the_numbers_find_their_places_in_the_page(scale: dict[str, Any]) -> None:
    page = (PROJECT / "docs" / "scale.md").read_text(encoding="utf-8")
    positions = re.findall(r"<!-- numbers: (\w+) -->", page)
    assert sorted(positions) == sorted([*tables(scale), "machine", "server"])
    written = filled_in(page, shown(scale))
    assert filled_in(written, shown(scale)) == written
    assert "| 32 |" in written
    assert "nothing was measured over a server" in written
    assert re.sub(r"(<!-- numbers).*?(?=<!-- end)", "", written, flags=re.DOTALL) == re.sub(
        r"(<!-- numbers).*?(?=<!-- end)", "", page, flags=re.DOTALL
    )


def test_the_page_shows_the_numbers_that_are_kept() -> None:
    page = (PROJECT / "docs" / "scale.md").read_text(encoding="utf-8")
    kept = json.loads(
        (PROJECT / "benchmarks" / "scale" / "numbers.json").read_text(encoding="utf-8")
    )
    assert sorted(kept) == sorted(re.findall(r"<!-- numbers: (\w+) -->", page))
    assert filled_in(page, kept) == page

"""A real cron, where this host can have one. Otherwise these tests are skipped, and say what is
missing."""

import subprocess
from pathlib import Path

import pytest

from tests.process.cron.private_host import CronHost, why_not

CLOCK = Path(__file__).with_name("clock.c")


@pytest.fixture(scope="session")
def real_cron() -> None:
    if reason := why_not():
        pytest.skip(f"*** NO REAL CRON: {reason} ***")


@pytest.fixture(scope="session")
def clock_library(real_cron: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", library, CLOCK],
        check=True,
    )
    return library


@pytest.fixture
def cron_host(tmp_path: Path, clock_library: Path) -> CronHost:
    return CronHost(tmp_path, clock_library)

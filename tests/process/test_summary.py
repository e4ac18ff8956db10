"""The end of a test run says what was tested over a MongoDB server, loudly when it was nothing."""

import os
import subprocess
import sys

import pytest

from tests.server import NO_SERVER
from utils.settings import PROJECT


@pytest.mark.process
def test_a_run_without_a_server_says_loudly_what_was_skipped() -> None:
    of_the_contract = ("tests/store/test_server_time.py", "tests/store/test_daily_prices_view.py")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "0",
            "-p",
            "no:cacheprovider",
            *of_the_contract,
        ],
        cwd=PROJECT,
        env=os.environ | {"MONGODB_TEST_URI": ""},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    assert f"= *** {NO_SERVER} *** =" in done.stdout
    assert "the store's contract: 17 skipped\n" in done.stdout
    assert "passed" not in done.stdout.partition(NO_SERVER)[2].partition("short test summary")[0]

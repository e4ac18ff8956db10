"""The local exchange as a process of its own obeys KST_NOW, like everything else."""

import os
import subprocess
import sys

import pytest
import requests

from utils.settings import PROJECT, setting_names


@pytest.mark.process
def test_kst_now_is_the_exchanges_time_unless_it_is_told_another() -> None:
    environment = os.environ | dict.fromkeys(setting_names(), "") | {"KST_NOW": "2026-09-10T09:00"}
    command = [sys.executable, "-m", "sandbox", "--tickers", "60"]
    with subprocess.Popen(
        command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        shown = requests.get(f"{url}/__sandbox__/clock", timeout=10).json()["kst"]
        process.terminate()
    assert shown.startswith("2026-09-10T09:00")

import signal
import subprocess
import sys

import pytest
import requests

from sandbox.__main__ import main
from utils.settings import PROJECT

ROOT = PROJECT


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--tickers", "5"], "40"),
        (["--tickers", "many"], "--tickers"),
        (["--port", "70000"], "port"),
        (["--first", "2026-13-01"], "date"),
        (["--first", "2026-09-12", "--last", "2026-09-13"], "no session"),
        (["--after-market-since", "tomorrow"], "never"),
        (["--now", "tonight"], "KST"),
        (["--account", "demo"], "ID:PW"),
        (["--replay", "/nowhere.csv"], "nowhere"),
        (["--fault", "earthquake"], "outage"),
        (["--fault", "ban:2"], "key=value"),
        (["--whatever"], "--whatever"),
    ],
)
def test_bad_options_are_told_and_end_with_2(options, word, capsys):
    with pytest.raises(SystemExit) as end:
        main(options)
    assert end.value.code == 2
    assert word in capsys.readouterr().err


@pytest.mark.process
def test_it_prints_its_url_serves_and_ends_when_told():
    options = [
        "--tickers",
        "60",
        "--now",
        "2026-09-10T19:00",
        "--account",
        "kim:secret",
        "--openapi-key",
        "mine",
    ]
    faults = ["--fault", "server_error:times=3,kind=page", "--fault", "late:date=2026-09-10"]
    command = [sys.executable, "-m", "sandbox", *options, *faults]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stdout.readline().strip()
        clock = requests.get(url + "/__sandbox__/clock", timeout=5).json()
        faults = requests.get(url + "/__sandbox__/faults", timeout=5).json()["faults"]
        process.send_signal(signal.SIGTERM)
        _, noise = process.communicate(timeout=10)
    assert clock["kst"].startswith("2026-09-10T19:00")
    assert [fault["name"] for fault in faults] == ["late", "server_error"]
    assert (process.returncode, noise) == (0, "The local exchange is open there, until Ctrl-C.\n")

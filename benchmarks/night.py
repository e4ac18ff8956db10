"""Whole night as cron starts it: three updates, fourteen hours and the page, each script a process,
against the local exchange over HTTP. Measured is processor time: most of a night is waiting."""

import os
import resource
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from time import process_time
from typing import Any

from benchmarks import bare
from benchmarks.market import open_embedded
from benchmarks.names import BARE, NIGHT
from benchmarks.plan import Plan
from benchmarks.timing import ratio_row
from sandbox.demo import LOGIN_ID, PASSWORD, demo_settings
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from utils.clock import kst
from utils.cron.schedule import starts_between
from utils.settings import PROJECT
from utils.store.jobs import DAILY_UPDATE

SET_UP = kst(2026, 9, 15, 12)
SESSION = "2026-09-15"


def measure(plan: Plan) -> dict[str, Any]:
    """Return one row, the whole night against the bare loop over the same market, and the
    processor time of each kind of start as stages."""
    spent: dict[str, float] = {}
    folder = Path(plan.folder) / "night"
    with LocalExchange(SyntheticMarket(plan.tickers), SET_UP, {LOGIN_ID: PASSWORD}) as exchange:
        environment = {**os.environ, **demo_settings(exchange.url, folder)}
        _run(exchange, environment, SET_UP, "manual_setup", "--yes", f"--sessions={plan.sessions}")
        for moment, job in starts_between(SET_UP, SET_UP + timedelta(days=1)):
            name = f"{job}, {moment:%H:%M}" if job == DAILY_UPDATE else job
            spent[name] = spent.get(name, 0) + _run(exchange, environment, moment, job)
    loop = _bare_loop(folder / "data", plan.sessions)
    return {
        "rows": [ratio_row(NIGHT, [sum(spent.values())], BARE, [loop])],
        "stages": {"of": NIGHT, "against": BARE, "seconds": spent},
        "baseline_seconds": loop,
    }


def _run(
    exchange: LocalExchange, environment: dict[str, str], moment: datetime, script: str, *args: str
) -> float:
    """Return the processor seconds of a script that starts at that moment and succeeds."""
    exchange.set_time(moment)
    before = _of_children()
    subprocess.run(
        [sys.executable, str(PROJECT / f"{script}.py"), *args],
        env=environment | {"KST_NOW": f"{moment:%Y-%m-%dT%H:%M:%S}"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    return _of_children() - before


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bare_loop(folder: Path, sessions: int) -> float:
    """Return the processor seconds of the bare loop over the market of that night."""
    store = open_embedded(folder)
    panel = store.sessions.panel(SESSION, sessions)
    store.close()
    begin = process_time()
    bare.everything(panel, range(len(panel.tickers)))
    return process_time() - begin

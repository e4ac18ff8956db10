"""The suite as a user runs it: the three scripts as processes, their clocks and the exchange's set
together."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sandbox.server import LocalExchange
from utils.clock import Clock
from utils.settings import PROJECT, Settings, load_settings, setting_names
from utils.store import Store, open_store

LOGIN_ID, PASSWORD = "night-tests", "pass-word-of-the-tests"
SECONDS = 240


@dataclass
class Suite:
    """One installation: a folder, a database, an exchange."""

    exchange: LocalExchange
    folder: Path
    own_settings: Mapping[str, str] = field(default_factory=dict)

    def settings(self, **more: str) -> dict[str, str]:
        """Every setting by name; empty ones switch off what a developer's own `.env` says. The
        prices alone, unless `own_settings` or `more` choose other datasets: each costs as many
        requests again."""
        ours = {
            "DATA_DIR": str(self.folder / "data"),
            "LOG_DIR": str(self.folder / "logs"),
            "KRX_ID": LOGIN_ID,
            "KRX_PW": PASSWORD,
            "KRX_BASE_URL": self.exchange.url,
            "KRX_REQUEST_INTERVAL_SECONDS": "0",
            "DATASETS": "prices",
        }
        return dict.fromkeys(setting_names(), "") | ours | dict(self.own_settings) | more

    def start(self, moment: datetime, *command: str, **more: str) -> "subprocess.Popen[str]":
        """A script as of that moment, from a foreign working directory with cron's bare
        environment."""
        self.exchange.set_time(moment)
        bare = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""),
        }
        return subprocess.Popen(
            [sys.executable, str(PROJECT / command[0]), *command[1:]],
            env=bare | self.settings(**{"KST_NOW": f"{moment:%Y-%m-%dT%H:%M:%S}"} | more),
            cwd="/",
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(
        self, moment: datetime, *command: str, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        process = self.start(moment, *command, **more)
        try:
            output, errors = process.communicate(timeout=SECONDS)
        finally:
            process.send_signal(signal.SIGKILL)
        return subprocess.CompletedProcess(command, process.returncode, output, errors)

    def must(self, moment: datetime, *command: str) -> "subprocess.CompletedProcess[str]":
        """`run`, and it has to succeed."""
        done = self.run(moment, *command)
        assert done.returncode == 0, done.stderr
        return done

    def analyse_night(self, evening: datetime) -> None:
        """Hourly runs from ten past seven until every target is analysed, at most the night's
        fourteen."""
        for hour in range(14):
            self.must(evening + timedelta(hours=hour, minutes=10), "hourly_analysis.py")
            if not self.pending(evening):
                return
        raise AssertionError("the night did not drain")

    def pending(self, moment: datetime) -> int:
        store = self.store(moment)
        try:
            job = store.jobs.records("hourly_analysis", 1)[0]
            return int(job["pending"]) + int(job["failed"])
        finally:
            store.close()

    def loaded_settings(self, **more: str) -> Settings:
        """`settings` as a script has them."""
        return load_settings({name.lower(): value for name, value in self.settings(**more).items()})

    def store(self, moment: datetime) -> Store:
        """The installation's database, opened here. Close it before the next script runs."""
        return open_store(self.loaded_settings(), Clock(moment))

    def read(self, moment: datetime) -> dict[str, Any]:
        """What tests look at most: stored sessions, job records and targets."""
        store = self.store(moment)
        try:
            return {
                "heads": store.sessions.heads(),
                "jobs": {job["date_kst"]: job for job in store.jobs.records("daily_update")},
                "analyses": {job["date_kst"]: job for job in store.jobs.records("hourly_analysis")},
                "targets": store.targets.active(),
                "scope": store.scope.get(),
            }
        finally:
            store.close()

"""Installation of the project: a folder, a database, an exchange, and the scripts run at moments
that the test chooses."""

import os
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from collectors.analysis.night import lock_of_this_host
from sandbox.server import LocalExchange
from tests.harness.exchange import LOGIN_ID, PASSWORD
from tests.harness.ways import Said, Way, in_process, start
from utils.clock import Clock
from utils.settings import Settings, load_settings, setting_names
from utils.store import Store, open_store


@dataclass(frozen=True)
class Ended(Said):
    """Result of a run: exit code, output, and what it added to its log file."""

    log: str


@dataclass
class Installation:
    """Folder, database and exchange on which the scripts run.

    Args:
        own_settings: outweigh those of `settings`. way: how `run` runs a script. left_out: settings
            that are not given at all, so that their default holds.
    """

    exchange: LocalExchange
    folder: Path
    own_settings: dict[str, str] = field(default_factory=dict)
    way: Way = in_process
    left_out: frozenset[str] = frozenset()

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
            "KRX_OPENAPI_BASE_URL": self.exchange.url,
            "KRX_REQUEST_INTERVAL_SECONDS": "0",
            "DATASETS": "prices",
        }
        given = dict.fromkeys(setting_names(), "") | ours | self.own_settings | more
        return {name: text for name, text in given.items() if name not in self.left_out}

    def environment(self, moment: datetime, **more: str) -> dict[str, str]:
        """Return cron's bare environment as of that moment, with the settings."""
        bare = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(self.folder),
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""),
        }
        return bare | self.settings(**{"KST_NOW": f"{moment:%Y-%m-%dT%H:%M:%S}"} | more)

    def run(self, moment: datetime, script: str, *options: str, **more: str) -> Ended:
        """The script as of that moment (KST), with the exchange's clock set to it."""
        self.exchange.set_time(moment)
        logged = Path(self.settings(**more)["LOG_DIR"]) / f"{script}.log"
        before = len(_text_of(logged))
        said = self.way(self.environment(moment, **more), script, options)
        return Ended(said.code, said.stdout, said.stderr, _text_of(logged)[before:])

    def must(self, moment: datetime, script: str, *options: str, **more: str) -> Ended:
        """Call `run`, which has to succeed."""
        done = self.run(moment, script, *options, **more)
        assert done.code == 0, done.stderr
        return done

    def start(
        self, moment: datetime, script: str, *options: str, **more: str
    ) -> "subprocess.Popen[str]":
        """A process of the script that nobody waits for yet."""
        self.exchange.set_time(moment)
        return start(self.environment(moment, **more), script, options)

    def with_settings(self, settings: Mapping[str, str]) -> "Installation":
        """The same with these settings as well."""
        return replace(self, own_settings={**self.own_settings, **settings})

    def load(self, moment: datetime, *options: str, **more: str) -> Ended:
        """`manual_setup` while another run is at the analysis: it loads and analyses nothing."""
        with self.opened(moment) as store, lock_of_this_host(store):
            return self.must(moment, "manual_setup", "--yes", *options, **more)

    def analyse_night(self, evening: datetime) -> None:
        """Run the analysis hourly from ten past seven until every target is analysed, at most the
        night's fourteen."""
        for hour in range(14):
            self.must(evening + timedelta(hours=hour, minutes=10), "hourly_analysis")
            if not self.pending(evening):
                return
        raise AssertionError("the night did not drain")

    def pending(self, moment: datetime) -> int:
        with self.opened(moment) as store:
            job = store.jobs.records("hourly_analysis", 1)[0]
            return int(job["pending"]) + int(job["failed"])

    def loaded_settings(self, **more: str) -> Settings:
        """Return `settings` as a script has them."""
        return load_settings({name.lower(): value for name, value in self.settings(**more).items()})

    def store(self, moment: datetime) -> Store:
        """The installation's database, opened here. Close it before the next script runs."""
        return open_store(self.loaded_settings(), Clock(moment))

    @contextmanager
    def opened(self, moment: datetime) -> Iterator[Store]:
        """The same, closed at the end of the block."""
        store = self.store(moment)
        try:
            yield store
        finally:
            store.close()

    def read(self, moment: datetime) -> dict[str, Any]:
        """Return what tests look at most: stored sessions, job records and targets."""
        with self.opened(moment) as store:
            return {
                "heads": store.sessions.heads(),
                "jobs": {job["date_kst"]: job for job in store.jobs.records("daily_update")},
                "analyses": {job["date_kst"]: job for job in store.jobs.records("hourly_analysis")},
                "targets": store.targets.active(),
                "scope": store.scope.get(),
            }

    def assert_equal_to_the_exchange(self, moment: datetime) -> None:
        """Every stored final session is the exchange's own, cell by cell."""
        with self.opened(moment) as store:
            for head in store.sessions.heads():
                if head.finality == "final":
                    (_, stored), *_ = store.sessions.read(head.session, head.session)
                    assert_same_day(self.exchange, head.session, stored)


def assert_same_day(exchange: LocalExchange, session: str, stored: Any) -> None:
    day = exchange.exchange.market.day(session)
    theirs = sorted(
        zip(day.code, day.close.tolist(), day.volume.tolist(), day.shares.tolist(), strict=True)
    )
    ours = zip(
        *(stored[name].tolist() for name in ("ticker", "close", "volume", "shares")), strict=True
    )
    assert list(ours) == theirs, session


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""

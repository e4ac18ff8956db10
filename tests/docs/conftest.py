"""An installation in a folder of its own, as the documents speak of it: the project, its `.env`, a
stored market."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest

from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock, fake_crontab
from utils.clock import kst
from utils.settings import PROJECT
from utils.store import Store
from utils.store.sqlite import SqliteBackend

MORNING = kst(2026, 9, 12, 9)
"""A Saturday: all that Friday published is final."""
LAST = "2026-09-11"
TICKERS, SESSIONS = 60, 125
LOGIN_ID, PASSWORD = "docs-tests", "pass-word-of-the-tests"
PARTS = (
    *("manual_setup.py", "daily_update.py", "hourly_analysis.py", "utils", "collectors", "sandbox"),
    *(".env.example", "docs", "Makefile"),
)
SECONDS = 120
SERVER = os.environ.get("MONGODB_TEST_URI", "")


@dataclass(frozen=True)
class Checkout:
    """A copy of the project in a folder, as the documents speak of it; commands run in a shell."""

    folder: Path
    exchange: LocalExchange
    now: datetime = MORNING

    def bash(self, code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        """Run it in the project's folder, stopping at the first command that fails; stderr goes
        where stdout goes. The only crontab that is found is one of its own."""
        self.exchange.set_time(self.now)
        bare = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR", ""),
            "KST_NOW": f"{self.now:%Y-%m-%dT%H:%M:%S}",
        }
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self.here(code)],
            cwd=self.folder,
            env=bare | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def must(self, code: str, **environment: str) -> str:
        """Run `bash`, which has to succeed, and return what it says."""
        done = self.bash(code, **environment)
        assert done.returncode == 0, done.stdout
        return done.stdout

    def here(self, text: str) -> str:
        """Return the text with the folders of the documents inside of this one."""
        return text.replace("/home/you/krx-night-shift", str(self.folder)).replace(
            "/srv/krx", f"{self.folder}/srv/krx"
        )

    def python(self, code: str) -> str:
        """Return what the code prints."""
        return self.must(f".venv/bin/python - <<'THE_END'\n{code}THE_END\n")

    def store(self) -> Store:
        """Open its database here."""
        return Store(SqliteBackend(self.folder / "data"), FakeClock(self.now))

    def at(self, moment: datetime) -> "Checkout":
        return replace(self, now=moment)

    def copied(self, folder: Path) -> "Checkout":
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("bin", "tab"))
        return _with_tools(replace(self, folder=folder))


def _with_tools(installation: Checkout) -> Checkout:
    fake_crontab(installation.folder)
    python = installation.folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    return installation


@pytest.fixture(scope="session")
def market() -> SyntheticMarket:
    return SyntheticMarket(TICKERS)


@pytest.fixture(scope="session")
def largest(market: SyntheticMarket) -> dict[str, str]:
    """Samsung Electronics and SK hynix in the documents -> the two largest of the invented
    market."""
    day = market.day(LAST)
    return dict(
        zip(
            ("005930", "000660"),
            (day.code[position] for position in (-day.market_cap).argsort()[:2]),
            strict=True,
        )
    )


@pytest.fixture(scope="session")
def installed(
    market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Checkout]:
    """Set up and analysed, for tests that change nothing."""
    folder = tmp_path_factory.mktemp("docs") / "krx-night-shift"
    folder.mkdir()
    for part in PARTS:
        copy = shutil.copytree if (PROJECT / part).is_dir() else shutil.copy2
        copy(PROJECT / part, folder / part)
    with LocalExchange(market, MORNING, {LOGIN_ID: PASSWORD}) as exchange:
        (folder / ".env").write_text(
            f"KRX_ID={LOGIN_ID}\nKRX_PW={PASSWORD}\nKRX_BASE_URL={exchange.url}\nKRX_REQUEST_INTERVAL_SECONDS=0\n"
            f"HISTORY_SESSIONS={SESSIONS}\n"
        )
        installation = _with_tools(Checkout(folder, exchange))
        installation.must(".venv/bin/python manual_setup.py --yes --min-market-cap 0")
        installation.must(".venv/bin/python hourly_analysis.py")
        yield installation


@pytest.fixture
def own(installed: Checkout, tmp_path: Path) -> Checkout:
    """A copy of it for one test."""
    return installed.copied(tmp_path / "krx-night-shift")

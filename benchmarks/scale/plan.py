"""Plan of the histories: their sizes, and where they are kept."""

import uuid
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from pathlib import Path

from benchmarks.plan import GROWTH
from sandbox.synthetic import open_days
from utils.clock import Clock
from utils.date_utils import LAST_DAY, at_kst
from utils.settings import Settings, load_settings
from utils.store import Store, open_store

FIRST = "2001-01-03"
"""First session that can be collected: the calendar knows the one before it. The 7,800th since is
in 2032."""
DATASETS = ("fundamentals", "foreign", "indices")
"""All datasets besides the prices."""
LONG, WIDE, SERVER = "long", "wide", "server"
_NOWHERE = "http://127.0.0.1:9"
"""Address without a server: no exchange is asked here."""


@dataclass(frozen=True)
class History:
    """Sessions of a market of some tickers in one database: that of `folder`, or databases of its
    own (`prefix`) on the server of `uri`."""

    name: str
    folder: str
    tickers: int
    sessions: int
    uri: str = ""
    prefix: str = ""
    repetitions: int = 5
    """Most repetitions of quick work; the fastest counts."""

    def days(self, size: int) -> list[str]:
        """Return the sessions of so many eighths of the history, oldest first."""
        return open_days(FIRST, str(LAST_DAY))[: self.sessions * size // GROWTH[-1]]

    def settings(self) -> Settings:
        """Return the settings of a machine that keeps this history."""
        options = {
            "mongodb_uri": self.uri,
            "mongodb_db_prefix": self.prefix,
            "data_dir": self.folder,
            "krx_id": "nobody",
            "krx_pw": "nothing",
            "krx_base_url": _NOWHERE,
            "datasets": ",".join(("prices", *DATASETS)),
        }
        return load_settings(options, Path(self.folder) / "no.env")

    def clock(self, last: str) -> Clock:
        """Return a clock at noon of the day after that session: it is final, and nothing else is
        due."""
        return Clock(at_kst(str(date.fromisoformat(last) + timedelta(days=1)), time(12)))

    def open(self, last: str) -> Store:
        return open_store(self.settings(), self.clock(last))


def histories(folder: Path, uri: str, quick: bool) -> list[History]:
    """Return thirty years of a narrow market, four years of the whole one, and a short one on the
    server, if there is one."""
    long, wide, on_server = (
        ((60, 32), (60, 16), (60, 16)) if quick else ((100, 7800), (2700, 1000), (60, 120))
    )
    kept = [History(LONG, str(folder / LONG), *long), History(WIDE, str(folder / WIDE), *wide)]
    if uri:
        kept.append(
            History(
                SERVER, str(folder / SERVER), *on_server, uri, f"scale_{uuid.uuid4().hex[:10]}_"
            )
        )
    return [replace(history, repetitions=1) for history in kept] if quick else kept

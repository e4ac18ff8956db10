"""Scenes of the sections of the documents: the moment of their commands, and what is the matter."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.docs.conftest import MORNING, Checkout
from utils.clock import kst
from utils.store.locks import COLLECTION
from utils.store.sqlite import FILE_NAME

Matter = Callable[[Checkout], AbstractContextManager[object]]
EVENING = kst(2026, 9, 14, 19)
"""The Monday after `MORNING`."""
BACKUP = f"/srv/krx/backup-{MORNING:%Y-%m-%d}"


@dataclass(frozen=True)
class Scene:
    now: datetime = MORNING
    matter: Matter = nullcontext
    limit: str = ""
    """Under which the first command runs, in the shell's words."""
    settings: dict[str, str] = field(default_factory=dict)
    """Settings in the environment."""


def backed_up(own: Checkout) -> AbstractContextManager[object]:
    own.at(MORNING).must(f".venv/bin/python daily_update.py --copy-to {BACKUP}")
    return nullcontext()


def happens_once(fault: str) -> Matter:
    return happens(fault, times=1)


def happens(fault: str, **parameters: Any) -> Matter:
    @contextmanager
    def thrown(own: Checkout) -> Iterator[None]:
        own.exchange.fail(fault, **parameters)
        try:
            yield
        finally:
            own.exchange.clear_faults()

    return thrown


def damaged(own: Checkout) -> AbstractContextManager[object]:
    connection = sqlite3.connect(own.folder / "data" / FILE_NAME, isolation_level=None)
    connection.execute(
        "UPDATE session_columns SET data = zeroblob(length(data)) "
        "WHERE name = 'volume' AND session = '2026-09-09'"
    )
    connection.close()
    return nullcontext()


def overwritten(own: Checkout) -> AbstractContextManager[object]:
    (own.folder / "data" / FILE_NAME).write_bytes(b"no database" * 1000)
    return nullcontext()


@contextmanager
def locked(own: Checkout) -> Iterator[None]:
    with closing(own.at(EVENING).store()) as store, store.locks.hold(COLLECTION):
        yield


SCENES = {
    "Check a backup": Scene(kst(2026, 9, 21, 9), backed_up),
    "Restore a backup": Scene(kst(2026, 9, 16, 19), backed_up),
    "The password is due": Scene(EVENING, happens_once("password_due")),
    "The site has banned us": Scene(EVENING, happens_once("ban")),
    "The site refuses us": Scene(EVENING, happens_once("forbidden")),
    "Nothing was stored last night": Scene(EVENING + timedelta(hours=1)),
    "A day waits because it is odd": Scene(
        EVENING, happens("new_tickers", date="2026-09-14", market="KOSDAQ")
    ),
    "Rows are set aside": Scene(EVENING, happens("bad_cell", date="2026-09-14")),
    "The audit reports something": Scene(matter=damaged),
    "A disk is full": Scene(EVENING, limit="ulimit -f 16\n"),
    "The machine was off for a week": Scene(kst(2026, 9, 21, 9)),
    "A run hangs, or holds the lock": Scene(EVENING + timedelta(minutes=30), locked),
    "The database is damaged": Scene(matter=overwritten, settings={"HISTORY_SESSIONS": "3"}),
}
"""Scenes by heading. A section that is not named here is about an ordinary Saturday morning."""

"""docs/failures.md: a database that stops answering in the midst of a run."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from traceback import walk_stack
from typing import Any

import pytest

from sandbox.server import LocalExchange
from tests.harness import Ended, Installation
from tests.harness.fixtures import SET_UP
from tests.storm.crash.dump import Dump, differences, dump_sqlite
from utils.clock import kst
from utils.errors import StoreError
from utils.settings import Settings
from utils.store.backend import Backend, Columns
from utils.store.schema import JOBS, LOCKS, SESSIONS
from utils.store.sqlite import FILE_NAME, SqliteBackend

EVENING = kst(2026, 9, 10, 20)
"""Moment after 19:40, from when on no figure of the day changes before the next morning."""
MESSAGE = "The database does not answer."
NEVER = 10**9
STEP = 29
"""Calls from one outage that is tried to the next; another one is where each line of code first
reads columns."""
TARGET = "copy"
WRITES = ("put", "insert", "update", "update_each", "delete", "empty")


@dataclass
class Outage:
    """Outage of the database: from the call `first` on, for so many calls; 0 is the first one."""

    exchange: LocalExchange
    first: int = NEVER
    lasts: int = NEVER
    calls: int = 0
    requests: int = 0
    """Made of the exchange before the outage."""
    written: list[str] = field(default_factory=list)
    """The collections that were to be written from the outage on."""
    readers: dict[tuple[tuple[str, int], ...], int] = field(default_factory=dict)
    """Lines of code that read columns, as file and line down the stack: its first call."""

    def call(self, method: str = "", collection: str = "") -> None:
        number, self.calls = self.calls, self.calls + 1
        if method == "read_columns":
            stack = ((frame.f_code.co_filename, line) for frame, line in walk_stack(None))
            self.readers.setdefault(tuple(stack), number)
        if number == self.first:
            self.requests = len(self.exchange.requests())
        elif number > self.first and method in WRITES:
            self.written.append(collection)
        if self.first <= number < self.first + self.lasts:
            raise StoreError(MESSAGE)


class Unreliable:
    """A backend with outages."""

    def __init__(self, backend: Backend, outage: Outage) -> None:
        self._backend, self._outage = backend, outage
        self.description, self.close = backend.description, backend.close

    def __getattr__(self, method: str) -> Callable[..., Any]:
        def ask(*arguments: Any, **more: Any) -> Any:
            self._outage.call(method, str(arguments[0]) if arguments else "")
            return getattr(self._backend, method)(*arguments, **more)

        return ask

    def put_session(self, *session: Any) -> None:
        self._outage.call("put", SESSIONS)
        self._backend.put_session(*session)

    def read_columns(self, *asked: Any) -> Iterator[tuple[str, Columns]]:
        self._outage.call("read_columns")
        for each in self._backend.read_columns(*asked):
            yield each
            self._outage.call()

    @contextmanager
    def batch(self) -> Iterator[None]:
        self._outage.call()
        with self._backend.batch():
            yield
            self._outage.call()


def open_unreliable(outage: Outage, settings: Settings) -> Backend:
    """Open the database of the settings, and spare it the wait for the disk."""
    backend = SqliteBackend(settings.data_dir)
    backend._connection.execute("PRAGMA synchronous = OFF")
    return Unreliable(backend, outage)


@dataclass(frozen=True)
class Scene:
    """A run that meets an outage.

    Args:
        before: the runs since the setup; None when there was none.
        damaged: a session that is damaged then.
        opened_in: the module that opens the database which does not answer.
    """

    command: str
    before: Mapping[datetime, str] | None = None
    damaged: str | None = None
    opened_in: str = "utils.store.store"


LOADED = "\n4 sessions and "
"""Beginning of what a setup says before it analyses. Nothing else is said by a run that fails."""
_NIGHT = {SET_UP + timedelta(minutes=10): "hourly_analysis", EVENING: "daily_update"}
SCENES = {
    "manual_setup": Scene("manual_setup --yes --sessions 4"),
    "daily_update": Scene("daily_update", {}),
    "daily_update, a session damaged": Scene("daily_update", {}, "2026-09-07"),
    "hourly_analysis": Scene("hourly_analysis", _NIGHT),
    "--audit": Scene("daily_update --audit", _NIGHT),
    "--repair": Scene("daily_update --repair", _NIGHT, "2026-09-07"),
    "--status": Scene("daily_update --status", _NIGHT),
    "--copy-to, the source": Scene(f"daily_update --copy-to {TARGET}", _NIGHT),
    "--copy-to, the target": Scene(
        f"daily_update --copy-to {TARGET}", _NIGHT, opened_in="collectors.upkeep.copy_store"
    ),
}


@dataclass
class Stage:
    """Installations that are all as the scene begins."""

    scene: Scene
    exchange: LocalExchange
    folder: Path

    def prepare(self, set_up: Path) -> None:
        """Store what is there when the scene begins; `set_up` is the folder after the setup."""
        if self.scene.before is None:
            self._as_it_begins.mkdir()
            return
        shutil.copytree(set_up, self._as_it_begins)
        installation = Installation(self.exchange, self._as_it_begins)
        for moment, command in self.scene.before.items():
            installation.must(moment, command)
        if self.scene.damaged:
            with installation.opened(EVENING) as store:
                store.backend.update(SESSIONS, {"_id": self.scene.damaged}, {"digest": "0" * 64})

    def enter(self, name: str) -> Installation:
        """One more installation as the scene begins."""
        shutil.copytree(self._as_it_begins, folder := self.folder / name)
        self.exchange.reset_counts()
        return Installation(self.exchange, folder)

    def play(self, installation: Installation, moment: datetime, outage: Outage) -> Ended:
        """Run the command of the scene with that outage."""

        target = str(installation.folder / TARGET)
        script, *options = self.scene.command.split()
        with pytest.MonkeyPatch.context() as patch:
            for module in ("utils.store.store", "collectors.upkeep.copy_store"):
                here = outage if module == self.scene.opened_in else Outage(self.exchange)
                patch.setattr(f"{module}.open_backend", partial(open_unreliable, here))
            return installation.run(
                moment, script, *(target if each == TARGET else each for each in options)
            )

    def undisturbed(self, installation: Installation, moment: datetime) -> list[Dump]:
        """Store after an undisturbed run, here and where it was copied to."""
        done = self.play(installation, moment, Outage(self.exchange))
        assert done.code == 0, done.log
        folder = installation.folder
        files = (folder / "data" / FILE_NAME, folder / TARGET / FILE_NAME)
        return [dump_sqlite(file) for file in files if file.exists()]

    @property
    def _as_it_begins(self) -> Path:
        return self.folder / "as it begins"


@pytest.mark.storm
@pytest.mark.parametrize("scene", SCENES.values(), ids=SCENES)
def test_an_outage_at_any_moment_ends_the_run_and_the_next_one_completes_it(
    scene: Scene,
    exchange: LocalExchange,
    prepared: Path,
    tmp_path: Path,
) -> None:
    stage = Stage(scene, exchange, tmp_path)
    stage.prepare(prepared)
    counting = Outage(exchange)
    stage.play(stage.enter("counted"), EVENING, counting)
    expected = stage.undisturbed(stage.enter("undisturbed"), EVENING)
    for first in sorted({*range(0, counting.calls, STEP), *counting.readers.values()}):
        installation = stage.enter(str(first))
        outage = Outage(exchange, first, NEVER if first % STEP == 0 else 1)
        done = stage.play(installation, EVENING, outage)
        where = f"call {first} of {counting.calls}: {done.stderr}"
        assert done.code == 1, where
        assert not done.stdout or done.stdout.startswith(LOADED), where
        assert done.stderr.rstrip().endswith(MESSAGE), where
        assert len(exchange.requests()) == outage.requests, where
        assert set(outage.written) <= {JOBS, LOCKS}, where
        found = stage.undisturbed(installation, EVENING + timedelta(hours=1))
        for before, after in zip(expected, found, strict=True):
            assert differences(before, after) == [], where
        shutil.rmtree(installation.folder)

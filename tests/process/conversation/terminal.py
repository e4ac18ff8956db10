"""A person at a terminal: the real `manual_setup.py` of an installation in its own folder, in a
pseudo-terminal."""

import os
import select
import signal
import termios
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.server import LocalExchange
from tests.process.conversation.forked_talks import ForkedTalks, start_process
from utils.clock import Clock, kst
from utils.env_file import read_env_file
from utils.settings import load_settings, setting_names
from utils.store import open_store

NOW = kst(2026, 9, 10, 19)
LOGIN_ID, PASSWORD, KEY = "setup-tests", "pass word #1 of $the tests", "key-of-the-setup-tests"
CTRL_C, CTRL_D = "\x03", "\x04"
_LOCAL_FLAGS = 3
"""Position at which `termios` keeps whether a terminal echoes."""
PATIENCE_SECONDS, STILL_SECONDS = 60, 0.05


@dataclass
class Talk:
    """Result of one conversation: the text of the terminal, the exit code, whether it echoes
    again."""

    shown: str
    code: int
    echoes: bool
    unsaid: list[str]
    """The answers that no question was left for."""

    def says(self, text: str) -> bool:
        """Return whether that was shown, however it was broken into lines of eighty columns."""
        return "".join(text.split()) in "".join(self.shown.split())


@dataclass
class Newcomer:
    """An installation without any setting, and an exchange at the address of the real one.

    Without `forks` each conversation is a process of its own.
    """

    folder: Path
    exchange: LocalExchange
    forks: ForkedTalks | None = None
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment |= {
            "PATH": str(self.folder / "bin"),  # so that no crontab of this host is found
            "HOME": str(self.folder),
            "TERM": "dumb",
            "KST_NOW": f"{NOW:%Y-%m-%dT%H:%M:%S}",
            "KRX_REQUEST_INTERVAL_SECONDS": "0",
            "KRX_BASE_URL": self.exchange.url,
            "KRX_OPENAPI_BASE_URL": self.exchange.url,
        }

    @property
    def env_file(self) -> Path:
        return self.folder / ".env"

    def answers(self) -> dict[str, str]:
        """Return what `.env` says."""
        return read_env_file(self.env_file)

    def talk(self, *answers: str, options: Sequence[str] = (), **environment: str) -> Talk:
        """One answer per question, each ended with Enter but for Ctrl-C and Ctrl-D."""
        self.exchange.set_time(NOW)
        start = self.forks.start if self.forks else start_process
        child, terminal, wait = start(
            self.folder / "manual_setup.py", options, self.environment | environment
        )
        waiting = list(answers)
        try:
            shown = _converse(child, terminal, waiting)
            echoes = bool(termios.tcgetattr(terminal)[_LOCAL_FLAGS] & termios.ECHO)
        finally:
            os.close(terminal)
            status = wait()
        return Talk(shown, os.waitstatus_to_exitcode(status), echoes, waiting)

    def stored(self, data_dir: str = "data", **more: str) -> dict[str, Any]:
        """Return heads, targets and scope of the embedded database in that folder."""
        nothing = {name.lower(): "" for name in setting_names()}
        settings = load_settings(
            nothing | {"data_dir": str(self.folder / data_dir)} | more, self.folder / "none"
        )
        with closing(open_store(settings, Clock(NOW))) as store:
            return {
                "heads": store.sessions.heads(),
                "targets": store.targets.active(),
                "scope": store.scope.get(),
            }


def _converse(child: int, terminal: int, waiting: list[str]) -> str:
    """Return all that was shown: type the next answer, once, at each question, until the other end
    closes. Who hangs is killed."""
    shown, silent = b"", 0.0
    while silent < PATIENCE_SECONDS:
        asked = shown.endswith(b": ") and waiting
        patience = STILL_SECONDS if asked else PATIENCE_SECONDS
        if select.select([terminal], [], [], patience)[0]:
            silent = 0.0
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        elif asked and _is_waiting(child):
            os.write(terminal, _keys(waiting.pop(0)))
            shown += b"\n"
        else:
            silent += patience
    else:
        os.kill(child, signal.SIGKILL)
    return shown.decode()


def _is_waiting(child: int) -> bool:
    """Return whether it has come to read the answer. Python's `input` loses a Ctrl-C of the instant
    before."""
    try:
        state = Path(f"/proc/{child}/stat").read_text(encoding="utf-8").rpartition(") ")[2]
    except FileNotFoundError:
        return False
    return state.startswith("S")


def _keys(answer: str) -> bytes:
    return (answer if answer in (CTRL_C, CTRL_D) else f"{answer}\n").encode()

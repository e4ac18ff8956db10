"""Run of a script: what its work is given, and the request to stop it."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType

from utils.clock import Clock
from utils.errors import NotNow
from utils.settings import Settings
from utils.store import Store

RENEWAL_SECONDS = 60
"""The longest wait between two renewals of the locks."""


@dataclass
class StopRequest:
    """Request to stop, set by SIGTERM and Ctrl-C: finish the current piece of work, then leave.

    The handler stores the signal's name only. It must not log: the signal may have interrupted the
    log itself.
    """

    signal_name: str = ""

    @property
    def requested(self) -> bool:
        return bool(self.signal_name)

    def listen(self) -> None:
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)

    @contextmanager
    def while_asking(self) -> Iterator[None]:
        """Let Ctrl-C end the script at once inside the block: while a person is asked, no work is
        underway."""
        previous = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        if self.requested and number == signal.SIGINT:
            raise KeyboardInterrupt  # asked twice at the keyboard: at once
        self.signal_name = signal.Signals(number).name


@dataclass(frozen=True)
class Run:
    """One start of a script: settings, clock, store and stop request."""

    settings: Settings
    clock: Clock
    store: Store
    stop: StopRequest = field(default_factory=StopRequest)

    def pause(self, seconds: float) -> None:
        """Wait so many seconds and renew the locks meanwhile. Raise `NotNow` soon after a stop was
        requested."""
        waited = 0
        while not self.stop.requested:
            if waited >= seconds:
                return
            self.clock.sleep(min(seconds - waited, 1.0))
            waited += 1
            if waited % RENEWAL_SECONDS == 0:
                self.store.locks.renew()
        raise NotNow(
            "Stopped on request while waiting for the exchange. The next run goes on from there."
        )

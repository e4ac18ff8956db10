"""A process that dies in the middle of its writes, within the test's own process."""

from typing import Any

from utils.store.backend import Backend

WRITES = ("put", "insert", "update", "update_each", "delete", "put_session", "empty")


class Killed(BaseException):
    """Stand-in for SIGKILL: nothing catches it."""


class Dying:
    """A backend whose process dies right before the write of that number; 0 is the first."""

    def __init__(self, backend: Backend, dies_at: int) -> None:
        self._backend, self._left = backend, dies_at

    def __getattr__(self, name: str) -> Any:
        if name in WRITES:
            if not self._left:
                raise Killed
            self._left -= 1
        return getattr(self._backend, name)

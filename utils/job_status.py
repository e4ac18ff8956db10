"""Record of a job from start to finish: completed only when the work inside the block is done."""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from utils.errors import LockHeld, NightShiftError, StoreError
from utils.store import Store
from utils.store.jobs import COMPLETED, FAILED

log = logging.getLogger(__name__)


class JobRun:
    """Record of `with JobRun(store, DAILY_UPDATE, session) as job:`: running inside, completed
    after it, failed on an error.

    The error itself is always raised on; a failure to record it does not hide it.

    Args:
        shared: several runs may work on the job at once, each recording the progress of all of
            them, until it is completed. Otherwise a run whose record was taken over by another one
            leaves with `LockHeld`.
    """

    def __init__(self, store: Store, name: str, session: str, shared: bool = False) -> None:
        self._store, self._name, self._session = store, name, session
        self._start = store.jobs.join if shared else store.jobs.start
        self._write = store.jobs.record_shared if shared else store.jobs.record
        self._recorded: dict[str, Any] = {}
        self._unfinished = False

    def __enter__(self) -> Self:
        self._start(self._name, self._session)
        return self

    def record(self, **fields: Any) -> None:
        """Set fields of the record now (counts, source, finality, warnings). This is a heartbeat
        too."""
        self._recorded |= fields
        self._write(self._name, self._session, fields)

    def leave_unfinished(self) -> None:
        """Leave the record running at the end of the block: a later run goes on."""
        self._unfinished = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and self._unfinished:
            return
        now = self._store.clock.now_utc()
        if error is None:
            # Once more what was recorded, in one write: another run may have recorded what it saw
            # before.
            self.record(
                **self._recorded | {"status": COMPLETED, "error": None, "end_time_utc": now}
            )
            return
        try:
            self.record(status=FAILED, error=describe_error(error), end_time_utc=now)
        except (StoreError, LockHeld) as second:
            log.error(
                "That %s of %s failed could not be recorded: %s", self._name, self._session, second
            )


def describe_error(error: BaseException) -> Mapping[str, str]:
    """Return `kind` and `message`. Messages of this project hold no secrets; of other errors only
    the type is named."""
    if isinstance(error, NightShiftError):
        return {"kind": error.kind, "message": str(error)}
    return {"kind": "unexpected", "message": f"{type(error).__name__}; the log has the traceback."}

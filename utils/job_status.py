"""A job's record from start to finish: it says completed only when the work inside the block is done."""

import logging
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from utils.errors import LockHeld, NightShiftError, StoreError
from utils.store import Store
from utils.store.jobs import COMPLETED, FAILED

log = logging.getLogger(__name__)


class JobRun:
    """`with JobRun(store, DAILY_UPDATE, session) as job:` running inside, completed after, failed when an error leaves.

    The error itself always goes on; recording it never hides it.

    Args:
        shared: several runs may work on the job at once and write into one record. Else a run that finds the record
            taken over by another one leaves with `LockHeld`.
    """

    def __init__(self, store: Store, name: str, session: str, shared: bool = False) -> None:
        self._store, self._name, self._session, self._shared = store, name, session, shared
        self._unfinished = False

    def __enter__(self) -> Self:
        start = self._store.join_job if self._shared else self._store.start_job
        start(self._name, self._session)
        return self

    def record(self, **fields: Any) -> None:
        """Set fields of the record now (counts, source, finality, warnings); it is a heartbeat too."""
        write = self._store.update_job if self._shared else self._store.record_job
        write(self._name, self._session, fields)

    def leave_unfinished(self) -> None:
        """There is more to do in a later run: the record stays running."""
        self._unfinished = True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None and self._unfinished:
            return
        now = self._store.clock.now_utc()
        if error is None:
            self.record(status=COMPLETED, end_time_utc=now)
            return
        try:
            self._record_failure({"status": FAILED, "error": describe_error(error), "end_time_utc": now})
        except (StoreError, LockHeld) as second:
            log.error("That %s of %s failed could not be recorded: %s", self._name, self._session, second)

    def _record_failure(self, fields: Mapping[str, Any]) -> None:
        """What another run has completed meanwhile stays completed."""
        if not self._shared or not self._store.is_completed(self._name, self._session):
            self.record(**fields)


def describe_error(error: BaseException) -> Mapping[str, str]:
    """`kind` and `message`. Our own messages carry no secrets; those of strangers might: only their type is named."""
    if isinstance(error, NightShiftError):
        return {"kind": error.kind, "message": str(error)}
    return {"kind": "unexpected", "message": f"{type(error).__name__}; the log has the traceback."}

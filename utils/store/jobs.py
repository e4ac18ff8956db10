"""`system_info.job_status`: one document per job and session, `_id` = `<session>_<job>`."""

from collections.abc import Mapping, Sequence
from typing import Any

from utils.errors import LockHeld
from utils.store.backend import Document
from utils.store.base import StoreBase
from utils.store.schema import JOBS

MANUAL_SETUP = "manual_setup"
DAILY_UPDATE = "daily_update"
HOURLY_ANALYSIS = "hourly_analysis"

RUNNING = "running"
COMPLETED = "completed"
FAILED = "failed"

_COUNTS: Document = dict.fromkeys(("tickers", "analyzed", "pending", "failed"), 0)


class Jobs(StoreBase):
    """`date_kst` is the session a job is about, not the day it ran on."""

    def job(self, name: str, session: str) -> Document | None:
        return self.backend.get(JOBS, f"{session}_{name}")

    def jobs(self, name: str, last: int = 0) -> list[Document]:
        """The job's records, newest session first; `last` limits how many."""
        return self.backend.find(JOBS, {"job_name": name}, [("date_kst", -1)], last)

    def start_job(self, name: str, session: str) -> None:
        """Running from now on, one attempt more; what an earlier attempt recorded is replaced."""
        before, now = self.job(name, session), self.clock.now_utc()
        self._put_job(
            name,
            session,
            {
                "status": RUNNING,
                "start_time_utc": now,
                "end_time_utc": None,
                "heartbeat_utc": now,
                "attempts": 1 if before is None else before["attempts"] + 1,
                "host": self.identity.host,
                "pid": self.identity.pid,
                "run": self.identity.run,
                "source": None if before is None else before["source"],
                "finality": None if before is None else before["finality"],
                **_COUNTS,
                "warnings": [],
                "error": None,
            },
        )

    def update_job(self, name: str, session: str, changes: Mapping[str, Any]) -> None:
        """Set these fields of the job's record and its heartbeat, whoever wrote it."""
        self.backend.update(JOBS, {"_id": f"{session}_{name}"}, {"heartbeat_utc": self.clock.now_utc(), **changes})

    def record_job(self, name: str, session: str, changes: Mapping[str, Any]) -> None:
        """The same for the record of this run. Raises `LockHeld` when another run has made it its own meanwhile."""
        mine = {"_id": f"{session}_{name}", "run": self.identity.run}
        if not self.backend.update(JOBS, mine, {"heartbeat_utc": self.clock.now_utc(), **changes}):
            raise LockHeld(f"Another run has taken over {name} of {session}. This one leaves; the other goes on.")

    def record_shared_job(self, name: str, session: str, changes: Mapping[str, Any]) -> None:
        """The same for a record that several runs write on at once; nobody does after the one that completed it."""
        unfinished = {"_id": f"{session}_{name}", "status": {"$ne": COMPLETED}}
        self.backend.update(JOBS, unfinished, {"heartbeat_utc": self.clock.now_utc(), **changes})

    def give_up_jobs(self, name: str, before: str) -> int:
        """What still runs about sessions before that one will not be finished: say so. How many there were."""
        stale = {"job_name": name, "date_kst": {"$lt": before}}
        return self._give_up(stale, f"Not finished before session {before} took its place.")

    def give_up_job(self, name: str, session: str) -> int:
        """The run that the record speaks of is gone: say so, unless it has ended meanwhile. How many there were."""
        return self._give_up({"_id": f"{session}_{name}"}, "Not finished: the run ended without a word.")

    def _give_up(self, which: Document, message: str) -> int:
        ended = {"status": FAILED, "end_time_utc": self.clock.now_utc()}
        error = {"kind": "unfinished", "message": message}
        return self.backend.update(JOBS, which | {"status": RUNNING}, ended | {"error": error})

    def forget_jobs(self, name: str, days: Sequence[str]) -> int:
        """Delete the job's records about these days; how many there were."""
        return self.backend.delete(JOBS, {"_id": {"$in": [f"{day}_{name}" for day in days]}}) if days else 0

    def last_completed(self, name: str) -> str | None:
        """The newest session for which the job is completed."""
        found = self.backend.find(JOBS, {"job_name": name, "status": COMPLETED}, [("date_kst", -1)], 1)
        return found[0]["date_kst"] if found else None

    def is_completed(self, name: str, session: str) -> bool:
        job = self.job(name, session)
        return job is not None and job["status"] == COMPLETED

    def _put_job(self, name: str, session: str, fields: Document) -> None:
        self.backend.put(JOBS, [{"_id": f"{session}_{name}", "job_name": name, "date_kst": session, **fields}])

"""Jobs, `system_info.job_status`: one document per job and session, `_id` = `<session>_<job>`."""

from collections.abc import Mapping, Sequence
from typing import Any

from utils.errors import LockHeld
from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.schema import JOBS

MANUAL_SETUP = "manual_setup"
DAILY_UPDATE = "daily_update"
HOURLY_ANALYSIS = "hourly_analysis"

RUNNING = "running"
COMPLETED = "completed"
FAILED = "failed"

_COUNTS: Document = dict.fromkeys(("tickers", "analyzed", "pending", "failed"), 0)
_LEAST_SHARE_ANALYZED = 0.98
_REVISED = "Revised after it was completed; what changed is analysed with a later session."


def is_enough(analyzed: int, targets: int) -> bool:
    """Return whether a night is done although some targets cannot be analysed."""
    return analyzed >= _LEAST_SHARE_ANALYZED * targets > 0


class Jobs(StorePart):
    """Records of jobs. `date_kst` is the session a job is about, not the day it ran on."""

    def get(self, name: str, session: str) -> Document | None:
        return self.backend.get(JOBS, f"{session}_{name}")

    def records(self, name: str, last: int = 0) -> list[Document]:
        """Return the job's records, newest session first; `last` limits how many."""
        return self.backend.find(JOBS, {"job_name": name}, [("date_kst", -1)], last)

    def start(self, name: str, session: str) -> None:
        """Record a job as running, one attempt more. What an earlier attempt recorded is
        replaced."""
        while not self._begin_job(name, session, self.get(name, session)):
            pass  # another run was faster: count its attempt, too

    def join(self, name: str, session: str) -> None:
        """Take part in a job that is running, one attempt more; what others have recorded stays.
        Else start it, unless another run has just started and completed it."""
        seen = self.get(name, session)
        while not self._take_part(name, session, seen):
            seen = self.get(name, session)
            if seen is not None and seen["status"] == COMPLETED:
                return

    def _take_part(self, name: str, session: str, seen: Document | None) -> bool:
        """Return whether the record was still the one that was seen; then it is ours too."""
        if seen is None or seen["status"] != RUNNING:
            return self._begin_job(name, session, seen)
        now = self.clock.now_utc()
        return self._change_seen(
            seen, {"end_time_utc": None, "heartbeat_utc": now, **self._one_attempt_more(seen)}
        )

    def _begin_job(self, name: str, session: str, seen: Document | None) -> bool:
        """Return whether the record was still the one that was seen, or none; then there is a new
        one."""
        now = self.clock.now_utc()
        fresh = {
            "status": RUNNING,
            "start_time_utc": now,
            "end_time_utc": None,
            "heartbeat_utc": now,
            **self._one_attempt_more(seen),
            "source": None if seen is None else seen["source"],
            "finality": None if seen is None else seen["finality"],
            "checkpoint_utc": None if seen is None else seen["checkpoint_utc"],
            **_COUNTS,
            "warnings": [],
            "error": None,
        }
        if seen is not None:
            return self._change_seen(seen, fresh)
        return self.backend.insert(
            JOBS, {"_id": f"{session}_{name}", "job_name": name, "date_kst": session, **fresh}
        )

    def _one_attempt_more(self, seen: Document | None) -> Document:
        who = {"host": self.identity.host, "pid": self.identity.pid, "run": self.identity.run}
        return {"attempts": 1 if seen is None else seen["attempts"] + 1, **who}

    def _change_seen(self, seen: Document, changes: Document) -> bool:
        """Change the record if it is still the one that was seen, and return whether it was. Every
        start adds an attempt, so attempts tell whether somebody has changed it since. A write whose
        answer was lost, and that was repeated in vain, is known by the run that it names."""
        same = {name: seen[name] for name in ("_id", "attempts", "status")}
        ours = {"_id": seen["_id"], "attempts": changes["attempts"], "run": self.identity.run}
        return bool(self.backend.update(JOBS, same, changes) or self.backend.find(JOBS, ours))

    def update(self, name: str, session: str, changes: Mapping[str, Any]) -> None:
        """Set these fields of the job's record and its heartbeat, whoever wrote it."""
        self.backend.update(
            JOBS, {"_id": f"{session}_{name}"}, {"heartbeat_utc": self.clock.now_utc(), **changes}
        )

    def record(self, name: str, session: str, changes: Mapping[str, Any]) -> None:
        """Set the same in the record of this run; nothing when it was forgotten, because the day
        was no session. Raise `LockHeld` when another run has made it its own meanwhile."""
        mine = {"_id": f"{session}_{name}", "run": self.identity.run}
        alive = {"heartbeat_utc": self.clock.now_utc()}
        changed = self.backend.update(JOBS, mine, alive | dict(changes))
        if not changed and self.get(name, session) is not None:
            raise LockHeld(
                f"Another run has taken over {name} of {session}. "
                "This one leaves; the other goes on."
            )

    def record_shared(self, name: str, session: str, changes: Mapping[str, Any]) -> None:
        """Set the same in a record that several runs write at once, unless one of them has
        completed it."""
        unfinished = {"_id": f"{session}_{name}", "status": {"$ne": COMPLETED}}
        self.backend.update(JOBS, unfinished, {"heartbeat_utc": self.clock.now_utc(), **changes})

    def give_up_before(self, name: str, before: str) -> int:
        """Record what still runs about earlier sessions as not finished. Return how many there
        were. What had been completed before a revision re-opened it is completed, as of then."""
        stale = {"job_name": name, "date_kst": {"$lt": before}}
        return self._give_up(stale, f"Not finished before session {before} took its place.")

    def reopen(self, name: str, pending: int) -> None:
        """Record the newest record of the job as no longer completed: so many of its targets are
        pending again. Its end stays recorded, so that it is known to have been completed once."""
        newest = next(iter(self.records(name, last=1)), None)
        if newest is not None and newest["status"] == COMPLETED:
            counts = {"pending": pending, "analyzed": max(newest["tickers"] - pending, 0)}
            self.backend.update(
                JOBS, {"_id": newest["_id"], "status": COMPLETED}, {"status": RUNNING, **counts}
            )

    def give_up(self, name: str, session: str) -> int:
        """Record that the job's run is gone, unless it has ended meanwhile. Return how many there
        were."""
        return self._give_up(
            {"_id": f"{session}_{name}"}, "Not finished: the run ended without a word."
        )

    def _give_up(self, which: Document, message: str) -> int:
        running = which | {"status": RUNNING}
        for revised in self.backend.find(JOBS, running | {"end_time_utc": {"$ne": None}}):
            as_of_then = {
                "status": COMPLETED,
                "analyzed": revised["tickers"],
                "pending": 0,
                "warnings": [_REVISED],
            }
            self.backend.update(JOBS, running | {"_id": revised["_id"]}, as_of_then)
        for done in self.backend.find(JOBS, running | {"pending": 0}):
            if is_enough(done["analyzed"], done["tickers"]):
                failed = done["failed"]
                left_out = f"{failed} targets could not be analysed; their last_error says why."
                so_far = {"status": COMPLETED, "end_time_utc": self.clock.now_utc()}
                told = so_far | {"warnings": [*done["warnings"], left_out]}
                self.backend.update(JOBS, running | {"_id": done["_id"]}, told)
        ended = {"status": FAILED, "end_time_utc": self.clock.now_utc()}
        return self.backend.update(
            JOBS, running, ended | {"error": {"kind": "unfinished", "message": message}}
        )

    def forget(self, name: str, days: Sequence[str]) -> int:
        """Delete the job's records about these days. Return how many there were."""
        ids = [f"{day}_{name}" for day in days]
        return self.backend.delete(JOBS, {"_id": {"$in": ids}}) if ids else 0

    def is_completed(self, name: str, session: str) -> bool:
        job = self.get(name, session)
        return job is not None and job["status"] == COMPLETED

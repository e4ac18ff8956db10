"""Incidents and announcements, `system_info.incidents`: a person is told of each once, whichever
run or machine gets to tell it."""

from datetime import datetime, timedelta

from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.lease import Lease
from utils.store.schema import INCIDENTS

TELLING_LEASE = Lease(timedelta(minutes=2))
"""Time for which what one run has claimed to tell is out of the others' reach. A run that dies
meanwhile has told nothing."""


def new_incident(
    job: str, kind: str, message: str, now: datetime, until: datetime | None = None
) -> Document:
    """Return an incident that is open and that nobody has been told of."""
    return {
        "_id": f"{job}:{kind}",
        "job_name": job,
        "kind": kind,
        "session": None,
        "message": message,
        "until_utc": until,
        "opened_utc": now,
        "resolved_utc": None,
        "told_utc": None,
        "claimed_until_utc": None,
    }


class Incidents(StorePart):
    """Ways in which a job fails, each open until that job ends well; and announcements about a
    session, which are never open. `told_utc` is null until somebody was told of the present
    state."""

    def open(self, job: str, kind: str, message: str, until: datetime | None = None) -> None:
        """Open the incident that the job fails in this way. One that is open already stays as it
        is."""
        incident = new_incident(job, kind, message, self.clock.now_utc(), until)
        if not self.backend.insert(INCIDENTS, incident):
            self.backend.update(
                INCIDENTS, {"_id": incident.pop("_id"), "resolved_utc": {"$ne": None}}, incident
            )

    def unresolved(self) -> list[Document]:
        """Return what fails at present, the longest first."""
        return self.backend.find(
            INCIDENTS, {"session": None, "resolved_utc": None}, [("opened_utc", 1)]
        )

    def resolve(self, job: str) -> None:
        """Resolve the job's incidents, because it has ended well."""
        mine = [each["_id"] for each in self.unresolved() if each["job_name"] == job]
        if mine:
            ended = {"resolved_utc": self.clock.now_utc(), "told_utc": None}
            self.backend.update(INCIDENTS, {"_id": {"$in": mine}, "resolved_utc": None}, ended)

    def announce(self, job: str, kind: str, session: str, message: str) -> None:
        """Have that told about the session, unless it was announced before."""
        now = self.clock.now_utc()
        about = {"_id": f"{kind}:{session}", "session": session, "resolved_utc": now}
        if not self.is_announced(kind, session):
            self.backend.insert(INCIDENTS, new_incident(job, kind, message, now) | about)

    def is_announced(self, kind: str, session: str) -> bool:
        return self.backend.get(INCIDENTS, f"{kind}:{session}") is not None

    def claim_untold(self) -> list[Document]:
        """Claim and return what nobody has been told of yet, oldest first. The other runs leave it
        alone for `TELLING_LEASE`."""
        now = self.clock.now_utc()
        claim = {"claimed_until_utc": TELLING_LEASE.end(now)}
        return [
            each | claim
            for each in self.untold()
            if TELLING_LEASE.is_free(each["claimed_until_utc"], now)
            and self.backend.update(INCIDENTS, _unchanged(each) | {"told_utc": None}, claim)
        ]

    def untold(self) -> list[Document]:
        """Return what nobody has been told of yet, oldest first, also what another run is just
        telling."""
        return self.backend.find(INCIDENTS, {"told_utc": None}, [("opened_utc", 1), ("_id", 1)])

    def close_claim(self, incident: Document, told: bool) -> None:
        """Record that it was told, or let the next run try. What has changed meanwhile is still to
        be told."""
        now = self.clock.now_utc() if told else None
        self.backend.update(
            INCIDENTS, _unchanged(incident), {"told_utc": now, "claimed_until_utc": None}
        )


def _unchanged(incident: Document) -> Document:
    """Return the filter of the incident as it was read: nobody has claimed, resolved or opened it
    anew."""
    return {
        name: incident[name] for name in ("_id", "claimed_until_utc", "opened_utc", "resolved_utc")
    }

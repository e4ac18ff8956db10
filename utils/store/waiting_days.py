"""Days that wait, `system_info.waiting_days`: read, odd, and not stored until something confirms
them."""

from collections.abc import Sequence
from datetime import datetime

from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.schema import WAITING


class WaitingDays(StorePart):
    """Days that were read and are odd, one document each, `_id` = the session."""

    def get(self, session: str) -> Document | None:
        return self.backend.get(WAITING, session)

    def all(self) -> list[Document]:
        """Return them, oldest first."""
        return self.backend.find(WAITING)

    def put(self, session: str, digest: str, oddities: Sequence[Document], read: datetime) -> None:
        """Have the day wait. One that waits already with the same oddities and the same digest
        keeps the moment of its first reading, and so does one that a person has accepted.

        Args:
            digest: of its tickers and closes, which stay the same from the first checkpoint on.
            oddities: `rule`, `market` and `text` of each.
        """
        before = self.get(session)
        same = before is not None and is_same(before, digest, oddities)
        day: Document = {
            "_id": session,
            # The earlier one, should a wrong clock have written ahead.
            "first_read_utc": min(before["first_read_utc"], read) if same and before else read,
            "read_utc": read,
            "digest": digest,
            "oddities": list(oddities),
            "accepted_utc": before["accepted_utc"] if same and before else None,
        }
        self.backend.put(WAITING, [day])

    def accept(self, session: str) -> bool:
        """Record that a person accepts the day as it was read. Return whether it waits."""
        accepted = {"accepted_utc": self.clock.now_utc()}
        return bool(self.backend.update(WAITING, {"_id": session}, accepted))

    def forget(self, *sessions: str) -> None:
        """Have these wait no more. Those that do not wait cost no write."""
        for session in sessions:
            if self.get(session) is not None:
                self.backend.delete(WAITING, {"_id": session})


def is_same(waiting: Document, digest: str, oddities: Sequence[Document]) -> bool:
    """Return whether a reading says the same as the day that waits: the same tickers and closes,
    and no oddity besides those."""
    known = {(each["rule"], each["market"]) for each in waiting["oddities"]}
    return bool(
        waiting["digest"] == digest
        and {(each["rule"], each["market"]) for each in oddities} <= known
    )

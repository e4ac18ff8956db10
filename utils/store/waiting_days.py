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

    def put(
        self,
        session: str,
        digest: str,
        oddities: Sequence[Document],
        message: str,
        read: datetime,
        goes_on: bool = False,
    ) -> None:
        """Have the day wait.

        Args:
            digest: of what stays the same from the first checkpoint on.
            oddities: `rule`, `market`, `text` and `count` of each.
            message: for a person.
            goes_on: it waits already and was read the same: it keeps the moment of its first
                reading, and that a person has accepted it.
        """
        before = (self.get(session) if goes_on else None) or {}
        day: Document = {
            "_id": session,
            # The earlier one, should a wrong clock have written ahead.
            "first_read_utc": min(before.get("first_read_utc", read), read),
            "read_utc": read,
            "digest": digest,
            "oddities": list(oddities),
            "message": message,
            "accepted_utc": before.get("accepted_utc"),
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

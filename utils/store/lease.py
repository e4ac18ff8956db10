"""Lease: a moment until which something is taken, as several clocks write it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from utils.store.backend import Document


@dataclass(frozen=True)
class Lease:
    """Time for which something is taken: free again after `length`, however its owner has ended.

    An end that lies more than three lengths ahead was written by a clock that was wrong, and takes
    nothing.
    """

    length: timedelta

    def end(self, now: datetime) -> datetime:
        """Return the end of what is taken now."""
        return now + self.length

    def is_free(
        self, until: datetime | None, now: datetime, since: timedelta = timedelta(0)
    ) -> bool:
        """Return whether nothing is taken until that moment, for `since` already; None: nothing
        was."""
        return until is None or not now - since < until <= now + 3 * self.length

    def filter_of_free(
        self, field: str, now: datetime, since: timedelta = timedelta(0)
    ) -> Document:
        """Return the filter of the documents whose `field` holds an end that `is_free`."""
        ends = (None, {"$lte": now - since}, {"$gt": now + 3 * self.length})
        return {"$or": [{field: end} for end in ends]}

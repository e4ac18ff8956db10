"""Interface of a database: documents by `_id`, conditional writes, and whole sessions as columns.

The parts of `Store` are written on top of this, once, for both databases. A filter (`Where`) is the
part of MongoDB's query language that both understand: equality (None also matches a missing field)
and the operators $lt $lte $gt $gte $ne $in, joined by AND, plus `$or` and `$and`. Datetimes are
aware UTC; in a document their names end in `_utc`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

import numpy as np

from utils.clock import Clock
from utils.date_utils import LAST_DAY

Document = dict[str, Any]
Where = Mapping[str, Any]
Column = np.ndarray | list[str]
Columns = dict[str, Column]
"""Parallel arrays of a session: text as a list of str, integers as int64, the rest as float64 with
NaN for null."""
PAGE = 200
"""Documents that `pages` reads at once."""


def to_lists(columns: Columns) -> dict[str, list[Any]]:
    """Return parallel arrays as a document shows them: plain lists, null for NaN."""
    return {name: to_list(column) for name, column in columns.items()}


def to_list(column: Column) -> list[Any]:
    if isinstance(column, list):
        return column
    values: list[Any] = column.tolist()
    total = sum(values)  # NaN when one of them is, and NaN equals nothing: quicker than to ask each
    return values if total == total else [None if value != value else value for value in values]


def to_columns(lists: Mapping[str, list[Any]]) -> Columns:
    """Return the columns that `to_lists` made plain."""
    return {name: _to_column(values) for name, values in lists.items()}


def _to_column(values: list[Any]) -> Column:
    kinds = {type(value) for value in values}
    if all(issubclass(kind, int) for kind in kinds):
        return np.array(values, dtype=np.int64)
    if kinds <= {float, type(None)}:
        return np.array(values, dtype=np.float64)
    return values


def figure_bytes(column: Column) -> bytes:
    """Return float64 figures as bytes that are the same for equal ones: one NaN, and no sign of a
    zero, which FerretDB does not keep."""
    figures = np.asarray(column, dtype="<f8")
    return (np.where(np.isnan(figures), np.nan, figures) + 0.0).astype("<f8").tobytes()


@dataclass(frozen=True)
class Damage:
    """Something in a database that is not as it was saved.

    Attributes:
        collection: the one whose document it is, or the table; empty for the file itself.
        key: `_id` of the document as it is there now; None for the file itself.
        body: the document as it is there now.
        of_column: it is a column of the session `key`, not a document.
        leaves_all_rows: nothing is lost by it but an index, which can be made anew.
    """

    collection: str
    key: str | None
    what: str
    body: str = ""
    of_column: bool = False
    leaves_all_rows: bool = True

    def __str__(self) -> str:
        return " ".join(each for each in (self.collection, self.key) if each) + f": {self.what}"


class Backend(Protocol):
    """Interface of one database. Every write is atomic for one document. Errors of the driver leave
    as `StoreError`, and what does not unpack as `Damaged`."""

    description: str
    """Name of this database for a person, without credentials."""

    def get(self, collection: str, key: str) -> Document | None:
        """Return the document with that `_id`."""

    def find(
        self,
        collection: str,
        where: Where | None = None,
        sort: Sequence[tuple[str, int]] = (),
        limit: int = 0,
    ) -> list[Document]:
        """Return the documents that match. `sort` is pairs of field and 1 or -1; `limit` 0 is no
        limit."""

    def put(self, collection: str, documents: Sequence[Document]) -> None:
        """Replace each document whole, or insert it when its `_id` is new.

        The field that `schema.ARRAYS` names may hold `Columns`; it comes back as `to_lists` gives
        them.
        """

    def insert(self, collection: str, document: Document) -> bool:
        """Insert the document and return True, unless its `_id` is there: then nothing is
        written."""

    def update(self, collection: str, where: Where, changes: Mapping[str, Any]) -> int:
        """Set these top-level fields in every document that matches at that moment. Return how many
        did."""

    def update_each(self, collection: str, changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Set top-level fields document by document: `_id` -> its changes. Unknown `_id`s are
        passed over."""

    def delete(self, collection: str, where: Where) -> int:
        """Delete every document that matches. Return how many did."""

    def put_session(self, head: Document, columns: Columns) -> None:
        """Replace one session whole: its head (`_id` is the session) and all its columns, or
        neither."""

    def session_head(self, session: str) -> Document | None:
        """Return the head of that session, without columns."""

    def session_heads(self, last: str = str(LAST_DAY), count: int = 0) -> list[Document]:
        """Return the heads of the last `count` sessions up to `last` (0: of all of these), oldest
        first."""

    def read_columns(
        self, names: Sequence[str], first: str, last: str
    ) -> Iterator[tuple[str, Columns]]:
        """Yield these columns of the stored sessions from first to last, both inclusive, oldest
        first. Those of `DAY_COLUMNS` have to be there; every other one may be absent."""

    def ahead_of_server(self, clock: Clock) -> timedelta | None:
        """Return how much more the clock shows than the server's own, up to half the time that an
        answer takes. None where no server tells its time."""

    def batch(self) -> AbstractContextManager[None]:
        """Join the writes inside: in one transaction where the database has them cheaply
        (embedded)."""

    def hold(self, name: str) -> "Hold | None":
        """Return a hold on that name by this process, or None when another live process has it.

        Where the database cannot tell whether the other process lives, the hold is always granted
        and `exclusive` is False.
        """

    def count(self, collection: str) -> int:
        """Return how many documents there are, in whatever layout and state."""

    def empty(self, collections: Sequence[str]) -> None:
        """Delete all that is in these collections, and make them anew in the present layout."""

    def check_lookups(self) -> None:
        """Raise `Damaged` when an index leads past a document, which no checksum would notice. It
        takes some ten milliseconds."""

    def damages(self, thorough: bool = False) -> list[Damage]:
        """Return the documents that are not as they were saved, and what the database says of its
        own file. Empty where the database itself keeps checksums.

        Args:
            thorough: look at the columns of sessions too, which takes as long as reading them.
        """

    def rebuild(self, complete: "Callable[[Backend], None]") -> None:
        """Make the database anew out of all that is as it was saved, in one step.

        Args:
            complete: called with the new database before it takes the place of this one; adds what
                follows from what was lost.
        """

    def close(self) -> None:
        """Release the database."""


def pages(backend: Backend, collection: str) -> Iterator[list[Document]]:
    """Yield the collection's documents by `_id`, `PAGE` at a time: nobody knows how many there
    are."""
    last = ""
    while page := backend.find(collection, {"_id": {"$gt": last}}, [("_id", 1)], PAGE):
        yield page
        if len(page) < PAGE:
            return
        last = page[-1]["_id"]


class Hold(Protocol):
    """Result of `Backend.hold`, until it is released or the process dies."""

    exclusive: bool
    """True: nobody else alive holds the name, so a record of an earlier owner is a dead owner's."""

    def release(self) -> None: ...

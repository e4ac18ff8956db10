"""Copy of a whole store from one database into another, session by session and then the rest, and
the proof that it is there.

A marker in the target says that it is no store yet. It is the first thing that is written there and
the last thing that is taken away, so a copy that was killed at any moment is refused by everything
but the copy, which goes on with it. A session that is there with the same head is not copied again.
The source is only read, but for its locks.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from utils.errors import Damaged, WrongUsage
from utils.market_day import DATASET_COLUMN_NAMES, DAY_COLUMNS
from utils.progress import Advance
from utils.store.backend import Backend, Columns, Document, pages, to_columns
from utils.store.jobs import HOURLY_ANALYSIS
from utils.store.locks import COLLECTION, Locks
from utils.store.schema import ARRAYS, COLLECTIONS, COPY, LOCKS, SCHEMA, SCHEMA_VERSION, SESSIONS
from utils.store.sessions import check_whole
from utils.store.store import Store

DOCUMENTS = tuple(name for name in COLLECTIONS if name not in (SESSIONS, LOCKS, SCHEMA))
"""Collections that are copied document by document."""
_RENEW_EVERY_SECONDS = 30


class StoreCopy:
    """Copy into one target. Its steps in order, inside `locked`: `begin`, `copy_session` for each
    of `sessions_to_copy`, `copy_documents` for each of `DOCUMENTS`, `differing_sessions`,
    `differing_documents`, and, if nothing differs, `finish`.

    Args:
        target: opened, and no store: `Store` would write its version into it.
    """

    def __init__(self, source: Store, target: Backend) -> None:
        self._source, self._target = source.backend, target
        self._store, self._target_locks = source, Locks(target, source.clock, source.identity)
        self._renewed_at = source.clock.monotonic()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep collecting and this machine's analysis from changing the source meanwhile, and other
        copies from changing the target. Raise `LockHeld`."""
        analysis = f"{HOURLY_ANALYSIS}@{self._store.identity.host}"
        with (
            self._store.locks.hold(COLLECTION),
            self._store.locks.hold(analysis),
            self._target_locks.hold(COLLECTION),
        ):
            yield

    def check_target(self) -> None:
        """Raise `WrongUsage` when the target is neither empty nor an unfinished copy of this
        source."""
        marker, there = self._target.get(SCHEMA, COPY), self._target.description
        if marker is not None and marker["from"] != self._store.description:
            raise WrongUsage(
                f"The {there} holds an unfinished copy of another database, the {marker['from']}. "
                "Finish that one, or choose another folder or MONGODB_DB_PREFIX."
            )
        version = self._target.get(SCHEMA, "schema") or {"version": SCHEMA_VERSION}
        filled = [name for name in (SESSIONS, *DOCUMENTS) if self._target.find(name, limit=1)]
        if marker is None and (filled or version["version"] != SCHEMA_VERSION):
            held = ", ".join(filled) or "another schema version"
            raise WrongUsage(
                f"The {there} is not empty ({held}). A store is copied into an empty database "
                "only: choose another folder or MONGODB_DB_PREFIX."
            )

    def begin(self) -> None:
        """Mark the target as an unfinished copy. Raise as `check_target`."""
        self.check_target()
        now, source = self._store.clock.now_utc(), self._store.description
        self._target.insert(SCHEMA, {"_id": COPY, "from": source, "begun_utc": now})
        self._target.delete(SCHEMA, {"_id": "schema"})

    def sessions_to_copy(self) -> list[Document]:
        """Return the heads of the sessions that the target lacks or has otherwise, oldest first.
        Those that the source has not (any more) are deleted there."""
        ours, theirs = self._source.session_heads(), _by_id(self._target.session_heads())
        gone = theirs.keys() - _by_id(ours).keys()
        self._target.delete(SESSIONS, {"_id": {"$in": sorted(gone)}})
        return [head for head in ours if theirs.get(head["_id"]) != head]

    def copy_session(self, head: Document) -> None:
        """Copy one session. Raise `Damaged` when it is damaged in the source."""
        try:
            columns = _columns(self._source, head)
            check_whole(head, columns)
        except Damaged as damage:
            raise Damaged(
                f"{damage} daily_update.py --repair reads it anew; then copy again."
            ) from damage
        self._target.put_session(head, columns)
        self._renew_locks()

    def copy_documents(self, collection: str) -> int:
        """Replace all that the target has of it. Return how many documents there are."""
        count = 0
        with self._target.batch():
            self._target.delete(collection, {})
            for page in pages(self._source, collection):
                self._target.put(collection, [_as_written(collection, each) for each in page])
                count += len(page)
                self._renew_locks()
        return count

    def differing_sessions(self, advance: Advance) -> list[str]:
        """Read every session back from the target. Return those that are not there or whose digests
        are others; they are deleted there, or the next run would take them for copied."""
        ours, theirs = _by_id(self._source.session_heads()), _by_id(self._target.session_heads())
        wrong = sorted(theirs.keys() - ours.keys())
        for session, head in ours.items():
            if theirs.get(session) != head or not self._reads_back(head):
                wrong.append(session)
            self._renew_locks()
            advance(1)
        self._target.delete(SESSIONS, {"_id": {"$in": wrong}})
        return wrong

    def differing_documents(self, collection: str) -> list[str]:
        """Return the `_id`s of the documents that only one side has or whose digests differ."""
        ours = self._digests(self._source, collection)
        theirs = self._digests(self._target, collection)
        return sorted({key for key, _ in ours.items() ^ theirs.items()})

    def finish(self) -> None:
        """Make the target a store."""
        with self._target.batch():
            self._target.put(SCHEMA, [{"_id": "schema", "version": SCHEMA_VERSION}])
            self._target.delete(SCHEMA, {"_id": COPY})

    def _reads_back(self, head: Document) -> bool:
        try:
            check_whole(head, _columns(self._target, head))
        except Damaged:
            return False
        return True

    def _digests(self, backend: Backend, collection: str) -> dict[str, bytes]:
        digests: dict[str, bytes] = {}
        for page in pages(backend, collection):
            digests |= {document["_id"]: _digest(document) for document in page}
            self._renew_locks()
        return digests

    def _renew_locks(self) -> None:
        now = self._store.clock.monotonic()
        if now - self._renewed_at >= _RENEW_EVERY_SECONDS:
            self._renewed_at = now
            self._store.locks.renew()
            self._target_locks.renew()


def _by_id(documents: list[Document]) -> dict[str, Document]:
    return {document["_id"]: document for document in documents}


def _columns(backend: Backend, head: Document) -> Columns:
    """Return all that the session has. Raise `Damaged` when a column is missing that every session
    has."""
    session, names = head["_id"], (*DAY_COLUMNS, *DATASET_COLUMN_NAMES, *head["further"])
    for _, columns in backend.read_columns(names, session, session):
        return columns
    raise Damaged(f"Session {session} has no columns.")


def _as_written(collection: str, document: Document) -> Document:
    """Return the document with its arrays as `Columns` again, so that the target keeps them as its
    own."""
    field = ARRAYS.get(collection, "")
    lists = document.get(field)
    return document if lists is None else document | {field: to_columns(lists)}


def _digest(document: Document) -> bytes:
    """Return the digest of a document: the same for equal fields, whichever database they are from.
    FerretDB keeps no sign of a zero."""
    text = json.dumps(document, sort_keys=True, ensure_ascii=False, default=_moment)
    text = re.sub(r"(?<=[ \[])-0\.0(?=[,\]}])", "0.0", text)
    return hashlib.sha256(text.encode()).digest()


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()

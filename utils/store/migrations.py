"""A store that an earlier version has written is brought up to this one, schema by schema, before
anything is read.

Afterwards every document is as this version would have written it, as far as that can be known;
what cannot be is said beside each step and in `docs/documents.md`. Nobody else is at work
meanwhile, and what is replaced is kept. In the embedded database all of it is one transaction. In
MongoDB each step may be repeated, and the version is written last.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import chain, count
from typing import Any

import numpy as np

from utils.errors import LockHeld, StoreError
from utils.market_day import TEXT_COLUMNS, factor_digest
from utils.store.backend import Backend, Columns, Document
from utils.store.locks import COLLECTION, Locks
from utils.store.schema import JOBS, SCHEMA, SCHEMA_VERSION, SESSIONS, SOURCES, TARGETS
from utils.ticker_kind import kind_of

REPLACED = (SESSIONS, TARGETS, JOBS, SOURCES)
"""The collections in which a migration replaces documents; of `SESSIONS` the heads alone."""
_TARGET_FIELDS = ("kind", "corrected_market_cap", "chosen_by", "delisted_date", "former")
log = logging.getLogger(__name__)


def migrate(locks: Locks) -> None:
    """Bring the store up to `SCHEMA_VERSION`. Raises `LockHeld` while another run is at work in
    it."""
    with _alone(locks), locks.backend.batch():
        found: Document = locks.backend.get(SCHEMA, "schema") or {"version": SCHEMA_VERSION}
        version = found["version"]
        if version >= SCHEMA_VERSION:
            return  # another run was first
        kept = locks.backend.keep_copy(_name_of_copy(locks.backend, found), REPLACED)
        locks.beat_locks()
        locks.backend.renew_layout()
        locks.beat_locks()
        for step in range(version, SCHEMA_VERSION):
            for complete in MIGRATIONS[step]:
                complete(locks.backend)
                locks.beat_locks()
        locks.backend.put(SCHEMA, [{"_id": "schema", "version": SCHEMA_VERSION}])
    log.warning(
        "The %s is brought from schema %d to %d. What it was is kept in %s; docs/documents.md says how to go back.",
        *(locks.backend.description, version, SCHEMA_VERSION, kept),
    )


def _name_of_copy(backend: Backend, found: Document) -> str:
    """Of the copy that this migration makes, or has begun before it was killed. One that lies there
    from an earlier migration, because somebody went back and came again, is of another day: it is
    neither taken nor touched."""
    if name := found.get("copy"):
        return str(name)
    version = str(found["version"])
    name = next(
        name
        for name in chain([version], (f"{version}_{n}" for n in count(2)))
        if not backend.has_copy(name)
    )
    backend.put(SCHEMA, [found | {"copy": name}])
    return name


@contextmanager
def _alone(locks: Locks) -> Iterator[None]:
    """Every lock that anybody holds is ours, and that of everybody who writes sessions."""
    with ExitStack() as held:
        try:
            for name in sorted({COLLECTION, *(lock["_id"] for lock in locks.locks())}):
                held.enter_context(locks.lock(name))
        except LockHeld as error:
            raise LockHeld(
                f"The {locks.backend.description} is of an earlier version and is brought up to this one when nobody "
                f"is at work in it. {error}"
            ) from None
        yield


def complete_sessions(backend: Backend) -> None:
    """`factor_digest` and `datasets`. No factors can be read from a session that is damaged: "" is
    of none.

    What MongoDB reads from an index alone has null for a field that is not there.
    """
    changes: dict[str, Document] = {}
    for head in backend.session_heads():
        if any(head.get(name) is None for name in ("factor_digest", "datasets")):
            columns = _readable(backend, head["_id"], ("factor",))
            known = factor_digest(np.asarray(columns["factor"])) if columns else ""
            lacking = {"factor_digest": known, "datasets": {}}
            changes[head["_id"]] = {
                name: value for name, value in lacking.items() if head.get(name) is None
            }
    backend.update_each(SESSIONS, changes)


def complete_targets(backend: Backend) -> None:
    """What they are, were called and when they were delisted, out of the stored sessions. Shares
    that are to be listed yet are left to the next refresh."""
    lacking = [
        target for target in backend.find(TARGETS) if not target.keys() >= set(_TARGET_FIELDS)
    ]
    lives, newest = _lives(backend, {target["_id"]: _first_added(target) for target in lacking})
    changes: dict[str, Document] = {}
    for target in lacking:
        complete = _complete_target(target, lives[target["_id"]], newest)
        changes[target["_id"]] = {
            name: value for name, value in complete.items() if target.get(name, ...) != value
        }
    backend.update_each(TARGETS, changes)


def complete_jobs(backend: Backend) -> None:
    """`run`: null, since nobody goes on with what an earlier version has begun."""
    _add(backend, JOBS, {job["_id"]: (job, {"run": None}) for job in backend.find(JOBS)})


def complete_sources(backend: Backend) -> None:
    """What an earlier version never looked at."""
    lacking = dict.fromkeys(("comparison", "password", "failure", "refused_logins"))
    _add(backend, SOURCES, {source["_id"]: (source, lacking) for source in backend.find(SOURCES)})


def _add(backend: Backend, collection: str, found: Mapping[str, tuple[Document, Document]]) -> None:
    """To each document those of the fields that it lacks. It is not put back whole: somebody may
    have changed it."""
    changes = {
        key: {name: value for name, value in fields.items() if name not in document}
        for key, (document, fields) in found.items()
    }
    backend.update_each(collection, {key: fields for key, fields in changes.items() if fields})


MIGRATIONS: Mapping[int, tuple[Callable[[Backend], None], ...]] = {
    1: (),
    2: (complete_sessions, complete_targets, complete_jobs, complete_sources),
}
"""From which schema -> the steps to the next. Schema 2 was another place for arrays, which is
`renew_layout`'s. Its documents have got fields since, so a step adds those that are lacking and
leaves what is there."""


def _readable(backend: Backend, session: str, names: tuple[str, ...]) -> Columns:
    """Columns of a session; none when it is damaged, which is for the audit to find and the next
    run to mend."""
    try:
        found = list(backend.read_columns(names, session, session))
    except StoreError as damage:
        log.warning("%s", damage)
        return {}
    return found[0][1] if found else {}


def _first_added(target: Document) -> str:
    return min(str(time["added_date"]) for time in (*target["history"], target))


def _lives(backend: Backend, added: Mapping[str, str]) -> tuple[dict[str, list[Document]], str]:
    """Ticker -> the names and markets it was listed with, oldest first, from the session before it
    was added on, each with the last session that shows it so (`until`); and the last session that
    shows anything."""
    lives: dict[str, list[Document]] = {ticker: [] for ticker in added}
    sessions, newest = [head["_id"] for head in backend.session_heads()], ""
    for session, following in zip(sessions, [*sessions[1:], *sessions[-1:]], strict=True):
        known = {ticker for ticker, first in added.items() if first <= following}
        columns = _readable(backend, session, TEXT_COLUMNS) if known else {}
        newest = session if columns else newest
        for ticker, name, market in zip(
            *columns.values(), strict=False
        ):  # of as many as there are of each
            if ticker in known:
                _live_on(lives[ticker], {"name": name, "market": market}, session)
    return lives, newest


def _live_on(life: list[Document], identity: Document, session: str) -> None:
    if life and life[-1] == identity | {"until": life[-1]["until"]}:
        life.pop()
    life.append(identity | {"until": session})


def _complete_target(target: Document, life: list[Document], newest: str) -> Document:
    last: dict[str, Any] = (
        life[-1] if life else {"name": target["name"], "market": target["market"], "until": newest}
    )
    delisted = None if last["until"] == newest else last["until"]
    removed = target["removed_date"]
    known = {
        "name": last["name"],
        "market": last["market"],
        "removed_date": removed if delisted is None or removed is None else min(removed, delisted),
    }
    lacking = {
        "kind": kind_of(target["_id"], last["name"]),
        "corrected_market_cap": target["market_cap"],
        "chosen_by": "market_cap",
        "delisted_date": delisted,
        "former": life[:-1],
    }
    return lacking | target | known

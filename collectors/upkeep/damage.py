"""Repair of documents that the embedded database finds damaged: it is made anew out of all that is
whole, together with what follows from the rest."""

import logging
import re
from collections.abc import Collection, Iterable
from contextlib import ExitStack
from functools import partial

from collectors.collection.stored_sessions import StoredSessions
from utils.clock import Clock
from utils.date_utils import TradingCalendar
from utils.errors import Damaged
from utils.settings import Settings
from utils.store import Store, open_store
from utils.store.backend import Backend, Damage, pages
from utils.store.base import Identity
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.locks import COLLECTION
from utils.store.schema import (
    ACTIONS,
    CALENDAR,
    COPY,
    INCIDENTS,
    INDICATORS,
    INDICES,
    JOBS,
    LOCKS,
    SCHEMA,
    SCHEMA_VERSION,
    SCOPE,
    SESSIONS,
    SOURCES,
    TARGETS,
    WAITING,
)

WHAT_FOLLOWS = {
    TARGETS: "it is made anew by the newest session, and analysed again; since when it was a "
    "target and its former names are lost",
    JOBS: "the record is forgotten; what it was about is done again where that is due",
    CALENDAR: "a stored session is known to be one; what was known of any other day is asked again",
    LOCKS: "the lock is forgotten, its owner is gone",
    SOURCES: "the source counts as never asked: today's requests, a closure and refused logins "
    "are forgotten",
    SCOPE: "threshold and markets are those of the settings now, and the first session is the "
    "first that is stored; run manual_setup.py if others were chosen",
    INCIDENTS: "it is forgotten, and told again if it goes on",
    WAITING: "the day is read again; if a person had accepted it, it is to be accepted again",
    SCHEMA: "it is written anew",
    SESSIONS: "the session is collected again",
    ACTIONS: "the corporate actions of its session are found anew",
    INDICES: "the day is read again",
    INDICATORS: "the ticker is analysed again if it is a target",
}
"""Collection -> what becomes of a damaged document."""
FILE = "an index of the file is made anew"
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_BY_A_SESSION = "session"
log = logging.getLogger(__name__)


def open_repaired(thorough: bool, settings: Settings, clock: Clock) -> Store:
    """Return the store in the database of the settings, after `repair_damage`."""
    return open_store(settings, clock, before=partial(repair_damage, thorough, settings, clock))


def repair_damage(thorough: bool, settings: Settings, clock: Clock, backend: Backend) -> None:
    """Make the database anew when a document is damaged or the file itself is, and log what becomes
    of each. Damaged columns of a session are left: it is due.

    Nothing is done while another run collects or analyses, in a copy that is not finished, and in
    another layout. Raise `Damaged` when what is lost cannot be named and `thorough` is not set.

    Args:
        thorough: look at everything, and repair also what has lost documents that nobody can name:
            an audit has to follow.
    """
    names = (COLLECTION, f"{HOURLY_ANALYSIS}@{Identity().host}")
    with ExitStack() as held:
        for name in names:
            if (hold := backend.hold(name)) is None:
                return
            held.callback(hold.release)
        _repair(thorough, settings, clock, backend)


def _repair(thorough: bool, settings: Settings, clock: Clock, backend: Backend) -> None:
    damages = [each for each in backend.damages(thorough) if not each.of_column]
    if not damages or _is_none_of_ours(backend, damages):
        return
    unnamed = [each for each in damages if not each.leaves_all_rows]
    if unnamed and not thorough:
        raise Damaged(
            f"The {backend.description} is damaged: {unnamed[0]}. "
            "Run daily_update.py --repair: it makes it anew out of all that can be read."
        )
    for damage in damages:
        log.error("Damaged: %s. %s.", damage, _what_follows(damage))
    backend.rebuild(partial(_complete, settings, clock, damages))
    log.warning("The %s is made anew out of all that was whole.", backend.description)


def _what_follows(damage: Damage) -> str:
    if damage.key is None:
        what = FILE if damage.leaves_all_rows else "what cannot be read is looked for by the audit"
    else:
        what = WHAT_FOLLOWS[damage.collection]
    return what[0].upper() + what[1:]


def _is_none_of_ours(backend: Backend, damages: Iterable[Damage]) -> bool:
    """Return whether the database holds another layout, or a copy that is not finished."""
    marks = [each for each in damages if each.collection == SCHEMA]
    for mark in marks:
        # Of a document in which one bit has flipped, one of the two says what it is.
        if mark.key != "schema" and '"version"' not in mark.body:
            raise Damaged(
                f"The {backend.description} is damaged: {mark}. It may hold an unfinished copy. "
                "Delete it and copy again, or restore a backup."
            )
    if marks:
        return False
    layout = backend.get(SCHEMA, "schema")
    is_other = layout is not None and layout["version"] != SCHEMA_VERSION
    return is_other or backend.get(SCHEMA, COPY) is not None


def _complete(
    settings: Settings, clock: Clock, damages: Collection[Damage], backend: Backend
) -> None:
    """Add what follows from what is left to a database that has lost these."""
    store = Store(backend, clock)
    lost = {damage.collection for damage in damages}
    heads = store.sessions.heads()
    if CALENDAR in lost:
        store.calendar.record(
            {head.session: True for head in heads} | store.calendar.observed(), _BY_A_SESSION
        )
    if SCOPE in lost and heads and store.scope.get() is None:
        store.scope.save(settings.min_market_cap, settings.markets, heads[0].session)
    if ACTIONS in lost:
        _find_actions_anew(store, [each for each in damages if each.collection == ACTIONS])
    _reopen_targets_without_result(store)
    if settings.notify_urls:  # told at the end of the run, as recovered where it ends well
        first, *others = damages
        more = f" and {len(others)} more" if others else ""
        message = f"{first}{more}. The log says what became of it. Look at the disk."
        store.incidents.open(DAILY_UPDATE, Damaged.kind, message)


def _find_actions_anew(store: Store, damages: Iterable[Damage]) -> None:
    """Find the corporate actions of the sessions anew that these documents name. A session that
    cannot be compared with the one before it is collected again."""
    sessions = StoredSessions(store, TradingCalendar(store.calendar.observed()))
    named = {day for each in damages for day in _DAY.findall(f"{each.key} {each.body}")}
    for session in sorted(each for each in named if each in sessions):
        try:
            sessions.refind_factors(session)
        except Damaged as damage:
            log.error("%s", damage)
            store.backend.delete(SESSIONS, {"_id": session})


def _reopen_targets_without_result(store: Store) -> None:
    there = {result["_id"] for page in pages(store.backend, INDICATORS) for result in page}
    missing = [
        target
        for target in store.targets.all()
        if target["last_analyzed_date"] is not None and target["_id"] not in there
    ]
    if missing:
        never = {"last_analyzed_date": None, "attempts": 0, "retry_after_utc": None}
        store.backend.update_each(TARGETS, {target["_id"]: never for target in missing})
        store.jobs.reopen(HOURLY_ANALYSIS, sum(target["is_active"] for target in missing))

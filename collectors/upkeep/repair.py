"""Repair of what an audit has found: out of what is stored where that is enough, else by reading it
from the exchange."""

import logging
from collections.abc import Callable

from collectors.collection.due import DueSession
from collectors.collection.stock_data_collector import StockDataCollector
from collectors.collection.target_refresh import follow_older_session
from collectors.rules.target_rule import TargetRule
from collectors.upkeep.audit.findings import (
    BASE_PRICE,
    DATASET,
    DIGEST,
    FACTOR,
    FEW_TICKERS,
    HOLE,
    MARKET_CAP,
    NOT_RECORDED,
    ORDER,
    PROVISIONAL,
    TARGET_DATA,
    Audit,
)
from collectors.upkeep.audit.jobs import SILENT, stale_jobs
from collectors.upkeep.audit.snapshot import take_snapshot
from utils.errors import SourceError
from utils.store import Store

WRONG_AS_STORED = (HOLE, FEW_TICKERS, DIGEST, ORDER, MARKET_CAP, BASE_PRICE, NOT_RECORDED)
"""Rules after which the session is collected whatever its record says, and counts as due until
then."""
log = logging.getLogger(__name__)


def repair(
    store: Store,
    collector: StockDataCollector,
    found: Audit,
    target_rule: TargetRule,
    collect: Callable[[list[DueSession]], list[SourceError]],
) -> list[SourceError]:
    """Repair it all. Return why single sessions could not be had. Call it inside the lock
    `collection`.

    What needs no exchange comes first, so that it is done also when the exchange refuses.

    Args:
        target_rule: who is to be a target now.
        collect: collects these sessions as every daily update does (see `collect_all`).
    """
    due = sessions_to_collect(found)
    _end_what_is_gone(store, collector, found)
    for session in found.sessions_with([FACTOR]):
        if session not in {each.session for each in due}:
            collector.refind_factors(session)
            log.info("%s: factors and corporate actions found anew.", session)
    # An action that was found anew may tell of shares to come.
    if found.has(TARGET_DATA) or found.has(FACTOR):
        follow_older_session(store, target_rule)
    return collect(due)


def sessions_to_collect(found: Audit) -> list[DueSession]:
    """Return the sessions to collect or read again, oldest first. One that only waits for its
    confirmation keeps its completed record until then."""
    wrong = found.sessions_with(WRONG_AS_STORED)
    both = sorted({*wrong, *found.sessions_with([PROVISIONAL])})
    return [DueSession(session, read_again=session not in wrong) for session in both]


def leaves_datasets_to_read(found: Audit) -> bool:
    """Return whether datasets are missing, or belong to prices that are read again."""
    return bool(found.sessions_with((*WRONG_AS_STORED, PROVISIONAL, DATASET)))


def _end_what_is_gone(store: Store, collector: StockDataCollector, found: Audit) -> None:
    for job in stale_jobs(take_snapshot(store, collector.calendar, found.first, found.last)):
        name, session = job["job_name"], job["date_kst"]
        store.jobs.give_up(name, session)
        log.info("%s: %s is recorded as failed, it was not running any more.", session, name)
    if forgotten := store.locks.clear(since=SILENT):
        log.info("%d locks of runs that are gone are cleared.", forgotten)

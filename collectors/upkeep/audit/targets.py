"""Rules over the targets.

A target is behind when a whole night could have analysed it and did not.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace

from collectors.collection.target_refresh import plan_targets, read_newest
from collectors.rules.target_rule import TargetRule
from collectors.upkeep.audit.findings import TARGET_BEHIND, TARGET_DATA, Finding
from collectors.upkeep.audit.snapshot import StoreSnapshot, first_run_for
from utils.date_utils import end_of_night
from utils.errors import Damaged
from utils.market_day import MarketDay
from utils.store.backend import Document
from utils.store.jobs import HOURLY_ANALYSIS


def audit_targets(
    snapshot: StoreSnapshot, target_rule: TargetRule, wrong: Collection[str | None]
) -> Iterator[Finding]:
    """Yield what is wrong with the targets; nothing when the newest session is outside the span.

    Args:
        target_rule: who is to be a target now.
        wrong: sessions whose corporate actions cannot be relied on.
    """
    if not snapshot.covers_newest():
        return
    targets = snapshot.store.targets.all()
    yield from _targets_behind(snapshot, [target for target in targets if target["is_active"]])
    yield from _target_data(snapshot, targets, target_rule, wrong)


def _targets_behind(snapshot: StoreSnapshot, active: list[Document]) -> Iterator[Finding]:
    session = _last_night(snapshot)
    if session is None or snapshot.store.jobs.is_completed(HOURLY_ANALYSIS, session):
        return
    for target in active:
        reached = target["last_analyzed_date"] or ""
        is_behind = target["added_date"] <= session and reached < session
        if is_behind and _result_session(snapshot, target) < session:
            since = f"not analysed since {reached}" if reached else "never analysed"
            reason = f": {target['last_error']}" if target["last_error"] else ""
            message = f"{since}, the night of {session} is over{reason}"
            yield Finding(TARGET_BEHIND, message, ticker=target["_id"])


def _last_night(snapshot: StoreSnapshot) -> str | None:
    """Return the newest session whose whole night is over and could be used: it was collected in
    its first evening."""
    tonight = snapshot.calendar.session_of_night(snapshot.now)
    for head in reversed(snapshot.heads):
        if head.session < tonight and snapshot.is_completed(head.session):
            first_run = first_run_for(head.session, snapshot.calendar.is_due)
            morning = end_of_night(first_run.date().isoformat())
            ended = snapshot.records[head.session]["end_time_utc"]
            if ended is not None and ended < morning:
                return head.session
    return None


def _result_session(snapshot: StoreSnapshot, target: Document) -> str:
    """Return the session of the target's result. A revision of older data puts `last_analyzed_date`
    back; the result tells what had been reached."""
    result = snapshot.store.results.get(target["_id"])
    return "" if result is None else str(result["session"])


def _target_data(
    snapshot: StoreSnapshot,
    targets: list[Document],
    target_rule: TargetRule,
    wrong: Collection[str | None],
) -> Iterator[Finding]:
    """Compare the targets with what the newest session makes of them, when it is the one by which
    its run has refreshed them."""
    completed = max(filter(snapshot.is_completed, snapshot.records), default="")
    day = _newest(snapshot)
    if day is None or snapshot.at_work or day.session != completed:
        return
    newest = read_newest(snapshot.store, day.frame, day.session)
    reliable = [action for action in newest.actions if action["session"] not in wrong]
    plan = plan_targets(targets, replace(newest, actions=reliable), target_rule)
    known, listed = {target["_id"]: target for target in targets}, set(newest.frame["ticker"])
    for target in plan.new:
        message = f"no target, but {newest.session} makes it one"
        yield Finding(TARGET_DATA, message, ticker=target["_id"])
    for ticker, changes in plan.changes.items():
        message = _in_words(changes, known[ticker], newest.session, ticker in listed)
        yield Finding(TARGET_DATA, message, ticker=ticker)


def _in_words(changes: Document, target: Document, session: str, is_listed: bool) -> str:
    if changes.get("is_active") is True:
        return f"an inactive target, but {session} makes it active"
    if changes.get("is_active") is False:
        why = "does not make it one" if is_listed else "does not list it"
        return f"an active target, but {session} {why}"
    cells = [f"{name} {target.get(name)}, not {value}" for name, value in changes.items()]
    return f"{session} says otherwise: {'; '.join(cells)}"


def _newest(snapshot: StoreSnapshot) -> MarketDay | None:
    """Return None when it is damaged, which is a finding of its own."""
    try:
        return snapshot.store.sessions.load(snapshot.heads[-1].session)
    except Damaged:
        return None

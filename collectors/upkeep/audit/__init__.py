"""Audit of what is stored, which it only reads: `daily_update --audit`, and the last step of
`manual_setup`."""

from collections.abc import Collection

from collectors.rules.target_rule import TargetRule
from collectors.upkeep.audit.cells import audit_cells
from collectors.upkeep.audit.damages import audit_columns, audit_damages
from collectors.upkeep.audit.datasets import audit_datasets
from collectors.upkeep.audit.findings import HOLE, Audit, Finding, in_order
from collectors.upkeep.audit.jobs import audit_jobs, audit_locks
from collectors.upkeep.audit.show import show_audit, show_repair
from collectors.upkeep.audit.snapshot import take_snapshot
from collectors.upkeep.audit.targets import audit_targets
from utils.date_utils import TradingCalendar
from utils.store import Store

__all__ = [
    "Audit",
    "Finding",
    "audit",
    "audit_damages",
    "audit_sessions",
    "show_audit",
    "show_repair",
]


def audit(
    store: Store,
    calendar: TradingCalendar,
    first: str,
    last: str,
    target_rule: TargetRule,
    datasets: Collection[str],
) -> Audit:
    """Return everything that is wrong, in the order of `FINDING_RULES`: with the sessions and jobs
    from first to last, both inclusive, with the targets when the newest session is among these, and
    with the locks.

    Args:
        target_rule: who is to be a target now.
        datasets: those that every session should have now.
    """
    snapshot = take_snapshot(store, calendar, first, last)
    of_cells = list(audit_cells(store, calendar, first, last))
    wrong = {finding.session for finding in of_cells if finding.session}
    findings = [
        *of_cells,
        *audit_jobs(snapshot),
        *audit_datasets(snapshot, datasets, wrong),
        *audit_targets(snapshot, target_rule, wrong),
        *audit_locks(snapshot),
    ]
    findings += audit_columns(store, findings)
    return Audit(
        first=first,
        last=last,
        findings=in_order(findings),
        sessions=len(snapshot.stored()),
        targets=len(store.targets.active()),
        awaited=[session for session in snapshot.missing() if snapshot.is_awaited(session)],
        at_work=snapshot.at_work,
    )


def audit_sessions(store: Store, calendar: TradingCalendar, first: str, last: str) -> list[Finding]:
    """Return what is wrong with the sessions alone, right after they were loaded: every one has to
    be there."""
    missing = [
        Finding(HOLE, "not stored", session)
        for session in take_snapshot(store, calendar, first, last).missing()
    ]
    return in_order([*missing, *audit_cells(store, calendar, first, last)])

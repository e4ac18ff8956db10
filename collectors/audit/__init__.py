"""Reads the store only and says what is wrong with it: `daily_update --audit`, and the last step of `manual_setup`."""

from collectors.audit.beside import audit_datasets
from collectors.audit.cells import audit_cells
from collectors.audit.findings import HOLE, Audit, Finding, in_order, show_audit, show_repair
from collectors.audit.records import audit_locks, audit_records, audit_targets, look_at
from utils.date_utils import TradingCalendar
from utils.settings import Settings
from utils.store import Store

__all__ = ["Audit", "Finding", "audit", "audit_sessions", "show_audit", "show_repair"]


def audit(store: Store, calendar: TradingCalendar, first: str, last: str, settings: Settings) -> Audit:
    """Everything that is wrong, ordered by rule: sessions and jobs from first to last, both inclusive, the targets when
    the newest session is among these, and the locks.

    Args:
        settings: with the market cap threshold, the markets and the datasets that hold now.
    """
    situation = look_at(store, calendar, first, last)
    cells = audit_cells(store, calendar, first, last)
    wrong = {finding.session for finding in cells if finding.session}
    findings = [
        *cells,
        *audit_records(situation),
        *audit_datasets(situation, settings.datasets_at_hand, wrong),
        *audit_targets(situation, settings),
        *audit_locks(situation),
    ]
    return Audit(
        first=first,
        last=last,
        findings=in_order(findings),
        sessions=len(situation.stored()),
        targets=len(store.targets(active_only=True)),
        awaited=[session for session in situation.missing() if situation.is_awaited(session)],
    )


def audit_sessions(store: Store, calendar: TradingCalendar, first: str, last: str) -> list[Finding]:
    """What is wrong with the sessions alone, right after they were loaded: every one has to be there."""
    missing = [Finding(HOLE, "not stored", session) for session in look_at(store, calendar, first, last).missing()]
    return in_order([*missing, *audit_cells(store, calendar, first, last)])

"""Rules over what the database itself finds damaged: documents, columns and its own file."""

from collections.abc import Collection

from collectors.upkeep.audit.findings import DAMAGED, Audit, Finding
from utils.store import Store


def audit_damages(store: Store) -> Audit | None:
    """Return an audit of damaged documents and of the file alone; None when they are whole. Nothing
    else can be told before these are repaired."""
    damages = [each for each in store.backend.damages(thorough=True) if not each.of_column]
    findings = [Finding(DAMAGED, str(each)) for each in damages]
    return Audit("", "", findings, sessions=0, targets=0, awaited=[]) if findings else None


def audit_columns(store: Store, others: Collection[Finding]) -> list[Finding]:
    """Return a finding for each damaged column of a session about which the others say nothing."""
    told = {finding.session for finding in others}
    return [
        Finding(DAMAGED, str(each), each.key)
        for each in store.backend.damages(thorough=True)
        if each.of_column and each.key not in told
    ]

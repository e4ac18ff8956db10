"""Findings of an audit."""

from collections.abc import Collection
from dataclasses import dataclass, field

DAMAGED = "damaged"
HOLE = "hole"
FEW_TICKERS = "few_tickers"
DIGEST = "digest"
ORDER = "order"
MARKET_CAP = "market_cap"
BASE_PRICE = "base_price"
FACTOR = "factor"
PROVISIONAL = "provisional"
NOT_RECORDED = "not_recorded"
DATASET = "dataset"
STALE_JOB = "stale_job"
TARGET_BEHIND = "target_behind"
TARGET_DATA = "target_data"
LOCK = "lock"

FINDING_RULES = (
    DAMAGED,
    *(HOLE, FEW_TICKERS, DIGEST, ORDER, MARKET_CAP, BASE_PRICE, FACTOR, PROVISIONAL, NOT_RECORDED),
    DATASET,
    *(STALE_JOB, TARGET_BEHIND, TARGET_DATA, LOCK),
)
"""Rules of the audit, in the order in which their findings are told."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a session or with a ticker; a lock or a damaged document has
    neither. It stays the same finding when its message changes, such as by another attempt."""

    rule: str
    message: str = field(compare=False)
    session: str | None = None
    ticker: str | None = None

    @property
    def repairable(self) -> bool:
        """Return whether `--repair` does something about it. The hourly analysis catches up with
        targets that are behind."""
        return self.rule != TARGET_BEHIND

    def __str__(self) -> str:
        subject = self.session or self.ticker
        return f"{subject}: {self.message}" if subject else self.message


@dataclass(frozen=True)
class Audit:
    """Result of an audit over the sessions from first to last, both inclusive."""

    first: str
    last: str
    findings: list[Finding]
    sessions: int
    targets: int
    awaited: list[str]
    """Sessions that are due and not stored, with which nothing is wrong yet."""
    at_work: bool = False
    """Another run was collecting meanwhile: what it may still collect is awaited."""

    def sessions_with(self, rules: Collection[str]) -> list[str]:
        """Return the sessions of which one of these rules has found something, oldest first."""
        return sorted(
            {each.session for each in self.findings if each.session and each.rule in rules}
        )

    def has(self, rule: str) -> bool:
        return any(finding.rule == rule for finding in self.findings)

    @property
    def needs_person(self) -> bool:
        """Return whether there is more than what the hourly analysis catches up with."""
        return any(finding.repairable for finding in self.findings)


def in_order(findings: Collection[Finding]) -> list[Finding]:
    """Return the findings by rule, then by session or ticker."""
    order = FINDING_RULES.index
    return sorted(
        findings, key=lambda each: (order(each.rule), each.session or "", each.ticker or "")
    )

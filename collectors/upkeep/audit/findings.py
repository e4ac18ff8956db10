"""Findings of an audit, and how they are told to a person or a program."""

import json
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from itertools import groupby

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

RULES = (
    *(HOLE, FEW_TICKERS, DIGEST, ORDER, MARKET_CAP, BASE_PRICE, FACTOR, PROVISIONAL, NOT_RECORDED),
    DATASET,
    *(STALE_JOB, TARGET_BEHIND, TARGET_DATA, LOCK),
)
"""Rules of the audit, in the order in which their findings are told."""
_MOST_LINES = 20
"""Findings of one rule on the screen; a program is told all."""


@dataclass(frozen=True)
class Finding:
    """Something that is wrong with a session or with a ticker; a lock has neither. It stays the
    same finding when its message changes, such as by another attempt."""

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
    return sorted(
        findings, key=lambda each: (RULES.index(each.rule), each.session or "", each.ticker or "")
    )


def show_audit(audit: Audit, as_json: bool) -> None:
    """Print every finding to stdout; for a person grouped by rule, with a last line that says what
    to do."""
    if as_json:
        found = [asdict(finding) | {"repairable": finding.repairable} for finding in audit.findings]
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
        return
    _show_findings(audit)
    sys.stdout.write(_last_line(audit) + "\n")


def show_repair(found: Audit, left: Audit) -> None:
    """Print what a repair has left, and a last line that says what is to be done about it."""
    _show_findings(left)
    repaired = sum(finding not in left.findings for finding in found.findings)
    done = f"{repaired} of {_count(found)} repaired." if found.findings else "Nothing was wrong."
    if not left.findings:
        rest = _what_was_checked(left)
    elif left.needs_person:
        rest = (
            f"{_count(left)} left: what the exchange still shows so, "
            "or what could not be had from it now."
        )
    else:
        rest = f"{_count(left)} left to the hourly analysis, which catches up by itself."
    sys.stdout.write(f"{done} {rest}\n")


def _show_findings(audit: Audit) -> None:
    """Print one line for each, under the name of the rule and how many there are."""
    for rule, group in groupby(audit.findings, key=lambda finding: finding.rule):
        found = list(group)
        lines = [f"  {finding}" for finding in found[:_MOST_LINES]]
        if len(found) > _MOST_LINES:
            lines.append(f"  ... and {len(found) - _MOST_LINES} more; --audit --json tells all")
        sys.stdout.write("\n".join([f"{rule} ({len(found)})", *lines]) + "\n\n")


def _what_was_checked(audit: Audit) -> str:
    awaited = f" Still awaited: {', '.join(audit.awaited)}." if audit.awaited else ""
    return f"{audit.sessions:,} sessions, {audit.targets:,} targets checked.{awaited}"


def _count(audit: Audit) -> str:
    return f"{len(audit.findings):,} finding{'' if len(audit.findings) == 1 else 's'}"


def _last_line(audit: Audit) -> str:
    if not audit.findings:
        verdict = "Another run is at work; so far nothing" if audit.at_work else "Nothing"
        return f"{verdict} is wrong: {_what_was_checked(audit)}"
    repairable = sum(finding.repairable for finding in audit.findings)
    offer = f" `daily_update.py --repair` repairs {repairable:,} of them." if repairable else ""
    is_rest = repairable < len(audit.findings)
    rest = " The hourly analysis catches up with the targets." if is_rest else ""
    return f"{_count(audit)}.{offer}{rest}"

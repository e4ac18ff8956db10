"""What an audit finds, and how it is told to a person or a program."""

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
"""In the order in which they are told."""
_MOST_LINES = 20
"""Of one rule on the screen; a program is told all."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, with a session or with a ticker; a lock has neither. It stays the
    same finding when its message changes, such as by another attempt."""

    rule: str
    message: str = field(compare=False)
    session: str | None = None
    ticker: str | None = None

    @property
    def repairable(self) -> bool:
        """Whether `--repair` can mend it. Targets that are behind are left to the hourly analysis,
        which does."""
        return self.rule != TARGET_BEHIND

    def __str__(self) -> str:
        subject = self.session or self.ticker
        return f"{subject}: {self.message}" if subject else self.message


@dataclass(frozen=True)
class Audit:
    """What was looked at, from first to last, both inclusive, and what is wrong with it."""

    first: str
    last: str
    findings: list[Finding]
    sessions: int
    targets: int
    awaited: list[str]
    """Sessions that are due and not stored, and nothing is wrong with that yet."""
    at_work: bool = False
    """Another run was collecting meanwhile: what it may still bring is awaited."""

    def sessions_with(self, rules: Collection[str]) -> list[str]:
        """The sessions of which one of these rules has found something, oldest first."""
        return sorted(
            {each.session for each in self.findings if each.session and each.rule in rules}
        )

    def found(self, rule: str) -> bool:
        return any(finding.rule == rule for finding in self.findings)

    @property
    def needs_person(self) -> bool:
        """Whether there is more than what the hourly analysis catches up with."""
        return any(finding.rule != TARGET_BEHIND for finding in self.findings)


def in_order(findings: Collection[Finding]) -> list[Finding]:
    """By rule, then by session or ticker."""
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
    """Print what a repair could not mend, and a last line that says what is to be done about it."""
    _show_findings(left)
    mended = sum(finding not in left.findings for finding in found.findings)
    done = f"{mended} of {_count(found)} mended." if found.findings else "Nothing was wrong."
    if not left.findings:
        rest = _what_was_checked(left)
    elif left.needs_person:
        rest = f"{_count(left)} left: what the exchange still shows so, or what could not be had from it now."
    else:
        rest = f"{_count(left)} left to the hourly analysis, which catches up by itself."
    sys.stdout.write(f"{done} {rest}\n")


def _show_findings(audit: Audit) -> None:
    """One line each, under the name of the rule and how many there are."""
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
        verdict = (
            "Another run is at work; so far nothing is wrong"
            if audit.at_work
            else "Nothing is wrong"
        )
        return f"{verdict}: {_what_was_checked(audit)}"
    mended = sum(finding.repairable for finding in audit.findings)
    offer = f" `daily_update.py --repair` mends {mended:,} of them." if mended else ""
    rest = (
        " The hourly analysis catches up with the targets." if mended < len(audit.findings) else ""
    )
    return f"{_count(audit)}.{offer}{rest}"

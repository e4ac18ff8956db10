"""Findings of an audit, as they are told to a person or a program."""

import json
import sys
from dataclasses import asdict
from itertools import groupby

from collectors.upkeep.audit.findings import Audit
from utils.output import check_answered

_MOST_LINES = 20
"""Findings of one rule on the screen; a program is told all."""


def show_audit(audit: Audit, as_json: bool) -> None:
    """Print every finding to stdout; for a person grouped by rule, with a last line that says what
    to do. Raise `NotAnswered` when stdout cannot take them."""
    if as_json:
        found = [asdict(finding) | {"repairable": finding.repairable} for finding in audit.findings]
        sys.stdout.write(json.dumps(found, ensure_ascii=False, indent=2) + "\n")
    else:
        _show_findings(audit)
        sys.stdout.write(_last_line(audit) + "\n")
    check_answered()


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

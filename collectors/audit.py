"""Reads the store only and says what is wrong with it."""

from itertools import pairwise

from collectors.integrity import LEAST_SHARE_OF_TICKERS
from utils.date_utils import TradingCalendar
from utils.errors import StoreError
from utils.store import Store


def audit(store: Store, calendar: TradingCalendar, first: str, last: str) -> list[str]:
    """One line per finding from first to last, both inclusive: holes, short sessions, damaged sessions."""
    heads = {head.session: head for head in store.session_heads() if first <= head.session <= last}
    findings = [f"{session}: not stored" for session in calendar.sessions(first, last) if session not in heads]
    ordered = list(heads.values())
    for before, head in pairwise(ordered):
        adjacent = calendar.previous_session(head.session) == before.session
        if adjacent and head.count < LEAST_SHARE_OF_TICKERS * before.count:
            findings.append(f"{head.session}: {head.count} tickers after {before.count} the session before")
    for head in ordered:
        try:
            day = store.load_session(head.session)
        except StoreError as damage:
            findings.append(f"{head.session}: {damage}")
            continue
        if day is None or len(day.frame) != head.count:
            findings.append(f"{head.session}: does not read back as it was written")
    return sorted(findings)

"""Rule over the datasets of stored sessions."""

from collections.abc import Collection, Iterator
from itertools import groupby

from collectors.collection.due import DueDataset, datasets_due
from collectors.upkeep.audit.findings import DATASET, Finding
from collectors.upkeep.audit.snapshot import StoreSnapshot


def audit_datasets(
    snapshot: StoreSnapshot, chosen: Collection[str], wrong: Collection[str]
) -> Iterator[Finding]:
    """Yield the stored sessions that lack one of the chosen datasets although the run that confirms
    them has had its time. Those whose prices are `wrong` are left out, since they are read again
    first."""
    if snapshot.at_work:
        return
    store, first, last, now = snapshot.store, snapshot.first, snapshot.last, snapshot.now
    due = datasets_due(store, chosen, first, last, now, thorough=True)
    due.sort(key=lambda each: each.session)
    for session, group in groupby(due, key=lambda each: each.session):
        if session not in wrong and now >= snapshot.final_by(session):
            lacking = ", ".join(map(_in_words, group))
            yield Finding(DATASET, f"lacks {lacking}, or has what is not final", session)


def _in_words(due: DueDataset) -> str:
    return f"{due.name} (asked {due.tries} times in vain)" if due.tries else due.name

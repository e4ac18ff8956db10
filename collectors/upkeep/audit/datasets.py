"""The rule over what stands beside the prices."""

from collections.abc import Collection, Iterator
from itertools import groupby

from collectors.collection.due import datasets_due
from collectors.upkeep.audit.findings import DATASET, Finding
from collectors.upkeep.audit.records import StoreSnapshot


def audit_datasets(
    snapshot: StoreSnapshot, chosen: Collection[str], wrong: Collection[str]
) -> Iterator[Finding]:
    """Stored sessions that lack one of the chosen datasets although the evening run that confirms
    them has had its time; none of those whose prices are `wrong`, since these are read again
    first."""
    if snapshot.at_work:
        return
    due = datasets_due(
        snapshot.store, chosen, snapshot.first, snapshot.last, snapshot.now, thorough=True
    )
    for session, group in groupby(
        sorted(due, key=lambda each: each.session), key=lambda each: each.session
    ):
        if session not in wrong and snapshot.now >= snapshot.final_by(session):
            lacking = [
                f"{each.name} (asked {each.tries} times in vain)" if each.tries else each.name
                for each in group
            ]
            yield Finding(
                DATASET,
                f"lacks {', '.join(lacking)} beside its prices, or has what is not final",
                session,
            )

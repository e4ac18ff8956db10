"""Odd days: they wait until something confirms them, and are stored with a remark then."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pandas as pd

from collectors.exchange.sources import Sources
from collectors.rules.judgement import Keys, judge, keys_of
from collectors.rules.market_rules import Oddity
from utils.clock import KST
from utils.date_utils import checkpoints
from utils.errors import OddDay, SourceError, WrongUsage
from utils.market_day import MarketDay
from utils.store import Store
from utils.store.backend import Document
from utils.store.waiting_days import is_same

log = logging.getLogger(__name__)


class OddDays:
    """Decision about a day that is odd: it waits, or it is accepted."""

    def __init__(self, sources: Sources, store: Store) -> None:
        self._sources, self._waiting = sources, store.waiting

    def accepted(
        self,
        day: MarketDay,
        found: Sequence[Oddity],
        known: Keys | None,
        previous: MarketDay | None,
    ) -> MarketDay:
        """Return the day with the remarks with which it is stored.

        It is accepted when it is stored with the same closes and is odd there in the same way, when
        it was read with the same closes before the last checkpoint that has passed, when a person
        has said so, or when the other source shows the same closes and oddities. Else it waits.

        Args:
            known: what is odd about the session as it is stored, with the same closes; None when it
                is not stored, or damaged.
            previous: the session right before; None when it is not stored.
        Raises:
            OddDay: it waits.
        """
        remarks = tuple(f"{each.rule}: {each.text}." for each in found)
        if known is not None and keys_of(found) <= known:
            return replace(day, accepted=remarks)
        digest, oddities = closes_digest(day.frame), [asdict(each) for each in found]
        why = self._why_accepted(day, digest, oddities, previous)
        if why is None:
            self._waiting.put(day.session, digest, oddities, day.read_utc)
            raise _odd_day(day.session, remarks, is_stored=known is not None)
        log.warning("%s is odd and stored all the same: %s", day.session, why)
        return replace(day, accepted=remarks)

    def _why_accepted(
        self,
        day: MarketDay,
        digest: str,
        oddities: Sequence[Document],
        previous: MarketDay | None,
    ) -> str | None:
        waiting = self._waiting.get(day.session)
        if waiting is not None and is_same(waiting, digest, oddities):
            if waiting["accepted_utc"] is not None:
                return "it was accepted with --accept."
            if is_checkpoint_between(waiting["first_read_utc"], day.read_utc):
                return "a reading after a later checkpoint says the same."
        other = self._of_other_source(day)
        if other is not None and closes_digest(other.frame) == digest:
            seen = (judge(each, previous).oddities for each in (day, other))
            if len({keys_of(found) for found in seen}) == 1:
                return "the other source says the same."
        return None

    def _of_other_source(self, day: MarketDay) -> MarketDay | None:
        try:
            other = self._sources.fetch_day_of_other(day.source, day.session)
        except SourceError as problem:
            log.warning("The other source could not be asked about %s: %s", day.session, problem)
            return None
        if other is None:
            return None
        table = other.table
        return replace(day, frame=table.frame, set_aside=table.set_aside, source=other.source)


def accept(store: Store, session: str) -> None:
    """Record that a person accepts a day that waits: it is stored when it is read the same once
    more. Raise `WrongUsage` when it does not wait."""
    if not store.waiting.accept(session):
        waiting = ", ".join(each["_id"] for each in store.waiting.all()) or "none"
        raise WrongUsage(
            f"--accept {session}: that session does not wait. Those that do: {waiting}."
        )
    log.info("%s is accepted as it was read.", session)


def _odd_day(session: str, remarks: Sequence[str], is_stored: bool) -> OddDay:
    state = "as it was read now, and stays as it is stored" if is_stored else "and not stored yet"
    return OddDay(
        f"{session} is odd {state}. {' '.join(remarks)} It is stored when a reading after the next "
        f"checkpoint says the same. daily_update.py --accept {session} stores it at once.",
        session,
    )


def closes_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of tickers and closes, which stay the same from the first checkpoint on
    while volumes still grow."""
    rows = zip(frame["ticker"], frame["close"].tolist(), strict=True)
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def is_checkpoint_between(first: datetime, second: datetime) -> bool:
    """Return whether a checkpoint of any day, that of a session or not, has passed between two
    moments: what was read before it and after it are two readings that tell something."""
    day, last = first.astimezone(KST).date() - timedelta(days=1), second.astimezone(KST).date()
    while day <= last:
        if any(first < moment <= second for moment in checkpoints(day.isoformat())):
            return True
        day += timedelta(days=1)
    return False

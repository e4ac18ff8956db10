"""Odd days: they wait until something confirms them, and are stored with a remark then."""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import NamedTuple

import pandas as pd

from collectors.exchange.sources import Sources
from collectors.rules.judgement import Extents, extents_of, is_within, judge
from collectors.rules.market_rules import Oddity
from utils.clock import KST
from utils.date_utils import checkpoints
from utils.errors import OddDay, SourceError, WrongUsage
from utils.market_day import MarketDay
from utils.store import Store
from utils.store.backend import Document

log = logging.getLogger(__name__)


class Stored(NamedTuple):
    """Session as it is stored, to compare an odd reading of it with."""

    digest: str
    """See `lasting_digest`."""
    oddities: Extents
    """What is odd about it as it is stored."""


class OddDays:
    """Decision about a day that is odd: it waits, or it is accepted."""

    def __init__(self, sources: Sources, store: Store) -> None:
        self._sources, self._waiting = sources, store.waiting

    def accepted(
        self,
        day: MarketDay,
        found: Sequence[Oddity],
        stored: Stored | None,
        previous: MarketDay | None,
    ) -> MarketDay:
        """Return the day with the remarks with which it is stored.

        It is accepted when it is stored with the same closes and is odd there in the same way, when
        an earlier reading that counts said the same (`_counts`), when a person has said so, or when
        the other source says the same. Else it waits.

        Args:
            stored: the session as it is stored; None when it is not, or damaged.
            previous: the session right before; None when it is not stored.
        Raises:
            OddDay: it waits.
        """
        remarks = tuple(f"{each.rule}: {each.text}." for each in found)
        digest, extents = lasting_digest(day.frame), extents_of(found)
        if stored is not None and stored.digest == digest and is_within(extents, stored.oddities):
            return replace(day, accepted=remarks)
        waiting = self._waiting.get(day.session)
        goes_on = waiting is not None and _says_the_same(waiting, digest, extents)
        why = self._why_accepted(day, waiting if goes_on else None, stored, previous)
        if why is None:
            documents = [asdict(each) for each in found]
            problem = _odd_day(day.session, remarks, is_stored=stored is not None)
            self._waiting.put(day.session, digest, documents, str(problem), day.read_utc, goes_on)
            raise problem
        log.warning("%s is odd and stored all the same: %s", day.session, why)
        return replace(day, accepted=remarks)

    def _why_accepted(
        self,
        day: MarketDay,
        waiting: Document | None,
        stored: Stored | None,
        previous: MarketDay | None,
    ) -> str | None:
        """Return why the day waits no longer; None when it does.

        Args:
            waiting: what said the same before.
        """
        if waiting is not None and waiting["accepted_utc"] is not None:
            return "it was accepted with --accept."
        if waiting is not None and _counts(waiting["first_read_utc"], day.read_utc, stored):
            return "a reading after a later checkpoint says the same."
        other = self._of_other_source(day)
        if other is not None and lasting_digest(other.frame) == lasting_digest(day.frame):
            seen = (judge(each, previous).oddities for each in (day, other))
            if len({frozenset(extents_of(found)) for found in seen}) == 1:
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
        return replace(
            day, frame=table.frame, set_aside=table.set_aside, source=other.source, names_of=""
        )


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
        f"checkpoint says the same. daily_update.py --accept {session} reads it at once and stores "
        "it when it says the same.",
        session,
    )


def lasting_digest(frame: pd.DataFrame) -> str:
    """Return the SHA-256 of what stays the same from the first checkpoint on, while volumes still
    grow: tickers, markets, closes and shares. Names are left out: sources may write one
    differently."""
    columns = [frame[name].tolist() for name in ("ticker", "market", "close", "shares")]
    return hashlib.sha256(repr(columns).encode()).hexdigest()


def _says_the_same(waiting: Document, digest: str, found: Extents) -> bool:
    known = {(each["rule"], each["market"]): each["count"] for each in waiting["oddities"]}
    return bool(waiting["digest"] == digest) and is_within(found, known)


def _counts(first: datetime, second: datetime, stored: Stored | None) -> bool:
    """Return whether two readings that say the same tell something: a checkpoint of any day has
    passed between them, and where they would replace what is stored, they are of two days."""
    days = [moment.astimezone(KST).date() for moment in (first, second)]
    return is_checkpoint_between(first, second) and (stored is None or days[0] < days[1])


def is_checkpoint_between(first: datetime, second: datetime) -> bool:
    """Return whether a checkpoint of any day, that of a session or not, has passed between two
    moments: what was read before it and after it are two readings that tell something."""
    day, last = first.astimezone(KST).date() - timedelta(days=1), second.astimezone(KST).date()
    while day <= last:
        if any(first < moment <= second for moment in checkpoints(day.isoformat())):
            return True
        day += timedelta(days=1)
    return False

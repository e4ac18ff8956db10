"""Stored sessions in their order: reading one and its neighbours, writing one, the factors between
two."""

import logging
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from collectors.rules.corporate_actions import Actions
from collectors.rules.factors import actions_between
from utils.date_utils import TradingCalendar, neighbours
from utils.errors import Damaged
from utils.market_day import ANALYSED_COLUMNS, DAY_COLUMNS, MarketDay, differing_tickers
from utils.store import Store
from utils.store.backend import Document
from utils.store.sessions import SessionHead

log = logging.getLogger(__name__)


class StoredSessions:
    """Sessions that are stored, in the order of the calendar. As long as it is used nothing else
    writes sessions.

    Args:
        calendar: what is known of the days so far; whoever learns more replaces it.
    """

    def __init__(self, store: Store, calendar: TradingCalendar) -> None:
        self.store, self.calendar = store, calendar
        # Kept in step with what is saved here.
        self._sessions = [head.session for head in store.sessions.heads()]

    def __contains__(self, session: str) -> bool:
        position = bisect_left(self._sessions, session)
        return self._sessions[position : position + 1] == [session]

    def between(self, first: str, last: str) -> list[str]:
        """Return those from first to last, both inclusive, oldest first."""
        return [each for each in self._sessions if first <= each <= last]

    def around(self, day: str, count: int) -> list[str]:
        """Return at most `count` of them before the day, the day itself, and as many after it,
        oldest first."""
        position = bisect_left(self._sessions, day)
        return self._sessions[max(position - count, 0) : position + count + 1]

    def neighbours(self, day: str) -> tuple[str | None, str | None]:
        """Return the nearest stored session before the day, and the nearest one after it."""
        return neighbours(day, self._sessions)

    def load(self, session: str) -> MarketDay:
        """Return the stored session. Raises `Damaged`."""
        if (day := self.store.sessions.load(session)) is None:
            raise Damaged(
                f"Session {session} is listed but cannot be read. Check disk and database."
            )
        return day

    def readable(self, session: str) -> MarketDay | None:
        """Return the stored session; None when it is not stored or damaged. The damage is
        logged."""
        if session not in self:
            return None
        try:
            return self.load(session)
        except Damaged as damage:
            log.error("%s", damage)
            return None

    def previous_of(self, session: str) -> MarketDay | None:
        """Return the session right before; None when it is not stored or damaged: then factors
        cannot be known."""
        return self.readable(self.calendar.previous_session(session))

    def next_of(self, session: str) -> MarketDay | None:
        """Return the session right after, when it is stored and can be read."""
        _, next_stored = self.neighbours(session)
        if next_stored is None or self.calendar.previous_session(next_stored) != session:
            return None
        return self.readable(next_stored)

    def replace(self, day: MarketDay, actions: Actions, stored: MarketDay) -> SessionHead:
        """Store the day in place of what is stored of its session. Only tickers with other cells
        that the analysis reads, or with another corporate action, are analysed again."""
        changed = set(differing_tickers(stored.frame, day.frame, ANALYSED_COLUMNS))
        before = self.store.sessions.actions(day.session, day.session)
        changed |= {ticker for ticker, *_ in _adjusting(before) ^ _adjusting(actions.documents())}
        return self.save(day, actions, sorted(changed))

    def save(self, day: MarketDay, actions: Actions, changed: list[str] | None) -> SessionHead:
        """Store the day with its factors and corporate actions, and have analysed again what that
        changes. It is opened before, because afterwards nobody could tell what had changed; and
        after, because an analysis of the old data may have been marked in between.

        Args:
            changed: tickers to analyse again; None when the session is new or was damaged, so that
                anything may have changed.
        """
        _, next_stored = self.neighbours(day.session)
        is_new = changed is None and next_stored is None and day.session not in self
        if is_new or changed == []:
            return self._write(day, actions)
        previous_session = self.calendar.previous_session(day.session)
        self.store.targets.reopen(day.session, previous_session, changed)
        head = self._write(day, actions)
        self.store.targets.reopen(day.session, previous_session, changed)
        return head

    def _write(self, day: MarketDay, actions: Actions) -> SessionHead:
        """Write the day, and check that it reads back."""
        whole = replace(day, frame=day.frame.assign(factor=actions.factor)[list(DAY_COLUMNS)])
        head = self.store.sessions.save(whole, actions.documents())
        if self.load(day.session).digest() != head.digest:
            raise Damaged(
                f"Session {day.session} does not read back as it was written. "
                "Check disk and database."
            )
        if day.session not in self:
            insort(self._sessions, day.session)
        return head

    def refind_factors(self, session: str) -> None:
        """Find the factors and corporate actions of a stored session anew in what is stored, and
        have analysed again what they change. Raises `Damaged`."""
        day = self.load(session)
        self._save_factors(day, self._find_actions(day))

    def forget_factors_after_holes(self, first: str, last: str) -> None:
        """Make the factors unknown where the session right before is missing, until it is there
        again."""
        for session in self.between(first, last):
            if self.calendar.previous_session(session) not in self:
                self._refind_if_other(session)

    def refind_factors_after(self, day: str) -> None:
        """Find the factors of the next stored session anew. What was learned of the day decides
        whether they can be known."""
        _, next_stored = self.neighbours(day)
        if next_stored is not None:
            self._refind_if_other(next_stored)

    def _refind_if_other(self, session: str) -> None:
        if (stored := self.readable(session)) is None:
            return
        actions = self._find_actions(stored)
        if not np.array_equal(stored.frame["factor"], actions.factor, equal_nan=True):
            self._save_factors(stored, actions)

    def _find_actions(self, day: MarketDay) -> Actions:
        """Compare the day with the session right before it. Without that one every factor is
        unknown."""
        return actions_between(self.previous_of(day.session), day)

    def _save_factors(self, day: MarketDay, actions: Actions) -> None:
        self.save(day, actions, _with_other_factor(day.frame, actions))


def _adjusting(actions: Sequence[Document]) -> set[tuple[str, *tuple[object, ...]]]:
    """Return the ticker of each corporate action and what it makes of earlier prices and
    volumes."""
    names = ("kind", "factor", "shares_before", "shares_after")
    return {(action["ticker"], *(action[name] for name in names)) for action in actions}


def _with_other_factor(stored: pd.DataFrame, actions: Actions) -> list[str]:
    """Return the tickers whose prices are adjusted otherwise than as stored. A factor that is not
    known counts as 1."""
    differs = np.nan_to_num(stored["factor"], nan=1.0) != np.nan_to_num(actions.factor, nan=1.0)
    return list(stored.loc[differs, "ticker"])

"""Rules over what the sessions hold, in one pass: no more than a session and the one before it are
in memory."""

from contextlib import suppress
from itertools import pairwise

import numpy as np
import pandas as pd

from collectors.rules.factors import actions_between
from collectors.rules.integrity import (
    LEAST_SHARE_OF_BASES,
    LEAST_SHARE_OF_TICKERS,
    broken_cap,
    broken_order,
    lacks_many_tickers_of,
    share_of_continued_bases,
)
from collectors.upkeep.audit.findings import (
    BASE_PRICE,
    DIGEST,
    FACTOR,
    FEW_TICKERS,
    MARKET_CAP,
    ORDER,
    Finding,
)
from utils.date_utils import TradingCalendar
from utils.errors import Damaged
from utils.market_day import MarketDay, rules_of
from utils.progress import progress_bar
from utils.store import Store
from utils.store.sessions import SessionHead

_ABOUT_TICKERS = {"gone", "new", "lost", "set_aside"}
"""Rules of odd days about tickers that come and go: what was accepted by them is no finding."""


def audit_cells(store: Store, calendar: TradingCalendar, first: str, last: str) -> list[Finding]:
    """Return the findings about the sessions stored from first to last, both inclusive. Their
    neighbours are read too: they tell whether the first and the last fit."""
    heads = _with_neighbours(store.sessions.heads(), first, last)
    walk = _Walk(store, calendar)
    walk.over(heads)
    found = [*_few_tickers(heads, calendar), *walk.findings, *walk.with_another_days_answer()]
    return [each for each in found if each.session and first <= each.session <= last]


def _with_neighbours(heads: list[SessionHead], first: str, last: str) -> list[SessionHead]:
    before = [head for head in heads if head.session < first][-1:]
    after = [head for head in heads if head.session > last][:1]
    return [*before, *(head for head in heads if first <= head.session <= last), *after]


def _few_tickers(heads: list[SessionHead], calendar: TradingCalendar) -> list[Finding]:
    """Find sessions with far fewer tickers than the one before or the one after: the first stored
    session has none before it. Where the later one was accepted as odd, that is known."""
    found: dict[str, Finding] = {}
    for before, head in pairwise(heads):
        short, other = sorted((before, head), key=lambda each: each.count)
        is_known = _ABOUT_TICKERS & rules_of(head.accepted)
        few = not is_known and short.count < LEAST_SHARE_OF_TICKERS * other.count
        if few and calendar.previous_session(head.session) == before.session:
            message = f"only {short.count:,} tickers, and {other.count:,} in {other.session}"
            found[short.session] = Finding(FEW_TICKERS, message, short.session)
    return list(found.values())


class _Walk:
    """Walk over the sessions, oldest first. A session that cannot be read is a finding and is
    passed over."""

    def __init__(self, store: Store, calendar: TradingCalendar) -> None:
        self._store, self._calendar = store, calendar
        self._continued: dict[tuple[str, str], float] = {}
        self.findings: list[Finding] = []

    def over(self, heads: list[SessionHead]) -> None:
        previous: MarketDay | None = None
        with progress_bar("Auditing sessions", len(heads)) as advance:
            for head in heads:
                day = self._read(head)
                if day is not None:
                    self._examine(day)
                    self._check_further(head)
                    before = self._calendar.previous_session(day.session)
                    if previous is not None and previous.session == before:
                        self._compare(previous, day)
                previous = day
                advance(1)

    def with_another_days_answer(self) -> list[Finding]:
        """Return the sessions whose base prices are not the closes before them: probably another
        day's answer. Of two such neighbours, the one that fits its other neighbour is right."""
        fitting = {
            each
            for pair, share in self._continued.items()
            if share >= LEAST_SHARE_OF_BASES
            for each in pair
        }
        found: dict[str, Finding] = {}
        for (before, session), share in self._continued.items():
            if share < LEAST_SHARE_OF_BASES:
                message = (
                    f"probably another day's answer: only {share:.0%} of the base prices of "
                    f"{session} are the closes of {before}"
                )
                suspects = [each for each in (before, session) if each not in fitting] or [session]
                found |= {each: Finding(BASE_PRICE, message, each) for each in suspects}
        return list(found.values())

    def _read(self, head: SessionHead) -> MarketDay | None:
        day = self._load(head.session)
        if day is None or len(day.frame) != head.count:
            self._add(DIGEST, head.session, "damaged: what is stored is not what was saved")
            return None
        return day

    def _load(self, session: str) -> MarketDay | None:
        """Return None when the session is damaged, also at a second look: a run may have replaced
        it in the middle of the first."""
        for _ in range(2):
            with suppress(Damaged):
                return self._store.sessions.load(session)
        return None

    def _check_further(self, head: SessionHead) -> None:
        """Find further columns that are damaged, also at a second look."""
        damage: Damaged | None = None
        for _ in range(2 if head.further else 0):
            try:
                self._store.sessions.further(head.session)
                return
            except Damaged as problem:
                damage = problem
        if damage is not None:
            self._add(DIGEST, head.session, str(damage))

    def _examine(self, day: MarketDay) -> None:
        for rule, what, broken in (
            (ORDER, "low <= open, close <= high is broken", broken_order(day.frame, day.session)),
            (MARKET_CAP, "market cap is not close x shares", broken_cap(day.frame)),
        ):
            if broken.any():
                self._add(rule, day.session, f"{what} in {_some(day.frame, broken)}")

    def _compare(self, previous: MarketDay, day: MarketDay) -> None:
        share = share_of_continued_bases(day.frame, previous.frame)
        if "base_price" not in rules_of(day.accepted):
            self._continued[previous.session, day.session] = share
        # Next to a session that is wrong itself nothing can be said of factors.
        if share >= LEAST_SHARE_OF_BASES and not lacks_many_tickers_of(previous.frame, day.frame):
            self._check_factors(previous, day)

    def _check_factors(self, previous: MarketDay, day: MarketDay) -> None:
        session, stored = day.session, day.frame["factor"].to_numpy()
        actions = actions_between(previous, day)
        unknown = np.isnan(stored) & ~np.isnan(actions.factor)
        wrong = ~unknown & (np.nan_to_num(stored) != np.nan_to_num(actions.factor))
        if unknown.any():
            tickers = _some(day.frame, unknown)
            message = f"unknown for {tickers}, although {previous.session} is stored"
            self._add(FACTOR, session, message)
        elif wrong.any():
            tickers = _some(day.frame, wrong)
            self._add(FACTOR, session, f"not what the base prices say for {tickers}")
        elif self._stored_actions(session) != {each["_id"]: each for each in actions.documents()}:
            message = "its corporate actions are not those that the base prices say"
            self._add(FACTOR, session, message)

    def _stored_actions(self, session: str) -> dict[str, dict[str, object]]:
        return {each["_id"]: each for each in self._store.sessions.actions(session, session)}

    def _add(self, rule: str, session: str, message: str) -> None:
        self.findings.append(Finding(rule, message, session))


def _some(frame: pd.DataFrame, rows: np.ndarray) -> str:
    first, *others = frame.loc[rows, "ticker"]
    return f"{len(others) + 1} tickers, first {first}" if others else str(first)

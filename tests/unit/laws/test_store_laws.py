"""Laws of the store: whatever is done to it in whatever order, it is as a notebook kept next to it
says."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.fakes import FakeClock, read_at, row
from tests.unit.laws.strategies import PROFILE, frame_of, published_days
from utils.clock import kst
from utils.market_day import FINAL, PROVISIONAL, MarketDay
from utils.store import Store
from utils.store.base import Identity
from utils.store.sqlite import SqliteBackend
from utils.store.targets import CLAIM_LEASE, RETRY_LEASE

YESTERDAY, TODAY = "2024-01-19", "2024-01-22"
CAPS = {"0001A0": 20, "005930": 500, "035720": 20}
Stores = dict[str, Store]
workers = st.sampled_from(["a", "b"])
moments_later = st.sampled_from(
    [timedelta(0), timedelta(seconds=1), CLAIM_LEASE.length, RETRY_LEASE.length]
)


@pytest.fixture
def stores(tmp_path: Path, clock: FakeClock) -> Iterator[Stores]:
    """Two processes, here called a and b, on one embedded database, with one clock."""
    opened = {
        run: Store(SqliteBackend(tmp_path), clock, Identity(f"host-{run}", 4711, run))
        for run in ("a", "b")
    }
    yield opened
    for store in opened.values():
        store.close()


class TwoProcesses(RuleBasedStateMachine):
    """Two processes that begin with an empty database every time, for opening one takes longer than
    using it."""

    def __init__(self, stores: Stores, clock: FakeClock) -> None:
        super().__init__()
        self.stores, self.clock = stores, clock
        clock.set(kst(2024, 1, 22, 19))
        stores["a"].reset()


# The queue of targets


@dataclass(frozen=True)
class Line:
    """Line of the notebook about one target: the fields of its document that the queue changes."""

    attempts: int = 0
    last_analyzed_date: str | None = None
    retry_after_utc: datetime | None = None
    last_error: str | None = None
    claimed_by: str | None = None


class Queue(TwoProcesses):
    """Queue of two workers. `claims` is what each worker believes to hold, also when it is late:
    ticker -> the document it claimed."""

    def __init__(self, stores: Stores, clock: FakeClock) -> None:
        super().__init__(stores, clock)
        self.lines = dict.fromkeys(CAPS, Line())
        self.claims: dict[str, dict[str, dict[str, Any]]] = {"a": {}, "b": {}}
        common = {
            "name": "이름",
            "market": "KOSPI",
            "is_active": True,
            "added_date": YESTERDAY,
            "removed_date": None,
        }
        caps = {
            each: {"market_cap": cap, "corrected_market_cap": cap} for each, cap in CAPS.items()
        }
        targets = [{"_id": each, **caps[each], **common, **vars(Line())} for each in CAPS]
        self.stores["a"].targets.save(targets, {})

    def now(self) -> datetime:
        return self.clock.now_utc()

    def waiting(self) -> list[str]:
        """Return the targets that may be claimed, in order: tried least, stalest, largest."""
        free = [
            each
            for each, line in self.lines.items()
            if (line.retry_after_utc or self.now()) <= self.now()
        ]
        behind = [each for each in free if (self.lines[each].last_analyzed_date or "") < TODAY]
        return sorted(
            behind,
            key=lambda each: (
                self.lines[each].attempts,
                self.lines[each].last_analyzed_date or "",
                -CAPS[each],
                each,
            ),
        )

    def is_mine(self, run: str, ticker: str) -> bool:
        """Return whether the worker's claim is the last one, the only one that can be freed or
        failed."""
        line, claimed = self.lines[ticker], self.claims[run][ticker]
        return (line.claimed_by, line.attempts) == (claimed["claimed_by"], claimed["attempts"])

    @rule(run=workers, limit=st.integers(1, 3), later=moments_later)
    def claim(self, run: str, limit: int, later: timedelta) -> None:
        self.clock.advance(seconds=later.total_seconds())
        next_ones = self.waiting()[:limit]
        expected = [each for each in next_ones if not self.lines[each].attempts] or next_ones[:1]
        claimed = self.stores[run].targets.claim(TODAY, limit)
        assert [each["_id"] for each in claimed] == expected
        until, owner = self.now() + CLAIM_LEASE.length, self.stores[run].identity.owner
        for each in expected:
            tries = self.lines[each].attempts + 1
            self.lines[each] = replace(
                self.lines[each], attempts=tries, retry_after_utc=until, claimed_by=owner
            )
        self.claims[run] |= {each["_id"]: each for each in claimed}

    @precondition(lambda self: any(self.claims.values()))
    @rule(
        data=st.data(),
        done=st.sampled_from(["released", "failed", "analysed"]),
        later=moments_later,
    )
    def end_a_claim(self, data: st.DataObject, done: str, later: timedelta) -> None:
        self.clock.advance(seconds=later.total_seconds())
        run, ticker = data.draw(
            st.sampled_from([(run, each) for run, claims in self.claims.items() for each in claims])
        )
        mine, claimed, line = (
            self.is_mine(run, ticker),
            self.claims[run].pop(ticker),
            self.lines[ticker],
        )
        if done == "analysed":
            self.stores[run].results.save(TODAY, [{"_id": ticker, "session": TODAY}])
            if line.claimed_by in (
                claimed["claimed_by"],
                None,
            ):  # else another is at it now, and what it finds counts
                self.lines[ticker] = Line(last_analyzed_date=TODAY)
        elif done == "failed":
            self.stores[run].targets.fail(claimed, "no")
            failed = replace(
                line,
                retry_after_utc=self.now() + RETRY_LEASE.length,
                last_error="no",
                claimed_by=None,
            )
            self.lines[ticker] = failed if mine else line
        else:
            self.stores[run].targets.release([claimed])
            free = replace(line, attempts=line.attempts - 1, retry_after_utc=None, claimed_by=None)
            self.lines[ticker] = free if mine else line

    @invariant()
    def the_queue_is_as_the_notebook_says(self) -> None:
        for store in self.stores.values():
            found = {
                each["_id"]: Line(**{name: each[name] for name in vars(Line())})
                for each in store.targets.all()
            }
            assert found == self.lines
            assert all(line.attempts >= 0 for line in found.values())

    @invariant()
    def nobody_holds_what_another_holds(self) -> None:
        held = [
            {each for each, claimed in claims.items() if claimed["retry_after_utc"] > self.now()}
            for claims in self.claims.values()
        ]
        assert not held[0] & held[1]

    def teardown(self) -> None:
        self.clock.advance(hours=1)
        behind = [each for each, line in self.lines.items() if line.last_analyzed_date is None]
        claims = (
            self.stores["a"].targets.claim(TODAY, len(CAPS)) for _ in CAPS
        )  # those tried before, one by one
        assert sorted(each["_id"] for claim in claims for each in claim) == sorted(behind)


def test_two_workers_never_hold_the_same_target_and_lose_none(
    stores: Stores, clock: FakeClock
) -> None:
    run_state_machine_as_test(
        partial(Queue, stores, clock),
        settings=settings(PROFILE, max_examples=18, stateful_step_count=20),
    )


# Whole sessions


@dataclass(frozen=True)
class Kept:
    """Line of the notebook about one session."""

    day: MarketDay
    revision: int
    collected: datetime
    confirmed: datetime | None
    actions: list[str]


class Shelf(TwoProcesses):
    def __init__(self, stores: Stores, clock: FakeClock) -> None:
        super().__init__(stores, clock)
        self.kept: dict[str, Kept] = {}

    @rule(
        run=workers,
        session=st.sampled_from([YESTERDAY, TODAY]),
        day=st.none() | published_days(),
        finality=st.sampled_from([PROVISIONAL, FINAL]),
        acting=st.integers(0, 3),
    )
    def save(
        self, run: str, session: str, day: MarketDay | None, finality: str, acting: int
    ) -> None:
        """Other cells, or the same once more where there are some; a minute later than the save
        before."""
        self.clock.advance(minutes=1)
        before, now = self.kept.get(session), read_at(session, finality)
        if before is not None and day is None:
            frame = before.day.frame
        else:
            frame = frame_of([row("005930")]) if day is None else day.frame
        day = MarketDay(session, frame, now, "pykrx")
        same = before is not None and before.day.frame.drop(columns="factor").equals(
            frame.drop(columns="factor")
        )
        actions = [f"{ticker}:{session}" for ticker in frame["ticker"][:acting]]
        self.stores[run].sessions.save(
            day, [{"_id": each, "ticker": each[:6], "session": session} for each in actions]
        )
        confirmed = (before.confirmed if before is not None and same else None) or now
        self.kept[session] = Kept(
            day=day,
            revision=1 if before is None else before.revision + (not same),
            collected=before.collected if before is not None and same else now,
            confirmed=confirmed if finality == FINAL else None,
            actions=actions,
        )

    @invariant()
    def every_process_reads_what_was_saved_last(self) -> None:
        for store in self.stores.values():
            heads = {
                head.session: (
                    head.finality,
                    head.read_utc,
                    head.revision,
                    head.collected_utc,
                    head.confirmed_utc,
                )
                for head in store.sessions.heads()
            }
            assert heads == {
                session: (
                    kept.day.finality,
                    kept.day.read_utc,
                    kept.revision,
                    kept.collected,
                    kept.confirmed,
                )
                for session, kept in self.kept.items()
            }
            assert list(heads) == sorted(heads)
            for session, kept in self.kept.items():
                loaded = store.sessions.load(session)
                assert loaded is not None
                assert loaded.frame.equals(kept.day.frame)

    @invariant()
    def every_session_has_its_own_actions(self) -> None:
        found = [
            each["_id"] for each in self.stores["b"].backend.find("stock_data.corporate_actions")
        ]
        assert found == sorted(each for kept in self.kept.values() for each in kept.actions)


def test_a_session_reads_back_as_it_was_saved_last_with_its_history(
    stores: Stores, clock: FakeClock
) -> None:
    run_state_machine_as_test(
        partial(Shelf, stores, clock),
        settings=settings(PROFILE, max_examples=9, stateful_step_count=6),
    )

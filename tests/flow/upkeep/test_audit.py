"""The audit finds each kind of damage and nothing else; a normal night at any hour is no finding; a
repair corrects it.

The scripts' own steps run here on a small market, without HTTP and with a clock that is set.
"""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import daily_update
import hourly_analysis
from collectors.collection.update import DailyUpdate
from collectors.exchange.sources import Sources
from collectors.rules.corporate_actions import find_actions
from collectors.upkeep.audit import Audit, audit_sessions, show_audit
from collectors.upkeep.audit.cells import audit_cells
from collectors.upkeep.audit.findings import RULES
from sandbox import answers
from sandbox.publication import phase_of, shown
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.date_utils import TradingCalendar, is_final
from utils.errors import MalformedAnswer, NotNow, NotPublished, StoreError
from utils.market_day import DAY_COLUMNS, PROVISIONAL
from utils.run import Run
from utils.settings import PROJECT, load_settings
from utils.store import Store
from utils.store.base import Identity
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS, MANUAL_SETUP
from utils.store.locks import COLLECTION
from utils.store.schema import (
    ACTIONS,
    CALENDAR,
    INDICATORS,
    INDICES,
    JOBS,
    LOCKS,
    SESSIONS,
    TARGETS,
)
from utils.store.sqlite import FILE_NAME, SqliteBackend

SCOPE = {"min_market_cap": 100_000_000_000, "markets": ["KOSPI", "KOSDAQ"]}
FIRST, SECOND, MIDDLE, SETUP, LAST = (
    "2026-07-30",
    "2026-07-31",
    "2026-08-05",
    "2026-08-06",
    "2026-08-11",
)
"""A ticker comes back from a capital reduction in the second."""
EVENINGS = [SETUP, "2026-08-07", "2026-08-10", "2026-08-11"]
NOON = kst(2026, 8, 12, 12)
MONDAY = "2024-01-22"


class Market:
    """The synthetic market as a `Source`, without a server: what it shows depends on the clock."""

    name = "pykrx"

    def __init__(self, clock: FakeClock, market: SyntheticMarket, same_evening: bool) -> None:
        self._clock, self._market, self._same_evening = clock, market, same_evening

    def shows(self, session: str, now: datetime) -> bool:
        return session <= now.date().isoformat() if self._same_evening else is_final(session, now)

    def fetch_day(self, session: str) -> pd.DataFrame:
        now = self._clock.now_kst()
        if not phase_of(self._market, session, now).has_numbers:
            raise NotPublished(f"The exchange shows no prices for {session}.")
        return pd.DataFrame(answers.day_rows(shown(self._market, session, now)))

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        now = self._clock.now_kst()
        days = [each for each in self._market.sessions if first <= each <= last]
        return [
            each
            for each in days
            if phase_of(self._market, each, now).has_numbers and self.shows(each, now)
        ]

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        day = shown(self._market, session, self._clock.now_kst())
        if name == "foreign":
            return pd.DataFrame(answers.holding_rows(self._market.holdings(day)))
        return pd.DataFrame(answers.fundamental_rows(self._market.fundamentals(day)))

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        series = self._market.index({"KOSPI": "STK", "KOSDAQ": "KSQ"}[index])
        shown_days = self.fetch_sessions(first, last, {})
        positions = [position for position, day in enumerate(series.sessions) if day in shown_days]
        return pd.DataFrame(answers.index_rows(series, positions))


@dataclass
class StoreUnderTest:
    """Store in a folder, and the scripts' work over it without HTTP."""

    folder: Path
    clock: FakeClock
    store: Store
    source: Market
    key: str | None = None
    """Key of the Open API. With it and without an account, a session can be had from the next
    morning on only."""

    @property
    def run(self) -> Run:
        account = {
            "krx_id": "id",
            "krx_pw": "pw",
            "datasets": "prices,fundamentals,foreign,indices",
        }
        options = account if self.key is None else {"krx_openapi_key": self.key}
        return Run(load_settings(options, self.folder / "no.env"), self.clock, self.store)

    def evening(self) -> None:
        """Run `daily_update.py`."""
        with sources_of(self):
            daily_update.update(self.run, DailyUpdate(self.run, None, None))

    def hour(self) -> None:
        """Run `hourly_analysis.py`."""
        hourly_analysis.work(self.run, hourly_analysis.parse([]))

    def audit(self, first: str | None = None, last: str | None = None) -> Audit:
        return daily_update.audit_all(self.run, DailyUpdate(self.run, first, last))

    def repair(self) -> int:
        with sources_of(self), self.store.locks.hold(COLLECTION):
            return daily_update.repair_findings(self.run, DailyUpdate(self.run, None, None))

    def frame(self, session: str) -> pd.DataFrame:
        day = self.store.sessions.load(session)
        assert day is not None
        return day.frame

    def rewrite(self, session: str, frame: pd.DataFrame) -> None:
        """Store other cells, as if they had been what was saved."""
        day = self.store.sessions.load(session)
        assert day is not None
        self.store.sessions.save(
            replace(day, frame=frame), self.store.sessions.actions(session, session)
        )

    def change(self, collection: str, key: str, **fields: object) -> None:
        assert self.store.backend.update(collection, {"_id": key}, fields) == 1

    def targets(self) -> list[str]:
        return [target["_id"] for target in self.store.targets.active()]


class sources_of:  # noqa: N801 - reads as what it is: `with sources_of(tested)`
    def __init__(self, tested: StoreUnderTest) -> None:
        self._tested, self._patch = tested, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        tested = self._tested
        for_datasets = [tested.source] if tested.key is None else []
        sources = Sources(
            [tested.source], [tested.source], tested.clock, tested.clock.sleep, for_datasets
        )
        self._patch.setattr("collectors.collection.update.make_sources", lambda *_: sources)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def open_store(
    folder: Path, now: datetime, market: SyntheticMarket, key: str | None = None
) -> StoreUnderTest:
    clock = FakeClock(now)
    return StoreUnderTest(
        folder, clock, Store(SqliteBackend(folder), clock), Market(clock, market, key is None), key
    )


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture(scope="module")
def whole(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation after four evenings and the analyses of their nights."""
    folder = tmp_path_factory.mktemp("whole")
    tested = open_store(folder, NOON, market)
    tested.store.scope.save(**SCOPE, first_session=FIRST)
    for evening in EVENINGS:
        tested.clock.set(at(evening, 19))
        tested.evening()
        tested.clock.advance(minutes=10)
        tested.hour()
    tested.store.close()
    return folder


@pytest.fixture
def tested(whole: Path, market: SyntheticMarket, tmp_path: Path) -> Iterator[StoreUnderTest]:
    """A copy of it, at noon after the last night."""
    shutil.copytree(whole, tmp_path / "data")
    tested = open_store(tmp_path / "data", NOON, market)
    yield tested
    tested.store.close()


def at(day: str, hour: int, minute: int = 0) -> datetime:
    return kst(*map(int, day.split("-")), hour, minute)


def told(audit: Audit) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.session or finding.ticker) for finding in audit.findings]


@dataclass(frozen=True)
class Walk:
    """Normal days, from an evening's setup to a noon, audited every hour."""

    first: str
    setup: str
    noon: str
    key: str | None


FROM_THURSDAY_TO_TUESDAY = ("2026-08-04", "2026-08-06", "2026-08-11")
WITH_A_HOLIDAY_NOBODY_PREDICTED_A_WEEKEND_AND_A_PREDICTED_ONE = (
    "2026-08-12",
    "2026-08-13",
    "2026-08-20",
)
WALKS = [
    Walk(*days, key)
    for days in (
        FROM_THURSDAY_TO_TUESDAY,
        WITH_A_HOLIDAY_NOBODY_PREDICTED_A_WEEKEND_AND_A_PREDICTED_ONE,
    )
    for key in (None, "key of the Open API")
]


@pytest.fixture(scope="module", params=WALKS, ids=lambda walk: f"{walk.setup}-{walk.key}")
def walked(
    request: pytest.FixtureRequest,
    market: SyntheticMarket,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Walk, StoreUnderTest, dict[datetime, Audit]]]:
    """The walk, the installation at its end, and the audit of every hour."""
    walk, audits = request.param, {}
    tested = open_store(tmp_path_factory.mktemp("walk"), at(walk.setup, 19), market, walk.key)
    tested.store.scope.save(**SCOPE, first_session=walk.first)
    while tested.clock.now_kst() < at(walk.noon, 12):
        now = tested.clock.now_kst()
        if now.hour == 19 and now.weekday() < 5:
            with suppress(NotPublished):
                tested.evening()
        tested.clock.advance(minutes=5)
        audits[now] = tested.audit()
        tested.clock.advance(minutes=5)
        if (now.hour >= 19 and now.weekday() < 5) or (now.hour <= 8 and 1 <= now.weekday() < 6):
            with suppress(NotNow):
                tested.hour()
        tested.clock.set(now + timedelta(hours=1))
    yield walk, tested, audits
    tested.store.close()


def test_nothing_is_wrong_at_any_hour_of_normal_days(
    walked: tuple[Walk, StoreUnderTest, dict[datetime, Audit]], market: SyntheticMarket
) -> None:
    walk, tested, audits = walked
    assert {now: audit.findings for now, audit in audits.items() if audit.findings} == {}
    assert len(audits) > 100
    last = "2026-08-10" if walk.noon == "2026-08-11" else "2026-08-19"
    end = last if walk.key else walk.noon
    expected = [each for each in market.sessions if walk.first <= each < end]
    assert [head.session for head in tested.store.sessions.heads()] == expected


def lose_a_session(tested: StoreUnderTest) -> None:
    tested.store.backend.delete(SESSIONS, {"_id": MIDDLE})


def keep_a_tenth_of_the_first(tested: StoreUnderTest) -> None:
    tested.rewrite(FIRST, tested.frame(FIRST).head(6))


def keep_nine_tenths_of_one(tested: StoreUnderTest) -> None:
    tested.rewrite(MIDDLE, tested.frame(MIDDLE).head(54))


def break_the_order(tested: StoreUnderTest) -> None:
    frame = tested.frame(MIDDLE)
    traded = frame.index[frame["low"] > 1][0]
    frame.loc[traded, "high"] = frame.loc[traded, "low"] - 1
    tested.rewrite(MIDDLE, frame)


def break_a_market_cap(tested: StoreUnderTest) -> None:
    frame = tested.frame(MIDDLE)
    frame.loc[3, "market_cap"] += 1
    tested.rewrite(MIDDLE, frame)


def another_days_answer(tested: StoreUnderTest, session: str = MIDDLE, other: str = SECOND) -> None:
    """The whole market of another day, with the factors that follow from it."""
    calendar = TradingCalendar(tested.store.calendar.observed())
    before = tested.store.sessions.load(calendar.previous_session(session))
    found = find_actions(None if before is None else before.frame, tested.frame(other), session)
    tested.rewrite(session, tested.frame(other).assign(factor=found.factor)[list(DAY_COLUMNS)])
    tested.store.backend.delete(ACTIONS, {"session": session})
    tested.store.backend.put(ACTIONS, found.documents())


def the_first_is_another_days_answer(tested: StoreUnderTest) -> None:
    another_days_answer(tested, FIRST, SETUP)


def the_second_repeats_the_first(tested: StoreUnderTest) -> None:
    another_days_answer(tested, SECOND, FIRST)


def forget_factors(tested: StoreUnderTest) -> None:
    tested.rewrite(MIDDLE, tested.frame(MIDDLE).assign(factor=np.nan))


def forget_one_factor(tested: StoreUnderTest) -> None:
    frame = tested.frame(LAST)
    frame.loc[7, "factor"] = np.nan
    tested.rewrite(LAST, frame)


def falsify_a_factor(tested: StoreUnderTest) -> None:
    frame = tested.frame(MIDDLE)
    frame.loc[7, "factor"] = 0.5
    tested.rewrite(MIDDLE, frame)


def invent_an_action(tested: StoreUnderTest) -> None:
    tested.store.backend.put(
        ACTIONS, [{"_id": f"005930:{MIDDLE}", "session": MIDDLE, "ticker": "005930"}]
    )


def lose_an_action(tested: StoreUnderTest) -> None:
    assert tested.store.backend.delete(ACTIONS, {"session": SECOND}) == 1


def damage_a_column(
    tested: StoreUnderTest,
    statement: str = "UPDATE session_columns SET data = zeroblob(length(data))",
) -> None:
    with sqlite3.connect(tested.folder / FILE_NAME) as connection:
        connection.execute(f"{statement} WHERE name = 'volume' AND session = ?", [MIDDLE])


def cut_a_column(tested: StoreUnderTest) -> None:
    damage_a_column(tested, "UPDATE session_columns SET data = substr(data, 1, 9)")


def drop_a_column(tested: StoreUnderTest) -> None:
    damage_a_column(tested, "DELETE FROM session_columns")


def drop_all_columns(tested: StoreUnderTest) -> None:
    with sqlite3.connect(tested.folder / FILE_NAME) as connection:
        connection.execute("DELETE FROM session_columns WHERE session = ?", [MIDDLE])


def miscount(tested: StoreUnderTest) -> None:
    tested.change(SESSIONS, MIDDLE, count=len(tested.frame(MIDDLE)) + 1)


def lose_fundamentals(tested: StoreUnderTest) -> None:
    head = tested.store.sessions.head(MIDDLE)
    assert head is not None
    tested.change(SESSIONS, MIDDLE, datasets={"foreign": asdict(head.datasets["foreign"])})


def damage_a_dataset(tested: StoreUnderTest) -> None:
    with sqlite3.connect(tested.folder / FILE_NAME) as connection:
        connection.execute(
            "DELETE FROM session_columns WHERE name = 'foreign_ratio' AND session = ?", [MIDDLE]
        )


def lose_an_index_day(tested: StoreUnderTest) -> None:
    tested.store.backend.delete(INDICES, {"_id": f"KOSDAQ:{SECOND}"})


def stay_provisional(tested: StoreUnderTest) -> None:
    tested.change(SESSIONS, MIDDLE, finality=PROVISIONAL, confirmed_utc=None)


def stay_provisional_by_record(tested: StoreUnderTest) -> None:
    tested.change(JOBS, f"{MIDDLE}_{DAILY_UPDATE}", finality=PROVISIONAL)


def lose_a_record(tested: StoreUnderTest) -> None:
    tested.store.jobs.forget(DAILY_UPDATE, [MIDDLE])


def kill_a_run(tested: StoreUnderTest) -> None:
    """Leave what a run leaves that was killed after it stored the session, before its record said
    so."""
    tested.change(JOBS, f"{LAST}_{DAILY_UPDATE}", status="running", end_time_utc=None)


def kill_a_setup(tested: StoreUnderTest) -> None:
    tested.clock.advance(minutes=-61)
    tested.store.jobs.start(MANUAL_SETUP, LAST)
    tested.clock.advance(minutes=61)


def leave_an_analysis_running(tested: StoreUnderTest) -> None:
    tested.change(JOBS, f"{SETUP}_{HOURLY_ANALYSIS}", status="running", end_time_utc=None)


def leave_targets_behind(tested: StoreUnderTest) -> None:
    """Two nights ago; one of them cannot be analysed."""
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    for ticker in tested.targets()[:2]:
        tested.change(TARGETS, ticker, last_analyzed_date="2026-08-07")
        tested.change(INDICATORS, ticker, session="2026-08-07")
    tested.change(TARGETS, tested.targets()[0], last_error="its closes are not positive")


def invent_a_target(tested: StoreUnderTest) -> None:
    ghost = tested.store.targets.active()[0] | {
        "_id": "999999",
        "ticker": "999999",
        "corrected_market_cap": 1,
    }
    tested.store.targets.save([ghost], {})


def falsify_a_target(tested: StoreUnderTest) -> None:
    tested.change(TARGETS, tested.targets()[2], name="x", market_cap=10**12)


def lose_a_target(tested: StoreUnderTest) -> None:
    tested.store.backend.delete(TARGETS, {"_id": tested.targets()[0]})


def switch_a_target_off(tested: StoreUnderTest) -> None:
    tested.change(TARGETS, tested.targets()[0], is_active=False)


def leave_a_lock(tested: StoreUnderTest, ended: timedelta = timedelta(minutes=61)) -> None:
    other = Store(SqliteBackend(tested.folder), tested.clock, Identity(run="gone"))
    with other.locks.hold("hourly_analysis@here"):
        (left,) = tested.store.locks.all()
    other.close()
    until = tested.clock.now_utc() - ended
    tested.store.backend.put(LOCKS, [left | {"expires_utc": until}])


LARGEST = "the largest"
DAMAGES: dict[Callable[[StoreUnderTest], None], list[tuple[str, str | None]]] = {
    lose_a_session: [("hole", MIDDLE)],
    keep_a_tenth_of_the_first: [("few_tickers", FIRST)],
    keep_nine_tenths_of_one: [("few_tickers", MIDDLE)],
    break_the_order: [("order", MIDDLE)],
    break_a_market_cap: [("market_cap", MIDDLE)],
    another_days_answer: [("base_price", MIDDLE)],
    the_first_is_another_days_answer: [("base_price", FIRST)],
    the_second_repeats_the_first: [("base_price", FIRST), ("base_price", SECOND)],
    forget_factors: [("factor", MIDDLE)],
    forget_one_factor: [("factor", LAST)],
    falsify_a_factor: [("factor", MIDDLE)],
    invent_an_action: [("factor", MIDDLE)],
    lose_an_action: [("factor", SECOND)],
    damage_a_column: [("digest", MIDDLE)],
    cut_a_column: [("digest", MIDDLE)],
    drop_a_column: [("digest", MIDDLE)],
    drop_all_columns: [("digest", MIDDLE)],
    miscount: [("digest", MIDDLE)],
    lose_fundamentals: [("dataset", MIDDLE)],
    damage_a_dataset: [("dataset", MIDDLE)],
    lose_an_index_day: [("dataset", SECOND)],
    stay_provisional: [("provisional", MIDDLE)],
    stay_provisional_by_record: [("provisional", MIDDLE)],
    lose_a_record: [("not_recorded", MIDDLE)],
    kill_a_run: [("not_recorded", LAST), ("stale_job", LAST)],
    kill_a_setup: [("stale_job", LAST)],
    leave_an_analysis_running: [("stale_job", SETUP)],
    invent_a_target: [("target_data", "999999")],
    falsify_a_target: [("target_data", LARGEST)],
    lose_a_target: [("target_data", LARGEST)],
    switch_a_target_off: [("target_data", LARGEST)],
    leave_a_lock: [("lock", None)],
}
each_damage = pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)


def test_a_whole_store_has_no_findings(tested: StoreUnderTest) -> None:
    assert tested.audit().findings == []


@each_damage
def test_exactly_the_damage_is_found(
    tested: StoreUnderTest, damage: Callable[[StoreUnderTest], None]
) -> None:
    largest = tested.targets()
    damage(tested)
    found = [
        (rule, LARGEST if subject in largest else subject) for rule, subject in told(tested.audit())
    ]
    assert found == DAMAGES[damage]


@each_damage
def test_it_is_repaired(tested: StoreUnderTest, damage: Callable[[StoreUnderTest], None]) -> None:
    before = contents(tested)
    damage(tested)
    assert tested.repair() == 0
    assert tested.audit().findings == []
    assert contents(tested) == before


def contents(tested: StoreUnderTest) -> dict[str, Any]:
    """Return everything but when and how often it was read."""
    store = tested.store
    heads = store.sessions.heads()
    factors = {head.session: list(tested.frame(head.session)["factor"].fillna(0)) for head in heads}
    targets = [
        (each["_id"], each["name"], each["market_cap"], each["is_active"])
        for each in store.targets.all()
    ]
    return {
        "sessions": {
            head.session: (head.digest, head.count) for head in heads[:-1]
        },  # the last may still change
        "factors": factors,
        "actions": store.sessions.actions(FIRST, LAST),
        "datasets": {head.session: head.datasets for head in heads[:-1]},
        "indices": store.indices.load(FIRST, EVENINGS[-2]),
        "targets": [target for target in targets if target[3]],
        "completed": sorted(
            job["date_kst"]
            for job in store.jobs.records(DAILY_UPDATE)
            if job["status"] == "completed"
        ),
    }


def test_targets_that_a_whole_night_left_out_are_named_with_their_error(
    tested: StoreUnderTest,
) -> None:
    leave_targets_behind(tested)
    behind = tested.audit().findings
    assert sorted(told(tested.audit())) == sorted(
        ("target_behind", ticker) for ticker in tested.targets()[:2]
    )
    assert {"not analysed since 2026-08-07" in finding.message for finding in behind} == {True}
    assert sorted(
        finding.message.endswith(": its closes are not positive") for finding in behind
    ) == [False, True]


def test_they_are_left_to_the_hourly_analysis(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    leave_targets_behind(tested)
    assert tested.repair() == 0
    assert "2 findings left to the hourly analysis" in capsys.readouterr().out
    tested.clock.set(at("2026-08-12", 19))
    tested.evening()
    tested.clock.advance(minutes=10)
    tested.hour()
    assert tested.audit().findings == []


def test_a_target_that_a_revision_opened_again_is_not_behind(tested: StoreUnderTest) -> None:
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    tested.store.targets.reopen(SECOND, FIRST)
    assert tested.audit().findings == []


def test_nobody_is_behind_a_session_that_came_too_late_for_its_night(
    tested: StoreUnderTest,
) -> None:
    tested.store.jobs.forget(HOURLY_ANALYSIS, ["2026-08-10"])
    for ticker in tested.targets():
        tested.change(TARGETS, ticker, last_analyzed_date="2026-08-07")
        tested.change(INDICATORS, ticker, session="2026-08-07")
    assert {rule for rule, _ in told(tested.audit())} == {"target_behind"}
    tested.change(JOBS, f"2026-08-10_{DAILY_UPDATE}", end_time_utc=at("2026-08-11", 8))
    assert tested.audit().findings == []


def somebody_at_work(tested: StoreUnderTest, expires: datetime) -> None:
    lock = {
        "_id": COLLECTION,
        "owner": "other:1:x",
        "host": "other",
        "pid": 1,
        "expires_utc": expires,
    }
    tested.store.backend.put(LOCKS, [lock])


@pytest.mark.parametrize(
    ("ended", "said"), [(61, "expired at"), (59, ""), (-5, ""), (-31, "by a wrong clock until")]
)
def test_a_lock_that_nobody_can_hold_is_found_and_cleared(
    tested: StoreUnderTest, ended: int, said: str
) -> None:
    leave_a_lock(tested, timedelta(minutes=ended))
    found = [each.message for each in tested.audit().findings]
    assert [said in message for message in found] == [True] * bool(said)
    assert tested.store.locks.clear(since=timedelta(hours=1)) == bool(said)


def test_what_a_run_is_just_doing_is_no_finding(tested: StoreUnderTest) -> None:
    for damage in (lose_a_session, kill_a_setup, falsify_a_target):
        damage(tested)
    tested.store.jobs.forget(DAILY_UPDATE, [SETUP])
    tested.change(SESSIONS, SECOND, finality=PROVISIONAL)
    rules = {"hole", "not_recorded", "provisional", "stale_job", "target_data"}
    assert {rule for rule, _ in told(tested.audit())} == rules
    somebody_at_work(tested, NOON + timedelta(minutes=1))
    assert (tested.audit().findings, tested.audit().awaited) == ([], [MIDDLE])


def test_while_a_run_is_at_work_the_verdict_says_so(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    lose_a_session(tested)
    somebody_at_work(tested, NOON + timedelta(minutes=1))
    show_audit(tested.audit(), as_json=False)
    assert capsys.readouterr().out.startswith("Another run is at work; so far nothing is wrong")


def test_a_killed_run_of_this_host_hides_nothing_although_its_lock_has_not_expired(
    tested: StoreUnderTest,
) -> None:
    lose_a_session(tested)
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = {
        "_id": COLLECTION,
        "host": tested.store.identity.host,
        "pid": dead.pid,
        "expires_utc": NOON + timedelta(minutes=1),
    }
    tested.store.backend.put(LOCKS, [lock | {"owner": "dead"}])
    assert told(tested.audit()) == [("hole", MIDDLE)]
    tested.store.backend.put(LOCKS, [lock | {"owner": "alive", "pid": os.getppid()}])
    assert tested.audit().findings == []


def test_a_run_that_showed_a_sign_of_life_within_the_hour_may_still_live(
    tested: StoreUnderTest,
) -> None:
    tested.clock.advance(minutes=-60)
    tested.store.jobs.start(MANUAL_SETUP, LAST)
    tested.clock.advance(minutes=60)
    assert tested.audit().findings == []
    tested.clock.advance(seconds=1)
    assert told(tested.audit()) == [("stale_job", LAST)]


def test_an_unfinished_analysis_is_given_up_by_the_next_nights_first_hour(
    tested: StoreUnderTest,
) -> None:
    tested.change(JOBS, f"{LAST}_{HOURLY_ANALYSIS}", status="running", end_time_utc=None)
    tested.clock.set(at("2026-08-12", 19))
    tested.evening()
    assert tested.audit().findings == []
    tested.clock.set(at("2026-08-12", 21))
    assert told(tested.audit()) == [("stale_job", LAST)]


def never_analysed(tested: StoreUnderTest, added: str) -> str:
    ticker = tested.targets()[0]
    tested.change(TARGETS, ticker, added_date=added, last_analyzed_date=None)
    tested.store.backend.delete(INDICATORS, {"_id": ticker})
    return ticker


def test_a_target_that_entered_after_its_night_had_finished_is_not_behind(
    tested: StoreUnderTest,
) -> None:
    """By the confirmation of its session, which may move a market cap."""
    ticker = never_analysed(tested, "2026-08-10")
    assert tested.audit().findings == []
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    assert told(tested.audit()) == [("target_behind", ticker)]


def test_a_target_that_entered_tonight_is_not_behind(tested: StoreUnderTest) -> None:
    tested.change(JOBS, f"2026-08-10_{HOURLY_ANALYSIS}", status="failed")
    never_analysed(tested, LAST)
    assert tested.audit().findings == []


def test_a_dead_runs_lock_hides_nothing(tested: StoreUnderTest) -> None:
    lose_a_session(tested)
    somebody_at_work(tested, NOON - timedelta(seconds=1))
    assert told(tested.audit()) == [("hole", MIDDLE)]


def test_a_clock_that_was_wrong_hides_nothing(tested: StoreUnderTest) -> None:
    lose_a_session(tested)
    kill_a_setup(tested)
    tested.change(JOBS, f"{LAST}_{MANUAL_SETUP}", heartbeat_utc=NOON + timedelta(days=1))
    somebody_at_work(tested, NOON + timedelta(days=1))
    assert told(tested.audit()) == [("hole", MIDDLE), ("stale_job", LAST), ("lock", None)]


def test_a_hole_says_at_once_why_the_evenings_run_failed(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = tested.source.fetch_day
    nothing = pd.DataFrame()
    monkeypatch.setattr(
        tested.source, "fetch_day", lambda day: nothing if day == "2026-08-12" else true(day)
    )
    tested.clock.set(at("2026-08-12", 19))
    with pytest.raises(MalformedAnswer) as error:
        tested.evening()
    (hole,) = tested.audit().findings
    assert str(hole) == f"2026-08-12: not stored; its last daily_update failed: {error.value}"


def test_an_evening_that_cron_missed_is_awaited_for_two_hours(tested: StoreUnderTest) -> None:
    tested.clock.set(at("2026-08-12", 20, 59))
    assert (tested.audit().findings, tested.audit().awaited) == ([], ["2026-08-12"])
    tested.clock.set(at("2026-08-12", 21))
    assert told(tested.audit()) == [
        ("hole", "2026-08-12"),
        ("provisional", LAST),
        ("dataset", LAST),
    ]


def test_a_day_without_prices_is_a_hole_once_the_exchange_shows_it_as_a_session(
    tested: StoreUnderTest,
) -> None:
    tested.store.jobs.start(DAILY_UPDATE, "2026-08-12")
    error = {"kind": "not_published", "message": "no prices"}
    tested.change(JOBS, f"2026-08-12_{DAILY_UPDATE}", status="failed", error=error)
    tested.clock.set(at("2026-08-12", 22))
    assert tested.audit().awaited == ["2026-08-12"]
    tested.store.calendar.record({"2026-08-12": True}, "index series")
    assert ("hole", "2026-08-12") in told(tested.audit())


def test_only_the_span_is_looked_at(tested: StoreUnderTest) -> None:
    lose_a_session(tested)
    falsify_a_target(tested)
    kill_a_setup(tested)
    narrow = tested.audit(SETUP, "2026-08-10")
    assert (narrow.findings, narrow.sessions) == ([], 3)
    up_to_today = tested.audit(SETUP, "2026-08-12")
    assert ([rule for rule, _ in told(up_to_today)], up_to_today.awaited) == (
        ["stale_job", "target_data"],
        [],
    ), "not due before six"
    assert told(tested.audit(MIDDLE, MIDDLE)) == [("hole", MIDDLE)]


def test_the_neighbours_of_a_span_tell_whether_its_ends_fit(tested: StoreUnderTest) -> None:
    keep_nine_tenths_of_one(tested)
    forget_factors(tested)
    assert told(tested.audit(MIDDLE, MIDDLE)) == [
        ("few_tickers", MIDDLE),
        ("factor", MIDDLE),
    ]
    keep_a_tenth_of_the_first(tested)
    assert told(tested.audit(FIRST, FIRST)) == [("few_tickers", FIRST)]


def test_a_loaded_history_has_to_be_whole(tested: StoreUnderTest) -> None:
    calendar = TradingCalendar(tested.store.calendar.observed())
    assert audit_sessions(tested.store, calendar, FIRST, LAST) == []
    lose_a_session(tested)
    break_the_order_of_another = tested.frame(SETUP)
    break_the_order_of_another.loc[0, "low"] = 10**9
    tested.rewrite(SETUP, break_the_order_of_another)
    found = audit_sessions(tested.store, calendar, FIRST, LAST)
    assert [(each.rule, each.session) for each in found] == [("hole", MIDDLE), ("order", SETUP)]


def test_a_database_that_stops_answering_is_no_damage_of_sessions(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def silent(*_: object) -> None:
        raise StoreError("MongoDB does not answer")

    monkeypatch.setattr(tested.store.sessions, "load", silent)
    monkeypatch.setattr(tested.store.sessions, "head", silent)
    with pytest.raises(StoreError, match="does not answer"):
        tested.audit()


def test_a_person_reads_it_by_rule_with_a_last_line(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    show_audit(tested.audit(), as_json=False)
    lose_a_session(tested)
    leave_targets_behind(tested)
    show_audit(tested.audit(), as_json=False)
    healthy, *lines = capsys.readouterr().out.splitlines()
    assert healthy == f"Nothing is wrong: 9 sessions, {len(tested.targets())} targets checked."
    assert lines[:4] == [
        "hole (1)",
        f"  {MIDDLE}: not stored; its daily_update is recorded as completed",
        "",
        "target_behind (2)",
    ]
    assert lines[-1] == (
        "3 findings. `daily_update.py --repair` repairs 1 of them. "
        "The hourly analysis catches up with the targets."
    )


def test_without_the_newest_session_nothing_can_be_said_of_targets(tested: StoreUnderTest) -> None:
    tested.store.backend.delete(SESSIONS, {"_id": LAST})
    assert told(tested.audit()) == [("hole", LAST)]
    assert tested.repair() == 0
    assert tested.audit().findings == []


def test_a_hole_that_turns_out_closed_is_none_any_more(tested: StoreUnderTest) -> None:
    """The 14th was a holiday that nobody had predicted, and nobody has asked since."""
    tested.clock.set(at("2026-08-18", 19))
    tested.evening()
    tested.store.backend.delete(CALENDAR, {"_id": "2026-08-14"})
    assert told(tested.audit()) == [("hole", "2026-08-14")]
    assert tested.repair() == 0
    assert tested.audit().findings == []
    assert tested.store.calendar.observed()["2026-08-14"] is False
    assert tested.store.jobs.get(DAILY_UPDATE, "2026-08-14") is None


def test_a_long_list_is_cut_on_the_screen_only(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]
) -> None:
    for ticker in tested.targets():
        tested.change(TARGETS, ticker, name="x")
    many = len(tested.targets())
    show_audit(tested.audit(), as_json=False)
    shown_lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ")]
    assert (len(shown_lines), shown_lines[-1]) == (
        21,
        f"  ... and {many - 20} more; --audit --json tells all",
    )
    show_audit(tested.audit(), as_json=True)
    assert len(json.loads(capsys.readouterr().out)) == many


def test_a_program_reads_json(tested: StoreUnderTest, capsys: pytest.CaptureFixture[str]) -> None:
    lose_a_record(tested)
    show_audit(tested.audit(), as_json=True)
    assert json.loads(capsys.readouterr().out) == [
        {
            "rule": "not_recorded",
            "message": "stored, but no daily_update of it is recorded",
            "session": MIDDLE,
            "ticker": None,
            "repairable": True,
        }
    ]


def test_a_repair_that_the_exchange_refuses_does_the_rest_and_says_what_is_left(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for damage in (lose_a_session, lose_an_action, falsify_a_target, kill_a_setup, leave_a_lock):
        damage(tested)
    monkeypatch.setattr(tested.source, "fetch_day", lambda session: pd.DataFrame())
    with pytest.raises(MalformedAnswer, match=MIDDLE):
        tested.repair()
    assert told(tested.audit()) == [("hole", MIDDLE)]
    assert "4 of 5 findings repaired. 1 finding left" in capsys.readouterr().out


def test_what_the_exchange_itself_shows_so_is_left_to_a_person(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some tickers of the first day are gone for good."""
    true = tested.source.fetch_day
    monkeypatch.setattr(
        tested.source, "fetch_day", lambda day: true(day)[: 57 if day == FIRST else None]
    )
    keep_a_tenth_of_the_first(tested)
    assert tested.repair() == 1
    assert told(tested.audit()) == [("few_tickers", FIRST)]
    assert "1 finding left: what the exchange still shows so" in capsys.readouterr().out


def test_a_session_that_only_waits_for_its_confirmation_keeps_its_record_when_that_fails(
    tested: StoreUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    stay_provisional(tested)
    monkeypatch.setattr(tested.source, "fetch_day", lambda session: pd.DataFrame())
    with pytest.raises(MalformedAnswer):
        tested.repair()
    assert tested.store.jobs.is_completed(DAILY_UPDATE, MIDDLE)
    damage_a_column(tested)
    with pytest.raises(MalformedAnswer):
        tested.repair()
    assert not tested.store.jobs.is_completed(DAILY_UPDATE, MIDDLE)


def test_a_repair_of_a_whole_store_asks_and_changes_nothing(
    tested: StoreUnderTest, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Market, "fetch_day")
    monkeypatch.delattr(Market, "fetch_sessions")
    before = contents(tested), tested.store.jobs.records(DAILY_UPDATE)
    assert tested.repair() == 0
    assert (contents(tested), tested.store.jobs.records(DAILY_UPDATE)) == before
    assert capsys.readouterr().out.startswith("Nothing was wrong. 9 sessions, ")


def test_every_rule_is_documented_and_no_other() -> None:
    page = (PROJECT / "docs/documents.md").read_text(encoding="utf-8")
    table = page.split("\n## Audit\n")[1].split("\n## ")[0].split("| rule |")[1]
    assert tuple(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == RULES


def test_every_rule_has_a_damage() -> None:
    assert {rule for told_rules in DAMAGES.values() for rule, _ in told_rules} == set(RULES) - {
        "target_behind"
    }


def test_sessions_that_are_not_neighbours_are_not_held_against_each_other(
    tmp_path: Path, clock: FakeClock
) -> None:
    """Over the years the market grows, and every price moves on."""
    store = Store(SqliteBackend(tmp_path), clock)
    store.sessions.save(market_day("2024-01-17", row("000010", 1000, factor=np.nan)))
    store.sessions.save(
        market_day(MONDAY, row("000010", 500, factor=np.nan), row("000020", factor=np.nan))
    )
    assert audit_cells(store, TradingCalendar(), "2024-01-01", MONDAY) == []
    closed_between = TradingCalendar({"2024-01-18": False, "2024-01-19": False})
    assert {each.rule for each in audit_cells(store, closed_between, "2024-01-01", MONDAY)} == {
        "few_tickers",
        "base_price",
    }

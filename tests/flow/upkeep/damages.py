"""Damages of a store, each with the findings that it makes."""

import sqlite3
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta

import numpy as np

from collectors.rules.corporate_actions import find_actions
from tests.flow.upkeep.store_under_test import FIRST, LAST, MIDDLE, SECOND, SETUP, StoreUnderTest
from utils.date_utils import TradingCalendar
from utils.market_day import DAY_COLUMNS, PROVISIONAL
from utils.store import Store
from utils.store.base import Identity
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS, MANUAL_SETUP
from utils.store.schema import (
    ACTIONS,
    INDICATORS,
    INDICES,
    JOBS,
    LOCKS,
    SESSIONS,
    TARGETS,
)
from utils.store.sqlite import FILE_NAME, SqliteBackend


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


def damage_a_document(
    tested: StoreUnderTest, collection: str = SESSIONS, key: str = MIDDLE
) -> None:
    """Change a document past the suite's own code."""
    with sqlite3.connect(tested.folder / FILE_NAME) as connection:
        changed = connection.execute(
            f"UPDATE \"{collection}\" SET body = json_set(body, '$.oddity', 1) WHERE _id = ?",  # noqa: S608
            [key],
        )
        assert changed.rowcount == 1


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
    damage_a_document: [("damaged", None)],
}

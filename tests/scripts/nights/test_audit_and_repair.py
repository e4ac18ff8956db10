"""`daily_update.py --audit` names every damage, `--repair` corrects it, against the exchange."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import daily_update
from tests.harness import Exchange, Installation
from utils.clock import kst
from utils.market_day import DAY_COLUMNS
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.locks import COLLECTION
from utils.store.schema import HEAD_FIELDS, JOBS, LOCKS, SESSIONS, TARGETS

SETUP, EVENING = kst(2026, 9, 7, 19), kst(2026, 9, 8, 19)
MORNING, NOON = kst(2026, 9, 9, 8, 2), kst(2026, 9, 9, 12)
FIRST = "2026-08-13"
ANOTHER_DAY, FACTOR, HOLE, DIGEST = "2026-08-20", "2026-08-24", "2026-08-26", "2026-08-28"
ORDER, MARKET_CAP, PROVISIONAL, NOT_RECORDED = (
    "2026-08-31",
    "2026-09-02",
    "2026-09-03",
    "2026-09-07",
)
AUDIT, REPAIR = ("daily_update", "--audit"), ("daily_update", "--repair")


def with_two_nights(installation: Installation) -> Installation:
    """A history from `FIRST` on, the evening after it, the nights of both, and a final reading."""
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "17")
    installation.analyse_night(SETUP)
    installation.must(EVENING, "daily_update")
    installation.analyse_night(EVENING)
    installation.must(MORNING, "daily_update")
    return installation


@pytest.fixture(scope="module")
def folder_of_two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with Exchange(SETUP) as exchange:
        return with_two_nights(Installation(exchange, tmp_path_factory.mktemp("nights"))).folder


@pytest.fixture
def nights(installation: Installation, folder_of_two_nights: Path) -> Installation:
    shutil.copytree(folder_of_two_nights / "data", installation.folder / "data")
    return installation


@pytest.fixture
def nights_over(installation_over: Installation) -> Installation:
    return with_two_nights(installation_over)


def findings(installation: Installation, *span: str) -> tuple[int, list[tuple[str, str | None]]]:
    """The exit code, and (rule, session or ticker) of each finding."""
    done = installation.run(NOON, *AUDIT, "--json", *span)
    return done.code, [
        (each["rule"], each["session"] or each["ticker"]) for each in json.loads(done.stdout)
    ]


def frame(store: Store, session: str) -> pd.DataFrame:
    day = store.sessions.load(session)
    assert day is not None
    return day.frame


def rewrite(store: Store, session: str, other: pd.DataFrame) -> None:
    day = store.sessions.load(session)
    assert day is not None
    store.sessions.save(replace(day, frame=other), store.sessions.actions(session, session))


def lose_a_session(store: Store) -> None:
    store.backend.delete(SESSIONS, {"_id": HOLE})


def keep_a_tenth_of_the_first(store: Store) -> None:
    rewrite(store, FIRST, frame(store, FIRST).head(6))


def store_another_days_answer(store: Store) -> None:
    rewrite(store, ANOTHER_DAY, frame(store, "2026-09-01"))


def forget_factors(store: Store) -> None:
    rewrite(store, FACTOR, frame(store, FACTOR).assign(factor=np.nan))


def damage_cells(store: Store) -> None:
    """Other volumes than those that the digest was made of."""
    head = store.backend.get(SESSIONS, DIGEST)
    assert head is not None
    ((_, columns),) = store.sessions.columns(DAY_COLUMNS, DIGEST, DIGEST)
    damaged = columns | {"volume": np.asarray(columns["volume"]) + 1}
    store.backend.put_session({name: head[name] for name in ("_id", *HEAD_FIELDS)}, damaged)


def break_the_order(store: Store) -> None:
    other = frame(store, ORDER)
    other.loc[0, ["open", "high", "low"]] = [5, 4, 3]
    rewrite(store, ORDER, other)


def break_a_market_cap(store: Store) -> None:
    other = frame(store, MARKET_CAP)
    other.loc[0, "market_cap"] += 1
    rewrite(store, MARKET_CAP, other)


def stay_provisional(store: Store) -> None:
    store.backend.update(
        SESSIONS, {"_id": PROVISIONAL}, {"finality": "provisional", "confirmed_utc": None}
    )


def lose_a_record(store: Store) -> None:
    store.jobs.forget(DAILY_UPDATE, [NOT_RECORDED])


def kill_a_setup(store: Store) -> None:
    """Leave a setup without a sign of life since the evening."""
    store.jobs.start("manual_setup", "2026-09-08")
    store.backend.update(JOBS, {"_id": "2026-09-08_manual_setup"}, {"heartbeat_utc": EVENING})


def falsify_a_target(store: Store) -> None:
    store.backend.update(TARGETS, {"_id": largest(store)}, {"market_cap": 1})


def leave_a_lock(store: Store) -> None:
    dead = {
        "_id": "hourly_analysis@gone",
        "owner": "gone:1:x",
        "host": "gone",
        "pid": 1,
        "expires_utc": EVENING,
    }
    store.backend.put(LOCKS, [dead])


def largest(store: Store) -> str:
    return str(store.targets.active()[0]["_id"])


DAMAGES: dict[Callable[[Store], None], tuple[str, str | None]] = {
    lose_a_session: ("hole", HOLE),
    keep_a_tenth_of_the_first: ("few_tickers", FIRST),
    damage_cells: ("digest", DIGEST),
    break_the_order: ("order", ORDER),
    break_a_market_cap: ("market_cap", MARKET_CAP),
    store_another_days_answer: ("base_price", ANOTHER_DAY),
    forget_factors: ("factor", FACTOR),
    stay_provisional: ("provisional", PROVISIONAL),
    lose_a_record: ("not_recorded", NOT_RECORDED),
    kill_a_setup: ("stale_job", "2026-09-08"),
    falsify_a_target: ("target_data", "the largest target"),
    leave_a_lock: ("lock", None),
}


def damage(
    installation: Installation, *damages: Callable[[Store], None]
) -> list[tuple[str, str | None]]:
    """Do these damages, and return what the audit has to find."""
    store = installation.store(NOON)
    name = largest(store)
    for each in damages:
        each(store)
    store.close()
    expected = [DAMAGES[each] for each in damages]
    return [
        (rule, name if subject == "the largest target" else subject) for rule, subject in expected
    ]


def contents(installation: Installation) -> dict[str, Any]:
    """Every session cell by cell, its factors and actions, and the targets."""
    store = installation.store(NOON)
    try:
        return {
            "digests": {head.session: head.digest for head in store.sessions.heads()},
            "factors": {
                head.session: list(frame(store, head.session)["factor"].fillna(0))
                for head in store.sessions.heads()
            },
            "actions": store.sessions.actions(FIRST, "2026-09-09"),
            "targets": [
                (each["_id"], each["market_cap"], each["is_active"]) for each in store.targets.all()
            ],
        }
    finally:
        store.close()


def test_every_damage_is_named_and_repaired(nights_over: Installation) -> None:
    whole = contents(nights_over)
    assert findings(nights_over) == (0, [])
    expected = damage(nights_over, *DAMAGES)
    assert findings(nights_over) == (1, expected)
    repaired = nights_over.must(NOON, *REPAIR)
    assert repaired.stdout.startswith("12 of 12 findings repaired. 18 sessions, ")
    assert findings(nights_over) == (0, [])
    assert contents(nights_over) == whole
    jobs = nights_over.read(NOON)["jobs"]
    assert {job["status"] for job in jobs.values()} == {"completed"}
    assert len(jobs) == 18


def test_what_a_repair_opened_again_is_analysed_in_the_next_night(nights: Installation) -> None:
    damage(nights, lose_a_session)
    nights.must(NOON, *REPAIR)
    assert {target["last_analyzed_date"] < HOLE for target in nights.read(NOON)["targets"]} == {
        True
    }
    nights.must(kst(2026, 9, 9, 19), "daily_update")
    nights.analyse_night(kst(2026, 9, 9, 19))
    assert {target["last_analyzed_date"] for target in nights.read(NOON)["targets"]} == {
        "2026-09-09"
    }


def test_an_audit_asks_and_writes_nothing_and_needs_no_lock(nights: Installation) -> None:
    damage(nights, falsify_a_target)
    nights.exchange.reset_counts()
    before = nights.read(NOON)
    store = nights.store(NOON)
    with store.locks.hold(COLLECTION):
        assert findings(nights) == (0, []), "somebody is at work, who refreshes the targets"
        assert nights.run(NOON, *REPAIR).code == 75
    store.close()
    shown = nights.run(NOON, *AUDIT)
    assert (shown.code, shown.stdout.splitlines()[0]) == (1, "target_data (1)")
    assert shown.stdout.endswith("1 finding. `daily_update.py --repair` repairs 1 of them.\n")
    assert (nights.read(NOON), nights.exchange.requests()) == (before, [])


def test_a_repair_asks_once_for_each_session_that_is_wrong(nights: Installation) -> None:
    damage(nights, damage_cells, break_the_order, forget_factors)
    nights.exchange.reset_counts()
    nights.must(NOON, *REPAIR)
    asked = [
        record.dates["trdDd"] for record in nights.exchange.requests() if "trdDd" in record.dates
    ]
    assert asked == [DIGEST.replace("-", ""), ORDER.replace("-", "")]


def test_without_a_login_what_needs_no_exchange_is_repaired(nights: Installation) -> None:
    damage(nights, lose_a_session, kill_a_setup, falsify_a_target, forget_factors, leave_a_lock)
    assert nights.run(NOON, *REPAIR, KRX_PW="wrong").code == 2
    assert findings(nights) == (1, [("hole", HOLE)])


def test_from_and_to_narrow_both(nights: Installation) -> None:
    damage(nights, lose_a_session, damage_cells)
    assert findings(nights, "--from", "2026-08-20", "--to", "2026-08-25") == (0, [])
    nights.must(NOON, *REPAIR, "--from", "2026-08-27")
    assert findings(nights) == (1, [("hole", HOLE)])


def test_before_setup_there_is_nothing_to_audit(installation: Installation) -> None:
    for command in (AUDIT, REPAIR):
        done = installation.run(NOON, *command)
        assert (done.code, "Run manual_setup.py first" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--repair", "--audit"], "--repair does not go with --audit"),
        (["--export", "x.csv", "--audit"], "--export does not go with --audit"),
        (["--repair", "--status"], "--status does not go with --repair"),
        (["--repair", "--dry-run"], "--dry-run does not go with --repair"),
        (["--repair", "--json"], "--json goes with --status or --audit"),
    ],
)
def test_what_makes_no_sense_together_is_refused(
    options: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        daily_update.parse(options)
    assert (refusal.value.code, said in capsys.readouterr().err) == (2, True)


def test_a_night_without_hourly_runs_is_named_and_the_next_one_catches_up(
    nights: Installation,
) -> None:
    for reading in (kst(2026, 9, 9, 19), kst(2026, 9, 10, 8, 2)):
        nights.must(reading, "daily_update")
    evening = kst(2026, 9, 10, 18, 30)
    named = nights.run(evening, *AUDIT, "--json")
    behind = json.loads(named.stdout)
    assert {each["rule"] for each in behind} == {"target_behind"}
    assert len(behind) == len(nights.read(NOON)["targets"])
    assert "left to the hourly analysis" in nights.must(evening, *REPAIR).stdout
    nights.must(kst(2026, 9, 10, 19), "daily_update")
    nights.analyse_night(kst(2026, 9, 10, 19))
    nights.must(kst(2026, 9, 11, 8, 2), "daily_update")
    nights.must(kst(2026, 9, 11, 12), *AUDIT)

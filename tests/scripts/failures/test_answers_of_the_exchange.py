"""docs/failures.md, row by row: each failure of the exchange is played, and what the page says of
it comes true."""

import re
from typing import Any

import pytest

from collectors.collection.stock_data_collector import MOST_RECHECKS
from sandbox.registry import FIGURES, REGISTRY, About
from tests.harness import Installation
from utils.clock import kst
from utils.settings import PROJECT

EVENING, NEXT_EVENING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
LATER = kst(2026, 9, 11, 20)
TONIGHT, YESTERDAY, EARLIER = "2026-09-10", "2026-09-09", ["2026-09-07", "2026-09-08"]
FIELDS: dict[str, dict[str, Any]] = {"drip": {"value": "0.05"}, "too_large": {"value": "2"}}
ELSEWHERE = {
    *("after_market_only", "extra_columns", "late", "odd_names", "revised", "unauthorized"),
    *FIGURES,
}
"""Faults that are no failure of an evening at the data site; other tests play them."""


def documented() -> dict[str, tuple[int, int, str]]:
    """FaultKind -> (how often it is asked, exit code, kind) as the page has it. Without a kind the
    session is stored without a row."""
    page = (PROJECT / "docs" / "failures.md").read_text(encoding="utf-8")
    section = page.split("## What the exchange answers")[1].split("\n## ")[0]
    found = re.findall(
        r"^\| `(\w+)` \| .* \| (\d+) \| `(\d+)` \| (`\w+`|-) \| .* \|$", section, re.MULTILINE
    )
    return {name: (int(asked), int(code), kind.strip("`")) for name, asked, code, kind in found}


def fail(installed: Installation, name: str, **fields: Any) -> None:
    installed.exchange.fail(name, **FIELDS.get(name, {}) | fields)


def test_every_fault_has_its_row() -> None:
    assert set(documented()) == set(REGISTRY) - ELSEWHERE


FAILS = {name: row for name, row in documented().items() if row[1]}
SETS_ASIDE = documented().keys() - FAILS.keys()


@pytest.mark.parametrize(("name", "row"), FAILS.items(), ids=FAILS)
def test_a_failure_of_the_exchange_stores_nothing_and_the_next_evening_catches_up(
    installed: Installation, name: str, row: tuple[int, int, str]
) -> None:
    asked, code, kind = row
    before = installed.read(EVENING)["heads"]
    fail(installed, name)
    done = installed.run(EVENING, "daily_update")
    seen = installed.read(EVENING)
    assert (done.code, seen["jobs"][TONIGHT]["status"]) == (code, "failed"), done.log
    assert seen["jobs"][TONIGHT]["error"]["kind"] == kind
    assert seen["jobs"][YESTERDAY]["status"] == "completed"
    assert [(head.session, head.digest) for head in seen["heads"]] == [
        (head.session, head.digest) for head in before
    ]
    assert "Traceback" not in done.log
    hits = installed.exchange.faults()[0].hits
    of_one_session = kind in ("malformed", "odd", "not_published")
    assert hits <= 2 + MOST_RECHECKS if of_one_session else hits == asked, (
        "yesterday's, today's, and what is read once more"
    )
    installed.exchange.clear_faults()
    installed.must(NEXT_EVENING, "daily_update")
    later = installed.read(NEXT_EVENING)
    assert [later["jobs"][day]["status"] for day in (YESTERDAY, TONIGHT, "2026-09-11")] == [
        "completed"
    ] * 3
    assert [head.finality for head in later["heads"]] == ["final"] * 5 + ["provisional"]
    installed.assert_equal_to_the_exchange(NEXT_EVENING)


@pytest.mark.parametrize("name", sorted(SETS_ASIDE))
def test_a_row_that_is_set_aside_costs_no_other_and_is_there_the_next_evening(
    installed: Installation, name: str
) -> None:
    fail(installed, name, date=TONIGHT)
    done = installed.must(EVENING, "daily_update")
    seen = installed.read(EVENING)
    (row,) = seen["heads"][-1].set_aside
    assert f"{TONIGHT}: set_aside: {row.ticker}: {row.reason}." in done.log
    assert seen["jobs"][TONIGHT]["warnings"] == [f"set_aside: {row.ticker}: {row.reason}."]
    assert seen["jobs"][TONIGHT]["tickers"] == seen["heads"][-1].count
    installed.exchange.clear_faults()
    installed.must(NEXT_EVENING, "daily_update")
    assert not any(head.set_aside for head in installed.read(NEXT_EVENING)["heads"])
    installed.assert_equal_to_the_exchange(NEXT_EVENING)


def test_a_row_that_no_reading_could_use_is_there_a_week_later(installed: Installation) -> None:
    fail(installed, "bad_cell", date=TONIGHT)
    for moment in (EVENING, NEXT_EVENING):
        installed.must(moment, "daily_update")
    installed.exchange.clear_faults()
    for day in (14, 15, 16, 17):
        heads = {head.session: head for head in installed.read(kst(2026, 9, day, 18))["heads"]}
        assert len(heads[TONIGHT].set_aside) == 1
        installed.must(kst(2026, 9, day, 19), "daily_update")
    installed.assert_equal_to_the_exchange(kst(2026, 9, 17, 19))


LOST = {
    "wrong_password",
    "password_due",
    "ban",
    "ban_page",
    "forbidden",
    "forbidden_empty",
    "unknown_page",
    "too_many",
    "all_dashes",
    "duplicated_rows",
}
"""Faults that no second try within the run may or can help."""


@pytest.mark.parametrize("name", FAILS)
def test_a_failure_that_happens_once(installed: Installation, name: str) -> None:
    """Nobody notices, but where trying again would make it worse: there the evening is lost, and
    never more than it."""
    fail(installed, name, times=1)
    done = installed.run(EVENING, "daily_update")
    assert (done.code != 0) == (name in LOST), done.log
    installed.must(NEXT_EVENING, "daily_update")
    installed.assert_equal_to_the_exchange(NEXT_EVENING)
    assert not [
        job for job in installed.read(NEXT_EVENING)["jobs"].values() if job["status"] != "completed"
    ]


@pytest.mark.parametrize(("name", "row"), FAILS.items(), ids=FAILS)
def test_a_failure_during_the_first_load_is_caught_up_by_running_it_again(
    installation: Installation, name: str, row: tuple[int, int, str]
) -> None:
    asked, code, kind = row
    fail(installation, name, times=2)
    first = installation.run(EVENING, "manual_setup", "--yes", "--sessions", "4")
    odd_days = kind in ("malformed", "odd") and REGISTRY[name].about is About.DAY
    assert first.code == (0 if asked > 2 or odd_days else code), (
        f"unfit days are asked for once more, and odd ones wait\n{first.log}"
    )
    installation.exchange.clear_faults()
    installation.must(LATER, "manual_setup", "--yes", "--sessions", "5")
    installation.assert_equal_to_the_exchange(LATER)
    seen = installation.read(LATER)
    assert [head.session for head in seen["heads"]][-5:] == [
        *EARLIER,
        YESTERDAY,
        TONIGHT,
        "2026-09-11",
    ]
    assert {job["status"] for job in seen["jobs"].values()} == {"completed"}

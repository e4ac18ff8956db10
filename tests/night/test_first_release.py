"""A store of the first release under the present scripts: what they make of it, and how the nights
go on."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.replay import ReplayMarket
from sandbox.server import LocalExchange
from tests.crash.conftest import open_database
from tests.crash.databases import Database
from tests.crash.dump import Dump, differences
from tests.crash.scenes import LOGIN_ID, PASSWORD
from tests.first_release import CHOICE, MARKET
from tests.first_release.record import live
from tests.night.suite import SECONDS, Suite
from tests.server import NewDatabases
from utils.clock import kst
from utils.errors import EXIT_DONE, EXIT_NOT_NOW
from utils.settings import PROJECT

LATE, LAST_HOUR = kst(2026, 8, 13, 22), kst(2026, 8, 13, 22, 10)
NEXT_EVENING = kst(2026, 8, 18, 19, 40)
NOT_KNOWN = [
    "system_info.job_status 2026-08-12_manual_setup: source",
    "system_info.sources pykrx: password",
]
"""The present version leaves the first one empty, and has noted since when the password is used."""

pytestmark = pytest.mark.timeout(300)


@pytest.fixture(params=["sqlite", "mongodb"])
def first_release(
    request: pytest.FixtureRequest, tmp_path: Path, on_the_server: NewDatabases
) -> Iterator[Database]:
    database = open_database(request.param, tmp_path / "data", on_the_server)
    database.put_first_release()
    yield database
    database.close()


@pytest.fixture
def suite(first_release: Database, tmp_path: Path) -> Iterator[Suite]:
    """The first release's installation with the present scripts, and the exchange it was collected
    from."""
    with LocalExchange(ReplayMarket([MARKET]), LATE, {LOGIN_ID: PASSWORD}) as exchange:
        account = {"KRX_ID": LOGIN_ID, "KRX_PW": PASSWORD}
        yield Suite(exchange, tmp_path, where(first_release) | CHOICE | account)


def where(database: Database) -> dict[str, str]:
    return {name: text for name, text in database.settings.items() if name != "MIN_MARKET_CAP"}


def test_every_command_works_on_it_and_the_audit_finds_nothing(suite: Suite) -> None:
    done = suite.must(LATE, "daily_update.py", "--status", "--json")
    assert "is brought from schema 1 to 3" in done.stderr
    facts = json.loads(done.stdout)
    assert (facts["sessions_stored"], facts["targets"], facts["targets_analyzed"]) == (12, 13, 4)
    suite.must(LATE, "daily_update.py", "--audit")

    suite.must(LAST_HOUR, "hourly_analysis.py")
    suite.must(LAST_HOUR, "hourly_analysis.py", "--report")
    suite.must(NEXT_EVENING, "daily_update.py")
    suite.analyse_night(NEXT_EVENING)
    found = suite.read(NEXT_EVENING)
    assert {head.session: head.revision for head in found["heads"]}["2026-08-13"] == 1
    assert {target["last_analyzed_date"] for target in found["targets"]} == {"2026-08-18"}
    assert "schema" not in suite.must(NEXT_EVENING, "daily_update.py", "--audit").stderr


def test_it_becomes_what_the_present_version_writes_of_the_same_market(
    suite: Suite, first_release: Database, tmp_path: Path, on_the_server: NewDatabases
) -> None:
    suite.must(LATE, "daily_update.py", "--status")
    present = open_database(first_release.name, tmp_path / "present", on_the_server)
    try:
        present.empty()
        live(PROJECT, where(present))
        found = differences(present.dump(), without_copies(first_release.dump()))
    finally:
        present.close()
    assert [line.partition(" is ")[0] for line in found] == NOT_KNOWN


def test_runs_that_start_at_once_bring_it_up_once(suite: Suite) -> None:
    runs = [suite.start(LATE, "daily_update.py", "--status") for _ in range(3)]
    said = [run.communicate(timeout=SECONDS)[1] for run in runs]
    codes = sorted(run.returncode for run in runs)
    assert codes[0] == EXIT_DONE, said
    assert set(codes) <= {EXIT_DONE, EXIT_NOT_NOW}, said
    assert sum("is brought from schema 1 to 3" in each for each in said) == 1
    suite.must(LATE, "daily_update.py", "--audit")


def without_copies(dump: Dump) -> Dump:
    return {name: fields for name, fields in dump.items() if ".schema_1_" not in name}

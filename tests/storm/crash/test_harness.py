"""Base of the crash tests: the dump misses nothing, the scenes hold what they are there for."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.storm.crash.databases import Embedded
from tests.storm.crash.dump import differences
from tests.storm.crash.scenes import EARLY_LOAD, SCENES, Scene, Stage
from tests.storm.forks import Forks
from utils.store.sqlite import FILE_NAME

CHANGES = {
    "session_columns 2026-08-11 close: data": "UPDATE session_columns "
    "SET data = zeroblob(length(data)) WHERE session = '2026-08-11' AND name = 'close'",
    "stock_data.sessions 2026-08-11: revision": 'UPDATE "stock_data.sessions" '
    "SET body = json_set(body, '$.revision', 7) WHERE _id = '2026-08-11'",
    "system_info.calendar 2026-08-11: observed_utc": 'UPDATE "system_info.calendar" '
    "SET body = json_set(body, '$.observed_utc', NULL) WHERE _id = '2026-08-11'",
    "system_info.job_status 2026-08-11_daily_update: _id": 'DELETE FROM "system_info.job_status" '
    "WHERE _id = '2026-08-11_daily_update'",
    "index system_info.target_tickers(claimed_by): sql": "DROP INDEX "
    '"system_info.target_tickers(claimed_by)"',
}
"""First line of the dump's difference -> the statement that made it."""


@pytest.fixture
def embedded(tmp_path: Path, exchange_url: str, forks: Forks) -> Embedded:
    """Database after a first load."""
    database = Embedded(tmp_path / "data")
    Stage(database, exchange_url, forks, tmp_path).must(EARLY_LOAD, EARLY_LOAD.moment)
    return database


def test_the_dump_shows_every_change(embedded: Embedded, tmp_path: Path) -> None:
    before = embedded.dump()
    for seen, statement in CHANGES.items():
        with closing(sqlite3.connect(tmp_path / "data" / FILE_NAME)) as connection, connection:
            connection.execute(statement)
        after = embedded.dump()
        assert [line.partition(" is ")[0] for line in differences(before, after)][:1] == [seen]
        before = after


def test_the_killed_update_has_a_little_of_everything_to_do(stage: Stage) -> None:
    scene = Scene(stage, *SCENES["daily_update"])
    stored = scene.ends_with
    targets = [
        fields for name, fields in stored.items() if name.startswith("system_info.target_tickers ")
    ]
    assert stored["stock_data.sessions 2026-08-12"]["revision"] == 2
    assert stored["system_info.calendar 2026-08-14"]["open"] is False
    assert any(
        name.startswith("stock_data.corporate_actions ") and "2026-08-13" in name for name in stored
    )
    assert any(
        (each["added_date"], each["removed_date"]) == ("2026-08-13", "2026-08-18")
        for each in targets
    )
    assert {each["last_analyzed_date"] for each in targets} > {"2026-08-11", "2026-08-12"}
    assert {name for name in stored if name.startswith("system_info.sources ")} == {
        "system_info.sources pykrx",
        "system_info.sources openapi",
    }

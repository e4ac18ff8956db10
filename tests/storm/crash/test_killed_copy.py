"""A copy into another database dies by SIGKILL between any two writes; the same command goes on
with it."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.server import NewDatabases
from tests.storm.crash.conftest import open_database
from tests.storm.crash.databases import Database
from tests.storm.crash.dump import Dump, differences
from tests.storm.crash.scenes import EARLY_LOAD, FIRST_ANALYSIS, Run, Stage, died
from tests.storm.forks import Forks
from utils.clock import kst
from utils.errors import EXIT_DONE, EXIT_USAGE

ROADS = [("sqlite", "sqlite"), ("sqlite", "mongodb"), ("mongodb", "sqlite")]
KILLS = 12
"""Number of points of a copy that are tried, spread over all of it."""
NOON = kst(2026, 8, 13, 12)
PATIENCE = timedelta(minutes=11)


class Move:
    """A prepared store, an empty database, and the command that copies the one into the other."""

    def __init__(self, stage: Stage, target: Database) -> None:
        self.stage, self.target = stage, target
        for run in (EARLY_LOAD, FIRST_ANALYSIS):
            stage.must(run, run.moment)
        self.source_before = stage.database.dump()
        there = target.settings
        if target.name == "mongodb":
            settings = {
                "COPY_TO_URI": there["MONGODB_URI"],
                "MONGODB_DB_PREFIX": there["MONGODB_DB_PREFIX"],
            }
            self.run = Run(NOON, "daily_update", ("--copy-to", "mongodb"), settings=settings)
        else:
            self.run = Run(NOON, "daily_update", ("--copy-to", there["DATA_DIR"]))

    def undisturbed(self) -> tuple[int, Dump]:
        """Number of points of the copy, and what it makes of the empty database."""
        ended = self.stage.must(self.run, NOON)
        return len(ended.points), self.target.dump()


@pytest.fixture(params=ROADS, ids="-to-".join)
def move(
    request: pytest.FixtureRequest,
    exchange_url: str,
    forks: Forks,
    tmp_path: Path,
    on_the_server: NewDatabases,
) -> Iterator[Move]:
    kinds = zip(request.param, "ab", strict=True)
    source, target = (open_database(kind, tmp_path / side, on_the_server) for kind, side in kinds)
    yield Move(Stage(source, exchange_url, forks, tmp_path), target)
    source.close()
    target.close()


def test_a_copy_that_is_killed_anywhere_goes_on_and_ends_like_one_that_was_not(move: Move) -> None:
    points, expected = move.undisturbed()
    assert points > KILLS
    for kill_at in range(1, points + 1, points // KILLS):
        move.target.empty()
        assert died(move.stage.run(move.run, NOON, kill_at))
        whole = not differences(without_locks(expected), without_locks(move.target.dump()))
        ended = move.stage.run(move.run, NOON + PATIENCE)
        assert ended.code == (EXIT_USAGE if whole else EXIT_DONE), (
            ended.output
        )  # a store is never copied into
        assert differences(without_locks(expected), without_locks(move.target.dump())) == [], (
            kill_at
        )
        assert (
            differences(
                without_locks(move.source_before), without_locks(move.stage.database.dump())
            )
            == []
        )


def test_a_copy_that_is_killed_again_and_again_gets_done_and_leaves_no_lock(move: Move) -> None:
    points, expected = move.undisturbed()
    move.target.empty()
    for kills in range(3):
        assert died(
            move.stage.run(move.run, NOON + kills * PATIENCE, kill_at=points * (kills + 1) // 4)
        )
    move.stage.must(move.run, NOON + 3 * PATIENCE)
    assert differences(expected, move.target.dump()) == []
    assert differences(move.source_before, move.stage.database.dump()) == []


def without_locks(dump: Dump) -> Dump:
    return {
        name: fields for name, fields in dump.items() if not name.startswith("system_info.locks ")
    }

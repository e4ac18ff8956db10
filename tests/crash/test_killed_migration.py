"""A store of the first release is brought up by a run that dies by SIGKILL at any point; the next
one ends the same."""

import pytest

from tests.crash.databases import Database, Embedded
from tests.crash.dump import Dump, differences
from tests.crash.scenes import Run, Stage, died
from utils.clock import kst
from utils.store.sqlite import FILE_NAME

pytestmark = pytest.mark.timeout(600)
NOON = kst(2026, 8, 14, 12)
STATUS = Run(NOON, "daily_update", ("--status",))
COPY = f"{FILE_NAME}.schema-1"


def whole(database: Database) -> Dump:
    """The store but for locks of the dead, and the copy of what it was."""
    found = database.dump()
    if isinstance(database, Embedded):
        found |= {f"copy: {name}": fields for name, fields in database.dump(COPY).items()}
    return {name: fields for name, fields in found.items() if "system_info.locks " not in name}


def test_a_migration_that_is_killed_anywhere_is_done_by_the_next_start(stage: Stage) -> None:
    stage.database.put_first_release()
    points = stage.must(STATUS, NOON).points
    expected, wrong = whole(stage.database), []
    for number in range(1, len(points) + 1):
        stage.database.put_first_release()
        ended = stage.run(STATUS, NOON, kill_at=number)
        assert died(ended)
        stage.must(STATUS, NOON + stage.database.patience)
        found = whole(stage.database)
        wrong += [
            f"point {number}, {ended.points[-1]}: {each}" for each in differences(expected, found)
        ]
    assert len(points) > 20
    assert not wrong, "\n".join(wrong[:40])

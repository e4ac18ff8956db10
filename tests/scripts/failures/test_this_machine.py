"""docs/failures.md: damage, a wrong clock, sessions that never come, an index series that is no
help."""

import sqlite3
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from collectors.collection.due import MANY_ATTEMPTS
from tests.fakes import FakeClock
from tests.harness import Installation
from utils.clock import kst
from utils.errors import LockHeld
from utils.store import Store
from utils.store.base import Identity
from utils.store.locks import COLLECTION
from utils.store.sqlite import FILE_NAME, SqliteBackend

EVENING, NEXT_EVENING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
HOUR, LATER = EVENING + timedelta(minutes=10), EVENING + timedelta(minutes=100)
TONIGHT = "2026-09-10"


def test_a_damaged_session_is_read_again_by_the_next_evening(installed: Installation) -> None:
    store = installed.store(EVENING)
    store.backend.update("stock_data.sessions", {"_id": "2026-09-07"}, {"digest": "0" * 64})
    store.close()
    done = installed.must(EVENING, "daily_update")
    assert "2026-09-07 is damaged" in done.log
    installed.assert_equal_to_the_exchange(EVENING)
    installed.must(EVENING + timedelta(minutes=10), "hourly_analysis")


def test_an_odd_index_series_keeps_no_session_from_being_collected(installed: Installation) -> None:
    """It is asked because two weekdays that are predicted closed are not known yet."""
    back = kst(2026, 9, 28, 19)
    installed.exchange.fail("no_rows", request="MDCSTAT00301")
    installed.exchange.fail("no_column", request="MDCSTAT00301", value="TRD_DD")
    done = installed.run(back, "daily_update")
    assert done.code == 1, done.log
    seen = installed.read(back)
    assert [head.session for head in seen["heads"]][-3:] == [
        "2026-09-22",
        "2026-09-23",
        "2026-09-28",
    ]
    assert {job["status"] for job in seen["jobs"].values()} == {"completed"}


@pytest.mark.parametrize("room", [0, 1, 2])
def test_a_disk_that_was_full_and_has_room_again_leaves_no_finding(
    installed: Installation, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """So many more pages of 4,096 bytes are on the disk. SQLite itself says that it is full."""

    class Small(sqlite3.Connection):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            self.execute(f"PRAGMA max_page_count = {pages + room}")

    pages = -(-(installed.folder / "data" / FILE_NAME).stat().st_size // 4096)
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Small))
        full = [installed.run(EVENING, "daily_update"), installed.run(HOUR, "hourly_analysis")]
    assert 1 in [ended.code for ended in full]
    for ended in full:
        assert "Traceback" not in ended.log + ended.stderr
        assert ended.code in (0, 75) or "has no room to grow" in ended.stderr
    installed.must(LATER, "daily_update")
    installed.must(LATER + timedelta(minutes=10), "hourly_analysis")
    audited = installed.must(LATER + timedelta(minutes=12), "daily_update", "--audit")
    assert audited.stdout.startswith("Nothing is wrong")
    seen = installed.read(LATER)
    assert seen["jobs"][TONIGHT]["status"] == seen["analyses"][TONIGHT]["status"] == "completed"


def test_sessions_that_fail_again_and_again_keep_no_other_from_being_tried(
    installed: Installation,
) -> None:
    """Four missed sessions never come; the fifth evening's own does."""
    missed = [TONIGHT, "2026-09-11", "2026-09-14", "2026-09-15"]
    for day in missed:
        installed.exchange.fail("no_rows", date=day)
    evening = kst(2026, 9, 16, 19)
    codes = [
        installed.run(evening + timedelta(hours=hour), "daily_update").code
        for hour in range(MANY_ATTEMPTS + 2)
    ]
    assert codes[0] == 1
    assert installed.read(evening)["jobs"]["2026-09-16"]["status"] == "completed"


def test_what_a_wrong_clock_wrote_ahead_does_not_last(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    folder, clock = tmp_path_factory.mktemp("data"), FakeClock(kst(2026, 12, 10, 19))
    ahead = Store(SqliteBackend(folder), clock, Identity("a", 1, "ahead"))
    ahead.sources.block("pykrx", clock.now_utc() + timedelta(hours=24), "banned")
    ahead.backend.insert(
        "system_info.locks",
        {
            "_id": COLLECTION,
            "owner": "gone",
            "host": "a",
            "pid": 1,
            "acquired_utc": clock.now_utc(),
            "heartbeat_utc": clock.now_utc(),
            "expires_utc": clock.now_utc() + timedelta(minutes=10),
        },
    )
    clock.set(EVENING)
    with pytest.raises(Exception, match="2026-09-11 19:00 KST"):
        ahead.sources.next_request("pykrx", timedelta(0))
    clock.advance(hours=24)
    assert ahead.sources.next_request("pykrx", timedelta(0)) == timedelta(0)
    with ahead.locks.hold(COLLECTION):
        other = Store(SqliteBackend(folder), clock, Identity("b", 2, "other"))
        with pytest.raises(LockHeld), other.locks.hold(COLLECTION):
            pass

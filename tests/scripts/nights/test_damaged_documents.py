"""A changed document in the file of an installation: what each script says of it, and the run that
makes it anew."""

import sqlite3
from contextlib import closing

from tests.harness import Installation
from utils.clock import kst
from utils.store.schema import SESSIONS, TARGETS
from utils.store.sqlite import FILE_NAME

SETUP, EVENING = kst(2026, 9, 7, 19), kst(2026, 9, 8, 19)
DAMAGED = "2026-09-03"


def change(installation: Installation, sql: str) -> None:
    file = installation.folder / "data" / FILE_NAME
    with closing(sqlite3.connect(file)) as connection, connection:
        assert connection.execute(sql).rowcount == 1


def test_every_script_says_which_one_repairs_it_and_that_one_does(
    installation: Installation,
) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "5")
    before = installation.read(SETUP)
    change(
        installation,
        f'UPDATE "{SESSIONS}" SET body = replace(body, \'"revision":1\', \'"revision":3\') '  # noqa: S608
        f"WHERE _id = '{DAMAGED}'",
    )
    for command in (
        ["daily_update", "--status"],
        ["daily_update", "--copy-to", str(installation.folder / "copy")],
        ["manual_setup", "--yes", "--sessions", "5"],
    ):
        done = installation.run(EVENING, *command)
        assert done.code == 1, (command, done.stderr)
        assert f"{DAMAGED} of {SESSIONS} is damaged" in done.stderr
        assert "daily_update.py repairs it and says what is lost" in done.stderr
        assert "Traceback" not in done.stderr
    audit = installation.run(EVENING, "daily_update", "--audit")
    assert (audit.code, f"  {SESSIONS} {DAMAGED}: not as it was saved" in audit.stdout) == (1, True)
    done = installation.must(EVENING, "daily_update")
    assert f"Damaged: {SESSIONS} {DAMAGED}: not as it was saved. The session is" in done.stderr
    assert installation.must(EVENING, "daily_update", "--audit").code == 0
    after = installation.read(EVENING)
    assert [head.digest for head in after["heads"][:-2]] == [
        head.digest for head in before["heads"][:-1]
    ]


def test_a_filter_that_cannot_be_read_costs_no_traceback(installation: Installation) -> None:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "3")
    file = installation.folder / "data" / FILE_NAME
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        ((ticker,),) = connection.execute(f'SELECT _id FROM "{TARGETS}" LIMIT 1')  # noqa: S608
    content = file.read_bytes()
    body = f'{{"_id":"{ticker}","ticker"'.encode()
    assert content.count(body) == 1
    file.write_bytes(content.replace(body, b"[" + body[1:]))
    done = installation.run(EVENING, "hourly_analysis")
    assert (done.code, "is damaged" in done.stderr) == (1, True), done.stderr
    done = installation.must(EVENING, "daily_update")
    assert f"Damaged: {TARGETS} {ticker}" in done.stderr
    assert installation.must(EVENING, "daily_update", "--repair").code == 0

"""The scripts while nobody can take what they write: closed, full, a reader who has left."""

import json
import subprocess
import sys
from datetime import datetime

import pytest

from tests.harness import Installation
from tests.harness.ways import SECONDS
from utils.clock import kst
from utils.settings import PROJECT

SETUP, EVENING, HOUR = kst(2026, 9, 9, 19), kst(2026, 9, 10, 19), kst(2026, 9, 10, 19, 10)
NOWHERE = {
    "closed": "<&- >&- 2>&-",
    "full": ">/dev/full 2>/dev/full",
    "left": "2>&1 | :",
    "errors_closed": "2>&-",
}
"""What stands behind a command in a shell."""


def run(
    installation: Installation, moment: datetime, script: str, *options: str, redirected: str
) -> tuple[int, str, str]:
    """Return exit code, stdout and stderr of a script behind which that stands."""
    installation.exchange.set_time(moment)
    command = f'{{ "$@"; echo $? >&3; }} 3>"$CODE" {redirected}'
    code = installation.folder / "code"
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, str(PROJECT / f"{script}.py"), *options],
        env=installation.environment(moment) | {"CODE": str(code)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return int(code.read_text()), done.stdout, done.stderr


@pytest.mark.parametrize("redirected", NOWHERE.values(), ids=NOWHERE)
def test_a_night_whose_output_goes_nowhere_is_like_any_other(
    installation: Installation, redirected: str
) -> None:
    for moment, script, *options in (
        (SETUP, "manual_setup", "--yes", "--sessions", "3"),
        (EVENING, "daily_update"),
        (HOUR, "hourly_analysis"),
    ):
        code, _, errors = run(installation, moment, script, *options, redirected=redirected)
        log = (installation.folder / "logs" / f"{script}.log").read_text(encoding="utf-8")
        assert (code, errors, "Traceback" in log) == (0, "", False), script
    seen = installation.read(HOUR)
    assert seen["jobs"]["2026-09-10"]["status"] == "completed"
    assert seen["analyses"]["2026-09-10"]["status"] == "completed"
    audited = installation.must(HOUR, "daily_update", "--audit")
    assert audited.stdout.startswith("Nothing is wrong")


@pytest.mark.parametrize(
    ("redirected", "code"),
    [(">&-", 0), ("| :", 0), ("| head -1", 0), (">/dev/full", 1), ("<&- >&- 2>&-", 0)],
)
def test_an_answer_is_a_failure_only_where_the_disk_has_lost_it(
    installation: Installation, redirected: str, code: int
) -> None:
    ended, said, errors = run(
        installation, SETUP, "daily_update", "--status", "--json", redirected=redirected
    )
    assert (ended, "Traceback" in errors, "Exception ignored" in errors) == (code, False, False)
    assert ("could not be written whole (No space left on device)" in errors) == (code == 1)
    assert said in ("", "{\n")


def test_a_usage_that_goes_nowhere_keeps_its_code(installation: Installation) -> None:
    for redirected in NOWHERE.values():
        assert run(installation, SETUP, "daily_update", "--help", redirected=redirected)[0] == 0
        assert run(installation, SETUP, "daily_update", "--nope", redirected=redirected)[0] == 2


def test_a_whole_answer_reaches_a_reader_who_waits(installation: Installation) -> None:
    code, said, _ = run(
        installation, SETUP, "daily_update", "--status", "--json", redirected="| cat"
    )
    assert (code, json.loads(said)["set_up"]) == (0, False)

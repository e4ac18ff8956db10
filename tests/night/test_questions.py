"""`manual_setup` in a real pseudo-terminal: answers typed, a wrong one asked again, Ctrl-C at a question."""

import os
import pty
import select
import signal
import sys
from pathlib import Path

import pytest

from tests.night.suite import Suite
from utils.clock import kst
from utils.settings import PROJECT

NOW = kst(2026, 9, 10, 19)
PATIENCE_SECONDS, AGAIN_SECONDS = 60, 2
CTRL_C = b"\x03"


def talk(suite: Suite, *answers: bytes) -> tuple[str, int]:
    """Run `manual_setup.py` in a terminal of its own, type one answer per question; what it showed, its exit code.

    The only command that it finds is the `crontab` of the test, if there is one."""
    suite.exchange.set_time(NOW)
    around = {"TERM": "dumb", "COLUMNS": "200", "PATH": str(suite.folder / "bin")}
    environment = os.environ | suite.settings(KST_NOW="2026-09-10T19:00:00") | around
    child, terminal = pty.fork()
    if child == 0:
        os.execve(sys.executable, [sys.executable, str(PROJECT / "manual_setup.py")], environment)  # noqa: S606
    shown = converse(child, terminal, list(answers))
    return shown.decode(), os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def converse(child: int, terminal: int, waiting: list[bytes]) -> bytes:
    """Type the next answer at each question; all that was shown until the other end closed. Who hangs is killed.

    A Ctrl-C in the instant between a question and the reading of its answer is lost in Python's `input`; it is pressed
    again, as a person does."""
    shown, pressed, silent = b"", b"", 0
    while silent < PATIENCE_SECONDS:
        if not select.select([terminal], [], [], AGAIN_SECONDS)[0]:
            silent += AGAIN_SECONDS
            if pressed == CTRL_C:
                os.write(terminal, pressed)
            continue
        silent = 0
        try:
            shown += os.read(terminal, 65536)
        except OSError:  # the other end is closed
            break
        if waiting and shown.rstrip().endswith(b"):"):
            pressed = waiting.pop(0)
            os.write(terminal, pressed)
            shown += b" <-\n"  # its echo is no new question
    else:
        os.kill(child, signal.SIGKILL)
    return shown


def test_three_answers_set_everything_up(suite: Suite) -> None:
    shown, code = talk(suite, b"500000000000\n", b"\n", b"4\n")
    assert code == 0, shown
    seen = suite.read(NOW)
    assert len(seen["heads"]) == 4
    assert (seen["scope"]["min_market_cap"], seen["scope"]["markets"]) == (500_000_000_000, ["KOSPI", "KOSDAQ"])
    assert all(target["market_cap"] >= 500_000_000_000 for target in seen["targets"])


def test_a_wrong_answer_is_explained_and_asked_again(suite: Suite) -> None:
    shown, code = talk(suite, b"\n", b"KOSPI,NYSE\n", b"kospi\n", b"0\n", b"3\n")
    assert code == 0, shown
    assert "one or more of KOSPI, KOSDAQ, KONEX" in shown
    assert "a whole number from 1 to 7800" in shown
    assert {target["market"] for target in suite.read(NOW)["targets"]} == {"KOSPI"}


@pytest.fixture
def crontab(suite: Suite) -> Path:
    """The file behind the `crontab` command that the setup finds."""
    tab, command = suite.folder / "tab", suite.folder / "bin" / "crontab"
    tab.write_text("@daily true\n")
    command.parent.mkdir()
    command.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\ncase $1 in -l) cat '{tab}' ;; -) cat > '{tab}' ;; esac\n")
    command.chmod(0o755)
    return tab


@pytest.mark.parametrize(("answer", "installed"), [(b"y\n", True), (b"\n", False), (b"\x03", False)], ids=repr)
def test_the_lines_go_into_the_crontab_only_after_a_yes(
    answer: bytes, installed: bool, suite: Suite, crontab: Path
) -> None:
    shown, code = talk(suite, b"\n", b"\n", b"2\n", answer)
    assert "Put the lines into your crontab now?" in shown
    assert (code, crontab.read_text().startswith("@daily true\n# krx-night-shift: begin ")) == (0, installed), shown
    assert installed or crontab.read_text() == "@daily true\n"


def test_without_a_crontab_command_the_setup_names_the_timers_and_cron_is_refused(suite: Suite) -> None:
    nothing = str(suite.folder / "nothing")
    assert (
        "take the systemd timers" in suite.run(NOW, "manual_setup.py", "--yes", "--sessions", "2", PATH=nothing).stdout
    )
    done = suite.run(NOW, "manual_setup.py", "--cron", "install", PATH=nothing)
    assert (done.returncode, "take the systemd timers of docs/cron.md" in done.stderr) == (2, True), done.stderr


def test_the_lines_come_out_again_whatever_the_database_says(suite: Suite, crontab: Path) -> None:
    nowhere = {"MONGODB_URI": "mongodb://127.0.0.1:1/", "PATH": str(crontab.parent / "bin")}
    for action, has_block in (("install", True), ("remove", False)):
        done = suite.run(NOW, "manual_setup.py", "--cron", action, **nowhere)
        assert done.returncode == 0, done.stderr
        assert ("daily_update.py" in crontab.read_text()) is has_block
    assert crontab.read_text() == "@daily true\n"


def test_who_is_not_asked_gets_no_cron_lines(suite: Suite, crontab: Path) -> None:
    done = suite.run(NOW, "manual_setup.py", "--yes", "--sessions", "2", PATH=str(suite.folder / "bin"))
    assert done.returncode == 0, done.stderr
    assert "`manual_setup.py --cron install` puts them into your crontab:" in done.stdout
    assert crontab.read_text() == "@daily true\n"


@pytest.mark.parametrize("answers", [[b"\x03"], [b"\n", b"\x03"], [b"\n", b"\n", b"\x03"], [b"\x04"]], ids=repr)
def test_ctrl_c_or_d_at_a_question_leaves_at_once_with_nothing_written(suite: Suite, answers: list[bytes]) -> None:
    shown, code = talk(suite, *answers)
    assert (code, "run it again" in shown, "Traceback" in shown) == (1, True, False), shown
    assert (suite.read(NOW)["heads"], suite.read(NOW)["scope"]) == ([], None)
    assert suite.exchange.requests() == []


def test_the_next_evening_keeps_the_threshold_that_was_chosen(suite: Suite) -> None:
    talk(suite, b"500000000000\n", b"KOSPI\n", b"3\n")
    suite.must(kst(2026, 9, 11, 19), "daily_update.py")
    targets = suite.read(NOW)["targets"]
    assert {target["market"] for target in targets} == {"KOSPI"}
    assert min(target["market_cap"] for target in targets) >= 500_000_000_000


def test_an_earlier_choice_is_the_default_of_the_next_setup(suite: Suite) -> None:
    suite.must(NOW, "manual_setup.py", "--yes", "--sessions", "3", "--min-market-cap", "700000000000")
    suite.must(NOW, "manual_setup.py", "--yes", "--sessions", "3")
    assert suite.read(NOW)["scope"]["min_market_cap"] == 700_000_000_000
    suite.must(NOW, "manual_setup.py", "--yes", "--sessions", "3", "--reset")
    assert suite.read(NOW)["scope"]["min_market_cap"] == 100_000_000_000

"""`manual_setup` in a real pseudo-terminal: answers typed, a wrong one asked again, Ctrl-C at a question."""

import os
import pty
import select
import signal
import sys

import pytest

from tests.night.suite import Suite
from utils.clock import kst
from utils.settings import PROJECT

NOW = kst(2026, 9, 10, 19)
PATIENCE_SECONDS, AGAIN_SECONDS = 60, 2
CTRL_C = b"\x03"


def talk(suite: Suite, *answers: bytes) -> tuple[str, int]:
    """Run `manual_setup.py` in a terminal of its own, type one answer per question; what it showed, its exit code."""
    suite.exchange.set_time(NOW)
    environment = os.environ | suite.settings(KST_NOW="2026-09-10T19:00:00") | {"TERM": "dumb", "COLUMNS": "200"}
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
            shown += b"\n"
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

"""The progress bar: shown to a person at a terminal, to nobody else."""

import io
import logging

import pytest
from rich.console import Console

from utils.logs import _ToStderr
from utils.progress import progress_bar, waiting


def console(terminal: bool) -> Console:
    environment = {"TERM": "xterm"}  # whatever terminal the tests themselves run in
    return Console(
        file=io.StringIO(),
        force_terminal=terminal,
        width=100,
        color_system=None,
        _environ=environment,
    )


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_a_person_sees_how_far_it_is_the_rate_and_the_time_left() -> None:
    terminal = console(True)
    with progress_bar("Loading sessions", 4, console=terminal) as advance:
        advance(1)
        advance(2)
    assert "Loading sessions" in shown(terminal)
    assert "3/4" in shown(terminal)
    assert "/s" in shown(terminal)


def test_a_single_step_has_no_bar() -> None:
    terminal = console(True)
    with progress_bar("Loading sessions", 1, console=terminal) as advance:
        advance(1)
    assert "Loading" not in shown(terminal)


def test_without_a_terminal_nothing_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    pipe = console(False)
    with progress_bar("Loading sessions", 60, console=pipe) as advance:
        advance(60)
    assert (shown(pipe).strip(), caplog.messages) == ("", [])


def test_a_long_load_without_a_terminal_logs_a_line_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    with progress_bar("Loading sessions", 60, log_every=25, console=console(False)) as advance:
        for _ in range(60):
            advance(1)
    lines = [f"Loading sessions: {done} of 60." for done in (25, 50, 60)]
    assert caplog.messages == lines


def test_logged_lines_stand_above_the_bar() -> None:
    terminal = console(True)
    handler = _ToStderr()
    with progress_bar("Loading sessions", 4, console=terminal):
        handler.emit(logging.makeLogRecord({"msg": "a fact"}))
    assert "a fact\n" in shown(terminal)


def test_a_person_sees_that_something_without_steps_is_done_and_what_is_logged_meanwhile() -> None:
    terminal = console(True)
    with waiting("Reading sessions", console=terminal):
        _ToStderr().emit(logging.makeLogRecord({"msg": "a fact"}))
    assert "Reading sessions" in shown(terminal)
    assert "a fact\n" in shown(terminal)


def test_without_a_terminal_nobody_is_shown_that_something_is_done(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    pipe = console(False)
    with waiting("Reading sessions", console=pipe):
        pass
    assert (shown(pipe), caplog.messages) == ("", [])

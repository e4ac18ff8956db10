"""Commands: what the scripts share, start-up, exit codes, option types, a stop that finishes the
work in hand."""

import argparse
import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import FakeClock
from utils import errors
from utils.cli import check_span, date_option, run_script
from utils.clock import kst
from utils.errors import (
    EXIT_DONE,
    EXIT_FAILED,
    EXIT_NOT_NOW,
    EXIT_USAGE,
    NightShiftError,
    WrongUsage,
)
from utils.run import Run, StopRequest
from utils.settings import load_settings
from utils.store import Store
from utils.store.locks import COLLECTION
from utils.store.sqlite import SqliteBackend

pytestmark = pytest.mark.usefixtures("logging_put_back")

EXIT_CODES: dict[type[Exception], int] = {
    errors.NightShiftError: EXIT_FAILED,
    errors.WrongUsage: EXIT_USAGE,
    errors.NotNow: EXIT_NOT_NOW,
    errors.LockHeld: EXIT_NOT_NOW,
    errors.NotCollected: EXIT_NOT_NOW,
    errors.SourceError: EXIT_FAILED,
    errors.ClosedMarket: EXIT_FAILED,
    errors.NotPublished: EXIT_NOT_NOW,
    errors.SourceRefuses: EXIT_NOT_NOW,
    errors.Banned: EXIT_NOT_NOW,
    errors.LoggedInElsewhere: EXIT_NOT_NOW,
    errors.QuotaUsed: EXIT_NOT_NOW,
    errors.KeyRefused: EXIT_USAGE,
    errors.LoggedOut: EXIT_NOT_NOW,
    errors.LoginRefused: EXIT_USAGE,
    errors.PasswordChangeDue: EXIT_USAGE,
    errors.SourceDown: EXIT_FAILED,
    errors.AnswerCutOff: EXIT_FAILED,
    errors.MalformedAnswer: EXIT_FAILED,
    errors.OddDay: EXIT_NOT_NOW,
    errors.StoreError: EXIT_FAILED,
    errors.NotStored: EXIT_FAILED,
    errors.Damaged: EXIT_FAILED,
    errors.Unopenable: EXIT_FAILED,
    errors.StoreUnusable: EXIT_USAGE,
    KeyError: EXIT_FAILED,
    KeyboardInterrupt: EXIT_FAILED,  # type: ignore[dict-item]
}


@pytest.fixture(autouse=True)
def signals_put_back() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def command(
    tmp_path: Path, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[Run], int], dict[str, Any]], int]:
    """Run a piece of work as the script `daily_update` with its folders in the test's own."""
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("LOG_DIR", str(tmp_path / "logs"))
    monkeypatch.setenv("KST_NOW", "2024-01-22T19:00")
    monkeypatch.setattr("utils.cli.load_settings", lambda options: load_settings(options, env_file))

    def run_it(work: Callable[[Run], int], options: dict[str, Any] | None = None) -> int:
        logging.getLogger().handlers = []  # pytest has put its own back since
        return run_script("daily_update", argparse.Namespace(**(options or {})), work)

    return run_it


Command = Callable[..., int]


def raising(error: BaseException) -> Callable[[Run], int]:
    def work(run: Run) -> int:
        raise error

    return work


def log_text(tmp_path: Path) -> str:
    return (tmp_path / "logs" / "daily_update.log").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("error", "code"), EXIT_CODES.items(), ids=[error.__name__ for error in EXIT_CODES]
)
def test_every_outcome_has_its_exit_code_and_is_logged(
    error: type[Exception], code: int, command: Command, tmp_path: Path
) -> None:
    assert command(raising(error("what happened"))) == code
    assert "daily_update" in log_text(tmp_path)


def test_the_table_above_leaves_out_no_error() -> None:
    def family(kind: type[Exception]) -> set[type[Exception]]:
        return {kind}.union(
            *(
                family(child)
                for child in kind.__subclasses__()
                if child.__module__ == "utils.errors"
            )
        )

    assert set(EXIT_CODES) == family(NightShiftError) | {KeyError, KeyboardInterrupt}


def test_errors_are_told_apart_by_their_kind() -> None:
    kinds = [error.kind for error in EXIT_CODES if issubclass(error, NightShiftError)]
    assert len(kinds) == len(set(kinds))


def test_the_answer_of_the_work_is_the_exit_code(command: Command) -> None:
    assert command(lambda run: EXIT_DONE) == 0
    assert command(lambda run: 75) == 75


def test_the_work_gets_settings_a_clock_and_a_store(command: Command, tmp_path: Path) -> None:
    def work(run: Run) -> int:
        assert run.settings.data_dir == tmp_path / "data"
        assert run.clock.now_kst().date().isoformat() == "2024-01-22"
        assert str(tmp_path / "data") in run.store.description
        assert run.stop.requested is False
        return 42

    assert command(work) == 42


def test_a_known_error_is_one_line_without_a_traceback(command: Command, tmp_path: Path) -> None:
    command(raising(errors.NotPublished("2024-01-22 is not out yet")))
    assert (
        log_text(tmp_path)
        .splitlines()[-1]
        .endswith("WARNING daily_update: 2024-01-22 is not out yet")
    )
    assert "Traceback" not in log_text(tmp_path)


def test_an_unknown_error_is_logged_whole(command: Command, tmp_path: Path) -> None:
    command(raising(KeyError("what happened")))
    assert "Traceback" in log_text(tmp_path)
    assert "KeyError: 'what happened'" in log_text(tmp_path)


def test_no_secret_reaches_log_or_console_by_way_of_an_error(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KRX_PW", "hunter2")
    for error in (errors.SourceDown("sent hunter2"), KeyError("hunter2")):
        assert command(raising(error)) == EXIT_FAILED
    assert "hunter2" not in log_text(tmp_path) + "".join(capsys.readouterr())


def test_no_part_of_an_address_reaches_log_or_console_by_way_of_an_error(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(
        "NOTIFY_URLS",
        "json://somebody:hunter2@127.0.0.1:1/Room-4711, tgram://123456789:AAH-token/1",
    )
    monkeypatch.setenv("HEARTBEAT_URL", "http://127.0.0.1:1/5f0e1c3a-ping")
    for text in (
        "hunter2",
        "/bot123456789:AAH-token/send",
        "/5f0e1c3a-ping/start",
        "POST /Room-4711",
    ):
        for error in (errors.SourceDown(f"sent {text}"), KeyError(text)):
            assert command(raising(error)) == EXIT_FAILED
    shown = log_text(tmp_path) + "".join(capsys.readouterr())
    assert shown.count("***") >= 8
    for secret in ("hunter2", "AAH-token", "123456789", "5f0e1c3a", "Room-4711"):
        assert secret not in shown


def test_a_wrong_setting_is_exit_code_2_and_nothing_is_written(
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LOG_LEVEL", "LOUD")
    assert command(lambda run: 0) == EXIT_USAGE
    assert "LOG_LEVEL: 'LOUD' is not allowed" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("folder", ["DATA_DIR", "LOG_DIR"])
def test_an_unwritable_folder_is_exit_code_2(
    folder: str,
    command: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv(folder, str(tmp_path / "file"))
    assert command(lambda run: 0) == EXIT_USAGE
    assert folder in capsys.readouterr().err


def test_an_option_with_the_name_of_a_setting_outweighs_it_and_is_checked_like_it(
    command: Command, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ANALYSIS_QUOTA", "7")
    quota: Callable[[Run], int] = lambda run: run.settings.analysis_quota  # noqa: E731
    assert command(quota, {"analysis_quota": "3", "other": "x"}) == 3
    assert command(quota, {"analysis_quota": None}) == 7
    assert command(quota, {"analysis_quota": "0"}) == EXIT_USAGE
    assert "ANALYSIS_QUOTA: '0' is not allowed" in capsys.readouterr().err


def test_the_store_is_closed_whatever_happens(command: Command) -> None:
    seen: list[Run] = []

    def work(run: Run) -> int:
        seen.append(run)
        raise KeyError

    command(work)
    with pytest.raises(Exception, match="closed"):
        seen[0].store.scope.get()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_work_in_hand_finish(
    number: int, command: Command, tmp_path: Path
) -> None:
    def work(run: Run) -> int:
        assert not run.stop.requested
        os.kill(os.getpid(), number)
        assert run.stop.requested
        return EXIT_DONE

    assert command(work) == EXIT_DONE
    assert f"Stopped by {signal.Signals(number).name} after the work in hand" in log_text(tmp_path)


def test_ctrl_c_twice_stops_at_once(command: Command, tmp_path: Path) -> None:
    def work(run: Run) -> int:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        return EXIT_DONE

    assert command(work) == EXIT_FAILED
    assert "run it again to go on" in log_text(tmp_path)


def test_sigterm_twice_is_sigterm_once() -> None:
    stop = StopRequest()
    stop.listen()
    for _ in range(2):
        os.kill(os.getpid(), signal.SIGTERM)
    assert stop.requested


def test_whoever_waits_long_keeps_its_locks(tmp_path: Path, clock: FakeClock) -> None:
    """Before the eighth try the exchange is left alone for five minutes, after an answer that took
    two."""
    store = Store(SqliteBackend(tmp_path), clock)
    renewals: list[float] = []
    with store.locks.hold(COLLECTION), pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.locks, "renew", lambda: renewals.append(sum(clock.slept)))
        Run(load_settings({}, tmp_path / "no.env"), clock, store).pause(301.5)
    assert (renewals, sum(clock.slept)) == ([60, 120, 180, 240, 300], 301.5)


def test_a_date_option_is_a_day_of_the_calendar() -> None:
    assert date_option("2024-01-22") == "2024-01-22"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("22.1.2024", "'22.1.2024' is not a date. Write it as 2024-01-22"),
        ("20240122", "Write it as 2024-01-22"),
        ("2024-02-30", "Write it as 2024-01-22"),
        ("", "Write it as 2024-01-22"),
        ("1999-12-30", "outside the calendar"),
        ("2100-01-04", "outside the calendar"),
    ],
)
def test_a_wrong_date_option_says_what_is_right(text: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=message):
        date_option(text)


NOW = kst(2024, 1, 22, 0, 30)


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (None, None),
        ("2024-01-22", None),
        (None, "2024-01-22"),
        ("2024-01-22", "2024-01-22"),
        ("2020-01-02", None),
    ],
)
def test_a_span_in_order_and_not_in_the_future_passes(first: str | None, last: str | None) -> None:
    check_span(first, last, NOW)


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2024-01-19", "2024-01-18", "--from 2024-01-19 is after --to 2024-01-18"),
        ("2024-01-23", None, "--from 2024-01-23 is in the future; today is 2024-01-22 KST"),
        (None, "2024-01-23", "--to 2024-01-23 is in the future"),
    ],
)
def test_a_wrong_span_is_wrong_usage(first: str | None, last: str | None, message: str) -> None:
    with pytest.raises(WrongUsage, match=message):
        check_span(first, last, NOW)

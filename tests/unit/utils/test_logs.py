"""Logs: a file per script and the console, in KST, and no secret in any of them."""

import errno
import json
import logging
import re
from collections.abc import Callable
from logging.handlers import RotatingFileHandler
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from tests.fakes import FakeClock
from utils import logs
from utils.errors import EXIT_USAGE, WrongUsage
from utils.logs import Redaction, setup_logging
from utils.settings import Settings

pytestmark = pytest.mark.usefixtures("logging_put_back")

PASSWORD = "hun/ter 2@+ü"
URI = f"mongodb://night:{quote_plus(PASSWORD)}@db.example:27017/?tls=true"
Make = Callable[..., Settings]


def log_text(settings: Settings, script: str = "daily_update") -> str:
    return (settings.log_dir / f"{script}.log").read_text(encoding="utf-8")


def test_a_line_is_kst_time_level_and_message(make_settings: Make, clock: FakeClock) -> None:
    settings = make_settings()
    setup_logging("daily_update", settings, clock)
    logging.getLogger("any").warning("%d개 종목", 2_687)
    assert log_text(settings) == "2024-01-22T19:00:00+09:00 WARNING 2687개 종목\n"


def test_a_json_line_holds_the_same_and_the_script(make_settings: Make, clock: FakeClock) -> None:
    settings = make_settings(log_format="json")
    setup_logging("daily_update", settings, clock)
    logging.getLogger("any").warning("%d개 종목", 2_687)
    assert "종목" in log_text(settings)
    assert json.loads(log_text(settings)) == {
        "time": "2024-01-22T19:00:00+09:00",
        "level": "WARNING",
        "message": "2687개 종목",
        "script": "daily_update",
    }


def test_the_console_shows_what_the_file_holds(
    make_settings: Make, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    setup_logging("daily_update", settings, clock)
    logging.getLogger("any").info("hello")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", log_text(settings))


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_a_secret_is_blanked_wherever_it_would_appear(
    log_format: str, make_settings: Make, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings(
        log_format=log_format, krx_pw="hunter2", krx_id="somebody", mongodb_uri=URI
    )
    setup_logging("daily_update", settings, clock)
    log = logging.getLogger("any")
    log.info("hunter2 of %s in %r at %s", "somebody", {"pw": "hunter2"}, URI)
    try:
        raise ValueError("login of somebody with hunter2 refused")
    except ValueError as error:
        log.critical("stopped", exc_info=error)
    for text in (log_text(settings), capsys.readouterr().err):
        assert "ValueError" in text
        assert "Traceback" in text
        assert not re.search("hunter2|somebody|night:|hun%2F", text)


@pytest.mark.parametrize("log_format", ["text", "json"])
@pytest.mark.parametrize("secret", ['quo"ted', "back\\slash", "새 비밀번호", "a'b\"c"])
def test_a_secret_of_odd_characters_is_blanked_too(
    secret: str, log_format: str, make_settings: Make, clock: FakeClock
) -> None:
    settings = make_settings(log_format=log_format, krx_pw=secret)
    setup_logging("daily_update", settings, clock)
    logging.getLogger("any").info("it is %s.", secret)
    line = log_text(settings)
    shown = json.loads(line)["message"] if log_format == "json" else line
    assert secret not in shown
    assert "it is ***." in shown


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_what_is_not_seen_is_logged_as_its_escape(
    log_format: str, make_settings: Make, clock: FakeClock
) -> None:
    settings = make_settings(log_format=log_format)
    setup_logging("daily_update", settings, clock)
    logging.getLogger("any").info("a\x1b[2J\u202eb\udc80\x85\U000e0001")
    line = log_text(settings)
    assert line.rstrip("\n").isprintable()
    if log_format == "json":
        assert json.loads(line)["message"] == "a\x1b[2J\u202eb\udc80\x85\U000e0001"
    else:
        assert line.endswith(r"a\u001b[2J\u202eb\udc80\u0085\udb40\udc01" + "\n")


@pytest.mark.parametrize(
    "text",
    [
        f"plain {PASSWORD}",
        f"percent {quote(PASSWORD, safe='')}",
        f"form pw={quote_plus(PASSWORD)}&x=1",
        f"uri {URI}",
    ],
)
def test_every_spelling_of_a_secret_is_blanked(text: str) -> None:
    shown = Redaction([PASSWORD])(text)
    assert "hun" not in shown
    assert "***" in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mongodb://a:b@h:1/", "mongodb://***@h:1/"),
        ("mongodb+srv://a:b%40@h/?x=1", "mongodb+srv://***@h/?x=1"),
        ("proxy http://user@h and https://u:p@k", "proxy http://***@h and https://***@k"),
        ("https://data.krx.co.kr/a@b", "https://data.krx.co.kr/a@b"),
        ("mail somebody@example.org", "mail somebody@example.org"),
    ],
)
def test_what_stands_before_the_at_of_a_uri_is_blanked_without_being_known(
    text: str, expected: str
) -> None:
    assert Redaction([])(text) == expected


def test_a_secret_that_contains_another_is_blanked_whole() -> None:
    assert Redaction(["abc", "abcdef"])("abcdef abc") == "*** ***"


def test_without_secrets_text_stays_as_it_is() -> None:
    assert Redaction([])("nothing to hide") == "nothing to hide"
    assert Redaction([""])("nothing to hide") == "nothing to hide"


def test_each_script_has_a_file_of_its_own(make_settings: Make, clock: FakeClock) -> None:
    settings = make_settings()
    for script in ("daily_update", "hourly_analysis"):
        setup_logging(script, settings, clock)
        logging.getLogger("any").info("this is %s", script)
    assert "hourly" not in log_text(settings, "daily_update")
    assert "daily" not in log_text(settings, "hourly_analysis")


def test_a_second_run_appends(make_settings: Make, clock: FakeClock) -> None:
    settings = make_settings()
    for word in ("first", "second"):
        setup_logging("daily_update", settings, clock)
        logging.getLogger("any").info(word)
    assert [line.split()[-1] for line in log_text(settings).splitlines()] == ["first", "second"]


def test_the_level_of_the_settings_holds_and_libraries_do_not_chatter(
    make_settings: Make, clock: FakeClock
) -> None:
    settings = make_settings(log_level="debug")
    setup_logging("daily_update", settings, clock)
    logging.getLogger("utils.any").debug("ours")
    logging.getLogger("urllib3.connectionpool").debug("theirs")
    assert log_text(settings).endswith("ours\n")


def test_files_rotate_and_stay_bounded(
    make_settings: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 500)
    monkeypatch.setattr(logs, "BACKUPS", 2)
    settings = make_settings()
    setup_logging("daily_update", settings, clock)
    for number in range(100):
        logging.getLogger("any").info("line %d", number)
    files = sorted(path.name for path in settings.log_dir.iterdir())
    assert files == ["daily_update.log", "daily_update.log.1", "daily_update.log.2"]
    assert all(path.stat().st_size <= 500 for path in settings.log_dir.iterdir())
    assert log_text(settings).endswith("line 99\n")


def test_a_folder_that_cannot_be_written_is_wrong_usage(
    make_settings: Make, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    for folder in ("file", "file/deeper"):
        with pytest.raises(
            WrongUsage, match=rf"LOG_DIR .*{folder} cannot be written.*Choose another"
        ) as error:
            setup_logging("daily_update", make_settings(log_dir=str(tmp_path / folder)), clock)
        assert error.value.exit_code == EXIT_USAGE


def test_a_log_file_that_is_a_folder_is_wrong_usage(make_settings: Make, clock: FakeClock) -> None:
    settings = make_settings()
    (settings.log_dir / "daily_update.log").mkdir(parents=True)
    with pytest.raises(WrongUsage, match="LOG_DIR"):
        setup_logging("daily_update", settings, clock)


def test_a_full_disk_is_said_once_and_the_lines_go_on_at_the_console(
    make_settings: Make, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    settings.log_dir.mkdir()
    (settings.log_dir / "daily_update.log").symlink_to("/dev/full")
    setup_logging("daily_update", settings, clock)
    for word in ("first", "second"):
        logging.getLogger("any").info(word)
    shown = capsys.readouterr().err
    assert [
        shown.count(each) for each in ("first", "second", "No space left on device", "Traceback")
    ] == [1, 1, 1, 0]


def test_a_log_that_a_full_disk_keeps_from_being_opened_begins_once_there_is_room(
    make_settings: Make,
    clock: FakeClock,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    settings = make_settings()
    with monkeypatch.context() as patch:
        patch.setattr(RotatingFileHandler, "_open", full)
        setup_logging("daily_update", settings, clock)
        for word in ("first", "second"):
            logging.getLogger("any").info(word)
    logging.getLogger("any").info("third")
    shown = capsys.readouterr().err
    assert [shown.count(each) for each in ("second", "No space left", "Traceback")] == [1, 1, 0]
    assert [line.split()[-1] for line in log_text(settings).splitlines()] == ["third"]


def test_a_line_that_cannot_be_formatted_is_a_mistake_that_is_shown(
    make_settings: Make, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    setup_logging("daily_update", make_settings(), clock)
    logging.getLogger("any").info("%d sessions", "no")
    assert "TypeError" in capsys.readouterr().err


def test_what_only_looks_leaves_no_file_and_needs_no_folder(
    make_settings: Make, clock: FakeClock, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    setup_logging(
        "daily_update", make_settings(log_dir=str(tmp_path / "file")), clock, to_file=False
    )
    logging.getLogger("any").info("hello")
    assert (tmp_path / "file").read_text() == "in the way"

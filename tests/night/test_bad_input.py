"""Wrong options, settings, credentials and databases: a clear message, the right exit code, nothing
written."""

import re
import sqlite3
from pathlib import Path

import pytest

from tests.night.suite import PASSWORD, Suite
from utils.clock import kst
from utils.errors import WrongUsage
from utils.settings import load_settings
from utils.store.sqlite import FILE_NAME

NOW = kst(2026, 9, 10, 19)
SETUP = ("manual_setup.py", "--yes", "--sessions", "3")

WRONG_OPTIONS = [
    (("manual_setup.py", "--yes", "--min-market-cap", "lots"), "MIN_MARKET_CAP: 'lots'"),
    (("manual_setup.py", "--yes", "--min-market-cap", "-1"), "MIN_MARKET_CAP: '-1'"),
    (("manual_setup.py", "--yes", "--sessions", "0"), "HISTORY_SESSIONS: '0'"),
    (("manual_setup.py", "--yes", "--sessions", "100000"), "HISTORY_SESSIONS: '100000'"),
    (("manual_setup.py", "--yes", "--markets", "KOSPI,NYSE"), "KOSPI, KOSDAQ, KONEX"),
    (("manual_setup.py", "--reset"), "--yes"),
    (("manual_setup.py", "--cron", "put"), "invalid choice: 'put'"),
    (("manual_setup.py", "--cron", "remove", "--reset"), "Leave out --dry-run, --reset"),
    (("manual_setup.py", "--status", "--reset"), "Leave out --dry-run, --reset"),
    (("manual_setup.py", "--json"), "--status"),
    (("daily_update.py", "--from", "2026-09-09", "--to", "2026-09-08"), "is after"),
    (("daily_update.py", "--from", "2026-09-11"), "in the future"),
    (("daily_update.py", "--to", "2026-02-30"), "is not a date"),
    (("daily_update.py", "--from", "yesterday"), "is not a date"),
    (("daily_update.py", "--from", "1980-01-04"), "outside the calendar"),
    (("daily_update.py", "--ticker", "005930"), "--export"),
    (("daily_update.py", "--export", "all.csv", "--dry-run"), "does not go with"),
    (("manual_setup.py", "--yes", "--sessions", "7000"), "outside the calendar"),
    (("daily_update.py", "--json"), "--status"),
    (("daily_update.py", "--export", "prices.xlsx"), ".csv or .parquet"),
    (("daily_update.py", "--export", "/nowhere/at/all.csv"), "no writable folder"),
    (("daily_update.py",), "Run manual_setup.py first"),
    (("daily_update.py", "--from", "2026-09-09"), "Run manual_setup.py first"),
    (("hourly_analysis.py", "--quota", "0"), "ANALYSIS_QUOTA: '0'"),
    (("hourly_analysis.py", "--quota", "many"), "ANALYSIS_QUOTA: 'many'"),
    (("hourly_analysis.py", "--time-limit", "0"), "ANALYSIS_TIME_LIMIT_MINUTES: '0'"),
    (("hourly_analysis.py", "--session", "2026-09-05"), "closed on that day"),
    (("hourly_analysis.py", "--session", "2026-09-11"), "--session 2026-09-11 is in the future"),
    (("hourly_analysis.py", "--ticker", "999999"), "no target"),
    (("hourly_analysis.py", "--report", "--dry-run"), "does not go with"),
    (("hourly_analysis.py", "--report", "--session", "2026-09-10"), "does not go with"),
]


@pytest.mark.parametrize(
    ("command", "message"), WRONG_OPTIONS, ids=lambda value: " ".join(value)[:60]
)
def test_wrong_options_are_named(suite: Suite, command: tuple[str, ...], message: str) -> None:
    done = suite.run(NOW, *command)
    assert (done.returncode, message in done.stderr) == (2, True), done.stderr
    assert suite.exchange.requests() == []
    assert suite.read(NOW)["heads"] == []


WRONG_SETTINGS = [
    ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
    ("DATASETS", "prices,rumours", "prices"),
    ("KRX_REQUEST_INTERVAL_SECONDS", "-1", "0 to 300"),
    ("KRX_BASE_URL", "data.krx.co.kr", "http"),
    ("MONGODB_DB_PREFIX", "a/b", "letters"),
    ("DATA_DIR", "/proc/nothing/here", "DATA_DIR"),
    ("LOG_DIR", "/proc/nothing/here", "LOG_DIR"),
    ("MONGODB_URI", "mysql://root:hush-hush@localhost/", "MONGODB_URI"),
    ("MONGODB_URI", "mongodb://user:hush-hush@", "MONGODB_URI"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG_SETTINGS)
def test_wrong_settings_are_named(suite: Suite, name: str, value: str, message: str) -> None:
    done = suite.run(NOW, *SETUP, **{name: value})
    assert (done.returncode, name in done.stderr, message in done.stderr) == (2, True, True), (
        done.stderr
    )
    assert "hush-hush" not in done.stderr
    assert suite.exchange.requests() == []


def test_missing_credentials_are_asked_for(suite: Suite) -> None:
    done = suite.run(NOW, *SETUP, KRX_ID="", KRX_PW="")
    assert (done.returncode, "KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set" in done.stderr) == (
        2,
        True,
    ), done.stderr


def test_wrong_credentials_are_tried_once_and_never_shown(suite: Suite) -> None:
    done = suite.run(NOW, *SETUP, KRX_PW="not-the-password")
    assert (done.returncode, "refuses the login" in done.stderr) == (2, True), done.stderr
    assert suite.exchange.counts()["login"] == 1
    assert "not-the-password" not in done.stdout + done.stderr + logged(suite)


def test_a_reset_deletes_nothing_before_it_knows_that_it_can_load(suite: Suite) -> None:
    suite.must(NOW, *SETUP)
    before = suite.read(NOW)
    assert suite.run(NOW, *SETUP, "--reset", KRX_PW="not-the-password").returncode == 2
    assert suite.read(NOW) == before


def test_more_sessions_than_the_exchange_has_are_refused_after_a_few_questions(
    suite: Suite,
) -> None:
    done = suite.run(NOW, "manual_setup.py", "--yes", "--sessions", "500")
    assert (done.returncode, "shows only" in done.stderr) == (2, True), done.stderr
    assert suite.exchange.counts()["data"] <= 7, (
        "three questions, two requests each, and one day nobody predicted"
    )
    store = suite.store(NOW)
    assert min(store.observed_calendar()) >= suite.exchange.exchange.market.sessions[0]
    store.close()


def test_a_server_that_is_down_is_a_failure_with_advice(suite: Suite) -> None:
    done = suite.run(
        NOW,
        *SETUP,
        MONGODB_URI="mongodb://user:hush-hush@127.0.0.1:9/?serverSelectionTimeoutMS=300",
    )
    assert (done.returncode, "MongoDB does not answer" in done.stderr) == (1, True), done.stderr
    assert "hush-hush" not in done.stdout + done.stderr + logged(suite)


def test_what_is_said_of_a_database_of_another_layout_is_what_helps(suite: Suite) -> None:
    suite.must(NOW, *SETUP)
    change(suite, 'UPDATE "system_info.schema" SET body = \'{"_id":"schema","version":99}\'')
    done = suite.run(NOW, "daily_update.py")
    assert (done.returncode, "has layout 99" in done.stderr) == (2, True), done.stderr
    assert suite.run(NOW, *SETUP, "--reset", "--dry-run").returncode == 2
    assert suite.run(NOW, *SETUP, DATA_DIR=str(suite.folder / "another")).returncode == 0
    (advice,) = re.findall(r"run (manual_setup\.py --reset --yes)", done.stderr)
    suite.must(NOW, *advice.split(), "--sessions", "3")
    suite.must(NOW, "daily_update.py")
    assert len(suite.read(NOW)["heads"]) == 3


def test_a_file_that_is_no_database_is_left_alone(suite: Suite) -> None:
    (suite.folder / "data").mkdir()
    path = suite.folder / "data" / FILE_NAME
    path.write_bytes(b"this is no database" * 1000)
    done = suite.run(NOW, *SETUP)
    assert (done.returncode, "is damaged" in done.stderr) == (1, True), done.stderr
    assert path.read_bytes() == b"this is no database" * 1000


def test_a_damaged_page_is_a_failure_and_not_a_smaller_market(suite: Suite) -> None:
    suite.must(NOW, *SETUP)
    path = suite.folder / "data" / FILE_NAME
    change(suite, "PRAGMA wal_checkpoint(TRUNCATE)")
    half = path.stat().st_size // 2
    with path.open("r+b") as file:
        file.seek(half - half % 4096)
        file.write(b"\xff" * 65536)
    done = suite.run(NOW, "daily_update.py", "--export", str(suite.folder / "all.csv"))
    assert done.returncode == 1, done.stderr
    assert "damaged" in done.stderr
    assert not (suite.folder / "all.csv").exists()


def test_one_changed_cell_is_damage_and_never_exported(suite: Suite) -> None:
    suite.must(NOW, *SETUP)
    change(suite, "UPDATE session_columns SET data = zeroblob(length(data)) WHERE name = 'volume'")
    done = suite.run(NOW, "daily_update.py", "--export", str(suite.folder / "all.csv"))
    assert (done.returncode, "is damaged" in done.stderr) == (1, True), done.stderr
    assert not (suite.folder / "all.csv").exists()


def test_the_database_is_nobody_elses_business(suite: Suite) -> None:
    suite.must(NOW, *SETUP)
    assert (suite.folder / "data").stat().st_mode & 0o777 == 0o700
    assert (suite.folder / "data" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_an_unknown_ticker_exports_nothing(suite: Suite) -> None:
    suite.must(NOW, *SETUP)
    done = suite.run(
        NOW, "daily_update.py", "--export", str(suite.folder / "one.csv"), "--ticker", "ZZZZZZ"
    )
    assert (done.returncode, "Nothing of ticker ZZZZZZ" in done.stderr) == (2, True), done.stderr
    assert not (suite.folder / "one.csv").exists()


def test_the_password_and_the_login_id_reach_no_output(suite: Suite) -> None:
    done = suite.run(NOW, *SETUP, LOG_LEVEL="DEBUG")
    seen = done.stdout + done.stderr + logged(suite)
    assert done.returncode == 0
    assert (PASSWORD in seen, suite.settings()["KRX_ID"] in seen) == (False, False)


def logged(suite: Suite) -> str:
    return "".join(path.read_text(encoding="utf-8") for path in (suite.folder / "logs").glob("*"))


def change(suite: Suite, sql: str) -> None:
    with sqlite3.connect(suite.folder / "data" / FILE_NAME) as connection:
        connection.execute(sql)


@pytest.mark.parametrize(
    "line", ["MONGODB_URI mongodb://u:hush-hush@h/", "KRX_PW: hush-hush", "KRX_PW"]
)
def test_a_line_that_says_nothing_is_named_by_its_number_and_not_shown(
    tmp_path: Path, line: str
) -> None:
    (tmp_path / ".env").write_text(f"# ours\nKRX_ID=me\n{line}\n", encoding="utf-8")
    with pytest.raises(WrongUsage, match="line 3: not of the form NAME=value") as caught:
        load_settings(env_file=tmp_path / ".env")
    assert "hush-hush" not in str(caught.value)


def test_a_password_is_taken_as_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KRX_PW", raising=False)
    (tmp_path / ".env").write_text("KRX_PW='pa$$w${HOME}x #1'\n", encoding="utf-8")
    password = load_settings(env_file=tmp_path / ".env").krx_pw
    assert password is not None
    assert password.get_secret_value() == "pa$$w${HOME}x #1"


def test_a_typo_in_the_env_file_is_named_with_what_was_meant(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("KRX_PWD=hush-hush\n", encoding="utf-8")
    with pytest.raises(WrongUsage, match=r"KRX_PWD.*KRX_PW\?") as caught:
        load_settings(env_file=tmp_path / ".env")
    assert "hush-hush" not in str(caught.value)

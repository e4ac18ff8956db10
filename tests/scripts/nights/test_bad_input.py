"""Wrong options, settings, credentials and databases: a clear message, the right exit code, nothing
written."""

import re
import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness import PASSWORD, Installation
from utils.clock import kst
from utils.errors import WrongUsage
from utils.settings import load_settings
from utils.store.sqlite import FILE_NAME

NOW = kst(2026, 9, 10, 19)
SETUP = ("manual_setup", "--yes", "--sessions", "3")

WRONG_OPTIONS = [
    (("manual_setup", "--yes", "--min-market-cap", "lots"), "MIN_MARKET_CAP: 'lots'"),
    (("manual_setup", "--yes", "--min-market-cap", "-1"), "MIN_MARKET_CAP: '-1'"),
    (("manual_setup", "--yes", "--sessions", "0"), "HISTORY_SESSIONS: '0'"),
    (("manual_setup", "--yes", "--sessions", "100000"), "HISTORY_SESSIONS: '100000'"),
    (("manual_setup", "--yes", "--markets", "KOSPI,NYSE"), "KOSPI, KOSDAQ, KONEX"),
    (("manual_setup", "--reset"), "--yes"),
    (("manual_setup", "--cron", "put"), "invalid choice: 'put'"),
    (("manual_setup", "--cron", "remove", "--reset"), "Leave out --dry-run, --reset"),
    (("manual_setup", "--status", "--reset"), "Leave out --dry-run, --reset"),
    (("manual_setup", "--json"), "--status"),
    (("daily_update", "--from", "2026-09-09", "--to", "2026-09-08"), "is after"),
    (("daily_update", "--from", "2026-09-11"), "in the future"),
    (("daily_update", "--to", "2026-02-30"), "is not a date"),
    (("daily_update", "--from", "yesterday"), "is not a date"),
    (("daily_update", "--from", "1980-01-04"), "outside the calendar"),
    (("daily_update", "--ticker", "005930"), "--export"),
    (("daily_update", "--export", "all.csv", "--dry-run"), "does not go with"),
    (("manual_setup", "--yes", "--sessions", "7000"), "outside the calendar"),
    (("daily_update", "--json"), "--status"),
    (("daily_update", "--export", "prices.xlsx"), ".csv or .parquet"),
    (("daily_update", "--export", "/nowhere/at/all.csv"), "no writable folder"),
    (("daily_update",), "Run manual_setup.py first"),
    (("daily_update", "--from", "2026-09-09"), "Run manual_setup.py first"),
    (("hourly_analysis", "--quota", "0"), "ANALYSIS_QUOTA: '0'"),
    (("hourly_analysis", "--quota", "many"), "ANALYSIS_QUOTA: 'many'"),
    (("hourly_analysis", "--time-limit", "0"), "ANALYSIS_TIME_LIMIT_MINUTES: '0'"),
    (("hourly_analysis", "--session", "2026-09-05"), "closed on that day"),
    (("hourly_analysis", "--session", "2026-09-11"), "--session 2026-09-11 is in the future"),
    (("hourly_analysis", "--ticker", "999999"), "no target"),
    (("hourly_analysis", "--report", "--dry-run"), "does not go with"),
    (("hourly_analysis", "--report", "--session", "2026-09-10"), "does not go with"),
]


@pytest.mark.parametrize(
    ("command", "message"), WRONG_OPTIONS, ids=lambda value: " ".join(value)[:60]
)
def test_wrong_options_are_named(
    installation: Installation, command: tuple[str, ...], message: str
) -> None:
    done = installation.run(NOW, *command)
    assert (done.code, message in done.stderr) == (2, True), done.stderr
    assert installation.exchange.requests() == []
    assert installation.read(NOW)["heads"] == []


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
def test_wrong_settings_are_named(
    installation: Installation, name: str, value: str, message: str
) -> None:
    done = installation.run(NOW, *SETUP, **{name: value})
    assert (done.code, name in done.stderr, message in done.stderr) == (2, True, True), done.stderr
    assert "hush-hush" not in done.stderr
    assert installation.exchange.requests() == []


def test_missing_credentials_are_asked_for(installation: Installation) -> None:
    done = installation.run(NOW, *SETUP, KRX_ID="", KRX_PW="")
    assert (done.code, "KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set" in done.stderr) == (
        2,
        True,
    ), done.stderr


def test_wrong_credentials_are_tried_once_and_never_shown(installation: Installation) -> None:
    done = installation.run(NOW, *SETUP, KRX_PW="not-the-password")
    assert (done.code, "refuses the login" in done.stderr) == (2, True), done.stderr
    assert installation.exchange.counts()["login"] == 1
    assert "not-the-password" not in done.stdout + done.stderr + logged(installation)


def test_a_wrong_password_never_locks_the_account_however_many_runs_there_are(
    installation: Installation,
) -> None:
    installation.must(NOW, *SETUP)
    installation.exchange.reset_counts()
    for hours in (24, 25.7, 37):
        moment = NOW + timedelta(hours=hours)
        done = installation.run(moment, "daily_update", KRX_PW="not-the-password")
        assert done.code == 2, done.stderr
    assert installation.exchange.counts()["login"] == 2
    assert "the last time on 2026-09-11 20:42 KST" in done.stderr
    installation.must(NOW + timedelta(days=5), "daily_update")


def test_a_reset_deletes_nothing_before_it_knows_that_it_can_load(
    installation: Installation,
) -> None:
    installation.must(NOW, *SETUP)
    before = installation.read(NOW)
    assert installation.run(NOW, *SETUP, "--reset", KRX_PW="not-the-password").code == 2
    assert installation.read(NOW) == before


def test_more_sessions_than_the_exchange_has_are_refused_after_a_few_questions(
    installation: Installation,
) -> None:
    done = installation.run(NOW, "manual_setup", "--yes", "--sessions", "500")
    assert (done.code, "shows only" in done.stderr) == (2, True), done.stderr
    assert installation.exchange.counts()["data"] <= 7, (
        "three questions, two requests each, and one day nobody predicted"
    )
    store = installation.store(NOW)
    assert min(store.calendar.observed()) >= installation.exchange.exchange.market.sessions[0]
    store.close()


def test_a_server_that_is_down_is_a_failure_with_advice(installation: Installation) -> None:
    done = installation.run(
        NOW,
        *SETUP,
        MONGODB_URI="mongodb://user:hush-hush@127.0.0.1:9/?serverSelectionTimeoutMS=300",
    )
    assert (done.code, "MongoDB does not answer" in done.stderr) == (1, True), done.stderr
    assert "hush-hush" not in done.stdout + done.stderr + logged(installation)


def test_what_is_said_of_a_database_of_another_layout_is_what_helps(
    installation: Installation,
) -> None:
    installation.must(NOW, *SETUP)
    change(installation, 'UPDATE "system_info.schema" SET body = \'{"_id":"schema","version":99}\'')
    change(
        installation,
        'UPDATE "stock_data.sessions" '
        "SET body = json_remove(body, '$.factor_digest', '$.datasets')",
    )
    done = installation.run(NOW, "daily_update")
    assert (done.code, "has layout 99" in done.stderr) == (2, True), done.stderr
    assert installation.run(NOW, *SETUP, "--reset", "--dry-run").code == 2
    assert installation.run(NOW, *SETUP, DATA_DIR=str(installation.folder / "another")).code == 0
    ((script, advice),) = re.findall(r"run (manual_setup)\.py (--reset --yes)", done.stderr)
    installation.must(NOW, script, *advice.split(), "--sessions", "3")
    installation.must(NOW, "daily_update")
    assert len(installation.read(NOW)["heads"]) == 3


def test_a_file_that_is_no_database_is_left_alone(installation: Installation) -> None:
    (installation.folder / "data").mkdir()
    path = installation.folder / "data" / FILE_NAME
    path.write_bytes(b"this is no database" * 1000)
    done = installation.run(NOW, *SETUP)
    assert (done.code, "is damaged" in done.stderr) == (1, True), done.stderr
    assert path.read_bytes() == b"this is no database" * 1000


def test_a_damaged_page_is_a_failure_and_not_a_smaller_market(installation: Installation) -> None:
    installation.must(NOW, *SETUP)
    path = installation.folder / "data" / FILE_NAME
    change(installation, "PRAGMA wal_checkpoint(TRUNCATE)")
    half = path.stat().st_size // 2
    with path.open("r+b") as file:
        file.seek(half - half % 4096)
        file.write(b"\xff" * 65536)
    done = installation.run(NOW, "daily_update", "--export", str(installation.folder / "all.csv"))
    assert done.code == 1, done.stderr
    assert "damaged" in done.stderr
    assert not (installation.folder / "all.csv").exists()


def test_one_changed_cell_is_damage_and_never_exported(installation: Installation) -> None:
    installation.must(NOW, *SETUP)
    change(
        installation,
        "UPDATE session_columns SET data = zeroblob(length(data)) WHERE name = 'volume'",
    )
    done = installation.run(NOW, "daily_update", "--export", str(installation.folder / "all.csv"))
    assert (done.code, "is damaged" in done.stderr) == (1, True), done.stderr
    assert not (installation.folder / "all.csv").exists()


def test_the_database_is_nobody_elses_business(installation: Installation) -> None:
    installation.must(NOW, *SETUP)
    assert (installation.folder / "data").stat().st_mode & 0o777 == 0o700
    assert (installation.folder / "data" / FILE_NAME).stat().st_mode & 0o777 == 0o600


def test_an_unknown_ticker_exports_nothing(installation: Installation) -> None:
    installation.must(NOW, *SETUP)
    done = installation.run(
        NOW, "daily_update", "--export", str(installation.folder / "one.csv"), "--ticker", "ZZZZZZ"
    )
    assert (done.code, "Nothing of ticker ZZZZZZ" in done.stderr) == (2, True), done.stderr
    assert not (installation.folder / "one.csv").exists()


def test_the_password_and_the_login_id_reach_no_output(installation: Installation) -> None:
    done = installation.run(NOW, *SETUP, LOG_LEVEL="DEBUG")
    seen = done.stdout + done.stderr + logged(installation)
    assert done.code == 0
    assert (PASSWORD in seen, installation.settings()["KRX_ID"] in seen) == (False, False)


def logged(installation: Installation) -> str:
    return "".join(
        path.read_text(encoding="utf-8") for path in (installation.folder / "logs").glob("*")
    )


def change(installation: Installation, sql: str) -> None:
    with sqlite3.connect(installation.folder / "data" / FILE_NAME) as connection:
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

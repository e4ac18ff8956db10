"""Every setting: its default, a right value, and a wrong one that is named together with what is
allowed."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from utils.clock import kst
from utils.errors import EXIT_USAGE, WrongUsage
from utils.settings import (
    PROJECT,
    Settings,
    environment_for_imports,
    load_settings,
    remarks,
    setting_names,
)

DEFAULTS: dict[str, Any] = {
    "MONGODB_URI": None,
    "COPY_TO_URI": None,
    "MONGODB_DB_PREFIX": "",
    "DATA_DIR": PROJECT / "data",
    "LOG_DIR": PROJECT / "logs",
    "KRX_ID": None,
    "KRX_PW": None,
    "KRX_OPENAPI_KEY": None,
    "KRX_BASE_URL": "https://data.krx.co.kr/",
    "KRX_OPENAPI_BASE_URL": "https://data-dbg.krx.co.kr/",
    "KRX_REQUEST_INTERVAL_SECONDS": 1.0,
    "MIN_MARKET_CAP": 100_000_000_000,
    "MARKETS": ("KOSPI", "KOSDAQ"),
    "TARGETS_FILE": None,
    "HISTORY_SESSIONS": 300,
    "ANALYSIS_QUOTA": 2000,
    "ANALYSIS_TIME_LIMIT_MINUTES": 50,
    "DATASETS": ("prices", "fundamentals"),
    "NOTIFY_URLS": None,
    "NOTIFY_DIGEST": "no",
    "NOTIFY_LANG": None,
    "HEARTBEAT_URL": None,
    "REPORT_FILE": PROJECT / "data/report.html",
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "text",
    "KST_NOW": None,
}

RIGHT: list[tuple[str, str, Any]] = [
    ("MONGODB_URI", "mongodb://localhost/", "mongodb://localhost/"),
    ("COPY_TO_URI", "mongodb://there/", "mongodb://there/"),
    ("MONGODB_DB_PREFIX", "test_1-", "test_1-"),
    ("MONGODB_DB_PREFIX", "x" * 38, "x" * 38),
    ("DATA_DIR", "/srv/krx", Path("/srv/krx")),
    ("DATA_DIR", "elsewhere/data", PROJECT / "elsewhere/data"),
    ("LOG_DIR", "~/logs", Path.home() / "logs"),
    ("REPORT_FILE", "~/report.html", Path.home() / "report.html"),
    ("REPORT_FILE", "out/report.html", PROJECT / "out/report.html"),
    ("KRX_ID", "demo", "demo"),
    ("KRX_PW", "p=w # 'x\"", "p=w # 'x\""),
    ("KRX_BASE_URL", "http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
    ("KRX_BASE_URL", "http://localhost:8000/open", "http://localhost:8000/open"),
    ("KRX_OPENAPI_KEY", "0123456789ABCDEF", "0123456789ABCDEF"),
    ("KRX_OPENAPI_BASE_URL", "http://127.0.0.1:8000", "http://127.0.0.1:8000/"),
    ("KRX_REQUEST_INTERVAL_SECONDS", "0", 0.0),
    ("KRX_REQUEST_INTERVAL_SECONDS", "2.5", 2.5),
    ("KRX_REQUEST_INTERVAL_SECONDS", "300", 300.0),
    ("MIN_MARKET_CAP", "0", 0),
    ("MIN_MARKET_CAP", "1000000000000000000", 10**18),
    ("MARKETS", "KONEX", ("KONEX",)),
    ("MARKETS", " kospi , KOSDAQ,KONEX ", ("KOSPI", "KOSDAQ", "KONEX")),
    ("TARGETS_FILE", "targets.txt", PROJECT / "targets.txt"),
    ("TARGETS_FILE", "~/targets", Path.home() / "targets"),
    ("HISTORY_SESSIONS", "1", 1),
    ("HISTORY_SESSIONS", "7800", 7800),
    ("ANALYSIS_QUOTA", "1", 1),
    ("ANALYSIS_QUOTA", "100000", 100_000),
    ("ANALYSIS_TIME_LIMIT_MINUTES", "0.5", 0.5),
    ("ANALYSIS_TIME_LIMIT_MINUTES", "1440", 1440.0),
    ("DATASETS", "prices", ("prices",)),
    (
        "NOTIFY_URLS",
        "json://localhost/a, mailto://u:p@h?to=a@h,b@h",
        "json://localhost/a, mailto://u:p@h?to=a@h,b@h",
    ),
    ("NOTIFY_DIGEST", "Yes", "yes"),
    ("NOTIFY_DIGEST", "BOTH", "both"),
    ("NOTIFY_LANG", "KO", "ko"),
    ("HEARTBEAT_URL", "https://hc-ping.com/uuid", "https://hc-ping.com/uuid"),
    ("DATASETS", "indices, foreign ,prices", ("prices", "foreign", "indices")),
    ("LOG_LEVEL", "debug", "DEBUG"),
    ("LOG_FORMAT", "json", "json"),
    ("KST_NOW", "2024-01-22T19:00", kst(2024, 1, 22, 19)),
    ("KST_NOW", "2024-01-22 19:00:30", kst(2024, 1, 22, 19, 0, 30)),
    ("KST_NOW", "2024-01-22T10:00:00Z", kst(2024, 1, 22, 19)),
]

WRONG = [
    ("MONGODB_DB_PREFIX", "a.b", "letters, digits"),
    ("MONGODB_DB_PREFIX", "x" * 39, "at most 38"),
    ("MONGODB_DB_PREFIX", "한글", "letters, digits"),
    ("DATA_DIR", "~no-such-user-here/data", "path of a folder"),
    ("LOG_DIR", "~no-such-user-here/logs", "path of a folder"),
    ("REPORT_FILE", "~no-such-user-here/report.html", "path of a file"),
    ("KRX_BASE_URL", "data.krx.co.kr", "http:// or https://"),
    ("KRX_BASE_URL", "ftp://data.krx.co.kr", "http:// or https://"),
    ("KRX_OPENAPI_BASE_URL", "data-dbg.krx.co.kr", "http:// or https://"),
    ("KRX_REQUEST_INTERVAL_SECONDS", "-1", "from 0 to 300"),
    ("KRX_REQUEST_INTERVAL_SECONDS", "soon", "from 0 to 300"),
    ("KRX_REQUEST_INTERVAL_SECONDS", "nan", "from 0 to 300"),
    ("KRX_REQUEST_INTERVAL_SECONDS", "inf", "from 0 to 300"),
    ("MIN_MARKET_CAP", "-1", "whole number of won"),
    ("MIN_MARKET_CAP", "1e11", "whole number of won"),
    ("MIN_MARKET_CAP", "100bn", "whole number of won"),
    ("MIN_MARKET_CAP", "0.5", "whole number of won"),
    ("MIN_MARKET_CAP", "1000000000000000001", "10^18"),
    ("MARKETS", "KOSPI,NASDAQ", "KOSPI, KOSDAQ, KONEX"),
    ("MARKETS", ",", "one or more"),
    ("TARGETS_FILE", "~no-such-user-here/targets", "path of a text file"),
    ("HISTORY_SESSIONS", "0", "1 to 7800"),
    ("HISTORY_SESSIONS", "100000", "1 to 7800"),
    ("HISTORY_SESSIONS", "many", "1 to 7800"),
    ("ANALYSIS_QUOTA", "0", "1 to 100000"),
    ("ANALYSIS_QUOTA", "100001", "1 to 100000"),
    ("ANALYSIS_TIME_LIMIT_MINUTES", "0", "above 0, at most 1440"),
    ("ANALYSIS_TIME_LIMIT_MINUTES", "1441", "above 0, at most 1440"),
    ("ANALYSIS_TIME_LIMIT_MINUTES", "nan", "above 0, at most 1440"),
    ("DATASETS", "prices,tea leaves", "prices"),
    ("DATASETS", "fundamentals,foreign", "prices, alone or with"),
    ("DATASETS", ",", "prices"),
    ("NOTIFY_URLS", "somebody@example.org", "as apprise takes them"),
    ("NOTIFY_URLS", "json://localhost/a mailto:u@h", "as apprise takes them"),
    ("NOTIFY_DIGEST", "perhaps", "no, yes or both"),
    ("NOTIFY_LANG", "ja", "en or ko"),
    ("HEARTBEAT_URL", "hc-ping.com/uuid", "http:// or https://"),
    ("LOG_LEVEL", "LOUD", "DEBUG, INFO, WARNING or ERROR"),
    ("LOG_FORMAT", "xml", "text or json"),
    ("KST_NOW", "yesterday", "2024-01-22T19:00"),
    ("KST_NOW", "2024-02-30T19:00", "2024-01-22T19:00"),
]


def plain(value: Any) -> Any:
    """A setting's value as the tables above write it: secrets uncovered, addresses as text."""
    if hasattr(value, "get_secret_value"):
        return value.get_secret_value()
    return str(value) if type(value).__name__ == "HttpUrl" else value


def refusal(env_file: Path, **options: str) -> str:
    with pytest.raises(WrongUsage) as error:
        load_settings(options, env_file)
    assert error.value.exit_code == EXIT_USAGE
    return str(error.value)


def test_every_setting_has_its_default(env_file: Path) -> None:
    settings = load_settings(env_file=env_file)
    assert {name: plain(getattr(settings, name.lower())) for name in setting_names()} == DEFAULTS


@pytest.mark.parametrize(("name", "text", "expected"), RIGHT)
def test_a_right_value_is_taken(
    name: str, text: str, expected: object, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    assert plain(getattr(load_settings(env_file=env_file), name.lower())) == expected


@pytest.mark.parametrize(("name", "text", "allowed"), WRONG)
def test_a_wrong_value_is_named_with_what_is_allowed(
    name: str, text: str, allowed: str, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, text)
    message = refusal(env_file)
    assert f"{name}: " in message
    assert "Allowed: " in message
    assert allowed in message


def test_the_tables_above_leave_out_no_setting() -> None:
    assert list(DEFAULTS) == setting_names()
    assert {name for name, _, _ in RIGHT} == set(setting_names())
    any_text = {"MONGODB_URI", "COPY_TO_URI", "KRX_ID", "KRX_PW", "KRX_OPENAPI_KEY"}
    assert {name for name, _, _ in WRONG} == set(setting_names()) - any_text


def test_all_wrong_values_are_named_at_once(env_file: Path) -> None:
    message = refusal(env_file, log_level="LOUD", history_sessions="0", markets="MOON")
    assert all(
        name in message for name in ("LOG_LEVEL: 'LOUD'", "HISTORY_SESSIONS: '0'", "MARKETS: ")
    )


def test_an_option_outweighs_the_environment_which_outweighs_the_file(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("ANALYSIS_QUOTA=1\nHISTORY_SESSIONS=1\nMIN_MARKET_CAP=1\n")
    monkeypatch.setenv("HISTORY_SESSIONS", "2")
    monkeypatch.setenv("MIN_MARKET_CAP", "2")
    settings = load_settings({"min_market_cap": "3"}, env_file)
    assert (settings.analysis_quota, settings.history_sessions, settings.min_market_cap) == (
        1,
        2,
        3,
    )


@pytest.mark.parametrize("empty", ["", "  "])
def test_an_empty_value_in_the_environment_switches_off_what_the_file_says(
    empty: str, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("MONGODB_URI=mongodb://localhost/\nANALYSIS_QUOTA=7\n")
    monkeypatch.setenv("MONGODB_URI", empty)
    monkeypatch.setenv("ANALYSIS_QUOTA", empty)
    settings = load_settings(env_file=env_file)
    assert (settings.mongodb_uri, settings.analysis_quota) == (None, 2000)


def test_empty_values_in_the_file_mean_the_defaults(env_file: Path) -> None:
    env_file.write_text("".join(f"{name}=\n" for name in setting_names()))
    settings = load_settings(env_file=env_file)
    shown = {name: plain(getattr(settings, name.lower())) for name in setting_names()}
    assert shown == DEFAULTS | {"REPORT_FILE": None}, "its default is no empty one"


def test_the_page_is_in_the_data_folder_unless_a_place_is_named_or_it_is_switched_off(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("DATA_DIR=/srv/krx\n")
    settings = load_settings(env_file=env_file)
    assert settings.report_file == Path("/srv/krx/report.html")
    assert not settings.report_file_is_chosen
    for written, path in (("/srv/www/krx.html", Path("/srv/www/krx.html")), ("", None)):
        settings = load_settings({"report_file": written}, env_file)
        assert (settings.report_file, settings.report_file_is_chosen) == (path, True)
    env_file.write_text("REPORT_FILE=/srv/www/krx.html\n")
    monkeypatch.setenv("REPORT_FILE", "  ")
    assert load_settings(env_file=env_file).report_file is None


def test_a_wrong_data_folder_is_the_only_thing_that_is_named(env_file: Path) -> None:
    with pytest.raises(WrongUsage) as refused:
        load_settings({"data_dir": "~no-such-user-here/x"}, env_file)
    assert "REPORT_FILE" not in str(refused.value)


def test_a_wrong_value_in_the_file_names_the_file(env_file: Path) -> None:
    env_file.write_text("LOG_LEVEL=LOUD\n")
    assert str(env_file) in refusal(env_file)


def test_names_in_lower_case_count_too(env_file: Path) -> None:
    env_file.write_text("analysis_quota=7\n")
    assert load_settings(env_file=env_file).analysis_quota == 7


@pytest.mark.parametrize(
    ("typo", "meant"),
    [
        ("MONGO_URI", "MONGODB_URI"),
        ("KRX_PWD", "KRX_PW"),
        ("KRX_PASSWORD", "KRX_PW"),
        ("MARKET", "MARKETS"),
        ("MIN_MARKETCAP", "MIN_MARKET_CAP"),
        ("ANALYSIS_QOUTA", "ANALYSIS_QUOTA"),
        ("analysis_quotas", "ANALYSIS_QUOTA"),
        ("LOGLEVEL", "LOG_LEVEL"),
    ],
)
def test_a_typo_in_the_file_is_refused_with_what_was_meant(
    typo: str, meant: str, env_file: Path
) -> None:
    env_file.write_text(f"{typo}=hunter2\n")
    message = refusal(env_file)
    assert f"{typo}: no such setting. Did you mean {meant}?" in message
    assert "hunter2" not in message


def test_names_of_other_programs_are_none_of_our_business(env_file: Path) -> None:
    env_file.write_text(
        "COMPOSE_PROJECT_NAME=x\nAWS_REGION=y\nTZ=UTC\nPATH=/bin\nMONGODB_TEST_URI=mongodb://h/\n"
    )
    assert load_settings(env_file=env_file).mongodb_uri is None


def test_a_typo_in_the_environment_may_be_another_programs_name(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGLEVEL", "x")
    assert load_settings(env_file=env_file).log_level == "INFO"


def test_a_file_that_is_not_utf8_is_refused_in_one_sentence(env_file: Path) -> None:
    env_file.write_bytes("# 설정\nKRX_ID=demo\n".encode("cp949"))
    message = refusal(env_file)
    assert str(env_file) in message
    assert "UTF-8" in message


def test_no_file_is_no_problem(tmp_path: Path) -> None:
    assert load_settings(env_file=tmp_path / "nowhere" / ".env").history_sessions == 300


SECRETS = {
    "notify_urls": "json://hunter2:hunter2@localhost/hunter2-Room",
    "heartbeat_url": "https://localhost/hunter2-Ping",
    "mongodb_uri": "mongodb://night:hunter2@localhost/",
    "krx_id": "somebody-hunter2",
    "krx_pw": "hunter2!",
}


def test_secrets_never_show_in_the_settings_themselves(env_file: Path) -> None:
    settings = load_settings(SECRETS, env_file)
    for shown in (
        repr(settings),
        str(settings),
        str(settings.model_dump()),
        settings.model_dump_json(),
    ):
        assert "hunter2" not in shown


def test_secrets_never_show_in_a_message_about_another_setting(env_file: Path) -> None:
    assert "hunter2" not in refusal(env_file, log_level="LOUD", **SECRETS)


def test_a_secret_that_is_not_allowed_is_not_shown(env_file: Path) -> None:
    wrong: Any = {"krx_pw": ["hunter2"]}
    message = refusal(env_file, **wrong)
    assert "KRX_PW: that value is not allowed" in message
    assert "hunter2" not in message


def test_the_secrets_are_known_longest_first_for_blanking(env_file: Path) -> None:
    secrets = load_settings(SECRETS, env_file).secrets()
    assert set(SECRETS.values()) <= set(secrets)
    assert [len(secret) for secret in secrets] == sorted(map(len, secrets), reverse=True)
    assert {"hunter2", "hunter2-Room", "hunter2-Ping"} <= set(secrets)
    assert load_settings(env_file=env_file).secrets() == []


def test_paths_are_absolute_in_any_working_directory(
    env_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings({"data_dir": "d", "log_dir": "../l"}, env_file)
    assert settings.data_dir == PROJECT / "d"
    assert settings.log_dir.is_absolute()
    assert load_settings(env_file=env_file).data_dir.is_absolute()


def test_kst_now_without_a_zone_is_kst(env_file: Path) -> None:
    now = load_settings({"kst_now": "2024-01-22T19:00"}, env_file).kst_now
    assert now is not None
    assert now.utcoffset() == timedelta(hours=9)


def test_settings_are_frozen(env_file: Path) -> None:
    settings = load_settings(env_file=env_file)
    with pytest.raises(ValidationError, match="frozen"):
        settings.analysis_quota = 1


def test_the_prefix_is_put_before_the_three_database_names(env_file: Path) -> None:
    assert load_settings({"mongodb_db_prefix": "t_"}, env_file).mongodb_databases == {
        "system_info": "t_system_info",
        "stock_data": "t_stock_data",
        "stock_analyzed": "t_stock_analyzed",
    }


def test_an_import_sees_the_environment_without_what_is_hidden(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRX_PW", "hunter2")
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)
    monkeypatch.delenv("KRX_ID", raising=False)
    with environment_for_imports(tmp_path, without=("KRX_ID", "KRX_PW")):
        assert "KRX_PW" not in os.environ
        assert os.environ["MPLCONFIGDIR"] == str(tmp_path / "matplotlib")
    assert os.environ["KRX_PW"] == "hunter2"
    assert "KRX_ID" not in os.environ
    monkeypatch.delenv("MPLCONFIGDIR", raising=False)


def test_an_import_that_fails_gives_the_environment_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRX_PW", "hunter2")
    monkeypatch.setenv("MPLCONFIGDIR", "/kept")
    with pytest.raises(ImportError), environment_for_imports(tmp_path, without=("KRX_PW",)):
        raise ImportError
    assert (os.environ["KRX_PW"], os.environ["MPLCONFIGDIR"]) == ("hunter2", "/kept")


EXAMPLE = PROJECT / ".env.example"


def documented() -> dict[str, str]:
    """`NAME=value` lines of .env.example, commented out or not; the first of a name counts."""
    lines = re.findall(
        r"^(?:#\s?)?([A-Z_]+)=(.*)$", EXAMPLE.read_text(encoding="utf-8"), re.MULTILINE
    )
    return {name: value.strip() for name, value in reversed(lines)}


def test_the_example_file_names_every_setting_and_no_other() -> None:
    assert sorted(documented()) == sorted(setting_names())


@pytest.mark.parametrize("name", [name for name, value in DEFAULTS.items() if value is not None])
def test_a_default_in_the_example_file_is_the_real_one(name: str, env_file: Path) -> None:
    settings = load_settings({name.lower(): documented()[name]}, env_file)
    assert plain(getattr(settings, name.lower())) == DEFAULTS[name]


def test_the_example_file_as_it_is_means_the_defaults() -> None:
    settings: Settings = load_settings(env_file=EXAMPLE)
    assert {name: plain(getattr(settings, name.lower())) for name in setting_names()} == DEFAULTS


def test_a_clock_that_was_left_in_the_file_is_remarked_on(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("KST_NOW=2024-01-22T19:00\n")
    assert [remark.split()[0] for remark in remarks(env_file)] == ["KST_NOW"]
    env_file.write_text("")
    monkeypatch.setenv("KST_NOW", "2024-01-22T19:00")
    assert remarks(env_file) == []


@pytest.mark.parametrize(
    ("text", "addresses"),
    [
        ("json://h/a,json://h/b", ["json://h/a", "json://h/b"]),
        (" json://h/a\n json://h/b ,", ["json://h/a", "json://h/b"]),
        ("mailto://u:p@h?to=a@h,b@h, tgram://t/1", ["mailto://u:p@h?to=a@h,b@h", "tgram://t/1"]),
    ],
)
def test_addresses_are_parted_by_commas_or_spaces(
    text: str, addresses: list[str], env_file: Path
) -> None:
    assert load_settings({"notify_urls": text}, env_file).notify_addresses == addresses


@pytest.mark.parametrize(
    ("locale", "set_to", "language"),
    [
        ({}, "", "en"),
        ({"LANG": "C.UTF-8"}, "", "en"),
        ({"LANG": "ko_KR.UTF-8"}, "", "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_ALL": "C"}, "", "en"),
        ({"LANG": "ko_KR.UTF-8"}, "en", "en"),
        ({}, "ko", "ko"),
    ],
)
def test_notifications_are_in_the_language_of_the_setting_or_else_of_the_locale(
    locale: dict[str, str],
    set_to: str,
    language: str,
    env_file: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert load_settings({"notify_lang": set_to}, env_file).language == language


@pytest.mark.parametrize(
    ("wanted", "morning", "evening"),
    [("no", False, False), ("yes", True, False), ("both", True, True)],
)
def test_a_digest_is_wanted_by_somebody_who_can_be_told(
    wanted: str, morning: bool, evening: bool, env_file: Path
) -> None:
    nobody = load_settings({"notify_digest": wanted}, env_file)
    assert (nobody.wants_digest, nobody.wants_evening_digest) == (False, False)
    settings = load_settings({"notify_digest": wanted, "notify_urls": "json://h/"}, env_file)
    assert (settings.wants_digest, settings.wants_evening_digest) == (morning, evening)


@pytest.mark.parametrize(
    ("options", "chosen", "at_hand"),
    [
        ({}, ("fundamentals",), ()),
        ({"krx_openapi_key": "k"}, ("fundamentals",), ()),
        ({"krx_id": "a", "krx_pw": "b"}, ("fundamentals",), ("fundamentals",)),
        ({"krx_id": "a", "krx_pw": "b", "datasets": "prices"}, (), ()),
        ({"krx_id": "a", "krx_pw": "b", "datasets": "indices,prices"}, ("indices",), ("indices",)),
    ],
)
def test_datasets_besides_the_prices_need_an_account(
    options: dict[str, str], chosen: tuple[str, ...], at_hand: tuple[str, ...], env_file: Path
) -> None:
    settings = load_settings(options, env_file)
    assert (settings.extra_datasets, settings.datasets_at_hand) == (chosen, at_hand)

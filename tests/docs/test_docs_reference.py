"""Comparison of docs/, .env.example and crontab.example with the code: what they list is complete,
and nothing else is listed."""

import re
import sqlite3
from dataclasses import asdict, fields
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from dotenv import dotenv_values
from pydantic import SecretStr

from collectors.analysis.analysis_queue import AnalysisQueue
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from collectors.collection.target_refresh import refresh_targets
from collectors.exchange.dataset_tables import parse_index
from collectors.rules import corporate_actions
from collectors.rules.corporate_actions import find_actions
from collectors.rules.market_rules import Oddity
from collectors.rules.target_list import read_target_list
from collectors.rules.target_rule import TargetRule
from collectors.views.export import EXPORT_COLUMNS
from tests.fakes import FakeClock, market_day, row
from utils.cron.lines import cron_lines
from utils.errors import EXIT_FAILED, NightShiftError, WrongUsage
from utils.job_status import JobRun
from utils.market_day import DATASET_COLUMN_NAMES, DAY_COLUMNS, SetAside
from utils.notifications.watch import EVERYDAY
from utils.settings import PROJECT, Settings, load_settings, setting_names
from utils.store import Store
from utils.store.datasets import DatasetState
from utils.store.further_columns import FurtherState
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.mongo import daily_prices_pipeline
from utils.store.schema import COLLECTIONS, INDICATORS, SCREENS, SESSIONS, TARGETS, WAITING
from utils.store.sqlite import FILE_NAME, SqliteBackend

PAGES = [
    PROJECT / "README.md",
    PROJECT / "README.ko.md",
    PROJECT / "CHANGELOG.md",
    *(PROJECT / "docs").glob("*.md"),
]
SQL = ("docs/documents.md", "docs/what-to-do.md")
VIEW = "stock_data.daily_prices"
INDEX_CELLS = (
    "CLSPRC_IDX PRV_DD_CMPR OPNPRC_IDX HGPRC_IDX LWPRC_IDX ACC_TRDVOL ACC_TRDVAL MKTCAP".split()
)
BEFORE, SESSION, AFTER = "2024-01-19", "2024-01-22", "2024-01-23"
WRONG = {
    "MONGODB_DB_PREFIX": "a b",
    "DATA_DIR": "~no-such-user/data",
    "LOG_DIR": "~no-such-user/logs",
    "KRX_BASE_URL": "data.krx.co.kr",
    "KRX_OPENAPI_BASE_URL": "data-dbg.krx.co.kr",
    "KRX_REQUEST_INTERVAL_SECONDS": "-1",
    "MIN_MARKET_CAP": "1e11",
    "MARKETS": "NASDAQ",
    "TARGETS_FILE": "~no-such-user/targets",
    "DATASETS": "rumours",
    "HISTORY_SESSIONS": "0",
    "ANALYSIS_QUOTA": "0",
    "ANALYSIS_TIME_LIMIT_MINUTES": "0",
    "NOTIFY_URLS": "somebody@example.org",
    "NOTIFY_DIGEST": "perhaps",
    "NOTIFY_LANG": "ja",
    "HEARTBEAT_URL": "hc-ping.com",
    "REPORT_FILE": "~no-such-user/report.html",
    "LOG_LEVEL": "LOUD",
    "LOG_FORMAT": "xml",
    "KST_NOW": "tomorrow",
}
"""A value that each setting refuses; the database's address and the account are tried where they
are used."""


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """Return the text under that heading up to the next one."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#+ |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, title
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of every table row that begins with inline code."""
    return [
        [cell.strip() for cell in line.strip("|\n").split("|")]
        for line in re.findall(r"^\| `.*$", text, re.M)
    ]


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def default_as_text(name: str) -> str:
    field = Settings.model_fields[name.lower()]
    default = field.get_default(
        call_default_factory=True, validated_data={"data_dir": PROJECT / "data"}
    )
    if isinstance(default, Path):
        return default.relative_to(PROJECT).as_posix()
    if isinstance(default, tuple):
        return ",".join(default)
    return "" if default is None else str(default).rstrip("/")


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in setting_names():
        monkeypatch.delenv(name, raising=False)


def documented_settings() -> dict[str, list[str]]:
    settings = rows(read("docs/settings.md").split("Options and the settings")[0])
    return {inline_code(cells[0])[0]: cells for cells in settings}


def test_every_setting_is_documented_and_no_other() -> None:
    assert set(documented_settings()) == set(setting_names())


@pytest.mark.parametrize("name", sorted(setting_names()))
def test_the_documented_default_is_the_true_one(name: str) -> None:
    without_one = "empty" if Settings.model_fields[name.lower()].default == "" else "none"
    default = default_as_text(name)
    assert documented_settings()[name][1] == (f"`{default}`" if default else without_one)


@pytest.mark.usefixtures("no_environment")
@pytest.mark.parametrize(("name", "wrong"), WRONG.items())
def test_the_documented_values_are_those_that_a_refusal_names(
    name: str, wrong: str, tmp_path: Path
) -> None:
    with pytest.raises(WrongUsage) as refusal:
        load_settings({name.lower(): wrong}, tmp_path / ".env")
    (allowed,) = re.findall(r"Allowed: (.+)\.$", str(refusal.value), re.MULTILINE)
    assert allowed in documented_settings()[name][2]


def test_every_setting_that_can_be_wrong_was_tried() -> None:
    assert set(WRONG) == set(setting_names()) - {
        "MONGODB_URI",
        "COPY_TO_URI",
        "KRX_ID",
        "KRX_PW",
        "KRX_OPENAPI_KEY",
    }


def test_the_documented_options_are_those_that_outweigh_a_setting() -> None:
    documented = {
        inline_code(cells[1])[0] for cells in rows(read("docs/settings.md")) if len(cells) == 2
    }
    scripts = "".join(
        read(name) for name in ("manual_setup.py", "daily_update.py", "hourly_analysis.py")
    )
    offered = set(re.findall(r'"--([a-z-]+)"(?:, dest="(\w+)")?', scripts))
    settings = {(dest or option.replace("-", "_")).upper() for option, dest in offered}
    assert documented == settings & set(setting_names())


def test_the_env_example_changes_nothing_as_it_is() -> None:
    assert dotenv_values(PROJECT / ".env.example") == {}


@pytest.mark.usefixtures("no_environment")
def test_the_env_example_shows_every_setting_with_its_default(tmp_path: Path) -> None:
    shown = dict(re.findall(r"^#([A-Z_]+)=(.*)$", read(".env.example"), re.MULTILINE))
    assert shown == {name: default_as_text(name) for name in set(setting_names())}
    everything = tmp_path / ".env"
    everything.write_text(
        "".join(f"{name}={value}\n" for name, value in shown.items()), encoding="utf-8"
    )
    assert (
        load_settings(env_file=everything).model_dump()
        == load_settings(env_file=tmp_path / "none").model_dump()
    )


def test_the_settings_that_are_documented_as_kept_out_of_the_logs_are_the_secret_ones() -> None:
    named = re.findall(
        r"`([A-Z_]+)`", section(read("docs/settings.md"), "What is kept out of the logs")
    )
    secret = {
        name.upper()
        for name, each in Settings.model_fields.items()
        if each.annotation == SecretStr | None
    }
    assert set(named) == secret


def test_what_is_documented_as_told_to_nobody_is_what_nobody_is_told() -> None:
    (sentence,) = re.findall(
        r"^Not told: (.+?)\n\n", read("docs/notifications.md"), re.MULTILINE | re.DOTALL
    )
    assert set(inline_code(sentence)) == set(EVERYDAY)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    """A store in which every collection has a document, written by the code that writes it at
    night."""
    store = Store(SqliteBackend(tmp_path), clock)
    previous = market_day(BEFORE, row("005930", 1000), row("000660", 900))
    split = market_day(SESSION, row("005930", 500, shares=200), row("000660", 910, change=10))
    store.sessions.save(previous)
    store.sessions.save(split, find_actions(previous.frame, split.frame, SESSION).documents())
    refresh_targets(store, split.frame, SESSION, TargetRule(0, ["KOSPI"]))
    store.scope.save(0, ["KOSPI"], BEFORE)
    store.calendar.record({SESSION: True}, "session")
    series = pd.DataFrame(
        [dict.fromkeys(INDEX_CELLS, "1.00") | {"TRD_DD": SESSION.replace("-", "/")}]
    )
    store.indices.save(
        [day | {"finality": "final"} for day in parse_index(series, "KOSPI", SESSION, SESSION)]
    )
    store.sources.next_request("pykrx", timedelta(seconds=1))
    store.incidents.open(DAILY_UPDATE, "down", "The exchange cannot be reached.")
    found = Oddity("new", "KOSPI", "of 949 KOSPI tickers 60 are new")
    store.waiting.put(AFTER, "digest", [asdict(found)], "It is odd.", clock.now_utc())
    with JobRun(store, HOURLY_ANALYSIS, SESSION) as job:
        AnalysisQueue(
            store, TechnicalAnalyzer(store.sessions.panel(SESSION, 300)), SESSION, 10, lambda: True
        ).step()
        job.record(analyzed=2)
    return store


def documented_fields(collection: str) -> set[str]:
    first_table = section(read("docs/documents.md"), collection).split("\n\n| rule")[0]
    return {name for cells in rows(first_table) for name in inline_code(cells[0])}


def test_every_collection_and_the_view_is_documented() -> None:
    titles = re.findall(r"^## (\w+\.\w+)$", read("docs/documents.md"), re.MULTILINE)
    assert sorted(titles) == sorted([*COLLECTIONS, VIEW])


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_the_documented_fields_are_those_that_are_written(collection: str, store: Store) -> None:
    with store.locks.hold(DAILY_UPDATE):
        written = {name for document in store.backend.find(collection) for name in document}
    columns = {*DAY_COLUMNS, *DATASET_COLUMN_NAMES} if collection == SESSIONS else set()
    assert written
    assert documented_fields(collection) == written | columns


def test_the_documented_state_of_a_dataset_is_the_one_that_is_kept() -> None:
    table = section(read("docs/documents.md"), "Datasets")
    assert [inline_code(cells[0])[0] for cells in rows(table)] == [
        each.name for each in fields(DatasetState)
    ]


def test_the_documented_state_of_a_further_column_is_the_one_that_is_kept() -> None:
    table = section(read("docs/documents.md"), "Further columns")
    assert [inline_code(cells[0])[0] for cells in rows(table)] == [
        each.name for each in fields(FurtherState)
    ]


def test_the_documented_facts_of_a_row_that_is_set_aside_are_those_that_are_kept() -> None:
    table = section(read("docs/documents.md"), "Rows that are set aside")
    assert [inline_code(cells[0])[0] for cells in rows(table)] == [
        each.name for each in fields(SetAside)
    ]


def test_the_documented_facts_of_an_oddity_are_those_that_are_kept() -> None:
    cells = {row[0]: row for row in rows(section(read("docs/documents.md"), WAITING))}
    assert inline_code(cells["`oddities`"][1]) == [each.name for each in fields(Oddity)]


def test_the_documented_fields_of_the_view_are_those_it_gives() -> None:
    assert documented_fields(VIEW) == set(daily_prices_pipeline()[-1]["$project"])


def test_the_documented_rules_and_kinds_of_corporate_actions_are_those_of_the_code() -> None:
    text = section(read("docs/documents.md"), "stock_data.corporate_actions")
    cells = {inline_code(row[0])[0]: row for row in rows(text)}
    kinds = {
        value
        for name, value in vars(corporate_actions).items()
        if name.isupper() and isinstance(value, str)
    }
    table = re.findall(r"^    (\w+)  ", str(corporate_actions.__doc__), re.MULTILINE)
    rules = table[1:]  # the head of the table
    assert set(inline_code(cells["kind"][1])) == kinds - {corporate_actions.OFF_TICK_CLOSES_SINCE}
    assert list(cells)[-len(rules) :] == rules


def test_the_documented_export_columns_are_those_written() -> None:
    (line,) = re.findall(r"^```csv\n(.+)\n```$", read("docs/documents.md"), re.MULTILINE)
    assert line.split(",") == EXPORT_COLUMNS


def test_the_documented_indexes_are_those_that_are_made() -> None:
    text = section(read("docs/documents.md"), "stock_analyzed.indicators")
    (sentence,) = re.findall(r"^MongoDB has an index on (.+?)\.$", text, re.MULTILINE | re.DOTALL)
    assert inline_code(sentence) == [field for fields in SCREENS[INDICATORS] for field in fields]


@pytest.mark.parametrize(
    "sql", re.findall(r"^```sql\n(.+?)^```$", "".join(map(read, SQL)), re.MULTILINE | re.DOTALL)
)
def test_the_sql_of_the_documents_finds_what_it_says(
    sql: str, store: Store, tmp_path: Path
) -> None:
    signals, error = ["gap_up", "golden_cross_5_20"], "a price of zero or below"
    store.backend.update(INDICATORS, {"_id": "005930"}, {"signals": signals})
    store.backend.update(TARGETS, {"_id": "005930"}, {"last_error": error})
    store.close()
    connection = sqlite3.connect(tmp_path / FILE_NAME)
    found = connection.execute(sql).fetchall()
    connection.close()
    assert found == [("005930", "종목 005930", error if "last_error" in sql else None)]


def test_the_documented_file_of_targets_can_be_read(tmp_path: Path) -> None:
    (text,) = re.findall(
        r"^```text\n(.+?)^```$", read("docs/settings.md"), re.MULTILINE | re.DOTALL
    )
    (tmp_path / "targets").write_text(text, encoding="utf-8")
    found = read_target_list(tmp_path / "targets")
    assert (len(found.always), len(found.never)) == (text.count("\n+"), text.count("\n-")) == (2, 1)


def test_what_to_look_for_after_a_night_without_data_is_what_the_scripts_say() -> None:
    parts = [path for part in ("collectors", "utils") for path in (PROJECT / part).rglob("*.py")]
    said = " ".join(re.sub(r'"\s*f?"', "", path.read_text(encoding="utf-8")) for path in parts)
    table = rows(section(read("docs/what-to-do.md"), "Nothing was stored last night"))
    assert len(table) >= 7
    for cells in table:
        for words in inline_code(cells[0]):
            assert words == "--status" or words in said, words


def kinds_of_errors() -> dict[str, int]:
    found, classes = {}, [NightShiftError]
    while classes:
        error = classes.pop()
        found[error.kind] = error.exit_code
        classes += error.__subclasses__()
    return found


def test_every_kind_of_error_is_documented_with_its_exit_code(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), JobRun(store, DAILY_UPDATE, SESSION):
        _ = 1 / 0
    store.jobs.start(HOURLY_ANALYSIS, SESSION)
    store.jobs.give_up_before(HOURLY_ANALYSIS, before=AFTER)
    jobs = [store.jobs.get(DAILY_UPDATE, SESSION), store.jobs.get(HOURLY_ANALYSIS, SESSION)]
    unexpected, unfinished = (job["error"]["kind"] for job in jobs if job is not None)

    table = rows(section(read("docs/exit-codes.md"), "Kinds"))
    documented = {inline_code(kind)[0]: code.strip("`") for kind, code, _ in table}
    expected = {kind: str(code) for kind, code in kinds_of_errors().items()}
    assert documented == expected | {unexpected: str(EXIT_FAILED), unfinished: "-"}


def test_every_exit_code_has_a_meaning_and_a_situation() -> None:
    codes = {"0"} | {str(code) for code in kinds_of_errors().values()}
    page = read("docs/exit-codes.md")
    summary, situations = page.split("## Situations")[0], section(page, "Situations")
    assert {inline_code(cells[0])[0] for cells in rows(summary)} == codes
    assert {inline_code(cells[0])[0] for cells in rows(situations)} == codes


def test_the_crontab_example_is_what_the_program_prints() -> None:
    folder = Path("/home/you/krx-night-shift")
    plain, quarters = (
        cron_lines(folder, folder / ".venv/bin/python", folder / "logs", in_kst=in_kst)
        for in_kst in (True, False)
    )
    jobs = [
        line
        for line in read("crontab.example").splitlines()
        if "python" in line and not line.startswith("# ")
    ]
    assert jobs == plain + [f"#{line}" for line in quarters]


def test_the_cron_page_explains_the_checks_that_are_printed() -> None:
    """The page quotes pieces of the lines; each must stand in one of them."""
    page = section(read("docs/cron.md"), "Any other host")
    quoted = [code for code in inline_code(page) if code.startswith(("TZ=KST-9", "["))]
    assert len(quoted) == 6
    for code in quoted:
        assert code in read("crontab.example")


def slug(heading: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w\- ]", "", heading.strip("# `").lower()).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    return {
        slug(heading)
        for heading in re.findall(r"^#+ .+$", page.read_text(encoding="utf-8"), re.MULTILINE)
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!http)([^)]+)\)", page.read_text(encoding="utf-8")):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.is_file(), link
        assert not anchor or anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_of_ours_that_is_named_exists(page: Path) -> None:
    for code in inline_code(page.read_text(encoding="utf-8")):
        if re.fullmatch(r"[\w/]+\.py", code):
            assert (PROJECT / code).is_file(), code


def test_every_page_is_linked_from_both_readmes() -> None:
    pages = {f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md")}
    for name in ("README.md", "README.ko.md"):
        assert pages <= set(re.findall(r"\]\((docs/[^)#]+)\)", read(name)))


def proofs() -> list[str]:
    page = read("docs/failures.md")
    return re.findall(r"`(test_\w+)`", page)


def test_every_failure_names_the_test_that_proves_it() -> None:
    page = read("docs/failures.md")
    for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
        header, _, *body = table.splitlines()
        if "proved by" in header:
            assert all(re.search(r"`test_\w+` \|$", line) for line in body), header


@pytest.mark.parametrize("name", sorted(set(proofs())))
def test_a_proof_that_is_named_exists(name: str) -> None:
    found = [
        path
        for path in (PROJECT / "tests").rglob("test_*.py")
        if f"def {name}(" in path.read_text("utf-8")
    ]
    assert len(found) == 1, name

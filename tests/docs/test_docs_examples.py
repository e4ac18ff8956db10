"""The examples of the two READMEs, run as they stand against a small installation of the sandbox's market."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from sandbox.market import Day
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.docs.test_docs_readme import READMES, code_blocks, read
from tests.failures.installation import Installation, sleepless
from tests.night.suite import LOGIN_ID, PASSWORD, Suite
from utils.clock import kst
from utils.settings import PROJECT

MORNING = kst(2026, 9, 12, 9)
"""A Saturday: all that Friday published is final."""
LAST, THEN = "2026-09-11", "2026-09-01"
SESSIONS = 30
IN_THE_READMES = ("005930", "000660")
REPORT = "hourly_analysis.py --report"
SHOWS = ("daily_update.py --export ", "daily_update.py --status", "hourly_analysis.py --ticker ", REPORT)
"""The commands that show what is stored; the others are tested as whole nights."""


def shell_commands() -> list[str]:
    shell = [code for name in READMES for kind, code in code_blocks(read(name)) if kind == "sh"]
    commands = re.findall(r"^\.venv/bin/python (.+)$", "".join(shell), re.MULTILINE)
    return sorted({command for command in commands if command.startswith(SHOWS)})


def python_example(readme: str) -> str:
    (code,) = (code for kind, code in code_blocks(read(readme)) if kind == "python")
    return code


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture(scope="module")
def suite(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Suite]:
    """Thirty sessions, analysed."""
    folder = tmp_path_factory.mktemp("installation")
    with LocalExchange(market, MORNING, {LOGIN_ID: PASSWORD}) as exchange:
        suite = Suite(exchange, folder, {"DATASETS": ""})  # the default
        with pytest.MonkeyPatch.context() as patch:
            sleepless(patch)
            installation = Installation(suite, patch)
            installation.must(MORNING, "manual_setup", "--yes", "--sessions", str(SESSIONS))
            installation.must(MORNING + timedelta(minutes=10), "hourly_analysis")
        yield suite


@pytest.fixture(scope="module")
def last(market: SyntheticMarket) -> Day:
    return market.day(LAST)


@pytest.fixture(scope="module")
def largest(last: Day) -> tuple[str, ...]:
    """The invented market's two largest stand in for Samsung Electronics and SK hynix."""
    return tuple(last.code[place] for place in (-last.market_cap).argsort()[:2])


def in_this_market(example: str, largest: tuple[str, ...]) -> str:
    for real, invented in zip(IN_THE_READMES, largest, strict=True):
        example = example.replace(real, invented)
    return example


def of(day: Day, ticker: str, field: str) -> int:
    return int(getattr(day, field)[list(day.code).index(ticker)])


def test_the_examples_are_found() -> None:
    assert {command.split(" --")[0] for command in shell_commands()} == {"daily_update.py", "hourly_analysis.py"}
    assert {shown for shown in SHOWS for command in shell_commands() if command.startswith(shown)} == set(SHOWS)


@pytest.mark.parametrize("command", shell_commands())
def test_a_command_of_the_readme_runs_and_shows_what_is_stored(
    command: str,
    suite: Suite,
    market: SyntheticMarket,
    largest: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    script, *options = in_this_market(command, largest).split()
    Installation(suite, monkeypatch).must(MORNING + timedelta(hours=1), script.removesuffix(".py"), *options)
    if options[0] == "--export":
        table = pd.read_csv(tmp_path / options[1], dtype={"ticker": str})
        sessions = market.sessions[market.sessions.index(LAST) - SESSIONS + 1 : market.sessions.index(LAST) + 1]
        whole = sum(len(market.day(session).code) for session in sessions)
        assert len(table) == (SESSIONS if "--ticker" in options else whole)
        assert table["session"].unique().tolist() == sessions
    elif command == REPORT:
        page = suite.folder / "data" / "report.html"
        assert f'"session":"{LAST}"' in page.read_text(encoding="utf-8")
    else:
        shown = capsys.readouterr().out
        assert LAST in shown
        assert options[0] == "--status" or largest[0] in shown


@pytest.fixture(scope="module", params=READMES)
def printed(request: pytest.FixtureRequest, suite: Suite, largest: tuple[str, ...]) -> list[str]:
    """What the Python example of each README prints, line by line."""
    ran = subprocess.run(
        [sys.executable, "-"],
        input=in_this_market(python_example(request.param), largest),
        cwd=PROJECT,
        env={**os.environ, **suite.settings(), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert ran.stderr == ""
    return ran.stdout.splitlines()


def test_python_shows_the_means_of_the_last_twenty_closes(
    printed: list[str], market: SyntheticMarket, largest: tuple[str, ...]
) -> None:
    until = market.sessions.index(LAST) + 1
    for ticker in largest:
        closes = [of(market.day(session), ticker, "close") for session in market.sessions[until - 20 : until]]
        assert f"{float(round(sum(closes) / 20))}" in next(line for line in printed if line.startswith(LAST))


def test_python_shows_the_market_as_it_was(printed: list[str], market: SyntheticMarket) -> None:
    then = market.day(THEN)
    names = [then.name[place] for place in (-then.market_cap).argsort()[:3]]
    assert printed[-5] == f"{len(then.code)} tickers, the largest: {names}"


def test_python_counts_the_price_earnings_ratios(printed: list[str], market: SyntheticMarket, last: Day) -> None:
    assert printed[-4] == f"{(market.fundamentals(last).eps > 0).sum()} tickers have a PER"


def test_python_shows_a_session_as_published(printed: list[str], last: Day) -> None:
    assert printed[-3] == f"{LAST} {last.value.sum()} won traded"


def test_python_shows_the_panel(printed: list[str], last: Day, largest: tuple[str, ...]) -> None:
    name = last.name[list(last.code).index(largest[0])]
    assert printed[-2] == f"{name} {(len(last.code), SESSIONS)} {float(of(last, largest[0], 'close'))}"


def test_python_shows_the_last_analysis(printed: list[str], suite: Suite, largest: tuple[str, ...]) -> None:
    store = suite.store(MORNING)
    result = store.analysis(largest[0])
    store.close()
    assert result is not None
    assert 0 < result["latest"]["rsi_14"] < 100
    assert printed[-1] == f"{LAST} {result['latest']['rsi_14']} {result['signals']}"

"""Nights on which names hold markup, control characters, formulas or a million characters: stored,
compared and shown as text, and the day is there."""

import json
import re

import pandas as pd
import pytest

from sandbox.row_faults import ODD_NAMES
from tests.harness import Installation
from tests.harness.fixtures import installed, prepared  # noqa: F401 - fixtures
from utils.clock import kst
from utils.outside_text import MOST_OF_NAME

EVENING, HOUR = kst(2026, 9, 10, 19), kst(2026, 9, 10, 19, 10)
MORNING, LATER = kst(2026, 9, 11, 8, 2), kst(2026, 9, 11, 19)
TONIGHT = "2026-09-10"
PLAIN = {
    '=HYPERLINK("http://krx.example")',
    "[bold]굵은[/nothing] :warning:",
    "</script><b>@everyone</b>",
    "자전성삼[31m",
    "두 줄",
    "+1",
    "긴" * MOST_OF_NAME,
}


@pytest.fixture
def night(installed: Installation) -> Installation:  # noqa: F811
    """Installation after an evening of odd names and its analysis."""
    installed.exchange.fail("odd_names")
    done = installed.must(EVENING, "daily_update")
    assert done.log.rstrip("\n").replace("\n", "").isprintable()
    installed.must(HOUR, "hourly_analysis", REPORT_FILE=str(installed.folder / "page.html"))
    return installed


def names(installation: Installation) -> dict[str, str]:
    with installation.opened(HOUR) as store:
        day = store.sessions.load(TONIGHT)
    assert day is not None
    return dict(zip(day.frame["ticker"], day.frame["name"], strict=True))


def without_space(text: str) -> str:
    """Return a text as it is whatever lines it was broken into."""
    return re.sub(r"\s", "", text)


def test_each_is_stored_as_one_visible_line_or_as_the_code(night: Installation) -> None:
    stored = names(night)
    nameless = {ticker for ticker, name in stored.items() if ticker == name}
    assert set(stored.values()) - nameless == PLAIN
    assert len(nameless) >= len(stored) // len(ODD_NAMES)


def test_they_are_the_same_in_the_morning_and_former_names_once_true_ones_are_back(
    night: Installation,
) -> None:
    evening = names(night)
    night.must(MORNING, "daily_update")
    assert names(night) == evening
    night.exchange.clear_faults()
    night.must(LATER, "daily_update")
    for target in night.read(LATER)["targets"]:
        odd = [each for each in target["former"] if each["until"] == TONIGHT]
        assert target["name"] not in PLAIN | {target["_id"]}
        assert {each["name"] for each in odd} <= PLAIN, target


def test_terminal_page_and_export_show_text(night: Installation) -> None:
    stored = names(night)
    analysed = [target["_id"] for target in night.read(HOUR)["targets"]]
    for ticker in analysed[::3]:
        said = night.must(HOUR, "hourly_analysis", "--ticker", ticker).stdout
        assert without_space(f"{ticker} {stored[ticker]} (") in without_space(said)
    page = (night.folder / "page.html").read_text("utf-8")
    rows = json.loads(re.findall(r'type="application/json"[^>]*>(.*?)</script>', page)[0])["rows"]
    assert dict(zip(rows["ticker"], rows["name"], strict=True)) == {
        ticker: stored[ticker] for ticker in analysed
    }
    file = night.folder / "names.csv"
    night.must(HOUR, "daily_update", "--export", str(file), "--from", TONIGHT)
    cells = pd.read_csv(file, dtype=str)["name"]
    assert not cells.str.match(r"\s*[=+@-]").any()
    assert {cell.removeprefix("'") for cell in cells} == set(stored.values())

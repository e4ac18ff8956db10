"""The page as a file: what is in it, what can never run in it, how it appears."""

import base64
import errno
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.analysis.indicators.catalogue import GROUPS, INDICATOR_NAMES
from collectors.analysis.indicators.patterns import PATTERNS
from collectors.analysis.indicators.ranks import RANKED
from collectors.analysis.indicators.signals import SIGNALS
from collectors.rules import corporate_actions
from collectors.views.report import analysed_session, is_current, write_report
from collectors.views.report.contents import contents, short
from collectors.views.report.page import FOLDER, SCRIPTS
from tests.fakes import FakeClock
from tests.flow.views.report.conftest import SESSION
from tests.flow.views.report.nights import EVIL_NAMES, analyse, market, store_market
from utils.clock import kst
from utils.errors import NightShiftError, NotStored, WrongUsage
from utils.market_day import FINAL, PROVISIONAL, SetAside
from utils.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out" / "report.html"


@pytest.fixture
def page(store: Store, path: Path) -> str:
    write_report(store, path, SESSION)
    return path.read_text(encoding="utf-8")


def scripts(page: str) -> list[tuple[str, str]]:
    """Return (attributes, content) of every script element, as a browser cuts them."""
    return re.findall(r"<script([^>]*)>(.*?)</script", page, re.DOTALL | re.IGNORECASE)


def test_the_page_carries_its_contents_whole(page: str, store: Store) -> None:
    (attributes, data), _ = scripts(page)
    assert "application/json" in attributes
    assert json.loads(data) == json.loads(json.dumps(contents(store, SESSION)))


def test_names_end_no_script_and_begin_none(page: str) -> None:
    assert len(scripts(page)) == 2
    assert set(json.loads(scripts(page)[0][1])["rows"]["name"]) > set(EVIL_NAMES)


def test_only_our_own_script_and_style_may_run(page: str) -> None:
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', page)
    for text in (scripts(page)[1][1], style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_nothing_is_fetched(page: str) -> None:
    assert set(re.findall(r"\w+://[^\s\"'`]+", page)) == {"http://www.w3.org/2000/svg"}
    markup, _ = page.split('<script type="application/json"')
    assert not re.search(r"<(link|img|iframe|object|script[^>]* src)\b", markup)


def test_every_script_file_is_part_of_the_page(page: str) -> None:
    assert {file.name for file in FOLDER.glob("*.js")} == set(SCRIPTS)
    for name in SCRIPTS:
        assert (FOLDER / name).read_text(encoding="utf-8") in page


def words() -> dict[str, tuple[str, str]]:
    """Return key -> English, Korean."""
    text = (
        (FOLDER / "words.js")
        .read_text(encoding="utf-8")
        .split("const WORDS = {")[1]
        .split("\n};")[0]
    )
    found = re.findall(
        r'^  "?([\w ]+?)"?: \[\s*"([^"]+)",\s*"([^"]+)",?\s*\],$', text, re.MULTILINE
    )
    assert len(found) == text.count(": [")
    return {key: (english, korean) for key, english, korean in found}


def test_every_text_has_both_languages_and_the_same_values() -> None:
    for key, (english, korean) in words().items():
        assert not re.search("[가-힣]", english)
        assert re.search("[가-힣]", korean) or korean in ("RSI", "MACD"), key
        assert set(re.findall(r"{\w+}", english)) == set(re.findall(r"{\w+}", korean)), key


def test_every_text_that_is_used_is_there() -> None:
    pieces = "".join(
        (FOLDER / name).read_text(encoding="utf-8") for name in ("page.html", *SCRIPTS)
    )
    used = {one or other for one, other in re.findall(r'word\("(\w+)"|data-word="(\w+)"', pieces)}
    kinds = {
        value
        for name, value in vars(corporate_actions).items()
        if name.isupper() and isinstance(value, str)
    }
    ranked = set(RANKED) - set(INDICATOR_NAMES)
    wanted = (
        used
        | kinds - {corporate_actions.OFF_TICK_CLOSES_SINCE}
        | {group.title for group in GROUPS}
        | ranked
    )
    assert wanted | {FINAL, PROVISIONAL} <= set(words())


def test_every_section_is_on_the_page_with_a_title_and_a_short_name() -> None:
    markup, script = (
        (FOLDER / name).read_text(encoding="utf-8") for name in ("page.html", "main.js")
    )
    (listed,) = re.findall(r"^const SECTIONS = \[(.+)\];$", script, re.MULTILINE)
    sections = re.findall(r'"(\w+)"', listed)
    assert sections == re.findall(r'<section id="(\w+)"', markup)
    assert {*sections, *(f"{name}_short" for name in sections)} <= set(words())


def test_every_rule_and_unit_of_the_catalogue_is_said_in_korean() -> None:
    text = (
        (FOLDER / "words.js")
        .read_text(encoding="utf-8")
        .split("const HINTS = {")[1]
        .split("\n};")[0]
    )
    hints = dict(re.findall(r'^  "?(.+?)"?:\s+"([^"]+)",$', text, re.MULTILINE))
    units = {indicator.unit for group in GROUPS for indicator in group.indicators}
    assert set(hints) == {signal.meaning for signal in SIGNALS} | units
    assert all(re.search("[가-힣]", hints[signal.meaning]) for signal in SIGNALS)


def test_one_entry_per_target_in_every_list(store: Store) -> None:
    facts, targets = contents(store, SESSION), store.targets.active()
    assert facts["rows"]["ticker"] == [target["_id"] for target in targets]
    lists = [
        *facts["rows"].values(),
        *facts["latest"].values(),
        *facts["ranks"].values(),
        facts["charts"],
    ]
    assert {len(each) for each in lists} == {len(targets)}
    assert tuple(facts["latest"]) == INDICATOR_NAMES


def test_signals_and_patterns_are_those_of_the_results(store: Store) -> None:
    rows = contents(store, SESSION)["rows"]
    for ticker, signals, patterns in zip(
        rows["ticker"], rows["signals"], rows["patterns"], strict=True
    ):
        document = store.results.get(ticker)
        assert document is not None
        assert [SIGNALS[position].name for position in signals] == document["signals"]
        assert [
            {"name": PATTERNS[position].name, "direction": way} for position, way in patterns
        ] == document["patterns"]
    assert sum(map(len, rows["signals"])) > 0


def test_the_change_is_from_the_base_price(store: Store) -> None:
    rows, day = contents(store, SESSION)["rows"], store.sessions.load(SESSION)
    assert day is not None
    frame = day.frame.set_index("ticker")
    for ticker, percent in zip(rows["ticker"], rows["percent"], strict=True):
        close, change = frame.loc[ticker, ["close", "change"]]
        assert percent == pytest.approx(100 * change / (close - change), abs=0.006)


def test_corporate_actions_are_those_of_the_targets(store: Store) -> None:
    (action,) = contents(store, SESSION)["actions"]["000290"]
    assert action[1:] == ["split", pytest.approx(0.2, rel=0.05), None]


def test_a_target_that_is_behind_shows_its_own_session(empty_store: Store) -> None:
    *days, last = market(30, 90)
    store_market(empty_store, iter(days))
    analyse(empty_store, days[-1].session)
    store_market(empty_store, iter([last]))
    analyse(empty_store, SESSION, quota=5)
    facts = contents(empty_store, SESSION)
    assert facts["analyzed"] == 5 < facts["targets"]
    assert set(facts["rows"]["session"]) == {days[-1].session, SESSION}
    assert [value is None for value in facts["rows"]["value"]] == [
        session != SESSION for session in facts["rows"]["session"]
    ]


def test_rows_that_are_set_aside_and_remarks_of_an_odd_day_are_those_of_the_session(
    store: Store,
) -> None:
    day = store.sessions.load(SESSION)
    assert day is not None
    facts = contents(store, SESSION)
    assert (facts["set_aside"], facts["accepted"]) == ([], [])
    aside = SetAside("000020", EVIL_NAMES[0], "KOSPI", "no whole number", "{}")
    store.sessions.save(replace(day, set_aside=(aside,), accepted=("volumes: of 42 tickers 40.",)))
    facts = contents(store, SESSION)
    assert facts["set_aside"] == [["000020", EVIL_NAMES[0], "no whole number"]]
    assert facts["accepted"] == ["volumes: of 42 tickers 40."]


def test_a_target_whose_row_is_set_aside_after_its_analysis_has_no_signals(store: Store) -> None:
    first, *_ = contents(store, SESSION)["rows"]["ticker"]
    store.targets.reopen(SESSION, "2024-01-19", [first])
    store.targets.pass_over(SESSION, {first: "its row is set aside"})
    facts = contents(store, SESSION)
    assert first not in facts["rows"]["ticker"], "the result of an earlier reading is gone"
    assert facts["analyzed"] == len(facts["rows"]["ticker"]) == facts["targets"] - 1


def test_a_signal_and_its_mirror_image_have_opposite_directions() -> None:
    mirror = {"golden": "dead", "up": "down", "upper": "lower", "oversold": "overbought"}
    mirror |= {"high": "low"}
    direction = {signal.name: signal.direction for signal in SIGNALS}
    rising = [name for name, each in direction.items() if each == "bullish"]
    mirrored = ["_".join(mirror.get(part, part) for part in name.split("_")) for name in rising]
    assert [direction[name] for name in mirrored] == ["bearish"] * len(rising)
    assert set(direction) - {*rising, *mirrored} == {"bb_squeeze", "volume_surge"}
    assert set(direction.values()) <= set(words())


@pytest.mark.parametrize(
    ("value", "shown"),
    [(12.345, 12.35), (-0.001, 0), (1234.6, 1235), (2.0, 2), (None, None), (float("nan"), None)],
)
def test_numbers_are_shortened_to_what_a_person_reads(
    value: float | None, shown: float | None
) -> None:
    assert short(value) == shown


def test_the_newest_session_of_any_target_is_reported(store: Store, empty_store: Store) -> None:
    assert analysed_session(store) == SESSION


def test_before_the_first_analysis_there_is_no_session(empty_store: Store) -> None:
    store_market(empty_store, market(30, 3))
    assert analysed_session(empty_store) is None


def test_a_session_that_is_not_stored_cannot_be_reported(store: Store, path: Path) -> None:
    with pytest.raises(NotStored, match="not stored"):
        write_report(store, path, "2024-01-23")


def test_a_page_is_current_until_the_analysis_ends_anew(
    store: Store, path: Path, clock: FakeClock
) -> None:
    assert not is_current(store, path, SESSION)
    write_report(store, path, SESSION)
    assert is_current(store, path, SESSION)
    clock.advance(hours=1)
    analyse(store, SESSION)
    assert not is_current(store, path, SESSION)


def read_again(store: Store) -> None:
    """Read the session an hour later, and find the same cells."""
    day = store.sessions.load(SESSION)
    assert day is not None
    store.sessions.save(replace(day, read_utc=day.read_utc + timedelta(hours=1)))


def test_a_page_is_current_until_the_session_is_read_again(store: Store, path: Path) -> None:
    write_report(store, path, SESSION)
    read_again(store)
    assert not is_current(store, path, SESSION)


def test_what_is_read_while_the_page_is_made_makes_it_outdated(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slowly(store: Store, session: str) -> dict[str, object]:
        found = contents(store, session)
        read_again(store)
        return found

    monkeypatch.setattr("collectors.views.report.page.contents", slowly)
    write_report(store, path, SESSION)
    assert not is_current(store, path, SESSION)


@pytest.mark.parametrize(
    ("hours", "finality", "since"),
    [
        ([0], "provisional", "19:00"),
        ([0, 2], "provisional", "21:00"),
        ([0, 12], "provisional", "2024-01-23 07:00"),
        ([0, 13], "final", "08:00"),
        ([0, 13, 24], "final", "08:00"),
        ([0, 48], "final", "2024-01-24 19:00"),
    ],
)
def test_since_when_the_session_is_final_or_else_when_it_was_read_last(
    empty_store: Store, clock: FakeClock, hours: list[int], finality: str, since: str
) -> None:
    (day,) = market(30, 1)
    for after in hours:  # 19:00 of the session
        clock.set(kst(2024, 1, 22, 19) + timedelta(hours=after))
        store_market(empty_store, iter([replace(day, read_utc=clock.now_utc())]))
    facts = contents(empty_store, SESSION)
    assert (facts["finality"], facts["since"]) == (finality, since)


def test_a_page_that_cannot_be_written_leaves_the_earlier_one(
    store: Store, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.parent.mkdir()
    path.write_text("the earlier page")

    def full(self: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(NightShiftError, match="No space left") as failure:
        write_report(store, path, SESSION)
    assert failure.value.exit_code == 1
    assert {file.name: file.read_text() for file in path.parent.iterdir()} == {
        "report.html": "the earlier page"
    }


def test_a_place_that_no_file_can_have_is_a_wrong_setting(store: Store, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "report.html"):
        with pytest.raises(WrongUsage, match="REPORT_FILE"):
            write_report(store, path, SESSION)
    assert not list(tmp_path.parent.glob("*.partial"))


def test_a_person_sees_how_many_results_were_read(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tuple[int, list[int]]] = []

    @contextmanager
    def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
        bars.append((total, steps := []))
        yield steps.append

    monkeypatch.setattr("collectors.views.report.contents.progress_bar", bar)
    targets = contents(store, SESSION)["targets"]
    assert bars == [(targets, [1] * targets)]

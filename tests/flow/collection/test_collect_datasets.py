"""Datasets are collected after the prices, newest first, and never keep them from being there."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from collectors.collection import collect_datasets
from collectors.collection.collect_datasets import FEW, MOST_A_RUN, DatasetCollector, for_one_run
from collectors.collection.due import DueDataset as Due
from collectors.collection.due import datasets_due
from collectors.exchange.day_table import parse_day
from collectors.exchange.sources import TRIES, Sources
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock, read_at
from utils.clock import kst
from utils.errors import Banned, MalformedAnswer, NotNow, NotPublished, SourceDown, SourceError
from utils.job_status import JobRun
from utils.market_day import FINAL, PROVISIONAL, MarketDay
from utils.store import Store
from utils.store.jobs import COMPLETED, DAILY_UPDATE
from utils.store.sqlite import SqliteBackend

MONDAY, TUESDAY, WEDNESDAY, THURSDAY = WEEK = [
    "2026-09-07",
    "2026-09-08",
    "2026-09-09",
    "2026-09-10",
]
EVENING = kst(2026, 9, 10, 19)
NEXT_EVENING = kst(2026, 9, 11, 19)
ODD, NOT_OUT, BAN = MalformedAnswer("odd"), NotPublished("not out"), Banned("no")


class Site:
    """The tables of the synthetic market, asked for by (what, session); an error in `problems` goes
    before."""

    name = "pykrx"

    def __init__(self, market: SyntheticMarket, clock: FakeClock) -> None:
        self._market, self._clock = market, clock
        self.problems: dict[tuple[str, str], SourceError] = {}
        self.change: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
        self.asked: list[tuple[str, str]] = []

    def _ask(self, what: str, session: str) -> None:
        self.asked.append((what, session))
        if (problem := self.problems.get((what, session))) is not None:
            raise problem

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        self._ask(name, session)
        day = self._market.day(session)
        if name == "foreign":
            return self.change(pd.DataFrame(answers.holding_rows(self._market.holdings(day))))
        return self.change(pd.DataFrame(answers.fundamental_rows(self._market.fundamentals(day))))

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        self._ask(index, f"{first}..{last}")
        series = self._market.index({"KOSPI": "STK", "KOSDAQ": "KSQ"}[index])
        positions = [
            position for position, day in enumerate(series.sessions) if first <= day <= last
        ]
        return self.change(pd.DataFrame(answers.index_rows(series, positions)))


class StoredWeek:
    """Four sessions with completed jobs, the last one of this evening, with prices alone."""

    def __init__(self, folder: Path, market: SyntheticMarket) -> None:
        self.clock = FakeClock(EVENING)
        self.store, self.site, self.market = (
            Store(SqliteBackend(folder), self.clock),
            Site(market, self.clock),
            market,
        )
        for session in WEEK:
            self.save(session, PROVISIONAL if session == THURSDAY else FINAL)
            with JobRun(self.store, DAILY_UPDATE, session):
                pass
        self.digests = [head.digest for head in self.store.sessions.heads()]

    def save(self, session: str, finality: str, **cells: object) -> None:
        raw = pd.DataFrame(answers.day_rows(self.market.day(session)))
        frame = parse_day(raw, session).frame.assign(factor=1.0, **cells)
        self.store.sessions.save(MarketDay(session, frame, read_at(session, finality), "pykrx"))

    def collect(
        self, *chosen: str, at: datetime = EVENING, thorough: bool = False
    ) -> list[tuple[str, str]]:
        """Return what was asked for. The prices must be as before, and their jobs completed."""
        self.clock.set(at)
        sources = Sources([], [], self.clock, self.clock.sleep, [self.site])
        before = len(self.site.asked)
        collector = DatasetCollector(self.store, sources, lambda: False, thorough)
        collector.collect(chosen, MONDAY, "2099-12-31")
        assert [head.digest for head in self.store.sessions.heads()] == self.digests
        assert {job["status"] for job in self.store.jobs.records(DAILY_UPDATE)} == {COMPLETED}
        return self.site.asked[before:]

    def finality(self, name: str = "fundamentals") -> list[str | None]:
        """Return the finality of each session, oldest first; None: not there, or damaged."""
        heads = self.store.sessions.heads()
        states = [head.datasets.get(name) for head in heads]
        return [None if state is None else state.finality for state in states]

    def tries(self, name: str = "fundamentals") -> list[int]:
        states = [head.datasets.get(name) for head in self.store.sessions.heads()]
        return [0 if state is None else state.tries for state in states]

    def warnings(self, session: str) -> list[str]:
        job = self.store.jobs.get(DAILY_UPDATE, session)
        assert job is not None
        return list(job["warnings"])

    def figures(self, session: str, name: str, column: str) -> dict[str, float]:
        """Ticker -> what is stored."""
        head, day = self.store.sessions.head(session), self.store.sessions.load(session)
        assert head is not None
        assert day is not None
        frame = self.store.datasets.load(session, name, head.datasets[name])
        assert frame is not None
        return dict(zip(day.frame["ticker"], frame[column], strict=True))


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def week(market: SyntheticMarket, tmp_path: Path) -> StoredWeek:
    return StoredWeek(tmp_path, market)


def of(name: str, *sessions: str) -> list[tuple[str, str]]:
    return [(name, session) for session in sessions]


def test_what_sessions_lack_is_asked_for_once_each_newest_first(week: StoredWeek) -> None:
    assert week.collect("fundamentals") == of("fundamentals", THURSDAY, WEDNESDAY, TUESDAY, MONDAY)
    assert week.finality() == [FINAL, FINAL, FINAL, PROVISIONAL]
    assert week.collect("fundamentals", at=EVENING + timedelta(hours=2)) == []


def test_the_figures_are_the_exchanges_and_a_dash_is_null(week: StoredWeek) -> None:
    week.collect("fundamentals", "foreign")
    facts = week.market.fundamentals(week.market.day(WEDNESDAY))
    true = {
        code: eps for code, eps in zip(facts.day.code, facts.eps.tolist(), strict=True) if eps >= 0
    }
    stored = week.figures(WEDNESDAY, "fundamentals", "eps")
    assert {code: eps for code, eps in stored.items() if eps == eps} == true
    assert len(stored) > len(facts.day.code) > len(true) > 0
    held = week.market.holdings(week.market.day(WEDNESDAY))
    assert week.figures(WEDNESDAY, "foreign", "foreign_shares") == dict(
        zip(held.day.code, held.held, strict=True)
    )


def test_the_evenings_figures_are_final_with_the_prices_without_another_request(
    week: StoredWeek,
) -> None:
    week.collect("fundamentals")
    week.clock.set(NEXT_EVENING)
    week.save(THURSDAY, FINAL)
    assert week.collect("fundamentals", at=NEXT_EVENING) == []
    assert week.finality() == [FINAL] * 4


def test_figures_that_fit_other_closes_are_read_once_more(week: StoredWeek) -> None:
    week.clock.set(EVENING)
    true = week.store.sessions.load(THURSDAY)
    assert true is not None
    shown = true.frame.assign(close=true.frame["close"] + (true.frame.index == 0))
    week.store.sessions.save(replace(true, frame=shown))
    week.digests[-1] = week.store.sessions.heads()[-1].digest
    week.collect("fundamentals")
    week.clock.set(NEXT_EVENING)
    week.save(THURSDAY, FINAL)
    week.digests[-1] = week.store.sessions.heads()[-1].digest
    assert week.collect("fundamentals", at=NEXT_EVENING) == of("fundamentals", THURSDAY)
    assert week.collect("fundamentals", at=NEXT_EVENING) == []
    assert week.finality() == [FINAL] * 4


def test_foreign_holdings_are_read_once_when_they_are_final(week: StoredWeek) -> None:
    assert week.collect("foreign") == of("foreign", WEDNESDAY, TUESDAY, MONDAY)
    assert week.collect("foreign", at=kst(2026, 9, 11, 7, 59)) == []
    assert week.collect("foreign", at=kst(2026, 9, 11, 8)) == of("foreign", THURSDAY)
    assert week.finality("foreign") == [FINAL] * 4


def test_a_day_of_which_the_exchange_has_no_figure_is_stored_as_null_and_not_asked_for_again(
    week: StoredWeek,
) -> None:
    columns = ["EPS", "PER", "BPS", "PBR", "DPS", "DVD_YLD"]
    week.site.change = lambda table: table.assign(**dict.fromkeys(columns, "-"))
    week.collect("fundamentals")
    assert not any(eps == eps for eps in week.figures(MONDAY, "fundamentals", "eps").values())
    assert week.collect("fundamentals") == []


def test_what_is_not_out_stands_in_the_warnings_until_it_arrives(week: StoredWeek) -> None:
    week.site.problems["fundamentals", THURSDAY] = NOT_OUT
    week.collect("fundamentals")
    assert (week.warnings(THURSDAY), week.warnings(MONDAY)) == (["fundamentals: not out"], [])
    assert week.finality() == [FINAL, FINAL, FINAL, None]
    week.site.problems.clear()
    assert week.collect("fundamentals", at=NEXT_EVENING) == of("fundamentals", THURSDAY)
    assert (week.finality(), week.tries(), week.warnings(THURSDAY)) == ([FINAL] * 4, [0] * 4, [])


def test_the_other_warnings_of_a_job_stay(week: StoredWeek) -> None:
    week.store.jobs.update(DAILY_UPDATE, THURSDAY, {"warnings": ["tick: odd"]})
    for problem in (NOT_OUT, ODD):
        week.site.problems["fundamentals", THURSDAY] = problem
        week.collect("fundamentals")
        assert week.warnings(THURSDAY) == ["tick: odd", f"fundamentals: {problem}"]
    week.site.problems.clear()
    week.collect("fundamentals")
    assert week.warnings(THURSDAY) == ["tick: odd"]


def test_one_odd_answer_keeps_no_other_session_waiting(week: StoredWeek) -> None:
    week.site.problems["fundamentals", WEDNESDAY] = ODD
    week.collect("fundamentals")
    assert (week.finality(), week.tries()) == ([FINAL, FINAL, None, PROVISIONAL], [0, 0, 1, 0])


def test_three_odd_answers_in_a_row_end_it_for_this_run_but_not_for_the_next_dataset(
    week: StoredWeek,
) -> None:
    week.site.change = lambda table: table.drop(columns="EPS", errors="ignore")
    asked = week.collect("fundamentals", "foreign")
    assert asked == of("fundamentals", THURSDAY, WEDNESDAY, TUESDAY) + of(
        "foreign", WEDNESDAY, TUESDAY, MONDAY
    )
    assert week.tries() == [0, 1, 1, 1]


def test_a_refusal_ends_it_at_once_and_is_no_fault_of_the_session(week: StoredWeek) -> None:
    week.site.problems["fundamentals", THURSDAY] = BAN
    assert week.collect("fundamentals", "foreign", "indices") == of("fundamentals", THURSDAY)
    assert (week.tries(), week.warnings(THURSDAY)) == ([0] * 4, ["fundamentals: no"])


def test_a_site_that_is_down_is_tried_as_ever_and_then_left_alone(week: StoredWeek) -> None:
    week.site.problems["fundamentals", THURSDAY] = SourceDown("down")
    assert week.collect("fundamentals", "foreign") == of("fundamentals", *[THURSDAY] * TRIES)
    assert week.tries() == [0] * 4


def test_what_was_asked_for_again_and_again_costs_one_request_a_night(week: StoredWeek) -> None:
    for session in (MONDAY, TUESDAY):
        week.site.problems["fundamentals", session] = ODD
    for _ in range(3):
        week.collect("fundamentals")
    assert week.tries() == [3, 3, 0, 0]
    assert week.collect("fundamentals") == of("fundamentals", TUESDAY)
    assert week.collect("fundamentals") == of("fundamentals", MONDAY), "in turn"
    assert week.collect("fundamentals", thorough=True) == of("fundamentals", TUESDAY, MONDAY)


def test_what_waits_behind_comes_after_all_others(week: StoredWeek) -> None:
    week.site.problems["fundamentals", THURSDAY] = ODD
    for _ in range(3):
        week.collect("fundamentals")
    week.store.datasets.count_vain_try(MONDAY, "fundamentals")
    due = datasets_due(week.store, ["fundamentals", "foreign"], MONDAY, THURSDAY, NEXT_EVENING)
    assert [(each.name, each.session) for each in due] == [
        *of("foreign", THURSDAY, WEDNESDAY, TUESDAY, MONDAY),
        *of("fundamentals", THURSDAY),
    ]


def test_one_night_asks_for_a_limited_number() -> None:
    due = [Due("fundamentals", str(position)) for position in range(MOST_A_RUN + 5)]
    tried_too_often = [
        Due("fundamentals", f"tried_too_often {position}", tries=3) for position in range(2)
    ]
    assert for_one_run([*due, *tried_too_often]) == [*due[:MOST_A_RUN], tried_too_often[0]]
    assert for_one_run([*due, *tried_too_often], fills_up=False) == due[:FEW]


def test_without_a_source_that_has_them_one_line_says_so(
    week: StoredWeek, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        sources = Sources([], [], week.clock, week.clock.sleep)
        collector = DatasetCollector(week.store, sources, lambda: False)
        collector.collect(["fundamentals", "foreign"], MONDAY, THURSDAY)
        collector.collect([], MONDAY, THURSDAY)
    (line,) = caplog.messages
    assert line.startswith("DATASETS: fundamentals, foreign come from the data site alone.")


def test_a_stop_request_ends_it_between_two_requests(week: StoredWeek) -> None:
    sources = Sources([], [], week.clock, week.clock.sleep, [week.site])
    collector = DatasetCollector(week.store, sources, lambda: len(week.site.asked) == 2, True)
    with pytest.raises(NotNow):
        collector.collect(["fundamentals"], MONDAY, THURSDAY)
    assert week.finality() == [None, None, FINAL, PROVISIONAL]


def test_a_person_sees_how_far_each_dataset_has_come(
    week: StoredWeek, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
        bars.append((what, total, steps := []))
        yield steps.append

    monkeypatch.setattr(collect_datasets, "progress_bar", bar)
    week.collect("fundamentals", "foreign")
    assert bars == [("Loading fundamentals", 4, [1] * 4), ("Loading foreign", 3, [1] * 3)]


def test_only_the_sessions_asked_for_are_collected(week: StoredWeek) -> None:
    sources = Sources([], [], week.clock, week.clock.sleep, [week.site])
    collector = DatasetCollector(week.store, sources, lambda: False)
    collector.collect(["fundamentals", "indices"], TUESDAY, WEDNESDAY)
    assert week.site.asked == [
        *of("fundamentals", WEDNESDAY, TUESDAY),
        *[(index, f"{TUESDAY}..{WEDNESDAY}") for index in ("KOSPI", "KOSDAQ")],
    ]


def index_rows(week: StoredWeek, index: str = "KOSPI") -> dict[str, str]:
    return {
        day["session"]: day["finality"]
        for day in week.store.indices.load()
        if day["index"] == index
    }


def test_the_indices_are_one_request_each_whatever_is_missing(week: StoredWeek) -> None:
    asked = week.collect("indices")
    assert asked == [(index, f"{MONDAY}..{THURSDAY}") for index in ("KOSPI", "KOSDAQ")]
    for index in ("KOSPI", "KOSDAQ"):
        assert index_rows(week, index) == dict.fromkeys(WEEK[:3], FINAL) | {THURSDAY: PROVISIONAL}
    assert week.collect("indices", at=EVENING + timedelta(hours=1)) == []
    assert week.collect("indices", at=NEXT_EVENING) == [
        (each, f"{THURSDAY}..{THURSDAY}") for each in ("KOSPI", "KOSDAQ")
    ]
    assert set(index_rows(week).values()) == {FINAL}


def test_a_session_that_an_index_series_lacks_is_a_warning_and_asked_for_again(
    week: StoredWeek,
) -> None:
    week.site.change = lambda table: table[table["TRD_DD"] != "2026/09/08"]
    week.collect("indices")
    assert sorted(index_rows(week)) == [MONDAY, WEDNESDAY, THURSDAY]
    lacks = [
        f"{index} index: The exchange's series lacks this session." for index in ("KOSPI", "KOSDAQ")
    ]
    assert week.warnings(TUESDAY) == lacks
    week.site.change = lambda table: table
    week.collect("indices")
    assert (sorted(index_rows(week)), week.warnings(TUESDAY)) == (WEEK, [])


def test_an_odd_index_series_stores_nothing_of_that_index(week: StoredWeek) -> None:
    week.site.problems["KOSPI", f"{MONDAY}..{THURSDAY}"] = ODD
    week.collect("indices")
    assert (index_rows(week), sorted(index_rows(week, "KOSDAQ"))) == ({}, WEEK)
    assert week.warnings(THURSDAY) == ["KOSPI index: odd"]


def test_sessions_long_ago_are_asked_for_in_spans_one_a_night(
    week: StoredWeek, market: SyntheticMarket
) -> None:
    long_ago = "2025-05-02"
    far = parse_day(pd.DataFrame(answers.day_rows(market.day(long_ago))), long_ago).frame.assign(
        factor=1.0
    )
    week.store.sessions.save(MarketDay("2024-08-01", far, read_at("2024-08-01", FINAL), "pykrx"))
    sources = Sources([], [], week.clock, week.clock.sleep, [week.site])
    for thorough in (False, True):
        collector = DatasetCollector(week.store, sources, lambda: False, thorough)
        collector.collect(["indices"], "2024-01-01", THURSDAY)
    spans = [span for index, span in week.site.asked if index == "KOSPI"]
    assert spans == [f"{MONDAY}..{THURSDAY}", "2024-08-01..2024-08-01"]


def test_a_damaged_dataset_is_read_again(week: StoredWeek) -> None:
    week.collect("fundamentals")
    week.store.backend._run(
        "DELETE FROM session_columns WHERE name = 'pbr' AND session = ?", [TUESDAY]
    )  # type: ignore[attr-defined]
    assert week.collect("fundamentals") == of("fundamentals", TUESDAY)
    assert week.collect("fundamentals") == []


def test_with_damaged_prices_nothing_is_stored(week: StoredWeek) -> None:
    week.store.backend._run(
        "DELETE FROM session_columns WHERE name = 'close' AND session = ?", [TUESDAY]
    )  # type: ignore[attr-defined]
    assert week.collect("fundamentals") == of("fundamentals", THURSDAY, WEDNESDAY, MONDAY)
    assert week.finality() == [FINAL, None, FINAL, PROVISIONAL]

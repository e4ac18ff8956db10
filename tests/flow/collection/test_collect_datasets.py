"""What stands beside the prices is brought in after them, newest first, and never keeps them from
being there."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from collectors.collection import collect_datasets
from collectors.collection.collect_datasets import MOST_A_NIGHT, DatasetCollector, for_one_night
from collectors.collection.due import DueDataset as Due
from collectors.collection.due import datasets_due
from collectors.exchange.answers import parse_day
from collectors.exchange.sources import TRIES, Sources
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
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
        self.spoil: Callable[[pd.DataFrame], pd.DataFrame] = lambda table: table
        self.asked: list[tuple[str, str]] = []

    def _ask(self, what: str, session: str) -> None:
        self.asked.append((what, session))
        if (problem := self.problems.get((what, session))) is not None:
            raise problem

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        self._ask(name, session)
        day = self._market.day(session)
        if name == "foreign":
            return self.spoil(pd.DataFrame(answers.holding_rows(self._market.holdings(day))))
        return self.spoil(pd.DataFrame(answers.fundamental_rows(self._market.fundamentals(day))))

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        self._ask(index, f"{first}..{last}")
        series = self._market.index({"KOSPI": "STK", "KOSDAQ": "KSQ"}[index])
        positions = [
            position for position, day in enumerate(series.sessions) if first <= day <= last
        ]
        return self.spoil(pd.DataFrame(answers.index_rows(series, positions)))


class House:
    """Four sessions with completed jobs, the last one of this evening, and nothing beside their
    prices."""

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
        frame = parse_day(raw, session).assign(factor=1.0, **cells)
        self.store.sessions.save(MarketDay(session, frame, finality, "pykrx"))

    def heal(
        self, *chosen: str, at: datetime = EVENING, thorough: bool = False
    ) -> list[tuple[str, str]]:
        """What was asked for meanwhile. The prices must be as before, and their jobs completed."""
        self.clock.set(at)
        sources = Sources([], [], self.clock, self.clock.sleep, [self.site])
        before = len(self.site.asked)
        collector = DatasetCollector(self.store, sources, lambda: False, thorough)
        collector.collect(chosen, MONDAY, "2099-12-31")
        assert [head.digest for head in self.store.sessions.heads()] == self.digests
        assert {job["status"] for job in self.store.jobs.records(DAILY_UPDATE)} == {COMPLETED}
        return self.site.asked[before:]

    def finality(self, name: str = "fundamentals") -> list[str | None]:
        """Of each session, oldest first; None where it is not there or cannot be read."""
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
def house(market: SyntheticMarket, tmp_path: Path) -> House:
    return House(tmp_path, market)


def of(name: str, *sessions: str) -> list[tuple[str, str]]:
    return [(name, session) for session in sessions]


def test_what_sessions_lack_is_asked_for_once_each_newest_first(house: House) -> None:
    assert house.heal("fundamentals") == of("fundamentals", THURSDAY, WEDNESDAY, TUESDAY, MONDAY)
    assert house.finality() == [FINAL, FINAL, FINAL, PROVISIONAL]
    assert house.heal("fundamentals", at=EVENING + timedelta(hours=2)) == []


def test_the_figures_are_the_exchanges_and_a_dash_is_null(house: House) -> None:
    house.heal("fundamentals", "foreign")
    facts = house.market.fundamentals(house.market.day(WEDNESDAY))
    true = {
        code: eps for code, eps in zip(facts.day.code, facts.eps.tolist(), strict=True) if eps >= 0
    }
    stored = house.figures(WEDNESDAY, "fundamentals", "eps")
    assert {code: eps for code, eps in stored.items() if eps == eps} == true
    assert len(stored) > len(facts.day.code) > len(true) > 0
    held = house.market.holdings(house.market.day(WEDNESDAY))
    assert house.figures(WEDNESDAY, "foreign", "foreign_shares") == dict(
        zip(held.day.code, held.held, strict=True)
    )


def test_the_evenings_figures_are_final_with_the_prices_without_another_request(
    house: House,
) -> None:
    house.heal("fundamentals")
    house.clock.set(NEXT_EVENING)
    house.save(THURSDAY, FINAL)
    assert house.heal("fundamentals", at=NEXT_EVENING) == []
    assert house.finality() == [FINAL] * 4


def test_figures_beside_other_closes_are_read_once_more(house: House) -> None:
    house.clock.set(EVENING)
    true = house.store.sessions.load(THURSDAY)
    assert true is not None
    shown = true.frame.assign(close=true.frame["close"] + (true.frame.index == 0))
    house.store.sessions.save(replace(true, frame=shown))
    house.digests[-1] = house.store.sessions.heads()[-1].digest
    house.heal("fundamentals")
    house.clock.set(NEXT_EVENING)
    house.save(THURSDAY, FINAL)
    house.digests[-1] = house.store.sessions.heads()[-1].digest
    assert house.heal("fundamentals", at=NEXT_EVENING) == of("fundamentals", THURSDAY)
    assert house.heal("fundamentals", at=NEXT_EVENING) == []
    assert house.finality() == [FINAL] * 4


def test_foreign_holdings_are_read_once_when_they_are_final(house: House) -> None:
    assert house.heal("foreign") == of("foreign", WEDNESDAY, TUESDAY, MONDAY)
    assert house.heal("foreign", at=kst(2026, 9, 11, 7, 59)) == []
    assert house.heal("foreign", at=kst(2026, 9, 11, 8)) == of("foreign", THURSDAY)
    assert house.finality("foreign") == [FINAL] * 4


def test_a_day_of_which_the_exchange_has_no_figure_is_stored_as_null_and_not_asked_for_again(
    house: House,
) -> None:
    columns = ["EPS", "PER", "BPS", "PBR", "DPS", "DVD_YLD"]
    house.site.spoil = lambda table: table.assign(**dict.fromkeys(columns, "-"))
    house.heal("fundamentals")
    assert not any(eps == eps for eps in house.figures(MONDAY, "fundamentals", "eps").values())
    assert house.heal("fundamentals") == []


def test_what_is_not_out_stands_in_the_warnings_until_it_arrives(house: House) -> None:
    house.site.problems["fundamentals", THURSDAY] = NOT_OUT
    house.heal("fundamentals")
    assert (house.warnings(THURSDAY), house.warnings(MONDAY)) == (["fundamentals: not out"], [])
    assert house.finality() == [FINAL, FINAL, FINAL, None]
    house.site.problems.clear()
    assert house.heal("fundamentals", at=NEXT_EVENING) == of("fundamentals", THURSDAY)
    assert (house.finality(), house.tries(), house.warnings(THURSDAY)) == ([FINAL] * 4, [0] * 4, [])


def test_the_other_warnings_of_a_job_stay(house: House) -> None:
    house.store.jobs.update(DAILY_UPDATE, THURSDAY, {"warnings": ["tick: odd"]})
    for problem in (NOT_OUT, ODD):
        house.site.problems["fundamentals", THURSDAY] = problem
        house.heal("fundamentals")
        assert house.warnings(THURSDAY) == ["tick: odd", f"fundamentals: {problem}"]
    house.site.problems.clear()
    house.heal("fundamentals")
    assert house.warnings(THURSDAY) == ["tick: odd"]


def test_one_odd_answer_keeps_no_other_session_waiting(house: House) -> None:
    house.site.problems["fundamentals", WEDNESDAY] = ODD
    house.heal("fundamentals")
    assert (house.finality(), house.tries()) == ([FINAL, FINAL, None, PROVISIONAL], [0, 0, 1, 0])


def test_three_odd_answers_in_a_row_end_it_for_this_run_but_not_for_the_next_dataset(
    house: House,
) -> None:
    house.site.spoil = lambda table: table.drop(columns="EPS", errors="ignore")
    asked = house.heal("fundamentals", "foreign")
    assert asked == of("fundamentals", THURSDAY, WEDNESDAY, TUESDAY) + of(
        "foreign", WEDNESDAY, TUESDAY, MONDAY
    )
    assert house.tries() == [0, 1, 1, 1]


def test_a_refusal_ends_it_at_once_and_is_no_fault_of_the_session(house: House) -> None:
    house.site.problems["fundamentals", THURSDAY] = BAN
    assert house.heal("fundamentals", "foreign", "indices") == of("fundamentals", THURSDAY)
    assert (house.tries(), house.warnings(THURSDAY)) == ([0] * 4, ["fundamentals: no"])


def test_a_site_that_is_down_is_tried_as_ever_and_then_left_alone(house: House) -> None:
    house.site.problems["fundamentals", THURSDAY] = SourceDown("down")
    assert house.heal("fundamentals", "foreign") == of("fundamentals", *[THURSDAY] * TRIES)
    assert house.tries() == [0] * 4


def test_what_was_asked_for_again_and_again_costs_one_request_a_night(house: House) -> None:
    for session in (MONDAY, TUESDAY):
        house.site.problems["fundamentals", session] = ODD
    for _ in range(3):
        house.heal("fundamentals")
    assert house.tries() == [3, 3, 0, 0]
    assert house.heal("fundamentals") == of("fundamentals", TUESDAY)
    assert house.heal("fundamentals") == of("fundamentals", MONDAY), "in turn"
    assert house.heal("fundamentals", thorough=True) == of("fundamentals", TUESDAY, MONDAY)


def test_what_waits_behind_comes_after_all_others(house: House) -> None:
    house.site.problems["fundamentals", THURSDAY] = ODD
    for _ in range(3):
        house.heal("fundamentals")
    house.store.datasets.count_vain_try(MONDAY, "fundamentals")
    due = datasets_due(house.store, ["fundamentals", "foreign"], MONDAY, THURSDAY, NEXT_EVENING)
    assert [(each.name, each.session) for each in due] == [
        *of("foreign", THURSDAY, WEDNESDAY, TUESDAY, MONDAY),
        *of("fundamentals", THURSDAY),
    ]


def test_one_night_asks_for_a_limited_number() -> None:
    due = [Due("fundamentals", str(position)) for position in range(MOST_A_NIGHT + 5)]
    tried_too_often = [
        Due("fundamentals", f"tried_too_often {position}", tries=3) for position in range(2)
    ]
    assert for_one_night([*due, *tried_too_often]) == [*due[:MOST_A_NIGHT], tried_too_often[0]]


def test_without_a_source_that_has_them_one_line_says_so(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        sources = Sources([], [], house.clock, house.clock.sleep)
        collector = DatasetCollector(house.store, sources, lambda: False)
        collector.collect(["fundamentals", "foreign"], MONDAY, THURSDAY)
        collector.collect([], MONDAY, THURSDAY)
    (line,) = caplog.messages
    assert line.startswith("DATASETS: fundamentals, foreign come from the data site alone.")


def test_a_stop_request_ends_it_between_two_requests(house: House) -> None:
    sources = Sources([], [], house.clock, house.clock.sleep, [house.site])
    collector = DatasetCollector(house.store, sources, lambda: len(house.site.asked) == 2, True)
    with pytest.raises(NotNow):
        collector.collect(["fundamentals"], MONDAY, THURSDAY)
    assert house.finality() == [None, None, FINAL, PROVISIONAL]


def test_a_person_sees_how_far_each_dataset_has_come(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tuple[str, int, list[int]]] = []

    @contextmanager
    def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
        bars.append((what, total, steps := []))
        yield steps.append

    monkeypatch.setattr(collect_datasets, "progress_bar", bar)
    house.heal("fundamentals", "foreign")
    assert bars == [("Loading fundamentals", 4, [1] * 4), ("Loading foreign", 3, [1] * 3)]


def test_only_the_sessions_asked_for_are_healed(house: House) -> None:
    sources = Sources([], [], house.clock, house.clock.sleep, [house.site])
    collector = DatasetCollector(house.store, sources, lambda: False)
    collector.collect(["fundamentals", "indices"], TUESDAY, WEDNESDAY)
    assert house.site.asked == [
        *of("fundamentals", WEDNESDAY, TUESDAY),
        *[(index, f"{TUESDAY}..{WEDNESDAY}") for index in ("KOSPI", "KOSDAQ")],
    ]


def index_rows(house: House, index: str = "KOSPI") -> dict[str, str]:
    return {
        day["session"]: day["finality"]
        for day in house.store.indices.load()
        if day["index"] == index
    }


def test_the_indices_are_one_request_each_whatever_is_missing(house: House) -> None:
    asked = house.heal("indices")
    assert asked == [(index, f"{MONDAY}..{THURSDAY}") for index in ("KOSPI", "KOSDAQ")]
    for index in ("KOSPI", "KOSDAQ"):
        assert index_rows(house, index) == dict.fromkeys(WEEK[:3], FINAL) | {THURSDAY: PROVISIONAL}
    assert house.heal("indices", at=EVENING + timedelta(hours=1)) == []
    assert house.heal("indices", at=NEXT_EVENING) == [
        (each, f"{THURSDAY}..{THURSDAY}") for each in ("KOSPI", "KOSDAQ")
    ]
    assert set(index_rows(house).values()) == {FINAL}


def test_a_session_that_an_index_series_lacks_is_a_warning_and_asked_for_again(
    house: House,
) -> None:
    house.site.spoil = lambda table: table[table["TRD_DD"] != "2026/09/08"]
    house.heal("indices")
    assert sorted(index_rows(house)) == [MONDAY, WEDNESDAY, THURSDAY]
    lacks = [
        f"{index} index: The exchange's series lacks this session." for index in ("KOSPI", "KOSDAQ")
    ]
    assert house.warnings(TUESDAY) == lacks
    house.site.spoil = lambda table: table
    house.heal("indices")
    assert (sorted(index_rows(house)), house.warnings(TUESDAY)) == (WEEK, [])


def test_an_odd_index_series_stores_nothing_of_that_index(house: House) -> None:
    house.site.problems["KOSPI", f"{MONDAY}..{THURSDAY}"] = ODD
    house.heal("indices")
    assert (index_rows(house), sorted(index_rows(house, "KOSDAQ"))) == ({}, WEEK)
    assert house.warnings(THURSDAY) == ["KOSPI index: odd"]


def test_sessions_long_ago_are_asked_for_in_spans_one_a_night(
    house: House, market: SyntheticMarket
) -> None:
    long_ago = "2025-05-02"
    far = parse_day(pd.DataFrame(answers.day_rows(market.day(long_ago))), long_ago).assign(
        factor=1.0
    )
    house.store.sessions.save(MarketDay("2024-08-01", far, FINAL, "pykrx"))
    sources = Sources([], [], house.clock, house.clock.sleep, [house.site])
    for thorough in (False, True):
        collector = DatasetCollector(house.store, sources, lambda: False, thorough)
        collector.collect(["indices"], "2024-01-01", THURSDAY)
    spans = [span for index, span in house.site.asked if index == "KOSPI"]
    assert spans == [f"{MONDAY}..{THURSDAY}", "2024-08-01..2024-08-01"]


def test_a_damaged_dataset_is_read_again(house: House) -> None:
    house.heal("fundamentals")
    house.store.backend._run(
        "DELETE FROM session_columns WHERE name = 'pbr' AND session = ?", [TUESDAY]
    )  # type: ignore[attr-defined]
    assert house.heal("fundamentals") == of("fundamentals", TUESDAY)
    assert house.heal("fundamentals") == []


def test_beside_damaged_prices_nothing_is_stored(house: House) -> None:
    house.store.backend._run(
        "DELETE FROM session_columns WHERE name = 'close' AND session = ?", [TUESDAY]
    )  # type: ignore[attr-defined]
    assert house.heal("fundamentals") == of("fundamentals", THURSDAY, WEDNESDAY, MONDAY)
    assert house.finality() == [FINAL, None, FINAL, PROVISIONAL]

"""One session into the store: factors, revisions, the calendar it learns, retries and what is never tried again."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from collectors.answers import RAW_COLUMNS
from collectors.stock_data_collector import BAN_LASTS, TRIES, StockDataCollector
from tests.fakes import FakeClock
from utils.clock import kst
from utils.errors import Banned, ClosedMarket, MalformedAnswer, NotPublished, SourceDown, SourceError
from utils.market_day import MARKETS
from utils.store import Store
from utils.store.sqlite import SqliteBackend

FRIDAY, MONDAY, TUESDAY = "2024-01-19", "2024-01-22", "2024-01-23"
IDS = {name: market_id for market_id, name in MARKETS.items()}


class ScriptedSource:
    """Answers with the days it was given; a day may be an error. Every question is kept."""

    name = "pykrx"

    def __init__(self) -> None:
        self.days: dict[str, pd.DataFrame | SourceError] = {}
        self.shown: list[str] = []
        self.asked: list[str] = []

    def fetch_day(self, session: str) -> pd.DataFrame:
        self.asked.append(session)
        answer = self.days[session]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def fetch_sessions(self, first: str, last: str) -> list[str]:
        self.asked.append(f"{first}..{last}")
        return [day for day in self.shown if first <= day <= last]


def published(*rows: tuple[str, int, int, int]) -> pd.DataFrame:
    """(ticker, close, change, shares) -> the exchange's table of text."""
    cells = [
        [ticker, "이름", IDS["KOSPI"], *[f"{close:,}"] * 4, f"{change:,}", "10", f"{10 * close:,}",
         f"{close * shares:,}", f"{shares:,}"]
        for ticker, close, change, shares in rows
    ]  # fmt: skip
    return pd.DataFrame(cells, columns=list(RAW_COLUMNS.values()))


CLOSED = published(("000010", 1000, 0, 100)).assign(
    **{RAW_COLUMNS[name]: "-" for name in RAW_COLUMNS if name not in ("ticker", "name", "market", "shares")}
)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)


@pytest.fixture
def source() -> ScriptedSource:
    source = ScriptedSource()
    source.days = {
        FRIDAY: published(("000010", 1000, 0, 100), ("000020", 10_000, 0, 100)),
        MONDAY: published(("000010", 1010, 10, 100), ("000020", 2_020, 20, 500)),
    }
    return source


@pytest.fixture
def collector(source: ScriptedSource, store: Store, clock: FakeClock) -> StockDataCollector:
    return StockDataCollector(source, store, clock)


def factors(store: Store, session: str) -> list[float]:
    day = store.load_session(session)
    assert day is not None
    return [round(factor, 6) for factor in day.frame["factor"]]


def test_a_split_is_a_factor_and_a_corporate_action(collector: StockDataCollector, store: Store) -> None:
    collector.collect(FRIDAY)
    assert collector.collect(MONDAY).actions == 1
    assert factors(store, MONDAY) == [1.0, 0.2]


def test_without_the_session_before_factors_are_pending(collector: StockDataCollector, store: Store) -> None:
    assert collector.collect(MONDAY).actions == 0
    assert np.isnan(factors(store, MONDAY)).all()


def test_they_are_settled_when_it_arrives(collector: StockDataCollector, store: Store) -> None:
    later = collector.collect(MONDAY).head
    collector.collect(FRIDAY)
    settled = store.session_head(MONDAY)
    assert factors(store, MONDAY) == [1.0, 0.2]
    assert settled is not None
    assert (settled.revision, settled.digest, settled.finality) == (1, later.digest, later.finality)


def test_a_hole_before_the_stored_sessions_leaves_factors_pending(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.days[TUESDAY] = published(("000010", 1011, 1, 100), ("000020", 2_030, 10, 500))
    collector.collect(FRIDAY)
    assert collector.collect(TUESDAY).actions == 0
    assert np.isnan(factors(store, TUESDAY)).all()
    collector.collect(MONDAY)
    assert (factors(store, MONDAY), factors(store, TUESDAY)) == ([1.0, 0.2], [1.0, 1.0])


def test_a_hole_that_turns_out_closed_settles_the_factors_after_it(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.days[TUESDAY] = published(("000010", 1010, 10, 100), ("000020", 2_020, 20, 500))
    collector.collect(FRIDAY)
    collector.collect(TUESDAY)
    assert np.isnan(factors(store, TUESDAY)).all()
    source.shown = [FRIDAY, TUESDAY]
    collector.learn_calendar(FRIDAY, TUESDAY)
    assert factors(store, TUESDAY) == [1.0, 0.2]


def test_an_evening_is_provisional_and_the_morning_final(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock
) -> None:
    collector.collect(FRIDAY)
    evening = collector.collect(MONDAY)
    clock.set(kst(2024, 1, 23, 8))
    morning = collector.collect(MONDAY)
    assert [evening.head.finality, morning.head.finality] == ["provisional", "final"]
    assert (morning.head.revision, morning.changed) == (1, [])


def test_other_cells_are_a_revision_that_names_its_tickers(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock
) -> None:
    collector.collect(FRIDAY)
    collector.collect(MONDAY)
    clock.set(kst(2024, 1, 23, 8))
    source.days[MONDAY] = source.days[MONDAY].replace({"10": "11"})  # type: ignore[union-attr]
    morning = collector.collect(MONDAY)
    assert (morning.head.revision, morning.changed) == (2, ["000010", "000020"])


def test_dashes_are_a_closed_day_once_a_later_session_is_shown(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.days[MONDAY], source.shown = CLOSED, [FRIDAY, TUESDAY]
    with pytest.raises(ClosedMarket, match=MONDAY):
        collector.collect(MONDAY)
    assert store.observed_calendar()[MONDAY] is False
    assert not collector.calendar.is_session(MONDAY)


def test_dashes_are_not_known_yet_while_nothing_later_is_shown(
    collector: StockDataCollector, source: ScriptedSource, store: Store
) -> None:
    source.days[MONDAY], source.shown = CLOSED, [FRIDAY]
    with pytest.raises(NotPublished, match=MONDAY):
        collector.collect(MONDAY)
    assert MONDAY not in store.observed_calendar()
    assert store.session_heads() == []


def test_an_index_series_that_lacks_a_stored_session_is_not_believed(
    collector: StockDataCollector, source: ScriptedSource, store: Store
) -> None:
    collector.collect(FRIDAY)
    source.shown = ["2024-01-18", MONDAY]
    with pytest.raises(MalformedAnswer, match=FRIDAY):
        collector.learn_calendar("2024-01-18", MONDAY)
    assert store.observed_calendar() == {FRIDAY: True}


def test_an_outage_is_tried_again_with_growing_waits(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock
) -> None:
    source.days[MONDAY] = SourceDown("down")
    with pytest.raises(SourceDown):
        collector.collect(MONDAY)
    assert source.asked == [MONDAY] * TRIES
    assert clock.slept == sorted(clock.slept)
    assert len(clock.slept) == TRIES - 1


@pytest.mark.parametrize("error", [Banned("no"), MalformedAnswer("odd")], ids=lambda error: error.kind)
def test_what_a_retry_cannot_mend_is_asked_once(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock, error: SourceError
) -> None:
    source.days[MONDAY] = error
    with pytest.raises(type(error)):
        collector.collect(MONDAY)
    assert (source.asked, clock.slept) == ([MONDAY], [])


def test_a_ban_closes_the_source_for_everybody(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    source.days[MONDAY] = Banned("no")
    with pytest.raises(Banned):
        collector.collect(MONDAY)
    assert store.sources()[0]["blocked_until_utc"] == clock.now_utc() + BAN_LASTS


def test_a_broken_day_leaves_what_was_stored(
    collector: StockDataCollector, source: ScriptedSource, store: Store
) -> None:
    before = collector.collect(FRIDAY).head
    source.days[FRIDAY] = published(("000010", 1000, 0, 100))
    source.days[MONDAY] = published(("000010", 1000, 0, 100))
    with pytest.raises(MalformedAnswer, match="1 of the 2"):
        collector.collect(MONDAY)
    assert store.session_heads() == [before]


def test_order_of_arrival_does_not_matter(
    source: ScriptedSource, clock: FakeClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock.set(kst(2024, 1, 24, 9))
    source.days[TUESDAY] = published(("000010", 1011, 1, 100), ("000020", 2_030, 10, 500))

    def stored_after(order: list[str]) -> list[tuple[str, list[float]]]:
        store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)
        collect_all(StockDataCollector(source, store, clock).collect, order)
        return [(head.digest, factors(store, head.session)) for head in store.session_heads()]

    expected = stored_after([FRIDAY, MONDAY, TUESDAY])[1:]
    for order in ([TUESDAY, MONDAY, FRIDAY], [MONDAY, TUESDAY, FRIDAY], [TUESDAY, FRIDAY, MONDAY]):
        assert stored_after(order)[1:] == expected


def collect_all(collect: Callable[[str], object], sessions: list[str]) -> None:
    for session in sessions:
        collect(session)

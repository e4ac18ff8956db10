"""Rows that are set aside: the market is stored without them, their tickers stay listed, and what
has to be known of both sessions waits."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import pytest

from collectors.collection.stock_data_collector import StockDataCollector
from collectors.collection.target_refresh import refresh_from_newest
from collectors.exchange.day_table import RAW_COLUMNS
from collectors.rules.target_rule import TargetRule
from collectors.upkeep.audit import audit
from collectors.views.export import export_frames
from collectors.views.prices import PriceReader
from tests.fakes import FakeClock
from tests.flow.collection.scripted_source import (
    FRIDAY,
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    ScriptedSource,
    collect,
    collect_sessions,
    factors,
    make_collector,
)
from utils.date_utils import TradingCalendar
from utils.errors import OddDay
from utils.market_day import MarketDay
from utils.store import Store
from utils.store.backend import Document

TICKER = "000020"
"""Its shares are split five for one on Monday."""
UNREADABLE = {"shares": "x"}
NAN = float("nan")
RULE = TargetRule(0, ("KOSPI",))


def spoken(source: ScriptedSource, session: str) -> pd.DataFrame:
    """Return the day as the source has it."""
    day = source.days[session]
    assert isinstance(day, pd.DataFrame)
    return day


def with_cells(
    source: ScriptedSource, session: str, cells: Mapping[str, str], ticker: str = TICKER
) -> pd.DataFrame:
    """Have the source show other cells in the ticker's row. Return the day as it was."""
    right = spoken(source, session)
    row = right[RAW_COLUMNS["ticker"]] == ticker
    source.days[session] = right.copy()
    for name, text in cells.items():
        source.days[session].loc[row, RAW_COLUMNS[name]] = text
    return right


def stored(store: Store, session: str) -> MarketDay:
    day = store.sessions.load(session)
    assert day is not None
    return day


def target(store: Store, ticker: str = TICKER) -> Document:
    found = store.targets.get(ticker)
    assert found is not None
    return found


def findings(store: Store) -> list[str]:
    """Return what an audit of the sessions finds, but for sessions and records that are not
    there."""
    calendar = TradingCalendar(store.calendar.observed())
    found = audit(store, calendar, FRIDAY, WEDNESDAY, RULE, ()).findings
    return [each.rule for each in found if each.rule in ("factor", "base_price", "target_data")]


@pytest.fixture
def held(large: ScriptedSource, collector: StockDataCollector) -> ScriptedSource:
    """Four sessions are stored, and Monday without the ticker's row."""
    right = with_cells(large, MONDAY, UNREADABLE)
    collect_sessions(collector, [FRIDAY, MONDAY, TUESDAY, WEDNESDAY])
    large.days[MONDAY] = right
    return large


def test_the_market_is_stored_and_the_head_names_ticker_reason_and_row(
    held: ScriptedSource, store: Store
) -> None:
    head = store.sessions.head(MONDAY)
    assert head is not None
    (row,) = head.set_aside
    assert (head.count, row.ticker, row.name, row.market) == (41, TICKER, "이름", "KOSPI")
    assert row.reason == "'x' in LIST_SHRS: no whole number"
    assert '"TDD_CLSPRC": "2,020"' in row.row
    assert TICKER not in stored(store, MONDAY).frame["ticker"].tolist()
    assert head.accepted == ()


def test_a_row_that_is_set_aside_is_a_remark_of_its_session(
    large: ScriptedSource, collector: StockDataCollector
) -> None:
    with_cells(large, MONDAY, UNREADABLE)
    collect(collector, FRIDAY)
    assert collect(collector, MONDAY).remarks == [
        f"set_aside: {TICKER}: 'x' in LIST_SHRS: no whole number."
    ]


def test_its_factor_waits_in_the_next_session_alone(held: ScriptedSource, store: Store) -> None:
    assert factors(store, TUESDAY) == [1.0, pytest.approx(NAN, nan_ok=True)]
    assert factors(store, WEDNESDAY) == [1.0, 1.0]
    assert stored(store, TUESDAY).frame["factor"].isna().sum() == 1
    assert store.sessions.actions(FRIDAY, WEDNESDAY) == []


def test_what_waits_for_a_row_is_no_finding_of_an_audit(held: ScriptedSource, store: Store) -> None:
    refresh_from_newest(store, RULE)
    assert findings(store) == []


def test_a_good_reading_brings_the_row_its_factors_and_the_corporate_action(
    held: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    again = collect(collector, MONDAY)
    assert (again.head.set_aside, again.head.count, again.head.revision) == ((), 42, 2)
    assert again.changed == [TICKER]
    assert [factors(store, each) for each in (MONDAY, TUESDAY)] == [[1.0, 0.2], [1.0, 1.0]]
    assert [each["session"] for each in store.sessions.actions(FRIDAY, WEDNESDAY)] == [MONDAY]
    assert findings(store) == []


def test_its_listing_goes_on_in_every_view(held: ScriptedSource, store: Store) -> None:
    prices = PriceReader(store).prices(TICKER)["close"]
    assert prices.index.get_level_values("session").strftime("%F").tolist() == [
        FRIDAY,
        TUESDAY,
        WEDNESDAY,
    ]
    assert prices.tolist() == [10_000, 2_030, 2_040], "a factor that waits counts as 1"
    rows = pd.concat(list(export_frames(store, FRIDAY, WEDNESDAY, TICKER)))
    assert rows["adj_close"].tolist() == [10_000, 2_030, 2_040]
    assert rows["session"].tolist() == [FRIDAY, TUESDAY, WEDNESDAY]


def test_a_corporate_action_after_it_reaches_back_over_it(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    """The listing before and after it is one."""
    split = {"shares": "1,000", "change": "20", **dict.fromkeys(_PRICES, "1,020")}
    with_cells(large, MONDAY, UNREADABLE)
    with_cells(large, WEDNESDAY, split | {"market_cap": "1,020,000", "value": "10,200"})
    large.days[TUESDAY] = spoken(large, TUESDAY).replace({"2,030": "2,000"})
    with_cells(large, TUESDAY, {"market_cap": "1,000,000", "value": "20,000"})
    collect_sessions(collector, [FRIDAY, MONDAY, TUESDAY, WEDNESDAY])
    assert factors(store, WEDNESDAY) == [1.0, 0.5]
    assert PriceReader(store).prices(TICKER)["close"].tolist() == [5_000, 1_000, 1_020]


_PRICES = ("open", "high", "low", "close")


def test_the_panel_has_a_flat_bar_without_trading_for_it(
    held: ScriptedSource, store: Store
) -> None:
    panel = store.sessions.panel(WEDNESDAY, 300)
    row = panel.tickers.index(TICKER)
    for name in ("open", "high", "low", "close"):
        assert getattr(panel, name)[row].tolist() == [10_000, 10_000, 2_030, 2_040]
    assert panel.volume[row].tolist() == [10, 0, 10, 10]
    assert panel.traded[row].tolist() == [True, False, True, True]
    assert panel.sessions_without_factors == [TUESDAY]


def test_two_sessions_in_a_row(
    large: ScriptedSource, store: Store, collector: StockDataCollector, clock: FakeClock
) -> None:
    right = {each: with_cells(large, each, UNREADABLE) for each in (MONDAY, TUESDAY)}
    collect_sessions(collector, [FRIDAY, MONDAY, TUESDAY, WEDNESDAY])
    assert np.isnan(factors(store, WEDNESDAY)).tolist() == [False, True]
    panel = store.sessions.panel(WEDNESDAY, 300)
    row = panel.tickers.index(TICKER)
    assert panel.close[row].tolist() == [10_000, 10_000, 10_000, 2_040]
    assert panel.traded[row].tolist() == [True, False, False, True]
    large.days |= right
    collect(collector, TUESDAY)
    assert np.isnan(factors(store, TUESDAY)).tolist() == [False, True]
    assert factors(store, WEDNESDAY) == [1.0, 1.0]
    collect(collector, MONDAY)
    assert (factors(store, MONDAY), factors(store, TUESDAY)) == ([1.0, 0.2], [1.0, 1.0])


def test_on_the_first_stored_session(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    with_cells(large, FRIDAY, UNREADABLE)
    collect_sessions(collector, [FRIDAY, MONDAY, TUESDAY])
    assert np.isnan(factors(store, MONDAY)).tolist() == [False, True]
    panel = store.sessions.panel(TUESDAY, 300)
    row = panel.tickers.index(TICKER)
    assert np.isnan(panel.close[row]).tolist() == [True, False, False]
    assert PriceReader(store).prices(TICKER)["close"].tolist() == [2_020, 2_030]


def test_it_counts_neither_as_gone_nor_as_new(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    """Of 42 tickers two may be gone and two be new: those that are set aside are not among them."""
    for ticker in ("900000", "900100"):
        large.days[MONDAY] = spoken(large, MONDAY)[
            lambda day, gone=ticker: day[RAW_COLUMNS["ticker"]] != gone
        ]
    with_cells(large, MONDAY, UNREADABLE)
    collect_sessions(collector, [FRIDAY, MONDAY, TUESDAY])
    assert [head.accepted for head in store.sessions.heads()] == [(), (), ()]


def test_more_rows_than_may_be_set_aside_make_the_market_odd(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    for ticker in (TICKER, "000010"):
        with_cells(large, MONDAY, UNREADABLE, ticker)
    collect(collector, FRIDAY)
    with pytest.raises(OddDay, match="set_aside: 2 of 42 KOSPI rows cannot be used, first 000010"):
        collect(collector, MONDAY)
    assert len(store.sessions.heads()) == 1


def test_an_odd_code_is_matched_by_the_name_of_the_ticker_that_is_missing(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    for session in (FRIDAY, MONDAY, TUESDAY):
        with_cells(large, session, {"name": "하나"})
    with_cells(large, MONDAY, {"ticker": "00?020"})
    collect_sessions(collector, [FRIDAY, MONDAY, TUESDAY])
    (row,) = stored(store, MONDAY).set_aside
    assert (row.ticker, row.name) == (TICKER, "하나")
    assert row.reason == "'00?020' where a ticker belongs"
    assert np.isnan(factors(store, TUESDAY)).tolist() == [False, True]
    panel = store.sessions.panel(TUESDAY, 300)
    assert panel.close[panel.tickers.index(TICKER)].tolist() == [10_000, 10_000, 2_030]


def test_an_odd_code_with_a_name_of_several_tickers_stays_as_it_came(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    """All tickers of the two days have the same name. The one that is missing is the only one."""
    with_cells(large, MONDAY, {"ticker": "00?020"})
    large.days[MONDAY] = spoken(large, MONDAY).iloc[:-1]
    collect_sessions(collector, [FRIDAY, MONDAY])
    assert [each.ticker for each in stored(store, MONDAY).set_aside] == ["00?020"]


# -- targets


def test_a_target_keeps_its_place_and_all_that_is_known_of_it(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    collect_sessions(collector, [FRIDAY, MONDAY])
    refresh_from_newest(store, RULE)
    before = target(store)
    right = with_cells(large, TUESDAY, UNREADABLE | {"name": "다른 이름"})
    collect(collector, TUESDAY)
    changes = refresh_from_newest(store, RULE)
    assert (changes.left, changes.entered, changes.active) == ([], [], 42)
    assert target(store) == before
    large.days[TUESDAY] = right
    collect(collector, TUESDAY)
    refresh_from_newest(store, RULE)
    assert target(store) == before | {"market_cap": 1_015_000, "corrected_market_cap": 1_015_000}


def test_a_target_that_is_gone_in_the_session_after_it_ends_with_it(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    collect(collector, FRIDAY)
    refresh_from_newest(store, RULE)
    with_cells(large, MONDAY, UNREADABLE)
    large.days[TUESDAY] = spoken(large, TUESDAY)[lambda day: day[RAW_COLUMNS["ticker"]] != TICKER]
    for session in (MONDAY, TUESDAY):
        collect(collector, session)
        refresh_from_newest(store, RULE)
    gone = target(store)
    assert (gone["is_active"], gone["delisted_date"], gone["removed_date"]) == (
        False,
        MONDAY,
        MONDAY,
    )


def test_a_name_that_changes_right_after_it_is_a_former_one(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    with_cells(large, MONDAY, UNREADABLE)
    with_cells(large, TUESDAY, {"name": "새 이름"})
    for session in (FRIDAY, MONDAY, TUESDAY):
        collect(collector, session)
        refresh_from_newest(store, RULE)
    refresh_from_newest(store, RULE)
    former = [{"name": "이름", "market": "KOSPI", "until": MONDAY}]
    assert (target(store)["name"], target(store)["former"]) == ("새 이름", former)
    assert findings(store) == []


def test_what_was_analysed_is_analysed_again_after_the_good_reading(
    large: ScriptedSource, store: Store, collector: StockDataCollector
) -> None:
    collect_sessions(collector, [FRIDAY, MONDAY])
    refresh_from_newest(store, RULE)
    right = with_cells(large, TUESDAY, UNREADABLE)
    collect(collector, TUESDAY)
    everybody = [each["_id"] for each in store.targets.active()]
    store.targets.save([], {each: {"last_analyzed_date": TUESDAY} for each in everybody})
    large.days[TUESDAY] = right
    assert collect(make_collector(large, store), TUESDAY).changed == [TICKER]
    behind = [
        each["_id"] for each in store.targets.active() if each["last_analyzed_date"] != TUESDAY
    ]
    assert behind == [TICKER]

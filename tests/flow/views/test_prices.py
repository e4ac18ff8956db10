"""`load_prices`: typed, adjusted to its last session, and the market as it was on a day."""

import logging
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from collectors.rules import corporate_actions
from collectors.rules.corporate_actions import find_actions
from collectors.views.prices import INDEX_COLUMNS, PriceReader, load_prices
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock, after_market_only, halted, market_day, read_at, row
from utils.adjustment import SHARE_KINDS
from utils.clock import kst
from utils.errors import WrongUsage
from utils.market_day import DATASET_COLUMNS, DAY_COLUMNS, FINAL, MARKETS, MarketDay
from utils.settings import setting_names
from utils.store import Store
from utils.store.sqlite import SqliteBackend

DAYS = S1, S2, S3, S4 = "2024-01-17", "2024-01-18", "2024-01-19", "2024-01-22"
NAN = float("nan")
MINUS_ONE_WEEK = "2024-01-12"


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    return Store(SqliteBackend(tmp_path), clock)


def save(store: Store, days: dict[str, list[dict[str, Any]]]) -> None:
    """Store the day with the factors and corporate actions that the rows themselves show."""
    previous = None
    for session, rows in days.items():
        day = market_day(session, *rows)
        found = find_actions(previous, day.frame, session)
        factor = found.factor if previous is not None else 1.0
        store.sessions.save(
            market_day(session, *day.frame.assign(factor=factor).to_dict("records")),
            found.documents(),
        )
        previous = day.frame


def closes(store: Store, ticker: str, **how: Any) -> list[int]:
    found: list[int] = PriceReader(store).prices(ticker, **how)["close"].tolist()
    return found


def split_on_s3() -> dict[str, list[dict[str, Any]]]:
    """Store in which A00000 is split 1:5 on S3 and goes ex-rights on S4; B00000 is quiet."""
    before, after = {"shares": 100}, {"shares": 500, "volume": 50}
    return {
        S1: [row("A00000", 1003, low=901, **before), row("B00000", 50)],
        S2: [row("A00000", 1000, change=-3, **before), row("B00000", 50)],
        S3: [row("A00000", 202, change=2, open=201, **after), row("B00000", 50)],
        S4: [row("A00000", 101, change=0, open=100, **after), row("B00000", 50)],
    }


def test_one_row_per_session_and_ticker_sorted_and_typed(store: Store) -> None:
    save(store, split_on_s3())
    prices = PriceReader(store).prices()
    assert prices.index.names == ["session", "ticker"]
    assert prices.index.tolist() == [
        (pd.Timestamp(day), code) for day in DAYS for code in ("A00000", "B00000")
    ]
    assert ["ticker", *prices.columns] == sorted(DAY_COLUMNS, key=["ticker", *prices.columns].index)
    assert prices["name"].tolist()[:2] == ["종목 A00000", "종목 B00000"]
    kinds = {name: prices[name].dtype.kind for name in prices.columns}
    assert kinds == dict.fromkeys(kinds, "i") | {"name": "O", "market": "O", "factor": "f"}


def test_datasets_stand_after_the_prices_as_published(store: Store) -> None:
    save(store, split_on_s3())
    unknown = pd.DataFrame(NAN, index=range(2), columns=list(DATASET_COLUMNS["fundamentals"]))
    store.datasets.save(S2, "fundamentals", unknown.assign(eps=[12.5, NAN]), FINAL)
    plain, prices = PriceReader(store).prices(), PriceReader(store).prices(datasets="fundamentals")
    assert list(prices.columns) == [*plain.columns, *DATASET_COLUMNS["fundamentals"]]
    pd.testing.assert_frame_equal(prices[list(plain.columns)], plain)
    assert {f"{day:%Y-%m-%d}": eps for (day, _), eps in prices["eps"].items() if eps == eps} == {
        S2: 12.5
    }
    both = PriceReader(store).prices("A00000", S2, S2, datasets=["foreign", "fundamentals"])
    assert (both["eps"].tolist(), both["foreign_ratio"].isna().tolist()) == ([12.5], [True])


def test_a_dataset_without_columns_is_refused(store: Store) -> None:
    with pytest.raises(WrongUsage, match=r"'indices' has no columns .*fundamentals, foreign\."):
        PriceReader(store).prices(datasets=["indices"])


def index_day(index: str, session: str, close: float | None) -> dict[str, Any]:
    cells = dict.fromkeys(INDEX_COLUMNS, close)
    return {
        "_id": f"{index}:{session}",
        "index": index,
        "session": session,
        "finality": FINAL,
        **cells,
    }


def test_the_indices_are_a_frame_of_their_own(store: Store) -> None:
    store.indices.save(
        [
            index_day("KOSPI", S2, 2464.35),
            index_day("KOSPI", S1, None),
            index_day("KOSDAQ", S2, 839.69),
        ]
    )
    indices = PriceReader(store).indices()
    assert indices.index.tolist() == [
        *((pd.Timestamp(S1), "KOSPI"), (pd.Timestamp(S2), "KOSDAQ"), (pd.Timestamp(S2), "KOSPI"))
    ]
    assert indices["close"].fillna(-1).tolist() == [-1, 839.69, 2464.35]
    assert (list(indices.columns), set(indices.dtypes)) == (
        list(INDEX_COLUMNS),
        {np.dtype("float64")},
    )
    assert PriceReader(store).indices(S2, date(2024, 1, 18))["close"].tolist() == [839.69, 2464.35]
    assert PriceReader(store).indices(S3).empty
    with pytest.raises(WrongUsage, match="start 2024-01-18 is after end 2024-01-17"):
        PriceReader(store).indices(S2, S1)


def test_unadjusted_is_what_was_stored(store: Store) -> None:
    save(store, split_on_s3())
    stored = pd.concat([frame for _, frame in store.sessions.read(S1, S4)], ignore_index=True)
    loaded = PriceReader(store).prices(adjusted=False).reset_index("ticker")[list(DAY_COLUMNS)]
    pd.testing.assert_frame_equal(loaded.reset_index(drop=True), stored)


def test_one_code_several_codes_and_a_span_narrow_it(store: Store) -> None:
    save(store, split_on_s3())
    assert set(PriceReader(store).prices("B00000").index.get_level_values("ticker")) == {"B00000"}
    both = PriceReader(store).prices(iter(["B00000", "A00000"]), S2, S3)
    assert both.index.get_level_values("session").unique().tolist() == [
        pd.Timestamp(S2),
        pd.Timestamp(S3),
    ]
    assert len(both) == 4


@pytest.mark.parametrize("day", [S2, date(2024, 1, 18), pd.Timestamp(S2)])
def test_a_day_may_be_text_a_date_or_a_timestamp(store: Store, day: Any) -> None:
    save(store, split_on_s3())
    assert len(PriceReader(store).prices(start=day, end=day)) == 2


def test_the_after_market_alone_makes_no_adjusted_candle(store: Store) -> None:
    """The row is what a halted one is, but for its volume and value; as published all is there."""
    split = row("A00000", 350, open=340, change=0, shares=200)
    save(store, {S1: [after_market_only("A00000", 700)], S2: [split]})
    adjusted, published = (
        PriceReader(store).prices(adjusted=each).iloc[0] for each in (True, False)
    )
    bar = ["open", "high", "low", "close", "volume", "value"]
    assert adjusted[bar].tolist() == [0, 0, 0, 350, 14, 4_900]
    assert published[bar].tolist() == [0, 840, 630, 700, 7, 4_900]


def test_a_day_without_trading_stays_as_it_is(store: Store) -> None:
    save(
        store,
        {S1: [halted("A00000", 700)], S2: [row("A00000", 350, open=340, change=0, shares=200)]},
    )
    first = PriceReader(store).prices().iloc[0]
    assert first[["open", "high", "low", "volume", "close"]].tolist() == [0, 0, 0, 0, 350]


def test_a_session_that_comes_in_meanwhile_is_left_out(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The factors were read without it."""
    save(store, {S1: [row("A00000", 1000)]})
    read_columns = store.sessions.columns

    def one_comes_in(names: Sequence[str], first: str, last: str) -> Any:
        if "close" in names:
            store.sessions.save(market_day(S2, row("A00000", 500, factor=0.5)))
        return read_columns(names, first, last)

    monkeypatch.setattr(store.sessions, "columns", one_comes_in)
    assert closes(store, "A00000") == [1000]


def test_without_a_store_it_opens_that_of_the_settings(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(store, split_on_s3())
    expected = PriceReader(store).prices()
    store.close()
    for name in setting_names():
        monkeypatch.setenv(name, "")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    pd.testing.assert_frame_equal(load_prices(), expected)


def test_samsung_electronics_was_split_1_to_50_on_2018_05_04(store: Store) -> None:
    code, shares = "005930", {"shares": 128_386_494}
    after = row(code, 51_900, open=53_000, change=-1_100, shares=6_419_324_700, volume=39_565_391)
    days = {
        "2018-04-26": [row(code, 2_607_000, **shares)],
        "2018-04-27": [row(code, 2_650_000, change=43_000, **shares)],
    }
    days |= {
        day: [halted(code, 2_650_000, **shares)]
        for day in ("2018-04-30", "2018-05-02", "2018-05-03")
    }
    save(store, days | {"2018-05-04": [after]})
    prices = PriceReader(store).prices(code)
    assert prices["close"].tolist() == [52_140, 53_000, 53_000, 53_000, 53_000, 51_900]
    assert prices["volume"].tolist() == [500, 500, 0, 0, 0, 39_565_391]


def test_kisco_of_2018_follows_the_base_price_and_not_the_nominal_ratio(store: Store) -> None:
    days = {S1: [row("A00000", 71_500)], S2: [row("A00000", 71_100, change=-400)]}
    save(store, days | {S3: [row("A00000", 14_000, open=14_100, change=-250, shares=500)]})
    assert closes(store, "A00000") == [14_330, 14_250, 14_000]


def test_the_last_session_is_as_published(store: Store) -> None:
    save(store, split_on_s3())
    published, adjusted = (
        PriceReader(store).prices(start=S4, adjusted=how) for how in (False, True)
    )
    pd.testing.assert_frame_equal(adjusted, published)


def test_every_price_and_the_change_are_adjusted_and_rounded_to_the_won(store: Store) -> None:
    save(store, split_on_s3())
    prices = PriceReader(store).prices("A00000")
    factor = 200 / 1000 * 101 / 202
    assert prices["close"].tolist() == [round(1003 * factor), 100, 101, 101]
    assert prices["low"].iloc[0] == round(901 * factor)
    assert prices["change"].tolist() == [0, 0, 1, 0]


def test_volume_follows_splits_and_nothing_else_and_value_nothing(store: Store) -> None:
    save(store, split_on_s3())
    prices = PriceReader(store).prices("A00000")
    assert prices["factor"].tolist() == [1, 1, 0.2, 0.5]
    assert prices["volume"].tolist() == [50, 50, 50, 50]
    assert (
        prices["value"].tolist()
        == PriceReader(store).prices("A00000", adjusted=False)["value"].tolist()
    )
    assert prices["shares"].tolist() == [100, 100, 500, 500]


def test_a_consolidation_makes_earlier_volumes_smaller(store: Store) -> None:
    save(
        store, {S1: [row("A00000", 100)], S2: [row("A00000", 510, open=505, change=10, shares=20)]}
    )
    prices = PriceReader(store).prices()
    assert (prices["close"].tolist(), prices["volume"].tolist()) == ([500, 510], [2, 10])


def test_the_kinds_that_move_volumes_are_those_of_the_corporate_actions() -> None:
    assert SHARE_KINDS == (corporate_actions.SPLIT, corporate_actions.CONSOLIDATION)


def test_halves_are_rounded_up(store: Store) -> None:
    save(
        store,
        {S1: [row("A00000", 5)], S2: [row("A00000", 10, change=5)], S3: [row("A00000", 5, open=4)]},
    )
    assert closes(store, "A00000") == [3, 5, 5]


def test_a_span_is_adjusted_to_its_own_last_session(store: Store) -> None:
    save(store, split_on_s3())
    assert closes(store, "A00000", end=S2) == [1003, 1000]
    assert closes(store, "A00000", end=S3) == [201, 200, 202]


@pytest.fixture
def pending(store: Store) -> Store:
    """Store in which factors are not known: A00000's of S1, S2 and S4, B00000's of S4."""
    factors = {S1: (NAN, 1.0), S2: (NAN, 1.0), S3: (0.5, 1.0), S4: (NAN, NAN)}
    for session, (one, other) in factors.items():
        store.sessions.save(
            market_day(session, row("A00000", factor=one), row("B00000", factor=other))
        )
    return store


def test_an_unknown_factor_counts_as_1_and_stays_visible(pending: Store) -> None:
    prices = PriceReader(pending).prices("A00000")
    assert prices["close"].tolist() == [500, 500, 1000, 1000]
    assert prices["factor"].isna().tolist() == [True, True, False, True]


def test_a_warning_names_the_sessions_that_matter(
    pending: Store, caplog: pytest.LogCaptureFixture
) -> None:
    PriceReader(pending).prices("A00000")
    PriceReader(pending).prices("B00000", end=S4)
    PriceReader(pending).prices("B00000", end=S3)
    PriceReader(pending).prices(adjusted=False)
    assert [record.levelno for record in caplog.records] == [logging.WARNING] * 2
    assert f"{S2}, {S4} are not known yet" in caplog.messages[0]
    assert f"Factors of {S4} are not known yet" in caplog.messages[1]


def test_a_long_list_of_sessions_is_cut(pending: Store, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(1, 14):
        pending.sessions.save(market_day(f"2024-02-{number:02d}", row("A00000", factor=NAN)))
    PriceReader(pending).prices(start="2024-02-01")
    assert "2024-02-11 and 2 more are not known yet" in caplog.text
    assert "2024-02-12" not in caplog.text


def comings_and_goings() -> dict[str, list[dict[str, Any]]]:
    """Store in which G00000 is delisted after S2, N00000 listed on S4. R00000 is a code whose first
    company is gone on S3; another one has it from S4. T00000 changes its name and market on S4.
    A00000 is split on S4."""
    stays = row("A00000", 100, shares=100)
    transfers = row("T00000", name="옛 이름", market="KOSDAQ")
    first, second = row("R00000", 9000, name="첫 회사"), row("R00000", 300, name="다음 회사")
    return {
        S1: [stays, row("G00000", 10), first, transfers],
        S2: [stays, row("G00000", 11, change=1), first, transfers],
        S3: [stays, transfers],
        S4: [
            row("A00000", 50, open=49, shares=200),
            row("N00000"),
            second,
            row("T00000", name="새 이름", market="KOSPI"),
        ],
    }


def test_who_was_listed_then_is_there_and_nobody_else(store: Store) -> None:
    save(store, comings_and_goings())
    listed = {
        day: sorted(set(PriceReader(store).prices(as_of=day).index.get_level_values(1)))
        for day in DAYS
    }
    assert listed[S1] == listed[S2] == ["A00000", "G00000", "R00000", "T00000"]
    assert listed[S3] == ["A00000", "T00000"]
    assert listed[S4] == ["A00000", "N00000", "R00000", "T00000"]


def test_no_later_factor_reaches_back(store: Store) -> None:
    save(store, comings_and_goings())
    assert closes(store, "A00000", as_of=S3) == [100, 100, 100]
    assert closes(store, "A00000", as_of=S4) == [50, 50, 50, 50]


def test_names_and_markets_are_those_of_then(store: Store) -> None:
    save(store, comings_and_goings())
    then, now = (PriceReader(store).prices("T00000", as_of=day) for day in (S3, S4))
    assert (set(then["name"]), set(then["market"]), len(then)) == ({"옛 이름"}, {"KOSDAQ"}, 3)
    assert (set(now["name"]), set(now["market"]), len(now)) == ({"새 이름"}, {"KOSPI"}, 4)


def test_without_it_every_row_has_the_name_of_its_day(store: Store) -> None:
    save(store, comings_and_goings())
    assert PriceReader(store).prices("T00000")["name"].tolist() == ["옛 이름"] * 3 + ["새 이름"]


def test_it_adjusts_also_rows_that_end_earlier(store: Store) -> None:
    save(store, comings_and_goings())
    assert closes(store, "A00000", end=S2, as_of=S4) == [50, 50]
    assert closes(store, "A00000", end=S2) == [100, 100]


def test_of_a_reused_code_only_the_company_that_had_it_then(store: Store) -> None:
    save(store, comings_and_goings())
    assert closes(store, "R00000", as_of=S4) == [300]
    assert closes(store, "R00000", as_of=S2) == [9000, 9000]


def test_on_a_weekend_it_is_the_session_before(store: Store) -> None:
    save(store, comings_and_goings())
    pd.testing.assert_frame_equal(
        PriceReader(store).prices(as_of="2024-01-21"), PriceReader(store).prices(as_of=S3)
    )


@pytest.mark.parametrize("day", ["2024-01-16", "2024-01-23"])
def test_a_day_whose_session_is_not_stored_is_refused(store: Store, day: str) -> None:
    save(store, comings_and_goings())
    with pytest.raises(WrongUsage, match=f"as_of {day}: session {day} is not stored"):
        PriceReader(store).prices(as_of=day)


def test_a_ticker_that_was_not_listed_then_is_named(store: Store) -> None:
    save(store, comings_and_goings())
    with pytest.raises(WrongUsage, match=f"Nothing of G00000, N00000 is stored .* as of {S3}"):
        PriceReader(store).prices(["A00000", "N00000", "G00000"], as_of=S3)


def test_what_happens_to_the_next_company_leaves_the_first_ones_prices(store: Store) -> None:
    first, gone = [row("A00000", 9000), row("B00000")], [row("B00000")]
    listed = [row("A00000", 300), row("B00000")]
    split = [row("A00000", 60, open=61, shares=500), row("B00000")]
    save(store, {S1: first, S2: gone, S3: listed, S4: split})
    prices = PriceReader(store).prices("A00000")
    assert prices["close"].tolist() == [9000, 60, 60]
    assert prices["volume"].tolist() == [10, 50, 10]


def test_of_a_code_with_three_companies_only_the_last_one_counts_now(store: Store) -> None:
    other = row("B00000")
    save(store, {S1: [row("A00000", 100), other], S2: [other], S3: [row("A00000", 200), other]})
    for session, rows in {S4: [other], "2024-01-23": [row("A00000", 300), other]}.items():
        store.sessions.save(market_day(session, *rows))
    assert closes(store, "A00000", as_of="2024-01-23") == [300]
    assert closes(store, "A00000") == [100, 200, 300]


def test_a_halt_is_no_gap(store: Store) -> None:
    days = {S1: [row("A00000", 300)], S2: [halted("A00000", 300)], S3: [halted("A00000", 300)]}
    save(store, days | {S4: [row("A00000", 60, open=61, shares=500)]})
    assert closes(store, "A00000") == [60, 60, 60, 60]


def test_a_session_that_is_not_stored_is_no_gap(store: Store) -> None:
    """Nobody can say who was listed then."""
    save(store, {S1: [row("A00000", 300)], S4: [row("A00000", 60, open=61, shares=500)]})
    assert closes(store, "A00000") == [60, 60]


def test_a_spac_that_merges_goes_on_under_its_new_name(store: Store) -> None:
    """373200 on 2022-01-20: five times the shares, the base price where it was."""
    before = row("373200", 2_995, name="IBKS제15호스팩", shares=3_520_000, market="KOSDAQ")
    after = row(
        "373200",
        3_080,
        open=2_950,
        change=85,
        name="하인크코리아",
        shares=17_647_000,
        market="KOSDAQ",
    )
    save(store, {"2022-01-19": [before], "2022-01-20": [after]})
    prices = PriceReader(store).prices(as_of="2022-01-20")
    assert prices["close"].tolist() == [2_995, 3_080]
    assert prices["volume"].tolist() == [10, 10]
    assert set(prices["name"]) == {"하인크코리아"}


@pytest.fixture
def quiet(store: Store) -> Store:
    save(store, split_on_s3())
    return store


def test_a_ticker_of_which_nothing_is_stored_is_named(quiet: Store) -> None:
    with pytest.raises(WrongUsage, match=r"Nothing of 999999 is stored.*--status"):
        PriceReader(quiet).prices(["A00000", "999999"])


def test_a_span_without_a_session_is_said(quiet: Store) -> None:
    with pytest.raises(WrongUsage, match=f"Nothing is stored from 2023-01-02 to {MINUS_ONE_WEEK}"):
        PriceReader(quiet).prices(start="2023-01-02", end=MINUS_ONE_WEEK)


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({"start": S3, "end": S2}, f"start {S3} is after end {S2}"),
        ({"end": S4, "as_of": S3}, f"end {S4} is after as_of {S3}"),
        ({"start": S4, "as_of": S3}, f"start {S4} is after"),
        ({"start": "20240118"}, "'20240118' is not a date. Write it as 2024-01-22"),
        ({"as_of": "yesterday"}, "'yesterday' is not a date"),
        ({"start": 20240118}, "20240118 is not a date"),
        ({"end": pd.NaT}, "NaT is not a date"),
    ],
)
def test_wrong_days_are_refused(quiet: Store, days: dict[str, str], message: str) -> None:
    with pytest.raises(WrongUsage, match=message):
        PriceReader(quiet).prices(**days)  # type: ignore[arg-type]


def test_the_same_prices_as_the_panel_of_the_indicators_but_rounded(store: Store) -> None:
    save(store, split_on_s3())
    panel = store.sessions.panel(S4, 300)
    prices = PriceReader(store).prices(as_of=S4)
    for name in ("open", "high", "low", "close", "volume"):
        wide = prices[name].unstack("session")
        assert list(wide.index) == panel.tickers
        np.testing.assert_array_equal(wide.to_numpy(), np.floor(getattr(panel, name) + 0.5))


@pytest.fixture(scope="module")
def synthetic() -> SyntheticMarket:
    """Four months in which everything happens that happens on the exchange; a code is used again,
    too."""
    return SyntheticMarket(60, first="2026-03-02", last="2026-07-10")


@pytest.fixture(scope="module")
def whole(synthetic: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Store of that market with the factors of its own ledger."""
    store = Store(SqliteBackend(tmp_path_factory.mktemp("whole")), FakeClock(kst(2026, 7, 11, 19)))
    factors = {(event.session, event.code): event.true_factor for event in synthetic.events}
    for session in synthetic.sessions:
        day = synthetic.day(session)
        columns = {name: getattr(day, name) for name in DAY_COLUMNS if hasattr(day, name)}
        frame = pd.DataFrame(
            columns | {"ticker": day.code, "market": [MARKETS[each] for each in day.market_id]}
        )
        frame["factor"] = [factors.get((session, code), 1.0) for code in frame["ticker"]]
        frame = frame[list(DAY_COLUMNS)].sort_values("ticker", ignore_index=True)
        store.sessions.save(MarketDay(session, frame, read_at(session, FINAL), "pykrx"))
    yield store
    store.close()


def test_every_listing_of_the_synthetic_market_is_adjusted_to_its_own_last_session(
    synthetic: SyntheticMarket, whole: Store
) -> None:
    events = {(event.session, event.code): event for event in synthetic.events}
    reused = {
        event.code for event in synthetic.events if event.kind == "first_session" and event.flag
    }
    prices = PriceReader(whole).prices()
    published = PriceReader(whole).prices(adjusted=False)
    assert reused & set(prices.index.get_level_values("ticker"))
    for ticker, series in published["close"].groupby(level="ticker"):
        later, expected = 1.0, []
        for session in reversed(synthetic.sessions):
            event = events.get((session, ticker))
            if (pd.Timestamp(session), ticker) in series.index:
                expected.append(int(series[session, ticker] * later + 0.5))
                later = 1.0 if event is not None and event.kind == "first_session" else later
                later *= event.true_factor if event is not None and event.true_factor else 1.0
        assert prices["close"].xs(ticker, level="ticker").tolist() == expected[::-1], ticker


@pytest.mark.parametrize("position", [0, 25, 50, 75])
def test_as_of_a_day_is_what_a_store_that_ends_there_says(
    synthetic: SyntheticMarket, whole: Store, tmp_path: Path, clock: FakeClock, position: int
) -> None:
    day, listed = (
        synthetic.sessions[position],
        set(synthetic.day(synthetic.sessions[position]).code),
    )
    ends_there = Store(SqliteBackend(tmp_path), clock)
    for session, frame in whole.sessions.read("2001-01-01", day):
        ends_there.sessions.save(MarketDay(session, frame, read_at(session, FINAL), "pykrx"))
    pd.testing.assert_frame_equal(
        PriceReader(whole).prices(end=day), PriceReader(ends_there).prices()
    )
    then = PriceReader(whole).prices(as_of=day)
    pd.testing.assert_frame_equal(then, PriceReader(ends_there).prices(as_of=day))
    assert set(then.index.get_level_values("ticker")) == listed
    assert set(then.xs(day, level="session").index) == listed

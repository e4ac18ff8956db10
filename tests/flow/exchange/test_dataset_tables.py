"""Datasets: typed, null where the exchange has none, refused when they are of
another day."""

import numpy as np
import pandas as pd
import pytest

from collectors.exchange.dataset_tables import (
    DATASETS,
    FOREIGN,
    FUNDAMENTALS,
    INDICES,
    Dataset,
    parse_dataset,
    parse_index,
)
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from tests.fakes import market_day, row
from utils.errors import MalformedAnswer, NotPublished
from utils.market_day import DATASET_COLUMNS, DAY_COLUMNS, MARKETS
from utils.settings import DatasetName

SESSION = "2026-09-10"
DAY = market_day(SESSION, row("000010", 1000), row("000020", 2000), row("000030", 3000)).frame


def table(*rows: tuple[str, ...], dataset: Dataset = FUNDAMENTALS) -> pd.DataFrame:
    """Return (ticker, close, figures...) as the exchange's table."""
    return pd.DataFrame(rows, columns=["ISU_SRT_CD", "TDD_CLSPRC", *dataset.columns.values()])


GOOD = [
    ("000020", "2,000", "1,234", "1.62", "-", "-", "0", "0.00"),
    ("000010", "1,000", "-", "-", "50,000", "0.02", "25", "2.50"),
]


def test_figures_stand_with_their_tickers_and_a_dash_is_null() -> None:
    found = parse_dataset(table(*GOOD), FUNDAMENTALS, DAY, SESSION)
    assert list(found.columns) == ["eps", "per", "bps", "pbr", "dps", "dividend_yield"]
    assert found["eps"].fillna(-1).tolist() == [-1, 1234, -1]
    assert found["dps"].fillna(-1).tolist() == [25, 0, -1], (
        "0 is a figure, a missing ticker has none"
    )
    assert {str(kind) for kind in found.dtypes} == {"float64"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw.drop(columns="EPS"), "no column EPS"),
        (lambda raw: raw.iloc[:0].drop(columns="EPS"), "no rows"),
        (lambda raw: pd.concat([raw, raw.iloc[:1]]), "000020 twice"),
        (lambda raw: raw.assign(PER=["1.2.3", "-"]), "'1.2.3' in PER of 000020"),
        (lambda raw: raw.assign(DPS=["0", ""]), "'' in DPS of 000010"),
        (lambda raw: raw.assign(DPS=["٣", "0"]), "no number"),
        (lambda raw: raw.iloc[:1], "only 1 of the 3 tickers"),
        (lambda raw: raw.assign(TDD_CLSPRC=["2,010", "1,010"]), "0% of their closes"),
        (lambda raw: raw.assign(ISU_SRT_CD=["000021", "000011"]), "0% of their closes"),
    ],
)
def test_what_is_not_of_this_day_or_not_of_its_form_is_refused(change, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(MalformedAnswer, match=message):
        parse_dataset(change(table(*GOOD)), FUNDAMENTALS, DAY, SESSION)


def test_dashes_everywhere_are_not_published() -> None:
    closed = table(("000010", *["-"] * 7), ("000020", *["-"] * 7))
    with pytest.raises(NotPublished, match=SESSION):
        parse_dataset(closed, FUNDAMENTALS, DAY, SESSION)


def test_what_the_local_exchange_publishes_is_taken_whole() -> None:
    market = SyntheticMarket(60)
    day = market.day(SESSION)
    markets = [MARKETS[market_id] for market_id in day.market_id]
    columns = {"ticker": day.code, "market": markets, "close": day.close}
    frame = pd.DataFrame(columns).sort_values("ticker", ignore_index=True)
    figures = market.fundamentals(day)
    found = parse_dataset(
        pd.DataFrame(answers.fundamental_rows(figures)), FUNDAMENTALS, frame, SESSION
    )
    assert found["eps"].notna().sum() == (figures.eps >= 0).sum()
    held = parse_dataset(
        pd.DataFrame(answers.holding_rows(market.holdings(day))), FOREIGN, frame, SESSION
    )
    assert np.nansum(held["foreign_shares"]) == market.holdings(day).held.clip(0).sum()


def test_every_dataset_has_the_columns_of_a_session_and_a_place_in_the_settings() -> None:
    assert {name: tuple(dataset.columns) for name, dataset in DATASETS.items()} == DATASET_COLUMNS
    assert ["prices", *DATASETS, INDICES] == list(DatasetName)
    names = [name for columns in DATASET_COLUMNS.values() for name in columns]
    assert len({*names, *DAY_COLUMNS}) == len(names) + len(DAY_COLUMNS)


def series(**cells: str) -> pd.DataFrame:
    """Two days of an index, newest first; these cells are those of the newest."""
    keys = ["TRD_DD", "CLSPRC_IDX", "PRV_DD_CMPR", "OPNPRC_IDX", "HGPRC_IDX", "LWPRC_IDX"]
    sums = ["ACC_TRDVOL", "ACC_TRDVAL", "MKTCAP"]
    newest = ["2021/01/15", "3,085.90", "-64.03", "3,152.31", "3,189.90", "3,085.90"]
    before = ["2021/01/14", "3,149.93", "1.64", "3,148.29", "3,164.37", "3,109.63"]
    rows = [
        [*newest, "1,327,000,000", "26,439,000,000,000", "2,127,000,000,000,000"],
        [*before, "1", "2", "3"],
    ]
    table = pd.DataFrame(rows, columns=[*keys, *sums])
    table.loc[0, list(cells)] = list(cells.values())
    return table


SPAN = ("2021-01-11", "2021-01-15")


def test_an_index_series_becomes_a_row_a_day_oldest_first() -> None:
    before, newest = parse_index(series(), "KOSPI", *SPAN)
    assert (before["_id"], newest["_id"]) == ("KOSPI:2021-01-14", "KOSPI:2021-01-15")
    levels = {"open": 3152.31, "high": 3189.9, "low": 3085.9, "close": 3085.9, "change": -64.03}
    sums = {
        "volume": 1_327_000_000,
        "value": 26_439_000_000_000,
        "market_cap": 2_127_000_000_000_000,
    }
    assert (
        newest
        == {"_id": "KOSPI:2021-01-15", "index": "KOSPI", "session": "2021-01-15"} | levels | sums
    )
    assert all(isinstance(newest[name], int) for name in sums)


def test_a_dash_in_an_index_series_is_null_and_no_rows_are_no_days() -> None:
    (_, newest) = parse_index(series(OPNPRC_IDX="-", ACC_TRDVOL="-"), "KOSPI", *SPAN)
    assert (newest["open"], newest["volume"], newest["close"]) == (None, None, 3085.9)
    assert parse_index(pd.DataFrame(), "KOSPI", *SPAN) == []


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (series().drop(columns="MKTCAP"), "no column MKTCAP"),
        (series(TRD_DD="2021/01/14"), "a day twice"),
        (series(TRD_DD="2021/01/18"), "not between 2021-01-11 and 2021-01-15"),
        (series(TRD_DD="yesterday"), "'yesterday' where a date belongs"),
        (series(CLSPRC_IDX="3,0x5"), "'3,0x5' in CLSPRC_IDX of 2021/01/15"),
        (series(HGPRC_IDX="3,100.00"), "broken on 2021-01-15"),
        (series(LWPRC_IDX="0"), "broken on 2021-01-15"),
    ],
)
def test_an_odd_index_series_is_refused(raw: pd.DataFrame, message: str) -> None:
    with pytest.raises(MalformedAnswer, match=message):
        parse_index(raw, "KOSPI", *SPAN)

"""Figures beside the prices: typed, null where the exchange has none, refused when they are of another day."""

import numpy as np
import pandas as pd
import pytest

from collectors.datasets import DATASETS, FOREIGN, FUNDAMENTALS, Dataset, parse_dataset
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from tests.fakes import market_day, row
from utils.errors import MalformedAnswer, NotPublished

SESSION = "2026-09-10"
DAY = market_day(SESSION, row("000010", 1000), row("000020", 2000), row("000030", 3000)).frame


def table(*rows: tuple[str, ...], dataset: Dataset = FUNDAMENTALS) -> pd.DataFrame:
    """(ticker, close, figures...) -> the exchange's table."""
    return pd.DataFrame(rows, columns=["ISU_SRT_CD", "TDD_CLSPRC", *dataset.columns.values()])


GOOD = [
    ("000020", "2,000", "1,234", "1.62", "-", "-", "0", "0.00"),
    ("000010", "1,000", "-", "-", "50,000", "0.02", "25", "2.50"),
]


def test_figures_stand_beside_their_tickers_and_a_dash_is_null() -> None:
    found = parse_dataset(table(*GOOD), FUNDAMENTALS, DAY, SESSION)
    assert list(found.columns) == ["eps", "per", "bps", "pbr", "dps", "dividend_yield"]
    assert found["eps"].fillna(-1).tolist() == [-1, 1234, -1]
    assert found["dps"].fillna(-1).tolist() == [25, 0, -1], "0 is a figure, a missing ticker has none"
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
    frame = pd.DataFrame({"ticker": day.code, "close": day.close}).sort_values("ticker", ignore_index=True)
    figures = market.fundamentals(day)
    found = parse_dataset(pd.DataFrame(answers.fundamental_rows(figures)), FUNDAMENTALS, frame, SESSION)
    assert found["eps"].notna().sum() == (figures.eps >= 0).sum()
    held = parse_dataset(pd.DataFrame(answers.holding_rows(market.holdings(day))), FOREIGN, frame, SESSION)
    assert np.nansum(held["foreign_shares"]) == market.holdings(day).held.clip(0).sum()


def test_every_dataset_has_columns_of_its_own() -> None:
    names = [name for dataset in DATASETS.values() for name in dataset.columns]
    assert len(names) == len(set(names))

"""`stock_data.daily_prices`: one row per ticker and session, for people and BI tools."""

from collections.abc import Callable
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import pymongo
import pytest

from tests.fakes import halted, market_day, row
from utils.market_day import DATASET_COLUMN_NAMES, DATASET_COLUMNS, DAY_COLUMNS
from utils.store import Store
from utils.store.mongo import MongoBackend, daily_prices_pipeline

Document = dict[str, Any]


def saved(store: Store) -> None:
    store.sessions.save(
        market_day(
            "2024-01-22", row("005930", 75_000, name="삼성전자"), row("0001A0", factor=np.nan)
        )
    )
    store.sessions.save(market_day("2024-01-23", halted("005930", 75_000), finality="final"))
    figures = pd.DataFrame(np.nan, index=[0], columns=list(DATASET_COLUMNS["fundamentals"])).assign(
        eps=2_131.0, dps=0.0
    )
    store.datasets.save("2024-01-23", "fundamentals", figures, "final")


def check(rows: list[Document]) -> None:
    """The rows of the view against what was saved, by way of other code than the view's."""
    assert [each["_id"] for each in rows] == [
        "2024-01-22:0001A0",
        "2024-01-22:005930",
        "2024-01-23:005930",
    ]
    assert rows[1] == row("005930", 75_000, name="삼성전자") | {
        "_id": "2024-01-22:005930",
        "session": "2024-01-22",
        "finality": "provisional",
        **dict.fromkeys(DATASET_COLUMN_NAMES),
    }
    assert (rows[0]["ticker"], rows[0]["factor"]) == ("0001A0", None)
    assert (rows[2]["close"], rows[2]["volume"], rows[2]["finality"]) == (75_000, 0, "final")
    assert [rows[2][name] for name in ("eps", "dps", "per", "foreign_ratio")] == [
        2_131.0,
        0.0,
        None,
        None,
    ]
    assert all(
        set(each) == {"_id", "session", "finality", *DAY_COLUMNS, *DATASET_COLUMN_NAMES}
        for each in rows
    )


def value_of(expression: Any, document: Document) -> Any:
    """The value of an aggregation expression; of MongoDB's language only what the view uses."""
    if isinstance(expression, str):
        return document[expression[1:]] if expression.startswith("$") else expression
    ((operator, arguments),) = expression.items()
    if operator == "$zip":
        assert arguments["useLongestLength"]
        return [
            list(cells)
            for cells in zip_longest(*(value_of(each, document) for each in arguments["inputs"]))
        ]
    if operator == "$ifNull":
        return document.get(arguments[0].removeprefix("$"), arguments[1])
    if operator == "$arrayElemAt":
        return value_of(arguments[0], document)[arguments[1]]
    assert operator == "$concat"
    return "".join(value_of(each, document) for each in arguments)


def run_stage(stage: Document, documents: list[Document]) -> list[Document]:
    ((name, spec),) = stage.items()
    if name == "$unwind":
        return [each | {spec[1:]: element} for each in documents for element in each[spec[1:]]]
    assert name == "$project"
    wanted = {"_id": "$_id"} | {
        field: f"${field}" if how == 1 else how for field, how in spec.items()
    }
    return [{field: value_of(how, each) for field, how in wanted.items()} for each in documents]


@pytest.mark.parametrize("open_backend", ["mongomock"], indirect=True)
def test_the_pipeline_of_the_view_makes_a_row_of_each_ticker_and_session(store: Store) -> None:
    saved(store)
    documents = store.backend.find("stock_data.sessions")
    for stage in daily_prices_pipeline():
        documents = run_stage(stage, documents)
    check(documents)


@pytest.mark.parametrize("open_backend", ["mongodb"], indirect=True)
def test_the_view_of_a_real_server_shows_a_row_of_each_ticker_and_session(
    store: Store, open_store: Callable[..., Store]
) -> None:
    assert isinstance(store.backend, MongoBackend)
    database: pymongo.database.Database[Document] = store.backend._client[
        store.backend._databases["stock_data"]
    ]
    if "daily_prices" not in database.list_collection_names():
        pytest.skip(
            f"THIS SERVER HAS NO VIEWS ({store.description}): "
            "daily_prices WAS CHECKED WITHOUT A SERVER ONLY"
        )
    saved(store)
    open_store("again")  # a view that is there already stands in nobody's way
    check(list(database["daily_prices"].find().sort("_id", 1)))


@pytest.mark.parametrize("open_backend", ["mongomock"], indirect=True)
def test_a_server_without_views_keeps_everything_else_and_the_log_says_so(
    open_store: Callable[..., Store], caplog: pytest.LogCaptureFixture
) -> None:
    saved(open_store())
    assert "no views" in caplog.text

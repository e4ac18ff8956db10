"""A store of the first release (schema 1), as its own scripts wrote it over each database: how to
put it into one.

`record.py` says how it was made. The market it was made of is `market.csv`, which the local
exchange of any version replays, so the present version can be run on the same days.
"""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pymongo
from bson import json_util

from utils.store.sqlite import FILE_NAME

HERE = Path(__file__).parent
MARKET, SQL, JSON_LINES = HERE / "market.csv", HERE / "store.sql", HERE / "store.jsonl"
RENAMED, FORMER_NAME, NEW_NAME = "024120", "차온전자", "개명전자"
"""A target that has another name from the last session on."""
LAST_SESSIONS = ("2026-08-12", "2026-08-13")
CHOICE = {"MIN_MARKET_CAP": "300000000000", "MARKETS": "KOSPI,KOSDAQ", "DATASETS": "prices"}
INDEXES = {
    "system_info.target_tickers": (("is_active", "market_cap"), ("claimed_by",)),
    "system_info.job_status": (("job_name", "date_kst"),),
    "stock_data.corporate_actions": (("ticker",), ("session",)),
    "stock_analyzed.indicators": (("session",), ("market_cap",)),
}
"""Those that the first release made in MongoDB."""


def restore_embedded(folder: Path) -> Path:
    """The file, in that folder."""
    folder.mkdir(exist_ok=True)
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection:
        connection.executescript(SQL.read_text(encoding="utf-8"))
    return folder / FILE_NAME


def restore_mongodb(
    client: "pymongo.MongoClient[dict[str, Any]]", databases: Mapping[str, str]
) -> None:
    """`databases`: the project's database names -> their names on this server."""
    documents = defaultdict(list)
    for line in JSON_LINES.read_text(encoding="utf-8").splitlines():
        title, _, document = line.partition(" ")
        documents[title].append(json_util.loads(document))
    for title in documents | INDEXES:
        database, _, name = title.partition(".")
        collection = client[databases[database]][name]
        collection.insert_many(documents[title])
        for fields in INDEXES.get(title, ()):
            collection.create_index([(field, 1) for field in fields])

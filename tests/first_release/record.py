"""Record what is in this folder: what the first release wrote in four runs against its own local
exchange.

    git worktree add /tmp/first 33f3f0c
    tests/ferretdb/with-mongodb .venv/bin/python -m tests.first_release.record /tmp/first

`market.csv` are days of the present synthetic market, thinned out, with one target renamed on the
last day that is collected. `store.sql` is the embedded database as SQL; `store.jsonl` is the one
over MongoDB, a document a line as extended JSON after the name of its collection.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pandas as pd
import pymongo
from bson import json_util

from sandbox.market import Day
from sandbox.synthetic import SyntheticMarket
from tests.first_release import CHOICE, JSON_LINES, LAST_SESSIONS, MARKET, NEW_NAME, RENAMED, SQL
from utils.settings import setting_names

FIRST, LAST = "2026-07-29", "2026-08-20"
TICKERS, ONE_IN = 40, 3
RUNS = (
    ("2026-08-12T20:00:00", "manual_setup.py", "--yes", "--sessions", "11"),
    ("2026-08-12T21:10:00", "hourly_analysis.py"),
    ("2026-08-13T20:00:00", "daily_update.py"),
    ("2026-08-13T21:10:00", "hourly_analysis.py", "--quota", "4"),
)
"""The moment in KST, and what is run then. The last night is not finished."""
ACCOUNT = {"KRX_ID": "demo", "KRX_PW": "demo", "KRX_REQUEST_INTERVAL_SECONDS": "0"}
DATABASES = {
    name: f"first_release_{name}" for name in ("system_info", "stock_data", "stock_analyzed")
}


def write_market() -> None:
    market = SyntheticMarket(TICKERS, first="2026-07-01", last="2026-08-31")
    table = pd.concat(
        [_rows(market.day(session)) for session in market.sessions if FIRST <= session <= LAST]
    )
    large = table.groupby("Code")["Marcap"].max() >= int(CHOICE["MIN_MARKET_CAP"])
    kept = {*large[large].index, *large.index[::ONE_IN]}
    late = table["Date"] >= LAST_SESSIONS[-1]
    table.loc[late & (table["Code"] == RENAMED), "Name"] = NEW_NAME
    table[table["Code"].isin(kept)].to_csv(MARKET, index=False)


def _rows(day: Day) -> pd.DataFrame:
    theirs = {
        "Code": day.code,
        "Name": day.name,
        "Market": day.market_name,
        "MarketId": day.market_id,
    }
    prices = {
        "Open": day.open,
        "High": day.high,
        "Low": day.low,
        "Close": day.close,
        "Changes": day.change,
    }
    moves = {
        "ChagesRatio": day.ratio / 100,
        "ChangeCode": day.fluctuation,
        "Volume": day.volume,
        "Amount": day.value,
    }
    size = {"Marcap": day.market_cap, "Stocks": day.shares, "Date": day.session}
    return pd.DataFrame(theirs | {"Dept": day.department} | prices | moves | size)


@contextmanager
def exchange(checkout: Path) -> Iterator[str]:
    """The local exchange of a checkout, with these days; its address."""
    command = [sys.executable, "-m", "sandbox", "--replay", str(MARKET)]
    with subprocess.Popen(command, cwd=checkout, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def live(checkout: Path, database: Mapping[str, str]) -> None:
    """The four runs of the scripts of a checkout."""
    with exchange(checkout) as url, tempfile.TemporaryDirectory() as folder:
        none = dict.fromkeys(setting_names(), "")  # of a developer's own `.env`
        plain = none | {
            "PATH": os.environ["PATH"],
            "LOG_DIR": folder,
            "MPLCONFIGDIR": folder,
            "KRX_BASE_URL": url,
        }
        for moment, *command in RUNS:
            set_clock(url, moment)
            settings = plain | CHOICE | ACCOUNT | {"DATA_DIR": folder, "KST_NOW": moment} | database
            subprocess.run([sys.executable, *command], cwd=checkout, env=settings, check=True)


def set_clock(url: str, moment: str) -> None:
    body = json.dumps({"kst": moment}).encode()
    with urllib.request.urlopen(
        urllib.request.Request(f"{url}/__sandbox__/clock", body, method="PUT")
    ):
        pass


def record_embedded(checkout: Path) -> None:
    with tempfile.TemporaryDirectory() as folder:
        live(checkout, {"DATA_DIR": folder})
        with closing(sqlite3.connect(Path(folder) / "night_shift.sqlite3")) as connection:
            SQL.write_text("\n".join(connection.iterdump()) + "\n", encoding="utf-8")


def record_mongodb(checkout: Path, uri: str) -> None:
    live(checkout, {"MONGODB_URI": uri, "MONGODB_DB_PREFIX": "first_release_"})
    with pymongo.MongoClient(uri) as client, JSON_LINES.open("w", encoding="utf-8") as file:
        for database, name in DATABASES.items():
            for collection in sorted(
                client[name].list_collection_names(filter={"type": "collection"})
            ):
                for document in client[name][collection].find().sort("_id", 1):
                    file.write(
                        f"{database}.{collection} {json_util.dumps(document, ensure_ascii=False)}\n"
                    )
            client.drop_database(name)


if __name__ == "__main__":
    write_market()
    record_embedded(Path(sys.argv[1]))
    record_mongodb(Path(sys.argv[1]), os.environ["MONGODB_TEST_URI"])

"""A month of real market days through the sandbox, real pykrx and each database, as the scripts run
at night."""

from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from sandbox.replay import ReplayMarket
from tests.harness import Exchange, Installation
from tests.layers import RECORDED
from utils.clock import kst

YEAR = RECORDED / "market" / "2024.csv.gz"
SETUP = kst(2024, 1, 22, 19)
LAST = kst(2024, 2, 13, 19)
ONE_IN = 20
LARGE_CAPS = "1000000000000"
"""Part of the tickers over a server, and the threshold there: CI's stand-in for MongoDB takes a
tenth of a second to look at one whole session, and seconds to write 50 results."""
HOLIDAYS = ("2024-02-09", "2024-02-12")

pytestmark = pytest.mark.recorded


@pytest.fixture
def recording(database: dict[str, str], tmp_path: Path) -> Path:
    """The file to replay: as it is, or thinned out for a server."""
    if not database:
        return YEAR
    thin = tmp_path / "thin.csv.gz"
    table = pd.read_csv(YEAR, dtype=str, keep_default_na=False)
    tickers = sorted(set(table["Code"]))[::ONE_IN]
    table[table["Code"].isin(tickers)].to_csv(thin, index=False)
    return thin


@pytest.fixture
def published(recording: Path) -> pd.DataFrame:
    """Return the exchange's rows in the columns of the export."""
    table = pd.read_csv(recording, dtype={"Code": str}, keep_default_na=False)
    theirs = "Date Code Name Market Open High Low Close Changes Volume Amount Marcap Stocks".split()
    ours = (
        "session ticker name market open high low close change volume value market_cap shares"
    ).split()
    names = dict(zip(theirs, ours, strict=True))
    table["Market"] = table["MarketId"].map({"STK": "KOSPI", "KSQ": "KOSDAQ", "KNX": "KONEX"})
    table = table.rename(columns=names)[list(names.values())]
    numbers = ["open", "high", "low", "close", "change", "volume", "value", "market_cap", "shares"]
    table[numbers] = table[numbers].astype("int64")
    return table.sort_values(["session", "ticker"], ignore_index=True)


@pytest.mark.timeout(900)
def test_every_stored_cell_equals_the_exchange_and_every_target_is_analysed(
    recording: Path, published: pd.DataFrame, tmp_path: Path, database: dict[str, str]
) -> None:
    thin = {"MIN_MARKET_CAP": LARGE_CAPS} if database else {}
    with Exchange(SETUP, ReplayMarket([recording])) as exchange:
        installation = Installation(exchange, tmp_path, database | thin)
        installation.must(SETUP, "manual_setup", "--yes", "--sessions", "15")
        assert len(exchange.requests()) <= 15 + 10

        for evening in weekday_evenings(SETUP + timedelta(days=1), LAST):
            exchange.reset_counts()
            done = installation.run(evening, "daily_update")
            assert done.code == 0, done.stderr
            assert exchange.counts()["data"] <= 4
            installation.analyse_night(evening) if f"{evening:%Y-%m-%d}" not in HOLIDAYS else None
        installation.must(LAST, "daily_update", "--export", str(tmp_path / "all.csv"))

        seen = installation.read(LAST)
    exported = pd.read_csv(
        tmp_path / "all.csv", dtype={"ticker": str}, keep_default_na=False, low_memory=False
    )
    pd.testing.assert_frame_equal(exported[list(published.columns)], published)
    assert {target["last_analyzed_date"] for target in seen["targets"]} == {"2024-02-13"}
    assert {job["status"] for job in seen["jobs"].values()} == {"completed"}
    assert {job["status"] for job in seen["analyses"].values()} == {"completed"}
    assert [head.finality for head in seen["heads"]] == ["final"] * 28 + ["provisional"]
    assert not set(HOLIDAYS) & set(seen["jobs"])


def weekday_evenings(first: datetime, last: datetime) -> list[datetime]:
    """Return the moments at which cron starts `daily_update`: 19:00 from Monday to Friday, holidays
    included."""
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return [day for day in days if day.weekday() < 5]

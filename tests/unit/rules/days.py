"""Whole typed days to try the rules on: the recorded real ones, where they are at hand, and the
synthetic market's."""

from functools import cache

import numpy as np
import pandas as pd

from sandbox.market import Day
from sandbox.synthetic import SyntheticMarket
from tests.layers import RECORDED
from utils.market_day import DAY_COLUMNS, MARKETS

EVENTS = RECORDED / "corporate_actions_2022_2024.csv"
REAL_YEARS = ("2022", "2023", "2024")

_RECORDED = {
    "Code": "ticker",
    "Name": "name",
    "Open": "open",
    "High": "high",
    "Low": "low",
    "Close": "close",
    "Changes": "change",
    "Volume": "volume",
    "Amount": "value",
    "Marcap": "market_cap",
    "Stocks": "shares",
    "ChangeCode": "direction",
}
"""Their columns -> ours, and FLUC_TP_CD as `direction`."""
_FOUR_MONTHS = {"first": "2026-06-01", "last": "2026-09-30"}


@cache
def real_days(year: str) -> dict[str, pd.DataFrame]:
    """Session -> typed frame, oldest first; do not change them."""
    table = pd.read_csv(
        RECORDED / "market" / f"{year}.csv.gz",
        dtype={"Code": str, "Name": str},
        usecols=[*_RECORDED, "MarketId", "Date"],
    )
    table = table.rename(columns=_RECORDED).assign(
        market=table["MarketId"].map(MARKETS), factor=np.nan
    )
    table = table.astype(
        {name: np.int64 for name in _RECORDED.values() if name not in ("ticker", "name")}
    )
    groups = table.sort_values(["Date", "ticker"]).groupby("Date", sort=True)
    return {str(session): rows.reset_index(drop=True) for session, rows in groups}


@cache
def synthetic_market(tickers: int) -> SyntheticMarket:
    """All of its sessions for a small one, about as many ticker-days as the real ones for the whole
    market."""
    return SyntheticMarket(tickers, **(_FOUR_MONTHS if tickers > 1_000 else {}))


@cache
def synthetic_days(tickers: int) -> dict[str, pd.DataFrame]:
    """Session -> typed frame, oldest first; do not change them."""
    market = synthetic_market(tickers)
    return {session: typed(market.day(session)) for session in market.sessions}


def typed(day: Day) -> pd.DataFrame:
    """A day of the sandbox as the suite types it."""
    columns = {name: getattr(day, name) for name in DAY_COLUMNS if hasattr(day, name)}
    facts = {
        "ticker": day.code,
        "market": [MARKETS[market] for market in day.market_id],
        "factor": np.nan,
    }
    frame = pd.DataFrame(columns | facts)[list(DAY_COLUMNS)]
    return frame.sort_values("ticker", ignore_index=True)

"""Whole market of a session for the report: breadth by market, movers, and the trend of breadth."""

from typing import Any

import numpy as np
import pandas as pd

from collectors.rules.price_rules import has_known_rules, price_limits
from utils.market_day import MARKETS
from utils.store import Store

MOVERS = 10
TREND_SESSIONS = 60


def with_moves(day: pd.DataFrame, session: str) -> pd.DataFrame:
    """Return the session's rows with `traded` (in the regular session), `percent` (of the base
    price; 0 without one), `limit` (1 up, -1 down, 0)."""
    base = day["close"] - day["change"]
    percent = np.where(base > 0, 100 * day["change"] / base.where(base > 0, 1), 0.0)
    traded = day["open"] > 0
    return day.assign(traded=traded, percent=percent, limit=_at_limit(day, base, session) * traded)


def _at_limit(day: pd.DataFrame, base: pd.Series, session: str) -> np.ndarray:
    """Return 1 where the close is the highest price that the rules allow, -1 the lowest, else 0."""
    found = np.zeros(len(day), dtype=np.int64)
    known = has_known_rules(day["market"].to_numpy(), session) & (base > 0).to_numpy()
    lowest, highest = price_limits(base[known], day["market"].to_numpy()[known], session)
    close = day["close"].to_numpy()[known]
    found[known] = (close == highest).astype(np.int64) - (close == lowest)
    return found


def breadth(moves: pd.DataFrame) -> list[dict[str, Any]]:
    """Return one entry for each market that lists anything; won for `value` and `market_cap`."""
    rows = {name: moves[moves["market"] == name] for name in MARKETS.values()}
    return [
        {"market": name, **_breadth(of_market)}
        for name, of_market in rows.items()
        if len(of_market)
    ]


def _breadth(moves: pd.DataFrame) -> dict[str, int | float]:
    traded = moves[moves["traded"]]
    change = traded["change"]
    return {
        "up": int((change > 0).sum()),
        "down": int((change < 0).sum()),
        "flat": int((change == 0).sum()),
        "untraded": len(moves) - len(traded),
        "limit_up": int((moves["limit"] > 0).sum()),
        "limit_down": int((moves["limit"] < 0).sum()),
        "value": int(moves["value"].sum()),
        "market_cap": int(moves["market_cap"].sum()),
        "percent": _weighted(traded),
    }


def _weighted(traded: pd.DataFrame) -> float:
    """Return the change of all traded tickers, in percent of base prices, weighted by market
    cap."""
    shares = traded["shares"].astype("float64")
    before = float(((traded["close"] - traded["change"]) * shares).sum())
    return (
        round(100 * float((traded["change"] * shares).sum()) / before, 2) + 0.0 if before else 0.0
    )  # no -0.0


def movers(moves: pd.DataFrame) -> dict[str, list[list[Any]]]:
    """Return the first of the whole market: `rising` and `falling` by percent, `value` by won
    traded.

    Each is `[ticker, name, market, close, percent, value]`.
    """
    traded = moves[moves["traded"]]
    lists = {
        "rising": traded[traded["change"] > 0].nlargest(MOVERS, ["percent", "value"]),
        "falling": traded[traded["change"] < 0].nsmallest(MOVERS, ["percent", "value"]),
        "value": traded.nlargest(MOVERS, "value"),
    }
    columns = ["ticker", "name", "market", "close", "percent", "value"]
    return {
        name: first[columns].round({"percent": 2}).to_numpy().tolist()
        for name, first in lists.items()
    }


def trend(store: Store, session: str) -> dict[str, list[Any]]:
    """Count tickers up and down, and won traded, in each of the last stored sessions up to that
    one."""
    sessions = [head.session for head in store.sessions.heads(session, TREND_SESSIONS)]
    found: dict[str, list[Any]] = {"session": [], "up": [], "down": [], "value": []}
    for each, columns in store.sessions.columns(("open", "change", "value"), sessions[0], session):
        change = np.where(np.asarray(columns["open"]) > 0, columns["change"], 0)
        found["session"].append(each)
        found["up"].append(int((change > 0).sum()))
        found["down"].append(int((change < 0).sum()))
        found["value"].append(int(np.asarray(columns["value"]).sum()))
    return found

"""Strategies for the laws: calendars full of surprises, and market days the exchange could have
published."""

from datetime import date, datetime, timedelta, timezone
from operator import itemgetter
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import settings
from hypothesis import strategies as st

from tests.fakes import read_at, row
from utils.date_utils import TradingCalendar
from utils.market_day import (
    DAY_COLUMNS,
    FLOAT_COLUMNS,
    INTEGER_COLUMNS,
    MARKETS,
    PROVISIONAL,
    MarketDay,
)

PROFILE = settings.get_profile("properties")
SESSION = "2024-01-22"


def shifted(day: str, by: int) -> str:
    return (date.fromisoformat(day) + timedelta(by)).isoformat()


FIRST, LAST = "2026-09-04", "2026-09-25"
"""Three weekends, Chuseok on a Thursday and a Friday, and the first after-market on 09-14."""
DAYS = [shifted(FIRST, offset) for offset in range(22)]
EARLIER, LATER = shifted(FIRST, -60), shifted(LAST, 30)
"""Moments so far apart that some session is due before, whatever was shown, and none after."""
TIMES = [
    "00:00",
    "07:59:59.999",
    "08:00",
    "12:34",
    "17:59:59.999",
    "18:00",
    "20:29",
    "20:30",
    "23:59:59",
]


def by_day(each: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for something of every day, but for the days where it is None."""
    drawn = st.lists(each, min_size=len(DAYS), max_size=len(DAYS))
    return drawn.map(
        lambda all: {day: one for day, one in zip(DAYS, all, strict=True) if one is not None}
    )


days = st.sampled_from(DAYS)
observations = by_day(st.sampled_from([None, None, True, False]))
calendars = st.builds(TradingCalendar, observations, st.booleans())
moments = st.builds(
    lambda day, time: datetime.fromisoformat(f"{day}T{time}+09:00"), days, st.sampled_from(TIMES)
)
nights = st.lists(moments, min_size=10, max_size=10)
zones = st.sampled_from([-12, -9.5, -5, 0, 5.75, 9, 14]).map(
    lambda hours: timezone(timedelta(hours=hours))
)

tickers = st.integers(0, 36**6 - 1).map(lambda number: np.base_repr(number, 36).zfill(6))
names = st.text("가힣삼성전자AZ09&-.'\"\\ \u3000😀", min_size=1, max_size=5)
prices = st.integers(1, 3_000_000)
shares = st.integers(1, 6_000_000_000)
amounts = st.integers(0, 2**50)
kinds_of_day = st.sampled_from(["traded", "traded", "traded", "halted", "off hours"])


@st.composite
def published_rows(draw: st.DrawFn) -> dict[str, Any]:
    """One ticker's row as the exchange may publish it: traded, halted, or traded outside the hours
    only."""
    low, opened, close, high = sorted(draw(st.tuples(prices, prices, prices, prices)))
    if draw(st.booleans()):
        opened, close = close, opened
    listed, name, amount = draw(shares), draw(names), draw(amounts)
    traded = {
        "traded": {"open": opened, "high": high, "low": low, "volume": amount, "value": amount},
        "halted": {"open": 0, "high": 0, "low": 0, "volume": 0, "value": 0},
        "off hours": {"open": 0, "high": 0, "low": 0, "volume": 7, "value": 7 * close},
    }[draw(kinds_of_day)]
    market = sorted(MARKETS.values())[listed % len(MARKETS)]
    facts = {
        "name": name,
        "market": market,
        "shares": listed,
        "market_cap": close * listed,
        "change": close - opened,
    }
    return row(draw(tickers), close, **facts, **traded)


def frame_of(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return what `tests.fakes.market_day` makes of these rows, several times faster."""
    types = dict.fromkeys(INTEGER_COLUMNS, np.int64) | dict.fromkeys(FLOAT_COLUMNS, np.float64)
    ordered = sorted(rows, key=itemgetter("ticker"))
    return pd.DataFrame(
        {
            name: np.array([each[name] for each in ordered], dtype=types.get(name, object))
            for name in DAY_COLUMNS
        }
    )


def published_days(session: str = SESSION, most: int = 3) -> st.SearchStrategy[MarketDay]:
    """A whole session that breaks no rule of the exchange."""
    rows = st.lists(published_rows(), min_size=1, max_size=most, unique_by=itemgetter("ticker"))
    read_utc = read_at(session, PROVISIONAL)
    return rows.map(lambda found: MarketDay(session, frame_of(found), read_utc, "pykrx"))

"""Source that answers with the days it was given, and a collector that asks it."""

from collections.abc import Mapping
from datetime import datetime

import pandas as pd

from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.exchange.day_table import RAW_COLUMNS
from collectors.exchange.sources import Sources
from utils.date_utils import TradingCalendar
from utils.errors import SourceError
from utils.market_day import MARKETS
from utils.store import Store

FRIDAY, MONDAY, TUESDAY = "2024-01-19", "2024-01-22", "2024-01-23"
WEDNESDAY = "2024-01-24"
IDS = {name: market_id for market_id, name in MARKETS.items()}


class ScriptedSource:
    """Source that answers with the days it was given; a day may be an error. Every question is
    kept."""

    name = "pykrx"

    def __init__(self) -> None:
        self.days: dict[str, pd.DataFrame | SourceError] = {}
        self.shown: list[str] = []
        self.asked: list[str] = []

    def shows(self, session: str, now: datetime) -> bool:
        return True

    def fetch_day(self, session: str) -> pd.DataFrame:
        self.asked.append(session)
        answer = self.days[session]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        self.asked.append(f"{first}..{last}")
        return [day for day in self.shown if first <= day <= last]


def published(*rows: tuple[str, int, int, int]) -> pd.DataFrame:
    """Return (ticker, close, change, shares) as the exchange's table of text."""
    cells = [
        [ticker, "이름", IDS["KOSPI"], *[f"{close:,}"] * 4, f"{change:,}", "10", f"{10 * close:,}",
         f"{close * shares:,}", f"{shares:,}"]
        for ticker, close, change, shares in rows
    ]  # fmt: skip
    return pd.DataFrame(cells, columns=list(RAW_COLUMNS.values()))


def whole(number: int, *rows: tuple[str, int, int, int]) -> pd.DataFrame:
    """Return a day large enough for the rules of whole markets: these rows, and those of forty
    other tickers, which gain 100 won from one day to the next.

    Args:
        number: of the day.
    """
    closes = [5_000 + 10 * ticker + 100 * number for ticker in range(40)]
    others = published(
        *[(f"90{ticker:02}00", close, 100, 100) for ticker, close in enumerate(closes)]
    )
    for name, less in (("open", 20), ("low", 50)):
        others[RAW_COLUMNS[name]] = [f"{close - less:,}" for close in closes]
    return pd.concat([published(*rows), others], ignore_index=True)


CLOSED = published(("000010", 1000, 0, 100)).assign(
    **{
        RAW_COLUMNS[name]: "-"
        for name in RAW_COLUMNS
        if name not in ("ticker", "name", "market", "shares")
    }
)


def make_collector(source: ScriptedSource, store: Store) -> StockDataCollector:
    sources = Sources([source], [source], store.clock, store.clock.sleep)
    return StockDataCollector(sources, store, TradingCalendar(store.calendar.observed()))


def collect(collector: StockDataCollector, session: str) -> Collected:
    return {each.head.session: each for each in collector.collect(session)}[session]


def collect_sessions(collector: StockDataCollector, sessions: list[str]) -> None:
    for session in sessions:
        collect(collector, session)


def factors(store: Store, session: str) -> list[float]:
    """Return the factors of the first two tickers."""
    day = store.sessions.load(session)
    assert day is not None
    return [round(factor, 6) for factor in day.frame["factor"][:2]]

"""Market that is measured: answer bodies of the sandbox's synthetic market, recorded once, and
stores of them."""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd

from collectors.collection.stock_data_collector import StockDataCollector
from collectors.exchange.sources import Sources
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from utils.clock import Clock, kst
from utils.date_utils import TradingCalendar, final_from
from utils.market_day import MarketDay
from utils.store import Store
from utils.store.backend import Backend
from utils.store.sqlite import SqliteBackend

SESSION_BEFORE, LAST_SESSION = "2026-09-09", "2026-09-10"
TODAY = "2026-09-11"
BLOCK = "OutBlock_1"
_EVENING = kst(2026, 9, 11, 19)


def record(folder: Path, tickers: int, sessions: int) -> None:
    """Write the exchange's answer for each of the last `sessions` sessions:
    `<folder>/<session>.json`."""
    folder.mkdir()
    market = SyntheticMarket(tickers, last=LAST_SESSION)
    for session in market.sessions[-sessions:]:
        body = answers.body(BLOCK, answers.day_rows(market.day(session)), _EVENING)
        (folder / f"{session}.json").write_bytes(body)


class Recorded:
    """Source of recorded bodies. The table is what pykrx makes of a body,
    `DataFrame(answer["OutBlock_1"])`.

    `take_up` reads the file and `fetch_day` decodes it, so decoding is measured and the disk is
    not.

    Args:
        tickers: answer for these alone; None for the whole market.
    """

    name = "recorded"

    def __init__(self, folder: Path, tickers: Collection[str] | None = None) -> None:
        self._folder, self._tickers = folder, tickers
        self.sessions = sorted(path.stem for path in folder.glob("*.json"))
        self.body = b""

    def take_up(self, session: str) -> None:
        self.body = (self._folder / f"{session}.json").read_bytes()
        if self._tickers is not None:
            answer = json.loads(self.body)
            answer[BLOCK] = [row for row in answer[BLOCK] if row["ISU_SRT_CD"] in self._tickers]
            self.body = answers.dump(answer)

    def shows(self, session: str, now: datetime) -> bool:
        return session in self.sessions

    def fetch_day(self, session: str) -> pd.DataFrame:
        return pd.DataFrame(json.loads(self.body)[BLOCK])

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        return [session for session in self.sessions if first <= session <= last]


def open_embedded(folder: Path) -> Store:
    return open_over(SqliteBackend(folder))


def open_over(backend: Backend) -> Store:
    """Return a store whose clock shows the evening after the last session, so that every session is
    final."""
    return Store(backend, Clock(_EVENING))


def open_collector(source: Recorded, store: Store) -> StockDataCollector:
    """Return a collector that knows the calendar, as after the first request of a first load."""
    sources = Sources([source], [source], store.clock, store.clock.sleep)
    collector = StockDataCollector(sources, store, TradingCalendar(store.calendar.observed()))
    collector.learn_calendar(source.sessions[0], TODAY)
    return collector


def collect(collector: StockDataCollector, session: str) -> None:
    """Collect the session, and every other that it needs."""
    for _ in collector.collect(session):
        pass


def every_nth(store: Store, step: int) -> list[str]:
    """Return every `step`-th ticker that is listed in the last session."""
    day = store.sessions.load(LAST_SESSION)
    return [] if day is None else sorted(day.frame["ticker"])[::step]


def copy_sessions(
    source: Store, target: Store, tickers: Collection[str], sessions: list[str]
) -> None:
    """Store the same sessions, reduced to some tickers."""
    for session, frame in source.sessions.read(sessions[0], sessions[-1]):
        kept = frame[frame["ticker"].isin(tickers)].reset_index(drop=True)
        target.sessions.save(MarketDay(session, kept, final_from(session), "recorded"))

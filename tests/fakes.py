"""Doubles that any test may use: a clock that stands still, market days written in one line, a
`crontab` command."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pandas as pd

from utils.clock import Clock
from utils.date_utils import at_kst, final_from
from utils.market_day import (
    DAY_COLUMNS,
    FINAL,
    FLOAT_COLUMNS,
    INTEGER_COLUMNS,
    PROVISIONAL,
    MarketDay,
)


class FakeClock(Clock):
    """Clock that stands still until it is set, advanced or slept on; `slept` keeps every sleep in
    seconds."""

    def __init__(self, now: datetime) -> None:
        super().__init__(now)
        self._now, self._running = now.astimezone(UTC), 0.0
        self.slept: list[float] = []

    def now_utc(self) -> datetime:
        return self._now.replace(microsecond=self._now.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return self._running

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.advance(seconds=seconds)

    def set(self, now: datetime) -> None:
        self._now = now.astimezone(UTC)

    def advance(self, **by: float) -> None:
        """Move the clock by the arguments of `timedelta`: `advance(minutes=10)`."""
        self._now += timedelta(**by)
        self._running += timedelta(**by).total_seconds()


def row(ticker: str, close: int = 1000, **cells: Any) -> dict[str, Any]:
    """One ticker's row of a market day: a quiet day at that close unless told otherwise."""
    quiet = {
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "change": 0,
        "volume": 10,
        "shares": 100,
    }
    texts = {"ticker": ticker, "name": f"종목 {ticker}", "market": "KOSPI", "factor": 1.0}
    return {"value": 10 * close, "market_cap": 100 * close} | quiet | texts | cells


def halted(ticker: str, close: int, **cells: Any) -> dict[str, Any]:
    """A row without trading: the close is kept, everything else is 0."""
    return row(ticker, close, open=0, high=0, low=0, volume=0, value=0, **cells)


def after_market_only(ticker: str, close: int, **cells: Any) -> dict[str, Any]:
    """A row that traded in the after-market alone, from 10 % below its kept close to 20 % above."""
    traded = {"open": 0, "high": close * 12 // 10, "low": close * 9 // 10, "volume": 7}
    return row(ticker, close, **traded | {"value": 7 * close} | cells)


def market_day(
    session: str, *rows: dict[str, Any], finality: str = PROVISIONAL, source: str = "pykrx"
) -> MarketDay:
    """Return these rows as a `MarketDay` with the types that a real one has."""
    frame = pd.DataFrame(sorted(rows, key=lambda each: each["ticker"]), columns=list(DAY_COLUMNS))
    types = dict.fromkeys(INTEGER_COLUMNS, "int64") | dict.fromkeys(FLOAT_COLUMNS, "float64")
    return MarketDay(session, frame.astype(types), read_at(session, finality), source)


def read_at(session: str, finality: str) -> datetime:
    """A moment at which a reading of the session is of that finality: 19:00, or 08:00 of the next
    day."""
    moment = final_from(session) if finality == FINAL else at_kst(session, time(19))
    return moment.astimezone(UTC)


def fake_crontab(folder: Path) -> Path:
    """The file behind the only `crontab` command that there is in `folder/bin`."""
    tab, command = folder / "tab", folder / "bin" / "crontab"
    tab.write_text("@daily true\n")
    command.parent.mkdir()
    command.write_text(
        f"#!/bin/sh\nPATH=/usr/bin:/bin\ncase $1 in -l) cat '{tab}' ;; -) cat > '{tab}' ;; esac\n"
    )
    command.chmod(0o755)
    return tab

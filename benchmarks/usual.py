"""The usual way, written as well as it usually is: a document per ticker and day, pandas per ticker.

SQLite in WAL mode with an index that finds one ticker's days in order, vectorised pandas without a Python loop over
rows, fifteen indicators, one result document per ticker, committed in the batches the product commits in. It draws no
chart, looks for no pattern and no signal, and ranks nobody.
"""

import json
import sqlite3
from pathlib import Path

import pandas as pd

from utils.market_day import Panel

_COLUMNS = ("open", "high", "low", "close", "volume")


class UsualWay:
    """Stores the rows `rows` of a panel the usual way, then analyses them the usual way."""

    def __init__(self, path: Path, panel: Panel, rows: range, batch: int) -> None:
        self._tickers = [panel.tickers[row] for row in rows]
        self._batch = batch
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE daily (_id TEXT PRIMARY KEY, body TEXT)")
        self._connection.execute("CREATE TABLE analysis (_id TEXT PRIMARY KEY, body TEXT)")
        ticker, date = "json_extract(body, '$.ticker')", "json_extract(body, '$.date')"
        self._connection.execute(f"CREATE INDEX by_ticker ON daily ({ticker}, {date})")
        self._select = f"SELECT body FROM daily WHERE {ticker} = ? ORDER BY {date}"  # noqa: S608 - our own field names
        self._connection.execute("BEGIN")
        for row in rows:
            self._connection.executemany("INSERT INTO daily VALUES (?, ?)", _days(panel, row))
        self._connection.execute("COMMIT")

    def analyse(self) -> None:
        for start in range(0, len(self._tickers), self._batch):
            self._connection.execute("BEGIN")
            for ticker in self._tickers[start : start + self._batch]:
                result = json.dumps({"ticker": ticker, "latest": fifteen_indicators(self._frame(ticker))})
                self._connection.execute("INSERT OR REPLACE INTO analysis VALUES (?, ?)", (ticker, result))
            self._connection.execute("COMMIT")

    def _frame(self, ticker: str) -> pd.DataFrame:
        return pd.DataFrame([json.loads(body) for (body,) in self._connection.execute(self._select, (ticker,))])

    def close(self) -> None:
        self._connection.close()


def _days(panel: Panel, row: int) -> list[tuple[str, str]]:
    ticker = panel.tickers[row]
    columns = [getattr(panel, name)[row].tolist() for name in _COLUMNS]
    days = zip(panel.sessions, *columns, strict=True)
    listed = [dict(zip(("date", *_COLUMNS), day, strict=True)) for day in days if day[1] == day[1]]
    return [(f"{ticker}:{day['date']}", json.dumps({"ticker": ticker, **day})) for day in listed]


def fifteen_indicators(frame: pd.DataFrame) -> dict[str, float | None]:
    """The last values of the indicators every tutorial has."""
    close, high, low, volume = frame["close"], frame["high"], frame["low"], frame["volume"]
    change = close.diff()
    middle, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    macd = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    gain, loss = change.clip(lower=0), -change.clip(upper=0)
    strength = gain.ewm(alpha=1 / 14, adjust=False).mean() / loss.ewm(alpha=1 / 14, adjust=False).mean()
    highest, lowest = high.rolling(14).max(), low.rolling(14).min()
    k = (100 * (close - lowest) / (highest - lowest)).rolling(3).mean()
    ranges = pd.concat([high - low, (high - close.shift()).abs(), (low - close.shift()).abs()], axis=1)
    lines = {
        **{f"sma_{period}": close.rolling(period).mean() for period in (5, 20, 60, 120)},
        "bb_upper": middle + 2 * deviation,
        "bb_lower": middle - 2 * deviation,
        "macd": macd,
        "macd_signal": macd.ewm(span=9, adjust=False).mean(),
        "rsi_14": 100 - 100 / (1 + strength),
        "stoch_k": k,
        "stoch_d": k.rolling(3).mean(),
        "atr_14": ranges.max(axis=1).ewm(alpha=1 / 14, adjust=False).mean(),
        "obv": (volume * change.gt(0) - volume * change.lt(0)).cumsum(),
        "roc_12": 100 * close.pct_change(12, fill_method=None),
        "return_20": 100 * close.pct_change(20, fill_method=None),
    }
    last = {name: float(line.iloc[-1]) for name, line in lines.items()}
    return {name: value if value == value else None for name, value in last.items()}

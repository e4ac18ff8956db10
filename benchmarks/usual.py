"""The usual way, written as well as it usually is: a document per ticker and day, pandas per
ticker.

SQLite in WAL mode, the documents stored session by session as a daily job does, an index that finds
one ticker's days in order, vectorised pandas without a Python loop over rows, fifteen indicators,
one result document per ticker, committed in batches of the product's size. It adjusts no prices,
draws no charts, finds no patterns and signals, and ranks nothing.
"""

import json
import sqlite3
from collections.abc import Collection, Iterator
from pathlib import Path

import pandas as pd

_TICKER, _DATE = "json_extract(body, '$.ticker')", "json_extract(body, '$.date')"


class UsualWay:
    """Storing and analysing of some tickers the usual way."""

    def __init__(
        self, path: Path, sessions: Iterator[tuple[str, pd.DataFrame]], tickers: Collection[str]
    ) -> None:
        self._tickers = sorted(tickers)
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("CREATE TABLE daily (_id TEXT PRIMARY KEY, body TEXT)")
        self._connection.execute("CREATE TABLE analysis (_id TEXT PRIMARY KEY, body TEXT)")
        self._connection.execute(f"CREATE INDEX by_ticker ON daily ({_TICKER}, {_DATE})")
        self._connection.execute("BEGIN")
        for session, frame in sessions:
            rows = (
                frame[frame["ticker"].isin(self._tickers)].drop(columns="factor").to_dict("records")
            )
            self._connection.executemany(
                "INSERT INTO daily VALUES (?, ?)",
                [
                    (f"{row['ticker']}:{session}", json.dumps({"date": session, **row}))
                    for row in rows
                ],
            )
        self._connection.execute("COMMIT")

    def analyse(self, batch: int) -> None:
        for start in range(0, len(self._tickers), batch):
            self._connection.execute("BEGIN")
            for ticker in self._tickers[start : start + batch]:
                result = json.dumps(
                    {"ticker": ticker, "latest": fifteen_indicators(self._frame(ticker))}
                )
                self._connection.execute(
                    "INSERT OR REPLACE INTO analysis VALUES (?, ?)", (ticker, result)
                )
            self._connection.execute("COMMIT")

    def close(self) -> None:
        self._connection.close()

    def _frame(self, ticker: str) -> pd.DataFrame:
        # The field names are our own.
        select = f"SELECT body FROM daily WHERE {_TICKER} = ? ORDER BY {_DATE}"  # noqa: S608
        return pd.DataFrame(
            [json.loads(body) for (body,) in self._connection.execute(select, (ticker,))]
        )


def fifteen_indicators(frame: pd.DataFrame) -> dict[str, float | None]:
    """Return the last values of the indicators that every tutorial has."""
    close, high, low, volume = frame["close"], frame["high"], frame["low"], frame["volume"]
    change = close.diff()
    middle, deviation = close.rolling(20).mean(), close.rolling(20).std(ddof=0)
    macd = close.ewm(span=12, adjust=False).mean() - close.ewm(span=26, adjust=False).mean()
    gain, loss = change.clip(lower=0), -change.clip(upper=0)
    strength = (
        gain.ewm(alpha=1 / 14, adjust=False).mean() / loss.ewm(alpha=1 / 14, adjust=False).mean()
    )
    highest, lowest = high.rolling(14).max(), low.rolling(14).min()
    k = (100 * (close - lowest) / (highest - lowest)).rolling(3).mean()
    ranges = pd.concat(
        [high - low, (high - close.shift()).abs(), (low - close.shift()).abs()], axis=1
    )
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

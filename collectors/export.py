"""Everything that is stored, as a table for other programs: one row per session and ticker."""

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

from utils.errors import NightShiftError, WrongUsage
from utils.store import Store

EXPORT_COLUMNS = (
    "session,ticker,name,market,open,high,low,close,change,volume,value,market_cap,shares,factor,"
    "adj_open,adj_high,adj_low,adj_close"
).split(",")
_PRICES = ("open", "high", "low", "close")


def check_export_file(path: Path) -> None:
    """Raises `WrongUsage` when the file cannot be written in the format that its name says."""
    if path.suffix not in (".csv", ".parquet"):
        raise WrongUsage(f"--export {path}: the name must end in .csv or .parquet.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK) or path.is_dir():
        raise WrongUsage(f"--export {path}: there is no writable folder {path.parent.absolute()}.")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise WrongUsage(f"--export {path}: Parquet needs pyarrow (pip install pyarrow). Or export to .csv.")


def export(store: Store, path: Path, first: str, last: str, ticker: str | None = None) -> int:
    """Write the stored sessions from first to last, both inclusive, oldest first; how many rows.

    Prices as published, then `adj_*` adjusted to the last session exported and rounded to the won; empty where a
    later factor is not known yet. The file appears whole or not at all. Raises `WrongUsage` when nothing matches.
    """
    frames = export_frames(store, first, last, ticker)
    partial = path.with_name(f".{path.name}.partial")
    try:
        rows = _write_csv(frames, partial) if path.suffix == ".csv" else _write_parquet(frames, partial)
        if not rows:
            what = "Nothing" if ticker is None else f"Nothing of ticker {ticker}"
            raise WrongUsage(f"{what} is stored from {first} to {last}. `daily_update.py --status` shows what is.")
        partial.replace(path)
    except OSError as error:
        raise NightShiftError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        partial.unlink(missing_ok=True)
    return rows


def export_frames(store: Store, first: str, last: str, ticker: str | None = None) -> Iterator[pd.DataFrame]:
    """The rows of `export`, one frame per session: only one session is in memory at a time."""
    later = _products_of_later_factors(store, first, last)
    for session, frame in store.read_sessions(first, last):
        if session not in later:  # it came in while this was at work
            continue
        chosen = frame if ticker is None else frame[frame["ticker"] == ticker].reset_index(drop=True)
        if len(chosen):
            adjustment = np.array([later[session].get(code, 1.0) for code in chosen["ticker"]])
            adjusted = {f"adj_{name}": _rounded(chosen[name].to_numpy() * adjustment) for name in _PRICES}
            yield chosen.assign(session=session, **adjusted)[EXPORT_COLUMNS]


def _products_of_later_factors(store: Store, first: str, last: str) -> dict[str, dict[str, float]]:
    """Session -> ticker -> the product of its factors after that session; tickers without any are left out."""
    products: dict[str, dict[str, float]] = {}
    running: dict[str, float] = {}
    for session, columns in reversed(list(store.read_columns(("ticker", "factor"), first, last))):
        products[session] = dict(running)
        factors = np.asarray(columns["factor"])
        for row in np.flatnonzero(factors != 1):  # NaN, not yet known, counts: it makes the product NaN
            ticker = str(columns["ticker"][row])
            running[ticker] = running.get(ticker, 1.0) * float(factors[row])
    return products


def _rounded(prices: np.ndarray) -> pd.Series:
    """To the nearest won, half up, as the exchange does; missing where the price is not known."""
    return pd.Series(np.floor(prices + 0.5)).astype("Int64")


def _write_csv(frames: Iterator[pd.DataFrame], path: Path) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for frame in frames:
            frame.to_csv(file, index=False, header=not rows)
            rows += len(frame)
    return rows


def _write_parquet(frames: Iterator[pd.DataFrame], path: Path) -> int:
    import pyarrow
    import pyarrow.parquet

    writer, rows = None, 0
    for frame in frames:
        table = pyarrow.Table.from_pandas(frame, preserve_index=False)
        writer = writer or pyarrow.parquet.ParquetWriter(path, table.schema)
        writer.write_table(table)
        rows += len(frame)
    if writer is not None:
        writer.close()
    return rows

"""Table of everything that is stored, for other programs: one row per session and ticker."""

import os
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd

from collectors.views.prices import (
    adjusted_prices,
    read_adjustments,
    warn_of_sessions_without_factors,
)
from utils.adjustment import Adjustments
from utils.errors import NightShiftError, WrongUsage
from utils.market_day import DATASET_COLUMNS
from utils.outside_text import for_spreadsheet
from utils.progress import progress_bar
from utils.store import Store
from utils.store.datasets import DatasetState
from utils.store.sessions import SessionHead
from utils.whole_file import whole_file

EXPORT_COLUMNS = (
    "session,ticker,name,market,open,high,low,close,change,volume,value,market_cap,shares,factor,"
    "adj_open,adj_high,adj_low,adj_close"
).split(",")
ROW_GROUP = 20
"""Sessions in one row group of a Parquet file: some 55,000 rows."""


def check_export_file(path: Path) -> None:
    """Raise `WrongUsage` when the file cannot be written in the format that its name says."""
    if path.suffix not in (".csv", ".parquet"):
        raise WrongUsage(f"--export {path}: the name must end in .csv or .parquet.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK) or path.is_dir():
        raise WrongUsage(f"--export {path}: there is no writable folder {path.parent.absolute()}.")
    if path.suffix == ".parquet" and find_spec("pyarrow") is None:
        raise WrongUsage(
            f"--export {path}: Parquet needs pyarrow (pip install pyarrow). Or export to .csv."
        )


def export(
    store: Store,
    path: Path,
    first: str,
    last: str,
    ticker: str | None = None,
    datasets: Collection[str] = (),
) -> int:
    """Write the stored sessions from first to last, both inclusive, oldest first. Return the number
    of rows.

    Prices as published, then `adj_*` adjusted to the last session exported and rounded to the won.
    So this is the market as it was at the end of that session: whoever was delisted later is in it,
    and nothing that came later plays a part. A factor that is not known yet is empty, counts as 1,
    and a warning names its session. The file appears whole or not at all. Raise `WrongUsage` when
    nothing matches.

    Args:
        datasets: whose columns come after all others, as `DATASET_COLUMNS` has them, empty where
            there is no figure.
    """
    frames = export_frames(store, first, last, ticker, datasets)
    write = _write_csv if path.suffix == ".csv" else _write_parquet
    try:
        with whole_file(path) as partial:
            rows = write(frames, partial)
            if not rows:
                what = "Nothing" if ticker is None else f"Nothing of ticker {ticker}"
                raise WrongUsage(
                    f"{what} is stored from {first} to {last}. "
                    "`daily_update.py --status` shows what is."
                )
    except OSError as error:
        raise NightShiftError(f"{path} cannot be written: {error.strerror}.") from error
    return rows


def export_frames(
    store: Store, first: str, last: str, ticker: str | None = None, datasets: Collection[str] = ()
) -> Iterator[pd.DataFrame]:
    """Yield the rows of `export`, one frame per session: only one is in memory at a time."""
    adjustments = read_adjustments(store, first, last)
    warn_of_sessions_without_factors(adjustments, None if ticker is None else {ticker})
    known = set(adjustments.sessions)
    heads = {head.session: head for head in store.sessions.heads()}
    with progress_bar("Exporting sessions", len(known)) as advance:
        for session, frame in store.sessions.read(first, last):
            chosen = frame if ticker is None else frame[frame["ticker"] == ticker]
            if len(chosen) and session in known:  # else it came in while this was at work
                figures = _figures(store, heads[session], datasets).loc[chosen.index]
                yield pd.concat([_with_adjusted(session, chosen, adjustments), figures], axis=1)
            advance(1)


def _with_adjusted(session: str, day: pd.DataFrame, adjustments: Adjustments) -> pd.DataFrame:
    later = adjustments.prices(session, day["ticker"].tolist())
    adjusted = {f"adj_{name}": each for name, each in adjusted_prices(day, later).items()}
    return day.assign(session=session, **adjusted)[EXPORT_COLUMNS]


def _figures(store: Store, head: SessionHead, datasets: Collection[str]) -> pd.DataFrame:
    """Return the datasets' columns for the session's tickers; NaN for a dataset that is not
    there."""
    frames = [pd.DataFrame(index=range(head.count))]
    for name in [each for each in DATASET_COLUMNS if each in datasets]:
        frame = store.datasets.load(head.session, name, head.datasets.get(name, DatasetState()))
        unknown = pd.DataFrame(np.nan, index=range(head.count), columns=list(DATASET_COLUMNS[name]))
        frames.append(unknown if frame is None else frame)
    return pd.concat(frames, axis=1)


def _write_csv(frames: Iterator[pd.DataFrame], path: Path) -> int:
    rows = 0
    with path.open("w", encoding="utf-8", newline="") as file:
        for frame in frames:
            # Only a name comes from outside as text.
            safe = frame.assign(name=frame["name"].map(for_spreadsheet))
            safe.to_csv(file, index=False, header=not rows)
            rows += len(frame)
    return rows


def _write_parquet(frames: Iterator[pd.DataFrame], path: Path) -> int:
    import pyarrow
    import pyarrow.parquet

    writer, rows = None, 0
    with ExitStack() as stack:
        while group := list(islice(frames, ROW_GROUP)):
            table = pyarrow.Table.from_pandas(pd.concat(group), preserve_index=False)
            writer = writer or stack.enter_context(
                pyarrow.parquet.ParquetWriter(path, table.schema)
            )
            writer.write_table(table)
            rows += len(table)
    return rows

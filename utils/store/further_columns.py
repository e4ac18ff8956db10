"""Further columns of stored sessions: numbers of the exchange that this program does not know, in
the session's own document under the exchange's own names.

A session's head says in `further` which there are: name -> `digest` and `read_utc`. A session's own
digest and revision are those of its prices.
"""

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import numpy as np

from utils.errors import Damaged
from utils.market_day import DATASET_COLUMN_NAMES, DAY_COLUMNS, MarketDay
from utils.store.backend import Backend, Column, Columns, Document, figure_bytes
from utils.store.schema import HEAD_FIELDS

MOST_FURTHER = 20
"""The most further columns of one session: a document of MongoDB has an end, 16 MB."""
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_OURS = frozenset(("_id", *HEAD_FIELDS, *DAY_COLUMNS, *DATASET_COLUMN_NAMES))


@dataclass(frozen=True)
class FurtherState:
    """State of one further column of a stored session, known without reading it."""

    digest: str
    read_utc: datetime
    """Moment at which the exchange showed it."""


def is_free_name(name: str) -> bool:
    """Return whether a column of that name can be stored beside ours: it is plain, and none of
    ours."""
    return bool(_PLAIN.fullmatch(name)) and name not in _OURS


def further_states(document: Mapping[str, Any]) -> dict[str, FurtherState]:
    """Return the further columns of a session's document or head."""
    return {name: FurtherState(**fields) for name, fields in document["further"].items()}


def kept_further(
    backend: Backend, day: MarketDay, stored: Mapping[str, FurtherState]
) -> tuple[Document, Columns]:
    """Return the further columns with which a session is saved, and what its head says of them.

    Those of the day come first. Stored ones that the day lacks stay, each figure with its own
    ticker: another source may have answered. What is damaged is dropped.
    """
    tickers = day.frame["ticker"].tolist()
    columns: Columns = {name: each for name, each in day.further.items() if is_free_name(name)}
    read = dict.fromkeys(columns, day.read_utc)
    for name, state in stored.items():
        there = {} if name in columns else _read(backend, day.session, name)
        if len(columns) < MOST_FURTHER and is_whole_column(day.session, name, state, there):
            figures = dict(zip(there["ticker"], there[name], strict=True))
            columns[name] = np.array([figures.get(ticker, np.nan) for ticker in tickers])
            read[name] = state.read_utc
    states = {
        name: FurtherState(_digest(day.session, name, tickers, columns[name]), read[name])
        for name in sorted(columns)
    }
    return {name: asdict(state) for name, state in states.items()}, columns


def whole_columns(backend: Backend, session: str, states: Mapping[str, FurtherState]) -> Columns:
    """Return those of these further columns that are stored as they were saved."""
    read = {name: _read(backend, session, name) for name in states}
    return {
        name: read[name][name]
        for name, state in states.items()
        if is_whole_column(session, name, state, read[name])
    }


def is_whole_column(session: str, name: str, state: FurtherState, columns: Columns) -> bool:
    """Return whether that further column is among the columns as it was saved."""
    if name not in columns:
        return False
    return _digest(session, name, columns["ticker"], columns[name]) == state.digest


def _read(backend: Backend, session: str, name: str) -> Columns:
    """Return the column with its tickers. Each is read by itself, so that one that does not unpack
    takes no other with it."""
    with suppress(Damaged):
        for _, columns in backend.read_columns(("ticker", name), session, session):
            return columns
    return {}


def _digest(session: str, name: str, tickers: Column, figures: Column) -> str:
    """Return the SHA-256 over the figures and whose they are."""
    seal = hashlib.sha256(f"{session} {name} {tickers!a}".encode())
    seal.update(figure_bytes(figures))
    return seal.hexdigest()

"""Datasets of stored sessions: columns in the session's own document, and the indices in documents
of their own.

A session's head says in `datasets` what it has: name -> `finality` (`provisional`, `final`, `stale`
when the closes have changed since it was read, null where it is absent), `digest`, and `tries`: how
often it was asked for in vain since it was last had. A session's own digest and revision are those
of its prices.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from utils.date_utils import FIRST_DAY, LAST_DAY
from utils.errors import Damaged, NotStored
from utils.market_day import DATASET_COLUMNS, DAY_COLUMNS, FINAL, PROVISIONAL
from utils.store.backend import Backend, Columns, Document, figure_bytes
from utils.store.base import StorePart
from utils.store.further_columns import further_states, whole_columns
from utils.store.schema import HEAD_FIELDS, INDICES, SESSIONS

STALE = "stale"


@dataclass(frozen=True)
class DatasetState:
    """State of one dataset of a stored session, known without reading its columns."""

    finality: str | None = None
    """None: it is absent."""
    digest: str | None = None
    tries: int = 0
    """In vain, since it was last had."""


States = dict[str, DatasetState]


class Datasets(StorePart):
    """Datasets into stored sessions and out again."""

    def save(self, session: str, name: str, figures: pd.DataFrame, finality: str) -> None:
        """Add a dataset to a stored session, or replace it; the rest of the session stays as it is.

        Args:
            figures: its columns of `DATASET_COLUMNS`, float64, in the order of the session's
                tickers.
        """
        head = self._head(session)
        columns = _day_and(self.backend, session, DATASET_COLUMNS)
        if (rows := len(figures)) != head["count"]:
            raise NotStored(
                f"{name} of {session} have {rows} rows, not {head['count']}: nothing is stored."
            )
        added: Columns = {
            column: figures[column].to_numpy(dtype=np.float64) for column in DATASET_COLUMNS[name]
        }
        states = states_of(head) | {name: DatasetState(finality, _digest(session, name, added))}
        further = whole_columns(self.backend, session, further_states(head))
        with self.backend.batch():
            self.backend.put_session(
                head | {"datasets": as_document(states)}, further | columns | added
            )

    def load(self, session: str, name: str, state: DatasetState) -> pd.DataFrame | None:
        """Return the dataset's columns in the order of the session's tickers; None when it is
        absent. Raise `Damaged` when it is not as it was saved.

        Args:
            state: of the session's head.
        """
        if state.finality is None:
            return None
        names = DATASET_COLUMNS[name]
        for _, columns in self.backend.read_columns(("ticker", *names), session, session):
            if is_whole(session, name, state, columns):
                return pd.DataFrame({column: columns[column] for column in names})
        raise Damaged(
            f"{name} of {session} are damaged: not as they were saved. "
            "daily_update.py reads them anew."
        )

    def count_vain_try(self, session: str, name: str) -> None:
        """Count that the dataset of a stored session was asked for in vain once more."""
        states = states_of(self._head(session))
        before = states.get(name, DatasetState())
        states[name] = DatasetState(before.finality, before.digest, before.tries + 1)
        self.backend.update(SESSIONS, {"_id": session}, {"datasets": as_document(states)})

    def _head(self, session: str) -> Document:
        document = self.backend.session_head(session)
        if document is None:
            raise NotStored(f"Session {session} is not stored, so it can have no datasets.")
        return {name: document[name] for name in ("_id", *HEAD_FIELDS)}


class Indices(StorePart):
    """Index series, a document for each day of an index, `stock_data.indices`."""

    def save(self, days: Sequence[Document]) -> None:
        """Replace these days of `stock_data.indices`, or add them."""
        with self.backend.batch():
            self.backend.put(INDICES, days)

    def load(self, first: str = str(FIRST_DAY), last: str = str(LAST_DAY)) -> list[Document]:
        """Return what is stored of the indices from first to last, both inclusive, by session and
        index."""
        span = {"session": {"$gte": first, "$lte": last}}
        return self.backend.find(INDICES, span, [("session", 1), ("_id", 1)])


def states_of(document: Mapping[str, Any]) -> States:
    """Return the datasets of a session's document or head."""
    return {name: DatasetState(**fields) for name, fields in document["datasets"].items()}


def as_document(states: Mapping[str, DatasetState]) -> Document:
    return {name: asdict(states[name]) for name in sorted(states)}


def carried_over(
    backend: Backend,
    session: str,
    states: Mapping[str, DatasetState],
    frame: pd.DataFrame,
    finality: str,
) -> tuple[States, Columns]:
    """Return what stays of a session's datasets when its prices are replaced: the figures, each
    with its own ticker.

    Figures that were read on the evening are final when the prices are and their closes are still
    the same, since they were published with these closes. With other closes they stay as well, and
    are stale until they are read again, however often the prices are. What is damaged is dropped.
    """
    there = {name: state for name, state in states.items() if state.finality is not None}
    absent = {name: state for name, state in states.items() if state.finality is None}
    stored = _readable(backend, session, there)
    kept = {name: state for name, state in there.items() if is_whole(session, name, state, stored)}
    if not kept:
        return absent, {}
    same = list(stored["ticker"]) == frame["ticker"].tolist() and np.array_equal(
        stored["close"], frame["close"]
    )
    positions = {ticker: row for row, ticker in enumerate(stored["ticker"])}
    rows = np.array([positions.get(ticker, -1) for ticker in frame["ticker"]], dtype=np.intp)
    columns: Columns = {}
    for name, state in kept.items():
        whole: Columns = {
            column: np.where(rows >= 0, np.asarray(stored[column])[rows], np.nan)
            for column in DATASET_COLUMNS[name]
        }
        columns |= whole
        confirmed = FINAL if state.finality == PROVISIONAL and finality == FINAL else state.finality
        kept[name] = DatasetState(
            confirmed if same else STALE, _digest(session, name, whole), state.tries
        )
    return absent | kept, columns


def _readable(backend: Backend, session: str, states: Mapping[str, DatasetState]) -> Columns:
    """Return the stored columns of these datasets with their tickers and closes; without those that
    are damaged."""
    if not states:
        return {}
    try:
        return _day_and(backend, session, states, ("ticker", "close"))
    except (Damaged, NotStored):
        return {}


def _day_and(
    backend: Backend, session: str, datasets: Iterable[str], day: Sequence[str] = DAY_COLUMNS
) -> Columns:
    """Return these columns of the day and those of the datasets. Where something is damaged, each
    dataset is read by itself, so that it takes no other with it. Raise `Damaged` for the day."""

    def read(names: Iterable[str]) -> Columns:
        figures = [column for name in names for column in DATASET_COLUMNS[name]]
        for _, columns in backend.read_columns((*day, *figures), session, session):
            return columns
        raise NotStored(f"Session {session} is not stored.")

    try:
        return read(datasets)
    except Damaged:
        found = read(())
        for name in datasets:
            with suppress(Damaged):
                found |= read([name])
        return found


def is_whole(session: str, name: str, state: DatasetState, columns: Columns) -> bool:
    """Return whether the figures of that dataset are among the columns as they were saved."""
    names = DATASET_COLUMNS[name]
    if not all(each in columns and len(columns[each]) == len(columns["ticker"]) for each in names):
        return False
    return _digest(session, name, columns) == state.digest


def _digest(session: str, name: str, columns: Columns) -> str:
    """Return the SHA-256 over the figures. The tickers are part of the session's own digest."""
    seal = hashlib.sha256(f"{session} {name}".encode())
    for column in DATASET_COLUMNS[name]:
        seal.update(figure_bytes(columns[column]))
    return seal.hexdigest()

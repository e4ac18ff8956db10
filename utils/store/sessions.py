"""Sessions of `stock_data`, one whole document each, the corporate actions in them, and reading
them back."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from itertools import repeat

import numpy as np
import pandas as pd

from utils.adjustment import Adjustments, without_noise
from utils.date_utils import FIRST_DAY, LAST_DAY, WEEKS_LATER_DAYS, TradingCalendar
from utils.errors import Damaged, NotStored
from utils.market_day import (
    DAY_COLUMNS,
    FINAL,
    PANEL_COLUMNS,
    TEXT_COLUMNS,
    HasRowsSetAside,
    MarketDay,
    Panel,
    SetAside,
    factor_digest,
)
from utils.store.backend import Columns, Document
from utils.store.base import StorePart
from utils.store.datasets import DatasetState, as_document, carried_over, is_whole, states_of
from utils.store.further_columns import (
    FurtherState,
    further_states,
    is_whole_column,
    kept_further,
    whole_columns,
)
from utils.store.observed_calendar import ObservedCalendar
from utils.store.schema import ACTIONS, HEAD_FIELDS, SESSIONS

_PRICES = ("open", "high", "low", "close")
_UNPACKED = ("datasets", "further", "set_aside", "accepted")
"""Fields of a head that are no plain values."""


@dataclass(frozen=True)
class SessionHead(HasRowsSetAside):
    """Facts of a stored session that are known without reading its columns."""

    session: str
    finality: str
    source: str
    revision: int
    digest: str
    count: int
    collected_utc: datetime
    confirmed_utc: datetime | None
    read_utc: datetime
    """Moment of the last reading, whatever it changed."""
    checkpoint_utc: datetime | None
    """Last checkpoint that had passed by then, also the one a week later; None when the session was
    read before the first."""
    factor_digest: str = field(compare=False)
    """Digest of the factors, which follow from two sessions and are no part of this one."""
    datasets: Mapping[str, DatasetState] = field(compare=False)
    """A session stays the same whatever comes to its datasets."""
    further: Mapping[str, FurtherState] = field(default_factory=dict, compare=False)
    """Its further columns, which are no part of it either."""
    set_aside: tuple[SetAside, ...] = field(default=(), compare=False)
    accepted: tuple[str, ...] = field(default=(), compare=False)
    """Remarks with which a day that was odd is stored all the same."""
    names_of: str = field(default="", compare=False)
    """Source of its names (see `MarketDay.names_of`)."""


@dataclass(eq=False)
class Sessions(StorePart):
    """Whole sessions in, whole sessions or panels out."""

    calendar: ObservedCalendar

    def save(self, day: MarketDay, actions: Sequence[Document] = ()) -> SessionHead:
        """Replace the session and its corporate actions whole. Other cells than before make a new
        revision; its datasets stay (see `carried_over`), and so do the further columns that the
        day lacks (see `kept_further`)."""
        before, digest = self.head(day.session), day.digest()
        same = before if before is not None and before.digest == digest else None
        confirmed = None if same is None else same.confirmed_utc
        states = {} if before is None else before.datasets
        datasets, kept = carried_over(self.backend, day.session, states, day.frame, day.finality)
        known = {} if before is None else before.further
        further, further_columns = kept_further(self.backend, day, known)
        head = {
            "_id": day.session,
            "finality": day.finality,
            "source": day.source,
            "collected_utc": day.read_utc if same is None else same.collected_utc,
            "confirmed_utc": (confirmed or day.read_utc) if day.finality == FINAL else None,
            "read_utc": day.read_utc,
            "checkpoint_utc": self._read_up_to(day),
            "revision": 1 if before is None else before.revision + (same is None),
            "digest": digest,
            "count": len(day.frame),
            "factor_digest": factor_digest(day.frame["factor"].to_numpy()),
            "datasets": as_document(datasets),
            "further": further,
            "set_aside": [asdict(each) for each in day.set_aside],
            "accepted": list(day.accepted),
            "names_of": day.source_of_names,
        }
        # The session goes last: without transactions it says that all of it is there.
        with self.backend.batch():
            self.backend.delete(ACTIONS, {"session": day.session})
            self.backend.put(ACTIONS, actions)
            self.backend.put_session(head, further_columns | _to_columns(day.frame) | kept)
        return _to_head(head)

    def _read_up_to(self, day: MarketDay) -> datetime | None:
        since = (day.read_utc - timedelta(WEEKS_LATER_DAYS)).date().isoformat()
        return TradingCalendar(self.calendar.observed(since)).read_up_to(day.session, day.read_utc)

    def panel_source(self, last: str, count: int) -> list[tuple[object, ...]]:
        """Return what `panel` makes its panel of: as long as this stays the same, so does the
        panel."""
        return [
            (head.session, head.digest, head.factor_digest, head.tickers_set_aside)
            for head in self.heads(last, count)
        ]

    def head(self, session: str) -> SessionHead | None:
        found = self.backend.session_head(session) if session else None
        return None if found is None else _to_head(found)

    def count(self) -> int:
        """Return how many sessions are stored, in whatever layout."""
        return self.backend.count(SESSIONS)

    def heads(self, last: str = str(LAST_DAY), count: int = 0) -> list[SessionHead]:
        """Return the last `count` stored sessions up to `last`, oldest first; all of them when
        0."""
        return [_to_head(document) for document in self.backend.session_heads(last, count)]

    def load(self, session: str) -> MarketDay | None:
        """Return the stored session, equal cell by cell to what was saved; None when it is not
        stored. Raises `Damaged`."""
        head = self.head(session)
        if head is None:
            return None
        for _, columns in self.backend.read_columns(DAY_COLUMNS, session, session):
            return _to_day(head, columns)
        raise _damaged(session)

    def further(self, session: str) -> Columns:
        """Return the further columns of a stored session in the order of its tickers. Raise
        `Damaged` when one is not as it was saved."""
        head = self.head(session)
        states = {} if head is None else head.further
        columns = whole_columns(self.backend, session, states)
        if lacking := ", ".join(sorted(states.keys() - columns.keys())):
            raise Damaged(
                f"Session {session} is damaged in {lacking}: not as saved. daily_update.py reads "
                "it anew."
            )
        return columns

    def check(self, head: SessionHead) -> None:
        """Read a stored session back, with its further columns. Raise `Damaged`."""
        self.load(head.session)
        if head.further:
            self.further(head.session)

    def read(self, first: str, last: str) -> Iterator[tuple[str, pd.DataFrame]]:
        """Yield the typed frames of the stored sessions from first to last, both inclusive, oldest
        first, one at a time. Raise `Damaged` when one is not as it was saved."""
        heads = {head.session: head for head in self.heads()}
        for session, columns in self.backend.read_columns(DAY_COLUMNS, first, last):
            if session in heads:  # else it came in after the heads were read
                yield session, _to_day(heads[session], columns).frame

    def actions(self, first: str, last: str) -> list[Document]:
        """Return those of the sessions from first to last, both inclusive."""
        return self.backend.find(ACTIONS, {"session": {"$gte": first, "$lte": last}})

    def columns(
        self, names: Sequence[str], first: str = str(FIRST_DAY), last: str = str(LAST_DAY)
    ) -> Iterator[tuple[str, Columns]]:
        """Yield some columns of the stored sessions from first to last, both inclusive, oldest
        first."""
        return self.backend.read_columns(names, first, last)

    def panel(self, last: str, count: int) -> Panel:
        """Return the last `count` stored sessions up to `last`, adjusted to it, for every ticker
        that is listed in it. Raise `NotStored` when `last` itself is not stored."""
        heads = self.heads(last, count)
        sessions = [head.session for head in heads]
        if not sessions or sessions[-1] != last:
            raise NotStored(
                f"Session {last} is not stored, so there is nothing to analyse. "
                "Run daily_update.py."
            )
        (_, facts), *_ = self.columns((*TEXT_COLUMNS, "market_cap"), last, last)
        calendar = TradingCalendar(self.calendar.observed())
        set_aside = {head.session: head.tickers_set_aside for head in heads if head.set_aside}
        adjustments = Adjustments(
            self.actions(sessions[0], last), calendar.previous_session, set_aside
        )
        columns = self.columns(("ticker", *PANEL_COLUMNS, "factor"), sessions[0], last)
        return _to_panel(sessions, facts, columns, adjustments, set_aside)

    def set_aside(self, first: str, last: str) -> dict[str, frozenset[str]]:
        """Return session -> the tickers whose rows are set aside in it, for the sessions from first
        to last, both inclusive, that have any."""
        heads = [head for head in self.heads(last) if head.session >= first]
        return {head.session: head.tickers_set_aside for head in heads if head.set_aside}


def check_whole(document: Document, columns: Columns) -> None:
    """Raise `Damaged` when these columns are not those whose digests stand in the session's
    head."""
    head = _to_head(document)
    factor = _to_day(head, columns).frame["factor"].to_numpy()
    there = {name: state for name, state in head.datasets.items() if state.finality is not None}
    session = head.session
    damaged = [name for name, state in there.items() if not is_whole(session, name, state, columns)]
    if factor_digest(factor) != head.factor_digest:
        damaged.append("factors")
    damaged += [
        name
        for name, state in head.further.items()
        if not is_whole_column(session, name, state, columns)
    ]
    if damaged:
        raise Damaged(
            f"Session {session} is damaged: {', '.join(damaged)} are not as they were saved."
        )


def _to_head(document: Document) -> SessionHead:
    fields = {name: document[name] for name in HEAD_FIELDS if name not in _UNPACKED}
    return SessionHead(
        session=document["_id"],
        datasets=states_of(document),
        further=further_states(document),
        set_aside=tuple(SetAside(**each) for each in document["set_aside"]),
        accepted=tuple(document["accepted"]),
        **fields,
    )


def _to_day(head: SessionHead, columns: Columns) -> MarketDay:
    try:
        frame = pd.DataFrame({name: columns[name] for name in DAY_COLUMNS})
        day = MarketDay(
            head.session,
            frame,
            head.read_utc,
            head.source,
            set_aside=head.set_aside,
            accepted=head.accepted,
            names_of=head.names_of,
        )
        intact = day.digest() == head.digest
    except (KeyError, ValueError, TypeError):
        intact = False
    if not intact:
        raise _damaged(head.session)
    return day


def _damaged(session: str) -> Damaged:
    return Damaged(
        f"Session {session} is damaged: it is not as it was saved. daily_update.py reads it anew."
    )


def _to_columns(frame: pd.DataFrame) -> Columns:
    texts: Columns = {name: frame[name].tolist() for name in TEXT_COLUMNS}
    return texts | {
        name: frame[name].to_numpy() for name in DAY_COLUMNS if name not in TEXT_COLUMNS
    }


def _to_panel(
    sessions: list[str],
    facts: Columns,
    columns: Iterator[tuple[str, Columns]],
    adjustments: Adjustments,
    set_aside: Mapping[str, Collection[str]],
) -> Panel:
    tickers = [str(ticker) for ticker in facts["ticker"]]
    cells = _gather(sessions, tickers, columns, adjustments)
    untraded = cells["open"] == 0
    for name in ("open", "high", "low"):
        np.copyto(cells[name], cells["close"], where=untraded)
    prices = adjustments.price_matrix(sessions, tickers)
    moved = np.flatnonzero((prices != 1).any(axis=0))
    for name in _PRICES:
        cells[name][:, moved] = without_noise(cells[name][:, moved] * prices[:, moved])
    cells["volume"] *= adjustments.volume_matrix(sessions, tickers)
    traded = ~untraded & ~np.isnan(cells["close"])
    _carry_on(cells, sessions, tickers, set_aside)
    wanted = set(tickers)
    by_ticker = {name: np.ascontiguousarray(array.T) for name, array in cells.items()}
    return Panel(
        sessions=sessions,
        tickers=tickers,
        names=list(facts["name"]),
        markets=list(facts["market"]),
        traded=np.ascontiguousarray(traded.T),
        market_cap=np.asarray(facts["market_cap"], dtype=np.float64),
        sessions_without_factors=[
            session
            for session, missing in adjustments.sessions_without_factors.items()
            if wanted.intersection(missing)
        ],
        **by_ticker,
    )


def _carry_on(
    cells: dict[str, np.ndarray],
    sessions: list[str],
    tickers: list[str],
    set_aside: Mapping[str, Collection[str]],
) -> None:
    """Give a ticker whose row is set aside the flat bar of a halt, at the close before: nothing is
    known of its session, and its series goes on."""
    for number, session in enumerate(sessions[1:], start=1):
        if session in set_aside:
            held = [row for row, ticker in enumerate(tickers) if ticker in set_aside[session]]
            for name in _PRICES:
                cells[name][number, held] = cells["close"][number - 1, held]
            for name in ("volume", "value"):
                cells[name][number, held] = 0


def _gather(
    sessions: list[str],
    tickers: list[str],
    columns: Iterator[tuple[str, Columns]],
    adjustments: Adjustments,
) -> dict[str, np.ndarray]:
    """Return the columns of the panel as published, shape (sessions, tickers), NaN where a ticker
    is not listed. What they are to be multiplied with is added to `adjustments`."""
    cells = {name: np.full((len(sessions), len(tickers)), np.nan) for name in PANEL_COLUMNS}
    number = {session: row for row, session in enumerate(sessions)}
    position = {ticker: column for column, ticker in enumerate(tickers)}
    listed: list[str] = []
    rows = positions = np.empty(0, dtype=np.intp)
    unread = set(sessions)
    for session, day in columns:
        if session not in number:
            continue  # it came in after the heads were read
        unread.discard(session)
        if day["ticker"] != listed:  # most sessions list the same tickers as the one before
            listed = list(day["ticker"])
            found = np.fromiter(map(position.get, listed, repeat(-1)), dtype=np.intp)
            rows = np.flatnonzero(found >= 0)
            positions = found[rows]
        adjustments.add(session, listed, np.asarray(day["factor"]))
        for name in PANEL_COLUMNS:
            cells[name][number[session], positions] = np.asarray(day[name])[rows]
    if unread:
        raise _damaged(min(unread))
    return cells

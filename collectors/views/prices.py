"""Prices for people and notebooks: what is stored, as one pandas DataFrame."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd

from utils.adjustment import Adjustments, Floats, to_whole
from utils.clock import Clock
from utils.date_utils import FIRST_DAY, LAST_DAY, TradingCalendar, parse_date
from utils.errors import WrongUsage
from utils.market_day import DATASET_COLUMNS, DAY_COLUMNS, TEXT_COLUMNS
from utils.settings import load_settings
from utils.store import Store, open_store
from utils.store.backend import Columns

PRICES = ("open", "high", "low", "close")
INDEX_COLUMNS = (*PRICES, "change", "volume", "value", "market_cap")
Day = str | date
"""`YYYY-MM-DD`, or a date, datetime or pandas Timestamp, of which the day counts."""
_NAMED = 10
"""Most sessions that a warning names."""
log = logging.getLogger(__name__)


def load_prices(
    tickers: str | Iterable[str] | None = None,
    start: Day | None = None,
    end: Day | None = None,
    adjusted: bool = True,
    *,
    as_of: Day | None = None,
    datasets: str | Iterable[str] = (),
) -> pd.DataFrame:
    """Read what is stored from start to end, both inclusive: one row per session and ticker.

    The database is that of the settings; `PriceReader` reads from a store that is open already.

    The index is (`session`: datetime64, `ticker`: text), sorted. The columns are `name`, `market`
    (text); `open`, `high`, `low`, `close`, `change`, `value`, `market_cap` (int64, won); `volume`,
    `shares` (int64, shares); `factor` (float64, NaN while it is not known). On a day without
    trading open, high, low, volume and value are 0 and the close is kept. On a day on which a
    ticker traded in the after-market alone so are open, high and low; only with `adjusted=False`
    high and low are those of the after-market, as published.

    Args:
        tickers: one code or several; None for every ticker that was listed in any of the sessions.
        adjusted: True adjusts prices and `change` to the last session, to the won, and volumes for
            splits and consolidations, to the share (see `utils/adjustment.py`). A factor that is
            not known counts as 1, and a warning names its session. False leaves all as published.
        as_of: the market as it was on that day: the tickers that were listed then, under their
            names and in their markets of then, adjusted to that session, also where `end` is
            earlier. Of a code that was in use before, only the company that had it then.
        datasets: one or several, whose columns are added; NaN where the exchange has no figure.

    Raise `WrongUsage` for another dataset, and for a ticker, a span or an `as_of` not stored.
    """
    with _store_of_the_settings() as store:
        reader = PriceReader(store)
        return reader.prices(tickers, start, end, adjusted, as_of=as_of, datasets=datasets)


def load_indices(start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
    """Read the stored KOSPI and KOSDAQ indices from start to end, both inclusive; no rows where
    nothing is stored.

    The index is (`session`: datetime64, `index`: text), sorted. The columns are `open`, `high`,
    `low`, `close` and `change` (points), `volume` (shares), `value` and `market_cap` (won):
    float64, NaN where the exchange shows nothing.
    """
    with _store_of_the_settings() as store:
        return PriceReader(store).indices(start, end)


class PriceReader:
    """Reader of prices and indices from a store that is open."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def prices(
        self,
        tickers: str | Iterable[str] | None = None,
        start: Day | None = None,
        end: Day | None = None,
        adjusted: bool = True,
        *,
        as_of: Day | None = None,
        datasets: str | Iterable[str] = (),
    ) -> pd.DataFrame:
        """See `load_prices`."""
        added = _columns_of([datasets] if isinstance(datasets, str) else list(datasets))
        wanted = (
            {tickers} if isinstance(tickers, str) else None if tickers is None else set(tickers)
        )
        view = _view(self._store, start, end, as_of)
        adjustments = read_adjustments(self._store, view.first, view.adjusted_to)
        chosen = _chooser(view, wanted, adjustments)
        days = list(_days(self._store, view, adjustments, chosen, added))
        _check_found(days, wanted, view)
        if adjusted:
            warn_of_sessions_without_factors(adjustments, wanted)
            days = [_adjusted(day, adjustments) for day in days]
        return _to_frame(days)

    def indices(self, start: Day | None = None, end: Day | None = None) -> pd.DataFrame:
        """See `load_indices`."""
        first = str(FIRST_DAY) if start is None else _text(start)
        last = str(LAST_DAY) if end is None else _text(end)
        _check_order(start=first, end=last)
        days = self._store.indices.load(first, last)
        frame = pd.DataFrame(days, columns=["session", "index", *INDEX_COLUMNS])
        types = {"session": "datetime64[ns]"} | dict.fromkeys(INDEX_COLUMNS, "float64")
        return frame.astype(types).set_index(["session", "index"]).sort_index()


def read_adjustments(store: Store, first: str, last: str) -> Adjustments:
    """Read the adjustments to the last of the stored sessions from first to last, both
    inclusive."""
    calendar = TradingCalendar(store.calendar.observed())
    adjustments = Adjustments(
        store.sessions.actions(first, last),
        calendar.previous_session,
        store.sessions.set_aside(first, last),
    )
    for session, columns in store.sessions.columns(("ticker", "factor"), first, last):
        adjustments.add(session, list(columns["ticker"]), np.asarray(columns["factor"]))
    return adjustments


def warn_of_sessions_without_factors(adjustments: Adjustments, tickers: set[str] | None) -> None:
    """Warn of sessions whose factors are not known for some of these tickers (None: for any) and
    count as 1."""
    pending = adjustments.sessions_without_factors.items()
    sessions = [
        session for session, missing in pending if tickers is None or tickers.intersection(missing)
    ]
    if sessions:
        more = f" and {len(sessions) - _NAMED} more" if len(sessions) > _NAMED else ""
        log.warning(
            "Factors of %s%s are not known yet and count as 1: earlier prices may not be adjusted. "
            "daily_update.py finds them.",
            ", ".join(sessions[:_NAMED]),
            more,
        )


@dataclass(frozen=True)
class _View:
    """Sessions from first to last, adjusted to one at or after the last. At a point in time `facts`
    holds ticker -> (name, market) of who was listed then, else it is None."""

    first: str
    last: str
    adjusted_to: str
    facts: dict[str, tuple[str, str]] | None = None


@dataclass(frozen=True)
class _Day:
    """Chosen rows of one session, column by column."""

    session: str
    texts: dict[str, list[str]]
    numbers: dict[str, np.ndarray]


Chooser = Callable[[str, Sequence[str]], list[int]]
"""Function that gives the wanted rows of a session and its tickers."""


def _store_of_the_settings() -> AbstractContextManager[Store]:
    settings = load_settings()
    return closing(open_store(settings, Clock(settings.kst_now)))


def _view(store: Store, start: Day | None, end: Day | None, as_of: Day | None) -> _View:
    first = str(FIRST_DAY) if start is None else _text(start)
    if as_of is None:
        last = str(LAST_DAY) if end is None else _text(end)
        _check_order(start=first, end=last)
        return _View(first, last, last)
    session = _session_of(store, _text(as_of))
    last = session if end is None else _text(end)
    _check_order(start=first, end=last, as_of=_text(as_of))
    (_, columns), *_ = store.sessions.columns(TEXT_COLUMNS, session, session)
    facts = zip(columns["name"], columns["market"], strict=True)
    return _View(first, last, session, dict(zip(columns["ticker"], facts, strict=True)))


def _columns_of(datasets: Sequence[str]) -> list[str]:
    if unknown := [name for name in datasets if name not in DATASET_COLUMNS]:
        raise WrongUsage(
            f"{unknown[0]!r} has no columns to add. Choose of {', '.join(DATASET_COLUMNS)}."
        )
    return [
        column
        for name, columns in DATASET_COLUMNS.items()
        if name in datasets
        for column in columns
    ]


def _text(day: Day) -> str:
    """Return the day as `YYYY-MM-DD`. Raise `WrongUsage` for what is none."""
    try:
        return f"{day:%Y-%m-%d}" if isinstance(day, date) else parse_date(day)
    except (ValueError, TypeError):
        raise WrongUsage(f"{day!r} is not a date. Write it as 2024-01-22.") from None


def _check_order(**days: str) -> None:
    for (name, day), (later_name, later) in pairwise(days.items()):
        if day > later:
            raise WrongUsage(f"{name} {day} is after {later_name} {later}.")


def _session_of(store: Store, day: str) -> str:
    """Return the exchange's last session up to that day. Raise `WrongUsage` when it is not stored:
    an earlier one would be another market."""
    (session,) = TradingCalendar(store.calendar.observed()).last_sessions(day, 1)
    if store.sessions.head(session) is None:
        raise WrongUsage(
            f"as_of {day}: session {session} is not stored. `daily_update.py --status` shows what "
            "is."
        )
    return session


def _chooser(view: _View, wanted: set[str] | None, adjustments: Adjustments) -> Chooser:
    listed = None if view.facts is None else set(view.facts)
    allowed = wanted if listed is None else listed if wanted is None else wanted & listed
    since = {} if listed is None else adjustments.listed_since()

    def chosen(session: str, tickers: Sequence[str]) -> list[int]:
        if allowed is None:
            return list(range(len(tickers)))
        return [
            row
            for row, ticker in enumerate(tickers)
            if ticker in allowed and session >= since.get(ticker, "")
        ]

    return chosen


def _days(
    store: Store, view: _View, adjustments: Adjustments, chosen: Chooser, added: Sequence[str]
) -> Iterator[_Day]:
    known = set(adjustments.sessions)
    for session, columns in store.sessions.columns((*DAY_COLUMNS, *added), view.first, view.last):
        rows = chosen(session, list(columns["ticker"]))
        if rows and session in known:  # else it came in while this was at work
            day = _take(session, columns, rows, view.facts)
            unknown = np.full(len(rows), np.nan)
            figures = {
                name: np.asarray(columns[name])[rows] if name in columns else unknown
                for name in added
            }
            yield _Day(session, day.texts, day.numbers | figures)


def _take(
    session: str, columns: Columns, rows: list[int], facts: dict[str, tuple[str, str]] | None
) -> _Day:
    # Interned: a name that stands in 300 sessions is kept once.
    texts = {name: [sys.intern(str(columns[name][row])) for row in rows] for name in TEXT_COLUMNS}
    if facts is not None:
        texts["name"] = [facts[ticker][0] for ticker in texts["ticker"]]
        texts["market"] = [facts[ticker][1] for ticker in texts["ticker"]]
    numbers = {
        name: np.asarray(columns[name])[rows] for name in DAY_COLUMNS if name not in TEXT_COLUMNS
    }
    return _Day(session, texts, numbers)


def _check_found(days: list[_Day], wanted: set[str] | None, view: _View) -> None:
    found = set().union(*(day.texts["ticker"] for day in days))
    missing = set() if wanted is None else wanted - found
    if missing or not days:
        what = f" of {', '.join(sorted(map(str, missing)))}" if missing else ""
        at = "" if view.facts is None else f" as of {view.adjusted_to}"
        raise WrongUsage(
            f"Nothing{what} is stored from {view.first} to {view.last}{at}. `daily_update.py "
            "--status` shows what is."
        )


def adjusted_prices(
    published: Mapping[str, np.ndarray] | pd.DataFrame, multipliers: Floats
) -> dict[str, np.ndarray]:
    """Return `PRICES` times their tickers' multipliers, to the won. Open, high and low are 0 in a
    session without a regular price: what was published of high and low is of the after-market."""
    regular = np.asarray(published["open"]) > 0
    return {
        name: to_whole(np.where(regular | (name == "close"), published[name], 0) * multipliers)
        for name in PRICES
    }


def _adjusted(day: _Day, adjustments: Adjustments) -> _Day:
    tickers, numbers = day.texts["ticker"], day.numbers
    prices, volumes = (
        adjustments.prices(day.session, tickers),
        adjustments.volumes(day.session, tickers),
    )
    base = to_whole((numbers["close"] - numbers["change"]) * prices)
    adjusted = adjusted_prices(numbers, prices)
    adjusted |= {
        "change": adjusted["close"] - base,
        "volume": to_whole(numbers["volume"] * volumes),
    }
    return _Day(day.session, day.texts, numbers | adjusted)


def _to_frame(days: list[_Day]) -> pd.DataFrame:
    counts = [len(day.texts["ticker"]) for day in days]
    sessions = np.repeat(np.array([day.session for day in days], dtype="datetime64[ns]"), counts)
    texts = {
        name: np.concatenate([np.array(day.texts[name], dtype=object) for day in days])
        for name in TEXT_COLUMNS
    }
    index = pd.MultiIndex.from_arrays([sessions, texts.pop("ticker")], names=["session", "ticker"])
    # Taken out of the days one by one and not copied again: the whole market is there once and a
    # bit.
    numbers = {
        name: np.concatenate([day.numbers.pop(name) for day in days])
        for name in list(days[0].numbers)
    }
    return pd.DataFrame(texts | numbers, index=index, copy=False)

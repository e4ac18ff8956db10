"""Synthetic market made from a seed: every ticker of every session, and the events that happened to
them."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from functools import cached_property
from typing import Any
from zlib import crc32

import holidays
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sandbox.after_market import with_after_market
from sandbox.market import (
    NOT_AVAILABLE,
    Day,
    Fundamentals,
    Holdings,
    IndexSeries,
    Ints,
    Listings,
    TextArray,
    isin_of,
    ratio_of,
    texts,
    uniform,
)
from sandbox.roster import Roster, first_roster
from sandbox.scenarios import Event, plan_events
from sandbox.simulation import Simulation
from utils.date_utils import AFTER_MARKET_SINCE

Floats = NDArray[np.float64]

SEED = 20260914
FIRST = "2025-05-02"
LAST = "2026-12-30"
UNPREDICTED_HOLIDAYS = ("2026-08-14",)  # a bridge day "declared" after every library was released
FEWEST_TICKERS = 40
_AFTER_MARKET = 1  # the third number of its seed: it changes no other number of the market

_WITHOUT_EPS, _WITHOUT_BPS = 332 / 895, 122 / 895  # of the companies with fundamentals, measured


class SyntheticMarket:
    """Market of `tickers` companies at the first session and later listings, from `first` to `last`
    (YYYY-MM-DD, inclusive).

    The same arguments give the same market to the won. `events` are listed oldest first.
    `unpredicted_holiday` is a weekday on which the exchange was closed although no library says so
    (None when out of range). `closed` adds more of them (YYYY-MM-DD); `unpredicted_holidays` are
    all, oldest first. From the session `after_market_since` on (None: never) the days have an
    after-market; without it they are the same in everything else.

    Raises:
        ValueError: fewer than 40 tickers, no session between `first` and `last`, a day in `closed`
            that is no session.
    """

    recorded = False

    def __init__(
        self,
        tickers: int = 2700,
        seed: int = SEED,
        first: str = FIRST,
        last: str = LAST,
        closed: Iterable[str] = (),
        after_market_since: str | None = AFTER_MARKET_SINCE,
    ) -> None:
        if tickers < FEWEST_TICKERS:
            raise ValueError(
                "every event needs a ticker of its own: "
                f"at least {FEWEST_TICKERS} tickers, not {tickers}"
            )
        more = frozenset(closed).difference(UNPREDICTED_HOLIDAYS)
        self._sessions = _without(more, open_days(first, last))
        if not self._sessions:
            raise ValueError(f"no session from {first} to {last}")
        self.unpredicted_holiday = next(
            (day for day in UNPREDICTED_HOLIDAYS if first <= day <= last), None
        )
        self.unpredicted_holidays = sorted(
            more.union(day for day in UNPREDICTED_HOLIDAYS if first <= day <= last)
        )
        rng = np.random.default_rng(seed)
        roster = first_roster(tickers, rng)
        plan = plan_events(roster, len(self._sessions), rng)
        self._roster = roster
        self._changes = sorted(plan.changes, key=lambda change: change.session)
        self._financials = _Financials(roster, rng)
        self._listed_from = {
            roster.code[slot]: self._sessions[position]
            for slot, position in plan.listed_from.items()
        }
        simulation = Simulation(roster, plan, self._sessions, seed)
        self._history, self._events = simulation.run()
        self._quiet, self._seed = simulation.without_scenario, seed
        self._after_market_from = self._first_since(after_market_since)
        self._code, self._isin = texts(roster.code), texts([isin_of(code) for code in roster.code])

    @property
    def sessions(self) -> Sequence[str]:
        return self._sessions

    @property
    def events(self) -> list[Event]:
        return self._events

    def day(self, session: str) -> Day:
        position = bisect_left(self._sessions, session)
        if position == len(self._sessions) or self._sessions[position] != session:
            raise KeyError(session)
        return self._day(position)

    def roster(self, date: str) -> Day:
        return self._day(max(bisect_right(self._sessions, date) - 1, 0))

    def index(self, market_id: str) -> IndexSeries:
        return self._indices[market_id]

    @cached_property
    def _indices(self) -> dict[str, IndexSeries]:
        """The indices; their volumes and values are the sums of the whole days."""
        indices = {
            market_id: replace(series, volume=series.volume.copy(), value=series.value.copy())
            for market_id, series in self._history.indices.items()
        }
        for position in range(self._after_market_from, len(self._sessions)):
            day = self._day(position)
            for market_id, series in indices.items():
                member = day.market_id == market_id
                series.volume[position] += day.after_volume[member].sum()
                series.value[position] += day.after_value[member].sum()
        return indices

    def fundamentals(self, day: Day) -> Fundamentals:
        """Return figures of common shares of KOSPI and KOSDAQ companies, without SPACs, preferred
        and foreign shares."""
        day = day.take(_has_fundamentals(day))
        earnings, equity, dividends = self._financials.of(day.code)
        return Fundamentals(
            day, *(_per_share(total, day.shares) for total in (earnings, equity, dividends))
        )

    def holdings(self, day: Day) -> Holdings:
        part = 0.5 * uniform(day.code, "foreign") ** 3 + 0.002 * uniform(day.code, day.session)
        limit = np.where(
            uniform(day.code, "limit") < 0.02, (day.shares * 0.49).astype(np.int64), day.shares
        )
        return Holdings(day, np.minimum((day.shares * part).astype(np.int64), limit), limit)

    def listings(self, day: Day) -> Listings:
        par = np.array([100, 500, 500, 1_000, 5_000])[
            (5 * uniform(day.code, "par")).astype(np.int64)
        ]
        return Listings(
            day=day,
            full_name=texts(
                [
                    name + ("" if _is_common(code) else "주")
                    for code, name in zip(day.code, day.name, strict=True)
                ]
            ),
            english_name=texts([f"Company {code} Co.,Ltd." for code in day.code]),
            listed=texts(
                [self._listed_from.get(code) or _old_listing_date(code) for code in day.code]
            ),
            security_group=texts(
                [_security_group(code, name) for code, name in zip(day.code, day.name, strict=True)]
            ),
            share_kind=texts(["보통주" if _is_common(code) else "신형우선주" for code in day.code]),
            par_value=par,
        )

    def _first_since(self, day: str | None) -> int:
        """Return the position of the first session of a day or later, the end for None."""
        return len(self._sessions) if day is None else bisect_left(self._sessions, day)

    def _day(self, position: int) -> Day:
        """Return the rows in the order of the names, as the exchange lists them."""
        name, department, market_id, market_name = self._facts(position)
        listed = np.flatnonzero(self._history.listed[position])
        rows = listed[np.argsort(name[listed], kind="stable")]

        def column(matrix: NDArray[Any]) -> Ints:
            return np.asarray(matrix[position, rows], dtype=np.int64)

        history, nothing = self._history, np.zeros(len(rows), dtype=np.int64)
        close, base, shares = column(history.close), column(history.base), column(history.shares)
        day = Day(
            session=self._sessions[position],
            code=self._code[rows],
            isin=self._isin[rows],
            name=name[rows],
            market_id=market_id[rows],
            market_name=market_name[rows],
            department=department[rows],
            open=column(history.open),
            high=column(history.high),
            low=column(history.low),
            close=close,
            change=close - base,
            fluctuation=column(history.fluctuation),
            ratio=ratio_of(close - base, base),
            volume=column(history.volume),
            value=column(history.value),
            market_cap=close * shares,
            shares=shares,
            after_volume=nothing,
            after_value=nothing,
        )
        if position < self._after_market_from:
            return day
        rng = np.random.default_rng([self._seed, position, _AFTER_MARKET])
        return with_after_market(day, self._quiet[rows], rng)

    def _facts(self, position: int) -> tuple[TextArray, TextArray, TextArray, TextArray]:
        """Return name, department, MKT_ID and MKT_NM of every slot at a session."""
        roster = self._roster
        name, department = texts(roster.name), texts(roster.department)
        market_id, market_name = texts(roster.market_id), texts(roster.market_name)
        for change in self._changes[
            : bisect_right(self._changes, position, key=lambda change: change.session)
        ]:
            name[change.slot] = change.name or name[change.slot]
            if change.department is not None:
                department[change.slot] = change.department
            if change.market is not None:
                market_id[change.slot], market_name[change.slot] = change.market
        return name, department, market_id, market_name


class _Financials:
    """Yearly earnings, equity and dividends of companies in won, by code; NOT_AVAILABLE where the
    exchange has none."""

    def __init__(self, roster: Roster, rng: Generator) -> None:
        cap = (roster.price * roster.shares).astype(np.float64)
        chance, size = rng.random(len(roster)), rng.random((3, len(roster)))
        profit, known = chance >= _WITHOUT_EPS, chance >= _WITHOUT_BPS
        earnings = np.where(profit, cap * (0.02 + 0.1 * size[0]), NOT_AVAILABLE)
        equity = np.where(known, cap * (0.3 + 2.2 * size[1]), NOT_AVAILABLE)
        dividends = np.where(profit & (size[2] < 0.6), cap * 0.05 * size[2], 0)
        rows = np.stack([earnings, equity, dividends], axis=1)
        self._rows = dict(zip(roster.code, rows, strict=True))

    def of(self, codes: TextArray) -> tuple[Floats, Floats, Floats]:
        rows = np.array([self._rows[code] for code in codes]).reshape(-1, 3)
        return rows[:, 0], rows[:, 1], rows[:, 2]


def open_days(first: str, last: str) -> list[str]:
    """Return the exchange's sessions: weekdays without its holidays and without the unpredicted
    one."""
    begin, end = date.fromisoformat(first), date.fromisoformat(last)
    closed = holidays.financial_holidays("XKRX", years=range(begin.year, end.year + 1))
    days = (begin + timedelta(days=number) for number in range((end - begin).days + 1))
    weekdays = (day for day in days if day.weekday() < 5 and day not in closed)
    return [day.isoformat() for day in weekdays if day.isoformat() not in UNPREDICTED_HOLIDAYS]


def _without(closed: frozenset[str], sessions: list[str]) -> list[str]:
    if predicted := sorted(closed.difference(sessions)):
        raise ValueError(
            f"{predicted[0]} cannot be closed unexpectedly: "
            "it is no session anyway, or out of range"
        )
    return [session for session in sessions if session not in closed]


def _per_share(total: Floats, shares: Ints) -> Ints:
    return np.where(total < 0, NOT_AVAILABLE, (total / shares).astype(np.int64))


def _has_fundamentals(day: Day) -> NDArray[np.bool_]:
    facts = zip(day.code, day.market_id, day.department, strict=True)
    return np.array([_is_reporting(*row) for row in facts], dtype=bool)


def _is_reporting(code: str, market_id: str, department: str) -> bool:
    return (
        _is_common(code)
        and not code.startswith("9")
        and market_id != "KNX"
        and not department.startswith("SPAC")
    )


def _is_common(code: str) -> bool:
    return code.endswith("0")


def _security_group(code: str, name: str) -> str:
    if code.startswith("9"):
        return "외국주권"
    return "부동산투자회사" if name.endswith("리츠") else "주권"


def _old_listing_date(code: str) -> str:
    day = date(1990, 1, 2) + timedelta(days=crc32(f"{code}|listed".encode()) % 12_700)
    return (day - timedelta(days=max(day.weekday() - 4, 0))).isoformat()

"""Simulation of the plan of events: prices, volumes and shares of every ticker, session by
session."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from sandbox.market import IndexSeries, Ints, direction_of, tick, tick_down, tick_up, to_tick
from sandbox.roster import PENNY, Roster
from sandbox.scenarios import Event, EventPlan, Step

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

_LIMIT = {"STK": 0.30, "KSQ": 0.30, "KNX": 0.15}
_FIRST_DAY_LOWER, _FIRST_DAY_UPPER = 0.6, 4.0  # of the issue price
_NO_LIMIT = 2_000_000_000
_NEWS = 0.006  # of the lively tickers a session move by 15 % or so
_CALM = 0.0125
_LOWEST_PRICE = 60  # no random move goes below it
# Of the tickers without a scenario. With the scenarios and quiet KONEX names 3.3 % of all rows are
# not traded.
_HALTED = 0.036
_HALT_LENGTH = 15
_KONEX_QUIET = 0.10
_SHARE_CHANGES = 0.0044  # of the tickers a session: conversions, options, small issues
# The shared part of the returns reverts, so sizes stay as they were drawn.
_MARKET_SIGMA, _MARKET_MEMORY = 0.007, 0.97
_INDEX_START = {"STK": 255_961, "KSQ": 72_124}  # in hundredths of a point


@dataclass
class History:
    """Result of a simulation, shape (sessions, slots). Prices are int32 to save memory; cells of
    unlisted slots are meaningless."""

    listed: Flags
    open: NDArray[np.int32]
    high: NDArray[np.int32]
    low: NDArray[np.int32]
    close: NDArray[np.int32]
    base: NDArray[np.int32]
    fluctuation: NDArray[np.int8]
    volume: Ints
    value: Ints
    shares: Ints
    indices: dict[str, IndexSeries]


@dataclass
class _Conditions:
    """Conditions of a session before it trades, one element per slot. `move` is NaN where no
    scenario sets the close."""

    base: Ints
    lower: Ints
    upper: Ints
    halted: Flags
    at_auction: Flags
    off_tick: Flags
    free: Flags  # without the usual limits
    move: Floats
    volume: Ints


@dataclass
class _Trades:
    """Trades of a session, one element per slot. Without trades everything but `close` is 0."""

    open: Ints
    high: Ints
    low: Ints
    close: Ints
    fluctuation: Ints
    volume: Ints
    value: Ints


class Simulation:
    """One run over all sessions; `run` is called once. `without_scenario` is True for slots that no
    plan touches."""

    def __init__(self, roster: Roster, plan: EventPlan, sessions: Sequence[str], seed: int) -> None:
        self._roster, self._plan, self._sessions, self._seed = roster, plan, sessions, seed
        self._close, self._shares = roster.price.copy(), roster.shares.copy()
        self._market = np.array(roster.market_id)
        self.without_scenario = ~np.isin(np.arange(len(roster)), [*plan.slots, *range(PENNY + 1)])
        self._resting = np.zeros(len(roster), dtype=bool)
        self._was_silent = np.zeros(len(roster), dtype=bool)
        self._transfers: dict[int, list[tuple[int, str]]] = defaultdict(list)
        for change in plan.changes:
            if change.market is not None:
                self._transfers[change.session].append((change.slot, change.market[0]))
        self._market_moves = _market_moves(len(sessions), np.random.default_rng(seed))
        self._events: list[Event] = []

    def run(self) -> tuple[History, list[Event]]:
        history = self._empty_history()
        levels = {market: _Index(market) for market in _INDEX_START}
        for position in range(len(self._sessions)):
            rng = np.random.default_rng([self._seed, position])
            listed = history.listed[position]
            conditions, trades = self._simulate(position, listed, rng)
            _write(history, position, conditions, trades, self._shares)
            for market, level in levels.items():
                level.add(listed & (self._market == market), conditions, trades, self._shares, rng)
        history.indices = {market: level.series(self._sessions) for market, level in levels.items()}
        return history, self._events

    def _empty_history(self) -> History:
        shape = (len(self._sessions), len(self._roster))
        prices = ("open", "high", "low", "close", "base")
        return History(
            listed=self._listed(),
            fluctuation=np.zeros(shape, dtype=np.int8),
            volume=np.zeros(shape, dtype=np.int64),
            value=np.zeros(shape, dtype=np.int64),
            shares=np.zeros(shape, dtype=np.int64),
            indices={},
            **{name: np.zeros(shape, dtype=np.int32) for name in prices},
        )

    def _listed(self) -> Flags:
        begin, end = np.zeros(len(self._roster)), np.full(len(self._roster), np.inf)
        for slot, position in self._plan.listed_from.items():
            begin[slot] = position
        for slot, position in self._plan.listed_until.items():
            end[slot] = position
        positions = np.arange(len(self._sessions))[:, None]
        return (positions >= begin) & (positions < end)

    def _simulate(
        self, position: int, listed: Flags, rng: Generator
    ) -> tuple[_Conditions, _Trades]:
        before_close, before_shares = self._close, self._shares
        for slot, market_id in self._transfers.get(position, ()):
            self._market[slot] = market_id
        conditions = self._conditions(rng)
        self._shares = self._with_small_changes(before_shares, conditions, rng)
        steps = self._plan.steps.get(position, [])
        for slot, step in steps:
            self._apply(slot, step, conditions)
        trades = _trade(
            conditions,
            self._was_silent,
            self._market_moves[position],
            self._roster,
            self._shares,
            rng,
        )
        for slot, step in steps:
            _add_off_hours(slot, step, trades)
        self._add_events(position, listed, before_close, before_shares, conditions)
        self._close, self._was_silent = trades.close, trades.volume == 0
        return conditions, trades

    def _conditions(self, rng: Generator) -> _Conditions:
        count = len(self._roster)
        halted = self._chance_halts(rng)
        base = np.where(halted, self._close, tick_up(self._close))
        width = np.select([self._market == market for market in _LIMIT], list(_LIMIT.values()))
        return _Conditions(
            base=base,
            lower=tick_up(base * (1 - width)),
            upper=tick_down(base * (1 + width)),
            halted=halted,
            at_auction=np.zeros(count, dtype=bool),
            off_tick=np.zeros(count, dtype=bool),
            free=np.zeros(count, dtype=bool),
            move=np.full(count, np.nan),
            volume=np.zeros(count, dtype=np.int64),
        )

    def _chance_halts(self, rng: Generator) -> Flags:
        """Return halts of tickers without a scenario, and days without trades of KONEX tickers."""
        chance = rng.random((2, len(self._roster)))
        first = not self._was_silent.any() and not self._resting.any()
        begin = _HALTED if first else _HALTED / (1 - _HALTED) / _HALT_LENGTH
        self._resting = self.without_scenario & np.where(
            self._resting, chance[0] > 1 / _HALT_LENGTH, chance[0] < begin
        )
        quiet = self.without_scenario & (self._market == "KNX") & (chance[1] < _KONEX_QUIET)
        return np.asarray(self._resting | quiet)

    def _with_small_changes(self, shares: Ints, conditions: _Conditions, rng: Generator) -> Ints:
        """Return the shares with small changes, as they happen all the time without a corporate
        action."""
        chosen = (
            self.without_scenario & ~conditions.halted & (rng.random(len(shares)) < _SHARE_CHANGES)
        )
        growth = np.where(rng.random(len(shares)) < 0.9, 1, -1) * rng.exponential(
            0.008, len(shares)
        )
        return np.where(
            chosen, (shares * (1 + np.clip(growth, -0.03, 0.2))).astype(np.int64), shares
        )

    def _apply(self, slot: int, step: Step, conditions: _Conditions) -> None:
        if step.base_factor != 1 or step.base_price:
            base = int(to_tick(np.array(step.base_price or self._close[slot] * step.base_factor)))
            width = _LIMIT[str(self._market[slot])]
            conditions.base[slot] = base
            conditions.lower[slot] = tick_up(np.array(base * (1 - width)))
            conditions.upper[slot] = tick_down(np.array(base * (1 + width)))
        if step.unlimited:
            base, first = int(conditions.base[slot]), bool(step.base_price)
            conditions.lower[slot] = tick_up(np.array(base * _FIRST_DAY_LOWER)) if first else 1
            conditions.upper[slot] = (
                tick_down(np.array(base * _FIRST_DAY_UPPER)) if first else _NO_LIMIT
            )
            conditions.free[slot] = True
        self._shares[slot] = max(round(int(self._shares[slot]) * step.share_factor), 1)
        conditions.halted[slot] = step.halted
        conditions.at_auction[slot] = step.at_auction
        conditions.off_tick[slot] = step.off_tick
        conditions.volume[slot] = step.volume
        if step.move is not None:
            conditions.move[slot] = step.move

    def _add_events(
        self, position: int, listed: Flags, closes: Ints, all_shares: Ints, conditions: _Conditions
    ) -> None:
        """Add the events of a session's steps.

        An off-tick close that turned out to be on the tick has none.

        Args:
            closes, all_shares: those of the session before, in won and in shares.
        """
        for slot, step in self._plan.steps.get(position, []):
            close, shares = int(closes[slot]), int(all_shares[slot])
            if not step.kind or (step.kind == "off_tick" and conditions.base[slot] == close):
                continue
            previous, before = (0, 0) if step.base_price else (close, shares)
            base, after = int(conditions.base[slot]), int(self._shares[slot])
            if not listed[slot]:
                base = after = 0
            factor = _true_factor(step, previous, base, shares, after)
            day, code = self._sessions[position], self._roster.code[slot]
            self._events.append(
                Event(day, code, step.kind, previous, base, before, after, factor, step.flag)
            )


class _Index:
    """Composite index, chained by market cap: close x shares over base x shares of the tickers with
    the usual limits."""

    def __init__(self, market: str) -> None:
        self._level = _INDEX_START[market]
        self._columns: dict[str, list[int]] = defaultdict(list)

    def add(
        self, members: Flags, conditions: _Conditions, trades: _Trades, shares: Ints, rng: Generator
    ) -> None:
        usual = members & ~conditions.free
        start = self._level
        worth = int((conditions.base[usual] * shares[usual]).sum())
        self._level = (
            round(start * int((trades.close[usual] * shares[usual]).sum()) / worth)
            if worth
            else start
        )
        noise = rng.standard_normal(3) * 0.004
        opened = round(start * (1 + noise[0] / 2))
        row = {
            "open": opened,
            "high": round(max(opened, self._level) * (1 + abs(noise[1]) / 2)),
            "low": round(min(opened, self._level) * (1 - abs(noise[2]) / 2)),
            "close": self._level,
            "change": self._level - start,
            "volume": int(trades.volume[members].sum()),
            "value": int(trades.value[members].sum()),
            "market_cap": int((trades.close[members] * shares[members]).sum()),
        }
        for name, value in row.items():
            self._columns[name].append(value)

    def series(self, sessions: Sequence[str]) -> IndexSeries:
        columns = {name: np.array(values, dtype=np.int64) for name, values in self._columns.items()}
        return IndexSeries(sessions, **columns)


def _market_moves(sessions: int, rng: Generator) -> Floats:
    """Return the part of the daily log returns that all tickers share, (sessions,)."""
    level = np.zeros(sessions + 1)
    for position, noise in enumerate(rng.standard_normal(sessions)):
        level[position + 1] = _MARKET_MEMORY * level[position] + _MARKET_SIGMA * noise
    return np.diff(level)


def _trade(
    conditions: _Conditions,
    was_silent: Flags,
    market_move: float,
    roster: Roster,
    shares: Ints,
    rng: Generator,
) -> _Trades:
    noise = rng.standard_normal((6, len(roster)))
    open_, close = (
        _open(conditions, was_silent, roster, noise[0]),
        _close(conditions, market_move, roster, noise[1], noise[2], rng),
    )
    high, low = _range(conditions, open_, close, roster.sigma, noise[3], noise[4])
    volume = _volume(conditions, close, roster, shares, noise[5])
    value = low * volume + ((high - low) * volume * rng.random(len(roster))).astype(np.int64)
    at_limit = np.where(close == conditions.upper, 4, np.where(close == conditions.lower, 5, 0))
    fluctuation = np.where(at_limit > 0, at_limit, direction_of(close - conditions.base))
    traded = ~conditions.halted
    columns = (open_, high, low, close, fluctuation, volume, value)
    trades = _Trades(*(np.where(traded, column, 0) for column in columns))
    trades.close = np.where(traded, close, conditions.base)
    return trades


def _open(conditions: _Conditions, was_silent: Flags, roster: Roster, noise: Floats) -> Ints:
    """Return opens near the base. They equal the base only at an auction, or after a session with
    trades."""
    drawn = np.clip(
        to_tick(conditions.base * np.exp(0.4 * roster.sigma * noise)),
        conditions.lower,
        conditions.upper,
    )
    up = conditions.base + tick(conditions.base)
    next_tick = np.where(up <= conditions.upper, up, conditions.base - tick(conditions.base - 1))
    drawn = np.where((drawn == conditions.base) & was_silent, next_tick, drawn)
    return np.where(conditions.at_auction, conditions.base, drawn)


def _close(
    conditions: _Conditions,
    market_move: float,
    roster: Roster,
    noise: Floats,
    heat: Floats,
    rng: Generator,
) -> Ints:
    """Return closes: a log-normal step from the base with fat tails and a shared part, or the move
    of a scenario."""
    news = np.where(rng.random(len(roster)) < _NEWS * (roster.sigma > _CALM), 0.15 * heat, 0)
    own = roster.sigma * noise * np.exp(0.35 * heat - 0.06) + news
    target = conditions.base * np.exp(own + market_move * np.minimum(roster.sigma / 0.02, 1.5))
    target = np.maximum(target, np.minimum(conditions.base, _LOWEST_PRICE))
    target = np.where(np.isnan(conditions.move), target, conditions.base * (1 + conditions.move))
    close = np.clip(to_tick(target), conditions.lower, conditions.upper)
    half = np.where(close < conditions.upper, tick(close) // 2, tick(close) // 2 - tick(close))
    return np.where(conditions.off_tick, close + half, close)


def _range(
    conditions: _Conditions, open_: Ints, close: Ints, sigma: Floats, up: Floats, down: Floats
) -> tuple[Ints, Ints]:
    above, below = np.maximum(open_, close), np.minimum(open_, close)
    high = np.maximum(tick_down(above * np.exp(0.4 * sigma * np.abs(up))), tick_up(above))
    low = np.minimum(tick_up(below * np.exp(-0.4 * sigma * np.abs(down))), tick_down(below))
    return np.minimum(high, conditions.upper), np.maximum(low, conditions.lower)


def _volume(
    conditions: _Conditions, close: Ints, roster: Roster, shares: Ints, noise: Floats
) -> Ints:
    """Return a ticker's usual turnover, more on days that move; at most twice the shares."""
    move = np.clip(np.abs(close - conditions.base) / np.maximum(conditions.base, 1), 0, 0.3)
    turnover = np.minimum(roster.turnover * np.exp(0.55 * noise + 9 * move), 2.0)
    volume = np.maximum((shares * turnover).astype(np.int64), 1)
    return np.where(conditions.volume > 0, conditions.volume, volume)


def _add_off_hours(slot: int, step: Step, trades: _Trades) -> None:
    trades.volume[slot] += step.off_hours_volume
    trades.value[slot] += step.off_hours_volume * trades.close[slot]


def _true_factor(step: Step, previous: int, base: int, before: int, after: int) -> float:
    if step.factor_from_shares:
        return before / after
    if step.keeps_factor or not previous or not base:
        return 1.0
    return base / previous


def _write(
    history: History, position: int, conditions: _Conditions, trades: _Trades, shares: Ints
) -> None:
    for name in ("open", "high", "low", "close", "fluctuation", "volume", "value"):
        getattr(history, name)[position] = getattr(trades, name)
    history.base[position] = conditions.base
    history.shares[position] = shares

"""Figures that the exchange shows of a day by the time: none yet, running ones, the evening's, the
final ones."""

from bisect import bisect_left
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from enum import Enum
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from sandbox.after_market import after_market_part, after_market_so_far
from sandbox.market import Day, Ints, Market, direction_of, ratio_of, to_tick, uniform
from utils.clock import KST

DELAY = timedelta(minutes=20)  # the site shows trades this much later
PRICES_FINAL_AFTER_CLOSE = timedelta(minutes=10)  # then open, high, low and close no longer change
FINAL_AT = time(8)  # of the next calendar day

# Share of tickers whose volume still differs, by minutes after the close: measured at 16:00, 17:57
# and 19:40.
_MINUTES_AFTER_CLOSE = (0, 30, 147, 250)
_SHARE_DIFFERING = (0.69, 0.62, 0.35, 0.0)
_STEPS = 39  # of a day's walk, ten minutes each


class Phase(Enum):
    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    NOT_YET = "not yet"
    RUNNING = "running"
    EVENING = "evening"
    FINAL = "final"

    @property
    def has_numbers(self) -> bool:
        return self in (Phase.RUNNING, Phase.EVENING, Phase.FINAL)


def phase_of(market: Market, day: str, now: datetime) -> Phase:
    """Return the phase of a date (YYYY-MM-DD) at `now` (aware, KST)."""
    if not is_session(market, day):
        return Phase.WEEKEND if date.fromisoformat(day).weekday() >= 5 else Phase.HOLIDAY
    opens, closes = trading_hours(market, day)
    if market.recorded:
        return Phase.FINAL if now >= closes + PRICES_FINAL_AFTER_CLOSE else Phase.NOT_YET
    if now < opens + DELAY:
        return Phase.NOT_YET
    if now < closes + PRICES_FINAL_AFTER_CLOSE:
        return Phase.RUNNING
    return Phase.FINAL if is_final(day, now) else Phase.EVENING


def is_session(market: Market, day: str) -> bool:
    position = bisect_left(market.sessions, day)
    return position < len(market.sessions) and market.sessions[position] == day


def is_final(day: str, now: datetime) -> bool:
    """Return whether it is 08:00 KST of the following calendar day or later."""
    return now >= _at(date.fromisoformat(day) + timedelta(days=1), FINAL_AT)


def trading_hours(market: Market, session: str) -> tuple[datetime, datetime]:
    """Return open and close in KST: 09:00-15:30, from 10:00 on a year's first session, an hour
    later on exam day."""
    day = date.fromisoformat(session)
    if _is_exam_day(day):
        return _at(day, time(10)), _at(day, time(16, 30))
    opens = time(10) if _is_first_of_year(market, session) else time(9)
    return _at(day, opens), _at(day, time(15, 30))


def shown(market: Market, session: str, now: datetime) -> Day:
    """Return the figures of a session as shown at `now`; its phase must have figures."""
    day, phase = market.day(session), phase_of(market, session, now)
    if phase is Phase.RUNNING:
        return running(after_market_so_far(day, 0), elapsed(market, session, now))
    if phase is Phase.EVENING:
        closed_for = now - trading_hours(market, session)[1]
        day = after_market_so_far(day, after_market_part(closed_for - DELAY))
        return evening(day, closed_for / timedelta(minutes=1))
    return day


def elapsed(market: Market, session: str, now: datetime) -> float:
    """Return the part of the trading day that the site has shown so far, 0 to 1."""
    opens, closes = trading_hours(market, session)
    return min(max((now - DELAY - opens) / (closes - opens), 0.0), 1.0)


def running(day: Day, part: float) -> Day:
    """Return the day after `part` of it: prices on a path from open to close, volume so far.

    A ticker without a trade yet shows the base price as close and zeros, as a halted ticker does.
    """
    path = _walk(day)[: int(part * (_STEPS - 1)) + 1]
    volume = np.where(day.open > 0, day.volume * volume_share(part), 0).astype(np.int64)
    traded = volume > 0
    close = np.where(traded, path[-1], np.where(day.open > 0, day.base, day.close))
    high, low = np.where(traded, path.max(axis=0), 0), np.where(traded, path.min(axis=0), 0)
    change = close - day.base
    return replace(
        day,
        open=np.where(traded, day.open, 0),
        high=high,
        low=low,
        close=close,
        change=change,
        fluctuation=np.where(traded, _running_direction(day, close, change), 0),
        ratio=ratio_of(change, day.base),
        volume=volume,
        value=np.asarray(volume * ((high + low) // 2), dtype=np.int64),
        market_cap=close * day.shares,
    )


def evening(day: Day, minutes_after_close: float) -> Day:
    """Return the day after its close: prices are final, volume and value of some tickers are too
    low."""
    waiting = uniform(day.code, f"{day.session}|evening") < _share_waiting(day, minutes_after_close)
    part = 0.02 * uniform(day.code, f"{day.session}|missing")
    missing: Ints = np.maximum((day.volume * part).astype(np.int64), 1)
    missing = np.where(waiting & _tradable(day), missing, 0)
    volume = day.volume - missing
    value: Ints = day.value - missing * (day.value // np.maximum(day.volume, 1))
    return replace(
        day,
        volume=volume,
        value=np.where(missing > 0, np.minimum(value, day.high * volume), day.value),
    )


def volume_share(part: float) -> float:
    """Return the part of the day's volume after `part` of the day. The opening brings some at
    once."""
    return 0.08 + 0.92 * part


def read_kst(text: str) -> datetime:
    """Return 2026-09-10T19:00 or 2026-09-10T19:00:00, in KST, as an aware datetime. Raise
    ValueError otherwise."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError(f"{text!r} must be KST without an offset")
    return KST.localize(moment)


def _tradable(day: Day) -> NDArray[np.bool_]:
    return (day.volume > 1) & (day.high > 0)


def _share_waiting(day: Day, minutes: float) -> float:
    """Return the share of traded tickers whose volume still differs.

    It was measured over all rows. Only traded ones can differ, so their share is a little higher.
    """
    share = float(np.interp(minutes, _MINUTES_AFTER_CLOSE, _SHARE_DIFFERING))
    return share * len(day) / max(int(_tradable(day).sum()), 1)


def _walk(day: Day) -> Ints:
    """Return prices of a day, (steps, tickers): from the open to the close, on the tick, within
    high and low."""
    noise = np.random.default_rng(crc32(day.session.encode())).standard_normal((_STEPS, len(day)))
    course = np.cumsum(noise, axis=0) - noise[0]
    along = np.linspace(0, 1, _STEPS)[:, None]
    bridge = course - along * course[-1]
    bridge *= (day.high - day.low) / np.maximum(np.abs(bridge).max(axis=0), 1e-9)
    path = to_tick(np.clip(day.open + (day.close - day.open) * along + bridge, day.low, day.high))
    path = np.clip(path, day.low, day.high)
    path[0], path[-1] = day.open, day.close
    return path


def _running_direction(day: Day, close: Ints, change: Ints) -> Ints:
    """Return the closing code at the closing price (it knows the limits), elsewhere the sign of the
    change."""
    return np.where(close == day.close, day.fluctuation, direction_of(change))


def _is_exam_day(day: date) -> bool:
    """Return whether it is the day of the college entrance exam: 2021-2026 the Thursday from 13 to
    19 November."""
    return day.month == 11 and day.weekday() == 3 and 13 <= day.day <= 19


def _is_first_of_year(market: Market, session: str) -> bool:
    position = bisect_left(market.sessions, session)
    before = market.sessions[position - 1] if position else None
    return session[5:] < "01-08" and (before is None or before[:4] < session[:4])


def _at(day: date, moment: time) -> datetime:
    return KST.localize(datetime.combine(day, moment))

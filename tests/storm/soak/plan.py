"""Plan of the nights, all of it drawn from one number before anything runs."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta

from sandbox.faults import Fault
from tests.storm.soak.storm import Deck, draw_storm
from utils.date_utils import at_kst, predicted_open, weekdays

CALM_AT_THE_END = 3
"""Evenings without a failure, a ban's 24 hours included."""
EVENING, FIRST_HOUR, AFTER_MARKET = time(19), time(19, 10), time(20, 40)
FINAL_READING = timedelta(hours=13, minutes=2)
"""After the evening's run: 08:02."""
HOURS = 14
"""Hours from ten past seven to ten past eight in the morning."""
MOST_POINTS = {"daily_update": 45, "hourly_analysis": 25}
"""About as many writes and requests as such a run has: where it is killed."""


@dataclass(frozen=True)
class Run:
    """A script as cron starts it. `interrupted_at`: the point at which it is killed, a negative
    one: at which SIGTERM comes, 0: at none."""

    moment: datetime
    script: str
    machine: int
    interrupted_at: int = 0
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Night:
    """Night. `slots`: the runs that start together, in the order of time, none while the machines
    are off; an hour in which nothing is left to do is passed over. `storm`: the failures that begin
    on this evening."""

    day: str
    slots: tuple[tuple[Run, ...], ...]
    storm: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Span:
    """Part of the market's life that is lived: set up on the evening of one day, then the nights
    from first to last, all YYYY-MM-DD."""

    market_from: str
    setup: str
    first: str
    last: str
    history: int
    """Sessions that the set-up loads."""


@dataclass(frozen=True)
class Plan:
    seed: int
    span: Span
    closed: tuple[str, ...]
    """The days on which the exchange is closed although nobody predicts it."""
    nights: tuple[Night, ...]

    @property
    def end(self) -> datetime:
        """The morning after the last night, when its session is final."""
        return at_kst(self.span.last, time(8, 30)) + timedelta(days=1)


def make_plan(seed: int, span: Span, kinds: Sequence[str]) -> Plan:
    """The same arguments make the same plan. `kinds`: of the requests that the suite makes."""
    rng = random.Random(seed)
    days = weekdays(span.first, span.last)
    closed, off = _unpredicted_holidays(rng, days), _days_off(rng, days)
    calm = set(days[-CALM_AT_THE_END:])
    nights = [_night(rng, day, day in off, day in calm) for day in days]
    deck = Deck(rng, kinds)
    storms = {day: draw_storm(rng, deck, day, kinds) for day in days if day not in calm | off}
    return Plan(
        seed,
        span,
        closed,
        tuple(replace(night, storm=storms.get(night.day, ())) for night in nights),
    )


def _unpredicted_holidays(rng: random.Random, days: Sequence[str]) -> tuple[str, ...]:
    """One in fifty, at least two, and none of the last days: of those it could not be known yet. In
    a year that is twice what has been, and fewer than one answer is believed to show."""
    candidates = [day for day in days[1 : -CALM_AT_THE_END - 1] if predicted_open(day)]
    return tuple(sorted(rng.sample(candidates, max(len(days) // 50, 2))))


def _days_off(rng: random.Random, days: Sequence[str]) -> set[str]:
    """The machines are off for one to six days at a time."""
    off: set[str] = set()
    for position in range(1, len(days) - CALM_AT_THE_END):
        if rng.random() < 0.04:
            off |= set(
                days[position : min(position + rng.randint(1, 6), len(days) - CALM_AT_THE_END)]
            )
    return off


def _night(rng: random.Random, day: str, off: bool, calm: bool) -> Night:
    if off:
        return Night(day, ())
    first, evening = at_kst(day, FIRST_HOUR), at_kst(day, EVENING)
    slots = [
        _started_together(rng, "hourly_analysis", first + timedelta(hours=hour), calm)
        for hour in range(HOURS)
    ]
    for moment in (evening, at_kst(day, AFTER_MARKET), evening + FINAL_READING):
        slots.append(_update(rng, moment, calm))
    return Night(day, tuple(sorted(slots, key=lambda runs: runs[0].moment)))


def _update(rng: random.Random, moment: datetime, calm: bool) -> tuple[Run, ...]:
    """Return the runs of a daily update. Now and then the other machine analyses meanwhile."""
    update = _started_together(rng, "daily_update", moment, calm)
    if len(update) == 1 and rng.random() < 0.2:
        return (*update, Run(moment, "hourly_analysis", 1 - update[0].machine))
    return update


def _started_together(
    rng: random.Random, script: str, moment: datetime, calm: bool
) -> tuple[Run, ...]:
    """Return runs on the one machine, on the other, or on both at once."""
    machines = rng.choice(((0,), (0,), (1,), (1,), (0, 1)))
    at = [_interrupted_at(rng, script) for _ in machines]
    return tuple(
        Run(moment, script, each, 0 if calm else at[position])
        for position, each in enumerate(machines)
    )


def _interrupted_at(rng: random.Random, script: str) -> int:
    point = rng.randint(1, MOST_POINTS[script])
    return rng.choices((0, point, -point), (80, 14, 6))[0]

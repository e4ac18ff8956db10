"""Plan of nights on which the exchange lies now and then, all of it drawn from one number before
anything runs."""

import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from sandbox.faults import Fault
from sandbox.lies import LIES, SESSIONS_LATER, ComesTo, Lie, Reading
from tests.storm.soak.storm import BANS, SILENT
from utils.date_utils import at_kst

NEEDS_A_PERSON = {"wrong_password", "password_due"}
"""Faults after which a password has to be changed: no run goes on by itself."""
LEFT_OUT = NEEDS_A_PERSON | SILENT
"""Faults that are not drawn; the silent ones take real time."""
ON_ITS_DAY = (Reading.EVENING, Reading.AFTER_MARKET, Reading.MORNING)
EVENING, AFTER_MARKET, MORNING = time(19), time(20, 40), timedelta(hours=13, minutes=2)
BAN_LASTS = timedelta(hours=24)
_STYLES = ("one evening", "five evenings", "all sorts", "all sorts")
_EVENINGS, _SHARE_OF_READINGS = 5, 0.7
_READINGS = (
    *((reading,) for reading in Reading),
    (Reading.EVENING, Reading.AFTER_MARKET),
    (Reading.AFTER_MARKET, Reading.MORNING),
    (Reading.EVENING, Reading.WEEK_LATER),
    (Reading.AFTER_MARKET, Reading.WEEK_LATER),
    ON_ITS_DAY,
)
"""Readings at which one lie is told. What is told in the morning and once more a week later is
taken for the truth: nothing of it is asked for again."""


@dataclass(frozen=True)
class Told:
    """Lie as it is told: of which sessions, at which readings, to which kinds of requests."""

    lie: Lie
    sessions: tuple[str, ...]
    readings: tuple[Reading, ...]
    kinds: tuple[str, ...]
    faults: tuple[Fault, ...]

    def __str__(self) -> str:
        of, at = ", ".join(self.sessions), ", ".join(each.name for each in self.readings)
        return f"«{self.lie.name}» to {'+'.join(self.kinds)} of {of} at {at}"


@dataclass(frozen=True)
class Episode:
    """Lies, and the truth after them. All are positions among the sessions of the plan.

    From `true` on no session is lied about. `right`: after the night of that session everything
    that is stored has to be right, the five sessions after the last lie.
    """

    first: int
    true: int
    right: int
    told: tuple[Told, ...]


@dataclass(frozen=True)
class Plan:
    seed: int
    sessions: tuple[str, ...]
    episodes: tuple[Episode, ...]

    def is_true_night(self, position: int) -> bool:
        """Return whether no lie is told of that session, or on its night."""
        return not any(each.first <= position < each.true for each in self.episodes)


def possible(kinds: Collection[str], outcomes: Collection[ComesTo]) -> list[Lie]:
    """Return the lies that can be told to requests of these kinds, in the catalogue's order."""
    return [
        lie
        for lie in LIES
        if lie.comes_to in outcomes and lie.fault not in LEFT_OUT and set(kinds) & set(lie.kinds)
    ]


def make_plan(
    seed: int, sessions: Sequence[str], kinds: Collection[str], outcomes: Collection[ComesTo]
) -> Plan:
    """The same arguments make the same plan.

    Args:
        sessions: the nights, oldest first.
        kinds: of the requests that are made: page, login, data, openapi.
        outcomes: what the lies that are drawn come to.
    """
    rng = random.Random(seed)
    deck, episodes, position = _deal(rng, possible(kinds, outcomes)), [], 1
    while True:
        episode = _draw(rng, deck, sessions, position, kinds)
        if episode is None:
            return Plan(seed, tuple(sessions), tuple(episodes))
        episodes.append(episode)
        position = episode.right + 1


def _deal(rng: random.Random, lies: Sequence[Lie]) -> Iterator[Lie]:
    """Yield the lies in a random order. Each comes before any comes again."""
    while True:
        yield from rng.sample(lies, len(lies))


def _draw(
    rng: random.Random,
    deck: Iterator[Lie],
    sessions: Sequence[str],
    first: int,
    kinds: Collection[str],
) -> Episode | None:
    """Return the next episode; None when the sessions that are left are too few for one.

    It is up to two lies about one session, one lie about five sessions, or another lie at most of
    the readings of five sessions.
    """
    style, readings = rng.choice(_STYLES), rng.choice(_READINGS)
    if first + _EVENINGS + 3 * SESSIONS_LATER > len(sessions):
        return None
    left = sessions[first:]
    if style == "one evening":
        told = [_tell(rng, next(deck), left, readings, kinds) for _ in range(rng.randint(1, 2))]
    elif style == "five evenings":
        told = [_tell(rng, next(deck), left, readings, kinds, _EVENINGS)]
    else:
        told = [
            _tell(rng, next(deck), left[evening:], (reading,), kinds)
            for evening in range(_EVENINGS)
            for reading in Reading
            if rng.random() < _SHARE_OF_READINGS
        ]
    true_from = max(map(_over, told), default=at_kst(left[0], EVENING))
    true = next(
        position
        for position in range(first, len(sessions))
        if at_kst(sessions[position], EVENING) >= true_from
    )
    return Episode(first, true, true + SESSIONS_LATER - 1, tuple(told))


def _tell(
    rng: random.Random,
    lie: Lie,
    sessions: Sequence[str],
    readings: tuple[Reading, ...],
    kinds: Collection[str],
    evenings: int = 1,
) -> Told:
    """Tell a lie to one kind of request that it can be told to, or to all."""
    mine = [kind for kind in lie.kinds if kind in kinds]
    chosen = tuple(mine if rng.random() < 0.5 else [rng.choice(mine)])
    faults = [fault for kind in chosen for fault in lie.told_on(sessions, evenings, readings, kind)]
    return Told(lie, tuple(sessions[:evenings]), readings, chosen, tuple(faults))


def _over(told: Told) -> datetime:
    """Return the moment from which nothing of it is left: a ban outlasts its answer by a day."""
    until = max(datetime.fromisoformat(str(fault.until)) for fault in told.faults)
    end = at_kst(f"{until:%Y-%m-%d}", until.time())
    return end + (BAN_LASTS if told.lie.fault in BANS else timedelta())

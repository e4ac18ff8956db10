"""The order of days: which of two neighbouring days is wrong, and what to do about it, as a table.

Two days that contradict each other are one against one. A third day beside them tells which is
right.
"""

from dataclasses import dataclass
from enum import Enum, auto

from utils.decision_table import Rows, first_that_fits


@dataclass(frozen=True)
class Facts:
    """A day that was read, held against the sessions beside it. None: nothing to compare with."""

    follows_previous: bool | None
    """Of the stored session right before; None when it is not stored or damaged."""
    next_follows: bool | None
    """Of the session right after, as it was read just now or as it is stored."""
    may_read_previous: bool
    """The previous session was not asked for yet on account of this day, and the run may still read
    stored sessions again."""
    previous_is_damaged: bool = False
    previous_is_short: bool = False
    """It lacks many of the day's tickers."""
    previous_follows_its_own: bool | None = None
    """The previous session follows the one before it."""


class Step(Enum):
    """What to do with a day that was read."""

    STORE = auto()
    READ_PREVIOUS = auto()
    """The stored session before it may be the wrong one: it is read from the exchange once more."""
    ASK_NEXT = auto()
    """The stored session after it may be the wrong one: it is read once more, and the day is refused
    when that one does not follow it either."""
    LOOK_BETWEEN = auto()
    """A session may be missing in between: days taken for closed are asked for, and the day is
    refused when there are none."""


ROWS: Rows[Step] = (
    ({"previous_is_damaged": True, "may_read_previous": True}, Step.READ_PREVIOUS),
    ({"follows_previous": None, "next_follows": False}, Step.ASK_NEXT),
    ({"follows_previous": None}, Step.STORE),
    (
        {"follows_previous": True, "previous_is_short": True, "may_read_previous": True},
        Step.READ_PREVIOUS,
    ),
    (
        {"follows_previous": False, "next_follows": True, "may_read_previous": True},
        Step.READ_PREVIOUS,
    ),
    (
        {
            "follows_previous": False,
            "next_follows": None,
            "previous_follows_its_own": False,
            "may_read_previous": True,
        },
        Step.READ_PREVIOUS,
    ),
    ({"follows_previous": True}, Step.STORE),
    ({"follows_previous": False}, Step.LOOK_BETWEEN),
)
"""Facts that a row needs, and its step. The first row that fits counts."""


def next_step(facts: Facts) -> Step:
    """Return the step of the first row in `ROWS` that fits the facts."""
    return first_that_fits(ROWS, facts)

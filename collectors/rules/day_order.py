"""Order of days, as a table: what to do about a day and the sessions next to it.

When two neighbouring days contradict each other, either may be the wrong one: the one that is
stored is asked for once more. But an answer that tells of another day is wrong itself; then the
stored one is suspected only when it does not follow the one before it either, or the session after
the answer follows it.
"""

from dataclasses import dataclass
from enum import Enum, auto

from utils.decision_table import Rows, first_that_fits


@dataclass(frozen=True)
class Facts:
    """Comparison of a day that was read with the sessions around it. None: nothing to compare."""

    follows_previous: bool | None
    """The day follows the stored session right before; None when that is not stored or damaged."""
    next_follows: bool | None
    """The session right after, as it was read just now or as it is stored, follows the day."""
    may_read_previous: bool
    """The previous session was not asked for in this call, and rechecks are left."""
    previous_is_damaged: bool = False
    is_impossible: bool = False
    """The answer tells of another day, or of no market."""
    previous_follows_its_own: bool | None = None
    """The previous session follows the one before it."""


class Step(Enum):
    """Next step with a day that was read."""

    STORE = auto()
    """Store it, unless it is odd by itself."""
    READ_PREVIOUS = auto()
    """Read the stored session before it once more: that one may be the wrong one."""
    ASK_NEXT = auto()
    """Read the stored session after it once more, for that one may be the wrong one."""
    LOOK_BETWEEN = auto()
    """Ask for days taken for closed, for a session may be missing in between. When there are none,
    the day is impossible, or odd."""


ROWS: Rows[Step] = (
    ({"previous_is_damaged": True, "may_read_previous": True}, Step.READ_PREVIOUS),
    ({"follows_previous": None, "next_follows": False}, Step.ASK_NEXT),
    ({"follows_previous": None}, Step.STORE),
    ({"follows_previous": True}, Step.STORE),
    (
        {"follows_previous": False, "is_impossible": False, "may_read_previous": True},
        Step.READ_PREVIOUS,
    ),
    (
        {"follows_previous": False, "next_follows": True, "may_read_previous": True},
        Step.READ_PREVIOUS,
    ),
    (
        {
            "follows_previous": False,
            "previous_follows_its_own": False,
            "may_read_previous": True,
        },
        Step.READ_PREVIOUS,
    ),
    ({"follows_previous": False}, Step.LOOK_BETWEEN),
)
"""Facts that a row needs, and its step. The first row that fits counts."""


def next_step(facts: Facts) -> Step:
    """Return the step of the first row in `ROWS` that fits the facts."""
    return first_that_fits(ROWS, facts)

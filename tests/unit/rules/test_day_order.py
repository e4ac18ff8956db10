"""Table of neighbouring days: each of its rows, and that it always has an answer."""

from itertools import product

import pytest

from collectors.rules.day_order import ROWS, Facts, Step, next_step

CASES = [
    (Facts(None, None, True, previous_is_damaged=True), Step.READ_PREVIOUS),
    (Facts(None, False, False, previous_is_damaged=True), Step.ASK_NEXT),
    (Facts(None, True, True), Step.STORE),
    (Facts(True, False, True), Step.STORE),
    (Facts(False, True, True), Step.READ_PREVIOUS),
    (Facts(False, True, True, is_impossible=True), Step.READ_PREVIOUS),
    (
        Facts(False, None, True, is_impossible=True, previous_follows_its_own=False),
        Step.READ_PREVIOUS,
    ),
    (Facts(False, None, False), Step.LOOK_BETWEEN),
]


@pytest.mark.parametrize(
    ("position", "facts", "step"), [(i, *case) for i, case in enumerate(CASES)]
)
def test_each_row_has_its_case(position: int, facts: Facts, step: Step) -> None:
    fitting = [
        i
        for i, (needs, _) in enumerate(ROWS)
        if all(getattr(facts, name) is value for name, value in needs.items())
    ]
    assert fitting[0] == position
    assert next_step(facts) is ROWS[position][1] is step


def test_every_row_has_a_case() -> None:
    assert len(CASES) == len(ROWS)


@pytest.mark.parametrize(
    ("facts", "step"),
    [
        (Facts(None, None, False, previous_is_damaged=True), Step.STORE),
        (Facts(False, True, False), Step.LOOK_BETWEEN),
        (
            Facts(False, None, True, is_impossible=True, previous_follows_its_own=True),
            Step.LOOK_BETWEEN,
        ),
    ],
)
def test_what_was_read_already_or_follows_its_own_is_left_alone(facts: Facts, step: Step) -> None:
    assert next_step(facts) is step


THREE, TWO = (None, False, True), (False, True)
ALL = [Facts(*values) for values in product(THREE, THREE, TWO, TWO, TWO, THREE)]


def test_every_combination_of_facts_has_a_step() -> None:
    assert {next_step(facts) for facts in ALL} == set(Step)


def test_no_day_is_stored_that_does_not_follow_the_one_before_it() -> None:
    stored = [facts for facts in ALL if next_step(facts) is Step.STORE]
    assert not [facts for facts in stored if facts.follows_previous is False]


def test_a_session_is_read_again_only_while_that_is_allowed() -> None:
    again = [facts for facts in ALL if next_step(facts) is Step.READ_PREVIOUS]
    assert all(facts.may_read_previous for facts in again)

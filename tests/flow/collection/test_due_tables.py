"""Tables of what is due: each row has its case, and every combination of facts has a step."""

from itertools import product

import pytest

from collectors.collection.due import (
    DATASET_ROWS,
    SESSION_ROWS,
    DatasetFacts,
    DueStep,
    SessionFacts,
)
from utils.decision_table import Rows, first_that_fits
from utils.market_day import FINAL, PROVISIONAL
from utils.store.datasets import STALE

TWO = (False, True)
SESSION_CASES = [
    (SessionFacts(False, True, True), DueStep.COLLECT),
    (SessionFacts(True, True, False, is_damaged=True), DueStep.COLLECT),
    (SessionFacts(True, False, True), DueStep.COLLECT),
    (SessionFacts(True, True, True, week_passed=True), DueStep.READ_AGAIN),
    (SessionFacts(True, True, False, week_passed=True), DueStep.READ_A_WEEK_LATER),
    (SessionFacts(True, True, False), DueStep.LEAVE),
]
DATASET_CASES = [
    (DatasetFacts(None, True, False, False), DueStep.COLLECT),
    (DatasetFacts(None, False, False, False), DueStep.WAIT),
    (DatasetFacts(None, False, True, False), DueStep.COLLECT),
    (DatasetFacts(STALE, False, False, False), DueStep.READ_AGAIN),
    (DatasetFacts(PROVISIONAL, True, True, False), DueStep.LEAVE),
    (DatasetFacts(PROVISIONAL, True, True, True), DueStep.READ_AGAIN),
    (DatasetFacts(FINAL, True, True, True), DueStep.LEAVE),
]


@pytest.mark.parametrize(
    ("rows", "cases"), [(SESSION_ROWS, SESSION_CASES), (DATASET_ROWS, DATASET_CASES)]
)
def test_each_row_has_its_case(rows: Rows[DueStep], cases: list[tuple[object, DueStep]]) -> None:
    for number, (facts, step) in enumerate(cases):
        assert first_that_fits(rows[number:], facts) is step
        assert first_that_fits(rows, facts) is step
        with pytest.raises(StopIteration):
            first_that_fits(rows[:number], facts)
    assert len(cases) == len(rows)


def test_every_combination_of_facts_has_a_step() -> None:
    sessions = [SessionFacts(*values) for values in product(TWO, repeat=5)]
    assert {first_that_fits(SESSION_ROWS, facts) for facts in sessions} == {*DueStep} - {
        DueStep.WAIT
    }
    finality = (None, STALE, PROVISIONAL, FINAL)
    datasets = [DatasetFacts(*values) for values in product(finality, TWO, TWO, TWO)]
    assert {first_that_fits(DATASET_ROWS, facts) for facts in datasets} == {*DueStep} - {
        DueStep.READ_A_WEEK_LATER
    }

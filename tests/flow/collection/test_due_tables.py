"""Tables of what is due: each row has its case, and every combination of facts has a step."""

from itertools import product

import pytest

from collectors.collection.due import (
    DATASET_ROWS,
    SESSION_ROWS,
    DatasetFacts,
    SessionFacts,
    Step,
)
from utils.decision_table import Rows, first_that_fits
from utils.market_day import FINAL, PROVISIONAL
from utils.store.datasets import STALE

TWO = (False, True)
SESSION_CASES = [
    (SessionFacts(False, True, True), Step.ASK),
    (SessionFacts(True, False, True), Step.ASK),
    (SessionFacts(True, True, False), Step.LEAVE),
    (SessionFacts(True, True, True), Step.ASK_AGAIN),
]
DATASET_CASES = [
    (DatasetFacts(None, True, False, False), Step.ASK),
    (DatasetFacts(None, False, False, False), Step.WAIT),
    (DatasetFacts(None, False, True, False), Step.ASK),
    (DatasetFacts(STALE, False, False, False), Step.ASK_AGAIN),
    (DatasetFacts(PROVISIONAL, True, True, False), Step.LEAVE),
    (DatasetFacts(PROVISIONAL, True, True, True), Step.ASK_AGAIN),
    (DatasetFacts(FINAL, True, True, True), Step.LEAVE),
]


@pytest.mark.parametrize(
    ("rows", "cases"), [(SESSION_ROWS, SESSION_CASES), (DATASET_ROWS, DATASET_CASES)]
)
def test_each_row_has_its_case(rows: Rows[Step], cases: list[tuple[object, Step]]) -> None:
    for number, (facts, step) in enumerate(cases):
        assert first_that_fits(rows[number:], facts) is step
        assert first_that_fits(rows, facts) is step
        with pytest.raises(StopIteration):
            first_that_fits(rows[:number], facts)
    assert len(cases) == len(rows)


def test_every_combination_of_facts_has_a_step() -> None:
    sessions = [SessionFacts(*values) for values in product(TWO, TWO, TWO)]
    assert {first_that_fits(SESSION_ROWS, facts) for facts in sessions} == {*Step} - {Step.WAIT}
    finality = (None, STALE, PROVISIONAL, FINAL)
    datasets = [DatasetFacts(*values) for values in product(finality, TWO, TWO, TWO)]
    assert {first_that_fits(DATASET_ROWS, facts) for facts in datasets} == {*Step}

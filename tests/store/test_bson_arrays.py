"""BSON arrays read into numpy are what the driver makes of them."""

from datetime import UTC, datetime
from typing import Any

import bson
import numpy as np
import pytest
from bson.int64 import Int64
from hypothesis import given, settings
from hypothesis import strategies as st

from utils.store.bson_arrays import document_of, documents, elements, numbers

int64 = st.integers(-(2**63), 2**63 - 1).map(Int64)
doubles = st.floats()
others = (
    st.none()
    | st.integers(-(2**31), 2**31 - 1)
    | st.booleans()
    | st.text(max_size=5)
    | st.just([])
    | st.just({})
)


def array_of(values: list[Any]) -> bytes:
    (element,) = elements(bson.encode({"array": values}))
    assert element.is_array
    return element.value


@pytest.mark.parametrize("count", [1, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 2724, 10_001])
def test_arrays_of_any_length_are_read_whole(count: int) -> None:
    found = numbers(array_of([Int64(value) for value in range(count)]))
    assert found is not None
    assert (found.dtype, found.tolist()) == (np.int64, list(range(count)))


@given(st.lists(int64, min_size=1, max_size=120) | st.lists(doubles, min_size=1, max_size=120))
@settings(deadline=None)
def test_numbers_of_one_type_are_those_the_driver_reads(values: list[float]) -> None:
    found = numbers(array_of(values))
    assert found is not None
    np.testing.assert_array_equal(found, np.array(values, dtype=found.dtype))


@pytest.mark.usefixtures("unicode")
@given(st.lists(int64, max_size=60) | st.lists(doubles, max_size=60), others, st.data())
@settings(max_examples=50, deadline=None)
def test_an_array_with_anything_else_in_it_is_left_to_the_driver(
    values: list[Any], other: Any, data: Any
) -> None:
    for _ in range(data.draw(st.integers(1, 8))):
        values.insert(data.draw(st.integers(0, len(values))), other)
    assert numbers(array_of(values)) is None


def test_integers_and_doubles_together_are_left_to_the_driver() -> None:
    assert numbers(array_of([Int64(1), 1.0])) is None
    assert numbers(array_of([])) is None


def test_a_document_comes_apart_and_together_again() -> None:
    document = {
        "_id": "2024-01-22",
        "등락": [1.5],
        "none": None,
        "flag": True,
        "inner": {"a": [1, "b"]},
        "number": 7,
    }
    document |= {
        "long": Int64(2**40),
        "double": 0.5,
        "moment": datetime(2024, 1, 22, tzinfo=UTC),
        "names": ["가", ""],
    }
    raw = bson.encode(document)
    found = list(elements(raw))
    assert [element.name for element in found] == list(document)
    assert [element.name for element in found if element.is_array] == ["등락", "names"]
    assert document_of(found) == raw


def test_a_batch_is_one_document_after_the_other() -> None:
    raw = [bson.encode({"_id": number}) for number in range(3)]
    assert list(documents(b"".join(raw))) == raw
    assert list(documents(b"")) == []


def test_a_type_that_is_not_known_is_said() -> None:
    with pytest.raises(ValueError, match="BSON type 7 is not known here"):
        list(elements(bson.encode({"_id": bson.ObjectId()})))

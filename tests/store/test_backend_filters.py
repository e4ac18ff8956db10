"""The part of MongoDB's query language that both databases understand (`Where`), and the other
verbs of a `Backend`."""

from datetime import UTC, datetime
from typing import Any

import pytest

from utils.store.backend import Backend
from utils.store.schema import JOBS

EARLY = datetime(2024, 1, 22, 10, 0, 0, 1000, UTC)
LATE = datetime(2024, 1, 22, 10, 0, 0, 2000, UTC)

DOCUMENTS: list[dict[str, Any]] = [
    {"_id": "a", "n": 1, "word": "가", "at_utc": EARLY, "on": True},
    {"_id": "b", "n": 2, "word": "나", "at_utc": LATE, "on": False},
    {"_id": "c", "n": 2**40, "word": None, "at_utc": None, "on": True},
    {"_id": "d", "n": -0.5},
]


@pytest.fixture
def filled(backend: Backend) -> Backend:
    backend.put(JOBS, DOCUMENTS)
    return backend


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({}, "abcd"),
        ({"_id": "b"}, "b"),
        ({"n": 2}, "b"),
        ({"n": 2.0}, "b"),
        ({"n": 2**40}, "c"),
        ({"word": "가"}, "a"),
        ({"word": "' OR 1=1 --"}, ""),
        ({"on": True}, "ac"),
        ({"on": False}, "b"),
        ({"word": None}, "cd"),
        ({"at_utc": None}, "cd"),
        ({"nowhere": None}, "abcd"),
        ({"at_utc": LATE}, "b"),
        ({"n": {"$lt": 2}}, "ad"),
        ({"n": {"$lte": 2}}, "abd"),
        ({"n": {"$gt": 1}}, "bc"),
        ({"n": {"$gte": 1}}, "abc"),
        ({"n": {"$gt": 1, "$lt": 2**40}}, "b"),
        ({"word": {"$lt": "나"}}, "a"),
        ({"at_utc": {"$lt": LATE}}, "a"),
        ({"at_utc": {"$lte": LATE}}, "ab"),
        ({"at_utc": {"$gt": EARLY}}, "b"),
        ({"at_utc": {"$gte": EARLY}}, "ab"),
        ({"at_utc": {"$ne": EARLY}}, "bcd"),
        ({"word": {"$ne": "가"}}, "bcd"),
        ({"word": {"$ne": None}}, "ab"),
        ({"on": {"$ne": True}}, "bd"),
        ({"_id": {"$in": ["a", "d", "x"]}}, "ad"),
        ({"_id": {"$in": []}}, ""),
        ({"n": {"$in": [2, -0.5]}}, "bd"),
        ({"on": {"$in": [True]}}, "ac"),
        ({"at_utc": {"$in": [EARLY, LATE]}}, "ab"),
        ({"word": {"$in": ["가", None]}}, "acd"),
        ({"n": 2, "on": True}, ""),
        ({"n": {"$gte": 2}, "on": True}, "c"),
        ({"$or": [{"_id": "a"}, {"n": 2}]}, "ab"),
        ({"$or": [{"at_utc": None}, {"at_utc": {"$lte": EARLY}}]}, "acd"),
        ({"$and": [{"n": {"$gt": 0}}, {"on": True}]}, "ac"),
        ({"on": True, "$or": [{"n": 1}, {"n": 2}]}, "a"),
        ({"$or": [{"n": 1, "on": False}, {"n": 2, "on": False}]}, "b"),
        ({"$and": [{"$or": [{"_id": "a"}, {"_id": "b"}]}, {"$or": [{"n": 2}, {"n": -0.5}]}]}, "b"),
    ],
    ids=str,
)
def test_a_filter_finds(filled: Backend, where: dict[str, Any], expected: str) -> None:
    assert [found["_id"] for found in filled.find(JOBS, where)] == list(expected)


@pytest.mark.parametrize(
    ("sort", "limit", "expected"),
    [
        ([], 0, "abcd"),
        ([], 2, "ab"),
        ([("_id", -1)], 0, "dcba"),
        ([("n", 1)], 0, "dabc"),
        ([("n", -1)], 1, "c"),
        ([("on", -1), ("_id", -1)], 2, "ca"),
        ([("at_utc", 1), ("_id", 1)], 0, "cdab"),
        ([("at_utc", -1), ("_id", 1)], 3, "bac"),
    ],
    ids=str,
)
def test_documents_are_sorted_and_limited_with_missing_values_lowest(
    filled: Backend, sort: list[tuple[str, int]], limit: int, expected: str
) -> None:
    assert [found["_id"] for found in filled.find(JOBS, None, sort, limit)] == list(expected)


def test_documents_come_back_as_they_were_put(filled: Backend) -> None:
    assert filled.find(JOBS) == DOCUMENTS
    assert filled.get(JOBS, "b") == DOCUMENTS[1]
    assert filled.get(JOBS, "x") is None


def test_nested_documents_lists_and_korean_come_back(backend: Backend) -> None:
    nested = {
        "_id": "x",
        "error": {"kind": "down", "seen_utc": LATE},
        "warnings": ["첫째", 'zwei "\\'],
        "rows": [1.5, None],
    }
    backend.put(JOBS, [nested])
    assert backend.get(JOBS, "x") == nested


def test_a_put_replaces_a_document_whole(filled: Backend) -> None:
    filled.put(JOBS, [{"_id": "a", "only": 1}, {"_id": "e"}])
    assert filled.get(JOBS, "a") == {"_id": "a", "only": 1}
    assert len(filled.find(JOBS)) == 5


def test_an_insert_never_overwrites(filled: Backend) -> None:
    assert filled.insert(JOBS, {"_id": "e", "n": 5}) is True
    assert filled.insert(JOBS, {"_id": "e", "n": 6}) is False
    assert filled.get(JOBS, "e") == {"_id": "e", "n": 5}


def test_an_update_counts_what_matched_even_when_nothing_changed(filled: Backend) -> None:
    assert filled.update(JOBS, {"on": True}, {"n": 7, "at_utc": LATE}) == 2
    assert filled.update(JOBS, {"on": True}, {"n": 7}) == 2
    assert filled.update(JOBS, {"_id": "x"}, {"n": 7}) == 0
    assert filled.get(JOBS, "a") == DOCUMENTS[0] | {"n": 7, "at_utc": LATE}
    assert filled.get(JOBS, "b") == DOCUMENTS[1]


def test_documents_are_updated_each_in_its_own_way(filled: Backend) -> None:
    filled.update_each(JOBS, {"a": {"n": 11}, "d": {"word": "라"}, "x": {"n": 12}})
    assert filled.get(JOBS, "a") == DOCUMENTS[0] | {"n": 11}
    assert filled.get(JOBS, "d") == DOCUMENTS[3] | {"word": "라"}
    assert filled.get(JOBS, "x") is None


def test_a_delete_counts(filled: Backend) -> None:
    assert filled.delete(JOBS, {"on": True}) == 2
    assert [found["_id"] for found in filled.find(JOBS)] == ["b", "d"]


def test_nothing_to_write_is_no_error(backend: Backend) -> None:
    backend.put(JOBS, [])
    backend.update_each(JOBS, {})
    assert backend.find(JOBS) == []


def test_what_was_put_is_not_changed_by_putting_it(backend: Backend) -> None:
    document = {"_id": "a", "n": 1}
    backend.put(JOBS, [document])
    backend.insert(JOBS, document)
    assert document == {"_id": "a", "n": 1}


@pytest.mark.parametrize("open_backend", ["sqlite"], indirect=True)
def test_an_embedded_batch_is_written_whole_or_not_at_all(backend: Backend) -> None:
    def half_a_batch() -> None:
        with backend.batch():
            backend.put(JOBS, [{"_id": "a"}])
            with backend.batch():
                backend.insert(JOBS, {"_id": "b"})
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        half_a_batch()
    assert backend.find(JOBS) == []
    with backend.batch():
        backend.put(JOBS, [{"_id": "a"}])
    assert len(backend.find(JOBS)) == 1

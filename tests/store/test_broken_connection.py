"""An answer of MongoDB is lost: whether the write was done or not, nobody loses what is his or gets
what is not."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from pymongo import errors

from tests.fakes import FakeClock, market_day, row
from utils.errors import LockHeld, StoreError
from utils.store import Store, bson_arrays
from utils.store.jobs import DAILY_UPDATE
from utils.store.locks import LOCK_LEASE
from utils.store.mongo import TRIES
from utils.store.schema import LOCKS, SESSIONS, TARGETS

pytestmark = pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)
SESSION = "2024-01-22"
LOST = errors.AutoReconnect("connection closed")
Break = Callable[..., list[str]]


@pytest.fixture
def break_at(store: Store, monkeypatch: pytest.MonkeyPatch) -> Break:
    """`break_at("insert_one", LOST, done=True)`: the next such command is carried out, and then
    fails. The list that is returned gets a word for each such command."""

    def break_at(
        method: str,
        *failures: Exception,
        done: bool,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> list[str]:
        kind: Any = type(store.backend._collection(LOCKS))  # type: ignore[attr-defined]
        carry_out, left, seen = getattr(kind, method), list(failures), []

        def broken(self: object, *args: Any, **more: Any) -> Any:
            seen.append(method)
            if not left:
                return carry_out(self, *args, **more)
            failure = left.pop(0)
            if done:
                carry_out(self, *args, **more)
            meanwhile()
            raise failure

        monkeypatch.setattr(kind, method, broken)
        return seen

    return break_at


def owner(store: Store) -> object:
    record = store.backend.get(LOCKS, DAILY_UPDATE)
    return record and record["owner"]


@pytest.mark.parametrize("done", [True, False])
def test_a_lock_is_taken_although_the_answer_was_lost(
    store: Store, break_at: Break, done: bool
) -> None:
    break_at("insert_one", LOST, done=done)
    with store.locks.hold(DAILY_UPDATE):
        assert owner(store) == store.identity.owner
    assert owner(store) is None


@pytest.mark.parametrize("done", [True, False])
def test_a_dead_owners_lock_is_taken_although_the_answer_was_lost(
    store: Store, other: Store, break_at: Break, clock: FakeClock, done: bool
) -> None:
    with other.locks.hold(DAILY_UPDATE):
        clock.advance(seconds=LOCK_LEASE.length.total_seconds() + 1)
        break_at("update_many", LOST, done=done)
        with store.locks.hold(DAILY_UPDATE):
            assert owner(store) == store.identity.owner


def test_a_lock_that_another_took_meanwhile_is_the_others(
    store: Store, other: Store, break_at: Break
) -> None:
    theirs = other.locks.hold(DAILY_UPDATE)
    break_at("insert_one", LOST, done=False, meanwhile=theirs.__enter__)
    with pytest.raises(LockHeld, match="host-b"), store.locks.hold(DAILY_UPDATE):
        pass
    assert owner(store) == other.identity.owner


@pytest.fixture
def queue(store: Store) -> Store:
    fields = {
        "is_active": True,
        "added_date": SESSION,
        "attempts": 0,
        "last_analyzed_date": None,
        "last_error": None,
    }
    store.targets.save([fields | {"_id": each, "corrected_market_cap": 1} for each in "ABCD"], {})
    return store


@pytest.mark.parametrize("done", [True, False])
def test_targets_are_claimed_once_although_the_answer_was_lost(
    queue: Store, other: Store, break_at: Break, done: bool
) -> None:
    break_at("update_many", LOST, done=done)
    mine = queue.targets.claim(SESSION, 2)
    assert [(each["_id"], each["attempts"]) for each in mine] == [("A", 1), ("B", 1)]
    assert [each["_id"] for each in other.targets.claim(SESSION, 4)] == ["C", "D"]


def test_targets_that_another_claimed_meanwhile_are_the_others(
    queue: Store, other: Store, break_at: Break
) -> None:
    break_at("update_many", LOST, done=False, meanwhile=lambda: other.targets.claim(SESSION, 2))
    assert [each["_id"] for each in queue.targets.claim(SESSION, 2)] == ["C", "D"]
    assert {
        each["claimed_by"] for each in queue.backend.find(TARGETS, {"_id": {"$in": ["A", "B"]}})
    } == {other.identity.owner}


def test_a_slot_that_another_booked_meanwhile_is_not_used_twice(
    store: Store, other: Store, break_at: Break
) -> None:
    """Two that look at the same moment want the same slot and would write the same."""
    interval = timedelta(seconds=2)
    store.sources.next_request("pykrx", interval)
    theirs: list[timedelta] = []
    break_at(
        "update_many",
        LOST,
        done=False,
        meanwhile=lambda: theirs.append(other.sources.next_request("pykrx", interval)),
    )
    assert store.sources.next_request("pykrx", interval) == 2 * interval
    assert theirs == [interval]


def test_a_document_is_put_once_although_the_answer_was_lost(store: Store, break_at: Break) -> None:
    tries = break_at("bulk_write", LOST, LOST, done=True)
    store.backend.put(LOCKS, [{"_id": "x", "owner": "a"}])
    assert store.backend.find(LOCKS) == [{"_id": "x", "owner": "a"}]
    assert len(tries) == 3


@pytest.fixture
def one_session_a_batch(store: Store, monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The first cursor breaks after its first batch; every span that is asked for."""
    kind: Any = type(store.backend._collection(SESSIONS))  # type: ignore[attr-defined]
    find, asked = kind.find_raw_batches, []

    def find_raw_batches(self: object, where: Any, names: Any, sort: Any) -> Iterator[bytes]:
        asked.append(where["_id"])
        for position, document in enumerate(
            bson_arrays.documents(b"".join(find(self, where, names, sort=sort)))
        ):
            if position == 1 and len(asked) == 1:
                raise errors.CursorNotFound("cursor id 1 not found", 43)
            yield bytes(document)

    monkeypatch.setattr(kind, "find_raw_batches", find_raw_batches)
    return asked


def test_reading_goes_on_after_the_session_where_the_cursor_broke(
    store: Store, one_session_a_batch: list[object]
) -> None:
    for session in ("2024-01-18", "2024-01-19", SESSION):
        store.sessions.save(market_day(session, row("000010")))
    one_session_a_batch.clear()
    read = [session for session, _ in store.backend.read_columns(["close"], "2024-01-18", SESSION)]
    assert read == ["2024-01-18", "2024-01-19", SESSION]
    assert one_session_a_batch == [
        {"$gte": "2024-01-18", "$lte": SESSION},
        {"$gt": "2024-01-18", "$lte": SESSION},
    ]


def test_what_breaks_every_time_ends_with_advice(store: Store, break_at: Break) -> None:
    tries = break_at("insert_one", *[LOST] * 9, done=False)
    with pytest.raises(
        StoreError, match=r"breaks again and again \(connection closed\)\. Check the server"
    ):
        store.backend.insert(LOCKS, {"_id": "x"})
    assert len(tries) == TRIES


@pytest.mark.parametrize(
    "failure",
    [
        errors.NotPrimaryError("not primary"),
        errors.NetworkTimeout("timed out"),
        errors.WriteConcernError("stepped down", 11602),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_a_second_try_can_help_is_tried_again(
    store: Store, break_at: Break, failure: Exception
) -> None:
    tries = break_at("insert_one", failure, done=True)
    assert store.backend.insert(LOCKS, {"_id": "x"})
    assert len(tries) == 2


@pytest.mark.parametrize(
    "failure",
    [
        errors.ServerSelectionTimeoutError("no server"),
        errors.OperationFailure("over the quota", 8000),
        errors.WriteConcernError("not enough members", 100),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_a_second_try_cannot_help_is_not_tried_again(
    store: Store, break_at: Break, failure: Exception
) -> None:
    tries = break_at("insert_one", failure, done=False)
    with pytest.raises(StoreError):
        store.backend.insert(LOCKS, {"_id": "x"})
    assert len(tries) == 1


@pytest.mark.parametrize("done", [True, False])
def test_a_write_whose_answer_does_not_say_what_became_of_it_is_done_once_more(
    store: Store, break_at: Break, done: bool
) -> None:
    seen = break_at("bulk_write", KeyError("nModified"), done=done)
    store.backend.put(TARGETS, [{"_id": "005930", "attempts": 0}])
    assert (len(seen), store.targets.get("005930")) == (2, {"_id": "005930", "attempts": 0})


def test_a_server_that_never_says_what_became_of_a_write_is_a_failure(
    store: Store, break_at: Break
) -> None:
    break_at("bulk_write", *[KeyError("nModified")] * TRIES, done=True)
    with pytest.raises(StoreError, match="nModified"):
        store.backend.put(TARGETS, [{"_id": "005930", "attempts": 0}])

"""A session whose document was edited by somebody else: damage that is said, never an error nobody
knows."""

import pytest
from bson import ObjectId

from tests.fakes import market_day, row
from utils.errors import Damaged
from utils.store import Store
from utils.store.schema import SESSIONS

SESSION = "2024-01-22"
NAN, INF = float("nan"), float("inf")
over_mongodb = pytest.mark.parametrize("open_backend", ["mongomock", "mongodb"], indirect=True)


@over_mongodb
@pytest.mark.parametrize(
    "volume", [None, "7", ["ten", 10], [None, 10], [10], [1.5, 2.5], ObjectId(bytes(12))], ids=repr
)
def test_a_changed_column_is_damage(store: Store, volume: object) -> None:
    store.sessions.save(market_day(SESSION, row("000010"), row("000020")))
    store.backend.update(SESSIONS, {"_id": SESSION}, {"volume": volume})
    with pytest.raises(Damaged, match=f"{SESSION} is damaged"):
        store.sessions.load(SESSION)


@pytest.mark.parametrize(
    "open_backend", ["mongomock"], indirect=True
)  # FerretDB keeps no such numbers
@pytest.mark.parametrize("volume", [[NAN, 1.0], [INF, 1.0]], ids=repr)
def test_a_number_that_is_none_is_damage(store: Store, volume: object) -> None:
    test_a_changed_column_is_damage(store, volume)


@over_mongodb
def test_a_lost_column_is_damage(store: Store) -> None:
    store.sessions.save(market_day(SESSION, row("000010")))
    document = store.backend.get(SESSIONS, SESSION)
    assert document is not None
    store.backend.put(
        SESSIONS, [{name: cells for name, cells in document.items() if name != "close"}]
    )
    with pytest.raises(Damaged, match=f"{SESSION} is damaged"):
        store.sessions.load(SESSION)

"""Further columns of a session: they come, stay and go without touching the prices, and cannot take
the name of anything of ours."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.fakes import market_day, read_at, row
from utils.errors import Damaged
from utils.market_day import DATASET_COLUMNS, DAY_COLUMNS, FINAL, PROVISIONAL, MarketDay
from utils.store import Store
from utils.store.copying import StoreCopy, _columns
from utils.store.further_columns import MOST_FURTHER, is_free_name
from utils.store.schema import HEAD_FIELDS, SESSIONS
from utils.store.sessions import check_whole
from utils.store.sqlite import SqliteBackend

MONDAY = "2024-01-22"
TWO = (row("000010", 1000), row("000020", 2000))
REGULAR, AFTER = "ACC_TRDVOL_REG", "ACC_TRDVOL_AFTER"


def day(
    *rows: dict[str, object], finality: str = PROVISIONAL, source: str = "pykrx", **further: object
) -> MarketDay:
    columns = {name: np.array(figures, dtype=float) for name, figures in further.items()}
    return replace(
        market_day(MONDAY, *(rows or TWO), finality=finality, source=source), further=columns
    )


def further(store: Store) -> dict[str, list[float]]:
    """The further columns as they are stored, -1 for null."""
    columns = store.sessions.further(MONDAY)
    return {name: np.nan_to_num(np.asarray(columns[name]), nan=-1).tolist() for name in columns}


def cells_of(store: Store, name: str) -> np.ndarray:
    ((_, columns),) = store.sessions.columns(("ticker", name), MONDAY, MONDAY)
    return np.asarray(columns[name])


def replace_column(store: Store, name: str, cells: np.ndarray | None) -> None:
    """Put other cells into a stored session behind its back, or take the column away."""
    document = store.backend.session_head(MONDAY)
    assert document is not None
    head = {each: document[each] for each in ("_id", *HEAD_FIELDS)}
    columns = _columns(store.backend, head)
    columns.pop(name)
    store.backend.put_session(head, columns | ({} if cells is None else {name: cells}))


def test_they_come_back_as_they_were_with_their_names_and_when_they_were_read(
    store: Store, other: Store
) -> None:
    head = store.sessions.save(day(**{REGULAR: [1234567.0, np.nan], AFTER: [0, 0.25]}))
    assert further(other) == {REGULAR: [1234567, -1], AFTER: [0, 0.25]}
    assert cells_of(other, AFTER).dtype == np.float64
    assert [state.read_utc for state in head.further.values()] == [read_at(MONDAY, PROVISIONAL)] * 2
    stored = other.sessions.head(MONDAY)
    assert stored is not None
    assert stored.further == head.further


def test_a_session_is_read_without_them_and_is_the_same_session(store: Store) -> None:
    plain = store.sessions.save(day())
    with_one = store.sessions.save(day(**{AFTER: [1, 2]}))
    assert with_one == plain, "no other digest, no revision, not collected anew"
    assert store.sessions.panel_source(MONDAY, 1) == [
        (MONDAY, plain.digest, plain.factor_digest, frozenset())
    ]
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    assert (list(loaded.frame), dict(loaded.further)) == (list(DAY_COLUMNS), {})
    assert further(store) == {AFTER: [1, 2]}


def test_the_stored_one_stays_with_its_tickers_when_another_source_lacks_it(store: Store) -> None:
    store.sessions.save(day(**{REGULAR: [10, 20], AFTER: [1, 2]}))
    rows = (row("000005", 5), *TWO[1:], row("000030", 30))
    head = store.sessions.save(
        day(*rows, finality=FINAL, source="openapi", **{REGULAR: [5, 21, 30]})
    )
    assert further(store) == {REGULAR: [5, 21, 30], AFTER: [-1, 2, -1]}
    assert {name: state.read_utc for name, state in head.further.items()} == {
        REGULAR: read_at(MONDAY, FINAL),
        AFTER: read_at(MONDAY, PROVISIONAL),
    }


def test_they_stay_when_the_session_is_saved_as_it_was_loaded(store: Store) -> None:
    first = store.sessions.save(day(**{AFTER: [1, np.nan]}))
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    again = store.sessions.save(replace(loaded, frame=loaded.frame.assign(factor=0.5)))
    assert (further(store), again.further) == ({AFTER: [1, -1]}, first.further)


def test_they_stay_when_a_dataset_is_saved_and_the_other_way_round(store: Store) -> None:
    names = list(DATASET_COLUMNS["fundamentals"])
    figures = pd.DataFrame([[1.5] * len(names), [np.nan] * len(names)], columns=names)
    store.sessions.save(day(**{AFTER: [1, 2]}))
    store.datasets.save(MONDAY, "fundamentals", figures, PROVISIONAL)
    assert further(store) == {AFTER: [1, 2]}
    store.sessions.save(day(**{AFTER: [3, 4]}))
    assert further(store) == {AFTER: [3, 4]}
    assert cells_of(store, "eps")[0] == 1.5


@pytest.mark.parametrize(
    "name",
    ["_id", "digest", "further", "close", "factor", "eps", "$set", "a.b", "", "1ST", "A" * 41],
)
def test_no_column_of_ours_can_be_overwritten(store: Store, name: str) -> None:
    store.sessions.save(day(**{name: [8, 9], AFTER: [1, 2]}))
    assert not is_free_name(name)
    assert further(store) == {AFTER: [1, 2]}
    loaded = store.sessions.load(MONDAY)
    assert loaded is not None
    assert loaded.frame["close"].tolist() == [1000, 2000]


def test_a_session_never_has_more_than_a_document_can_hold(store: Store) -> None:
    old = {f"OLD_{number}": [number, number] for number in range(MOST_FURTHER - 1)}
    store.sessions.save(day(**old))
    store.sessions.save(day(**{REGULAR: [1, 2], AFTER: [3, 4]}))
    assert len(further(store)) == MOST_FURTHER
    assert {REGULAR, AFTER} <= further(store).keys()


@pytest.mark.parametrize(
    "cells", [np.array([1.0, 3.0]), np.array([1.0]), None], ids=["other", "short", "gone"]
)
def test_a_damaged_one_is_named_and_read_anew_and_takes_nothing_with_it(
    store: Store, cells: np.ndarray | None
) -> None:
    store.sessions.save(day(**{REGULAR: [10, 20], AFTER: [1, 2]}))
    replace_column(store, AFTER, cells)
    head = store.sessions.head(MONDAY)
    assert head is not None
    with pytest.raises(Damaged, match=f"damaged in {AFTER}: not as saved"):
        store.sessions.check(head)
    with pytest.raises(Damaged, match=AFTER):
        check_whole(
            store.backend.session_head(MONDAY) or {},
            _columns(store.backend, store.backend.session_head(MONDAY) or {}),
        )
    assert store.sessions.load(MONDAY) is not None, "the prices are as they were"
    figures = pd.DataFrame(1.0, index=range(2), columns=list(DATASET_COLUMNS["foreign"]))
    store.datasets.save(MONDAY, "foreign", figures, FINAL)
    with pytest.raises(Damaged, match=AFTER):
        store.sessions.further(MONDAY)
    store.sessions.save(day(finality=FINAL, source="openapi"))
    assert further(store) == {REGULAR: [10, 20]}, "what was damaged is dropped"
    store.sessions.save(day(finality=FINAL, **{AFTER: [1, 2]}))
    assert further(store) == {REGULAR: [10, 20], AFTER: [1, 2]}


def test_one_that_does_not_unpack_takes_no_other_with_it(store: Store) -> None:
    store.sessions.save(day(**{REGULAR: [10, 20], AFTER: [1, 2]}))
    if isinstance(store.backend, SqliteBackend):
        store.backend._run("UPDATE session_columns SET data = x'00' WHERE name = ?", [AFTER])
    else:
        store.backend.update(SESSIONS, {"_id": MONDAY}, {AFTER: {"nested": "text"}})
    with pytest.raises(Damaged, match=f"damaged in {AFTER}: not as saved"):
        store.sessions.further(MONDAY)
    figures = pd.DataFrame(1.0, index=range(2), columns=list(DATASET_COLUMNS["foreign"]))
    store.datasets.save(MONDAY, "foreign", figures, FINAL)
    store.sessions.save(day(finality=FINAL))
    assert further(store) == {REGULAR: [10, 20]}


def test_a_zero_that_has_lost_its_sign_is_no_damage(store: Store) -> None:
    head = store.sessions.save(day(**{AFTER: [-0.0, 2]}))
    replace_column(store, AFTER, np.array([0.0, 2]))
    store.sessions.check(head)


def test_a_copy_is_not_made_of_a_damaged_one(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store.sessions.save(day(**{AFTER: [1, 2]}))
    replace_column(store, AFTER, np.array([1.0, 3.0]))
    target = SqliteBackend(tmp_path_factory.mktemp("copy"))
    work = StoreCopy(store, target)
    with work.locked():
        work.begin()
        (head,) = work.sessions_to_copy()
        with pytest.raises(Damaged, match=rf"{AFTER} .*--repair reads it anew"):
            work.copy_session(head)
    target.close()


def test_no_further_column_of_a_session_that_is_not_stored(store: Store) -> None:
    assert further(store) == {}


def test_unknown_columns_are_remembered_by_source(store: Store, other: Store) -> None:
    assert store.sources.not_named("pykrx", ["A: kept", "B: not kept"]) == [
        "A: kept",
        "B: not kept",
    ]
    store.sources.record_named("pykrx", ["A: kept", "B: not kept"])
    assert other.sources.not_named("pykrx", ["B: kept", "A: kept"]) == ["B: kept"]
    assert other.sources.not_named("openapi", ["A: kept"]) == ["A: kept"]
    many = [f"C{number}: kept" for number in range(200)]
    store.sources.record_named("pykrx", store.sources.not_named("pykrx", many))
    assert store.sources.not_named("pykrx", [*many, "D: kept"]) == []
    store.reset()
    assert store.sources.not_named("pykrx", ["A: kept"]) == []

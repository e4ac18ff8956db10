"""Datasets of a session: they come, stay and go without touching the prices, and
the other way."""

import numpy as np
import pandas as pd
import pytest

from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.errors import Damaged, NotStored
from utils.market_day import DATASET_COLUMN_NAMES, DATASET_COLUMNS, DAY_COLUMNS, FINAL, PROVISIONAL
from utils.store import Store
from utils.store.backend import Backend
from utils.store.datasets import STALE, DatasetState
from utils.store.schema import HEAD_FIELDS, SESSIONS

MONDAY, TUESDAY = "2024-01-22", "2024-01-23"
TWO = (row("000010", 1000), row("000020", 2000))


def figures(name: str, *first: float) -> pd.DataFrame:
    """The dataset's columns; the first one holds these figures, the others hold none."""
    columns = DATASET_COLUMNS[name]
    return pd.DataFrame(np.nan, index=range(len(first)), columns=list(columns)).assign(
        **{columns[0]: first}
    )


def state(store: Store, name: str, session: str = MONDAY) -> DatasetState:
    head = store.sessions.head(session)
    assert head is not None
    return head.datasets.get(name, DatasetState())


def load(store: Store, name: str, session: str = MONDAY) -> list[float] | None:
    """The first column of a stored dataset, -1 for null."""
    frame = store.datasets.load(session, name, state(store, name, session))
    return None if frame is None else frame[DATASET_COLUMNS[name][0]].fillna(-1).tolist()


@pytest.fixture
def with_figures(store: Store) -> Store:
    store.sessions.save(market_day(MONDAY, *TWO))
    store.datasets.save(MONDAY, "fundamentals", figures("fundamentals", 12.5, np.nan), PROVISIONAL)
    return store


def test_a_session_has_no_dataset_until_it_is_saved(store: Store) -> None:
    store.sessions.save(market_day(MONDAY, *TWO))
    assert state(store, "fundamentals") == DatasetState(None, None, 0)
    assert load(store, "fundamentals") is None


def test_a_dataset_comes_back_equal_cell_by_cell(store: Store) -> None:
    store.sessions.save(market_day(MONDAY, *TWO))
    saved = pd.DataFrame(
        {
            name: [position + 0.01, np.nan]
            for position, name in enumerate(DATASET_COLUMNS["foreign"])
        }
    )
    store.datasets.save(MONDAY, "foreign", saved, FINAL)
    loaded = store.datasets.load(MONDAY, "foreign", state(store, "foreign"))
    assert loaded is not None
    pd.testing.assert_frame_equal(loaded, saved, check_exact=True)
    assert state(store, "foreign").finality == FINAL


def test_a_dataset_changes_nothing_of_the_prices(with_figures: Store, clock: FakeClock) -> None:
    head, day = with_figures.sessions.head(MONDAY), with_figures.sessions.load(MONDAY)
    clock.advance(hours=1)
    with_figures.datasets.save(MONDAY, "foreign", figures("foreign", 3, 4), FINAL)
    after = with_figures.sessions.load(MONDAY)
    assert with_figures.sessions.head(MONDAY) == head == with_figures.sessions.heads()[0]
    assert day is not None
    assert after is not None
    pd.testing.assert_frame_equal(after.frame, day.frame)
    assert (load(with_figures, "fundamentals"), load(with_figures, "foreign")) == (
        [12.5, -1],
        [3, 4],
    )


def test_a_dataset_is_replaced_whole(with_figures: Store) -> None:
    with_figures.datasets.save(MONDAY, "fundamentals", figures("fundamentals", np.nan, 7), FINAL)
    assert load(with_figures, "fundamentals") == [-1, 7]


def test_another_process_sees_it_at_once(with_figures: Store, other: Store) -> None:
    assert load(other, "fundamentals") == [12.5, -1]


def test_what_was_read_on_the_evening_is_final_with_the_same_closes(with_figures: Store) -> None:
    with_figures.sessions.save(
        market_day(MONDAY, *TWO[:1], row("000020", 2000, volume=11), finality=FINAL)
    )
    assert (load(with_figures, "fundamentals"), state(with_figures, "fundamentals").finality) == (
        [12.5, -1],
        FINAL,
    )


def test_prices_that_are_provisional_again_confirm_nothing(with_figures: Store) -> None:
    with_figures.sessions.save(market_day(MONDAY, *TWO))
    assert state(with_figures, "fundamentals").finality == PROVISIONAL


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ((row("000010", 1001), row("000020", 2000)), [12.5, -1]),
        ((row("000005", 5), *TWO), [-1, 12.5, -1]),
        ((row("000010", 1000),), [12.5]),
        ((row("000020", 2000), row("000030", 3000)), [-1, -1]),
    ],
)
def test_with_other_closes_the_figures_stay_with_their_tickers_and_are_stale(
    store: Store, rows: tuple[dict[str, object], ...], expected: list[float]
) -> None:
    store.sessions.save(market_day(MONDAY, *TWO, finality=FINAL))
    store.datasets.save(MONDAY, "fundamentals", figures("fundamentals", 12.5, np.nan), FINAL)
    store.sessions.save(market_day(MONDAY, *rows, finality=FINAL))
    assert (load(store, "fundamentals"), state(store, "fundamentals").finality) == (expected, STALE)
    store.sessions.save(market_day(MONDAY, *rows, finality=FINAL))
    assert state(store, "fundamentals").finality == STALE, (
        "the same closes once more confirm nothing"
    )
    store.datasets.save(MONDAY, "fundamentals", figures("fundamentals", *expected), FINAL)
    assert state(store, "fundamentals").finality == FINAL


def test_vain_tries_are_counted_until_it_is_had(with_figures: Store) -> None:
    for name in ("foreign", "foreign", "fundamentals"):
        with_figures.datasets.count_vain_try(MONDAY, name)
    with_figures.sessions.save(market_day(MONDAY, *TWO))
    assert (state(with_figures, "foreign").tries, state(with_figures, "fundamentals").tries) == (
        2,
        1,
    )
    assert load(with_figures, "fundamentals") == [12.5, -1]
    with_figures.datasets.save(MONDAY, "foreign", figures("foreign", 1, 2), FINAL)
    assert state(with_figures, "foreign").tries == 0


def test_a_dataset_of_another_length_or_session_is_refused(with_figures: Store) -> None:
    with pytest.raises(NotStored, match="1 rows, not 2"):
        with_figures.datasets.save(MONDAY, "foreign", figures("foreign", 1), FINAL)
    with pytest.raises(NotStored, match="not stored"):
        with_figures.datasets.save(TUESDAY, "foreign", figures("foreign", 1, 2), FINAL)
    assert load(with_figures, "foreign") is None


def change_cells(backend: Backend, column: str, cells: np.ndarray) -> None:
    head = backend.get(SESSIONS, MONDAY)
    assert head is not None
    ((_, columns),) = backend.read_columns((*DAY_COLUMNS, *DATASET_COLUMN_NAMES), MONDAY, MONDAY)
    backend.put_session(
        {name: head[name] for name in ("_id", *HEAD_FIELDS)}, columns | {column: cells}
    )


@pytest.mark.parametrize("cells", [np.array([13.0, np.nan]), np.array([12.5])])
def test_a_damaged_dataset_is_named_and_is_gone_when_the_prices_are_read_again(
    with_figures: Store, cells: np.ndarray
) -> None:
    change_cells(with_figures.backend, "eps", cells)
    with pytest.raises(Damaged, match="fundamentals of 2024-01-22 are damaged"):
        load(with_figures, "fundamentals")
    assert with_figures.sessions.load(MONDAY) is not None, "the prices are as they were"
    with_figures.sessions.save(market_day(MONDAY, *TWO, finality=FINAL))
    assert load(with_figures, "fundamentals") is None


def test_columns_that_a_session_lacks_are_left_out(with_figures: Store) -> None:
    with_figures.sessions.save(market_day(TUESDAY, *TWO))
    read = dict(with_figures.sessions.columns(("ticker", "eps", "foreign_ratio"), MONDAY, TUESDAY))
    assert [set(columns) for columns in read.values()] == [{"ticker", "eps"}, {"ticker"}]
    assert np.asarray(read[MONDAY]["eps"]).dtype == np.float64


def index_day(
    index: str, session: str, close: float | None, finality: str = FINAL
) -> dict[str, object]:
    return {
        "_id": f"{index}:{session}",
        "index": index,
        "session": session,
        "close": close,
        "finality": finality,
    }


def test_index_days_are_replaced_by_index_and_session(store: Store) -> None:
    store.indices.save(
        [index_day("KOSPI", TUESDAY, 2464.35, PROVISIONAL), index_day("KOSPI", MONDAY, None)]
    )
    store.indices.save([index_day("KOSPI", TUESDAY, 2478.61), index_day("KOSDAQ", MONDAY, 839.69)])
    closes = [(day["_id"], day["close"]) for day in store.indices.load()]
    assert closes == [
        (f"KOSDAQ:{MONDAY}", 839.69),
        (f"KOSPI:{MONDAY}", None),
        (f"KOSPI:{TUESDAY}", 2478.61),
    ]
    assert [day["session"] for day in store.indices.load(TUESDAY, TUESDAY)] == [TUESDAY]


def test_a_reset_takes_datasets_and_indices_with_it(with_figures: Store, clock: FakeClock) -> None:
    with_figures.indices.save([index_day("KOSPI", MONDAY, 2464.35)])
    with_figures.reset()
    clock.set(kst(2024, 1, 23, 8))
    with_figures.sessions.save(market_day(MONDAY, *TWO, finality=FINAL))
    assert (with_figures.indices.load(), load(with_figures, "fundamentals")) == ([], None)

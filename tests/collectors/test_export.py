"""The export: every stored cell, prices adjusted to the last session exported, whole or not at all."""

from pathlib import Path

import pandas as pd
import pytest

from collectors.export import EXPORT_COLUMNS, check_export_file, export
from tests.fakes import FakeClock, market_day, row
from utils.errors import WrongUsage
from utils.store import Store
from utils.store.sqlite import SqliteBackend

DAYS = ["2024-01-18", "2024-01-19", "2024-01-22"]


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, clock: FakeClock) -> Store:
    """000020 splits 5:1 on the second day; 000010 has an unknown factor on the last."""
    store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)
    store.save_session(market_day(DAYS[0], row("000010"), row("000020", 71_500)))
    store.save_session(market_day(DAYS[1], row("000010"), row("000020", 14_330, factor=14_250 / 71_100)))
    store.save_session(market_day(DAYS[2], row("000010", factor=float("nan")), row("000020", 14_500)))
    return store


def exported(
    store: Store, path: Path, first: str = DAYS[0], last: str = DAYS[2], ticker: str | None = None
) -> pd.DataFrame:
    export(store, path, first, last, ticker)
    return pd.read_csv(path, dtype={"ticker": str})


def test_the_columns_are_those_of_the_contract(store: Store, tmp_path: Path) -> None:
    assert list(exported(store, tmp_path / "all.csv").columns) == EXPORT_COLUMNS


def test_prices_are_as_published_and_adjusted_to_the_won(store: Store, tmp_path: Path) -> None:
    split = exported(store, tmp_path / "all.csv", ticker="000020")
    assert split["close"].tolist() == [71_500, 14_330, 14_500]
    assert split["adj_close"].tolist() == [14_330, 14_330, 14_500]


def test_they_are_adjusted_to_the_last_session_exported(store: Store, tmp_path: Path) -> None:
    assert exported(store, tmp_path / "all.csv", last=DAYS[0], ticker="000020")["adj_close"].tolist() == [71_500]


def test_what_a_pending_factor_hides_is_empty(store: Store, tmp_path: Path) -> None:
    table = exported(store, tmp_path / "all.csv", ticker="000010")
    assert table["adj_close"].isna().tolist() == [True, True, False]
    assert table["factor"].isna().tolist() == [False, False, True]


def test_sessions_and_tickers_can_be_narrowed(store: Store, tmp_path: Path) -> None:
    assert exported(store, tmp_path / "some.csv", first=DAYS[1])["session"].unique().tolist() == DAYS[1:]


def test_nothing_is_written_when_nothing_matches(store: Store, tmp_path: Path) -> None:
    with pytest.raises(WrongUsage, match="ticker 999999"):
        export(store, tmp_path / "none.csv", DAYS[0], DAYS[2], "999999")
    assert list(tmp_path.iterdir()) == []


def test_an_older_export_survives_one_that_fails(store: Store, tmp_path: Path) -> None:
    exported(store, tmp_path / "all.csv")
    before = (tmp_path / "all.csv").read_bytes()
    with pytest.raises(WrongUsage):
        export(store, tmp_path / "all.csv", "2020-01-02", "2020-01-03")
    assert (tmp_path / "all.csv").read_bytes() == before


def test_parquet_without_pyarrow_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("collectors.export.find_spec", lambda name: None)
    with pytest.raises(WrongUsage, match="pip install pyarrow"):
        check_export_file(tmp_path / "all.parquet")


def test_parquet_holds_the_same_table(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is an optional extra")
    export(store, tmp_path / "all.parquet", DAYS[0], DAYS[2])
    table = pd.read_parquet(tmp_path / "all.parquet")
    assert (list(table.columns), len(table)) == (EXPORT_COLUMNS, 6)

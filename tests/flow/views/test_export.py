"""The export: every stored cell, prices adjusted to the last session exported, whole or not at
all."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from collectors.views.export import EXPORT_COLUMNS, check_export_file, export
from collectors.views.prices import PriceReader
from tests.fakes import FakeClock, after_market_only, market_day, row
from utils.errors import Damaged, WrongUsage
from utils.market_day import DATASET_COLUMN_NAMES, DATASET_COLUMNS
from utils.store import Store
from utils.store.sqlite import SqliteBackend

DAYS = ["2024-01-18", "2024-01-19", "2024-01-22"]


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory, clock: FakeClock) -> Store:
    """Store in which 000020 splits 5:1 on the second day; 000010 has an unknown factor on the
    last."""
    store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)
    store.sessions.save(market_day(DAYS[0], row("000010"), row("000020", 71_500)))
    store.sessions.save(
        market_day(DAYS[1], row("000010"), row("000020", 14_330, factor=14_250 / 71_100))
    )
    store.sessions.save(
        market_day(DAYS[2], row("000010", factor=float("nan")), row("000020", 14_500))
    )
    return store


def exported(
    store: Store, path: Path, first: str = DAYS[0], last: str = DAYS[2], ticker: str | None = None
) -> pd.DataFrame:
    export(store, path, first, last, ticker)
    return pd.read_csv(path, dtype={"ticker": str})


def test_the_columns_are_those_of_the_contract(store: Store, tmp_path: Path) -> None:
    assert list(exported(store, tmp_path / "all.csv").columns) == EXPORT_COLUMNS


def test_the_after_market_alone_makes_no_adjusted_candle(store: Store, tmp_path: Path) -> None:
    store.sessions.save(market_day(DAYS[2], row("000010"), after_market_only("000020", 14_300)))
    (last,) = exported(store, tmp_path / "all.csv", DAYS[2], ticker="000020").to_dict("records")
    bar = ("open", "high", "low", "close")
    assert [last[name] for name in bar] == [0, 17_160, 12_870, 14_300]
    assert [last[f"adj_{name}"] for name in bar] == [0, 0, 0, 14_300]


def test_a_name_is_no_formula_in_csv_and_stays_as_it_is_in_parquet(
    store: Store, tmp_path: Path
) -> None:
    names = ('=HYPERLINK("http://krx.example")', "a;+1")
    rows = [row(f"00{place}", name=name) for place, name in enumerate(names, start=1000)]
    store.sessions.save(market_day(DAYS[2], *rows))
    shown = exported(store, tmp_path / "names.csv", DAYS[2])["name"].tolist()
    assert shown == ['\'=HYPERLINK("http://krx.example")', "a;'+1"]
    export(store, tmp_path / "names.parquet", DAYS[2], DAYS[2])
    assert pd.read_parquet(tmp_path / "names.parquet")["name"].tolist() == list(names)


@pytest.fixture
def with_figures(store: Store) -> Store:
    """Store with fundamentals of the second day; the exchange has some of 000020 alone."""
    unknown = pd.DataFrame(
        float("nan"), index=range(2), columns=list(DATASET_COLUMNS["fundamentals"])
    )
    store.datasets.save(
        DAYS[1],
        "fundamentals",
        unknown.assign(eps=[float("nan"), 12.5], dps=[float("nan"), 0]),
        "final",
    )
    return store


def test_the_columns_of_datasets_come_after_all_others(with_figures: Store, tmp_path: Path) -> None:
    export(
        with_figures,
        tmp_path / "all.csv",
        DAYS[0],
        DAYS[2],
        None,
        ["foreign", "indices", "fundamentals"],
    )
    table = pd.read_csv(tmp_path / "all.csv", dtype={"ticker": str})
    assert list(table.columns) == [*EXPORT_COLUMNS, *DATASET_COLUMN_NAMES]
    assert table["eps"].fillna(-1).tolist() == [-1, -1, -1, 12.5, -1, -1]
    assert table["dps"].fillna(-1).tolist() == [-1, -1, -1, 0, -1, -1], "0 is a figure"
    assert table["foreign_shares"].isna().all()


def test_the_figures_of_one_ticker_are_its_own(with_figures: Store, tmp_path: Path) -> None:
    for suffix, read in ((".csv", pd.read_csv), (".parquet", pd.read_parquet)):
        path = tmp_path / f"one{suffix}"
        export(with_figures, path, DAYS[0], DAYS[2], "000020", ["fundamentals"])
        assert read(path)["eps"].fillna(-1).tolist() == [-1, 12.5, -1]


def test_damaged_figures_are_no_export(with_figures: Store, tmp_path: Path) -> None:
    with_figures.backend._run("DELETE FROM session_columns WHERE name = 'pbr'")  # type: ignore[attr-defined]
    with pytest.raises(Damaged, match=f"session {DAYS[1]} is damaged"):
        export(with_figures, tmp_path / "all.csv", DAYS[0], DAYS[2], None, ["fundamentals"])
    assert not list(tmp_path.glob("*.csv"))
    assert len(exported(with_figures, tmp_path / "prices.csv")) == 6


def test_prices_are_as_published_and_adjusted_to_the_won(store: Store, tmp_path: Path) -> None:
    split = exported(store, tmp_path / "all.csv", ticker="000020")
    assert split["close"].tolist() == [71_500, 14_330, 14_500]
    assert split["adj_close"].tolist() == [14_330, 14_330, 14_500]


def test_they_are_adjusted_to_the_last_session_exported(store: Store, tmp_path: Path) -> None:
    assert exported(store, tmp_path / "all.csv", last=DAYS[0], ticker="000020")[
        "adj_close"
    ].tolist() == [71_500]


def test_a_pending_factor_is_empty_and_counts_as_1(store: Store, tmp_path: Path) -> None:
    table = exported(store, tmp_path / "all.csv", ticker="000010")
    assert table["adj_close"].tolist() == [1000, 1000, 1000]
    assert table["factor"].isna().tolist() == [False, False, True]


def test_a_warning_names_the_sessions_of_pending_factors(
    store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    exported(store, tmp_path / "split.csv", ticker="000020")
    exported(store, tmp_path / "earlier.csv", last=DAYS[1])
    assert caplog.messages == []
    exported(store, tmp_path / "all.csv")
    assert f"Factors of {DAYS[2]} are not known yet" in caplog.text


def test_up_to_a_day_it_is_the_market_as_it_was_on_that_day(
    store: Store, tmp_path: Path, clock: FakeClock
) -> None:
    """Nothing that comes later leaves a trace: a split, a delisting, a new name, a new listing."""
    then = SqliteBackend(tmp_path / "then")
    ends_there = Store(then, clock)
    for session in DAYS[:2]:
        day = store.sessions.load(session)
        assert day is not None
        ends_there.sessions.save(day)
    exported(ends_there, tmp_path / "then.csv")
    later = [row("000020", 7_250, factor=0.5, name="새 이름"), row("000030")]
    store.sessions.save(market_day("2024-01-23", *later))
    exported(store, tmp_path / "up_to.csv", last=DAYS[1])
    assert (tmp_path / "up_to.csv").read_bytes() == (tmp_path / "then.csv").read_bytes()
    assert "000010" in (tmp_path / "up_to.csv").read_text(encoding="utf-8")


def test_a_session_that_comes_in_meanwhile_is_left_out(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The factors were read without it."""
    read_sessions = store.sessions.read

    def one_comes_in(first: str, last: str) -> Any:
        store.sessions.save(market_day("2024-01-23", row("000020", 7_250, factor=0.5)))
        return read_sessions(first, last)

    monkeypatch.setattr(store.sessions, "read", one_comes_in)
    table = exported(store, tmp_path / "all.csv", last="2024-01-23", ticker="000020")
    assert table["adj_close"].tolist() == [14_330, 14_330, 14_500]


def test_whoever_was_delisted_stays_in_it(store: Store, tmp_path: Path) -> None:
    store.sessions.save(market_day("2024-01-23", row("000020", 7_250, factor=0.5)))
    table = exported(store, tmp_path / "all.csv", last="2024-01-23").set_index(
        ["session", "ticker"]
    )
    assert table.loc[(slice(None), "000010"), "adj_close"].tolist() == [1000, 1000, 1000]
    assert table.loc[(slice(None), "000020"), "adj_close"].tolist() == [7_165, 7_165, 7_250, 7_250]


def test_a_code_that_is_used_again_is_not_adjusted_over_the_gap(
    store: Store, tmp_path: Path
) -> None:
    for session, rows in {"2024-01-23": ["000010"], "2024-01-24": ["000010", "000020"]}.items():
        store.sessions.save(market_day(session, *(row(ticker, 500) for ticker in rows)))
    store.sessions.save(market_day("2024-01-25", row("000010", 500), row("000020", 50, factor=0.1)))
    table = exported(store, tmp_path / "all.csv", last="2024-01-25", ticker="000020")
    assert table["adj_close"].tolist() == [14_330, 14_330, 14_500, 50, 50]


def test_the_adjusted_prices_are_those_of_load_prices(store: Store, tmp_path: Path) -> None:
    table = exported(store, tmp_path / "all.csv")
    prices = PriceReader(store).prices()
    for name in ("open", "high", "low", "close"):
        assert table[f"adj_{name}"].tolist() == prices[name].tolist(), name


def test_sessions_and_tickers_can_be_narrowed(store: Store, tmp_path: Path) -> None:
    assert (
        exported(store, tmp_path / "some.csv", first=DAYS[1])["session"].unique().tolist()
        == DAYS[1:]
    )


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


@pytest.mark.parametrize("name", ["all.csv", "all.parquet"])
def test_two_exports_to_one_file_do_not_meet(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The second begins and ends while the first is halfway through."""
    path, read_sessions = tmp_path / name, store.sessions.read
    if path.suffix == ".parquet":
        pytest.importorskip("pyarrow", reason="pyarrow is an optional extra")
        monkeypatch.setattr("collectors.views.export.ROW_GROUP", 1)
    export(store, path, DAYS[0], DAYS[2])
    alone = path.read_bytes()

    def with_another_in_between(first: str, last: str) -> Any:
        monkeypatch.setattr(store.sessions, "read", read_sessions)
        for session, frame in read_sessions(first, last):
            if session == DAYS[1]:
                export(store, path, DAYS[0], DAYS[1])
                assert path.read_bytes() != alone
            yield session, frame

    monkeypatch.setattr(store.sessions, "read", with_another_in_between)
    export(store, path, DAYS[0], DAYS[2])
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert path.read_bytes() == alone


def test_parquet_without_pyarrow_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.views.export.find_spec", lambda name: None)
    with pytest.raises(WrongUsage, match="pip install pyarrow"):
        check_export_file(tmp_path / "all.parquet")


def test_parquet_holds_the_same_table(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is an optional extra")
    export(store, tmp_path / "all.parquet", DAYS[0], DAYS[2])
    pd.testing.assert_frame_equal(
        pd.read_parquet(tmp_path / "all.parquet"), exported(store, tmp_path / "all.csv")
    )


def test_parquet_has_many_sessions_in_one_row_group(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is an optional extra")
    monkeypatch.setattr("collectors.views.export.ROW_GROUP", 2)
    export(store, tmp_path / "all.parquet", DAYS[0], DAYS[2])
    groups = parquet.ParquetFile(tmp_path / "all.parquet").metadata
    assert [groups.row_group(number).num_rows for number in range(groups.num_row_groups)] == [4, 2]


def test_an_older_parquet_survives_an_export_that_fails(store: Store, tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="pyarrow is an optional extra")
    export(store, tmp_path / "all.parquet", DAYS[0], DAYS[2])
    before = (tmp_path / "all.parquet").read_bytes()
    with pytest.raises(WrongUsage):
        export(store, tmp_path / "all.parquet", DAYS[0], DAYS[2], "999999")
    assert [path.name for path in tmp_path.iterdir()] == ["all.parquet"]
    assert (tmp_path / "all.parquet").read_bytes() == before

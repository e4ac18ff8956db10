"""docs/failures.md: datasets are late, odd, refused or chosen later, and the
prices are there."""

import csv
from pathlib import Path
from typing import Any

import pytest

from sandbox.registry import REGISTRY
from tests.harness import KEY, Installation
from tests.scripts.failures.test_answers_of_the_exchange import ELSEWHERE, FIELDS
from utils.clock import kst
from utils.market_day import DATASET_COLUMNS
from utils.store.datasets import DatasetState

EVENING, NEXT_EVENING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
FIRST, TONIGHT, YESTERDAY = "2026-09-04", "2026-09-10", "2026-09-09"
FUNDAMENTALS, FOREIGN, INDEX = "MDCSTAT03501", "MDCSTAT03701", "MDCSTAT00301"
DAMAGING = sorted({name for name, kind in REGISTRY.items() if "data" in kind.kinds} - ELSEWHERE)


@pytest.fixture
def with_datasets(installed: Installation) -> Installation:
    """Four sessions with prices alone, up to the evening before; from now on fundamentals are
    chosen as well."""
    installed.own_settings["DATASETS"] = "prices,fundamentals"
    return installed


def states(installation: Installation, name: str = "fundamentals") -> list[str | None]:
    """The finality of that dataset, of each session, oldest first."""
    heads = installation.read(EVENING)["heads"]
    return [head.datasets.get(name, DatasetState()).finality for head in heads]


def asked(installation: Installation) -> list[tuple[str, str | None]]:
    """Return (table, day) of each request for data."""
    records = installation.exchange.requests()
    return [(record.name, record.day) for record in records if record.kind == "data"]


def tables(installation: Installation) -> list[str]:
    return [name for name, _ in asked(installation)]


def test_an_earlier_choice_is_filled_in_and_the_next_evening_takes_four_requests(
    with_datasets: Installation,
) -> None:
    with_datasets.must(EVENING, "daily_update")
    assert states(with_datasets) == ["final"] * 4 + ["provisional"]
    assert tables(with_datasets) == ["MDCSTAT01501"] * 2 + [FUNDAMENTALS] * 5
    with_datasets.exchange.reset_counts()
    with_datasets.must(NEXT_EVENING, "daily_update")
    assert asked(with_datasets) == [
        ("MDCSTAT01501", TONIGHT),
        ("MDCSTAT01501", "2026-09-11"),
        ("MDCSTAT01501", FIRST),
        (FUNDAMENTALS, "2026-09-11"),
    ]
    assert states(with_datasets) == ["final"] * 5 + ["provisional"]
    with_datasets.assert_equal_to_the_exchange(NEXT_EVENING)


def test_every_figure_is_the_exchanges(with_datasets: Installation) -> None:
    with_datasets.must(EVENING, "daily_update")
    day = with_datasets.exchange.exchange.market.day(YESTERDAY)
    facts = with_datasets.exchange.exchange.market.fundamentals(day)
    true = {
        code: eps for code, eps in zip(facts.day.code, facts.eps.tolist(), strict=True) if eps >= 0
    }
    store = with_datasets.store(EVENING)
    ((_, columns),) = store.sessions.columns(
        ("ticker", "eps", "dividend_yield"), YESTERDAY, YESTERDAY
    )
    store.close()
    stored = dict(zip(columns["ticker"], columns["eps"], strict=True))
    assert {code: eps for code, eps in stored.items() if eps == eps} == true


def test_the_first_load_brings_one_more_request_a_session(installation: Installation) -> None:
    installation.own_settings["DATASETS"] = ""  # the default
    done = installation.must(EVENING, "manual_setup", "--yes", "--sessions", "4")
    assert sorted(tables(installation)) == sorted(
        ["MDCSTAT01501"] * 4 + [FUNDAMENTALS] * 4 + [INDEX]
    )
    assert states(installation) == ["final"] * 3 + ["provisional"]
    assert "fundamentals: 4 of 4 sessions." in done.log


@pytest.mark.parametrize("name", DAMAGING)
def test_whatever_befalls_the_fundamentals_the_prices_are_there(
    with_datasets: Installation, name: str
) -> None:
    """Each failure of the exchange hits the request for fundamentals alone, night after
    night."""
    more: dict[str, Any] = FIELDS.get(name, {})
    with_datasets.exchange.fail(name, request=FUNDAMENTALS, **more)
    done = with_datasets.must(EVENING, "daily_update")
    seen = with_datasets.read(EVENING)
    assert [job["status"] for job in seen["jobs"].values()] == ["completed"] * 5
    hits = with_datasets.exchange.faults()[0].hits
    lost = None in states(with_datasets)
    assert lost == (hits > 0)
    said = [
        each
        for job in seen["jobs"].values()
        for each in job["warnings"]
        if each.startswith("fundamentals: ")
    ]
    assert bool(said) == lost, done.log
    with_datasets.exchange.clear_faults()
    with_datasets.must(kst(2026, 9, 11, 19, 30), "daily_update")
    assert states(with_datasets) == ["final"] * 5 + ["provisional"]
    warnings = [job["warnings"] for job in with_datasets.read(NEXT_EVENING)["jobs"].values()]
    assert not [
        each for several in warnings for each in several if each.startswith("fundamentals: ")
    ]
    with_datasets.assert_equal_to_the_exchange(NEXT_EVENING)


def test_fundamentals_that_are_late_arrive_with_a_later_run(with_datasets: Installation) -> None:
    with_datasets.exchange.fail(
        "all_dashes", request=FUNDAMENTALS, date=TONIGHT, until="2026-09-10T20:30"
    )
    with_datasets.must(EVENING, "daily_update")
    assert states(with_datasets)[-1] is None
    (warning,) = with_datasets.read(EVENING)["jobs"][TONIGHT]["warnings"]
    assert warning.startswith(
        f"fundamentals: The exchange's fundamentals for {TONIGHT} are not out"
    )
    with_datasets.must(kst(2026, 9, 10, 21), "daily_update")
    assert states(with_datasets)[-1] == "provisional"


def test_prices_that_are_corrected_have_their_fundamentals_read_again(
    with_datasets: Installation,
) -> None:
    """With so few tickers one other close is over 2 %, so the evening's fundamentals are
    refused."""
    with_datasets.exchange.fail("revised", date=TONIGHT)
    with_datasets.must(EVENING, "daily_update")
    with_datasets.must(NEXT_EVENING, "daily_update")
    assert states(with_datasets) == ["final"] * 5 + ["provisional"]
    with_datasets.assert_equal_to_the_exchange(NEXT_EVENING)


def test_with_a_key_alone_they_are_left_out_with_one_line(with_datasets: Installation) -> None:
    with_datasets.own_settings |= {"KRX_ID": "", "KRX_PW": "", "KRX_OPENAPI_KEY": KEY}
    morning = kst(2026, 9, 11, 9)
    done = with_datasets.must(morning, "daily_update")
    assert done.log.count("fundamentals") == 1
    assert "fundamentals come from the data site alone" in done.log
    assert states(with_datasets) == [None] * 5
    assert with_datasets.exchange.counts()["data"] == 0
    audited = with_datasets.run(morning, "daily_update", "--audit")
    assert "dataset" not in audited.stdout, "nobody could collect it"


def test_a_site_that_is_down_is_not_asked_again_for_datasets(with_datasets: Installation) -> None:
    """With a key the prices come from the Open API, and the eight tries at the site are made
    once."""
    with_datasets.own_settings |= {"KRX_OPENAPI_KEY": KEY}
    with_datasets.exchange.fail("server_error", kind="page")
    with_datasets.exchange.fail("unauthorized", request="idx/kospi_dd_trd")
    done = with_datasets.run(kst(2026, 9, 12, 9), "daily_update")
    assert with_datasets.exchange.counts()["page"] == 8, done.log


def test_what_is_missing_is_named_by_an_audit_and_repaired(with_datasets: Installation) -> None:
    with_datasets.exchange.fail("bad_cell", request=FUNDAMENTALS)
    with_datasets.must(EVENING, "daily_update")
    late = kst(2026, 9, 10, 21, 30)
    audited = with_datasets.run(late, "daily_update", "--audit")
    assert "dataset (4)" in audited.stdout, "tonight's is awaited until tomorrow"
    with_datasets.exchange.clear_faults()
    assert "dataset" not in with_datasets.must(late, "daily_update", "--repair").stdout
    assert states(with_datasets) == ["final"] * 4 + ["provisional"]


def test_all_datasets_are_there_and_in_the_export(
    with_datasets: Installation, tmp_path: Path
) -> None:
    with_datasets.own_settings["DATASETS"] = "prices,fundamentals,foreign,indices"
    with_datasets.must(EVENING, "daily_update")
    with_datasets.exchange.reset_counts()
    with_datasets.must(NEXT_EVENING, "daily_update")
    assert tables(with_datasets) == ["MDCSTAT01501"] * 3 + [FUNDAMENTALS, FOREIGN, INDEX, INDEX]
    assert states(with_datasets, "foreign") == ["final"] * 5 + [None]
    store = with_datasets.store(NEXT_EVENING)
    days = {(day["index"], day["session"]): day["finality"] for day in store.indices.load()}
    store.close()
    assert len(days) == 2 * 6
    assert days["KOSDAQ", TONIGHT] == "final"
    with_datasets.must(NEXT_EVENING, "daily_update", "--export", str(tmp_path / "all.csv"))
    with (tmp_path / "all.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    names = [name for columns in DATASET_COLUMNS.values() for name in columns]
    assert list(rows[0])[-len(names) - 1 :] == ["adj_close", *names]
    assert {row["session"] for row in rows if row["foreign_shares"]} == {
        row["session"] for row in rows[:-60]
    } - {"2026-09-11"}


def test_a_dry_run_names_what_is_due_and_asks_nothing(with_datasets: Installation) -> None:
    done = with_datasets.must(EVENING, "daily_update", "--dry-run")
    assert f"{YESTERDAY} is due (fundamentals)." in done.log
    assert asked(with_datasets) == []

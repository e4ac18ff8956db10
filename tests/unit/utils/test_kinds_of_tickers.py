"""Kinds of tickers against the departments of the recorded days, and against the synthetic
roster."""

from functools import cache

import pandas as pd
import pytest

from tests.unit.rules.days import REAL_YEARS, RECORDED, synthetic_market
from utils.outside_text import for_spreadsheet, plain_name, without_markup
from utils.ticker_kind import FOREIGN, PREFERRED, REIT, SPAC, kind_of

SPAC_DEPARTMENT, FOREIGN_DEPARTMENT = "SPAC(소속부없음)", "외국기업(소속부없음)"
IN_TROUBLE = {"관리종목(소속부없음)", "투자주의환기종목(소속부없음)"}


@cache
def recorded() -> pd.DataFrame:
    """One row per ticker-day: code, name, market id, department ("" where it has none), kind."""
    columns = ["Code", "Name", "MarketId", "Dept"]
    years = [
        pd.read_csv(RECORDED / "market" / f"{year}.csv.gz", dtype=str, usecols=columns)
        for year in REAL_YEARS
    ]
    rows = pd.concat(years, ignore_index=True).fillna("")
    kinds = {pair: kind_of(*pair) for pair in set(zip(rows["Code"], rows["Name"], strict=True))}
    return rows.assign(kind=[kinds[pair] for pair in zip(rows["Code"], rows["Name"], strict=True)])


@pytest.mark.recorded
def test_every_recorded_name_is_plain_and_harmless_as_it_is() -> None:
    names = set(recorded()["Name"])
    assert (len(names), max(map(len, names))) == (3_117, 14)
    for name in names:
        assert plain_name(name, "") == for_spreadsheet(name) == without_markup(name) == name


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("department", "kind", "rows"),
    [(SPAC_DEPARTMENT, SPAC, 6_068), (FOREIGN_DEPARTMENT, FOREIGN, 1_603)],
)
def test_every_row_that_the_exchange_puts_into_the_department_is_of_its_kind(
    department: str, kind: str, rows: int
) -> None:
    of_department = recorded()[recorded()["Dept"] == department]
    assert (len(of_department), set(of_department["kind"])) == (rows, {kind})


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("department", "kind"), [(SPAC_DEPARTMENT, SPAC), (FOREIGN_DEPARTMENT, FOREIGN)]
)
def test_no_row_of_its_kind_has_a_department_that_contradicts(department: str, kind: str) -> None:
    """KOSPI has no departments, a ticker in trouble has lost its own, and on 2022-01-12 nobody had
    one."""
    of_kind = recorded()[recorded()["kind"] == kind]
    assert set(of_kind["Dept"]) <= {department, "", *IN_TROUBLE}


@pytest.mark.recorded
def test_a_code_that_does_not_end_in_0_and_a_name_that_says_preferred_go_together() -> None:
    tickers = recorded().drop_duplicates(["Code", "Name"])
    preferred = tickers[tickers["kind"] == PREFERRED]
    assert preferred["Code"].nunique() == 126
    assert preferred["Name"].str.contains(r"우(?:[ABC]|\(전환\))?$").all()
    named_so = tickers[tickers["Name"].str.contains(r"우[ABC]?$") & (tickers["kind"] != PREFERRED)]
    assert set(named_so["Name"]) == {"연우", "이오플로우"}, "the name alone would be wrong in these"


@pytest.mark.recorded
def test_the_reits_are_these_and_the_other_names_with_the_word_are_none() -> None:
    named_so = recorded()[recorded()["Name"].str.contains("리츠")]
    others = named_so[named_so["kind"] != REIT]
    assert set(others["Name"]) == {"메리츠금융지주", "메리츠화재", "메리츠증권", "블리츠웨이"}
    assert named_so[named_so["kind"] == REIT]["Code"].nunique() == 23
    assert set(named_so[named_so["kind"] == REIT]["MarketId"]) == {"STK"}


def test_the_synthetic_market_has_every_kind_and_each_is_recognised() -> None:
    market = synthetic_market(60)
    day = market.listings(market.day(market.sessions[0]))
    rows = zip(
        day.day.code,
        day.day.name,
        day.security_group,
        day.share_kind,
        day.day.department,
        strict=True,
    )
    kinds = set()
    for code, name, group, share, department in rows:
        expected = (
            PREFERRED
            if share != "보통주"
            else FOREIGN
            if group == "외국주권"
            else REIT
            if group == "부동산투자회사"
            else SPAC
            if department == SPAC_DEPARTMENT
            else None
        )
        kinds.add(kind_of(code, name))
        assert kind_of(code, name) == expected, (code, name)
    assert kinds == {PREFERRED, FOREIGN, REIT, SPAC, None}

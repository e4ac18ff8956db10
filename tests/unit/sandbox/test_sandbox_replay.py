"""Real days, played back to the won. Skipped where the recorded files are not at hand."""

import csv
import gzip

import pytest
import requests

from sandbox.replay import ReplayMarket
from sandbox.server import LocalExchange
from tests.layers import RECORDED
from utils.clock import kst

FILES = sorted((RECORDED / "market").glob("*.csv.gz"))
COLUMNS = {
    "Code": "ISU_SRT_CD", "Name": "ISU_ABBRV", "Market": "MKT_NM", "MarketId": "MKT_ID",
    "Dept": "SECT_TP_NM",
    "ChangeCode": "FLUC_TP_CD",
}  # fmt: skip
NUMBERS = {
    "Open": "TDD_OPNPRC", "High": "TDD_HGPRC", "Low": "TDD_LWPRC", "Close": "TDD_CLSPRC",
    "Changes": "CMPPREVDD_PRC",
    "Volume": "ACC_TRDVOL", "Amount": "ACC_TRDVAL", "Marcap": "MKTCAP", "Stocks": "LIST_SHRS",
    "ChagesRatio": "FLUC_RT",
}  # fmt: skip


@pytest.fixture(scope="module")
def market():
    return ReplayMarket(FILES)


@pytest.fixture
def ask(market, browse):
    with LocalExchange(market, kst(2022, 1, 10, 15, 39)) as exchange:
        browser = browse(exchange.url)

        def ask(moment, bld="MDCSTAT01501", **form):
            exchange.set_time(kst(*moment))
            browser.log_in(skipDup="Y")
            return browser.rows(bld, **{"mktId": "ALL", **form})

        yield ask


def _recorded(path, date):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return {row["Code"]: row for row in csv.DictReader(file) if row["Date"] == date}


@pytest.mark.recorded
@pytest.mark.parametrize("position", [0, 1, 2])
def test_a_replayed_day_is_the_recorded_day(market, ask, position):
    session = [
        session for session in market.sessions if session.startswith(FILES[position].name[:4])
    ][7]
    rows = ask((2026, 1, 5, 12), trdDd=session.replace("-", ""))
    recorded = _recorded(FILES[position], session)
    assert len(rows) == len(recorded)
    for row in rows:
        record = recorded[row["ISU_SRT_CD"]]
        assert all(row[key] == record[column] for column, key in COLUMNS.items())
        assert all(
            float(row[key].replace(",", "")) == float(record[column])
            for column, key in NUMBERS.items()
        )
        assert all(
            "." not in row[key] for column, key in NUMBERS.items() if column != "ChagesRatio"
        )


@pytest.mark.recorded
def test_a_replayed_day_is_nothing_before_twenty_to_four_and_final_after(ask):
    before, after = (
        ask((2022, 1, 10, 15, 39), trdDd="20220110"),
        ask((2022, 1, 10, 15, 40), trdDd="20220110"),
    )
    assert {row["TDD_CLSPRC"] for row in before} == {"-"}
    assert after == ask((2022, 3, 1, 9), trdDd="20220110")


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("date", "code"), [("20220108", "3"), ("20220131", "0"), ("20220801", "0")]
)
def test_dates_outside_the_files_are_closed(ask, date, code):
    rows = ask((2026, 1, 5, 12), trdDd=date)
    assert {(row["TDD_CLSPRC"], row["FLUC_TP_CD"]) for row in rows} == {("-", code)}


@pytest.mark.recorded
def test_the_replayed_index_knows_the_sessions_and_invents_no_level(market, ask):
    index = {"indIdx": "1", "indIdx2": "001", "strtDd": "20220101", "endDd": "20241231"}
    rows = ask((2026, 1, 5, 12), "MDCSTAT00301", **index)
    assert [row["TRD_DD"].replace("/", "-") for row in reversed(rows)] == list(market.sessions)
    assert {row["CLSPRC_IDX"] for row in rows} == {"-"}


@pytest.mark.recorded
@pytest.mark.parametrize(
    ("bld", "key"),
    [("MDCSTAT03501", "EPS"), ("MDCSTAT03701", "FORN_HD_QTY"), ("MDCSTAT01901", "PARVAL")],
)
def test_what_was_not_recorded_is_not_available(ask, bld, key):
    assert {row[key] for row in ask((2026, 1, 5, 12), bld, trdDd="20220110")} == {"-"}


@pytest.mark.recorded
def test_the_open_api_replays_too(market):
    with LocalExchange(market, kst(2022, 1, 11, 8)) as exchange:
        url = f"{exchange.url}/svc/apis/sto/stk_bydd_trd?basDd=20220110"
        rows = requests.get(url, headers={"AUTH_KEY": "demo-key"}, timeout=5).json()["OutBlock_1"]
    samsung = next(row for row in rows if row["ISU_CD"] == "005930")
    assert samsung["TDD_CLSPRC"] == "78000"


def test_no_file_no_market():
    with pytest.raises(ValueError, match="at least one file"):
        ReplayMarket([])


def test_a_file_without_the_columns_is_refused(tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("Code,Name\n005930,삼성전자\n", encoding="utf-8")
    with pytest.raises(ValueError, match="no column"):
        ReplayMarket([path])

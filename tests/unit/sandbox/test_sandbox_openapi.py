import pytest
import requests

from sandbox.server import LocalExchange
from utils.clock import kst

SERVICES = {"sto/stk_bydd_trd": "KOSPI", "sto/ksq_bydd_trd": "KOSDAQ", "sto/knx_bydd_trd": "KONEX"}


def _ask(exchange, service, date, key="demo-key"):
    headers = {"AUTH_KEY": key} if key else {}
    return requests.get(
        f"{exchange.url}/svc/apis/{service}", params={"basDd": date}, headers=headers, timeout=5
    )


def _rows(exchange, service, date):
    return _ask(exchange, service, date).json()["OutBlock_1"]


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_one_market_of_a_session(exchange, small_market, service):
    rows = _rows(exchange, service, "20260910")
    day = small_market.day("2026-09-10")
    assert all(row["MKT_NM"].startswith(SERVICES[service]) for row in rows)
    closes = dict(zip(day.code, day.close.tolist(), strict=True))
    assert all(int(row["TDD_CLSPRC"]) == closes[row["ISU_CD"]] for row in rows)
    assert (
        list(rows[0])
        == (
            "BAS_DD ISU_CD ISU_NM MKT_NM SECT_TP_NM TDD_CLSPRC CMPPREVDD_PRC FLUC_RT "
            "TDD_OPNPRC TDD_HGPRC TDD_LWPRC "
            "ACC_TRDVOL ACC_TRDVAL MKTCAP LIST_SHRS"
        ).split()
    )


@pytest.mark.parametrize("service", ["sto/stk_bydd_trd", "idx/kospi_dd_trd"])
def test_a_session_is_published_at_eight_the_next_morning(exchange, service):
    exchange.set_time(kst(2026, 9, 11, 7, 59))
    assert _rows(exchange, service, "20260910") == []
    exchange.set_time(kst(2026, 9, 11, 8, 0))
    assert _rows(exchange, service, "20260910")


@pytest.mark.parametrize("date", ["20260905", "20260911", "20261005"])
def test_weekends_and_what_is_not_out_have_no_rows(exchange, date):
    assert _rows(exchange, "sto/stk_bydd_trd", date) == []


@pytest.mark.parametrize("service", ["sto/ksq_bydd_trd", "idx/kosdaq_dd_trd"])
def test_a_weekday_holiday_has_rows_with_empty_prices(exchange, service):
    rows = _rows(exchange, service, "20260814")
    assert rows
    assert {row.get("TDD_CLSPRC", row.get("CLSPRC_IDX")) for row in rows} == {""}


def test_the_index_service_agrees_with_the_site(exchange, small_market):
    (row,) = _rows(exchange, "idx/kosdaq_dd_trd", "20260910")
    series = small_market.index("KSQ")
    assert float(row["CLSPRC_IDX"]) == series.close[series.sessions.index("2026-09-10")] / 100


@pytest.mark.parametrize("key", [None, "wrong"])
def test_without_a_good_key_there_is_401(exchange, key):
    answer = _ask(exchange, "sto/stk_bydd_trd", "20260910", key)
    assert (answer.status_code, answer.json()["respCode"]) == (401, "401")


def test_a_key_opens_only_what_it_has_applied_for(small_market):
    keys = {"k": {"sto/stk_bydd_trd"}}
    with LocalExchange(small_market, kst(2026, 9, 11, 9), openapi_keys=keys) as exchange:
        assert _ask(exchange, "sto/stk_bydd_trd", "20260910", "k").status_code == 200
        assert _ask(exchange, "sto/ksq_bydd_trd", "20260910", "k").status_code == 401


def test_a_bad_date_is_refused(exchange):
    assert _ask(exchange, "sto/stk_bydd_trd", "yesterday").status_code == 400

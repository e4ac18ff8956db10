"""The real pykrx, unmodified but for the address, talks to the local exchange."""

from urllib.parse import urlsplit

import pytest
import requests
from requests.adapters import HTTPAdapter

from utils.clock import kst


class _ToLocalHost(HTTPAdapter):
    def __init__(self, url):
        self._url = url
        super().__init__()

    def send(self, request, **options):
        parts, moved = urlsplit(request.url), request.copy()  # the original keeps the cookies' host
        moved.url = f"{self._url}{parts.path}" + (f"?{parts.query}" if parts.query else "")
        return super().send(moved, **options)


@pytest.fixture
def krx(pykrx, exchange):
    """pykrx's own classes, logged in at the local exchange at 19:00 of 2026-09-10."""

    class LocalSession(pykrx.auth.KRXSession):
        def refresh(self, login_id, login_pw):
            self.session = requests.Session()
            self.session.mount("https://data.krx.co.kr", _ToLocalHost(exchange.url))
            self.is_authenticated = pykrx.auth.login_krx(login_id, login_pw, self.session)
            return self.is_authenticated

        def get_headers(self):
            return {
                name: value for name, value in super().get_headers().items() if name != "Cookie"
            }

    exchange.set_time(kst(2026, 9, 10, 20))
    session = LocalSession()
    assert session.refresh("demo", "demo")
    pykrx.auth.set_auth_session(session)
    yield pykrx.core
    pykrx.auth.set_auth_session(None)


def test_a_whole_market_day_is_one_request(krx, exchange, small_market):
    exchange.reset_counts()
    frame = krx.전종목시세().fetch("20260910", "ALL")
    assert exchange.counts()["data"] == 1
    day = small_market.day("2026-09-10")
    assert frame["ISU_SRT_CD"].tolist() == day.code.tolist()
    for column, values in {
        "TDD_CLSPRC": day.close,
        "ACC_TRDVAL": day.value,
        "LIST_SHRS": day.shares,
    }.items():
        assert [int(text.replace(",", "")) for text in frame[column]] == values.tolist()


def test_one_market_can_be_asked_for(krx):
    assert set(krx.전종목시세().fetch("20260910", "KSQ")["MKT_ID"]) == {"KSQ"}


def test_the_index_lists_every_session_newest_first(krx, small_market):
    frame = krx.개별지수시세().fetch("001", "1", "20260801", "20260910")
    dates = [date.replace("/", "-") for date in frame["TRD_DD"]]
    assert dates == [
        session
        for session in reversed(small_market.sessions)
        if "2026-08-01" <= session <= "2026-09-10"
    ]
    assert "2026-08-14" not in dates


def test_the_kosdaq_index_has_the_columns_of_the_docstring(krx):
    frame = krx.개별지수시세().fetch("001", "2", "20260901", "20260910")
    assert " ".join(frame.columns) == (
        "TRD_DD CLSPRC_IDX FLUC_TP_CD PRV_DD_CMPR UPDN_RATE OPNPRC_IDX HGPRC_IDX LWPRC_IDX "
        "ACC_TRDVOL ACC_TRDVAL MKTCAP"
    )


def test_fundamentals_are_dashes_where_not_available(krx):
    frame = krx.PER_PBR_배당수익률_전종목().fetch("20260910", "ALL")
    assert {"EPS", "PER", "BPS", "PBR", "DPS", "DVD_YLD"} <= set(frame.columns)
    assert 0.2 < (frame["EPS"] == "-").mean() < 0.6
    assert ((frame["EPS"] == "-") <= (frame["PER"] == "-")).all()


def test_foreign_holdings_never_exceed_their_limit(krx):
    frame = krx.외국인보유량_전종목().fetch("20260910", "ALL", 0)
    held, limit = (
        frame[name].str.replace(",", "").astype("int64")
        for name in ("FORN_HD_QTY", "FORN_ORD_LMT_QTY")
    )
    assert (held <= limit).all()


def test_listing_facts_have_the_columns_of_the_docstring(krx):
    frame = krx.전종목기본정보().fetch("ALL")
    assert (
        frame.columns.tolist()
        == (
            "ISU_CD ISU_SRT_CD ISU_NM ISU_ABBRV ISU_ENG_NM LIST_DD MKT_TP_NM SECUGRP_NM "
            "SECT_TP_NM KIND_STKCERT_TP_NM "
            "PARVAL LIST_SHRS"
        ).split()
    )
    assert frame["ISU_CD"].str.fullmatch(r"KR7[0-9A-Z]{6}00\d").all()


def test_a_session_elsewhere_is_thrown_out_by_pykrx(krx, exchange, browser):
    assert browser().log_in(skipDup="Y") == "CD001"
    with pytest.raises(requests.JSONDecodeError):
        krx.전종목시세().fetch("20260910", "ALL")


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        ("logout", requests.JSONDecodeError),
        ("ban_page", requests.JSONDecodeError),
        ("truncated", requests.JSONDecodeError),
        ("empty", requests.JSONDecodeError),
        ("no_block", KeyError),
        ("die", requests.exceptions.ChunkedEncodingError),
        ("reset", requests.ConnectionError),
        ("outage", requests.ConnectionError),
    ],
)
def test_pykrx_meets_failures_that_it_raises(failure, error, krx, exchange):
    exchange.fail(failure, times=1)
    with pytest.raises(error):
        krx.전종목시세().fetch("20260910", "ALL")
    assert exchange.faults() == []


def test_pykrx_takes_rows_for_what_they_say(krx, exchange):
    exchange.fail("no_rows", times=1)
    assert krx.전종목시세().fetch("20260910", "ALL").empty
    exchange.fail("late", date="2026-09-10")
    assert set(krx.전종목시세().fetch("20260910", "ALL")["TDD_CLSPRC"]) == {"-"}
    assert "2026/09/10" not in set(
        krx.개별지수시세().fetch("001", "1", "20260801", "20260910")["TRD_DD"]
    )

"""Kinds of tickers besides common shares, by code and name; names and codes are of the recorded
days."""

import pytest

from utils.ticker_kind import FOREIGN, PREFERRED, REIT, SPAC, kind_of


@pytest.mark.parametrize(
    ("ticker", "name", "kind"),
    [
        ("005930", "삼성전자", None),
        ("005935", "삼성전자우", PREFERRED),
        ("33637K", "솔루스첨단소재1우", PREFERRED),
        ("33637L", "솔루스첨단소재2우B", PREFERRED),
        ("115960", "연우", None),
        ("0001A0", "덕양에너젠", None),
        ("0001A5", "덕양에너젠우", PREFERRED),
        ("388220", "하나금융19호스팩", SPAC),
        ("388790", "IBKS제16호스팩", SPAC),
        ("388790", "라이콤", None),
        ("347140", "케이프이에스제4호", SPAC),
        ("072770", "율호", None),
        ("155900", "바다로19호", None),
        ("330590", "롯데리츠", REIT),
        ("088260", "이리츠코크렙", REIT),
        ("138040", "메리츠금융지주", None),
        ("000060", "메리츠화재", None),
        ("000060", "메리츠", None),
        ("369370", "블리츠웨이", None),
        ("088980", "맥쿼리인프라", None),
        ("900140", "엘브이엠씨홀딩스", FOREIGN),
        ("950160", "코오롱티슈진", FOREIGN),
        ("090430", "아모레퍼시픽", None),
        ("388220", "하나금융19호기업인수목적", SPAC),
        ("293940", "신한알파위탁관리부동산투자회사", REIT),
    ],
)
def test_what_a_ticker_is(ticker: str, name: str, kind: str | None) -> None:
    assert kind_of(ticker, name) == kind

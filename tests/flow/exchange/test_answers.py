"""The border: each kind of answer is told apart, and text becomes exactly its numbers or an error
of ours."""

import json

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collectors.exchange.answers import (
    RAW_COLUMNS,
    classify_response,
    parse_day,
    parse_index_dates,
    parse_json,
)
from utils.errors import (
    AnswerCutOff,
    Banned,
    KeyRefused,
    LoggedOut,
    MalformedAnswer,
    NightShiftError,
    NotPublished,
    SourceDown,
    SourceRefuses,
)

SESSION = "2024-01-22"
SAMSUNG = ["005930", "삼성전자", "STK", "78,200", "79,800", "78,200", "79,600", "1,100",
           "17,142,847", "1,356,958,225,913", "475,194,690,980,000", "5,969,782,550"]  # fmt: skip
HALTED = ["0001A0", "정지", "KSQ", "0", "0", "0", "1,234", "0", "0", "0", "1,234,000", "1,000"]
CLOSED = ["005930", "삼성전자", "STK", *["-"] * 8, "5,969,782,550"]


def raw(*rows: list[str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(RAW_COLUMNS.values()))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"LOGOUT", LoggedOut),
        (404, b"LOGOUT", LoggedOut),
        (200, b"  LOGOUT\n", LoggedOut),
        (403, b"", SourceRefuses),
        (403, b"<p>Service unavailable: temporary access instability</p>", SourceRefuses),
        (403, b"<h1>Sorry, you have been blocked</h1>", SourceRefuses),
        (403, "<p>11월 21일 접속 장애로 이용이 제한됩니다</p>".encode(), SourceRefuses),
        (403, "자동화된 접근으로 1일간 이용이 제한됩니다".encode(), Banned),
        (403, "<p>자동화된 접근으로 이용이 제한됩니다</p>".encode("cp949"), Banned),
        (403, b"<p>Automated access was detected: access is restricted.</p>", Banned),
        (
            403,
            "접근이 제한된 페이지입니다. 5초 후 자동으로 메인 페이지로 이동합니다".encode(),
            SourceRefuses,
        ),
        (403, b"Access is restricted. You are automatically redirected.", SourceRefuses),
        (403, "접속이 차단되었습니다. 고객센터 24시간 운영".encode(), SourceRefuses),
        (403, "점검으로 9월 1일 서비스 이용이 제한됩니다".encode(), SourceRefuses),
        (403, "자동화된 접근으로 제한됩니다. 10초 후 자동으로 이동합니다".encode(), Banned),
        (403, "서비스 이용이 24시간 동안 제한됩니다".encode(), Banned),
        (403, json.dumps({"message": "자동화된 접근이 차단됩니다"}).encode(), Banned),
        (403, "자동화된 접근으로 이용이 제한됩니다".encode() + b"\xec\x9e", Banned),
        (429, "<p>자동화된 접근으로 1일간 이용이 제한됩니다</p>".encode(), Banned),
        (503, "<p>점검 중 이용이 제한됩니다. 잠시 후 자동으로 연결됩니다</p>".encode(), SourceDown),
        (403, b"LOGOUT", LoggedOut),
        (401, b"", KeyRefused),
        (200, "<html>자동화된 접근으로 1일간 이용이 제한됩니다</html>".encode(), Banned),
        (200, b"<!doctype html><p>Access is restricted</p>", Banned),
        (429, b"{}", SourceRefuses),
        (200, "<html>시스템 점검 중입니다</html>".encode(), SourceDown),
        (200, "<style>.a{display:block}</style><p>시스템 점검 중입니다".encode(), SourceDown),
        (200, "<script>$.blockUI()</script><p>점검</p>".encode(), SourceDown),
        (200, "<p>점검으로 서비스 이용이 일시적으로 제한됩니다</p>".encode(), SourceDown),
        (200, "<p>자동화 접근이 감지되어 점검 후 1일간 제한됩니다</p>".encode(), Banned),
        (200, "<html>자동화된 접근으로 1일간 이용이 제한됩니다</html>".encode("euc-kr"), Banned),
        (200, b"<html>&#51228;&#54620; &#51088;&#46041;</html>", Banned),
        (
            200,
            (
                '<script>alert("비정상적인 접속으로 1일간 제한됩니다");location.href="/"</script>'
            ).encode(),
            Banned,
        ),
        (200, b"<html><title>Request Rejected</title></html>", SourceRefuses),
        (500, b"<html>error</html>", SourceDown),
        (503, b"", SourceDown),
        (404, b"not found", MalformedAnswer),
        (200, b"", AnswerCutOff),
        (200, b"[1, 2]", MalformedAnswer),
        (200, b"\xff\xfe\x00", MalformedAnswer),
    ],
)
def test_every_refusal_has_its_own_kind(
    status: int, body: bytes, kind: type[NightShiftError]
) -> None:
    with pytest.raises(kind) as caught:
        classify_response(status, body, wants_json=True)
    assert type(caught.value) is kind


def test_a_ban_is_seen_in_place_of_a_login_page_too() -> None:
    with pytest.raises(Banned):
        classify_response(403, "<p>자동화된 접근이 차단됩니다</p>".encode(), wants_json=False)
    with pytest.raises(SourceRefuses, match="next run asks again") as caught:
        classify_response(403, b"<h1>Request blocked</h1>", wants_json=False)
    assert type(caught.value) is SourceRefuses


@pytest.mark.parametrize(
    "part", [b"<", b"<script ", b"<style ", b"&#9", b'alert("', b"<p>", b"\\u", "자동 ".encode()]
)
def test_a_page_of_any_size_is_read_in_time(part: bytes) -> None:
    with pytest.raises(SourceRefuses):
        classify_response(403, b"<" + part * 200_000 + b"9" * 200_000, wants_json=True)


def test_json_is_text_in_utf_8_and_nothing_else() -> None:
    long = "9" * 5000
    body = f'\ufeff{{"name": "삼성전자", "volume": {long}, "level": 1.10}}'
    assert parse_json(body.encode()) == {"name": "삼성전자", "volume": long, "level": "1.10"}
    with pytest.raises(MalformedAnswer, match="UTF-8"):
        parse_json(body.encode("euc-kr", errors="replace"))
    for end in (-1, body.encode().index("자".encode()) + 1):
        with pytest.raises(AnswerCutOff):
            parse_json(body.encode()[:end])


def test_whatever_stands_in_a_cell_can_be_compared() -> None:
    rows = [{"a": [], "b": {}, "c": [{"d": []}], "d": None, "e": "1"}]
    assert read_json(json.dumps({"OutBlock_1": rows, "other": {"a": []}}).encode()) == {
        "OutBlock_1": [{"a": "[]", "b": "{}", "c": "[{'d': []}]", "d": None, "e": "1"}],
        "other": {"a": []},
    }


@pytest.mark.parametrize(
    "rows",
    [
        [{f"C{number}": "1"} for number in range(20_000)],
        [{f"C{number}": "1" for number in range(30_000)}],
        [1] * 1_200_000,
        [[]] * 200_000,
    ],
    ids=["a column for each row", "a row of columns", "numbers", "lists"],
)
def test_an_answer_that_would_become_a_giant_table_is_malformed(rows: list[object]) -> None:
    with pytest.raises(MalformedAnswer, match=r"columns|too many parts"):
        read_json(json.dumps({"OutBlock_1": rows}).encode())


def read_json(body: bytes) -> object:
    classify_response(200, body, wants_json=True)
    return parse_json(body)


def test_data_and_login_pages_pass() -> None:
    classify_response(200, b'{"OutBlock_1":[]}', wants_json=True)
    classify_response(200, "\ufeff {}".encode(), wants_json=True)
    classify_response(200, "<html>로그인 제한 안내</html>".encode(), wants_json=False)


def test_a_day_is_typed_and_sorted_by_ticker() -> None:
    frame = parse_day(raw(SAMSUNG, HALTED), SESSION)
    assert frame["ticker"].tolist() == ["0001A0", "005930"]
    assert frame["market"].tolist() == ["KOSDAQ", "KOSPI"]
    assert frame.loc[1, ["close", "change", "value", "shares"]].tolist() == [
        79600,
        1100,
        1356958225913,
        5969782550,
    ]
    assert {str(frame[name].dtype) for name in ("open", "volume", "market_cap", "shares")} == {
        "int64"
    }


def test_negative_changes_keep_their_sign() -> None:
    assert parse_day(raw([*SAMSUNG[:7], "-1,100", *SAMSUNG[8:]]), SESSION).loc[0, "change"] == -1100


def test_all_dashes_are_not_known_yet_and_never_zeros() -> None:
    with pytest.raises(NotPublished, match=SESSION):
        parse_day(raw(CLOSED, ["000020", "동화약품", *CLOSED[2:]]), SESSION)


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        (3, "-"),
        (6, ""),
        (6, "79.5"),
        (8, "1,23"),
        (8, "1_000"),
        (8, "１００"),
        (9, "9" * 25),
        (0, "5930"),
        (2, "NYS"),
    ],
)
def test_one_odd_cell_is_named_with_its_ticker_or_value(cell: int, value: str) -> None:
    odd = [*SAMSUNG[:cell], value, *SAMSUNG[cell + 1 :]]
    with pytest.raises(MalformedAnswer, match=value if cell in (0, 2) else "005930"):
        parse_day(raw(HALTED, odd), SESSION)


def test_no_rows_and_missing_columns_and_twins_are_malformed() -> None:
    with pytest.raises(MalformedAnswer, match="no rows"):
        parse_day(pd.DataFrame([]), SESSION)
    with pytest.raises(MalformedAnswer, match="no column MKTCAP"):
        parse_day(raw(SAMSUNG).drop(columns="MKTCAP"), SESSION)
    with pytest.raises(MalformedAnswer, match="005930 twice"):
        parse_day(raw(SAMSUNG, HALTED, SAMSUNG), SESSION)


@given(st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=30))
def test_any_whole_number_comes_through_unchanged(values: list[int]) -> None:
    rows = [
        [f"{position:06d}", "이름", "STK", *SAMSUNG[3:8], f"{value:,}", *SAMSUNG[9:]]
        for position, value in enumerate(values)
    ]
    assert parse_day(raw(*rows), SESSION)["volume"].tolist() == values


@pytest.mark.usefixtures("unicode")
@given(st.lists(st.text(max_size=8), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_any_text_is_refused_or_exactly_the_number_it_shows(cells: list[str]) -> None:
    rows = [
        [f"{position:06d}", "이름", "STK", *SAMSUNG[3:8], cell, *SAMSUNG[9:]]
        for position, cell in enumerate(cells)
    ]
    try:
        volumes = parse_day(raw(*rows), SESSION)["volume"].tolist()
    except (MalformedAnswer, NotPublished):
        return
    assert [f"{value:,}".replace(",", "") for value in volumes] == [
        cell.replace(",", "").lstrip("0") or "0" for cell in cells
    ]


def test_index_dates_come_oldest_first_or_are_refused() -> None:
    assert parse_index_dates(["2021/01/22", "2021/01/21"]) == ["2021-01-21", "2021-01-22"]
    with pytest.raises(MalformedAnswer, match=r"22\.01\.2021"):
        parse_index_dates(["22.01.2021"])

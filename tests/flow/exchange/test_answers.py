"""The border: each kind of answer is told apart."""

import json

import pytest

from collectors.exchange.answers import classify_response, parse_index_dates, parse_json
from utils.errors import (
    AnswerCutOff,
    Banned,
    KeyRefused,
    LoggedOut,
    MalformedAnswer,
    NightShiftError,
    SourceDown,
    SourceRefuses,
)


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


@pytest.mark.parametrize("part", ["[", "}", ",", '\\"[', "\\\\"])
def test_what_a_name_holds_makes_no_answer_deep(part: str) -> None:
    rows = [{"ISU_ABBRV": part * 500_000, "ISU_SRT_CD": "000010"}]
    assert read_json(json.dumps({"OutBlock_1": rows}).encode()) == {"OutBlock_1": rows}


def test_a_text_without_an_end_is_read_in_time() -> None:
    with pytest.raises(AnswerCutOff):
        read_json(b'{"' + b'\\"' * 900_000 + b"\\")


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
        [[]] * 20_000,
        [""] * 1_000_001,
    ],
    ids=["a column for each row", "a row of columns", "numbers", "lists", "texts"],
)
def test_an_answer_that_would_become_a_giant_table_is_malformed(rows: list[object]) -> None:
    with pytest.raises(MalformedAnswer, match=r"columns|too many parts"):
        read_json(json.dumps({"OutBlock_1": rows}).encode())


def test_brackets_within_names_are_no_nesting() -> None:
    rows = [{"ISU_NM": f'[{{" {number}', "b": "\\"} for number in range(1_000)]
    body = json.dumps({"OutBlock_1": rows}).encode()
    assert read_json(body) == {"OutBlock_1": rows}
    with pytest.raises(MalformedAnswer, match="nested too deep"):
        read_json(body[:-1] + b', "c": ' + b"[" * 101)


def read_json(body: bytes) -> object:
    classify_response(200, body, wants_json=True)
    return parse_json(body)


def test_data_and_login_pages_pass() -> None:
    classify_response(200, b'{"OutBlock_1":[]}', wants_json=True)
    classify_response(200, "\ufeff {}".encode(), wants_json=True)
    classify_response(200, "<html>로그인 제한 안내</html>".encode(), wants_json=False)


def test_index_dates_come_oldest_first_or_are_refused() -> None:
    assert parse_index_dates(["2021/01/22", "2021/01/21"]) == ["2021-01-21", "2021-01-22"]
    with pytest.raises(MalformedAnswer, match=r"22\.01\.2021"):
        parse_index_dates(["22.01.2021"])

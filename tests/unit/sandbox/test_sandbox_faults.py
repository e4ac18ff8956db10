"""Every failure of the local exchange, one request each: what a client sees of it, and that it is
over afterwards."""

import http.client
import threading
from contextlib import closing
from urllib.parse import urlencode

import pytest
import requests

from sandbox.delivery import ENDLESS
from sandbox.exchange import DATA_PATH, STATISTICS
from sandbox.row_faults import ODD_NAMES
from sandbox.server import LocalExchange
from utils.clock import kst

DAY, BEFORE = "20260910", "20260909"
FORM = {"trdDd": DAY, "mktId": "ALL"}
NAMES = ("ISU_SRT_CD", "ISU_CD", "ISU_ABBRV", "MKT_NM", "SECT_TP_NM", "LIST_SHRS", "MKT_ID")
FIELDS = {"late": {"date": "2026-09-10"}, "drip": {"value": "60"}}


# -- what each failure looks like: asked for the day with numbers, `truth` are the rows it should
# have been


def answers(status, *words):
    def check(visitor, truth):
        answer = _ask(visitor)
        assert answer.status_code == status
        assert all(word in answer.text for word in words)

    return check


def _ask(visitor):
    return visitor.ask("MDCSTAT01501", **FORM)


def at_login(code):
    def check(visitor, truth):
        assert visitor.log_in(skipDup="Y") == code

    return check


def rows(check_rows):
    def check(visitor, truth):
        check_rows(visitor.day(DAY), truth)

    return check


def one_row(column, is_wrong):
    """One cell of the whole table is wrong."""

    def check(shown, truth):
        ((wrong, right),) = _differing(shown, truth)
        assert {key for key in right if right[key] != wrong[key]} == {column}
        assert is_wrong(wrong)

    return rows(check)


def _differing(shown, truth):
    return [pair for pair in zip(shown, truth, strict=True) if pair[0] != pair[1]]


def _number(row, column):
    return int(row[column].replace(",", ""))


def forgets_the_login(visitor, truth):
    assert _ask(visitor).text == "LOGOUT"
    answer = _ask(visitor)
    assert (answer.status_code, answer.text) == (400, "LOGOUT")


def refuses_the_key(visitor, truth):
    answer = visitor.openapi("sto/stk_bydd_trd", BEFORE)
    assert (answer.status_code, answer.json()["respCode"]) == (401, "401")


def never_answers(visitor, truth):
    visitor.patience = 0.2
    with pytest.raises(requests.ReadTimeout):
        _ask(visitor)


def sends_the_head_and_one_byte(visitor, truth):
    with closing(_connect(visitor)) as connection:
        _post(connection, visitor)
        answer = connection.getresponse()
        assert int(answer.headers["Content-Length"]) > 10_000
        assert answer.read(1) == b"{"
        connection.sock.settimeout(0.2)
        with pytest.raises(TimeoutError):
            answer.read(1)


def never_comes_to_its_status(visitor, truth):
    with closing(_connect(visitor)) as connection:
        _post(connection, visitor)
        begins = [connection.sock.recv(25) for _ in range(3)]
    assert begins == [b"HTTP/1.1 100 Continue\r\n\r\n"] * 3


def is_of_65_megabytes(visitor, truth):
    answer = _ask(visitor)
    assert int(answer.headers["Content-Length"]) < 100_000
    assert len(answer.content) == 65 * 2**20 + len('{"OutBlock_1":["')


def is_nested_too_deep(visitor, truth):
    with pytest.raises(RecursionError):
        _ask(visitor).json()


def resets(visitor, truth):
    with closing(_connect(visitor)) as connection:
        _post(connection, visitor)
        with pytest.raises(ConnectionResetError) as end:
            connection.getresponse()
    assert end.type is ConnectionResetError  # not RemoteDisconnected, which is one too


def closes(visitor, truth):
    with closing(_connect(visitor)) as connection:
        _post(connection, visitor)
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()


def dies_half_way(visitor, truth):
    with closing(_connect(visitor)) as connection:
        _post(connection, visitor)
        answer = connection.getresponse()
        promised = int(answer.headers["Content-Length"])
        with pytest.raises(http.client.IncompleteRead) as end:
            answer.read()
        assert len(end.value.partial) == promised // 2


def _connect(visitor):
    return http.client.HTTPConnection(visitor.url.removeprefix("http://"), timeout=5)


def _post(connection, visitor):
    cookies = "; ".join(f"{cookie.name}={cookie.value}" for cookie in visitor.http.cookies)
    headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
    connection.request(
        "POST", DATA_PATH, urlencode({"bld": f"{STATISTICS}MDCSTAT01501", **FORM}), headers
    )


def is_cut_in_half(visitor, truth):
    answer = _ask(visitor)
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    assert answer.text.startswith('{"OutBlock_1":[{')
    with pytest.raises(requests.JSONDecodeError):
        answer.json()


def is_no_json(visitor, truth):
    answer = _ask(visitor)
    assert answer.status_code == 200
    assert answer.text[:1].isalpha()


def is_empty(visitor, truth):
    answer = _ask(visitor)
    assert (answer.status_code, answer.content) == (200, b"")


def has_no_block(visitor, truth):
    assert _ask(visitor).json().keys() == {"CURRENT_DATETIME"}


def lacks_the_close(shown, truth):
    assert shown == [
        {key: cell for key, cell in row.items() if key != "TDD_CLSPRC"} for row in truth
    ]


def calls_the_close_otherwise(shown, truth):
    assert all("TDD_CLSPRC" not in row for row in shown)
    assert [row["TDD_CLSPRC_NEW"] for row in shown] == [row["TDD_CLSPRC"] for row in truth]


def has_columns_that_nobody_knows(shown, truth):
    for row, right in zip(shown, truth, strict=True):
        assert row.keys() - right.keys() == {"ACC_TRDVOL_REG", "ACC_TRDVOL_AFTER", "TRD_NOTE"}
        assert row | right == row
        parts = _number(row, "ACC_TRDVOL_REG"), _number(row, "ACC_TRDVOL_AFTER")
        assert sum(parts) == _number(right, "ACC_TRDVOL") >= 7 * parts[1]


def has_odd_names(shown, truth):
    assert len(shown[0]["ISU_ABBRV"]) == 1_000_000
    for row, right in zip(shown[1:], truth[1:], strict=True):
        assert row["ISU_ABBRV"] in ODD_NAMES
        assert row | {"ISU_ABBRV": right["ISU_ABBRV"]} == right


def is_without_rows(shown, truth):
    assert shown == []


def has_a_tenth_of_the_rows(shown, truth):
    assert shown == truth[: len(truth) // 10]


def looks_closed(shown, truth):
    for row, right in zip(shown, truth, strict=True):
        assert all(row[key] == right[key] for key in NAMES)
        assert (row["FLUC_TP_CD"], row["lateInfoMsgCd"]) == ("0", "")
        assert {row[key] for key in right.keys() - {*NAMES, "FLUC_TP_CD"}} == {"-"}


def says_rows_twice(shown, truth):
    assert shown[: len(truth)] == truth
    assert shown[len(truth) :] == truth[:3]


def is_the_day_before(visitor, truth):
    assert visitor.day(DAY) == visitor.day(BEFORE) != truth


def will_be_corrected(shown, truth):
    """Check less volume and value of five, another close of one of them; nothing in it looks
    wrong."""
    changed = _differing(shown, truth)
    assert len(changed) == 5
    assert sum(wrong["TDD_CLSPRC"] != right["TDD_CLSPRC"] for wrong, right in changed) == 1
    for wrong, right in changed:
        volume, value, close, low, high, cap, shares = (
            _number(wrong, key)
            for key in (
                "ACC_TRDVOL",
                "ACC_TRDVAL",
                "TDD_CLSPRC",
                "TDD_LWPRC",
                "TDD_HGPRC",
                "MKTCAP",
                "LIST_SHRS",
            )
        )
        assert 0 < volume < _number(right, "ACC_TRDVOL")
        assert low * volume <= value <= high * volume
        assert value < _number(right, "ACC_TRDVAL")
        assert low <= close <= high
        assert cap == close * shares
        assert close - _number(wrong, "CMPPREVDD_PRC") == _number(right, "TDD_CLSPRC") - _number(
            right, "CMPPREVDD_PRC"
        )


EXPECTED = {
    "logout": forgets_the_login,
    "wrong_password": at_login("CD003"),
    "password_due": at_login("CD010"),
    "elsewhere": at_login("CD011"),
    "unauthorized": refuses_the_key,
    "ban": answers(403, "<html>", "비정상", "1일", "제한"),
    "ban_page": answers(200, "<html>", "비정상", "1일", "제한"),
    "forbidden": answers(403, "<html>", "blocked"),
    "forbidden_empty": answers(403),
    "maintenance": answers(200, "<html>", "점검"),
    "unknown_page": answers(200, "<html>", "Rejected"),
    "server_error": answers(503, "<html>"),
    "too_many": answers(429),
    "hang": never_answers,
    "drip": sends_the_head_and_one_byte,
    "endless": never_comes_to_its_status,
    "reset": resets,
    "die": dies_half_way,
    "outage": closes,
    "truncated": is_cut_in_half,
    "not_json": is_no_json,
    "too_large": is_of_65_megabytes,
    "deep": is_nested_too_deep,
    "empty": is_empty,
    "no_block": has_no_block,
    "no_column": rows(lacks_the_close),
    "renamed_column": rows(calls_the_close_otherwise),
    "extra_columns": rows(has_columns_that_nobody_knows),
    "odd_names": rows(has_odd_names),
    "no_rows": rows(is_without_rows),
    "few_rows": rows(has_a_tenth_of_the_rows),
    "all_dashes": rows(looks_closed),
    "duplicated_rows": rows(says_rows_twice),
    "bad_cell": one_row("TDD_CLSPRC", lambda row: row["TDD_CLSPRC"] == "N/A"),
    "other_day": is_the_day_before,
    "broken_order": one_row(
        "TDD_LWPRC", lambda row: _number(row, "TDD_LWPRC") > _number(row, "TDD_HGPRC") > 0
    ),
    "after_market_only": one_row(
        "TDD_OPNPRC",
        lambda row: (
            _number(row, "TDD_OPNPRC") == _number(row, "CMPPREVDD_PRC") == 0
            and min(_number(row, name) for name in ("TDD_LWPRC", "TDD_HGPRC", "ACC_TRDVOL")) > 0
        ),
    ),
    "wrong_cap": one_row(
        "MKTCAP",
        lambda row: (
            _number(row, "MKTCAP") != _number(row, "TDD_CLSPRC") * _number(row, "LIST_SHRS")
        ),
    ),
    "negative": one_row("ACC_TRDVOL", lambda row: _number(row, "ACC_TRDVOL") < 0),
    "late": rows(looks_closed),
    "revised": rows(will_be_corrected),
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_failure_happens_once_is_recorded_and_over(name, exchange, at):
    visitor = at(2026, 9, 10, 21)
    truth = visitor.day(DAY)
    exchange.fail(name, times=1, **FIELDS.get(name, {}))
    exchange.reset_counts()
    EXPECTED[name](visitor, truth)
    assert exchange.faults() == []
    assert sum(exchange.counts().values()) > 0
    visitor.patience = 5.0
    assert visitor.log_in(skipDup="Y") == "CD001"
    assert visitor.day(DAY) == truth


# -- values


@pytest.mark.parametrize("status", [500, 502, 504])
def test_a_server_error_can_be_any_of_the_five_hundreds(status, exchange, at):
    exchange.fail("server_error", value=str(status))
    assert _ask(at(2026, 9, 10, 21)).status_code == status


def test_a_drip_brings_everything_in_the_end(exchange, at):
    exchange.fail("drip", kind="page", value="0.0001")
    answer = requests.get(exchange.url + "/contents/MDC/COMS/client/MDCCOMS001.cmd", timeout=5)
    assert answer.text.endswith("</html>")


@pytest.mark.parametrize("part", ENDLESS)
def test_any_part_of_an_answer_can_be_endless(exchange, part):
    exchange.fail("endless", kind="page", value=part)
    before, again = ENDLESS[part]
    expected, received = before + 3 * again, b""
    address = exchange.url.removeprefix("http://")
    with closing(http.client.HTTPConnection(address, timeout=5)) as connection:
        connection.request("GET", "/contents/MDC/COMS/client/MDCCOMS001.cmd")
        while len(received) < len(expected):
            received += connection.sock.recv(4096)
    assert received.startswith(expected)


def test_an_endless_part_must_be_one_that_is_known(exchange):
    with pytest.raises(ValueError, match="head, continue, chunk, gzip, trailer"):
        exchange.fail("endless", value="soul")


def test_another_column_can_be_missing(exchange, at):
    exchange.fail("no_column", value="MKTCAP")
    assert all("MKTCAP" not in row and "TDD_CLSPRC" in row for row in at(2026, 9, 10, 21).day(DAY))


def test_a_larger_share_can_be_left(exchange, at, small_market):
    exchange.fail("few_rows", value="0.5")
    assert len(at(2026, 9, 10, 21).day(DAY)) == len(small_market.day("2026-09-10")) // 2


def test_any_other_day_can_be_shown(exchange, at):
    visitor = at(2026, 9, 10, 21)
    other = visitor.day("20260803")
    exchange.fail("other_day", value="2026-08-03", date="2026-09-10")
    assert visitor.day(DAY) == other


def test_a_bad_cell_can_hold_anything(exchange, at):
    exchange.fail("bad_cell", value="1.5")
    assert at(2026, 9, 10, 21).day(DAY)[0]["TDD_CLSPRC"] == "1.5"


def test_more_tickers_can_be_corrected(exchange, at):
    visitor = at(2026, 9, 10, 21)
    truth = visitor.day(DAY)
    exchange.fail("revised", value="12")
    assert len(_differing(visitor.day(DAY), truth)) == 12


# -- late and revised


INDEX = {"indIdx": "1", "indIdx2": "001", "strtDd": "20260901", "endDd": "20260930"}


def _index_days(visitor):
    return [row["TRD_DD"] for row in visitor.rows("MDCSTAT00301", **INDEX)]


def test_late_data_is_what_the_exchange_itself_shows_before_the_market(exchange, at):
    for ask in (
        lambda visitor: visitor.day(DAY),
        lambda visitor: visitor.rows("MDCSTAT03501", mktId="ALL", trdDd=DAY),
    ):
        exchange.clear_faults()
        before_the_market = ask(at(2026, 9, 10, 9))
        exchange.fail("late", date="2026-09-10", until="2026-09-10T21:30")
        assert ask(at(2026, 9, 10, 21)) == before_the_market


def test_late_data_comes_at_its_moment(exchange, at):
    exchange.fail("late", date="2026-09-10", until="2026-09-10T21:30")
    before, after = at(2026, 9, 10, 21, 29).day(DAY), at(2026, 9, 10, 21, 30).day(DAY)
    assert {row["TDD_CLSPRC"] for row in before} == {"-"}
    assert "-" not in {row["TDD_CLSPRC"] for row in after}


def test_late_data_has_no_row_in_the_index_series(exchange, at):
    visitor = at(2026, 9, 10, 21)
    shown = _index_days(visitor)
    exchange.fail("late", date="2026-09-10")
    assert _index_days(visitor) == [day for day in shown if day != "2026/09/10"] != shown


def test_late_data_has_no_rows_in_the_open_api(exchange, at):
    exchange.fail("late", date="2026-09-10", until="2026-09-11T10:00")
    visitor = at(2026, 9, 11, 9)
    for service in ("sto/stk_bydd_trd", "idx/kospi_dd_trd"):
        assert visitor.openapi(service, DAY).json()["OutBlock_1"] == []
        assert visitor.openapi(service, BEFORE).json()["OutBlock_1"]


def test_other_days_are_not_late(exchange, at):
    exchange.fail("late", date="2026-09-10")
    assert "-" not in {row["TDD_CLSPRC"] for row in at(2026, 9, 10, 21).day(BEFORE)}


def test_what_is_revised_is_true_from_eight_the_next_morning(exchange, at):
    final = at(2026, 9, 11, 8).day(DAY)
    exchange.fail("revised")
    assert at(2026, 9, 11, 8).day(DAY) == final
    evening, morning = at(2026, 9, 10, 21).day(DAY), at(2026, 9, 11, 7, 59).day(DAY)
    assert evening == morning != final


# -- the Open API


OPENAPI_ROWS = {
    "no_rows": lambda shown, truth: shown == [],
    "few_rows": lambda shown, truth: shown == truth[: len(truth) // 10],
    "bad_cell": lambda shown, truth: [
        row["TDD_CLSPRC"] for row, _ in _differing(shown, truth)
    ] == ["N/A"],
    "no_column": lambda shown, truth: all("TDD_CLSPRC" not in row for row in shown),
    "other_day": lambda shown, truth: {row["BAS_DD"] for row in shown} == {"20260908"},
    "all_dashes": lambda shown, truth: {
        (row["BAS_DD"], row["TDD_CLSPRC"]) for row in shown
    } == {(BEFORE, "")},
    "broken_order": lambda shown, truth: [
        int(row["TDD_LWPRC"]) - int(row["TDD_HGPRC"]) for row, _ in _differing(shown, truth)
    ] == [1],
    "wrong_cap": lambda shown, truth: len(_differing(shown, truth)) == 1,
    "negative": lambda shown, truth: [
        row["ACC_TRDVOL"][0] for row, _ in _differing(shown, truth)
    ] == ["-"],
    "duplicated_rows": lambda shown, truth: shown == [*truth, *truth[:3]],
}  # fmt: skip


@pytest.mark.parametrize("name", OPENAPI_ROWS)
def test_the_open_api_s_rows_can_be_wrong_too(name, exchange, at):
    visitor = at(2026, 9, 10, 21)
    truth = visitor.openapi("sto/stk_bydd_trd", BEFORE).json()["OutBlock_1"]
    exchange.fail(name, kind="openapi")
    shown = visitor.openapi("sto/stk_bydd_trd", BEFORE).json()["OutBlock_1"]
    assert OPENAPI_ROWS[name](shown, truth)


def test_a_holiday_s_answer_of_the_open_api_looks_like_a_real_one(exchange, at):
    visitor = at(2026, 9, 10, 21)
    real = visitor.openapi("sto/stk_bydd_trd", "20260814").json()["OutBlock_1"][0]
    exchange.fail("all_dashes", kind="openapi")
    made = visitor.openapi("sto/stk_bydd_trd", BEFORE).json()["OutBlock_1"][0]
    assert [key for key in made if not made[key]] == [key for key in real if not real[key]]


# -- the end of a connection that hangs


@pytest.fixture
def arrived(exchange):
    """Set when a request has come in."""
    event = threading.Event()
    exchange.exchange.interceptors.insert(0, lambda _: event.set())
    return event


def _handlers():
    return [thread for thread in threading.enumerate() if "process_request_thread" in thread.name]


@pytest.mark.parametrize("name", ["hang", "drip"])
def test_stopping_ends_a_connection_that_hangs(name, exchange, arrived):
    exchange.fail(name, kind="page", value=FIELDS.get(name, {}).get("value"))
    with closing(
        http.client.HTTPConnection(exchange.url.removeprefix("http://"), timeout=5)
    ) as connection:
        connection.request("GET", "/contents/MDC/COMS/client/MDCCOMS001.cmd")
        assert arrived.wait(5)
        exchange.stop()
        with pytest.raises((http.client.RemoteDisconnected, http.client.IncompleteRead)):
            connection.getresponse().read()


def test_a_client_that_leaves_ends_the_hanging(exchange, arrived):
    exchange.fail("hang", kind="page")
    connection = http.client.HTTPConnection(exchange.url.removeprefix("http://"), timeout=5)
    connection.request("GET", "/contents/MDC/COMS/client/MDCCOMS001.cmd")
    assert arrived.wait(5)
    connection.close()
    for thread in _handlers():
        thread.join(timeout=5)
    assert _handlers() == []


def test_a_hanging_request_does_not_hold_up_others(exchange, at, arrived):
    exchange.fail("hang", kind="page", times=1)
    with closing(
        http.client.HTTPConnection(exchange.url.removeprefix("http://"), timeout=5)
    ) as connection:
        connection.request("GET", "/contents/MDC/COMS/client/MDCCOMS001.cmd")
        assert arrived.wait(5)
        assert at(2026, 9, 10, 21).day(DAY)


def test_an_outage_leaves_the_control_door_open(small_market):
    with LocalExchange(small_market, kst(2026, 9, 10, 21)) as exchange:
        exchange.fail("outage", since="2026-09-10T21:00", until="2026-09-10T22:00")
        for path in (
            "/svc/apis/sto/stk_bydd_trd",
            "/contents/MDC/COMS/client/MDCCOMS001.cmd",
            "/nowhere",
        ):
            with pytest.raises(requests.ConnectionError):
                requests.get(exchange.url + path, timeout=5)
        assert (
            requests.get(exchange.url + "/__sandbox__/faults", timeout=5).json()["faults"][0][
                "hits"
            ]
            == 3
        )

"""Scope of a failure: its requests, how often and when; how it is switched on and off, here and
over HTTP."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError

import pytest
import requests

from sandbox.faults import Fault, parse_fault
from sandbox.registry import REGISTRY

FAULTS, PAGE = "/__sandbox__/faults", "/contents/MDC/COMS/client/MDCCOMS001.cmd"
LOGIN = "/contents/MDC/COMS/client/MDCCOMS001D1.cmd"
DAY = {"trdDd": "20260910", "mktId": "ALL"}
INDEX = {"indIdx": "1", "indIdx2": "001", "strtDd": "20260901", "endDd": "20260930"}


@pytest.fixture
def visitor(at):
    return at(2026, 9, 10, 21)


def _statuses(visitor, times):
    return [visitor.ask("MDCSTAT01501", **DAY).status_code for _ in range(times)]


# -- how often


def test_a_failure_happens_as_often_as_it_is_told(exchange, visitor):
    exchange.fail("ban", times=2)
    assert _statuses(visitor, 3) == [403, 403, 200]


def test_a_failure_lasts_until_further_notice(exchange, visitor):
    exchange.fail("ban")
    assert _statuses(visitor, 3) == [403] * 3
    exchange.clear_faults()
    assert _statuses(visitor, 1) == [200]


def test_the_failures_are_listed_with_their_hits(exchange, visitor):
    first, second = exchange.fail("ban", times=5), exchange.fail("too_many", kind="login")
    _statuses(visitor, 3)
    assert [(active.fault, active.hits) for active in exchange.faults()] == [
        (second, 0),
        (first, 3),
    ]


def test_what_is_used_up_is_listed_no_more(exchange, visitor):
    exchange.fail("ban", times=1)
    _statuses(visitor, 1)
    assert exchange.faults() == []


def test_the_last_one_added_is_tried_first_and_only_one_hits(exchange, visitor):
    exchange.fail("ban", times=1)
    exchange.fail("too_many", times=1)
    assert _statuses(visitor, 3) == [429, 403, 200]


def test_one_kind_can_be_cleared(exchange, visitor):
    exchange.fail("ban")
    exchange.fail("too_many")
    exchange.clear_faults("too_many")
    assert _statuses(visitor, 1) == [403]


def test_many_at_once_are_counted_exactly(exchange):
    exchange.fail("ban", kind="page", times=7)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: requests.get(exchange.url + PAGE, timeout=5).status_code, range(40))
        )
    assert answers.count(403) == 7


def test_a_request_with_nothing_to_hit_does_not_count(exchange, at):
    exchange.fail("negative", times=1)
    visitor = at(2026, 9, 12, 12)
    visitor.day("20260912")  # no numbers on a Saturday
    assert [active.hits for active in exchange.faults()] == [0]
    assert any(row["ACC_TRDVOL"].startswith("-") for row in visitor.day("20260910"))
    assert exchange.faults() == []


@pytest.mark.parametrize("name", ["no_rows", "truncated", "die", "other_day", "no_block"])
def test_an_answer_that_is_a_refusal_is_not_changed(name, exchange, browser):
    exchange.fail(name)
    answer = browser().ask("MDCSTAT01501", **DAY)  # not logged in
    assert (answer.status_code, answer.text) == (400, "LOGOUT")


# -- which requests


def test_without_a_kind_the_login_is_left_alone(exchange, browser):
    exchange.fail("ban")
    visitor = browser()
    assert visitor.log_in() == "CD001"
    assert _statuses(visitor, 1) == [403]


@pytest.mark.parametrize("kind", ["page", "login", "data", "openapi"])
def test_a_failure_can_be_for_one_kind_of_request(kind, exchange, visitor):
    exchange.fail("ban", kind=kind)
    statuses = {
        "page": visitor.http.get(exchange.url + PAGE, timeout=5).status_code,
        "login": visitor.http.post(exchange.url + LOGIN, timeout=5).status_code,
        "data": visitor.ask("MDCSTAT01501", **DAY).status_code,
        "openapi": visitor.openapi("sto/stk_bydd_trd", "20260909").status_code,
    }
    assert statuses == dict.fromkeys(statuses, 200) | {kind: 403}


def test_a_failure_can_be_for_one_table(exchange, visitor):
    exchange.fail("ban", request="MDCSTAT03501")
    assert visitor.ask("MDCSTAT03501", **DAY).status_code == 403
    assert _statuses(visitor, 1) == [200]


def test_a_service_of_the_open_api_is_enough_to_name_its_kind(exchange, visitor):
    exchange.fail("no_rows", request="sto/ksq_bydd_trd")
    assert visitor.openapi("sto/ksq_bydd_trd", "20260909").json()["OutBlock_1"] == []
    assert visitor.openapi("sto/stk_bydd_trd", "20260909").json()["OutBlock_1"]


def test_a_key_can_lack_one_service(exchange, visitor):
    exchange.fail("unauthorized", request="sto/ksq_bydd_trd")
    assert visitor.openapi("sto/ksq_bydd_trd", "20260909").status_code == 401
    assert visitor.openapi("sto/stk_bydd_trd", "20260909").status_code == 200


def test_a_failure_can_be_for_one_day(exchange, visitor):
    exchange.fail("no_rows", date="2026-09-09")
    assert visitor.day("20260910")
    assert visitor.day("20260909") == []


def test_a_day_of_the_open_api_can_be_named_too(exchange, visitor):
    exchange.fail("ban", kind="openapi", date="2026-09-09")
    assert visitor.openapi("sto/stk_bydd_trd", "20260908").status_code == 200
    assert visitor.openapi("sto/stk_bydd_trd", "20260909").status_code == 403


def test_wrong_rows_are_for_tables_of_a_day_unless_another_is_named(exchange, visitor):
    exchange.fail("no_rows")
    assert visitor.rows("MDCSTAT00301", **INDEX)
    exchange.fail("no_rows", request="MDCSTAT00301")
    assert visitor.rows("MDCSTAT00301", **INDEX) == []


def test_a_failure_for_a_day_leaves_the_series_alone(exchange, visitor):
    exchange.fail("ban", date="2026-09-10")
    assert visitor.rows("MDCSTAT00301", **INDEX)


# -- when


@pytest.mark.parametrize(("minute", "status"), [(59, 200), (60, 403), (89, 403), (90, 200)])
def test_a_failure_can_have_a_beginning_and_an_end(minute, status, exchange, at):
    exchange.fail("ban", since="2026-09-10T19:00", until="2026-09-10T19:30")
    assert _statuses(at(2026, 9, 10, 18 + minute // 60, minute % 60), 1) == [status]


@pytest.mark.parametrize(("field", "statuses"), [("since", [200, 403]), ("until", [403, 200])])
def test_either_may_be_open(field, statuses, exchange, at):
    exchange.fail("ban", **{field: "2026-09-10T19:00"})
    assert [_statuses(at(2026, 9, 10, hour), 1)[0] for hour in (18, 19)] == statuses


# -- what cannot be


WRONG = [
    ({"name": "earthquake"}, "outage"),
    ({"name": "ban", "times": 0}, "times"),
    ({"name": "ban", "times": "2"}, "times"),
    ({"name": "ban", "times": True}, "times"),
    ({"name": "ban", "kind": "fax"}, "login"),
    ({"name": "logout", "kind": "openapi"}, "data"),
    ({"name": "ban", "request": "MDCSTAT01502"}, "MDCSTAT01501"),
    ({"name": "ban", "kind": "openapi", "request": "MDCSTAT01501"}, "sto/stk_bydd_trd"),
    ({"name": "ban", "date": "20260910"}, "YYYY-MM-DD"),
    ({"name": "ban", "since": "tonight"}, "YYYY-MM-DDTHH:MM"),
    ({"name": "ban", "until": "2026-09-10T19:00+09:00"}, "YYYY-MM-DDTHH:MM"),
    ({"name": "ban", "value": "5"}, "no value"),
    ({"name": "server_error", "value": "200"}, "500"),
    ({"name": "server_error", "value": 500}, "text"),
    ({"name": "drip", "value": "0"}, "positive"),
    ({"name": "few_rows", "value": "1"}, "below 1"),
    ({"name": "no_column", "value": ""}, "empty"),
    ({"name": "other_day", "value": "yesterday"}, "yesterday"),
    ({"name": "other_day", "value": "0"}, "another session"),
    ({"name": "revised", "value": "0"}, "positive"),
    ({"name": "revised", "market": "KOSPI"}, "none"),
    ({"name": "no_rows", "market": "NASDAQ"}, "KOSPI, KOSDAQ, KONEX"),
    ({"name": "no_rows", "rows": "5"}, "no number of rows"),
    ({"name": "negative", "rows": "0"}, "1 or more"),
    ({"name": "negative", "rows": "0%"}, "above 0"),
    ({"name": "negative", "rows": "101%"}, "at most 100"),
    ({"name": "negative", "rows": "many"}, "many"),
    ({"name": "negative", "rows": 5}, "text"),
    ({"name": "late"}, "date"),
    ({"name": "ban", "often": 3}, "often"),
]


@pytest.mark.parametrize(("told", "word"), WRONG)
def test_a_failure_that_cannot_be_is_refused(told, word, exchange):
    with pytest.raises(ValueError, match=word):
        exchange.fail(**told)
    answer = requests.post(exchange.url + FAULTS, json=told, timeout=5)
    assert answer.status_code == 400
    assert word in answer.json()["error"]
    assert exchange.faults() == []


def test_an_unknown_name_is_told_all_names(exchange):
    for wrong in (lambda: exchange.fail("earthquake"), lambda: exchange.clear_faults("earthquake")):
        with pytest.raises(ValueError, match="earthquake") as error:
            wrong()
        assert all(name in str(error.value) for name in REGISTRY)


def test_a_fault_is_a_value():
    fault = Fault("ban", times=2)
    assert fault == Fault("ban", 2)
    with pytest.raises(FrozenInstanceError):
        fault.times = 3


# -- over HTTP


def test_another_process_switches_failures_on_lists_and_clears_them(exchange, visitor):
    door = exchange.url + FAULTS
    added = requests.post(door, json={"name": "ban", "times": 2, "date": "2026-09-10"}, timeout=5)
    assert (added.status_code, len(added.json()["faults"])) == (200, 1)
    assert _statuses(visitor, 1) == [403]
    assert requests.get(door, timeout=5).json() == {
        "faults": [{"name": "ban", "times": 2, "date": "2026-09-10", "hits": 1}]
    }
    assert requests.delete(door, timeout=5).json() == {"faults": []}
    assert _statuses(visitor, 1) == [200]


def test_several_can_be_switched_on_at_once(exchange, visitor):
    requests.post(
        exchange.url + FAULTS,
        json=[{"name": "ban", "times": 1}, {"name": "too_many", "times": 1}],
        timeout=5,
    )
    assert _statuses(visitor, 3) == [429, 403, 200]


@pytest.mark.parametrize(
    "body", ["", "ban", "5", '"ban"', "{}", '[{"name": "ban"}, {"name": "bad"}]', '{"name": 5}']
)
def test_what_is_no_failure_is_refused_whole(body, exchange):
    answer = requests.post(exchange.url + FAULTS, data=body, timeout=5)
    assert (answer.status_code, answer.json().keys()) == (400, {"error"})
    assert exchange.faults() == []


def test_the_control_door_is_not_recorded(exchange):
    requests.get(exchange.url + FAULTS, timeout=5)
    assert exchange.requests() == []


# -- on the command line


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("ban", Fault("ban")),
        ("server_error:value=500,times=3", Fault("server_error", times=3, value="500")),
        (
            "late:date=2026-09-10,until=2026-09-10T21:30",
            Fault("late", date="2026-09-10", until="2026-09-10T21:30"),
        ),
        ("sudden_halts:market=KONEX,rows=0.4%", Fault("sudden_halts", market="KONEX", rows="0.4%")),
        ("no_rows:request=sto/stk_bydd_trd", Fault("no_rows", request="sto/stk_bydd_trd")),
    ],
)
def test_a_failure_can_be_written_in_a_word(text, fault):
    assert parse_fault(text) == fault


@pytest.mark.parametrize("text", ["", "earthquake", "ban:2", "ban:times=often", "ban:time=2"])
def test_a_word_that_is_no_failure_is_refused(text):
    with pytest.raises(ValueError, match=r"earthquake|key=value|times|called"):
        parse_fault(text)

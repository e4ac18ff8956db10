import http.client
from dataclasses import replace

import pytest
import requests

from sandbox.exchange import Response
from sandbox.server import LocalExchange
from utils.clock import kst

CLOCK, REQUESTS = "/__sandbox__/clock", "/__sandbox__/requests"


def test_requests_are_counted_by_kind(exchange, browser):
    visitor = browser()
    visitor.log_in()
    visitor.day("20260910")
    requests.get(exchange.url + "/svc/apis/sto/stk_bydd_trd?basDd=20260910", timeout=5)
    assert exchange.counts() == {"data": 1, "login": 1, "openapi": 1, "page": 1, "other": 0}
    exchange.reset_counts()
    assert exchange.counts()["data"] == 0


def test_a_record_says_what_was_asked_and_when(exchange, at):
    at(2026, 9, 10, 19).day("20260910")
    record = exchange.requests()[-1]
    assert (record.kind, record.name, record.dates) == (
        "data",
        "MDCSTAT01501",
        {"trdDd": "20260910"},
    )
    assert f"{record.at:%Y-%m-%d %H:%M}" == "2026-09-10 19:00"


def test_another_process_can_set_the_clock(exchange):
    answer = requests.put(exchange.url + CLOCK, json={"kst": "2026-10-01T18:30:00"}, timeout=5)
    assert answer.json()["kst"].startswith("2026-10-01T18:30")
    assert (
        requests.get(exchange.url + CLOCK, timeout=5).json()["kst"].startswith("2026-10-01T18:30")
    )
    assert f"{exchange.exchange.clock.now_kst():%m-%d %H:%M}" == "10-01 18:30"


@pytest.mark.parametrize(
    "body", [b"", b"{}", b'{"kst": 5}', b'{"kst": "noon"}', b'{"kst": "2026-10-01T18:30:00+00:00"}']
)
def test_a_clock_that_makes_no_sense_is_refused(exchange, body):
    assert requests.put(exchange.url + CLOCK, data=body, timeout=5).status_code == 400


def test_another_process_can_read_and_forget_requests_uncounted(exchange, at):
    at(2026, 9, 10, 19).day("20260910")
    document = requests.get(exchange.url + REQUESTS, timeout=5).json()
    assert document["counts"]["data"] == 1
    assert document["requests"][-1]["trdDd"] == "20260910"
    assert sum(requests.delete(exchange.url + REQUESTS, timeout=5).json()["counts"].values()) == 0
    assert exchange.requests() == []


def test_one_connection_serves_many_requests(exchange):
    connection = http.client.HTTPConnection(exchange.url.removeprefix("http://"), timeout=5)
    for _ in range(3):
        connection.request("GET", "/contents/MDC/COMS/client/MDCCOMS001.cmd")
        answer = connection.getresponse()
        assert int(answer.headers["Content-Length"]) == len(answer.read())
        assert not answer.will_close
    connection.close()


def test_nothing_is_logged(exchange, at, capfd):
    at(2026, 9, 10, 19).day("20260910")
    requests.get(exchange.url + "/nowhere", timeout=5)
    assert capfd.readouterr() == ("", "")


def test_after_the_end_open_connections_are_dead_too(small_market):
    with LocalExchange(small_market) as exchange:
        connection = http.client.HTTPConnection(exchange.url.removeprefix("http://"), timeout=5)
        connection.request("GET", CLOCK)
        connection.getresponse().read()
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        _ask_again(connection)


def _ask_again(connection):
    connection.request("GET", CLOCK)
    connection.getresponse()


def test_a_port_can_be_chosen_but_not_twice(exchange, small_market):
    port = int(exchange.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match="in use"), LocalExchange(small_market, port=port):
        pass


def test_an_interceptor_before_the_others_answers_first(exchange, browser):
    refusal = Response(503, b"maintenance")
    exchange.exchange.interceptors.insert(
        0, lambda request: refusal if request.path.startswith("/comm/") else None
    )
    answer = browser().ask("MDCSTAT01501", trdDd="20260910", mktId="ALL")
    assert (answer.status_code, answer.text) == (503, "maintenance")


def test_an_interceptor_can_change_the_real_answer(exchange, at):
    visitor = at(2026, 9, 10, 20)
    real = exchange.exchange.interceptors[-1]
    exchange.exchange.interceptors.insert(
        -1, lambda request: replace(real(request), body=real(request).body[:100])
    )
    assert len(visitor.ask("MDCSTAT01501", trdDd="20260910", mktId="ALL").content) == 100


def test_the_clock_runs_on_from_where_it_was_set(exchange):
    exchange.set_time(kst(2026, 9, 10, 19))
    first = exchange.exchange.clock.now_utc()
    assert exchange.exchange.clock.now_utc() >= first

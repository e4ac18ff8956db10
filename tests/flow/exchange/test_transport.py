"""Transport: however an answer fails to arrive, the request ends in time, as an error of ours, over
a real connection."""

import socket
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from collectors.exchange import deadline, transport
from collectors.exchange.openapi import OpenApiSource
from collectors.exchange.transport import Gate
from sandbox.delivery import ENDLESS
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from utils.clock import kst
from utils.errors import (
    AnswerCutOff,
    Banned,
    MalformedAnswer,
    NotNow,
    QuotaUsed,
    SourceDown,
    SourceError,
)
from utils.store import Store
from utils.store.locks import COLLECTION
from utils.store.sqlite import SqliteBackend

SESSION = "2026-09-09"


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[LocalExchange]:
    with LocalExchange(market, kst(2026, 9, 10, 20)) as exchange:
        yield exchange


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(SqliteBackend(tmp_path), FakeClock(kst(2026, 9, 10, 20)))


def connect(
    exchange: LocalExchange, store: Store, interval: float = 0, limit: int | None = None
) -> OpenApiSource:
    gate = Gate("openapi", store, timedelta(seconds=interval), store.clock.sleep, limit)
    return OpenApiSource("demo-key", exchange.url, gate)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("hang", SourceDown),
        ("reset", SourceDown),
        ("outage", SourceDown),
        ("die", SourceDown),
        ("server_error", SourceDown),
        ("maintenance", SourceDown),
        ("truncated", AnswerCutOff),
        ("empty", AnswerCutOff),
    ],
)
def test_an_answer_that_does_not_arrive_whole_is_an_outage(
    exchange: LocalExchange,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    kind: type[SourceError],
) -> None:
    monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.3)
    exchange.fail(fault, times=1, kind="openapi")
    source = connect(exchange, store)
    with pytest.raises(kind) as caught:
        source.fetch_day(SESSION)
    assert type(caught.value) is kind
    assert len(source.fetch_day(SESSION)) > 50, "the connection is usable again"


ENDLESS_PARTS = [("endless", part) for part in ENDLESS]


@pytest.mark.parametrize(("fault", "value"), [("drip", "0.01"), ("hang", None), *ENDLESS_PARTS])
def test_one_deadline_holds_for_every_byte_of_an_answer(
    exchange: LocalExchange,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
    fault: str,
    value: str | None,
) -> None:
    monkeypatch.setattr(store.clock, "monotonic", time.monotonic)
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.3)
    exchange.fail(fault, times=1, kind="openapi", value=value)
    source, begun = connect(exchange, store), time.monotonic()
    with pytest.raises(SourceDown, match="did not answer in time"):
        source.fetch_day(SESSION)
    assert time.monotonic() - begun < 2
    assert_no_request_is_left()
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 60)
    assert len(source.fetch_day(SESSION)) > 50, "the next request has a connection of its own"


def assert_no_request_is_left() -> None:
    """What was given up has ended too: its connection was cut."""
    left = [each for each in threading.enumerate() if isinstance(each, deadline._CallingThread)]
    for each in left:
        each.join(2)
    assert not [each for each in left if each.is_alive()]


@pytest.mark.parametrize("fault", ["too_large", "deep"])
def test_an_answer_that_would_not_fit_is_malformed(
    exchange: LocalExchange, store: Store, fault: str
) -> None:
    exchange.fail(fault, times=1, kind="openapi")
    source = connect(exchange, store)
    with pytest.raises(MalformedAnswer, match=r"larger than 64 MB|nested too deep"):
        source.fetch_day(SESSION)
    assert len(source.fetch_day(SESSION)) > 50


def test_nothing_is_sent_for_whom_nobody_waits_any_more(
    exchange: LocalExchange, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look-up of the name takes longer than the deadline, and a socket has no limit for it."""
    looked_up, real = threading.Event(), socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        looked_up.wait(10)
        return real(*args, **kwargs)

    monkeypatch.setattr(store.clock, "monotonic", time.monotonic)
    monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", slow)
    with pytest.raises(SourceDown, match="in time"):
        connect(exchange, store).fetch_day(SESSION)
    looked_up.set()
    assert_no_request_is_left()
    assert exchange.requests() == []


def test_requests_keep_their_distance(exchange: LocalExchange, store: Store) -> None:
    connect(exchange, store, interval=2).fetch_day(SESSION)
    assert [wait for wait in store.clock.slept if wait] == [2.0, 2.0]  # type: ignore[attr-defined]


def test_the_daily_limit_is_never_passed_and_ends_at_midnight(
    exchange: LocalExchange, store: Store
) -> None:
    source = connect(exchange, store, limit=4)
    source.fetch_day(SESSION)
    with pytest.raises(QuotaUsed, match=r"The 4 requests a day .* midnight KST"):
        source.fetch_day(SESSION)
    assert exchange.counts()["openapi"] == 4
    store.clock.advance(hours=4)  # type: ignore[attr-defined]
    assert len(source.fetch_day(SESSION)) > 50


def test_a_block_that_ends_within_minutes_is_waited_for(
    exchange: LocalExchange, store: Store
) -> None:
    store.sources.block("openapi", store.clock.now_utc() + timedelta(minutes=5), "banned")
    assert len(connect(exchange, store).fetch_day(SESSION)) > 50
    assert sum(store.clock.slept) == 5 * 60  # type: ignore[attr-defined]


def test_a_longer_block_is_said_with_the_hour_it_ends(
    exchange: LocalExchange, store: Store
) -> None:
    store.sources.block("openapi", store.clock.now_utc() + timedelta(minutes=6), "banned")
    with pytest.raises(Banned, match="until 2026-09-10 20:06 KST"):
        connect(exchange, store).fetch_day(SESSION)
    assert exchange.requests() == []


def test_every_request_is_a_heartbeat_of_the_locks(exchange: LocalExchange, store: Store) -> None:
    with store.locks.hold(COLLECTION):
        store.clock.advance(minutes=9)  # type: ignore[attr-defined]
        connect(exchange, store).fetch_day(SESSION)
        renewed = store.backend.find("system_info.locks")[0]["heartbeat_utc"]
    assert renewed == store.clock.now_utc()


def test_a_stop_request_ends_the_wait(exchange: LocalExchange, store: Store) -> None:
    def stop(seconds: float) -> None:
        raise NotNow("stopped")

    gate = Gate("openapi", store, timedelta(0), stop)
    with pytest.raises(NotNow):
        OpenApiSource("demo-key", exchange.url, gate).fetch_day(SESSION)
    assert exchange.requests() == []


@pytest.mark.parametrize(("fault", "value"), [("drip", "0.01"), ("hang", None), *ENDLESS_PARTS])
def test_a_stop_request_is_heard_within_two_seconds_wherever_an_answer_is(
    exchange: LocalExchange, store: Store, fault: str, value: str | None
) -> None:
    exchange.fail(fault, kind="openapi", value=value)
    asked: list[float] = []

    def stop_when_asked(seconds: float) -> None:
        if exchange.requests():
            asked.append(time.monotonic())
            raise NotNow("stopped")

    gate = Gate("openapi", store, timedelta(0), stop_when_asked)
    begun = time.monotonic()
    with pytest.raises(NotNow):
        OpenApiSource("demo-key", exchange.url, gate).fetch_day(SESSION)
    assert asked[0] - begun < 2, "it is looked for that often"
    assert time.monotonic() - asked[0] < 1
    assert_no_request_is_left()

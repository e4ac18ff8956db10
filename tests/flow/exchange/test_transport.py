"""Transport: however an answer fails to arrive, the request ends in time, as an error of ours, over
a real connection."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from collectors.exchange import transport
from collectors.exchange.openapi import OpenApiSource
from collectors.exchange.transport import Gate
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from utils.clock import kst
from utils.errors import AnswerCutOff, Banned, NotNow, QuotaUsed, SourceDown, SourceError
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


def test_an_answer_that_drips_without_end_is_given_up(
    exchange: LocalExchange, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = iter(range(0, 10_000, 50))  # seconds on the stopwatch at each look
    monkeypatch.setattr(store.clock, "monotonic", lambda: next(passed))
    exchange.fail("drip", kind="openapi", value="0.01")
    with pytest.raises(SourceDown, match="in time"):
        connect(exchange, store).fetch_day(SESSION)


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


def test_a_stop_request_ends_an_answer_that_drips(exchange: LocalExchange, store: Store) -> None:
    exchange.fail("drip", kind="openapi", value="0.01")

    def stop_when_asked(seconds: float) -> None:
        if exchange.requests():
            raise NotNow("stopped")

    gate = Gate("openapi", store, timedelta(0), stop_when_asked)
    with pytest.raises(NotNow):
        OpenApiSource("demo-key", exchange.url, gate).fetch_day(SESSION)

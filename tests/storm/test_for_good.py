"""What the exchange shows for good is accepted, however odd it is: each session is stored on its
own evening, at 20:40 at the latest."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sandbox.lies import ComesTo, Lie
from sandbox.synthetic import SyntheticMarket
from tests.harness import Exchange, Installation
from tests.harness.receiver import receiving
from utils.clock import kst

SET_UP = kst(2026, 9, 15, 20, 40)
EVENINGS = [SET_UP + timedelta(days) for days in (1, 2, 3)]
TO_AFTER_MARKET = timedelta(minutes=100)


@pytest.fixture(scope="module")
def exchange() -> Iterator[Exchange]:
    market = SyntheticMarket(300, first="2026-08-03", last="2026-09-30")
    with Exchange(SET_UP, market) as exchange:
        yield exchange


@pytest.mark.parametrize(
    ("lie", "odd_evenings"),
    [
        (Lie("no_rows", ComesTo.WAITS, market="KONEX"), 1),
        (Lie("new_tickers", ComesTo.WAITS, rows="60", market="KONEX"), 1),
        (Lie("doubled_shares", ComesTo.WAITS, market="KOSPI"), 1),
        (Lie("no_value", ComesTo.WAITS, market="KOSDAQ"), 3),
        (Lie("no_number", ComesTo.SET_ASIDE, rows="1"), 0),
    ],
    ids=lambda each: each.name if isinstance(each, Lie) else "",
)
def test_what_the_exchange_shows_for_good_is_stored_on_its_own_evening(
    lie: Lie, odd_evenings: int, exchange: Exchange, tmp_path: Path
) -> None:
    with receiving() as receiver:
        installation = Installation(exchange, tmp_path, {"NOTIFY_URLS": receiver.notify_url})
        exchange.clear_faults()
        installation.load(SET_UP, "--sessions", "2")
        for evening in EVENINGS:
            exchange.fail(lie.fault, date=f"{evening:%Y-%m-%d}", market=lie.market, rows=lie.rows)
        waited = 0
        for evening in EVENINGS:
            waited += installation.run(evening - TO_AFTER_MARKET, "daily_update").code == 75
            installation.must(evening, "daily_update")
            head = installation.read(evening)["heads"][-1]
            assert head.session == f"{evening:%Y-%m-%d}"
            assert bool(head.set_aside) == (lie.comes_to is ComesTo.SET_ASIDE)
        told = [
            each for each in receiver.messages if "is odd and not stored yet" in each["message"]
        ]
    assert waited == odd_evenings == len(told)

"""Months of nights on which the exchange lies: once it tells the truth, every session is stored
right within five sessions, and every later one on its own evening, without a hand.

The lies come from the catalogue (`sandbox.lies`), in an order that the seed draws. `LIES_SEED=7`
draws another.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sandbox.lies import ComesTo
from sandbox.synthetic import SyntheticMarket
from tests.harness import KEY, Exchange, Installation
from tests.harness.receiver import Receiver, receiving
from tests.storm.lies.life import Life
from tests.storm.lies.plan import make_plan
from tests.storm.soak.truth import Truth
from tests.summary import SIMULATED_NIGHTS
from utils.clock import kst

SEED = int(os.environ.get("LIES_SEED", "1"))
FIRST, LAST = "2026-08-03", "2026-12-23"
HISTORY = 12
TICKERS = 300
"""So many make KONEX a market of thirteen, and one odd row less than 1 % of KOSPI."""
SITE, BOTH = ("page", "login", "data"), ("page", "login", "data", "openapi")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize(
    ("kinds", "seed"),
    [
        pytest.param(SITE, SEED, id="with the account"),
        pytest.param(BOTH, SEED + 1000, id="with account and key"),
    ],
)
def test_once_the_exchange_tells_the_truth_every_session_is_right_within_five(
    kinds: tuple[str, ...],
    seed: int,
    tmp_path: Path,
    receiver: Receiver,
    record_property: Callable[[str, object], None],
) -> None:
    market = SyntheticMarket(TICKERS, seed, FIRST, LAST)
    nights = market.sessions[HISTORY:]
    plan = make_plan(seed, nights, kinds, {ComesTo.REFUSED})
    with Exchange(kst(2026, 8, 3, 19), market) as exchange:
        own = {"NOTIFY_URLS": receiver.notify_url}
        if "openapi" in kinds:
            own["KRX_OPENAPI_KEY"] = KEY
        installation = Installation(exchange, tmp_path, own)
        life = Life(plan, installation, exchange, receiver, Truth(market), HISTORY)
        record_property(SIMULATED_NIGHTS, life.live())

"""Months of nights on which the exchange lies: once it tells the truth, every session is stored
right within five sessions, and every later one on its own evening, without a hand.

The lies come from the catalogue (`sandbox.lies`), in an order that the seed draws. `LIES_SEED=7`
draws another.
"""

import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from sandbox.lies import ComesTo
from sandbox.synthetic import SyntheticMarket
from tests.harness import KEY, Exchange, Installation, small_market
from tests.harness.receiver import Receiver, receiving
from tests.storm.lies.life import Life
from tests.storm.lies.plan import make_plan
from tests.storm.soak.truth import Truth
from tests.summary import SIMULATED_NIGHTS
from utils.clock import kst

SEED = int(os.environ.get("LIES_SEED", "13").replace("all", "13"))
FIRST, LAST, LAST_PLANNED = "2026-08-03", "2026-10-30", "2026-12-23"
HISTORY = 12
TICKERS = 300
"""So many make KONEX a market of thirteen, and one odd row less than 1 % of KOSPI."""
SITE, BOTH = ("page", "login", "data"), ("page", "login", "data", "openapi")


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@pytest.mark.parametrize("seed", range(20))
def test_a_plan_is_the_same_again_and_leaves_five_sessions_of_truth_after_each_lie(
    seed: int,
) -> None:
    sessions = [session for session in small_market().sessions if FIRST <= session <= LAST_PLANNED]
    plan = make_plan(seed, sessions, BOTH, set(ComesTo))
    assert plan == make_plan(seed, sessions, BOTH, set(ComesTo))
    assert len(plan.episodes) > 5
    for episode, following in pairwise(plan.episodes):
        last = max(str(fault.until) for told in episode.told for fault in told.faults)
        assert last < sessions[episode.true] + "T19:00"
        assert episode.right == episode.true + 4 < following.first


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
    plan = make_plan(seed, nights, kinds, set(ComesTo))
    with Exchange(kst(2026, 8, 3, 19), market) as exchange:
        own = {"NOTIFY_URLS": receiver.notify_url}
        if "openapi" in kinds:
            own["KRX_OPENAPI_KEY"] = KEY
        installation = Installation(exchange, tmp_path, own)
        life = Life(plan, installation, exchange, receiver, Truth(market), HISTORY)
        record_property(SIMULATED_NIGHTS, life.live())

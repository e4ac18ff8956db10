"""Each lie about a day, told at 19:00: it comes to what the catalogue says, and at 08:02, when the
exchange tells the truth, the session is stored right.

The market is so large that 0.5 % of KOSPI are three rows. One lie of each fault is played, which
the seed draws as in `test_lies`; with `LIES_SEED=all` each lie is.
"""

import os
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.lies import FIGURES_OF_LIES, ComesTo, Lie, Reading
from sandbox.synthetic import SyntheticMarket
from tests.harness import Exchange, Installation
from tests.storm.soak.truth import Truth
from tests.storm.test_lies import SEED
from utils.clock import kst
from utils.store import Store

SET_UP, MORNING = kst(2026, 9, 15, 19), kst(2026, 9, 16, 8, 2)
EVENING, NEXT_MORNING = kst(2026, 9, 16, 19), kst(2026, 9, 17, 8, 2)
TONIGHT = "2026-09-16"
TICKERS = 1_800
HISTORY, OLDER = "6", "-20"
"""Sessions stored before, and the value of a lie that tells an older one's figures: nothing stored
tells of that one, so it waits."""


def played() -> list[Lie]:
    """Return the lies that are played, in the catalogue's order."""
    lies = [lie for lie in FIGURES_OF_LIES if "data" in lie.kinds]
    if os.environ.get("LIES_SEED") == "all":
        return lies
    mixed = random.Random(SEED).sample(lies, len(lies))
    drawn = {lie.fault: lie for lie in mixed}
    return [lie for lie in lies if lie in drawn.values()]


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(TICKERS, first="2026-08-03", last="2026-09-30")


@pytest.fixture(scope="module")
def exchange(market: SyntheticMarket) -> Iterator[Exchange]:
    with Exchange(SET_UP, market) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def prepared(exchange: Exchange, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation of which every session is final before the lie."""
    folder = tmp_path_factory.mktemp("prepared")
    installation = Installation(exchange, folder)
    installation.load(SET_UP, "--sessions", HISTORY)
    installation.must(MORNING, "daily_update")
    return folder


def outcome(store: Store) -> ComesTo:
    """Return what has become of the session of this evening."""
    head = store.sessions.head(TONIGHT)
    if head is not None:
        return ComesTo.SET_ASIDE if head.set_aside else ComesTo.STORED
    (job,) = [job for job in store.jobs.records("daily_update") if job["date_kst"] == TONIGHT]
    return ComesTo.WAITS if job["error"]["kind"] == "odd" else ComesTo.REFUSED


@pytest.mark.parametrize("lie", played(), ids=lambda lie: lie.name)
def test_a_lie_of_one_evening_comes_to_what_the_catalogue_says(
    lie: Lie, exchange: Exchange, market: SyntheticMarket, prepared: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(prepared, tmp_path / "installation")
    installation = Installation(exchange, folder)
    exchange.fail(**lie.told(TONIGHT, Reading.EVENING, "data").told())
    comes_to = ComesTo.WAITS if lie.value == OLDER else lie.comes_to
    ended = installation.run(EVENING, "daily_update")
    exchange.clear_faults()
    with installation.opened(EVENING) as store:
        assert outcome(store) is comes_to, ended.log
    assert (ended.code == 0) == (comes_to in (ComesTo.STORED, ComesTo.SET_ASIDE)), ended.log
    assert "Traceback" not in ended.log
    installation.must(NEXT_MORNING, "daily_update")
    with installation.opened(NEXT_MORNING) as store:
        head = store.sessions.head(TONIGHT)
    assert head is not None
    assert (head.finality, head.digest) == ("final", Truth(market).digest(TONIGHT))

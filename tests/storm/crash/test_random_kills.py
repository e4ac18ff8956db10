"""kill -9 at random moments of the three scripts: the next run ends as an undisturbed one."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from tests.harness import Exchange
from tests.storm.crash.random_kills import KILLED, Host, Scene
from tests.storm.crash.seed import SEED
from tests.storm.forks import Forks
from tests.summary import CRASH_POINTS

pytestmark = pytest.mark.timeout(1200)
KILLS = int(os.environ.get("RANDOM_KILLS") or 200)
"""All together."""
MOST_LINES = 40


@pytest.fixture(params=KILLED)
def scene(
    request: pytest.FixtureRequest, standing_exchange: Exchange, forks: Forks, tmp_path: Path
) -> Scene:
    return Scene(Host(standing_exchange, forks, tmp_path / "host", tmp_path), request.param)


def test_after_a_kill_at_any_moment_the_next_run_makes_it_whole(
    scene: Scene,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    begun, wrong, kills, rounds = time.monotonic(), [], 0, 0
    while kills < -(-KILLS // len(KILLED)):
        rounds += 1
        killed = scene.kill_some(Random(f"{SEED} {request.node.name} {rounds}"))
        wrong += [f"round {rounds}, {killed} kills: {each}" for each in scene.finish(killed)]
        kills += killed
    seconds = time.monotonic() - begun
    record_property(
        CRASH_POINTS,
        f"{request.node.callspec.id}: killed {kills} times in {rounds} rounds "
        f"(BREAK_SEED={SEED}), {seconds:.0f} s",
    )
    assert not wrong, "\n".join(wrong[:MOST_LINES])

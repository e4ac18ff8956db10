"""kill -9 at any write and any request, any number of times: the next run ends as an undisturbed
one would have."""

import itertools
import random
import time
from collections.abc import Callable

import pytest

from tests.storm.crash.dump import differences
from tests.storm.crash.scenes import SCENES, Scene, Stage, died
from tests.storm.crash.seed import SEED
from tests.summary import CRASH_POINTS

Record = Callable[[str, object], None]
pytestmark = pytest.mark.timeout(1200)
MOST_KILLS = 5
MOST_LINES = 40
ROUNDS = {"sqlite": 8, "mongodb": 3}
STRIDES = {"sqlite": 1, "mongodb": 4}
"""Points from one that is tried to the next. Over the server each takes seconds, so a day tries a
quarter of them, and four days in a row all."""


@pytest.fixture(params=SCENES)
def scene(request: pytest.FixtureRequest, stage: Stage) -> Scene:
    return Scene(stage, *SCENES[request.param])


def test_after_a_kill_at_any_point_the_next_run_makes_it_whole(
    scene: Scene, record_property: Record
) -> None:
    begun, wrong, left, followed, stride = (
        time.monotonic(),
        [],
        scene.begins_with,
        0,
        STRIDES[scene.database],
    )
    for number in itertools.count(1 + SEED % stride, stride):
        scene.restart()
        ended = scene.start(0, kill_at=number)
        if not died(ended):
            break
        assert len(ended.points) == number
        point, before, left = f"point {number}, {ended.points[-1]}", left, scene.dump()
        if stride == 1 and ended.points[-1].startswith("before"):
            # Nothing was written since the last point, and that was followed.
            wrong += [f"{point}: {each}" for each in differences(before, left)]
        else:
            followed += 1
            wrong += [f"{point}: {each}" for each in scene.finish(1)]
    seconds = time.monotonic() - begun
    record_property(
        CRASH_POINTS,
        f"{scene}: killed at one in {stride} of {number - 1} points (BREAK_SEED={SEED}), "
        f"{followed} of them followed, "
        f"{seconds:.0f} s",
    )
    assert number > len(scene.points)
    assert not wrong, "\n".join(wrong[:MOST_LINES])


def test_kills_of_one_run_after_the_other_change_nothing_in_the_end(
    scene: Scene, record_property: Record
) -> None:
    begun, wrong, kills = time.monotonic(), [], 0
    for seed in range(ROUNDS[scene.database]):
        dice = random.Random(f"{scene} {seed}")
        scene.restart()
        for number in range(MOST_KILLS):
            if not died(scene.start(number, kill_at=dice.randint(1, len(scene.points)))):
                break
            kills += 1
        wrong += [f"seed {seed}: {each}" for each in scene.finish(number + 1)]
    seconds = time.monotonic() - begun
    record_property(
        CRASH_POINTS,
        f"{scene}: killed {kills} times in {ROUNDS[scene.database]} rounds, {seconds:.0f} s",
    )
    assert not wrong, "\n".join(wrong[:MOST_LINES])

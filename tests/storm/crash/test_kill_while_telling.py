"""kill -9 while people are told of a night: the next run tells it, and what is kept of it ends as
it would have."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.harness.receiver import Receiver, receiving
from tests.storm.crash.scenes import SCENES, Scene, Stage, died

pytestmark = pytest.mark.timeout(1200)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def test_after_a_kill_at_any_point_of_telling_the_next_run_tells(
    stage: Stage, receiver: Receiver
) -> None:
    before, run = SCENES["hourly_analysis"]
    scene = Scene(
        stage,
        before,
        replace(run, settings={"NOTIFY_URLS": receiver.notify_url, "NOTIFY_DIGEST": "both"}),
    )
    assert len(receiver.messages) == 1
    first = next(number for number, point in enumerate(scene.points, 1) if "incidents" in point)
    sent = next(number for number, point in enumerate(scene.points, 1) if "POST" in point)
    for number in range(first - 2, len(scene.points) + 1):
        scene.restart()
        receiver.arrived = []
        assert died(scene.start(0, kill_at=number))
        told_before = len(receiver.messages)
        assert told_before == 0 or number > sent
        assert scene.finish(1) == [], scene.points[number - 1]
        assert 1 <= len(receiver.messages) <= 1 + told_before

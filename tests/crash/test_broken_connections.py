"""The connection to MongoDB breaks at a numbered message: once is outlasted, for good is told and made up for."""

import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.databases import MongoServer
from tests.crash.dump import differences
from tests.crash.forks import Forks
from tests.crash.proxy import FOR_GOOD, Fault, Plan, Proxy, primary_of, through
from tests.crash.scenes import SCENES, Ended, Scene, Stage
from tests.summary import BROKEN_CONNECTIONS
from utils.errors import EXIT_FAILED

Record = Callable[[str, object], None]
pytestmark = pytest.mark.timeout(600)
POINTS_PER_FAULT = 2
POINTS_FOR_GOOD = 2
CLEAR = ("The connection to MongoDB breaks again and again", "MongoDB does not answer")
NO_SERVER = "MONGODB_TEST_URI IS NOT SET: NO CONNECTION TO A MONGODB SERVER WAS BROKEN"


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    if not (uri := os.environ.get("MONGODB_TEST_URI")):
        pytest.skip(NO_SERVER)
    if re.search(r"^mongodb\+srv:|\b(tls|ssl)=true", uri):
        pytest.skip("MONGODB_TEST_URI ASKS FOR TLS: THE PROXY CANNOT READ IT, AND NO CONNECTION WAS BROKEN")
    proxy = Proxy(primary_of(uri))
    yield proxy
    proxy.close()


@pytest.fixture(params=["daily_update", "hourly_analysis"])
def scene(
    request: pytest.FixtureRequest, proxy: Proxy, exchange_url: str, forks: Forks, tmp_path: Path
) -> Iterator[Scene]:
    database = MongoServer(os.environ["MONGODB_TEST_URI"], tmp_path / "data")
    database.settings["MONGODB_URI"] = through(proxy, database.settings["MONGODB_URI"])
    yield Scene(Stage(database, exchange_url, forks, tmp_path), *SCENES[request.param])
    database.close()


def messages_of(scene: Scene, proxy: Proxy) -> list[str]:
    """The commands of an undisturbed run, in order."""
    scene.restart()
    proxy.expect(None)
    assert scene.start(0).code == 0
    return proxy.commands


def spread(total: int, count: int, shift: float) -> list[int]:
    """So many of the numbers from 1 to total, evenly spread; another shift, from 0 to 1, gives others."""
    return sorted({1 + int(total * (place + shift) / count) for place in range(count)})


def test_a_connection_that_breaks_once_is_outlasted(scene: Scene, proxy: Proxy, record_property: Record) -> None:
    begun, wrong, survived = time.monotonic(), [], Counter[str]()
    commands = messages_of(scene, proxy)
    for place, fault in enumerate(Fault):
        for number in spread(len(commands), POINTS_PER_FAULT, place / len(Fault)):
            scene.restart()
            proxy.expect(Plan(fault, number, number))
            problems = after(scene.start(0), scene)
            survived[fault.value] += not problems
            wrong += [f"{fault.value}, message {number}, {proxy.commands[number - 1]}: {each}" for each in problems]
    seconds, counts = time.monotonic() - begun, "; ".join(f"{name} {times}" for name, times in survived.items())
    record_property(
        BROKEN_CONNECTIONS,
        f"{scene}, {POINTS_PER_FAULT} of {len(commands)} messages per fault, survived: {counts}; {seconds:.0f} s",
    )
    assert not wrong, "\n".join(wrong)


def after(ended: Ended, scene: Scene) -> list[str]:
    """What is not as it should be when a run has survived."""
    failed = [f"it ends with {ended.code}: {ended.output[-2000:]}"] if ended.code else []
    return failed + differences(scene.ends_with, scene.dump())


def test_a_connection_that_breaks_for_good_ends_the_run_clearly_and_the_next_makes_it_whole(
    scene: Scene, proxy: Proxy, record_property: Record
) -> None:
    begun, wrong = time.monotonic(), []
    points = spread(len(messages_of(scene, proxy)), POINTS_FOR_GOOD, 0.5)
    for number in points:
        scene.restart()
        proxy.expect(Plan(Fault.CUT_AFTER, number, FOR_GOOD))
        ended = scene.start(0)
        assert ended.code == EXIT_FAILED, ended.output
        assert any(words in ended.output for words in CLEAR), ended.output
        assert "Traceback" not in ended.output
        proxy.expect(None)
        wrong += [f"message {number}: {each}" for each in scene.finish(1)]
    seconds = time.monotonic() - begun
    record_property(
        BROKEN_CONNECTIONS, f"{scene}: broken for good at {len(points)} messages, made whole after; {seconds:.0f} s"
    )
    assert not wrong, "\n".join(wrong)

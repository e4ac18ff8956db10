"""The connection to MongoDB breaks at a numbered message: once is outlasted, for good is told and
made up for."""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.storm.crash.databases import Embedded, MongoServer
from tests.storm.crash.dump import Dump, differences
from tests.storm.crash.proxy import FOR_GOOD, Fault, Plan, Proxy, primary_of, through
from tests.storm.crash.scenes import SCENES, Ended, Scene, Stage
from tests.storm.crash.seed import SEED
from tests.storm.crash.test_killed_copy import NOON, Move, without_locks
from tests.storm.forks import Forks
from tests.summary import BROKEN_CONNECTIONS
from utils.errors import EXIT_FAILED

Record = Callable[[str, object], None]
pytestmark = pytest.mark.timeout(600)
GOLDEN = (5**0.5 - 1) / 2
"""The multiples of this, less their whole parts, leave no gap between 0 and 1 for long."""
POINTS_PER_FAULT = 1
POINTS_FOR_GOOD = 2
FAULTS_OF_A_COPY = 2
"""Points of a copy, each day others: in four days it has met them all."""
CLEAR = ("The connection to MongoDB breaks again and again", "MongoDB does not answer")


@pytest.fixture
def proxy(server: dict[str, str]) -> Iterator[Proxy]:
    if re.search(r"^mongodb\+srv:|\b(tls|ssl)=true", server["MONGODB_URI"]):
        pytest.skip(
            "MONGODB_TEST_URI ASKS FOR TLS: THE PROXY CANNOT READ IT, AND NO CONNECTION WAS BROKEN"
        )
    proxy = Proxy(primary_of(server["MONGODB_URI"]))
    yield proxy
    proxy.close()


@pytest.fixture(params=["daily_update", "hourly_analysis"])
def scene(
    request: pytest.FixtureRequest,
    server: dict[str, str],
    proxy: Proxy,
    exchange_url: str,
    forks: Forks,
    tmp_path: Path,
) -> Iterator[Scene]:
    database = MongoServer(server, tmp_path / "data")
    database.settings["MONGODB_URI"] = through(proxy, database.settings["MONGODB_URI"])
    yield Scene(Stage(database, exchange_url, forks, tmp_path), *SCENES[request.param])
    database.close()


def messages_of(scene: Scene, proxy: Proxy) -> list[str]:
    """The commands of an undisturbed run, in order."""
    scene.restart()
    proxy.expect(None)
    assert scene.start(0).code == 0
    return proxy.commands


def points_for(fault: Fault, commands: list[str]) -> list[int]:
    """Return numbers of messages, spread over the run, that this fault can befall; other faults and
    days get others."""
    open_to_it = [number for number, each in enumerate(commands, 1) if fault.can_befall(each)]
    return spread(
        open_to_it, POINTS_PER_FAULT, (list(Fault).index(fault) / len(Fault) + SEED * GOLDEN) % 1
    )


def spread(numbers: Sequence[int], count: int, run: float) -> list[int]:
    """Return so many of the numbers, evenly spread; another offset, from 0 to 1, gives others."""
    return [numbers[int(len(numbers) * (position + run) / count)] for position in range(count)]


def test_a_connection_that_breaks_once_is_outlasted(
    scene: Scene, proxy: Proxy, record_property: Record
) -> None:
    begun, wrong, survived = time.monotonic(), [], []
    commands = messages_of(scene, proxy)
    for fault in Fault:
        for number in points_for(fault, commands):
            scene.restart()
            proxy.expect(Plan(fault, number, number))
            point, problems = (
                f"{fault.value}: {number} {commands[number - 1]}",
                after(scene.start(0), scene),
            )
            assert len(proxy.commands) >= number, point
            survived += [] if problems else [point]
            wrong += [f"{point}: {each}" for each in problems]
    facts = (
        f"{len(commands)} messages, survived at {len(survived)}, {time.monotonic() - begun:.0f} s"
    )
    title = f"{scene}, BREAK_SEED={SEED}: {facts}"
    record_property(BROKEN_CONNECTIONS, "\n  ".join([title, *survived]))
    assert not wrong, "\n".join(wrong)


def faults_of_today(count: int) -> list[Fault]:
    return [list(Fault)[(SEED * count + position) % len(Fault)] for position in range(count)]


def test_a_copy_outlasts_a_connection_that_breaks_once(
    server: dict[str, str],
    proxy: Proxy,
    exchange_url: str,
    forks: Forks,
    tmp_path: Path,
    record_property: Record,
) -> None:
    target = MongoServer(server, tmp_path / "b")
    target.settings["MONGODB_URI"] = through(proxy, target.settings["MONGODB_URI"])
    move = Move(Stage(Embedded(tmp_path / "a"), exchange_url, forks, tmp_path), target)

    def copied(plan: Plan | None) -> Dump:
        target.empty()
        proxy.expect(plan)
        move.stage.must(move.run, NOON)
        return without_locks(target.dump())

    begun, expected, survived = time.monotonic(), copied(None), []
    commands = proxy.commands
    for fault in faults_of_today(FAULTS_OF_A_COPY):
        for number in points_for(fault, commands):
            point = f"{fault.value}: {number} {commands[number - 1]}"
            assert differences(expected, copied(Plan(fault, number, number))) == [], point
            survived.append(point)
    title = (
        f"the copy, BREAK_SEED={SEED}: {len(commands)} messages, {time.monotonic() - begun:.0f} s"
    )
    record_property(BROKEN_CONNECTIONS, "\n  ".join([title, *survived]))
    target.close()


def after(ended: Ended, scene: Scene) -> list[str]:
    """Return what is not as it should be when a run has survived."""
    failed = [f"it ends with {ended.code}: {ended.output[-2000:]}"] if ended.code else []
    return failed + differences(scene.ends_with, scene.dump())


def test_a_connection_that_breaks_for_good_ends_the_run_clearly_and_the_next_makes_it_whole(
    scene: Scene, proxy: Proxy, record_property: Record
) -> None:
    begun, wrong = time.monotonic(), []
    points = spread(range(1, len(messages_of(scene, proxy)) + 1), POINTS_FOR_GOOD, 0.5)
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
        BROKEN_CONNECTIONS,
        f"{scene}: broken for good from message {' and '.join(map(str, points))} on, "
        f"made whole after, {seconds:.0f} s",
    )
    assert not wrong, "\n".join(wrong)

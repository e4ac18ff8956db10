"""A disk with too little room for a run, whatever it has got, and with room again: the next run
ends as an undisturbed one."""

import os
import re
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.harness import Exchange
from tests.storm.crash.dump import differences
from tests.storm.crash.random_kills import Ended, Host, Run, Scene
from tests.storm.forks import Forks
from utils.errors import EXIT_DONE, EXIT_FAILED

pytestmark = pytest.mark.timeout(1200)
PAGE = 4096
SIZES = 20
RUNS_WITHOUT_ROOM = 2
ROOMY = 64 << 20
"""Bytes of the disk: more than any run needs."""
SCENES = ("first load", "update at 20:40", "analysis at 21:10")
CLEAR = re.compile(r"has no room to grow|The report .* cannot be written")


class Disk:
    """A file system of its own in memory, mounted on a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    @property
    def room(self) -> int:
        """Bytes that are free."""
        disk = os.statvfs(self.folder)
        return disk.f_bavail * disk.f_frsize

    @contextmanager
    def fill(self, room: int) -> Iterator[None]:
        """Leave that many bytes free inside the block."""
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, self.room - room)
        assert self.room == room
        yield
        self._ballast.unlink()

    @contextmanager
    def measure(self, rooms: list[int]) -> Iterator[None]:
        """Append what room there is, a thousand times a second inside the block."""
        over = threading.Event()

        def watch() -> None:
            while not over.wait(0.001):
                rooms.append(self.room)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    (folder := tmp_path / "disk").mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={ROOMY}", "tmpfs", str(folder)]
    try:
        subprocess.run(command, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"a small disk cannot be mounted, mostly because that is for root: {error}")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.fixture(params=SCENES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def rooms(needed: int) -> list[int]:
    """Return how many bytes are left: none, a page, two, and more up to nearly what is needed."""
    most, few = needed // PAGE - 1, 3
    spread = [few + (most - few) * step // (SIZES - few - 1) for step in range(SIZES - few)]
    return [PAGE * pages for pages in (*range(few), *spread)]


def test_a_disk_with_too_little_room_ends_a_run_clearly_and_the_next_makes_it_whole(
    disk: Disk, name: str, standing_exchange: Exchange, forks: Forks, tmp_path: Path
) -> None:
    scene = Scene(Host(standing_exchange, forks, disk.folder / "host", tmp_path), name)
    wrong, failed = [], 0
    for room in rooms(needed_by(scene, disk)):
        scene.restart()
        with disk.fill(room):
            ended = [scene.start(number) for number in range(RUNS_WITHOUT_ROOM)]
            found = [*unclear(ended), *untrue(scene, ended[-1])]
        found += scene.finish(RUNS_WITHOUT_ROOM)
        found += findings(scene)
        failed += ended[0].code == EXIT_FAILED
        wrong += [f"{room} bytes: {each}" for each in found]
    assert not wrong, "\n".join(wrong)
    assert failed > SIZES // 2


def needed_by(scene: Scene, disk: Disk) -> int:
    """Return the most bytes that the run takes of a disk with room enough."""
    scene.restart()
    before = disk.room
    rooms = [before]
    with disk.measure(rooms):
        scene.start(0)
    return before - min(rooms)


def findings(scene: Scene) -> list[str]:
    """Return what an audit finds."""
    moment = scene.run.moment
    audited = scene.host.run(Run(moment, "daily_update", ("--audit",)), moment)
    return [] if "\nNothing is wrong" in f"\n{audited.output}" else [audited.output]


def unclear(ended: Sequence[Ended]) -> list[str]:
    """Return those ends of runs with too little room that do not say so."""
    return [
        f"ended with {each.code}: {each.output}"
        for each in ended
        if "Traceback" in each.output
        or not (each.code == EXIT_DONE or (each.code == EXIT_FAILED and CLEAR.search(each.output)))
    ]


def untrue(scene: Scene, ended: Ended) -> list[str]:
    """Return what such a run has stored that is neither of before nor of an undisturbed run; of one
    that ended well, all that an undisturbed one has stored otherwise. Datasets come after the
    prices, so which columns a session has is left out."""
    found = scene.host.stored()
    del found["files"]
    if ended.code == EXIT_DONE:
        return differences({**scene.ends_with, "files": {}}, {**found, "files": {}})
    return [
        f"{each} is foreign"
        for each, fields in found.items()
        if each.startswith(("session_columns ", "stock_analyzed."))
        and not each.endswith(" ")
        and fields not in (scene.begins_with.get(each), scene.ends_with.get(each))
    ]

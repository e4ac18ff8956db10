"""A file that appears whole or not at all."""

import errno
import fcntl
import os
import signal
from pathlib import Path

import pytest

from utils.whole_file import whole_file


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "한글.txt"


def only(path: Path) -> str:
    """Return what the one file in the folder holds."""
    assert list(path.parent.iterdir()) == [path]
    return path.read_text(encoding="utf-8")


def test_nothing_is_there_before_the_end(path: Path) -> None:
    with whole_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
        assert not path.exists()
    assert only(path) == "new"


def test_what_stood_there_stays_until_the_end(path: Path) -> None:
    path.write_text("old", encoding="utf-8")
    with whole_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "old"
    assert only(path) == "new"


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "full"), ValueError(), KeyboardInterrupt()]
)
def test_a_block_that_fails_leaves_nothing_behind(path: Path, error: BaseException) -> None:
    path.write_text("old", encoding="utf-8")

    def write() -> None:
        with whole_file(path) as partial:
            partial.write_text("ne", encoding="utf-8")
            raise error

    with pytest.raises(type(error)):
        write()
    assert only(path) == "old"


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_nothing_behind(
    path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    path.write_text("old", encoding="utf-8")
    with monkeypatch.context() as patch:
        patch.setattr(Path if step == "replace" else os, step, full)
        with pytest.raises(OSError, match="No space left"), whole_file(path) as partial:
            partial.write_bytes(b"new")
    assert only(path) == "old"


def test_two_at_once_do_not_meet(path: Path) -> None:
    with whole_file(path) as first:
        first.write_text("first", encoding="utf-8")
        with whole_file(path) as second:
            second.write_text("second", encoding="utf-8")
        assert path.read_text(encoding="utf-8") == "second"
    assert only(path) == "first"


def test_what_a_killed_run_has_left_is_removed_by_the_next(path: Path) -> None:
    path = path.with_name("[한]글.txt")
    if not (process := os.fork()):
        with whole_file(path) as partial:
            partial.write_text("half", encoding="utf-8")
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(process, 0)
    (left_over,) = path.parent.iterdir()
    assert left_over.name.endswith(".partial")
    with whole_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
    assert only(path) == "new"


def test_no_other_file_is_taken_for_left_over(path: Path) -> None:
    others = {
        path.with_name(name)
        for name in (".한글.txt.partial", ".한글.txt.old.partial", f".other.txt.{'0' * 16}.partial")
    }
    for each in others:
        each.write_text("other", encoding="utf-8")
    (link := path.with_name(f".한글.txt.{'0' * 16}.partial")).symlink_to("nowhere")
    with whole_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
    assert set(path.parent.iterdir()) == {path, link, *others}


def test_a_file_that_was_taken_for_left_over_before_its_lock_is_made_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, taken = fcntl.flock, []

    def late(descriptor: int, operation: int) -> None:
        if not taken:
            taken.append(next(path.parent.glob(".*.partial")))
            taken[0].unlink()
        lock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with whole_file(path) as partial:
        assert partial not in taken
        partial.write_text("new", encoding="utf-8")
    assert only(path) == "new"


def test_where_nothing_can_be_locked_it_is_written_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with whole_file(path) as first, whole_file(path) as second:
        first.write_text("first", encoding="utf-8")
        second.write_text("second", encoding="utf-8")
    assert only(path) == "first"


@pytest.mark.parametrize(
    ("mode", "umask", "given"),
    [(0o666, 0o022, 0o644), (0o666, 0o077, 0o600), (0o600, 0o022, 0o600), (0o600, 0, 0o600)],
)
def test_its_mode_is_the_one_asked_for_from_its_first_byte_on(
    path: Path, mode: int, umask: int, given: int
) -> None:
    before = os.umask(umask)
    try:
        with whole_file(path, mode) as partial:
            assert partial.stat().st_mode & 0o777 == given
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == given


def test_a_link_is_replaced_and_what_it_points_at_stays(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_text("old", encoding="utf-8")
    path.symlink_to(real)
    with whole_file(path) as partial:
        partial.write_text("new", encoding="utf-8")
    assert not path.is_symlink()
    assert real.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("letter", ["a", "긴", "😀"])
def test_a_name_may_be_as_long_as_the_file_system_takes(tmp_path: Path, letter: str) -> None:
    path = tmp_path / (letter * (251 // len(letter.encode())) + ".csv")
    for text in ("old", "new"):
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
        assert only(path) == text


def test_no_folder_no_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "none" / "file"):
        pytest.fail("there is nowhere to write to")

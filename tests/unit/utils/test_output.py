"""Output that goes nowhere: what a full disk, a reader who has left and a closed descriptor do to
stdout and stderr."""

import os
import sys
from collections.abc import Iterator
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO

import pytest

from utils import output
from utils.errors import EXIT_FAILED
from utils.output import NotAnswered, check_answered

LINE = "가나다\n"


@pytest.fixture
def descriptor() -> Iterator[int]:
    """Number of a descriptor to try on, at first a full disk."""
    number = os.open("/dev/full", os.O_WRONLY)
    yield number
    os.close(number)


def steady(descriptor: int, present: TextIO | None = None) -> TextIO:
    return output._steady(descriptor, present)


def put_behind(descriptor: int, path: Path) -> None:
    other = os.open(path, os.O_WRONLY | os.O_CREAT)
    os.dup2(other, descriptor)
    os.close(other)


def test_what_is_written_once_there_is_room_again_arrives(descriptor: int, tmp_path: Path) -> None:
    stream = steady(descriptor)
    stream.write(LINE)
    stream.flush()
    put_behind(descriptor, path := tmp_path / "room")
    stream.write(LINE)
    stream.close()
    assert path.read_text(encoding="utf-8") == LINE


def test_an_answer_that_a_full_disk_has_lost_is_an_error(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdout", steady(descriptor))
    sys.stdout.write(LINE * 10_000)
    with pytest.raises(NotAnswered, match="No space left") as error:
        check_answered()
    assert error.value.exit_code == EXIT_FAILED


def test_a_reader_who_has_left_has_what_was_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    monkeypatch.setattr(sys, "stdout", steady(writer))
    sys.stdout.write(LINE * 10_000)
    check_answered()
    os.close(writer)


def test_a_reader_who_is_too_slow_for_a_pipe_that_does_not_wait_holds_nobody_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    monkeypatch.setattr(sys, "stdout", steady(writer))
    sys.stdout.write(LINE * 100_000)
    with pytest.raises(NotAnswered, match="too slow"):
        check_answered()
    for each in (reader, writer):
        os.close(each)


def test_an_answer_that_was_written_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    check_answered()
    sys.stdout.write(LINE)
    check_answered()
    assert capsys.readouterr().out == LINE


def test_what_the_encoding_lacks_is_written_as_its_escape(descriptor: int, tmp_path: Path) -> None:
    put_behind(descriptor, path := tmp_path / "latin")
    with path.open("w", encoding="latin-1") as present:
        stream = steady(descriptor, present)
    stream.write("é😀")
    stream.close()
    assert path.read_bytes() == b"\xe9\\U0001f600"


def test_a_path_that_is_no_utf_8_is_printed_as_it_is_where_it_was_before(
    descriptor: int, tmp_path: Path
) -> None:
    put_behind(descriptor, path := tmp_path / "bytes")
    with TextIOWrapper(path.open("wb"), encoding="utf-8", errors="surrogateescape") as present:
        stream = steady(descriptor, present)
    stream.write("\udcff")
    stream.close()
    assert path.read_bytes() == b"\xff"

"""File that appears whole or not at all."""

import fcntl
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path

_MOST_OF_NAME = 50
"""Characters: with the ending at most 255 bytes, whatever they are."""


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield an empty file beside `path`, which replaces `path` at the end of the block.

    It is on the disk before it replaces the old file or link. When the block or the disk fails, it
    is removed and the old file stays. What a killed run has left of it is removed by the next.
    Raises `OSError`.

    Args:
        mode: permissions from the first byte on, as far as the umask allows.
    """
    _remove_left_over(path)
    descriptor, partial = _new_file(path, mode)
    try:
        yield partial
        os.fsync(descriptor)
        partial.replace(path)
    finally:
        os.close(descriptor)
        with suppress(OSError):  # gone when it has replaced `path`
            partial.unlink()


def _new_file(path: Path, mode: int) -> tuple[int, Path]:
    """Return descriptor and path of a file that this run alone writes. Its lock says that somebody
    is at work on it."""
    while True:
        partial = path.with_name(f"{_hidden(path)}.{secrets.token_hex(8)}.partial")
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
        with suppress(OSError):  # a file system without locks: nothing is ever taken for left over
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        if os.fstat(descriptor).st_nlink:
            return descriptor, partial
        os.close(descriptor)  # taken for left over before it was locked


def _remove_left_over(path: Path) -> None:
    """Remove files that runs which are gone have left beside `path`."""
    for each in path.parent.glob(f"{escape(_hidden(path))}.{'[0-9a-f]' * 16}.partial"):
        with suppress(OSError):  # somebody is at work on it, or it is gone
            descriptor = os.open(each, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                each.unlink()
            finally:
                os.close(descriptor)


def _hidden(path: Path) -> str:
    """Return how the names of its partial files begin; short enough where the file's own name is as
    long as may be."""
    return f".{path.name.lstrip('.')[:_MOST_OF_NAME]}"

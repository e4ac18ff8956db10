"""File that appears whole or not at all."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def whole_file(path: Path, mode: int = 0o666) -> Iterator[Path]:
    """Yield an empty file beside `path`, which replaces `path` at the end of the block.

    It is on the disk before it replaces the old file or link. When the block or the disk fails, it
    is removed and the old file stays. Raises `OSError`.

    Args:
        mode: permissions from the first byte on, as far as the umask allows.
    """
    partial = path.with_name(f".{path.name.lstrip('.')}.{secrets.token_hex(8)}.partial")
    descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, mode)
    try:
        yield partial
        os.fsync(descriptor)
        partial.replace(path)
    finally:
        os.close(descriptor)
        with suppress(OSError):  # gone when it has replaced `path`
            partial.unlink()

"""Output that may go nowhere: stdout and stderr that are closed, full, or a pipe that nobody reads
end no run.

A script begins with `start`. From then on what cannot be written is lost without an error, and
what is written once there is room again arrives.
"""

import io
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TextIO

from utils.errors import NightShiftError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class NotAnswered(NightShiftError):
    """Part of what was asked for could not be written to stdout."""


class _Steady(io.FileIO):
    """Descriptor that takes whatever is written to it, also where it cannot be kept."""

    lost: OSError | None = None
    """First reason for which something was lost. A reader who has left, as `head -1` does, is
    none."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            written = super().write(data)
            if written is not None:
                return written
            self.lost = self.lost or BlockingIOError("the reader is too slow")
        except BrokenPipeError:
            pass
        except OSError as error:
            self.lost = self.lost or error
        return memoryview(data).nbytes


def start(main: Callable[[], int]) -> NoReturn:
    """Run a script's `main` and leave with its exit code, whatever becomes of its output."""
    _fill_closed_descriptors()
    sys.stdin = sys.stdin or open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - to the end
    sys.stdout, sys.stderr = _steady(1, sys.stdout), _steady(2, sys.stderr)
    sys.exit(main())


def check_answered() -> None:
    """Raise `NotAnswered` when stdout has lost something, such as on a full disk: for a run whose
    answer is all its work."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Steady) and raw.lost is not None:
        reason = raw.lost.strerror or str(raw.lost)
        raise NotAnswered(f"The answer could not be written whole ({reason}). Ask again.")


def _fill_closed_descriptors() -> None:
    """Open `/dev/null` in the place of 0, 1 and 2 where these are closed. Otherwise the database
    would get such a number, and be written to as stderr."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _steady(descriptor: int, present: TextIO | None) -> TextIO:
    """Return a stream to the descriptor that speaks like the present one, and does not fail."""
    if present is not None:
        present.flush()
    encoding = "utf-8" if present is None else present.encoding
    errors = getattr(present, "errors", None)
    return io.TextIOWrapper(
        io.BufferedWriter(_Steady(descriptor, "wb", closefd=False)),
        encoding=encoding,
        # A path that is no UTF-8 is printed as it is; what the encoding lacks, as its escape.
        errors=errors if errors == "surrogateescape" else "backslashreplace",
        line_buffering=descriptor == 2 or os.isatty(descriptor),
    )

"""Work in a process of its own, so that its peak memory is its own."""

import multiprocessing
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.sections import KILOBYTE

Found = dict[str, Any]
Task = Callable[[], Found]
_FORK = multiprocessing.get_context("fork")
"""Modules are loaded once. The process that forks must be small and without threads."""


def in_a_process(task: Task) -> Found:
    """Return the task's result, and `peak_bytes`: the most memory of this process's modules and the
    task's data.

    Ends the program when the task fails; its message is on stderr.
    """
    ours, theirs = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_send, args=(theirs, task))
    process.start()
    theirs.close()
    found: Found
    try:
        found, added = ours.recv()
    except EOFError:
        raise SystemExit("A part of the measurement failed; what it said stands above.") from None
    finally:
        process.join()
    return found | {"peak_bytes": _peak() + added}


def _send(connection: Connection, task: Task) -> None:
    """Send the result with the memory that the task added. That of the modules counts in the
    parent."""
    before = _peak()
    found = task()
    connection.send((found, _peak() - before))


def _peak() -> int:
    return KILOBYTE * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

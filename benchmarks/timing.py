"""Timing: repetitions of competing tasks in turn, and ratios with a median and a spread."""

import gc
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from types import MappingProxyType
from typing import Any

Task = Callable[[], object]
Seconds = dict[str, list[float]]
_NO_TASKS: Mapping[str, Task] = MappingProxyType({})


class Stopwatch:
    """Seconds spent in named stages: each `lap` ends the stage that began with the lap before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        now = perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


def seconds_of(task: Task) -> float:
    started = perf_counter()
    task()
    return perf_counter() - started


def seconds_of_clean(task: Task) -> float:
    """Return the seconds of the task without garbage of earlier work to collect, as in a long
    run."""
    gc.collect()
    return seconds_of(task)


def interleaved(
    tasks: Mapping[str, Task], repetitions: int, before: Mapping[str, Task] = _NO_TASKS
) -> Seconds:
    """Return the seconds of every task, one list element per repetition. The tasks take turns, so
    all see the same machine.

    Tasks of `before` run, unmeasured, before those of the same name.
    """
    seconds: Seconds = {name: [] for name in tasks}
    for _ in range(repetitions):
        for name, task in tasks.items():
            before.get(name, _nothing)()
            seconds[name].append(seconds_of_clean(task))
    return seconds


def _nothing() -> None:
    pass


def ratio_row(
    name: str, seconds: Sequence[float], baseline: str, baseline_seconds: Sequence[float]
) -> dict[str, Any]:
    """Return the median of each repetition's ratio, with the quartiles about it."""
    ratios = sorted(mine / other for mine, other in zip(seconds, baseline_seconds, strict=True))
    return {
        "name": name,
        "seconds": median(seconds),
        "baseline": baseline,
        "baseline_seconds": median(baseline_seconds),
        "ratio": median(ratios),
        "low": ratios[len(ratios) // 4],
        "high": ratios[-1 - len(ratios) // 4],
        "repetitions": len(ratios),
    }

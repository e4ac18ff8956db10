"""Measuring: repetitions of competing tasks in turn, and ratios with a median and a spread."""

import gc
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from time import perf_counter
from typing import Any

Task = Callable[[], object]


class Stopwatch:
    """Adds up the seconds spent in named stages: each `lap` ends the stage that began with the lap before."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = perf_counter()

    def lap(self, stage: str) -> None:
        now = perf_counter()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now


def seconds_of(task: Task) -> float:
    """How long the task takes, with no garbage of others to clear away in its time."""
    gc.collect()
    started = perf_counter()
    task()
    return perf_counter() - started


def interleaved(tasks: Mapping[str, Task], repetitions: int) -> dict[str, list[float]]:
    """Seconds of every task, one list element per repetition; the tasks take turns, so all see the same machine."""
    rounds = [{name: seconds_of(task) for name, task in tasks.items()} for _ in range(repetitions)]
    return {name: [each[name] for each in rounds] for name in tasks}


def ratio_row(name: str, seconds: Sequence[float], baseline: str, baseline_seconds: Sequence[float]) -> dict[str, Any]:
    """The median of the ratios of each repetition, with the quartiles about it."""
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

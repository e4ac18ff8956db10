"""Calls to other people's servers with a limit of time, even when an answer never ends."""

import threading
from collections.abc import Callable, Mapping
from typing import TypeVar

T = TypeVar("T")


def within(seconds: float, calls: Mapping[str, Callable[[], T]]) -> dict[str, T]:
    """Make all these calls at the same time. Return name -> answer of those that answered in so
    many seconds.

    The others are left in threads that end with the process. The calls must not raise.
    """
    answers: dict[str, T] = {}
    everyone = threading.Event()

    def make(name: str, call: Callable[[], T]) -> None:
        answers[name] = call()
        if len(answers) == len(calls):
            everyone.set()

    for name, call in calls.items():
        threading.Thread(target=make, args=(name, call), daemon=True).start()
    if calls:
        everyone.wait(seconds)
    return dict(answers)

"""SIGKILL at a moment, wherever the process is then: between two instructions, within a call of
SQLite, half-way through a write, or waiting for an answer.

The kernel sends it by a timer of POSIX, so nothing of the process has to be interrupted first.
"""

import ctypes
import signal
import time

PROCESSOR, WALL = "processor", "wall"
"""Clocks: the processor's time of the process, and that on the wall."""
_CLOCKS = {PROCESSOR: time.CLOCK_PROCESS_CPUTIME_ID, WALL: time.CLOCK_MONOTONIC}
_SIGEV_SIGNAL = 0


class _Event(ctypes.Structure):
    """`struct sigevent`, 64 bytes."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    )


class _TimerValue(ctypes.Structure):
    """`struct itimerspec`."""

    _fields_ = tuple(
        (name, ctypes.c_long)
        for name in ("interval", "interval_nanoseconds", "seconds", "nanoseconds")
    )


def die_after(seconds: float, clock: str) -> None:
    """Have this process killed when that clock has gone on by so much. Raise `OSError` where that
    cannot be had."""
    library = ctypes.CDLL(None, use_errno=True)
    event, timer = _Event(None, signal.SIGKILL, _SIGEV_SIGNAL), ctypes.c_void_p()
    whole, part = divmod(max(1, round(seconds * 1e9)), 10**9)
    wanted = _TimerValue(0, 0, whole, part)
    if library.timer_create(
        _CLOCKS[clock], ctypes.byref(event), ctypes.byref(timer)
    ) or library.timer_settime(timer, 0, ctypes.byref(wanted), None):
        raise OSError(ctypes.get_errno(), "no timer")

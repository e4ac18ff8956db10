"""Active faults: those that are switched on. Every request is tried against the last one added
first."""

import threading
from dataclasses import dataclass
from functools import partial
from typing import Any

from sandbox.effects import FaultContext
from sandbox.exchange import Exchange, Record
from sandbox.faults import Fault, check_name
from sandbox.messages import Request, Response
from sandbox.registry import REGISTRY


@dataclass(frozen=True)
class ActiveFault:
    """Fault that may still hit a request, and its number of hits."""

    fault: Fault
    hits: int

    def as_dict(self) -> dict[str, Any]:
        """Return the fault as the control interface shows it."""
        return {**self.fault.told(), "hits": self.hits}


class ActiveFaults:
    """Faults of one exchange, as its first interceptor. Thread safe; requests are handled one at a
    time."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._active: list[ActiveFault] = []  # the last one added comes first
        self._lock = threading.RLock()
        exchange.interceptors.insert(0, self.intercept)
        self._truth = partial(exchange.answer_behind, self.intercept)

    def add(self, *faults: Fault) -> None:
        with self._lock:
            for fault in faults:
                self._active.insert(0, ActiveFault(fault, 0))

    def remove(self, name: str | None = None) -> None:
        """Remove all faults of one name; None: all. Raise ValueError for an unknown name."""
        if name is not None:
            check_name(name)
        with self._lock:
            self._active = [
                active for active in self._active if name not in (None, active.fault.name)
            ]

    def active(self) -> list[ActiveFault]:
        """Return the faults that are not used up, in the order in which they are tried."""
        with self._lock:
            return list(self._active)

    def intercept(self, request: Request) -> Response | None:
        """Return the answer of the first fault that hits the request; None when none does."""
        with self._lock:
            if not self._active:
                return None
            record = self._exchange.record_of(request)
            for position, active in enumerate(self._active):
                response = self._apply(active.fault, request, record)
                if response is not None:
                    self._count(position)
                    return response
        return None

    def _apply(self, fault: Fault, request: Request, record: Record) -> Response | None:
        if not fault.fits(record):
            return None
        return REGISTRY[fault.name].effect(
            FaultContext(
                request,
                record,
                fault.read_value(),
                fault.date,
                fault.market,
                fault.read_extent(),
                self._exchange,
                self._truth,
            )
        )

    def _count(self, position: int) -> None:
        fault, hits = self._active[position].fault, self._active[position].hits + 1
        self._active[position : position + 1] = (
            [ActiveFault(fault, hits)] if hits != fault.times else []
        )

"""Requests to the exchange and its refusals, seen at its door, before any failure changes them."""

import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sandbox.exchange import Exchange, Record
from sandbox.messages import Request, Response

BAN_LASTS = timedelta(hours=24)
_A_MOMENT = timedelta(seconds=1)
"""Between the exchange's answer and the clock of whoever reads it."""


class Refusal(Enum):
    NONE = "none"
    BAN = "ban"
    CREDENTIALS = "wrong credentials"
    KEY = "key"


@dataclass(frozen=True)
class Seen:
    record: Record
    refusal: Refusal

    @property
    def source(self) -> str:
        return "openapi" if self.record.kind == "openapi" else "pykrx"


class Witness:
    """Witness before all other interceptors of an exchange, which remembers every request with its
    answer."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange, self._lock = exchange, threading.Lock()
        self.seen: list[Seen] = []
        exchange.interceptors.insert(0, self.note)

    def note(self, request: Request) -> Response:
        record = self._exchange.record_of(request)
        response = self._exchange.answer_behind(self.note, request)
        with self._lock:
            self.seen.append(Seen(record, refusal_in(record, response)))
        return response


def refusal_in(record: Record, response: Response) -> Refusal:
    is_page = response.body.startswith(b"<")
    if is_page and "비정상" in response.body.decode():
        return Refusal.BAN
    if record.kind == "login" and (b"CD003" in response.body or b"CD010" in response.body):
        return Refusal.CREDENTIALS
    return Refusal.KEY if response.status == 401 else Refusal.NONE


def count(seen: Sequence[Seen], kind: str) -> int:
    return sum(each.record.kind == kind for each in seen)


def most_alike(seen: Sequence[Seen]) -> int:
    """Count the requests for the same thing, of that which was asked most."""
    asked = Counter(
        (each.record.kind, each.record.name, *each.record.dates.values()) for each in seen
    )
    return max(
        (number for (kind, *_), number in asked.items() if kind in ("data", "openapi")), default=0
    )


def refused(seen: Sequence[Seen], *refusals: Refusal) -> int:
    return sum(each.refusal in refusals for each in seen)


def asked_during_ban(seen: Sequence[Seen]) -> list[str]:
    """Every request to a source within a day of its last ban, as a line."""
    closed_since: dict[str, datetime] = {}
    lines = []
    for each in seen:
        since = closed_since.get(each.source)
        if since is not None and each.record.at < since + BAN_LASTS - _A_MOMENT:
            lines.append(
                f"{each.record.at:%m-%d %H:%M:%S} {each.record.kind} {each.record.name}, "
                f"banned {since:%m-%d %H:%M:%S}"
            )
        if each.refusal is Refusal.BAN:
            closed_since[each.source] = each.record.at
    return lines

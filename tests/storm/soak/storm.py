"""The storm: failures of the exchange drawn from the whole list, for a request, for an evening or
for days."""

import random
from collections.abc import Callable, Collection, Sequence
from datetime import date, timedelta
from typing import Any

from sandbox.exchange import BLOCKS, OPENAPI_SERVICES
from sandbox.faults import Fault, make_fault
from sandbox.registry import FIGURES, REGISTRY

ASKED = {
    "data": {"MDCSTAT01501": 3, "MDCSTAT00301": 1},
    "openapi": {"sto/stk_bydd_trd": 3, "sto/knx_bydd_trd": 1, "idx/kospi_dd_trd": 1},
}
"""Kind of request -> name of a request -> how often it is hit alone."""
assert set(ASKED["data"]) <= set(BLOCKS)
assert set(ASKED["openapi"]) <= OPENAPI_SERVICES

LASTING = {
    *(
        "maintenance",
        "server_error",
        "outage",
        "reset",
        "die",
        "too_many",
        "forbidden",
        "forbidden_empty",
        "not_json",
        "empty",
        "truncated",
    ),
    *("logout", "elsewhere", "wrong_password", "password_due", "unauthorized"),
}
"""Faults that may stay for days."""
BANS, SILENT = {"ban", "ban_page"}, {"hang", "drip", "endless"}
_LIVES = {"once": 8, "some": 6, "night": 5, "days": 2}
_HOW_MANY = {0: 40, 1: 38, 2: 22}

_COLUMNS = {
    "data": ("TDD_CLSPRC", "ISU_SRT_CD", "MKT_ID", "LIST_SHRS"),
    "openapi": ("TDD_CLSPRC", "ISU_CD", "BAS_DD"),
}
_VALUES: dict[str, Callable[[random.Random, str], str | None]] = {
    "server_error": lambda rng, day: rng.choice(("500", "502", "503", "504")),
    "drip": lambda rng, day: "0.05",
    # Of the few tickers of the smallest market more must be missing than may be on any day.
    "few_rows": lambda rng, day: rng.choice(("0.1", "0.4")),
    "bad_cell": lambda rng, day: rng.choice(("N/A", "", "1.5", "1e6", "٣", "-")),
    "revised": lambda rng, day: str(rng.randint(1, 20)),
    "other_day": lambda rng, day: rng.choice((None, _after(day, -rng.randint(1, 20)))),
}


class Deck:
    """Names of all failures that can happen, shuffled. Each is dealt before any is dealt again.
    What tells wrong figures is dealt by `tests.storm.test_lies`."""

    def __init__(self, rng: random.Random, kinds: Collection[str]) -> None:
        self._rng, self._left = rng, list[str]()
        self._names = [name for name in REGISTRY if name not in FIGURES and kinds_of(name, kinds)]

    def deal(self) -> str:
        if not self._left:
            self._left = self._rng.sample(self._names, len(self._names))
        return self._left.pop()


def draw_storm(
    rng: random.Random, deck: Deck, day: str, kinds: Collection[str]
) -> tuple[Fault, ...]:
    """The failures that begin on the evening of a day.

    Args:
        kinds: of requests that the suite makes, such as login and data; a failure of others would
            never happen.
    """
    names = [deck.deal() for _ in range(rng.choices(list(_HOW_MANY), list(_HOW_MANY.values()))[0])]
    if BANS & set(names):  # whoever waits in vain may not have seen the ban either
        names = [name for name in names if name not in SILENT]
    return tuple(draw_fault(rng, name, day, kinds) for name in names)


def draw_fault(rng: random.Random, name: str, day: str, kinds: Collection[str]) -> Fault:
    """A failure of that name which begins on the evening of the day."""
    kind = rng.choice(kinds_of(name, kinds))
    told: dict[str, Any] = {"kind": kind} | _life(rng, name, day) | _aim(rng, name, kind, day)
    if name == "outage":
        told = {"until": told["until"]}  # it is the machine that is gone
    if value := _value(rng, name, kind, day):
        told["value"] = value
    return make_fault(name, **told)


def kinds_of(name: str, kinds: Collection[str]) -> Sequence[str]:
    """Kinds of requests that a fault can hit, of those that are made."""
    about = REGISTRY[name]
    possible = [kind for kind in (*about.kinds, *about.also) if kind in kinds]
    # A login form that says «restricted» somewhere is no sign of anything, so nobody looks for a
    # ban there.
    return [kind for kind in possible if (name, kind) != ("ban_page", "page")]


def _life(rng: random.Random, name: str, day: str) -> dict[str, Any]:
    life = rng.choices(list(_LIVES), list(_LIVES.values()))[0]
    if name in BANS:
        return {"until": f"{_after(day, 1)}T19:00"}
    if life == "days" and name in LASTING:
        return {"until": f"{_after(day, rng.randint(2, 5))}T12:00"}
    times = {"once": {"times": 1}, "some": {"times": rng.randint(2, 6)}}.get(life, {})
    return {"until": f"{_after(day, 1)}T12:00", **times}


def _aim(rng: random.Random, name: str, kind: str, day: str) -> dict[str, Any]:
    """Return what is asked for: anything, or one thing by its name; a day that is late is out the
    next morning."""
    if name == "late":
        return {
            "date": day,
            "times": None,
            "until": f"{_after(day, 1 if kind == 'data' else 2)}T07:00",
        }
    if kind in ASKED and rng.random() < 0.25:
        asked = ASKED[kind]
        return {"request": rng.choices(list(asked), list(asked.values()))[0]}
    return {}


def _value(rng: random.Random, name: str, kind: str, day: str) -> str | None:
    if name in ("no_column", "renamed_column"):
        return rng.choice(_COLUMNS[kind])
    return _VALUES[name](rng, day) if name in _VALUES else None


def _after(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()

"""The storm: failures of the exchange drawn from the whole list, for an evening, an hour or for days."""

import random
from collections.abc import Callable, Collection
from datetime import date, timedelta
from typing import Any

from sandbox.exchange import BLOCKS, OPENAPI_SERVICES
from sandbox.faults import Fault, make_fault
from sandbox.switches import SWITCHES

ASKED = {
    "data": ("MDCSTAT01501", "MDCSTAT00301"),
    "openapi": ("sto/stk_bydd_trd", "sto/knx_bydd_trd", "idx/kospi_dd_trd"),
}
"""What the suite asks for, by the kind of request."""
assert set(ASKED["data"]) <= set(BLOCKS)
assert set(ASKED["openapi"]) <= OPENAPI_SERVICES

LASTING = {
    *("maintenance", "server_error", "outage", "hang", "reset", "die", "too_many", "not_json", "empty"),
    *("logout", "elsewhere", "wrong_password", "password_due", "unauthorized"),
}
"""What may stay for days."""
LIVES = {"once": 8, "some": 6, "night": 5, "days": 2}
"""How long a failure lives, and how often it is drawn."""
_HOW_MANY = {0: 54, 1: 30, 2: 16}
_BAN_LASTS = 1

_COLUMNS = {"data": ("TDD_CLSPRC", "ISU_SRT_CD", "MKT_ID", "LIST_SHRS"), "openapi": ("TDD_CLSPRC", "ISU_CD", "BAS_DD")}
_VALUES: dict[str, Callable[[random.Random], str]] = {
    "server_error": lambda rng: rng.choice(("500", "502", "503", "504")),
    "drip": lambda rng: "0.05",
    "few_rows": lambda rng: rng.choice(("0.1", "0.5", "0.9")),
    "bad_cell": lambda rng: rng.choice(("N/A", "", "1.5", "1e6", "٣", "-")),
    "revised": lambda rng: str(rng.randint(1, 20)),
}


def draw_storm(rng: random.Random, day: str, kinds: Collection[str]) -> list[Fault]:
    """The failures that begin on the evening of a day.

    Args:
        kinds: of requests that the suite makes, such as login and data; a failure of others would never strike.
    """
    how_many = rng.choices(list(_HOW_MANY), list(_HOW_MANY.values()))[0]
    names = [name for name in SWITCHES if kinds_of(name, kinds)]
    return [draw_fault(rng, rng.choice(names), day, kinds) for _ in range(how_many)]


def draw_fault(rng: random.Random, name: str, day: str, kinds: Collection[str]) -> Fault:
    """A failure of that name which begins on the evening of the day."""
    kind = rng.choice(kinds_of(name, kinds))
    told: dict[str, Any] = {"kind": kind} | _life(rng, name, day) | _aim(rng, name, kind, day)
    if name == "outage":
        del told["kind"]  # it is the machine that is gone
    if value := _value(rng, name, kind):
        told["value"] = value
    return make_fault(name, **told)


def kinds_of(name: str, kinds: Collection[str]) -> list[str]:
    """The kinds of requests that a switch can strike, of those that are made."""
    switch = SWITCHES[name]
    possible = [kind for kind in (*switch.kinds, *switch.also) if kind in kinds]
    # A login form that says «restricted» somewhere is no sign of anything, so nobody looks for a ban there.
    return [kind for kind in possible if (name, kind) != ("ban_page", "page")]


def _life(rng: random.Random, name: str, day: str) -> dict[str, Any]:
    life = rng.choices(list(LIVES), list(LIVES.values()))[0]
    if name in ("ban", "ban_page"):
        return {"until": f"{_after(day, _BAN_LASTS)}T19:00"}
    if life == "days" and name in LASTING:
        return {"until": f"{_after(day, rng.randint(2, 5))}T12:00"}
    times = {"once": {"times": 1}, "some": {"times": rng.randint(2, 6)}}.get(life, {})
    return {"until": f"{_after(day, 1)}T12:00", **times}


def _aim(rng: random.Random, name: str, kind: str, day: str) -> dict[str, Any]:
    """What is asked for: anything, or one thing by its name; a day that is late is out the next morning."""
    if name == "late":
        return {"date": day, "times": None, "until": f"{_after(day, 1 if kind == 'data' else 2)}T07:00"}
    if kind in ASKED and rng.random() < 0.4:
        return {"request": rng.choice(ASKED[kind])}
    return {}


def _value(rng: random.Random, name: str, kind: str) -> str | None:
    if name in ("no_column", "renamed_column"):
        return rng.choice(_COLUMNS[kind])
    return _VALUES[name](rng) if name in _VALUES else None


def _after(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()

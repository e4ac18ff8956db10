"""What happens to companies: every class of event the exchange is known for, as steps on the
sessions of a ticker.

Each scenario is written for one ticker around one session; `direct` spreads them over the market
and spreads them over the sessions. The simulation carries the steps out and enters those with a
`kind` into the ledger.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator

from sandbox.roster import PENNY, Roster, invented_name, letter_code

HUGE_VOLUME = 2_400_000_000
_FEWEST_SESSIONS = 12  # shorter markets have no events


@dataclass(frozen=True)
class Event:
    """One line of the ledger.

    `previous_close` and `base` in won (0: there is none), `true_factor` the adjustment factor a
    collector should arrive at, `flag` why it should look twice (empty: no reason). A base that
    differs from the previous close is always here.
    """

    session: str
    code: str
    kind: str
    previous_close: int
    base: int
    shares_before: int
    shares_after: int
    true_factor: float
    flag: str = ""


@dataclass(frozen=True)
class Step:
    """What one session does to one ticker; a field left at its default leaves the market's own
    course."""

    kind: str = ""  # enters the ledger under this name
    halted: bool = False
    base_factor: float = 1.0  # base = previous close x this, on the tick
    base_price: int = 0  # the base itself, for a ticker without a previous close
    at_auction: bool = False  # the opening auction sets the base
    share_factor: float = 1.0  # shares after / shares before
    move: float | None = None  # close = base x (1 + move), whatever the limits say
    unlimited: bool = False  # no price limits
    off_tick: bool = False
    off_hours_volume: int = 0  # traded after hours on a halted day
    volume: int = 0
    factor_from_shares: bool = False  # the true factor is shares before / after
    keeps_factor: bool = False  # the true factor is 1 although base differs
    flag: str = ""


@dataclass(frozen=True)
class Change:
    """New facts of a listing from a session on; None: as before."""

    session: int
    slot: int
    name: str | None = None
    department: str | None = None
    market: tuple[str, str] | None = None  # MKT_ID and MKT_NM


@dataclass
class Script:
    """All steps by session, changes of facts, and from when (inclusive) to when (exclusive) a slot
    is listed."""

    sessions: int
    steps: dict[int, list[tuple[int, Step]]] = field(default_factory=lambda: defaultdict(list))
    changes: list[Change] = field(default_factory=list)
    listed_from: dict[int, int] = field(default_factory=dict)
    listed_until: dict[int, int] = field(default_factory=dict)
    slots: set[int] = field(default_factory=set)

    def add(self, session: int, slot: int, step: Step) -> None:
        self.slots.add(slot)
        if session < self.sessions:
            self.steps[session].append((slot, step))

    def change(self, session: int, slot: int, **facts: object) -> None:
        self.changes.append(Change(session, slot, **facts))  # type: ignore[arg-type]


@dataclass
class Stage:
    """Where scenarios are directed: the roster, the script in the making, and chance."""

    roster: Roster
    script: Script
    rng: Generator
    free: dict[str, list[int]]  # slots without a role, by kind
    newcomers: int = 0

    def pause(self, usual: int) -> int:
        """A usual number of sessions, fewer in a short market."""
        return min(usual, max(1, self.script.sessions // 20))

    def pick(self, *kinds: str) -> int:
        """A slot that is free yet, of the first kind that has one."""
        for kind in kinds:
            if self.free.get(kind):
                return self.free[kind].pop()
        raise ValueError(f"too few tickers for every event: no {' or '.join(kinds)} is left")

    def halt(self, slot: int, session: int, count: int) -> None:
        """No trading on the `count` sessions before `session`."""
        for before in range(session - count, session):
            self.script.add(before, slot, Step(halted=True))

    def newcomer(self, cap: float, price: float) -> int:
        """A company nobody has heard of, with a code of its own."""
        number = self.newcomers
        self.newcomers += 1
        name = invented_name(24_000 - number)
        return self.roster.add("kosdaq", letter_code(2 * number + 1), name, cap, price)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))


Scenario = Callable[[Stage, int], None]  # of a session


def split(stage: Stage, session: int) -> None:
    """1 to 5 after a halt; the base is the nominal price, the opening is not."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(11.0, 12.0), stage.between(60_000, 180_000))
    stage.roster.calm(slot, 0.02)
    stage.halt(slot, session, stage.pause(15))
    stage.script.add(session, slot, Step("split", base_factor=1 / 5, share_factor=5))


def consolidation(stage: Stage, session: int) -> None:
    """5 to 1 after a halt."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(10.5, 11.3), stage.between(500, 1_500))
    stage.roster.calm(slot, 0.02)
    stage.halt(slot, session, stage.pause(18))
    stage.script.add(session, slot, Step("consolidation", base_factor=5, share_factor=1 / 5))


def rights_issue(stage: Stage, session: int) -> None:
    """Ex-rights on a trading day, the new shares are listed weeks later."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(10.8, 11.6), stage.between(4_000, 40_000))
    stage.roster.calm(slot, 0.025)
    ratio = stage.between(0.15, 0.5)
    factor = (1 + ratio * 0.7) / (1 + ratio)  # the new shares cost 30 % less
    stage.script.add(session, slot, Step("rights_issue", base_factor=factor))
    stage.script.add(session + stage.pause(25), slot, Step("share_listing", share_factor=1 + ratio))


def bonus_issue(stage: Stage, session: int) -> None:
    """One free share for each: until they are listed the market cap is half of what it was, below
    100bn."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(11.1, 11.25), stage.between(15_000, 60_000))
    stage.roster.calm(slot, 0.012)
    stage.script.add(session, slot, Step("bonus_issue", base_factor=0.5))
    stage.script.add(session + stage.pause(15), slot, Step("share_listing", share_factor=2))


def auction_resumption(stage: Stage, session: int) -> None:
    """After a halt the opening auction sets the base: all of the difference is a real return."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(10.4, 11.4), stage.between(1_500, 20_000))
    stage.halt(slot, session, stage.pause(int(stage.between(1, 22))))
    step = Step(
        "auction_resumption", base_factor=_auction_return(stage), at_auction=True, keeps_factor=True
    )
    stage.script.add(session, slot, step)


def auction_with_shares(stage: Stage, session: int) -> None:
    """A capital reduction 10 to 1 that resumes by auction: the base holds the reduction and a real
    return."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(10.3, 11.2), stage.between(300, 900))
    stage.roster.calm(slot, 0.02)
    stage.halt(slot, session, stage.pause(14))
    factor = 10 * _auction_return(stage)
    step = Step(
        "auction_with_shares",
        base_factor=factor,
        at_auction=True,
        share_factor=1 / 10,
        factor_from_shares=True,
    )
    stage.script.add(session, slot, step)


def market_transfer(stage: Stage, session: int) -> None:
    """KOSDAQ to KOSPI; the first price in the new market comes from an auction, without a halt
    before."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(11.8, 12.6), stage.between(15_000, 150_000))
    _transfer(stage, slot, session, "", ("STK", "KOSPI"))


def konex_transfer(stage: Stage, session: int) -> None:
    """KONEX to KOSDAQ, the same way, and the new shares of the public offering are listed on the
    same day."""
    slot = stage.pick("konex")
    _transfer(stage, slot, session, "벤처기업부", ("KSQ", "KOSDAQ"), offering=0.15)


def spin_off(stage: Stage, session: int) -> None:
    """The company keeps 63 % of its shares and its business; the rest is listed as a new company on
    the same day.

    What an old share is worth now cannot be seen in the rows: the base counts, and the event is
    flagged.
    """
    slot = stage.pick("kospi", "kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(11.5, 12.3), stage.between(5_000, 30_000))
    stage.roster.calm(slot, 0.02)
    stage.halt(slot, session, stage.pause(22))
    factor, kept = stage.between(0.78, 0.9), stage.between(0.6, 0.7)
    step = Step("spin_off", base_factor=factor, at_auction=True, share_factor=kept, flag="spin_off")
    stage.script.add(session, slot, step)
    _list(
        stage,
        stage.newcomer(10 ** stage.between(10.9, 11.6), stage.between(4_000, 20_000)),
        session,
    )


def halted_rebase(stage: Stage, session: int) -> None:
    """The base changes on a day without trading, in the middle of a halt."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 10 ** stage.between(10.3, 11.2), stage.between(800, 4_000))
    stage.roster.calm(slot, 0.02)
    stage.halt(slot, session, stage.pause(12))
    stage.script.add(
        session, slot, Step("halted_rebase", halted=True, base_factor=2, share_factor=0.5)
    )
    stage.halt(slot, session + 1 + stage.pause(3), stage.pause(3))


def off_tick(stage: Stage, session: int) -> None:
    """A close between two ticks: the next base is the close rounded up. Not an action."""
    slot = stage.pick("kosdaq", "kospi")
    stage.roster.resize(slot, 10 ** stage.between(10.8, 12.2), stage.between(9_000, 45_000))
    stage.roster.calm(slot, 0.02)
    stage.script.add(session - 1, slot, Step(off_tick=True))
    stage.script.add(session, slot, Step("off_tick", keeps_factor=True))


def share_collapse(stage: Stage, session: int) -> None:
    """1,500 to 1 without a rebase: the price leaps by 29,948 % or so and the base says nothing."""
    slot = stage.pick("kosdaq")
    stage.roster.resize(slot, 1.4e10, 45)
    stage.roster.calm(slot, 0.004)
    stage.halt(slot, session, stage.pause(20))
    step = Step(
        "share_collapse", share_factor=1 / 1_500, move=299.48, unlimited=True, flag="share_collapse"
    )
    stage.script.add(session, slot, step)


def first_session(stage: Stage, session: int) -> None:
    """A new company, on its first day between 60 % and 400 % of its issue price."""
    _list(
        stage,
        stage.newcomer(10 ** stage.between(10.7, 11.7), stage.between(2_000, 40_000)),
        session,
    )


def delisting(stage: Stage, session: int) -> None:
    """A halt, then sessions of liquidation trading without limits, then gone at `session`."""
    slot = stage.pick("kosdaq", "konex")
    stage.roster.resize(slot, 10 ** stage.between(9.7, 10.6), stage.between(1_000, 12_000))
    begin = session - stage.pause(7)
    stage.halt(slot, begin, stage.pause(30))
    for position in range(begin, session):
        move = -stage.between(0.55, 0.9) if position == begin else -stage.between(0.0, 0.35)
        stage.script.add(
            position,
            slot,
            Step("liquidation" if position == begin else "", move=move, unlimited=True),
        )
    _delist(stage, slot, session)


def spac_merger(stage: Stage, session: int) -> None:
    """The SPAC takes over a company and its name: same code, base as before, many more shares."""
    slot = stage.pick("spac")
    stage.halt(slot, session, stage.pause(15))
    stage.script.add(
        session,
        slot,
        Step("spac_merger", share_factor=round(stage.between(5, 9), 3), flag="reused_ticker"),
    )
    stage.script.change(session, slot, name=_new_name(stage, slot), department="벤처기업부")


def code_reused(stage: Stage, session: int) -> None:
    """The SPAC is gone with its merger; sessions later its code belongs to another company."""
    slot = stage.pick("spac")
    gone = session - stage.pause(10)
    _delist(stage, slot, gone)
    cap, price = 10 ** stage.between(10.8, 11.5), stage.between(5_000, 30_000)
    heir = stage.roster.add("kosdaq", stage.roster.code[slot], _new_name(stage, slot), cap, price)
    _list(stage, heir, session, flag="reused_ticker")


def rename(stage: Stage, session: int) -> None:
    slot = stage.pick("kosdaq", "kospi")
    stage.script.add(session, slot, Step("rename"))
    stage.script.change(session, slot, name=stage.roster.name[slot] + "홀딩스")


def huge_volume(stage: Stage, session: int) -> None:
    """More shares traded than 32 bits hold."""
    stage.script.add(session, PENNY, Step("huge_volume", volume=HUGE_VOLUME))


def off_hours_trade(stage: Stage, session: int) -> None:
    """Volume on a halted day: open, high and low stay 0."""
    slot = stage.pick("kosdaq")
    stage.halt(slot, session, stage.pause(5))
    volume = int(stage.between(100, 3_000))
    stage.script.add(session, slot, Step("off_hours_trade", halted=True, off_hours_volume=volume))
    stage.halt(slot, session + 1 + stage.pause(2), stage.pause(2))


@dataclass(frozen=True)
class Billing:
    """How often a scenario plays in a market of 2,700 (others in proportion), and the sessions it
    needs around it."""

    scenario: Scenario
    times: int
    before: int = 1
    after: int = 1
    at_least: int = 1
    at_most: int = 1_000_000


PROGRAMME = (
    Billing(share_collapse, 1, before=20, at_most=1),
    Billing(huge_volume, 1, at_most=1),
    Billing(off_hours_trade, 2, before=5, after=3, at_least=2, at_most=2),
    Billing(split, 12, before=15),
    Billing(consolidation, 24, before=18),
    Billing(rights_issue, 60, after=25),
    Billing(bonus_issue, 50, after=15),
    Billing(auction_resumption, 45, before=22),
    Billing(auction_with_shares, 36, before=14),
    Billing(market_transfer, 8),
    Billing(konex_transfer, 6),
    Billing(spin_off, 6, before=22),
    Billing(halted_rebase, 24, before=12, after=4),
    Billing(first_session, 78),
    Billing(delisting, 60, before=37),
    Billing(spac_merger, 10, before=15),
    Billing(code_reused, 4, before=10),
    Billing(off_tick, 120, before=1),
    Billing(rename, 120),
)


def direct(roster: Roster, sessions: int, rng: Generator) -> Script:
    """Casts the programme over the market and adds those who are listed later. ValueError: too few
    tickers."""
    script = Script(sessions)
    listed = len(roster)
    stage = Stage(roster, script, rng, _free_slots(roster, rng))
    if sessions >= _FEWEST_SESSIONS:
        for billing in PROGRAMME:
            _play(stage, billing, max(round(billing.times * listed / 2_700), billing.at_least))
    return script


def _play(stage: Stage, billing: Billing, times: int) -> None:
    """Spreads the repeats of a scenario evenly, with some chance, over the sessions it fits
    into."""
    short = stage.script.sessions // 20
    first = 1 + min(billing.before, 2 * max(short, 1))
    last = stage.script.sessions - 1 - min(billing.after, max(short, 1))
    count = min(times, billing.at_most)
    for number in range(count):
        position = first + (last - first) * (number + stage.rng.random()) / count
        billing.scenario(stage, min(int(position), last))


def _free_slots(roster: Roster, rng: Generator) -> dict[str, list[int]]:
    free: dict[str, list[int]] = defaultdict(list)
    for slot in rng.permutation(np.arange(PENNY + 1, len(roster))).tolist():
        free[roster.kind[slot]].append(slot)
    return free


def _auction_return(stage: Stage) -> float:
    """1 + the real return in an auction's base: 9.6 % in the median, up to 69 %, either way; never
    next to nothing."""
    size = min(max(0.096 * float(np.exp(0.9 * stage.rng.standard_normal())), 0.02), 0.69)
    return 1 + size if stage.rng.random() < 0.55 else 1 / (1 + size)


def _transfer(
    stage: Stage,
    slot: int,
    session: int,
    department: str,
    market: tuple[str, str],
    offering: float = 0.0,
) -> None:
    """`offering`: new shares of every old one. The rows do not say that they were paid for, hence
    the flag."""
    found = _auction_return(stage)
    if offering:
        step = Step(
            "auction_with_shares",
            base_factor=found,
            at_auction=True,
            share_factor=1 + offering,
            factor_from_shares=True,
            flag="new_shares",
        )
    else:
        step = Step("market_transfer", base_factor=found, at_auction=True, keeps_factor=True)
    stage.script.add(session, slot, step)
    stage.script.change(session, slot, department=department, market=market)


def _list(stage: Stage, slot: int, session: int, flag: str = "") -> None:
    stage.script.listed_from[slot] = session
    move = 3.0 if stage.rng.random() < 0.25 else stage.between(-0.35, 1.8)
    price = int(stage.roster.price[slot])
    stage.script.add(
        session, slot, Step("first_session", base_price=price, move=move, unlimited=True, flag=flag)
    )


def _delist(stage: Stage, slot: int, session: int) -> None:
    """Gone from `session` on; the ledger says so on that day, although the ticker has no row."""
    stage.script.listed_until[slot] = session
    stage.script.add(session, slot, Step("delisted"))


def _new_name(stage: Stage, slot: int) -> str:
    return invented_name(20_000 + slot)

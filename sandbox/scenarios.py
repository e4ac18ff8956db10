"""Events of companies: every kind that the exchange is known for, as steps on the sessions of a
ticker.

Each scenario is written for one ticker around one session. `plan_events` spreads them over the
market and over the sessions. The simulation applies the steps and adds those with a `kind` to the
list of events.
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
    """Event of a ticker.

    `previous_close` and `base` in won (0: there is none), `true_factor` the adjustment factor that
    a collector should find, `flag` why it should be looked at (empty: no reason). Every base that
    differs from the previous close has an event.
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
    """Effect of one session on one ticker. A field left at its default leaves the market's own
    course."""

    kind: str = ""  # name of the event; empty for no event
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
class EventPlan:
    """Steps by session, changes of facts, and the sessions from which (inclusive) to which
    (exclusive) a slot is listed."""

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
class PlanBuilder:
    """Builder of the plan of events: the roster, the plan, and a random generator."""

    roster: Roster
    plan: EventPlan
    rng: Generator
    free: dict[str, list[int]]  # slots without a scenario, by kind
    newcomers: int = 0

    def pause(self, usual: int) -> int:
        """Return a usual number of sessions, fewer in a short market."""
        return min(usual, max(1, self.plan.sessions // 20))

    def pick(self, *kinds: str) -> int:
        """Return a slot without a scenario, of the first kind that has one."""
        for kind in kinds:
            if self.free.get(kind):
                return self.free[kind].pop()
        raise ValueError(f"too few tickers for every event: no {' or '.join(kinds)} is left")

    def halt(self, slot: int, session: int, count: int) -> None:
        """Halt trading on the `count` sessions before `session`."""
        for before in range(session - count, session):
            self.plan.add(before, slot, Step(halted=True))

    def newcomer(self, cap: float, price: float) -> int:
        """Add a new company with a code of its own. Return its slot."""
        number = self.newcomers
        self.newcomers += 1
        name = invented_name(24_000 - number)
        return self.roster.add("kosdaq", letter_code(2 * number + 1), name, cap, price)

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))


Scenario = Callable[[PlanBuilder, int], None]  # with the position of a session


def split(builder: PlanBuilder, session: int) -> None:
    """Split 1 to 5 after a halt. The base is the nominal price, the opening is not."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(11.0, 12.0), builder.between(60_000, 180_000))
    builder.roster.calm(slot, 0.02)
    builder.halt(slot, session, builder.pause(15))
    builder.plan.add(session, slot, Step("split", base_factor=1 / 5, share_factor=5))


def consolidation(builder: PlanBuilder, session: int) -> None:
    """Consolidate 5 to 1 after a halt."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(10.5, 11.3), builder.between(500, 1_500))
    builder.roster.calm(slot, 0.02)
    builder.halt(slot, session, builder.pause(18))
    builder.plan.add(session, slot, Step("consolidation", base_factor=5, share_factor=1 / 5))


def rights_issue(builder: PlanBuilder, session: int) -> None:
    """Go ex-rights on a trading day; the new shares are listed weeks later."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(10.8, 11.6), builder.between(4_000, 40_000))
    builder.roster.calm(slot, 0.025)
    ratio = builder.between(0.15, 0.5)
    factor = (1 + ratio * 0.7) / (1 + ratio)  # the new shares cost 30 % less
    builder.plan.add(session, slot, Step("rights_issue", base_factor=factor))
    builder.plan.add(
        session + builder.pause(25), slot, Step("share_listing", share_factor=1 + ratio)
    )


def bonus_issue(builder: PlanBuilder, session: int) -> None:
    """Give one free share for each. Until they are listed the market cap is halved, below 100bn."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(11.1, 11.25), builder.between(15_000, 60_000))
    builder.roster.calm(slot, 0.012)
    builder.plan.add(session, slot, Step("bonus_issue", base_factor=0.5))
    builder.plan.add(session + builder.pause(15), slot, Step("share_listing", share_factor=2))


def auction_resumption(builder: PlanBuilder, session: int) -> None:
    """Let the opening auction after a halt set the base: all of the difference is a real return."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(10.4, 11.4), builder.between(1_500, 20_000))
    builder.halt(slot, session, builder.pause(int(builder.between(1, 22))))
    step = Step(
        "auction_resumption",
        base_factor=_auction_return(builder),
        at_auction=True,
        keeps_factor=True,
    )
    builder.plan.add(session, slot, step)


def auction_with_shares(builder: PlanBuilder, session: int) -> None:
    """Reduce the capital 10 to 1 and resume by auction: the base holds the reduction and a real
    return."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(10.3, 11.2), builder.between(300, 900))
    builder.roster.calm(slot, 0.02)
    builder.halt(slot, session, builder.pause(14))
    factor = 10 * _auction_return(builder)
    step = Step(
        "auction_with_shares",
        base_factor=factor,
        at_auction=True,
        share_factor=1 / 10,
        factor_from_shares=True,
    )
    builder.plan.add(session, slot, step)


def market_transfer(builder: PlanBuilder, session: int) -> None:
    """Move from KOSDAQ to KOSPI. An auction sets the first price there, without a halt before."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(11.8, 12.6), builder.between(15_000, 150_000))
    _transfer(builder, slot, session, "", ("STK", "KOSPI"))


def konex_transfer(builder: PlanBuilder, session: int) -> None:
    """Move from KONEX to KOSDAQ; the new shares of the public offering are listed on the same
    day."""
    slot = builder.pick("konex")
    _transfer(builder, slot, session, "벤처기업부", ("KSQ", "KOSDAQ"), offering=0.15)


def spin_off(builder: PlanBuilder, session: int) -> None:
    """Keep 63 % of shares and business; the rest is listed as a new company on the same day.

    The rows do not show what an old share is worth now: the base counts, and the event is flagged.
    """
    slot = builder.pick("kospi", "kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(11.5, 12.3), builder.between(5_000, 30_000))
    builder.roster.calm(slot, 0.02)
    builder.halt(slot, session, builder.pause(22))
    factor, kept = builder.between(0.78, 0.9), builder.between(0.6, 0.7)
    step = Step("spin_off", base_factor=factor, at_auction=True, share_factor=kept, flag="spin_off")
    builder.plan.add(session, slot, step)
    _list(
        builder,
        builder.newcomer(10 ** builder.between(10.9, 11.6), builder.between(4_000, 20_000)),
        session,
    )


def halted_rebase(builder: PlanBuilder, session: int) -> None:
    """Change the base on a day without trading, during a halt."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 10 ** builder.between(10.3, 11.2), builder.between(800, 4_000))
    builder.roster.calm(slot, 0.02)
    builder.halt(slot, session, builder.pause(12))
    builder.plan.add(
        session, slot, Step("halted_rebase", halted=True, base_factor=2, share_factor=0.5)
    )
    builder.halt(slot, session + 1 + builder.pause(3), builder.pause(3))


def off_tick(builder: PlanBuilder, session: int) -> None:
    """Close between two ticks: the next base is the close rounded up. This is no corporate
    action."""
    slot = builder.pick("kosdaq", "kospi")
    builder.roster.resize(slot, 10 ** builder.between(10.8, 12.2), builder.between(9_000, 45_000))
    builder.roster.calm(slot, 0.02)
    builder.plan.add(session - 1, slot, Step(off_tick=True))
    builder.plan.add(session, slot, Step("off_tick", keeps_factor=True))


def share_collapse(builder: PlanBuilder, session: int) -> None:
    """Merge 1,500 shares into 1 without a new base: the price rises by 29,948 % or so."""
    slot = builder.pick("kosdaq")
    builder.roster.resize(slot, 1.4e10, 45)
    builder.roster.calm(slot, 0.004)
    builder.halt(slot, session, builder.pause(20))
    step = Step(
        "share_collapse", share_factor=1 / 1_500, move=299.48, unlimited=True, flag="share_collapse"
    )
    builder.plan.add(session, slot, step)


def first_session(builder: PlanBuilder, session: int) -> None:
    """List a new company; its first close is between 60 % and 400 % of its issue price."""
    _list(
        builder,
        builder.newcomer(10 ** builder.between(10.7, 11.7), builder.between(2_000, 40_000)),
        session,
    )


def delisting(builder: PlanBuilder, session: int) -> None:
    """Halt, then trade for liquidation without limits, then delist at `session`."""
    slot = builder.pick("kosdaq", "konex")
    builder.roster.resize(slot, 10 ** builder.between(9.7, 10.6), builder.between(1_000, 12_000))
    begin = session - builder.pause(7)
    builder.halt(slot, begin, builder.pause(30))
    for position in range(begin, session):
        move = -builder.between(0.55, 0.9) if position == begin else -builder.between(0.0, 0.35)
        builder.plan.add(
            position,
            slot,
            Step("liquidation" if position == begin else "", move=move, unlimited=True),
        )
    _delist(builder, slot, session)


def spac_merger(builder: PlanBuilder, session: int) -> None:
    """Let the SPAC take over a company and its name: same code, same base, many more shares."""
    slot = builder.pick("spac")
    builder.halt(slot, session, builder.pause(15))
    builder.plan.add(
        session,
        slot,
        Step("spac_merger", share_factor=round(builder.between(5, 9), 3), flag="reused_ticker"),
    )
    builder.plan.change(session, slot, name=_new_name(builder, slot), department="벤처기업부")


def code_reused(builder: PlanBuilder, session: int) -> None:
    """Delist the SPAC at its merger; sessions later another company gets its code."""
    slot = builder.pick("spac")
    gone = session - builder.pause(10)
    _delist(builder, slot, gone)
    cap, price = 10 ** builder.between(10.8, 11.5), builder.between(5_000, 30_000)
    heir = builder.roster.add(
        "kosdaq", builder.roster.code[slot], _new_name(builder, slot), cap, price
    )
    _list(builder, heir, session, flag="reused_ticker")


def rename(builder: PlanBuilder, session: int) -> None:
    slot = builder.pick("kosdaq", "kospi")
    builder.plan.add(session, slot, Step("rename"))
    builder.plan.change(session, slot, name=builder.roster.name[slot] + "홀딩스")


def huge_volume(builder: PlanBuilder, session: int) -> None:
    """Trade more shares than 32 bits hold."""
    builder.plan.add(session, PENNY, Step("huge_volume", volume=HUGE_VOLUME))


def off_hours_trade(builder: PlanBuilder, session: int) -> None:
    """Trade after hours on a halted day: open, high and low stay 0."""
    slot = builder.pick("kosdaq")
    builder.halt(slot, session, builder.pause(5))
    volume = int(builder.between(100, 3_000))
    builder.plan.add(session, slot, Step("off_hours_trade", halted=True, off_hours_volume=volume))
    builder.halt(slot, session + 1 + builder.pause(2), builder.pause(2))


@dataclass(frozen=True)
class Frequency:
    """Number of times of a scenario in a market of 2,700 (others in proportion), and the sessions
    it needs around it."""

    scenario: Scenario
    times: int
    before: int = 1
    after: int = 1
    at_least: int = 1
    at_most: int = 1_000_000


FREQUENCIES = (
    Frequency(share_collapse, 1, before=20, at_most=1),
    Frequency(huge_volume, 1, at_most=1),
    Frequency(off_hours_trade, 2, before=5, after=3, at_least=2, at_most=2),
    Frequency(split, 12, before=15),
    Frequency(consolidation, 24, before=18),
    Frequency(rights_issue, 60, after=25),
    Frequency(bonus_issue, 50, after=15),
    Frequency(auction_resumption, 45, before=22),
    Frequency(auction_with_shares, 36, before=14),
    Frequency(market_transfer, 8),
    Frequency(konex_transfer, 6),
    Frequency(spin_off, 6, before=22),
    Frequency(halted_rebase, 24, before=12, after=4),
    Frequency(first_session, 78),
    Frequency(delisting, 60, before=37),
    Frequency(spac_merger, 10, before=15),
    Frequency(code_reused, 4, before=10),
    Frequency(off_tick, 120, before=1),
    Frequency(rename, 120),
)


def plan_events(roster: Roster, sessions: int, rng: Generator) -> EventPlan:
    """Spread all scenarios over the market and add later listings to the roster. Raise ValueError
    for too few tickers."""
    plan = EventPlan(sessions)
    listed = len(roster)
    builder = PlanBuilder(roster, plan, rng, _free_slots(roster, rng))
    if sessions >= _FEWEST_SESSIONS:
        for frequency in FREQUENCIES:
            _repeat(
                builder, frequency, max(round(frequency.times * listed / 2_700), frequency.at_least)
            )
    return plan


def _repeat(builder: PlanBuilder, frequency: Frequency, times: int) -> None:
    """Spread the repeats of a scenario evenly, with some randomness, over the sessions it fits
    into."""
    short = builder.plan.sessions // 20
    first = 1 + min(frequency.before, 2 * max(short, 1))
    last = builder.plan.sessions - 1 - min(frequency.after, max(short, 1))
    count = min(times, frequency.at_most)
    for number in range(count):
        position = first + (last - first) * (number + builder.rng.random()) / count
        frequency.scenario(builder, min(int(position), last))


def _free_slots(roster: Roster, rng: Generator) -> dict[str, list[int]]:
    free: dict[str, list[int]] = defaultdict(list)
    for slot in rng.permutation(np.arange(PENNY + 1, len(roster))).tolist():
        free[roster.kind[slot]].append(slot)
    return free


def _auction_return(builder: PlanBuilder) -> float:
    """Return 1 + the real return of an auction's base: 9.6 % in the median, at most 69 %, at least
    2 %, up or down."""
    size = min(max(0.096 * float(np.exp(0.9 * builder.rng.standard_normal())), 0.02), 0.69)
    return 1 + size if builder.rng.random() < 0.55 else 1 / (1 + size)


def _transfer(
    builder: PlanBuilder,
    slot: int,
    session: int,
    department: str,
    market: tuple[str, str],
    offering: float = 0.0,
) -> None:
    """Move a ticker to another market by auction.

    `offering`: new shares of every old one. The rows do not show that they were paid for, hence the
    flag.
    """
    found = _auction_return(builder)
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
    builder.plan.add(session, slot, step)
    builder.plan.change(session, slot, department=department, market=market)


def _list(builder: PlanBuilder, slot: int, session: int, flag: str = "") -> None:
    builder.plan.listed_from[slot] = session
    move = 3.0 if builder.rng.random() < 0.25 else builder.between(-0.35, 1.8)
    price = int(builder.roster.price[slot])
    builder.plan.add(
        session, slot, Step("first_session", base_price=price, move=move, unlimited=True, flag=flag)
    )


def _delist(builder: PlanBuilder, slot: int, session: int) -> None:
    """Delist from `session` on. The event has that session, although the ticker has no row in
    it."""
    builder.plan.listed_until[slot] = session
    builder.plan.add(session, slot, Step("delisted"))


def _new_name(builder: PlanBuilder, slot: int) -> str:
    return invented_name(20_000 + slot)

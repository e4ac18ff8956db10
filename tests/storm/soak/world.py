"""The simulated world: an exchange, two machines, one store, and the nights of a plan lived through
one by one."""

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from collectors.exchange.connect import make_calendar
from sandbox.faults import Fault
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from tests.harness import KEY, Exchange, Installation
from tests.storm.forks import OUTPUT, Order
from tests.storm.soak.machine import HOST, PATIENCE, Machine
from tests.storm.soak.plan import Plan, Run
from tests.storm.soak.storm import SILENT
from tests.storm.soak.truth import Truth
from tests.storm.soak.witness import Seen, Witness
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS

TICKERS = 100
"""So few make every answer short, and two that are delisted on a day are less than 2 % of them."""
PATIENT, IN_SILENCE = 30.0, 0.25
"""Seconds to wait for an answer: on a night on which every answer comes, however busy the machine
is, and on others."""
MIN_MARKET_CAP = 100_000_000_000


@dataclass(frozen=True)
class Roads:
    """The sources that are set up."""

    name: str
    account: bool
    key: bool
    datasets: tuple[str, ...] = ()
    """Datasets besides the prices."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of requests that are made."""
        return ("page", "login", "data") * self.account + ("openapi",) * self.key

    def settings(self) -> dict[str, str]:
        account = {} if self.account else {"KRX_ID": "", "KRX_PW": ""}
        chosen = {"DATASETS": ",".join(("prices", *self.datasets))}
        return account | chosen | ({"KRX_OPENAPI_KEY": KEY} if self.key else {})


ACCOUNT_ONLY = Roads("account", True, False, ("fundamentals",))
BOTH, KEY_ONLY = Roads("both", True, True), Roads("key", False, True)


@dataclass(frozen=True)
class Ended:
    run: Run
    code: int
    output: str


@dataclass
class World:
    """One installation and all that surrounds it."""

    plan: Plan
    roads: Roads
    market: SyntheticMarket
    exchange: LocalExchange
    machines: Sequence[Machine]
    folder: Path
    database: dict[str, str]
    """The settings that choose one; none: the embedded."""
    switched_on: list[Fault] = field(default_factory=list)
    ended: Counter[str] = field(default_factory=Counter)
    patience: float = PATIENT
    unsure: set[str] = field(default_factory=set)
    """Sessions that are stored behind a gap from a night on which another day's answers were
    given."""
    last_ended: list[Ended] = field(default_factory=list)
    earlier_hits: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.witness = Witness(self.exchange.exchange)
        self.truth = Truth(self.market)
        self.installation = Installation(
            self.exchange, self.folder, self._own_settings() | self.database
        )

    def _own_settings(self) -> dict[str, str]:
        pace = {"KRX_REQUEST_INTERVAL_SECONDS": "1", "ANALYSIS_QUOTA": "25"}
        return pace | self.roads.settings()

    def run(self, *runs: Run) -> tuple[list[Ended], list[Seen]]:
        """Start these at the same moment; how they ended, and what they asked the exchange."""
        self.exchange.set_time(runs[0].moment)
        before = len(self.witness.seen)
        with ThreadPoolExecutor(len(runs)) as pool:
            ended = list(pool.map(self._run, runs))
        self.last_ended = ended
        self.ended.update(f"{each.run.script} {each.code}" for each in ended)
        return ended, self.witness.seen[before:]

    def _run(self, run: Run) -> Ended:
        folder = self.folder / f"machine-{run.machine}"
        folder.mkdir(exist_ok=True)
        (folder / OUTPUT).unlink(missing_ok=True)
        bare = {"HOME": str(folder), "MPLCONFIGDIR": str(folder), "TZ": "UTC"}
        # One file holds the embedded database, so there the two are processes of one machine.
        machine = {
            HOST: f"machine-{run.machine if self.database else 0}",
            PATIENCE: str(self.patience),
        }
        order = Order(
            run.script,
            list(run.options),
            self.installation.environment(run.moment, **bare, **machine),
            str(folder),
            run.interrupted_at,
        )
        code = self.machines[run.machine].run(order)
        return Ended(run, code, (folder / OUTPUT).read_text(encoding="utf-8"))

    def switch_on(self, storm: Sequence[Fault]) -> None:
        """Begin these faults; what was silent before is over."""
        self.patience = IN_SILENCE if SILENT & {fault.name for fault in storm} else PATIENT
        for fault in storm:
            self.exchange.fail(**fault.told())
        self.switched_on += storm

    def calm_down(self) -> None:
        """Let nothing fail any more."""
        self.earlier_hits += self.hits()
        self.exchange.clear_faults()
        self.switched_on.clear()

    def all_hits(self) -> Counter[str]:
        return self.earlier_hits + self.hits()

    def hits(self) -> Counter[str]:
        """Count the hits of each failure since it was calm, by name."""
        active = [(each.fault, each.hits) for each in self.exchange.faults()]
        used_up = Counter(self.switched_on) - Counter(fault for fault, _ in active)
        hits = Counter(
            {fault: fault.times * number for fault, number in used_up.items() if fault.times}
        )
        tally: Counter[str] = Counter()
        for fault, number in (*hits.items(), *active):
            tally[fault.name] += number
        return tally

    @contextmanager
    def store(self, moment: datetime) -> Iterator[Store]:
        with self.installation.opened(moment) as store:
            yield store

    def has_work_left(self, moment: datetime) -> bool:
        """Return whether an hourly run at that moment would find something to do."""
        with self.store(moment) as store:
            session = make_calendar(self.installation.loaded_settings(), store).session_of_night(
                moment
            )
            if not store.jobs.is_completed(DAILY_UPDATE, session):
                return False
            return not store.jobs.is_completed(HOURLY_ANALYSIS, session)


@contextmanager
def opened(
    plan: Plan, roads: Roads, machines: Sequence[Machine], folder: Path, database: dict[str, str]
) -> Iterator[World]:
    """The world of a plan, before anything happens in it."""
    span = plan.span
    market = SyntheticMarket(TICKERS, plan.seed, span.market_from, _later(span.last), plan.closed)
    with Exchange(None, market) as exchange:
        yield World(plan, roads, market, exchange, machines, folder, database)


def calm_copy(world: World) -> World:
    """The same exchange with nothing wrong, and a new store over the embedded database."""
    world.exchange.clear_faults()
    folder = world.folder / "calm"
    folder.mkdir()
    return dataclasses.replace(world, folder=folder, database={}, switched_on=[], ended=Counter())


def _later(day: str) -> str:
    """A market goes on after the last day that is lived."""
    year, month = int(day[:4]), int(day[5:7])
    return f"{year + month // 12}-{month % 12 + 1:02d}-28"

"""Small installation that is audited: the scripts' own steps on a small market, without HTTP and
with a clock that is set."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import daily_update
import hourly_analysis
from collectors.collection.update import DailyUpdate
from collectors.exchange.sources import Sources
from collectors.upkeep.audit import Audit, audit_damages
from collectors.upkeep.damage import repair_damage
from sandbox import answers
from sandbox.publication import phase_of, shown
from sandbox.synthetic import SyntheticMarket
from tests.fakes import FakeClock
from utils.clock import kst
from utils.date_utils import is_final
from utils.errors import NotPublished
from utils.run import Run
from utils.settings import load_settings
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.locks import COLLECTION
from utils.store.sqlite import SqliteBackend

SCOPE = {"min_market_cap": 100_000_000_000, "markets": ["KOSPI", "KOSDAQ"]}
FIRST, SECOND, MIDDLE, SETUP, LAST = (
    "2026-07-30",
    "2026-07-31",
    "2026-08-05",
    "2026-08-06",
    "2026-08-11",
)
"""A ticker comes back from a capital reduction in the second."""
EVENINGS = [SETUP, "2026-08-07", "2026-08-10", "2026-08-11"]
NOON = kst(2026, 8, 12, 12)
MONDAY = "2024-01-22"


class Market:
    """The synthetic market as a `Source`, without a server: what it shows depends on the clock."""

    name = "pykrx"

    def __init__(self, clock: FakeClock, market: SyntheticMarket, same_evening: bool) -> None:
        self._clock, self._market, self._same_evening = clock, market, same_evening

    def shows(self, session: str, now: datetime) -> bool:
        return session <= now.date().isoformat() if self._same_evening else is_final(session, now)

    def fetch_day(self, session: str) -> pd.DataFrame:
        now = self._clock.now_kst()
        if not phase_of(self._market, session, now).has_numbers:
            raise NotPublished(f"The exchange shows no prices for {session}.")
        return pd.DataFrame(answers.day_rows(shown(self._market, session, now)))

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        now = self._clock.now_kst()
        days = [each for each in self._market.sessions if first <= each <= last]
        return [
            each
            for each in days
            if phase_of(self._market, each, now).has_numbers and self.shows(each, now)
        ]

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        day = shown(self._market, session, self._clock.now_kst())
        if name == "foreign":
            return pd.DataFrame(answers.holding_rows(self._market.holdings(day)))
        return pd.DataFrame(answers.fundamental_rows(self._market.fundamentals(day)))

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        series = self._market.index({"KOSPI": "STK", "KOSDAQ": "KSQ"}[index])
        shown_days = self.fetch_sessions(first, last, {})
        positions = [position for position, day in enumerate(series.sessions) if day in shown_days]
        return pd.DataFrame(answers.index_rows(series, positions))


@dataclass
class StoreUnderTest:
    """Store in a folder, and the scripts' work over it without HTTP."""

    folder: Path
    clock: FakeClock
    store: Store
    source: Market
    key: str | None = None
    """Key of the Open API. With it and without an account, a session can be had from the next
    morning on only."""

    @property
    def run(self) -> Run:
        account = {
            "krx_id": "id",
            "krx_pw": "pw",
            "datasets": "prices,fundamentals,foreign,indices",
        }
        options = account if self.key is None else {"krx_openapi_key": self.key}
        return Run(load_settings(options, self.folder / "no.env"), self.clock, self.store)

    def evening(self) -> None:
        """Run `daily_update.py`."""
        self.open_again(thorough=False)
        with sources_of(self):
            daily_update.update(self.run, DailyUpdate(self.run, None, None))

    def hour(self) -> None:
        """Run `hourly_analysis.py`."""
        hourly_analysis.work(self.run, hourly_analysis.parse([]))

    def open_again(self, thorough: bool) -> None:
        """Do what `daily_update.py` does with the database before it reads anything."""
        repair_damage(thorough, self.run.settings, self.clock, self.store.backend)

    def audit(self, first: str | None = None, last: str | None = None) -> Audit:
        damaged = audit_damages(self.store)
        return damaged or daily_update.audit_all(self.run, DailyUpdate(self.run, first, last))

    def repair(self) -> int:
        self.open_again(thorough=True)
        with sources_of(self), self.store.locks.hold(COLLECTION):
            return daily_update.repair_findings(self.run, DailyUpdate(self.run, None, None))

    def frame(self, session: str) -> pd.DataFrame:
        day = self.store.sessions.load(session)
        assert day is not None
        return day.frame

    def rewrite(self, session: str, frame: pd.DataFrame) -> None:
        """Store other cells, as if they had been what was saved."""
        day = self.store.sessions.load(session)
        assert day is not None
        self.store.sessions.save(
            replace(day, frame=frame), self.store.sessions.actions(session, session)
        )

    def change(self, collection: str, key: str, **fields: object) -> None:
        assert self.store.backend.update(collection, {"_id": key}, fields) == 1

    def targets(self) -> list[str]:
        return [target["_id"] for target in self.store.targets.active()]


class sources_of:  # noqa: N801 - reads as what it is: `with sources_of(tested)`
    def __init__(self, tested: StoreUnderTest) -> None:
        self._tested, self._patch = tested, pytest.MonkeyPatch()

    def __enter__(self) -> None:
        tested = self._tested
        for_datasets = [tested.source] if tested.key is None else []
        sources = Sources(
            [tested.source], [tested.source], tested.clock, tested.clock.sleep, for_datasets
        )
        self._patch.setattr("collectors.collection.update.make_sources", lambda *_: sources)

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


def open_store(
    folder: Path, now: datetime, market: SyntheticMarket, key: str | None = None
) -> StoreUnderTest:
    clock = FakeClock(now)
    return StoreUnderTest(
        folder, clock, Store(SqliteBackend(folder), clock), Market(clock, market, key is None), key
    )


def at(day: str, hour: int, minute: int = 0) -> datetime:
    return kst(*map(int, day.split("-")), hour, minute)


def told(audit: Audit) -> list[tuple[str, str | None]]:
    return [(finding.rule, finding.session or finding.ticker) for finding in audit.findings]


def contents(tested: StoreUnderTest) -> dict[str, Any]:
    """Return everything but when and how often it was read."""
    store = tested.store
    heads = store.sessions.heads()
    factors = {head.session: list(tested.frame(head.session)["factor"].fillna(0)) for head in heads}
    targets = [
        (each["_id"], each["name"], each["market_cap"], each["is_active"])
        for each in store.targets.all()
    ]
    return {
        "sessions": {
            head.session: (head.digest, head.count) for head in heads[:-1]
        },  # the last may still change
        "factors": factors,
        "actions": store.sessions.actions(FIRST, LAST),
        "datasets": {head.session: head.datasets for head in heads[:-1]},
        "indices": store.indices.load(FIRST, EVENINGS[-2]),
        "targets": [target for target in targets if target[3]],
        "completed": sorted(
            job["date_kst"]
            for job in store.jobs.records(DAILY_UPDATE)
            if job["status"] == "completed"
        ),
    }

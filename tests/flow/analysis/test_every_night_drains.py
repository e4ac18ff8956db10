"""Nights of 1,722 targets and the hours of the schedule: by default one hour takes all of them;
with a smaller quota the night drains whichever hour is missed.

Time is injected, the database is a real file, the script's own steps run. What an analysis finds is
left out, because what is in question is who is analysed when.
"""

import shutil
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path

import numpy as np
import pytest

import hourly_analysis
from collectors.analysis.technical_analyzer import Analysis
from tests.fakes import FakeClock, market_day, row
from utils.clock import kst
from utils.cron.schedule import starts
from utils.market_day import Panel
from utils.run import Run
from utils.settings import load_settings
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.sqlite import SqliteBackend

TARGETS = 1722
"""The most tickers of any measured day that were worth 100 billion won or more."""
SMALL_QUOTA, MINUTES = 500, 50
NIGHTS = {
    "a weekday": kst(2024, 1, 18, 19),
    "a Friday": kst(2024, 1, 19, 19),
    "a holiday's eve": kst(2024, 2, 8, 19),
}
HOURS = 14


def hours_of(evening: datetime) -> list[datetime]:
    """Return when cron starts `hourly_analysis.py` from that evening to the next morning."""
    morning = evening + timedelta(hours=15)
    return list(takewhile(lambda start: start < morning, starts(HOURLY_ANALYSIS, evening)))


class Quick:
    """Stand-in for `TechnicalAnalyzer`: an analysis takes so many seconds of the injected time and
    finds nothing."""

    seconds = 0.5
    clock: FakeClock

    def __init__(self, panel: Panel) -> None:
        self._session = panel.sessions[-1]

    def ranks(self) -> dict[str, dict[str, float | None]]:
        return {}

    def analyze(self, ticker: str) -> Analysis:
        self.clock.advance(seconds=self.seconds)
        return Analysis(
            ticker, ticker, "KOSPI", 1, self._session, 1, {}, [], [], {}, {"close": np.ones(1)}
        )


@pytest.fixture(scope="module", params=NIGHTS)
def evening(request: pytest.FixtureRequest) -> datetime:
    return NIGHTS[request.param]


@pytest.fixture(scope="module")
def collected(evening: datetime, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a database whose evening's session was just completed; every ticker is a
    target."""
    folder, session = tmp_path_factory.mktemp("collected"), f"{evening:%Y-%m-%d}"
    store = Store(SqliteBackend(folder), FakeClock(evening))
    tickers = [f"{number:06d}" for number in range(TARGETS)]
    store.sessions.save(market_day(session, *(row(ticker) for ticker in tickers)))
    store.scope.save(1, ["KOSPI"], "2023-01-02")
    store.targets.save([target(ticker, cap) for cap, ticker in enumerate(tickers)], {})
    store.jobs.start(DAILY_UPDATE, session)
    store.jobs.record(DAILY_UPDATE, session, {"status": "completed"})
    store.close()
    return folder


def target(ticker: str, market_cap: int) -> Document:
    fresh = {
        "is_active": True,
        "added_date": "2023-01-02",
        "removed_date": None,
        "last_analyzed_date": "2024-01-17",
    }
    work = {"attempts": 0, "retry_after_utc": None, "last_error": None, "claimed_by": None}
    caps = {"market_cap": market_cap, "corrected_market_cap": market_cap}
    return {"_id": ticker, "name": ticker, "market": "KOSPI"} | caps | fresh | work


class Night:
    """One night over a copy of that database."""

    def __init__(self, folder: Path, evening: datetime, clock: FakeClock) -> None:
        self.session, self._clock = f"{evening:%Y-%m-%d}", clock
        self.store = Store(SqliteBackend(folder), clock)
        self._folder = folder

    def run(self, hour: datetime) -> Document:
        """One hour's run, without a page; the job's record after it."""
        self._clock.set(hour)
        settings = load_settings({"report_file": ""}, self._folder / "no.env")
        run = Run(settings, self._clock, self.store)
        assert hourly_analysis.work(run, hourly_analysis.parse([])) == 0
        job = self.store.jobs.get(HOURLY_ANALYSIS, self.session)
        assert job is not None
        assert job["tickers"] == job["analyzed"] + job["pending"] == TARGETS
        return job

    def behind(self) -> list[str]:
        return [
            each["_id"]
            for each in self.store.targets.all()
            if each["last_analyzed_date"] != self.session
        ]


@pytest.fixture
def night(
    collected: Path, evening: datetime, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Night]:
    monkeypatch.setattr("collectors.analysis.night.TechnicalAnalyzer", Quick)
    monkeypatch.delenv("ANALYSIS_QUOTA", raising=False)
    monkeypatch.delenv("ANALYSIS_TIME_LIMIT_MINUTES", raising=False)
    clock = Quick.clock = FakeClock(evening)
    shutil.copytree(collected, tmp_path / "data")
    night = Night(tmp_path / "data", evening, clock)
    yield night
    night.store.close()


@pytest.fixture
def small_quota(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """The night's runs analyse 500 targets at most."""
    monkeypatch.setenv("ANALYSIS_QUOTA", str(SMALL_QUOTA))


def test_cron_starts_an_analysis_fourteen_times_a_night(evening: datetime) -> None:
    hours = hours_of(evening)
    assert len(hours) == HOURS
    assert (hours[0], hours[-1]) == (
        evening + timedelta(minutes=10),
        evening + timedelta(hours=13, minutes=10),
    )


def test_by_default_one_hour_takes_the_whole_list(night: Night, evening: datetime) -> None:
    job = night.run(hours_of(evening)[0])
    assert (job["status"], job["analyzed"], night.behind()) == ("completed", TARGETS, [])


@pytest.mark.usefixtures("small_quota")
@pytest.mark.parametrize("missed", [0, 1, 6, HOURS - 1])
def test_the_night_drains_whichever_hour_is_missed(
    night: Night, evening: datetime, missed: int
) -> None:
    hours = hours_of(evening)
    del hours[missed]
    jobs = [night.run(hour) for hour in [*hours[:6], hours[-1]]]
    assert [job["analyzed"] for job in jobs[:4]] == [
        *(SMALL_QUOTA * run for run in (1, 2, 3)),
        TARGETS,
    ]
    assert [job["status"] for job in jobs[:4]] == ["running"] * 3 + ["completed"]
    assert jobs[4:] == [jobs[3]] * 3, "a finished night has nothing left to do"
    assert night.behind() == []


def test_a_slow_machine_drains_by_the_time_limit(
    night: Night, evening: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Eight seconds a target: the fifty minutes end a run, not its quota, and each goes on where
    the last one ended."""
    monkeypatch.setattr(Quick, "seconds", 8.0)
    jobs = [night.run(hour) for hour in hours_of(evening)[1:7]]
    in_an_hour = MINUTES * 60 // 8
    assert [job["analyzed"] for job in jobs] == [
        min(run * in_an_hour, TARGETS) for run in range(1, 7)
    ]
    assert night.behind() == []


@pytest.mark.usefixtures("small_quota")
def test_every_hour_takes_the_largest_that_are_left(night: Night, evening: datetime) -> None:
    night.run(hours_of(evening)[0])
    assert night.behind() == [f"{number:06d}" for number in reversed(range(TARGETS - SMALL_QUOTA))]

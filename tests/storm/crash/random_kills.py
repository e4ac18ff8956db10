"""Nights whose runs are killed at random moments: an evening's day is odd and waits, a row is set
aside, and the morning has other figures.

The exchange's clock stands still during a run, so a run that is started anew at the same moment is
answered the same.
"""

import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from tests.harness import Exchange, Installation
from tests.storm.crash.dump import Dump, differences, dump_sqlite
from tests.storm.death import PROCESSOR, WALL
from tests.storm.forks import OUTPUT, Forks, Order
from utils.clock import Clock, kst
from utils.store.sqlite import FILE_NAME

WITH_A_ROW_SET_ASIDE, ODD_SESSION = "2026-09-16", "2026-09-17"
NO_WAIT, CLAIMS_END, NEXT_HOUR = timedelta(0), timedelta(minutes=11), timedelta(hours=1)
MOST_IN_A_ROW = 3


class StandingClock(Clock):
    """A clock that shows one moment."""

    def __init__(self, moment: datetime) -> None:
        super().__init__(moment)
        self._moment = moment.astimezone(UTC)

    def now_utc(self) -> datetime:
        return self._moment


class StandingExchange(Exchange):
    """An exchange whose clock stands still until it is set."""

    def set_time(self, moment: datetime) -> None:
        self.exchange.clock = StandingClock(moment)


@dataclass(frozen=True)
class Run:
    """A script as cron starts it. `again`: how long after a kill it is started anew."""

    moment: datetime
    script: str
    options: tuple[str, ...] = ()
    again: timedelta = NO_WAIT


NIGHT = {
    "first load": Run(
        kst(2026, 9, 16, 20, 45), "manual_setup", ("--yes", "--sessions", "3"), CLAIMS_END
    ),
    "update at 19:00": Run(kst(2026, 9, 17, 19), "daily_update"),
    "analysis at 19:10": Run(kst(2026, 9, 17, 19, 10), "hourly_analysis", again=NEXT_HOUR),
    "update at 20:40": Run(kst(2026, 9, 17, 20, 40), "daily_update"),
    "analysis at 21:10": Run(kst(2026, 9, 17, 21, 10), "hourly_analysis", again=NEXT_HOUR),
    "update at 08:02": Run(kst(2026, 9, 18, 8, 2), "daily_update"),
    "analysis at 08:10": Run(kst(2026, 9, 18, 8, 10), "hourly_analysis", again=NEXT_HOUR),
}
"""The runs of a first evening, and of a night in which the session waits at 19:00, is accepted at
20:40, and is final at 08:02."""
KILLED = [name for name in NIGHT if name != "analysis at 19:10"]
"""Those that have something to do."""


def tell_lies(exchange: Exchange) -> None:
    """Have a row of the first evening be one that no rule can read, and the figures of the next
    be odd until the morning."""
    exchange.fail("zero_close", date=WITH_A_ROW_SET_ASIDE, rows="1", market="KOSPI")
    exchange.fail("shifted_names", date=ODD_SESSION, market="KOSDAQ", until=f"{ODD_SESSION}T23:00")


@dataclass(frozen=True)
class Ended:
    code: int
    output: str

    @property
    def was_killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Host:
    """A folder of an installation over the embedded database, the exchange, and the process that
    forks its runs.

    Args:
        aside: what the runs say, copies of the folder, and what else is no part of it.
    """

    def __init__(self, exchange: Exchange, forks: Forks, folder: Path, aside: Path) -> None:
        self.folder, self.aside = folder, aside
        self._exchange, self._forks = exchange, forks
        self.installation = Installation(exchange, folder, {"DATASETS": "prices,fundamentals"})
        self.reset()

    def reset(self, kept: Path | None = None) -> None:
        """Put the folder back as it was kept; None: empty."""
        shutil.rmtree(self.folder, ignore_errors=True)
        if kept is None:
            self.folder.mkdir()
        else:
            shutil.copytree(kept, self.folder)

    def run(
        self, run: Run, moment: datetime, kill_after: Mapping[str, float] | None = None
    ) -> Ended:
        self._exchange.set_time(moment)
        report = str(self.folder / "report" / "index.html")
        environment = self.installation.environment(moment, REPORT_FILE=report)
        code = self._forks.run(
            Order(
                run.script,
                list(run.options),
                environment,
                str(self.aside),
                kill_after=dict(kill_after or {}),
            )
        )
        output = self.aside / OUTPUT
        text = output.read_text(encoding="utf-8") if output.exists() else ""
        output.unlink(missing_ok=True)
        return Ended(code, text)

    @property
    def took(self) -> Mapping[str, float]:
        """Seconds of the last run, by each clock."""
        return self._forks.took

    def stored(self) -> Dump:
        """Return what is stored, and the names of all files. The next run finds them as if nobody
        had looked."""
        looked_at = self.aside / "looked_at"
        if (self.folder / "data" / FILE_NAME).exists():
            shutil.copytree(self.folder / "data", looked_at)
            dump = dump_sqlite(looked_at / FILE_NAME)
            shutil.rmtree(looked_at)
        else:
            dump = {}
        names = sorted(str(each.relative_to(self.folder)) for each in self.folder.rglob("*"))
        return dump | {"files": {"names": names}}


class Scene:
    """One run of a night on the store that those before it have left, and what it makes of that
    when nothing disturbs it."""

    def __init__(self, host: Host, name: str) -> None:
        names = list(NIGHT)
        self.host, self.run, self._kept = host, NIGHT[name], None
        host.reset()
        for before in names[: names.index(name)]:
            host.run(NIGHT[before], NIGHT[before].moment)
            self._kept = host.aside / "kept"
        if self._kept is not None:
            shutil.copytree(host.folder, self._kept)
        self.begins_with = host.stored()
        self.undisturbed = self.start(0)
        self.took, self.ends_with = host.took, host.stored()

    def restart(self) -> None:
        """The store as before the run."""
        self.host.reset(self._kept)

    def start(self, number: int, kill_after: Mapping[str, float] | None = None) -> Ended:
        """The run as it is started for that time, 0 is the first."""
        return self.host.run(self.run, self.run.moment + number * self.run.again, kill_after)

    def kill_some(self, dice: Random) -> int:
        """Start the run on the store as it was, and anew after each kill, and return how often it
        was killed: up to three times in a row."""
        self.restart()
        for number in range(most := dice.randint(1, MOST_IN_A_ROW)):
            clock = dice.choice((PROCESSOR, WALL))
            ended = self.start(number, {clock: dice.random() * self.took[clock]})
            if not ended.was_killed:
                assert ended.code == self.undisturbed.code, ended.output
                return number
        return most

    def finish(self, number: int) -> list[str]:
        """Start the run for that time, undisturbed, and return what is not as it should be
        afterwards."""
        ended = self.start(number)
        wrong = [] if ended.code == self.undisturbed.code else [f"{ended.code}: {ended.output}"]
        return wrong + differences(self.ends_with, self.host.stored())

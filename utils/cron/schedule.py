"""Schedule of the scripts, in Korean time. The cron lines are made from this table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS


@dataclass(frozen=True)
class Start:
    """Job that starts at one minute of each of these hours on each of these days, KST."""

    job: str
    days: range
    """1 is Monday."""
    hours: range
    minute: int

    @property
    def script(self) -> str:
        return f"{self.job}.py"


SCHEDULE = (
    Start(DAILY_UPDATE, days=range(1, 6), hours=range(19, 20), minute=0),
    Start(HOURLY_ANALYSIS, days=range(1, 6), hours=range(19, 24), minute=10),
    # A night that begins on Friday ends on Saturday.
    Start(HOURLY_ANALYSIS, days=range(2, 7), hours=range(9), minute=10),
)


def starts(job: str, after: datetime) -> Iterator[datetime]:
    """Yield the later moments at which cron starts the job, in order and without end, KST."""
    day = after.replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        of_the_day = (
            day.replace(hour=hour, minute=start.minute)
            for start in SCHEDULE
            if start.job == job and day.isoweekday() in start.days
            for hour in start.hours
        )
        yield from sorted(moment for moment in of_the_day if moment > after)
        day += timedelta(days=1)

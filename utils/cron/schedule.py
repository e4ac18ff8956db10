"""Schedule of the scripts, in Korean time. The cron lines are made from this table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

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

    def __str__(self) -> str:
        """Return the job with its time, such as `hourly_analysis 19:10-23:10`."""
        first, last = (f"{hour:02}:{self.minute:02}" for hour in (self.hours[0], self.hours[-1]))
        return f"{self.job} {first}" if first == last else f"{self.job} {first}-{last}"


SCHEDULE = (
    # The figures of the regular session.
    Start(DAILY_UPDATE, days=range(1, 6), hours=range(19, 20), minute=0),
    Start(HOURLY_ANALYSIS, days=range(1, 6), hours=range(19, 24), minute=10),
    # The after-market ends at 20:00, and the site shows all of it by 20:30.
    Start(DAILY_UPDATE, days=range(1, 6), hours=range(20, 21), minute=40),
    # A night that begins on Friday ends on Saturday.
    Start(HOURLY_ANALYSIS, days=range(2, 7), hours=range(9), minute=10),
    # A session is final from 08:00 of the following day on.
    Start(DAILY_UPDATE, days=range(2, 7), hours=range(8, 9), minute=2),
)


def starts_between(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    """Return the starts after `first` and before `last` with their jobs, in order, KST."""
    return sorted(
        (moment, job)
        for job in {start.job for start in SCHEDULE}
        for moment in takewhile(lambda moment: moment < last, starts(job, first))
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

"""The clock: the only module that reads the time. Everything else is given a `Clock`."""

import time
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import pytz

KST = pytz.timezone("Asia/Seoul")
HOST_ZONE = Path("/etc/localtime")


def kst(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> datetime:
    """Return an aware datetime in Korea Standard Time (UTC+9, no daylight saving since 1988)."""
    return KST.localize(datetime(year, month, day, hour, minute, second))


class Clock:
    """Time in UTC and KST, a stopwatch and a sleep.

    Args:
        starts_at: an aware datetime from which the clock runs on at normal speed. None: the real
            time.
    """

    def __init__(self, starts_at: datetime | None = None) -> None:
        self.is_of_this_host = starts_at is None
        """True when the clock shows this host's time; False when it was given another one."""
        self._offset = timedelta(0) if starts_at is None else starts_at - datetime.now(UTC)

    def now_utc(self) -> datetime:
        """Return the time, aware, in UTC, cut to milliseconds as BSON keeps it."""
        now = datetime.now(UTC) + self._offset
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def now_kst(self) -> datetime:
        """Return the same moment, aware, in KST."""
        return self.now_utc().astimezone(KST)

    def put_back(self, by: timedelta) -> None:
        """Put the clock back by that much; a negative amount puts it forward."""
        self._offset -= by

    def monotonic(self) -> float:
        """Return seconds since an arbitrary start; changes of the wall clock do not affect them."""
        return time.monotonic()

    def host_keeps_kst(self, host_zone: Path = HOST_ZONE) -> bool:
        """Return whether local time is nine hours ahead of UTC in every month of this year.

        The host's own zone and that of this process are both checked: cron may use either.
        """
        year = self.now_utc().year
        months = [datetime(year, month, 1, tzinfo=UTC) for month in range(1, 13)]
        moments = (
            month.astimezone(zone) for month in months for zone in (None, _read_zone(host_zone))
        )
        return all(moment.utcoffset() == timedelta(hours=9) for moment in moments)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _read_zone(path: Path) -> tzinfo:
    """Return the zone of a file of time zone data; UTC when it cannot be read, as in the C
    library."""
    try:
        with path.open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return UTC

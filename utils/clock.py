"""The only module that tells the time. Everything else is handed a `Clock`."""

import time
from datetime import UTC, datetime, timedelta

import pytz

KST = pytz.timezone("Asia/Seoul")


def kst(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> datetime:
    """An aware datetime in Korea Standard Time (UTC+9, no daylight saving since 1988)."""
    return KST.localize(datetime(year, month, day, hour, minute, second))


class Clock:
    """The time in UTC and KST, a monotonic stopwatch and a sleep.

    Args:
        starts_at: an aware datetime from which the clock runs on at normal speed. None: the real time.
    """

    def __init__(self, starts_at: datetime | None = None) -> None:
        self._offset = timedelta(0) if starts_at is None else starts_at - datetime.now(UTC)

    def now_utc(self) -> datetime:
        """Aware, in UTC, cut to milliseconds because that is what BSON keeps."""
        now = datetime.now(UTC) + self._offset
        return now.replace(microsecond=now.microsecond // 1000 * 1000)

    def now_kst(self) -> datetime:
        """The same moment, aware, in KST."""
        return self.now_utc().astimezone(KST)

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; unaffected by changes of the wall clock."""
        return time.monotonic()

    def host_utc_offsets(self) -> set[timedelta]:
        """What the host's local time is ahead of UTC this year: two values where it has daylight saving."""
        year = self.now_utc().year
        return {offset for month in (1, 7) if (offset := datetime(year, month, 1).astimezone().utcoffset()) is not None}

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

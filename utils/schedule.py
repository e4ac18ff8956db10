"""When cron starts the scripts, in Korean time: the one place that says it beside the cron lines
themselves."""

from collections.abc import Callable
from datetime import datetime, timedelta

UPDATE_HOUR = 19
"""Monday to Friday: when cron starts `daily_update`."""
ANALYSIS_MINUTE = 10
LAST_MORNING_HOUR = 8
_SATURDAY = 5


def next_daily_update(now: datetime) -> datetime:
    """The next 19:00 of a weekday after that moment, both KST."""
    return _next(now, 0, lambda moment: moment.hour == UPDATE_HOUR and moment.weekday() < _SATURDAY)


def next_hourly_analysis(now: datetime) -> datetime:
    """The next ten past 19-23 of a weekday, or 0-8 of the morning after one, after that moment;
    both KST."""
    return _next(now, ANALYSIS_MINUTE, _is_in_a_night)


def _is_in_a_night(moment: datetime) -> bool:
    evening = moment if moment.hour >= UPDATE_HOUR else moment - timedelta(days=1)
    return evening.weekday() < _SATURDAY and (
        moment.hour >= UPDATE_HOUR or moment.hour <= LAST_MORNING_HOUR
    )


def _next(now: datetime, minute: int, fires: Callable[[datetime], bool]) -> datetime:
    moment = now.replace(minute=minute, second=0, microsecond=0)
    while moment <= now or not fires(moment):
        moment += timedelta(hours=1)
    return moment

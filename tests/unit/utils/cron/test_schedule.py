"""Next runs of the scripts, compared with days written down by hand."""

from datetime import datetime
from itertools import islice

import pytest

from utils.clock import kst
from utils.cron.schedule import SCHEDULE, starts
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS

# 2026-09-10 is a Thursday, the 11th a Friday, the 14th a Monday.


@pytest.mark.parametrize(
    ("now", "next_one"),
    [
        (kst(2026, 9, 10, 18, 59), kst(2026, 9, 10, 19)),
        (kst(2026, 9, 10, 19), kst(2026, 9, 10, 20, 40)),
        (kst(2026, 9, 10, 20, 40), kst(2026, 9, 11, 8, 2)),
        (kst(2026, 9, 11, 8, 2), kst(2026, 9, 11, 19)),
        (kst(2026, 9, 11, 23), kst(2026, 9, 12, 8, 2)),
        (kst(2026, 9, 12, 8, 2), kst(2026, 9, 14, 19)),
        (kst(2026, 9, 13, 3), kst(2026, 9, 14, 19)),
        (kst(2026, 9, 14, 8), kst(2026, 9, 14, 19)),
    ],
)
def test_the_next_daily_update(now: datetime, next_one: datetime) -> None:
    assert next(starts(DAILY_UPDATE, now)) == next_one


@pytest.mark.parametrize(
    ("now", "next_one"),
    [
        (kst(2026, 9, 10, 12), kst(2026, 9, 10, 19, 10)),
        (kst(2026, 9, 10, 19, 10), kst(2026, 9, 10, 20, 10)),
        (kst(2026, 9, 10, 23, 30), kst(2026, 9, 11, 0, 10)),
        (kst(2026, 9, 11, 8, 10), kst(2026, 9, 11, 19, 10)),
        (kst(2026, 9, 12, 7, 30), kst(2026, 9, 12, 8, 10)),
        (kst(2026, 9, 12, 8, 30), kst(2026, 9, 14, 19, 10)),
        (kst(2026, 9, 14, 0, 5), kst(2026, 9, 14, 19, 10)),
    ],
)
def test_the_next_hourly_analysis(now: datetime, next_one: datetime) -> None:
    assert next(starts(HOURLY_ANALYSIS, now)) == next_one


def test_a_start_is_named_by_its_job_and_its_time() -> None:
    assert [str(start) for start in SCHEDULE] == [
        "daily_update 19:00",
        "hourly_analysis 19:10-23:10",
        "daily_update 20:40",
        "hourly_analysis 00:10-08:10",
        "daily_update 08:02",
    ]


def test_the_starts_of_fridays_night_come_in_order_and_the_next_is_on_monday() -> None:
    begun = list(islice(starts(HOURLY_ANALYSIS, kst(2026, 9, 11, 12)), 15))
    evening = [kst(2026, 9, 11, hour, 10) for hour in range(19, 24)]
    morning = [kst(2026, 9, 12, hour, 10) for hour in range(9)]
    assert begun == [*evening, *morning, kst(2026, 9, 14, 19, 10)]

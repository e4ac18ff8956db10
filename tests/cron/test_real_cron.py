"""The lines in a real cron daemon, a fortnight long, on hosts in several zones, and while clocks
change: what fired when, to the minute."""

from datetime import timedelta

import pytest

from tests.cron.private_host import CronHost
from utils.clock import kst
from utils.cron import KST_OFFSET, cron_lines
from utils.cron_daemon import honours_cron_tz

EVENING = ["19:10", "20:10", "21:10", "22:10", "23:10"]
MORNING = ["00:10", "01:10", "02:10", "03:10", "04:10", "05:10", "06:10", "07:10", "08:10"]
SEPTEMBER = [
    ("2026-09-14", "2026-09-15"),  # the fortnight goes from noon of this Monday to noon of a Monday
    ("2026-09-15", "2026-09-16"),
    ("2026-09-16", "2026-09-17"),
    ("2026-09-17", "2026-09-18"),
    ("2026-09-18", "2026-09-19"),  # Friday's night ends on Saturday
    ("2026-09-21", "2026-09-22"),  # Sunday and its night are left alone
    ("2026-09-22", "2026-09-23"),
    ("2026-09-23", "2026-09-24"),
    (
        "2026-09-24",
        "2026-09-25",
    ),  # Chuseok: the exchange is closed, the scripts start and find nothing new
    ("2026-09-25", "2026-09-26"),  # Chuseok, a Friday
]
"""Each night: the day on which it begins and the day on which it ends."""
OCTOBER = [
    ("2026-10-28", "2026-10-29"),
    (
        "2026-10-29",
        "2026-10-30",
    ),  # at 06:00 of that morning clocks in Cairo go back from midnight to 23:00
    ("2026-10-30", "2026-10-31"),
]
APRIL = [
    ("2026-04-22", "2026-04-23"),
    (
        "2026-04-23",
        "2026-04-24",
    ),  # at 07:00 of that morning clocks in Cairo go forward from midnight to 01:00
    ("2026-04-24", "2026-04-25"),
]
CAIRO = "EET-2EEST,M4.5.5/0,M10.5.4/24"
FORTNIGHT, SOME_DAYS = timedelta(days=14), timedelta(days=4)


def starts(nights: list[tuple[str, str]]) -> list[str]:
    """All that is to be started in these nights: one update, then the analysis every hour."""
    return [
        start
        for evening, morning in nights
        for start in (
            f"{evening} 19:00 daily_update.py",
            *(f"{evening} {moment} hourly_analysis.py" for moment in EVENING),
            *(f"{morning} {moment} hourly_analysis.py" for moment in MORNING),
        )
    ]


@pytest.mark.parametrize(
    ("zone", "hours", "nights", "span"),
    [
        pytest.param("KST-9", {9}, SEPTEMBER, FORTNIGHT, id="Korea"),
        pytest.param("UTC0", {0}, SEPTEMBER, FORTNIGHT, id="UTC"),
        pytest.param("IST-5:30", {5.5}, SEPTEMBER, FORTNIGHT, id="half an hour off"),
        pytest.param(CAIRO, {2, 3}, OCTOBER, SOME_DAYS, id="clocks go back in a night"),
        pytest.param(CAIRO, {2, 3}, APRIL, SOME_DAYS, id="clocks go forward in a night"),
    ],
)
def test_in_a_fortnight_everything_starts_when_it_should_and_nothing_else(
    zone: str,
    hours: set[float],
    nights: list[tuple[str, str]],
    span: timedelta,
    cron_host: CronHost,
) -> None:
    offsets = {timedelta(hours=each) for each in hours}
    lines = cron_lines(cron_host.project, cron_host.python, cron_host.logs, offsets)
    noon = kst(*map(int, nights[0][0].split("-")), 12)
    assert cron_host.run(lines, zone, noon, noon + span) == starts(nights)
    # The folder of the logs was not there: no line may depend on it.
    outputs = [f"output of {start.split()[-1]}" for start in starts(nights)]
    assert (cron_host.logs / "cron.log").read_text().splitlines() == outputs


def test_what_cron_tz_does_is_what_was_detected(cron_host: CronHost) -> None:
    """Debian's cron ignores it: the lines of Korean time fire at 19:00 UTC, which is 04:00 of the
    next day in Korea."""
    plain = cron_lines(cron_host.project, cron_host.python, cron_host.logs, {KST_OFFSET})
    monday = kst(2026, 9, 14)
    fired = cron_host.run(
        ["CRON_TZ=Asia/Seoul", *plain], "UTC0", monday, monday + timedelta(days=2)
    )
    updates = [start for start in fired if start.endswith("daily_update.py")]
    assert {"2026-09-14 19:00 daily_update.py": True, "2026-09-15 04:00 daily_update.py": False}[
        updates[0]
    ] is honours_cron_tz()

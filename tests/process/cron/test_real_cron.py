"""The lines in a real cron daemon, on hosts in several zones and while clocks change: what fired
when, to the minute."""

from datetime import timedelta

import pytest

from tests.process.cron.private_host import CronHost
from utils.clock import kst
from utils.cron.lines import cron_lines

EVENING = {
    **dict.fromkeys(("19:10", "20:10", "21:10", "22:10", "23:10"), "hourly_analysis.py"),
    **dict.fromkeys(("19:00", "20:40"), "daily_update.py"),
}
MORNING = {
    **dict.fromkeys(("00:10", "01:10", "02:10", "03:10", "04:10"), "hourly_analysis.py"),
    **dict.fromkeys(("05:10", "06:10", "07:10", "08:10"), "hourly_analysis.py"),
    "08:02": "daily_update.py",
}
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
    # at 06:00 of that morning clocks in Cairo go back from midnight to 23:00
    ("2026-10-29", "2026-10-30"),
    ("2026-10-30", "2026-10-31"),
]
APRIL = [
    # at 07:00 of that morning clocks in Cairo go forward from midnight to 01:00
    ("2026-04-23", "2026-04-24"),
    ("2026-04-24", "2026-04-25"),
]
CAIRO = "EET-2EEST,M4.5.5/0,M10.5.4/24"
LORD_HOWE = "LHST-10:30LHDT-11,M4.5.5/0,M10.5.4/24"
"""Half an hour of daylight saving, as there, that ends in a night in Korea."""
FORTNIGHT, TWO_DAYS, A_DAY = (timedelta(days=each) for each in (14, 2, 1))


def starts(nights: list[tuple[str, str]]) -> list[str]:
    """All that is to be started in these nights, in order: three updates, and every hour the
    analysis."""
    return sorted(
        f"{day} {moment} {script}"
        for night in nights
        for day, half in zip(night, (EVENING, MORNING), strict=True)
        for moment, script in half.items()
    )


@pytest.mark.parametrize(
    ("zone", "in_kst", "nights", "span"),
    [
        pytest.param("KST-9", True, SEPTEMBER, FORTNIGHT, id="Korea"),
        pytest.param("UTC0", False, SEPTEMBER, FORTNIGHT, id="UTC"),
        pytest.param("NPT-5:45", False, SEPTEMBER, FORTNIGHT, id="a quarter of an hour off"),
        pytest.param(CAIRO, False, OCTOBER, TWO_DAYS, id="clocks go back in a night"),
        pytest.param(CAIRO, False, APRIL, TWO_DAYS, id="clocks go forward in a night"),
        pytest.param(LORD_HOWE, False, OCTOBER[:1], A_DAY, id="half an hour back in a night"),
    ],
)
def test_in_these_nights_everything_starts_when_it_should_and_nothing_else(
    zone: str, in_kst: bool, nights: list[tuple[str, str]], span: timedelta, cron_host: CronHost
) -> None:
    lines = cron_lines(cron_host.project, cron_host.python, cron_host.logs, in_kst=in_kst)
    noon = kst(*map(int, nights[0][0].split("-")), 12)
    assert cron_host.run(lines, zone, noon, noon + span) == starts(nights)
    # The folder of the logs was not there: no line may depend on it.
    outputs = [f"output of {start.split()[-1]}" for start in starts(nights)]
    assert (cron_host.logs / "cron.log").read_text().splitlines() == outputs


def test_lines_that_ask_are_right_below_a_zone_whether_cron_honours_it_or_not(
    cron_host: CronHost,
) -> None:
    lines = cron_lines(cron_host.project, cron_host.python, cron_host.logs, in_kst=False)
    noon = kst(2026, 9, 14, 12)
    fired = cron_host.run(["CRON_TZ=Asia/Kolkata", *lines], "KST-9", noon, noon + A_DAY)
    assert fired == starts(SEPTEMBER[:1])

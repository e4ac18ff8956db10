"""The clock: KST_NOW moves it, milliseconds are as fine as it gets."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from utils.clock import KST, Clock, kst


def test_without_a_start_it_is_the_real_time() -> None:
    assert abs(Clock().now_utc() - datetime.now(UTC)) < timedelta(seconds=5)


def test_with_a_start_it_runs_on_from_there() -> None:
    start = kst(2024, 1, 22, 19)
    first, second = (clock.now_utc() for clock in [Clock(start)] * 2)
    assert start - timedelta(milliseconds=1) <= first <= second < start + timedelta(seconds=5)


def test_utc_and_kst_are_the_same_moment() -> None:
    now = Clock(kst(2024, 1, 22, 3)).now_kst()
    assert (now.utcoffset(), now.date().isoformat(), now.hour) == (
        timedelta(hours=9),
        "2024-01-22",
        3,
    )


def test_a_moment_has_no_more_than_milliseconds() -> None:
    clock = Clock(datetime(2024, 1, 22, 10, 0, 0, 123_456, UTC))
    assert all(clock.now_utc().microsecond % 1000 == 0 for _ in range(20))


def test_kst_is_nine_hours_ahead_all_year() -> None:
    for month in range(1, 13):
        assert kst(2024, month, 1).utcoffset() == timedelta(hours=9)
    assert kst(2024, 1, 22, 19) == datetime(2024, 1, 22, 10, tzinfo=UTC)
    assert kst(2024, 1, 22).tzinfo is not None
    assert str(KST) == "Asia/Seoul"


def test_the_stopwatch_goes_on_whatever_the_start() -> None:
    clock = Clock(kst(1999, 1, 1))
    assert 0 <= clock.monotonic() - time.monotonic() + 1 < 2


@pytest.fixture
def zone_here(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set TZ for this process, and put it back afterwards."""

    def set_zone(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield set_zone
    monkeypatch.undo()
    time.tzset()


def keeps_kst(host_zone: Path) -> bool:
    return Clock(kst(2026, 1, 22)).host_keeps_kst(host_zone)


@pytest.fixture
def host_zone(tmp_path: Path) -> Callable[[str], Path]:
    """A file such as /etc/localtime for a named zone, out of the package `tzdata`, which pandas
    brings along: not every host has zones of its own."""

    def make(zone: str) -> Path:
        path = tmp_path / "localtime"
        path.write_bytes(files("tzdata").joinpath("zoneinfo", zone).read_bytes())
        return path

    return make


@pytest.mark.parametrize(
    ("zone", "keeps"),
    [
        ("Asia/Seoul", True),
        ("Asia/Tokyo", True),  # the same time all year
        ("Etc/UTC", False),
        ("Europe/Berlin", False),
        ("Asia/Pyongyang", True),
        ("Australia/Darwin", False),  # half an hour off
    ],
)
def test_a_host_keeps_kst_when_it_is_nine_hours_ahead_of_utc(
    zone: str,
    keeps: bool,
    zone_here: Callable[[str], None],
    host_zone: Callable[[str], Path],
) -> None:
    localtime = host_zone(zone)
    zone_here(f":{localtime}")
    assert keeps_kst(localtime) is keeps


@pytest.mark.parametrize("zone", ["XST-9XDT,M6.1.0,M7.1.0", "XST-8XDT,M3.5.0,M10.5.0"])
def test_a_zone_that_is_nine_hours_ahead_for_a_part_of_the_year_is_not_kst(
    zone: str, zone_here: Callable[[str], None], host_zone: Callable[[str], Path]
) -> None:
    zone_here(zone)
    assert not keeps_kst(host_zone("Asia/Seoul"))


def test_a_zone_of_this_terminal_alone_does_not_hide_the_hosts(
    zone_here: Callable[[str], None], host_zone: Callable[[str], Path]
) -> None:
    """With TZ=Asia/Seoul in somebody's profile, cron on a UTC host is in UTC all the same."""
    zone_here("KST-9")
    assert not keeps_kst(host_zone("Etc/UTC"))
    assert keeps_kst(host_zone("Asia/Seoul"))
    zone_here("UTC0")
    assert not keeps_kst(host_zone("Asia/Seoul"))


@pytest.mark.parametrize("content", [None, b"", b"TZif is not all"], ids=repr)
def test_a_host_without_a_zone_is_in_utc(
    content: bytes | None, zone_here: Callable[[str], None], tmp_path: Path
) -> None:
    zone_here("KST-9")
    localtime = tmp_path / "localtime"
    if content is not None:
        localtime.write_bytes(content)
    assert not keeps_kst(localtime)

"""The clock: KST_NOW moves it, milliseconds are as fine as it gets."""

import time
from datetime import UTC, datetime, timedelta

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
    assert (now.utcoffset(), now.date().isoformat(), now.hour) == (timedelta(hours=9), "2024-01-22", 3)


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


@pytest.mark.parametrize(
    ("zone", "hours"),
    [("UTC", {0}), ("KST-9", {9}), ("CET-1CEST,M3.5.0,M10.5.0/3", {1, 2}), ("IST-5:30", {5.5}), ("NST3:30", {-3.5})],
)
def test_the_host_says_how_far_it_is_ahead_of_utc(
    zone: str, hours: set[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", zone)
        time.tzset()
        offsets = Clock(kst(2024, 1, 22)).host_utc_offsets()
    time.tzset()
    assert offsets == {timedelta(hours=each) for each in hours}

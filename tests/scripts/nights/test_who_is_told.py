"""Notifications of whole processes, as cron starts them: once per incident, over each database."""

from datetime import timedelta

from tests.harness import Installation
from tests.harness.receiver import Receiver
from utils.clock import kst

SETUP = kst(2026, 9, 10, 19)
EVENING = SETUP + timedelta(days=1)
MONDAY = kst(2026, 9, 14, 19)


def set_up(installation: Installation, receiver: Receiver) -> None:
    installation.own_settings |= {
        "NOTIFY_URLS": receiver.notify_url,
        "HEARTBEAT_URL": receiver.heartbeat_url,
    }
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "4")


def test_a_ban_is_one_message_and_the_next_evening_one_more(
    installation_over: Installation, receiver: Receiver
) -> None:
    set_up(installation_over, receiver)
    installation_over.exchange.fail("ban", times=1)
    for hour in range(2):
        assert installation_over.run(EVENING + timedelta(hours=hour), "daily_update").code == 75
    assert installation_over.run(EVENING + timedelta(minutes=70), "hourly_analysis").code == 75
    installation_over.must(MONDAY, "daily_update")
    assert receiver.titles == [
        "krx-night-shift: daily_update: the exchange has restricted our access "
        "until 2026-09-12 19:00 KST",
        "krx-night-shift: daily_update: recovered",
    ]
    assert receiver.pings == ["/start"] * 3 + [""]

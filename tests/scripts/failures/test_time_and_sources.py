"""docs/failures.md: late data, values that change, days nobody predicted, a second source, a stop
in the middle."""

import os
import signal
from datetime import timedelta

import pytest

from sandbox.server import LocalExchange
from tests.harness import KEY, LOGIN_ID, PASSWORD, Installation
from tests.harness.fixtures import SET_UP
from utils import date_utils
from utils.clock import Clock, kst

EVENING, NEXT_EVENING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
TONIGHT, YESTERDAY = "2026-09-10", "2026-09-09"


@pytest.fixture
def with_key(installed: Installation) -> Installation:
    """Installation with an Open API key besides the account."""
    installed.own_settings |= {"KRX_OPENAPI_KEY": KEY}
    return installed


def asked(exchange: LocalExchange, kind: str) -> int:
    return exchange.counts()[kind]


def test_late_data_is_had_by_the_next_run(installed: Installation) -> None:
    installed.exchange.fail("late", date=TONIGHT, until="2026-09-10T20:30")
    done = installed.run(EVENING, "daily_update")
    assert (done.code, installed.read(EVENING)["jobs"][TONIGHT]["error"]["kind"]) == (
        75,
        "not_published",
    )
    later = kst(2026, 9, 10, 21)
    installed.must(later, "daily_update")
    assert installed.read(later)["jobs"][TONIGHT]["status"] == "completed"


def test_values_that_change_by_morning_are_a_revision(installed: Installation) -> None:
    exchange = installed.exchange
    installed.must(EVENING, "daily_update")
    installed.must(EVENING + timedelta(minutes=10), "hourly_analysis")
    revised = installed.must(NEXT_EVENING, "daily_update")
    head = next(head for head in installed.read(NEXT_EVENING)["heads"] if head.session == TONIGHT)
    assert (head.revision, head.finality) == (2, "final")
    assert f"{TONIGHT}: revision 2, " in revised.log
    installed.assert_equal_to_the_exchange(NEXT_EVENING)
    behind = [
        each
        for each in installed.read(NEXT_EVENING)["targets"]
        if each["last_analyzed_date"] < TONIGHT
    ]
    assert behind, "the targets that changed are open again"
    assert exchange.counts()["data"] == 2 + 3, "a week later one more"


def test_a_close_that_was_shown_wrong_is_right_by_the_next_evening(installed: Installation) -> None:
    installed.exchange.fail("revised", date=TONIGHT)
    installed.must(EVENING, "daily_update")
    installed.must(NEXT_EVENING, "daily_update")
    installed.assert_equal_to_the_exchange(NEXT_EVENING)


def test_a_second_run_of_the_evening_asks_for_nothing(installed: Installation) -> None:
    installed.must(EVENING, "daily_update")
    installed.exchange.reset_counts()
    installed.must(EVENING + timedelta(hours=2), "daily_update")
    assert installed.exchange.requests() == []


def test_a_session_that_was_predicted_closed_is_collected_the_same_evening(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = date_utils.predicted_open
    for module in (
        "utils.date_utils",
        "collectors.collection.calendar_learning",
        "utils.store.observed_calendar",
    ):
        monkeypatch.setattr(f"{module}.predicted_open", lambda day: day != TONIGHT and library(day))
    done = installed.must(EVENING, "daily_update")
    assert f"{TONIGHT} was predicted wrongly: the exchange was open." in done.log
    assert installed.read(EVENING)["jobs"][TONIGHT]["status"] == "completed"


def test_a_ban_of_the_site_leaves_history_to_the_open_api(with_key: Installation) -> None:
    exchange = with_key.exchange
    with_key.must(EVENING, "daily_update")
    exchange.fail("ban", times=1)
    banned = with_key.run(NEXT_EVENING, "daily_update")
    seen = with_key.read(NEXT_EVENING)
    assert (banned.code, seen["jobs"]["2026-09-11"]["error"]["kind"]) == (75, "banned")
    assert "from 2026-09-12 19:00 KST on" in banned.log
    assert {head.session: head.finality for head in seen["heads"]}[TONIGHT] == "final"
    exchange.reset_counts()
    saturday = kst(2026, 9, 12, 9)
    with_key.must(saturday, "daily_update")
    assert (asked(exchange, "data"), asked(exchange, "openapi")) == (0, 6), "of two days"
    assert with_key.read(saturday)["heads"][-1].source == "openapi"
    with_key.assert_equal_to_the_exchange(saturday)


def test_with_both_sources_the_site_is_asked_for_the_evening_alone(with_key: Installation) -> None:
    exchange = with_key.exchange
    with_key.must(EVENING, "daily_update")  # compares the sources, for the first time
    exchange.reset_counts()
    with_key.must(NEXT_EVENING, "daily_update")
    assert (asked(exchange, "data"), asked(exchange, "openapi")) == (1, 6)
    with_key.assert_equal_to_the_exchange(NEXT_EVENING)


def test_a_refused_key_is_explained_and_the_site_asked(with_key: Installation) -> None:
    with_key.exchange.fail("unauthorized", request="sto/knx_bydd_trd")
    done = with_key.must(EVENING, "daily_update")
    assert "코넥스 일별매매정보" in done.log
    assert KEY not in done.log
    assert with_key.read(EVENING)["heads"][-1].session == TONIGHT


def test_a_key_alone_is_a_day_later_and_as_complete(installation: Installation) -> None:
    exchange = installation.exchange
    installation.own_settings |= {
        "KRX_ID": "",
        "KRX_PW": "",
        "KRX_OPENAPI_KEY": KEY,
    }
    installation.must(SET_UP, "manual_setup", "--yes", "--sessions", "4")
    assert installation.read(SET_UP)["heads"][-1].session == "2026-09-08"
    assert installation.run(EVENING, "hourly_analysis").code == 75
    installation.must(EVENING, "daily_update")
    seen = installation.read(EVENING)
    assert (seen["heads"][-1].session, seen["heads"][-1].finality) == (YESTERDAY, "final")
    installation.must(EVENING + timedelta(minutes=10), "hourly_analysis")
    assert {target["last_analyzed_date"] for target in installation.read(EVENING)["targets"]} == {
        YESTERDAY
    }
    installation.assert_equal_to_the_exchange(EVENING)
    assert (asked(exchange, "data"), asked(exchange, "login")) == (0, 0)


def test_a_key_alone_that_is_refused_ends_with_what_to_do(installation: Installation) -> None:
    exchange = installation.exchange
    installation.own_settings |= {
        "KRX_ID": "",
        "KRX_PW": "",
        "KRX_OPENAPI_KEY": "stale-key",
    }
    done = installation.run(SET_UP, "manual_setup", "--yes", "--sessions", "4")
    assert (done.code, asked(exchange, "openapi")) == (2, 1)
    assert "openapi.krx.co.kr" in done.log
    assert "stale-key" not in done.log


def test_while_the_sources_differ_the_site_goes_first_and_they_are_compared_every_night(
    with_key: Installation,
) -> None:
    exchange = with_key.exchange
    with_key.must(EVENING, "daily_update")
    store = with_key.store(EVENING)
    store.sources.record_comparison("openapi", YESTERDAY, 3)
    store.close()
    exchange.reset_counts()
    with_key.must(NEXT_EVENING, "daily_update")
    assert (asked(exchange, "data"), asked(exchange, "openapi")) == (3, 3)
    exchange.reset_counts()
    with_key.must(kst(2026, 9, 14, 19), "daily_update")
    assert (asked(exchange, "data"), asked(exchange, "openapi")) == (1, 6), "they agree again"


def test_a_stop_request_ends_the_wait_for_the_exchange(
    installed: Installation,
) -> None:
    """SIGTERM in the pause before the second try: the run leaves, says so, and the next one does it
    all."""
    installed.exchange.fail("server_error")

    def told_to_stop(self: Clock, seconds: float) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    with pytest.MonkeyPatch.context() as stopped:
        stopped.setattr(Clock, "sleep", told_to_stop)
        done = installed.run(EVENING, "daily_update")
    seen = installed.read(EVENING)
    assert (done.code, seen["jobs"][TONIGHT]["error"]["kind"]) == (75, "not_now")
    assert installed.exchange.faults()[0].hits == 1
    installed.exchange.clear_faults()
    installed.must(EVENING + timedelta(hours=1), "daily_update")


@pytest.mark.process
def test_an_outage_of_days_is_made_good(installed: Installation) -> None:
    installed.exchange.fail("outage", since="2026-09-10T00:00", until="2026-09-14T12:00")
    evenings = [kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)]
    assert [installed.run(evening, "daily_update").code for evening in evenings] == [1, 1]
    back = kst(2026, 9, 14, 19)
    installed.must(back, "daily_update")
    assert [head.session for head in installed.read(back)["heads"]][-3:] == [
        TONIGHT,
        "2026-09-11",
        "2026-09-14",
    ]
    installed.assert_equal_to_the_exchange(back)


def test_neither_account_nor_key_is_a_clear_refusal(installed: Installation) -> None:
    installed.own_settings |= {"KRX_ID": "", "KRX_PW": ""}
    done = installed.run(EVENING, "daily_update")
    assert (done.code, "KRX_OPENAPI_KEY" in done.log) == (2, True)
    assert (LOGIN_ID in done.log, PASSWORD in done.log) == (False, False)


@pytest.mark.parametrize("hour", [9, 12, 15, 17])
def test_before_six_in_the_evening_nothing_of_the_day_is_stored(
    installed: Installation, hour: int
) -> None:
    moment = kst(2026, 9, 10, hour)
    installed.must(moment, "daily_update")
    assert installed.read(moment)["heads"][-1].session == YESTERDAY

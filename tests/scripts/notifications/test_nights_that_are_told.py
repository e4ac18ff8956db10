"""Whole runs over the local exchange: what the people and the monitor are told of them."""

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from tests.harness import PASSWORD, Installation
from tests.harness.receiver import Receiver
from tests.scripts.failures.test_answers_of_the_exchange import FIELDS
from tests.scripts.failures.test_answers_of_the_exchange import documented as by_exit_code
from tests.scripts.notifications.conftest import Watched
from utils.clock import kst
from utils.errors import Damaged, SourceDown
from utils.settings import PROJECT
from utils.store.locks import COLLECTION
from utils.store.sqlite import FILE_NAME

EVENING, NEXT_EVENING = kst(2026, 9, 10, 19), kst(2026, 9, 11, 19)
MORNING, SLOT = kst(2026, 9, 11, 8, 2), timedelta(minutes=8)
TONIGHT = "2026-09-10"


def hours(after: int) -> timedelta:
    return timedelta(hours=after, minutes=10)


def test_a_good_night_tells_the_monitor_and_nobody_else(watched: Watched) -> None:
    watched.must(EVENING, "daily_update")
    watched.must(EVENING + hours(0), "hourly_analysis")
    assert watched.receiver.pings == ["/start", ""]
    assert watched.receiver.messages == []


def test_a_ban_is_told_once_with_its_end_and_so_is_the_recovery(watched: Watched) -> None:
    watched.exchange.fail("ban")
    for hour in range(3):
        assert watched.run(EVENING + timedelta(hours=hour), "daily_update").code == 75
        assert watched.run(EVENING + hours(hour), "hourly_analysis").code == 75
    (message,) = watched.receiver.messages
    assert message["title"] == (
        "krx-night-shift: daily_update: the exchange has restricted our access "
        "until 2026-09-11 19:00 KST"
    )
    assert "restricts access for one day" in message["message"]
    watched.exchange.clear_faults()
    for evening in (NEXT_EVENING, NEXT_EVENING + timedelta(hours=1)):
        watched.must(evening, "daily_update")
    _, recovered = watched.receiver.messages
    assert recovered["title"] == "krx-night-shift: daily_update: recovered"
    assert recovered["message"].startswith(
        "Since 2026-09-10 19:00 KST: the exchange has restricted our access"
    )


def test_the_same_in_korean(watched: Watched) -> None:
    watched.own_settings["NOTIFY_LANG"] = "ko"
    watched.exchange.fail("password_due")
    assert watched.run(EVENING, "daily_update").code == 2
    watched.exchange.clear_faults()
    watched.must(EVENING + timedelta(hours=1), "daily_update")
    assert watched.receiver.titles == [
        "krx-night-shift: daily_update: 거래소 비밀번호를 바꿀 때입니다",
        "krx-night-shift: daily_update: 복구됨",
    ]


def documented() -> dict[str, tuple[int, str]]:
    """FaultKind -> (exit code, who is told) as docs/failures.md has it."""
    page = (PROJECT / "docs" / "failures.md").read_text(encoding="utf-8")
    section = page.split("## What the exchange answers")[1].split("\n## ")[0]
    found = re.findall(
        r"^\| `(\w+)` \| .* \| `(\d+)` \| `\w+` \| .* \| ([a-z, ]+) \|$", section, re.MULTILINE
    )
    return {name: (int(code), told) for name, code, told in found}


@pytest.mark.parametrize(("name", "row"), documented().items(), ids=documented())
def test_every_failure_of_the_exchange_is_told_once_to_whom_the_page_says(
    watched: Watched, name: str, row: tuple[int, str], impatient: None
) -> None:
    watched.exchange.fail(name, **FIELDS.get(name, {}))
    code, told = row
    for hour in range(2):
        assert watched.run(EVENING + timedelta(hours=hour), "daily_update").code == code
    assert len(watched.receiver.messages) == 1
    assert (
        watched.receiver.pings
        == (["/start", "/fail"] if told == "people, monitor" else ["/start"]) * 2
    )


def test_a_refusal_of_three_evenings_is_told_once_more(watched: Watched) -> None:
    """The first evening as any failure; the third one says that it does not end by itself."""
    watched.exchange.fail("forbidden")
    evenings = [EVENING, NEXT_EVENING, kst(2026, 9, 14, 19), kst(2026, 9, 15, 19)]
    told = []
    for evening in evenings:
        assert watched.run(evening, "daily_update").code == 75
        told.append(len(watched.receiver.messages))
    assert told == [1, 1, 2, 2]
    assert watched.receiver.titles == [
        "krx-night-shift: daily_update: the exchange refuses us",
        "krx-night-shift: daily_update: the exchange has refused us for three evenings",
    ]
    assert "docs/what-to-do.md" in watched.receiver.messages[1]["message"]
    watched.exchange.clear_faults()
    watched.must(kst(2026, 9, 16, 19), "daily_update")
    assert watched.receiver.titles[2:] == ["krx-night-shift: daily_update: recovered (and 1 more)"]


def test_every_fault_has_its_row() -> None:
    assert set(documented()) == set(by_exit_code())


def test_what_is_told_in_vain_is_told_by_the_next_run_of_any_script(watched: Watched) -> None:
    watched.exchange.fail("maintenance")
    watched.receiver.answer = 503
    failed = watched.run(EVENING, "daily_update")
    assert failed.code == 1
    assert "Not told anybody; the next run tries: 1. json: " in failed.log
    watched.receiver.answer, watched.receiver.arrived = 200, []
    assert watched.run(EVENING + hours(0), "hourly_analysis").code == 75
    assert watched.receiver.titles == [
        "krx-night-shift: daily_update: the exchange does not answer"
    ]


def test_what_failed_and_recovered_while_nobody_could_be_told_is_one_message(
    watched: Watched,
) -> None:
    watched.exchange.fail("maintenance")
    watched.receiver.answer = 503
    watched.run(EVENING, "daily_update")
    watched.exchange.clear_faults()
    watched.receiver.answer, watched.receiver.arrived = 200, []
    watched.must(NEXT_EVENING, "daily_update")
    (message,) = watched.receiver.messages
    assert "Since 2026-09-10 19:" in message["message"]


def test_an_analysis_that_breaks_every_hour_is_told_once(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.must(EVENING, "daily_update")
    with monkeypatch.context() as patch:
        patch.setattr("collectors.analysis.night.TechnicalAnalyzer", lambda panel: 1 / 0)
        for hour in range(3):
            assert watched.run(EVENING + hours(hour), "hourly_analysis").code == 1
    watched.must(EVENING + hours(3), "hourly_analysis")
    assert watched.receiver.titles == [
        "krx-night-shift: hourly_analysis: an unexpected error",
        "krx-night-shift: hourly_analysis: recovered",
    ]
    assert "ZeroDivisionError" in watched.receiver.messages[0]["message"]


def test_the_fail_ping_carries_the_end_of_the_log(watched: Watched) -> None:
    watched.exchange.fail("maintenance")
    done = watched.run(EVENING, "daily_update")
    body = watched.receiver.body_of("/fail")
    assert body.splitlines()[-1] in done.log
    assert "ERROR" in body.splitlines()[-1]
    assert len(body.encode()) <= 10_000


def test_a_run_that_does_not_get_the_lock_is_neither_success_nor_failure_nor_news(
    watched: Watched,
) -> None:
    store = watched.store(EVENING)
    with store.locks.hold(COLLECTION):
        assert watched.run(EVENING, "daily_update").code == 75
    store.close()
    assert watched.receiver.pings == ["/start"]
    assert watched.receiver.messages == []


@pytest.mark.parametrize(
    "options",
    [
        ("--status",),
        ("--audit",),
        ("--dry-run",),
        ("--export", "x.csv"),
        ("--repair",),
        ("--from", TONIGHT),
    ],
    ids=lambda options: options[0],
)
def test_a_run_by_hand_tells_nobody(watched: Watched, options: tuple[str, ...]) -> None:
    watched.exchange.fail("maintenance")
    watched.run(EVENING, "daily_update", *options)
    watched.run(EVENING, "hourly_analysis", "--status")
    assert watched.receiver.arrived == []


@pytest.mark.parametrize("answer", ["hang", "drip", 500, None])
def test_whoever_cannot_be_told_changes_nothing_but_one_warning_each(
    watched: Watched, answer: int | str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("messenger.SENDING_SECONDS", "heartbeat.PING_SECONDS"):
        monkeypatch.setattr(f"utils.notifications.{name}", 0.5)
    if answer is None:  # nobody listens there
        nowhere = {
            "NOTIFY_URLS": "json://127.0.0.1:1/Room-4711-secret",
            "HEARTBEAT_URL": "http://127.0.0.1:1/5f0e1c3a",
        }
        watched.own_settings |= nowhere
    else:
        watched.receiver.answer = answer
    watched.exchange.fail("ban", times=1)
    done = watched.run(EVENING, "daily_update")
    assert done.code == 75
    assert done.log.count("did not reach the monitor") == 1
    assert done.log.count("Not told anybody") == 1
    assert "Traceback" not in done.log


def test_one_service_that_is_down_keeps_nobody_else_waiting(watched: Watched) -> None:
    watched.own_settings["NOTIFY_URLS"] += ",json://127.0.0.1:1/other-Room-4712"
    watched.exchange.fail("maintenance")
    for hour in range(2):
        done = watched.run(EVENING + timedelta(hours=hour), "daily_update")
    assert len(watched.receiver.messages) == 1
    assert "Not told everybody" not in done.log, "once told is told"


def test_no_secret_of_an_address_stands_in_any_file_or_message(watched: Watched) -> None:
    port = watched.receiver.port
    watched.own_settings["NOTIFY_URLS"] += (
        f" gotify://somebody:hunter2@127.0.0.1:{port}/AAH-bot-Token_of-tests"
    )
    watched.own_settings["LOG_LEVEL"] = "DEBUG"
    watched.exchange.fail("maintenance")
    watched.receiver.answer = 404
    done = watched.run(EVENING, "daily_update")
    assert "2. gotify" in done.log
    assert watched.receiver.arrived
    written = watched.everything_written() + "".join(body for _, body in watched.receiver.arrived)
    for secret in ("Room-4711", "5f0e1c3a", "AAH-bot-Token", "hunter2"):
        assert secret not in written


def test_no_secret_of_an_error_is_told(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(*args: object) -> int:
        raise SourceDown(f"{PASSWORD} was refused at {watched.receiver.heartbeat_url}/start")

    monkeypatch.setattr("daily_update.update", careless)
    assert watched.run(EVENING, "daily_update").code == 1
    assert watched.receiver.messages[0]["message"] == "*** was refused at ***/start"
    assert "5f0e1c3a" not in watched.receiver.body_of("/fail")


def test_corporate_actions_that_the_rows_cannot_explain_are_told_once_a_session(
    installation: Installation, receiver: Receiver
) -> None:
    """On that Friday a ticker of the invented market resumes by auction with new shares."""
    installed = installation.with_settings({"NOTIFY_URLS": receiver.notify_url})
    installed.must(kst(2026, 8, 20, 19), "manual_setup", "--yes", "--sessions", "4")
    for hour in (19, 21):
        installed.must(kst(2026, 8, 21, hour), "daily_update")
    installed.must(kst(2026, 8, 24, 19), "daily_update")
    (message,) = receiver.messages
    assert message["title"] == "krx-night-shift: corporate actions to look at, 2026-08-21"
    assert re.fullmatch(
        r"013480 \S+: new_shares \(market_transfer\), 5,560 -> 5,680, factor 0.869565",
        message["message"],
    )


def damage(watched: Watched) -> Path:
    """The embedded database as a broken disk leaves it; where it is kept meanwhile."""
    file = watched.folder / "data" / FILE_NAME
    kept = file.rename(file.with_suffix(".kept"))
    file.write_bytes(b"no database any more" * 1_000)
    return kept


def test_a_database_that_cannot_be_used_is_told_once_and_so_is_its_recovery(
    watched: Watched,
) -> None:
    kept = damage(watched)
    for hour in range(2):
        assert watched.run(EVENING + timedelta(hours=hour), "daily_update").code == 1
        assert watched.run(EVENING + hours(hour), "hourly_analysis").code == 1
    kept.replace(kept.with_suffix(".sqlite3"))
    watched.must(EVENING + hours(2), "daily_update")
    watched.must(EVENING + hours(3), "hourly_analysis")
    assert watched.receiver.titles == [
        "krx-night-shift: database: the database cannot be used",
        "krx-night-shift: database: recovered",
    ]
    assert watched.receiver.pings == ["/start", "/fail"] * 2 + ["/start", ""]


@pytest.mark.parametrize("script", ["daily_update", "hourly_analysis"])
def test_something_damaged_in_the_database_is_an_incident_of_the_job_until_the_job_ends_well(
    watched: Watched, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other script opens the same database meanwhile, and that repairs nothing."""
    work = {"daily_update": "daily_update.update", "hourly_analysis": "hourly_analysis.work"}

    def meets_damage(*args: object) -> int:
        raise Damaged("A stored document is damaged. Restore a backup, or load anew.")

    with monkeypatch.context() as patch:
        patch.setattr(work[script], meets_damage)
        for hour in range(2):
            for each in work:
                watched.run(EVENING + hours(hour), each)
    assert watched.receiver.titles == [f"krx-night-shift: {script}: what is stored is damaged"]
    assert not (watched.folder / "logs" / "database_incident.json").exists()
    for each in work:
        watched.must(EVENING + hours(2), each)
    assert watched.receiver.titles[1:] == [f"krx-night-shift: {script}: recovered"]


@pytest.mark.parametrize("damaged", ["open", "untold"])
def test_a_database_whose_incidents_are_damaged_too_is_told_by_the_host(
    watched: Watched, damaged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They cannot be written, or cannot be read."""

    def malformed(*args: object) -> int:
        raise Damaged("database disk image is malformed")

    with monkeypatch.context() as patch:
        patch.setattr("daily_update.update", malformed)
        patch.setattr(f"utils.store.incidents.Incidents.{damaged}", malformed)
        for hour in range(2):
            assert watched.run(EVENING + timedelta(hours=hour), "daily_update").code == 1
    assert watched.receiver.titles == ["krx-night-shift: database: what is stored is damaged"]


def test_an_incident_that_cannot_be_noted_is_a_warning(watched: Watched) -> None:
    (watched.folder / "logs" / "database_incident.json").mkdir()
    watched.exchange.fail("maintenance")
    done = watched.run(EVENING, "daily_update")
    assert done.code == 1
    assert "Incidents could not be read or recorded" in done.log.splitlines()[-1]


def test_a_run_that_a_person_interrupts_tells_nobody(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*args: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("daily_update.update", interrupted)
    assert watched.run(EVENING, "daily_update").code == 1
    assert watched.receiver.pings == ["/start"]
    assert watched.receiver.messages == []


def test_whatever_goes_wrong_in_telling_a_good_night_stays_good(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: object) -> None:
        raise KeyError("resolved_utc")

    monkeypatch.setattr("utils.notifications.watch.Notifier.tell", broken)
    done = watched.must(EVENING, "daily_update")
    assert "daily_update, reporting the run, stopped by an error it does not know." in done.log


def test_a_dry_run_of_the_setup_sends_a_test(watched: Watched) -> None:
    done = watched.must(EVENING, "manual_setup", "--yes", "--sessions", "4", "--dry-run")
    assert watched.receiver.titles == ["krx-night-shift: a test"]
    assert watched.receiver.pings == ["/log"]
    assert "Notifications: json.\n" in done.log
    assert "Heartbeat: on.\n" in done.log
    assert "Told: 1. json." in done.log
    watched.must(EVENING, "manual_setup", "--yes", "--sessions", "4")
    assert len(watched.receiver.arrived) == 2, "only a dry run"


def test_a_dry_run_of_the_setup_says_whom_it_did_not_reach(watched: Watched) -> None:
    watched.receiver.answer = 403
    watched.own_settings["NOTIFY_URLS"] += ",json://127.0.0.1:1/Room-4711-secret"
    done = watched.run(EVENING, "manual_setup", "--yes", "--sessions", "4", "--dry-run")
    assert done.code == 1
    for word in ("1. json: ", "403", "2. json: ", "HEARTBEAT_URL: HTTP 403"):
        assert word in done.log.splitlines()[-1]
    assert "Room-4711" not in done.log


def test_an_address_that_cannot_be_used_is_refused_by_the_setup_and_harms_no_other_run(
    watched: Watched,
) -> None:
    watched.own_settings["NOTIFY_URLS"] = "json://127.0.0.1:1/x,nosuch://Room-4711-secret"
    done = watched.run(EVENING, "manual_setup", "--yes", "--sessions", "4")
    assert done.code == 2
    assert "NOTIFY_URLS: apprise cannot use 2. nosuch." in done.log
    watched.must(EVENING, "daily_update")


def told(watched: Watched, finality: str, title: str) -> None:
    """The last message is the night's line, with that in it."""
    message, targets = watched.receiver.messages[-1], len(watched.read(EVENING)["targets"])
    assert message["title"] == f"krx-night-shift: {title}, {TONIGHT}"
    line = f"{TONIGHT} ({finality} figures): {targets} of {targets} targets analysed, "
    assert message["message"].startswith(line)


def test_a_good_night_has_a_line_in_the_morning_on_final_figures(watched: Watched) -> None:
    watched.own_settings["NOTIFY_DIGEST"] = "yes"
    watched.must(EVENING, "daily_update")
    for hour in (0, 1):
        watched.must(EVENING + hours(hour), "hourly_analysis")
    assert watched.receiver.messages == []
    watched.must(MORNING, "daily_update")
    watched.must(MORNING + SLOT, "hourly_analysis", "--session", TONIGHT)
    assert watched.receiver.messages == [], "by hand"
    for hour in (0, 1):
        watched.must(MORNING + SLOT + timedelta(hours=hour), "hourly_analysis")
    told(watched, "final", "analysis done")
    assert len(watched.receiver.messages) == 1


def test_the_line_waits_for_what_the_final_figures_have_changed(watched: Watched) -> None:
    watched.own_settings["NOTIFY_DIGEST"] = "yes"
    watched.must(EVENING, "daily_update")
    watched.must(EVENING + hours(0), "hourly_analysis")
    watched.exchange.fail("revised", date=TONIGHT)
    watched.must(MORNING, "daily_update")
    watched.must(MORNING + SLOT, "hourly_analysis", "--time-limit", "0.0000001")
    assert watched.receiver.messages == []
    watched.must(MORNING + SLOT, "hourly_analysis")
    told(watched, "final", "analysis done")


def test_who_wants_it_has_a_line_in_the_evening_too(watched: Watched) -> None:
    watched.own_settings["NOTIFY_DIGEST"] = "both"
    watched.must(EVENING, "daily_update")
    watched.must(EVENING + hours(0), "hourly_analysis", "--quota", "1")
    assert watched.receiver.messages == []
    for hour in (1, 2):
        watched.must(EVENING + hours(hour), "hourly_analysis")
    told(watched, "provisional", "analysis done, provisional")
    watched.must(MORNING, "daily_update")
    for hour in (0, 1):
        watched.must(MORNING + SLOT + timedelta(hours=hour), "hourly_analysis")
    told(watched, "final", "analysis done")
    assert len(watched.receiver.messages) == 2


def test_after_a_missed_evening_there_is_one_line(watched: Watched) -> None:
    watched.own_settings["NOTIFY_DIGEST"] = "both"
    watched.must(MORNING, "daily_update")
    watched.must(MORNING + SLOT, "hourly_analysis")
    told(watched, "final", "analysis done")
    assert len(watched.receiver.messages) == 1


def test_a_night_that_the_next_session_overtakes_is_told(watched: Watched) -> None:
    watched.must(EVENING, "daily_update")
    watched.must(EVENING + hours(0), "hourly_analysis", "--quota", "1")
    watched.must(NEXT_EVENING, "daily_update")
    for hour in range(2):
        watched.must(NEXT_EVENING + hours(hour), "hourly_analysis", "--quota", "1")
    (message,) = watched.receiver.messages
    assert message["title"] == "krx-night-shift: the analysis before was not finished, 2026-09-11"
    assert message["message"].startswith("2026-09-11 has taken the place")


def test_status_shows_who_is_told_and_what_is_wrong(
    watched: Watched,
) -> None:
    watched.exchange.fail("maintenance")
    watched.receiver.answer = 503
    watched.run(EVENING, "daily_update")
    later = EVENING + timedelta(hours=1)
    shown = watched.must(later, "daily_update", "--status").stdout
    assert "json, 1 untold; heartbeat on" in shown
    assert "daily_update since 2026-09-10 19:" in shown
    assert "down (untold)" in shown
    assert "secret" not in shown
    status = watched.must(later, "hourly_analysis", "--status", "--json")
    facts = json.loads(status.stdout)["notifications"]
    assert (facts["services"], facts["heartbeat"], facts["digest"], facts["untold"]) == (
        ["json"],
        True,
        False,
        1,
    )
    assert [(each["job_name"], each["kind"], each["told"]) for each in facts["incidents"]] == [
        ("daily_update", "down", None)
    ]


def test_an_odd_day_is_told_once_with_what_is_odd_and_what_can_be_done(watched: Watched) -> None:
    """Neither a failure for the monitor nor an incident: it has no end to tell of."""
    watched.exchange.fail("no_volume", date=TONIGHT)
    for hour in range(3):
        assert watched.run(EVENING + timedelta(hours=hour), "daily_update").code == 75
        assert watched.run(EVENING + hours(hour), "hourly_analysis").code == 75
    (message,) = watched.receiver.messages
    assert message["title"] == f"krx-night-shift: a day is odd and not stored yet, {TONIGHT}"
    assert message["message"].startswith(f"{TONIGHT} is odd and not stored yet. volumes: of ")
    assert (
        f"daily_update.py --accept {TONIGHT} reads it at once and stores it" in message["message"]
    )
    assert watched.receiver.pings == ["/start"] * 3
    watched.must(MORNING, "daily_update")
    watched.must(NEXT_EVENING, "daily_update")
    assert len(watched.receiver.messages) == 1


def test_the_next_odd_day_is_told_too_and_one_that_a_person_accepts_no_more(
    watched: Watched,
) -> None:
    watched.exchange.fail("no_volume", date=TONIGHT)
    watched.exchange.fail("no_volume", date="2026-09-11")
    assert watched.run(EVENING, "daily_update").code == 75
    watched.must(EVENING + timedelta(hours=1), "daily_update", "--accept", TONIGHT)
    assert len(watched.receiver.messages) == 1
    watched.must(MORNING, "daily_update")
    assert watched.run(NEXT_EVENING, "daily_update").code == 75
    assert [title[-10:] for title in watched.receiver.titles] == [TONIGHT, "2026-09-11"]


def test_an_odd_day_in_korean(watched: Watched) -> None:
    watched.own_settings["NOTIFY_LANG"] = "ko"
    watched.exchange.fail("no_volume", date=TONIGHT)
    assert watched.run(EVENING, "daily_update").code == 75
    assert watched.receiver.titles == [
        f"krx-night-shift: 시세가 평소와 달라 아직 저장하지 않았습니다, {TONIGHT}"
    ]


def test_a_row_that_is_set_aside_is_told_nobody(watched: Watched) -> None:
    watched.exchange.fail("zero_close", date=TONIGHT, rows="1")
    watched.must(EVENING, "daily_update")
    watched.must(EVENING + hours(0), "hourly_analysis")
    assert watched.receiver.messages == []

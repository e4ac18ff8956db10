"""The parts on their own: addresses and their secrets, pings, messages, texts, the incident of the
database."""

import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from tests.harness.receiver import Receiver, receiving
from utils import errors
from utils.addresses import scheme_of, secret_parts
from utils.errors import NightShiftError
from utils.logs import Redaction
from utils.notifications import heartbeat, messenger
from utils.notifications.bounded import within
from utils.notifications.database_incident import DatabaseIncident
from utils.notifications.heartbeat import MOST_BYTES, ping, tail_of
from utils.notifications.texts import (
    FLAGGED,
    HEADLINES,
    MOST_CHARACTERS,
    MOST_LINES,
    NIGHT,
    ODD_DAY,
    PROVISIONAL_NIGHT,
    STILL_REFUSED,
    UNEXPECTED,
    UNFINISHED,
    listing,
    message,
    night_line,
)
from utils.notifications.watch import EVERYDAY
from utils.settings import PROJECT
from utils.store.incidents import new_incident

NOWHERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("address", "secrets"),
    [
        (
            "tgram://123456789:AAbcDEF_ghi-jkl/7654321?format=markdown",
            ["AAbcDEF_ghi-jkl", "123456789"],
        ),
        (
            "slack://T1JJ3T3L2X/A1BRTD4JDX/TIiajkdnlazkcOXrIdevi7FQ/#general",
            ["T1JJ3T3L2X", "A1BRTD4JDX", "TIiajkdnlazkcOXrIdevi7FQ"],
        ),
        (
            "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
            ["4174216298", "JHMHI8qBe7bk2ZwO5U711o3dV_js"],
        ),
        ("mailtos://night:p%40ss@smtp.example.org?to=me@example.org", ["p%40ss", "p@ss"]),
        (
            "https://hc-ping.com/5f0e1c3a-1111-2222-3333-444455556666",
            ["5f0e1c3a-1111-2222-3333-444455556666"],
        ),
        ("jsons://example.org/hook?token=abcd", ["abcd"]),
        (
            "pover://uQiRzpo4DXghDmr9QzzfQu27cmVRsG@azGDORePK8gMaC0QOYAMyEEuzJnyUi",
            ["azGDORePK8gMaC0QOYAMyEEuzJnyUi", "uQiRzpo4DXghDmr9QzzfQu27cmVRsG"],
        ),
    ],
)
def test_every_secret_part_of_an_address_is_blanked_alone_and_within_a_sentence(
    address: str, secrets: list[str]
) -> None:
    redact = Redaction(list(secret_parts(address)))
    for secret in (address, *secrets):
        assert secret not in redact(
            f"POST https://api.example.net/x/{secret}/send failed: {secret}."
        )


def test_hosts_and_plain_words_of_an_address_stay_readable() -> None:
    redact = Redaction(
        list(
            secret_parts(
                "jsons://night@smtp.example.org/services/notify?format=markdown&authenticated=no"
            )
        )
    )
    text = (
        "no smtp.example.org, night, localhost and 127.0.0.1 offer services; the format is markdown"
    )
    assert redact(text) == text


def test_the_kind_of_service_may_be_shown() -> None:
    assert scheme_of("TGRAM://token/chat") == "tgram"


def test_who_does_not_answer_in_time_is_left_behind() -> None:
    begun = time.monotonic()
    answers = within(0.2, {"slow": lambda: time.sleep(5), "quick": lambda: None})
    assert (answers, time.monotonic() - begun < 2) == ({"quick": None}, True)


def test_nobody_to_call_takes_no_time() -> None:
    assert within(60, {}) == {}


def test_a_ping_that_the_network_loses_is_sent_again(receiver: Receiver, clock: FakeClock) -> None:
    receiver.lose = 2
    assert ping(receiver.heartbeat_url, heartbeat.START, "", clock) == ""
    assert receiver.pings == ["/start"]


def test_a_ping_that_never_arrives_says_why_and_nothing_secret(clock: FakeClock) -> None:
    assert ping(f"{NOWHERE}/5f0e1c3a", heartbeat.FAIL, "x", clock) == "ConnectionError"
    assert ping("http://[::1/5f0e1c3a", heartbeat.FAIL, "x", clock) == "ValueError"


def test_a_monitor_that_says_no_is_not_asked_again(receiver: Receiver, clock: FakeClock) -> None:
    receiver.answer = 404
    assert ping(receiver.heartbeat_url, heartbeat.SUCCESS, "", clock) == "HTTP 404"
    assert receiver.pings == [""]


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_monitor_that_does_not_come_to_an_end_costs_two_seconds(
    answer: str, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answer = answer
    begun = time.monotonic()
    assert ping(receiver.heartbeat_url, heartbeat.SUCCESS, "", clock) in (
        "no answer within 2 seconds",
        "ReadTimeout",
    )
    assert time.monotonic() - begun < 5


def test_the_event_belongs_to_the_path_of_an_address_with_a_query(
    receiver: Receiver, clock: FakeClock
) -> None:
    assert ping(f"{receiver.heartbeat_url}/?create=1", heartbeat.FAIL, "", clock) == ""
    assert receiver.pings == ["/fail?create=1"]


def test_the_tail_of_a_log_is_whole_lines_of_ten_kilobytes_at_most(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    lines = [f"{number:05} 어떤 줄\n" for number in range(2_000)]
    log.write_text("".join(lines), encoding="utf-8")
    tail = tail_of(log)
    assert len(tail.encode()) <= MOST_BYTES < len(tail.encode()) + 100
    assert "".join(lines).endswith("\n" + tail)
    log.write_text("short\n", encoding="utf-8")
    assert (tail_of(log), tail_of(tmp_path / "none.log")) == ("short\n", "")


def test_a_message_reaches_every_service_and_each_that_it_does_not_reach_is_named(
    receiver: Receiver,
) -> None:
    with receiving() as other:
        other.answer = 403
        answers = messenger.send(
            [receiver.notify_url, other.notify_url, "json://127.0.0.1:1/", "nosuch://x"],
            "제목",
            "내용\n둘째 줄",
        )
    assert answers["1. json"] == ""
    assert "403" in answers["2. json"]
    assert "onnection" in answers["3. json"]
    assert answers["4. nosuch"] == messenger.UNKNOWN
    (arrived,) = receiver.messages
    assert (arrived["title"], arrived["message"]) == ("제목", "내용\n둘째 줄")


@pytest.mark.parametrize("answer", ["hang", "drip"])
def test_a_service_that_does_not_come_to_an_end_is_left_behind(
    answer: str, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messenger, "SENDING_SECONDS", 1.0)
    receiver.answer = answer
    begun = time.monotonic()
    assert messenger.send([receiver.notify_url], "x", "y") == {"1. json": messenger.SILENT}
    assert time.monotonic() - begun < 4


@pytest.mark.process
def test_a_process_does_not_wait_for_a_service_that_hangs(receiver: Receiver) -> None:
    receiver.answer = "drip"
    code = f"""
from utils.notifications import messenger
messenger.SENDING_SECONDS = 1.0
print(messenger.send([{receiver.notify_url!r}], "x", "y"))
"""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, timeout=60)
    assert time.monotonic() - begun < 10


@pytest.mark.process
def test_a_run_that_tells_nobody_never_imports_apprise() -> None:
    code = (
        "import sys, daily_update, hourly_analysis, manual_setup; "
        "sys.exit('apprise' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT, check=True, timeout=60)


def kinds() -> set[str]:
    found, classes = set(), [NightShiftError]
    while classes:
        error = classes.pop()
        found.add(error.kind)
        classes += error.__subclasses__()
    return found


def test_every_kind_of_error_that_can_end_a_run_has_its_words() -> None:
    never = {errors.SourceError.kind, errors.ClosedMarket.kind, *EVERYDAY}
    announced = {FLAGGED, NIGHT, ODD_DAY, PROVISIONAL_NIGHT, UNFINISHED}
    assert set(HEADLINES) == kinds() - never | {UNEXPECTED, STILL_REFUSED, *announced}


def incident(clock: FakeClock, kind: str = "down", **fields: object) -> dict[str, object]:
    return new_incident("daily_update", kind, "It is down.", clock.now_utc()) | fields


def test_a_failure_and_its_recovery_as_they_are_told(clock: FakeClock) -> None:
    assert message([incident(clock)], "en") == (
        "krx-night-shift: daily_update: the exchange does not answer",
        "It is down.",
    )
    ended = incident(clock, resolved_utc=clock.now_utc() + timedelta(days=1))
    assert message([ended], "en") == (
        "krx-night-shift: daily_update: recovered",
        "Since 2024-01-22 19:00 KST: the exchange does not answer. "
        "Recovered 2024-01-23 19:00 KST.\nIt is down.",
    )
    assert message([ended], "ko") == (
        "krx-night-shift: daily_update: 복구됨",
        "2024-01-22 19:00부터: 거래소가 응답하지 않습니다. "
        "2024-01-23 19:00에 복구됨(한국 시간).\nIt is down.",
    )


def test_a_ban_names_its_end(clock: FakeClock) -> None:
    ban = incident(clock, "banned", until_utc=clock.now_utc() + timedelta(hours=24))
    assert message([ban], "en")[0].endswith(
        "the exchange has restricted our access until 2024-01-23 19:00 KST"
    )
    assert message([ban], "ko")[0].endswith(
        "2024-01-23 19:00(한국 시간)까지 거래소가 접속을 제한했습니다"
    )


def test_several_are_one_message(clock: FakeClock) -> None:
    title, body = message(
        [incident(clock), incident(clock, "malformed"), incident(clock, "store")], "en"
    )
    assert title == "krx-night-shift: daily_update: the exchange does not answer (and 2 more)"
    assert body.count("It is down.") == 3
    assert "daily_update: the database cannot be used\nIt is down." in body


def test_a_message_calls_nobody_and_quotes_no_markup(clock: FakeClock) -> None:
    said = "holds '@everyone <@&1>' at mongodb://***@host"
    assert message([incident(clock, message=said)], "en")[1] == (
        "holds '＠everyone ＜＠&1＞' at mongodb://***@host"
    )


def test_a_message_is_bounded_and_so_is_a_list(clock: FakeClock) -> None:
    _, body = message([incident(clock, message="가" * 10_000)], "ko")
    assert (len(body), body[-4:]) == (MOST_CHARACTERS, " ...")
    lines = listing([str(number) for number in range(MOST_LINES + 7)], "en").splitlines()
    assert (len(lines), lines[-1]) == (MOST_LINES + 1, "... and 7 more")
    assert listing(["one"], "ko") == "one"


def test_the_nights_line_has_the_most_frequent_signals_first() -> None:
    facts = {
        "session": "2024-01-22",
        "tickers": 2687,
        "revision": 1,
        "targets": 1700,
        "analyzed": 1700,
    }
    assert night_line("en", {"gap_up": 3, "golden_cross_5_20": 12}, "final", **facts) == (
        "2024-01-22 (final figures): 1700 of 1700 targets analysed, 2687 tickers, revision 1. "
        "Signals: golden_cross_5_20 12, gap_up 3"
    )
    line = night_line("ko", {}, "provisional", **facts)
    assert line.startswith("2024-01-22(잠정 자료): 대상 1700종목 중 ")
    assert line.endswith("신호: 없음")


def test_the_incident_of_the_database_is_told_once_and_leaves_nothing_behind(
    tmp_path: Path, clock: FakeClock
) -> None:
    first, second = DatabaseIncident(tmp_path, clock), DatabaseIncident(tmp_path, clock)
    first.open("store", "It does not answer.")
    (untold,) = first.claim_untold()
    first.close_claim(untold, told=False)
    (untold,) = second.claim_untold()
    second.close_claim(untold, told=True)
    clock.advance(hours=1)
    first.open("store", "It does not answer.")
    assert first.claim_untold() == []
    second.resolve()
    (ended,) = second.claim_untold()
    assert ended["resolved_utc"] - ended["opened_utc"] == timedelta(hours=1)
    second.close_claim(ended, told=True)
    assert list(tmp_path.iterdir()) == []
    assert first.claim_untold() == []


@pytest.mark.parametrize("text", ['{"_id": "data', "{}", "[]", "null", '{"told_utc": "yesterday"}'])
def test_a_file_that_is_no_incident_is_one_that_nobody_was_told_of(
    text: str, tmp_path: Path, clock: FakeClock
) -> None:
    (tmp_path / "database_incident.json").write_text(text, encoding="utf-8")
    there = DatabaseIncident(tmp_path, clock)
    assert there.claim_untold() == []
    there.open("store", "x")
    assert len(there.claim_untold()) == 1


def test_a_kind_that_is_not_known_is_told_as_a_failure(clock: FakeClock) -> None:
    title, body = message([incident(clock, kind="of a later version", message="Look here.")], "en")
    assert (title, body) == ("krx-night-shift: daily_update: failed", "Look here.")

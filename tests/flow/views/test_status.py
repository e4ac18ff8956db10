"""`--status`: one screen for a person, plain JSON for a program, and both say the same."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from collectors.collection.target_refresh import refresh_from_newest
from collectors.rules.target_rule import TargetRule
from collectors.views.status import show_status
from tests.fakes import FakeClock, fake_crontab, market_day, row
from utils.clock import kst
from utils.cron.lines import cron_lines
from utils.cron.schedule import SCHEDULE
from utils.errors import MalformedAnswer
from utils.job_status import JobRun
from utils.run import Run
from utils.settings import PROJECT, load_settings
from utils.store import Store
from utils.store.locks import COLLECTION
from utils.store.sqlite import SqliteBackend

FRIDAY, MONDAY = "2024-01-19", "2024-01-22"


@pytest.fixture(autouse=True)
def no_crontab(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda command: None)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Store:
    store = Store(SqliteBackend(tmp_path), clock)
    store.scope.save(1, ["KOSPI"], "2024-01-18")
    day = market_day(FRIDAY, row("000010"), row("000020"))
    store.sessions.save(day)
    refresh_from_newest(store, TargetRule(1, ("KOSPI",)))
    return store


def person(store: Store, capsys: pytest.CaptureFixture[str]) -> str:
    show_status(Run(load_settings(), store.clock, store), as_json=False)
    return capsys.readouterr().out


def program(store: Store, capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    show_status(Run(load_settings(), store.clock, store), as_json=True)
    shown: dict[str, object] = json.loads(capsys.readouterr().out)
    return shown


def test_a_glance_tells_the_last_session_the_holes_the_queue_and_the_next_runs(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = " ".join(person(store, capsys).split())
    assert "2024-01-22 19:00 KST, session of the night 2024-01-22" in shown
    assert "Asked for sessions since 2024-01-18; targets of KOSPI, 1 won or more" in shown
    assert "Sessions 1, 2024-01-19 to 2024-01-19 (provisional, 2 tickers)" in shown
    assert "Missing, unfinished 3 (2024-01-18, 2024-01-19, 2024-01-22)" in shown
    assert "Analysis 0 of 2 targets done, 2 pending, 0 failed" in shown
    assert (
        "daily_update 2024-01-22 20:40, hourly_analysis 2024-01-22 19:10 "
        "(your crontab cannot be read;" in shown
    )


@pytest.mark.parametrize(
    ("now", "is_open", "until"),
    [
        (kst(2024, 1, 22, 8, 59), False, "2024-01-22 09:00"),
        (kst(2024, 1, 22, 9), True, "2024-01-22 15:30"),
        (kst(2024, 1, 22, 15, 30), True, "2024-01-22 15:30"),
        (kst(2024, 1, 22, 15, 31), False, "2024-01-23 09:00"),
        (kst(2024, 1, 27, 12), False, "2024-01-29 09:00"),
        (kst(2024, 11, 13, 19), False, "2024-11-14 10:00"),  # the college entrance exam
        (kst(2024, 11, 14, 16), True, "2024-11-14 16:30"),
        (kst(2024, 12, 31, 12), False, "2025-01-02 10:00"),  # closed, then the year's first session
    ],
)
def test_the_market_is_open_in_the_hours_of_a_session(
    store: Store,
    clock: FakeClock,
    capsys: pytest.CaptureFixture[str],
    now: datetime,
    is_open: bool,
    until: str,
) -> None:
    clock.set(now)
    state = "open" if is_open else "closed"
    assert f"The market is {state} until {until}." in person(store, capsys).splitlines()
    market = {"open": is_open, "until": f"{until.replace(' ', 'T')}:00+09:00"}
    assert program(store, capsys)["market"] == market


def test_a_glance_tells_how_the_sources_are(
    store: Store, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    store.sources.next_request("pykrx", timedelta(seconds=1))
    store.sources.record_password("pykrx", "a1b2")
    clock.advance(days=12)
    store.sources.block("pykrx", clock.now_utc() + timedelta(hours=3), "banned")
    store.sources.record_comparison("openapi", FRIDAY, 0)
    shown = " ".join(person(store, capsys).split())
    assert (
        "Source pykrx closed until 2024-02-03 22:00 (banned), "
        "1 requests on 2024-01-22, password 12 days old" in shown
    )
    assert "(due after 90)" in shown
    assert f"agrees on {FRIDAY}" in shown
    clock.advance(hours=4)
    assert "Source pykrx open" in " ".join(person(store, capsys).split())


def test_a_program_is_told_the_same_in_plain_json_and_no_mark(
    store: Store, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    store.sources.record_password("pykrx", "a1b2")
    store.sources.record_comparison("openapi", FRIDAY, 2)
    shown = program(store, capsys)
    assert shown["sessions_missing"] == ["2024-01-18", FRIDAY, MONDAY]
    assert shown["next_runs"] == {
        "daily_update": "2024-01-22T20:40:00+09:00",
        "hourly_analysis": "2024-01-22T19:10:00+09:00",
    }
    assert "a1b2" not in json.dumps(shown)
    (pykrx,) = [source for source in shown["sources"] if source["_id"] == "pykrx"]  # type: ignore[attr-defined]
    assert pykrx["password_days"] == 0


def test_before_the_setup_it_says_what_to_do(
    tmp_path: Path, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "Run manual_setup.py." in person(Store(SqliteBackend(tmp_path / "new"), clock), capsys)


PLAIN = ("0 19", "10 19-23", "40 20", "10 0-8", "2 8")
ALL = [str(start) for start in SCHEDULE]


@pytest.mark.parametrize(
    ("times", "lacking", "said"),
    [
        (PLAIN, [], None),
        (
            ("0 19", "10 19-23", "10 0-8"),
            ["daily_update 20:40", "daily_update 08:02"],
            "(your crontab lacks lines: daily_update 20:40, daily_update 08:02; "
            "`manual_setup.py --cron install` puts them in; systemd timers are not looked at)",
        ),
        (("0 21", "30 21-23"), ALL, "(your crontab lacks their lines; `manual_setup.py --cron"),
        ((), ALL, "(your crontab lacks their lines; `manual_setup.py --cron"),
    ],
    ids=["all", "an earlier block", "at other times", "none"],
)
def test_what_the_crontab_does_not_start_is_said_with_the_next_runs(
    times: tuple[str, ...],
    lacking: list[str],
    said: str | None,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tab = fake_crontab(tmp_path)
    whole = cron_lines(PROJECT, Path("python"), PROJECT, in_kst=True)
    kept = [line for line in whole if line.startswith(tuple(f"{time} *" for time in times))]
    odd = [f"{time} * * * python {PROJECT}/daily_update.py" for time in set(times) - set(PLAIN)]
    tab.write_text("".join(f"{line}\n" for line in kept + odd))
    monkeypatch.setattr("shutil.which", lambda command: str(tmp_path / "bin" / command))
    shown = program(store, capsys)
    assert shown["crontab_lacks"] == lacking
    glance = " ".join(person(store, capsys).split())
    assert said in glance if said else "your crontab" not in glance


def test_a_living_run_is_told_from_one_that_is_gone(
    store: Store, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    with store.locks.hold(COLLECTION), JobRun(store, "daily_update", MONDAY):
        clock.advance(minutes=4)
        store.locks.renew()
        shown = " ".join(person(store, capsys).split())
        who = f"{store.identity.host}, process {store.identity.pid}, since 2024-01-22 19:00"
        assert f"Lock collection {who}, last sign of life 2024-01-22 19:04" in shown
        assert f"running 1 {who}, last sign of life" in shown
        (job,) = program(store, capsys)["jobs"]  # type: ignore[misc]
        assert job["at_work"] is True
        clock.advance(minutes=11)
        shown = " ".join(person(store, capsys).split())
        assert "gone, the lock has expired" in shown
        assert "no run is at it now" in shown
        assert program(store, capsys)["locks"][0]["expired"] is True  # type: ignore[index]


def test_a_source_that_fails_says_how_and_since_when(
    store: Store, clock: FakeClock, capsys: pytest.CaptureFixture[str]
) -> None:
    store.sources.next_request("pykrx", timedelta(0))
    store.sources.record_failure("pykrx", "down")
    assert "the exchange does not answer since 2024-01-22 19:00 (down)" in " ".join(
        person(store, capsys).split()
    )
    (pykrx,) = program(store, capsys)["sources"]  # type: ignore[misc]
    assert pykrx["failure"] == {"kind": "down", "since": "2024-01-22T19:00:00+09:00"}
    store.sources.record_failure("pykrx", None)
    assert "Source pykrx open" in " ".join(person(store, capsys).split())


def test_an_error_stands_whole_below_its_job_and_squeezes_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = "word " * 40
    with pytest.raises(MalformedAnswer), JobRun(store, "manual_setup", MONDAY):
        raise MalformedAnswer(words)
    monkeypatch.setattr(
        "collectors.views.status.screen", lambda: Console(width=80, highlight=False)
    )
    lines = person(store, capsys).splitlines()
    position = next(number for number, line in enumerate(lines) if line.startswith("manual_setup"))
    assert lines[position].split() == ["manual_setup", MONDAY, "failed", "1", "2024-01-22", "19:00"]
    assert " ".join(lines[position + 1 :]).split() == words.split()
    assert max(map(len, lines)) <= 80

"""A fortnight of nights by the schedule: at 08:15 each morning all that is stored is the exchange's
last word, every target is analysed on it, the page says so, and one message has gone out.

The nights hold a weekend, two holidays, a closure that nobody predicted, and runs that never took
place. The scripts run inside the test's own process, with the clock of each start.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from time import tzset

import pandas as pd
import pytest

from collectors.analysis.night import PANEL_SESSIONS
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from collectors.exchange.day_table import parse_day
from sandbox import answers
from sandbox.synthetic import SyntheticMarket
from tests.harness import Installation
from tests.harness.exchange import KEY, SMALL, Exchange
from tests.harness.receiver import Receiver
from utils.clock import KST, Clock, kst
from utils.cron.schedule import starts_between
from utils.date_utils import at_kst, weekdays
from utils.errors import EXIT_DONE, EXIT_NOT_NOW
from utils.market_day import FINAL, PROVISIONAL, PUBLISHED_COLUMNS
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.locks import COLLECTION
from utils.store.store import open_backend

SET_UP = kst(2026, 9, 13, 12)
SESSIONS = 130
CLOSED = "2026-09-22"
"""A day on which the exchange is closed although nobody predicts it."""
EVENINGS = weekdays("2026-09-14", "2026-09-29")
EVENING_MISSED, MORNING_MISSED = "2026-09-15", "2026-09-28"
NIGHTS_MISSED = ("2026-09-17", "2026-09-21")
"""Before a night like any other, and before the closed day."""
MOST_REQUESTS, OF_A_MISSED_SESSION = 6, 3
"""Requests for data to the site in a night, fundamentals included; so many more when the night
before was missed altogether."""
REPORT = "morning.html"


@dataclass(frozen=True)
class Start:
    """Start of a script by the schedule; `evening` is the day on which its night began."""

    evening: str
    moment: datetime
    script: str

    @property
    def is_in_the_evening(self) -> bool:
        return str(self.moment.date()) == self.evening


def takes_place(start: Start) -> bool:
    missed = {EVENING_MISSED: start.is_in_the_evening, MORNING_MISSED: not start.is_in_the_evening}
    return start.evening not in NIGHTS_MISSED and not missed.get(start.evening, False)


def night_of(evening: str) -> list[Start]:
    """Return the starts of a night in their order."""
    noon = at_kst(evening, time(12))
    between = starts_between(noon, noon + timedelta(days=1))
    return [Start(evening, moment, job) for moment, job in between]


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(SMALL, closed=[CLOSED])


@pytest.fixture
def exchange(market: SyntheticMarket) -> Iterator[Exchange]:
    with Exchange(SET_UP, market) as exchange:
        yield exchange


@pytest.fixture
def installation(exchange: Exchange, tmp_path: Path, receiver: Receiver) -> Installation:
    own = {
        "DATASETS": "prices,fundamentals",
        "NOTIFY_URLS": receiver.notify_url,
        "NOTIFY_DIGEST": "yes",
        "REPORT_FILE": str(tmp_path / REPORT),
    }
    return Installation(exchange, tmp_path, own)


def live(installation: Installation, starts_of_the_night: list[Start]) -> None:
    for each in starts_of_the_night:
        ended = installation.run(each.moment, each.script)
        assert ended.code in (EXIT_DONE, EXIT_NOT_NOW), f"{each}\n{ended.stderr}"


def published(market: SyntheticMarket, session: str) -> pd.DataFrame:
    """Return the exchange's last word on a session."""
    return parse_day(pd.DataFrame(answers.day_rows(market.day(session))), session).frame


def check_stored(store: Store, market: SyntheticMarket, sessions: list[str]) -> None:
    for session in sessions:
        head, day = store.sessions.head(session), store.sessions.load(session)
        assert head is not None
        assert day is not None
        assert (session, head.finality) == (session, FINAL)
        assert day.frame[list(PUBLISHED_COLUMNS)].equals(published(market, session)), session


def check_analysed(store: Store, session: str) -> None:
    """Check that each target's result is what the stored sessions make it now."""
    assert store.jobs.is_completed(HOURLY_ANALYSIS, session)
    analyzer = TechnicalAnalyzer(store.sessions.panel(session, PANEL_SESSIONS))
    for target in store.targets.active():
        result, now = store.results.get(target["_id"]), analyzer.analyze(target["_id"])
        assert result is not None
        assert target["last_analyzed_date"] == session
        for name in ("session", "close", "latest", "signals", "patterns", "ranks"):
            assert result[name] == getattr(now, name), (target["_id"], name)


def sessions_before(market: SyntheticMarket, day: str) -> list[str]:
    return [each for each in market.sessions if "2026-09-01" <= each < day]


@pytest.fixture(params=["UTC"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The host's zone, for everything that asks for local time."""
    monkeypatch.setenv("TZ", request.param)
    tzset()
    yield request.param
    monkeypatch.undo()
    tzset()


def test_every_morning_all_is_final_analysed_on_it_shown_and_told(
    installation: Installation, market: SyntheticMarket, receiver: Receiver, zone: str
) -> None:
    installation.own_settings["TZ"] = zone
    installation.must(SET_UP, "manual_setup", "--yes", "--sessions", str(SESSIONS))
    for evening, night_before in zip(EVENINGS, [None, *EVENINGS], strict=False):
        installation.exchange.reset_counts()
        live(installation, [each for each in night_of(evening) if takes_place(each)])
        most = MOST_REQUESTS + OF_A_MISSED_SESSION * (night_before in NIGHTS_MISSED)
        assert installation.exchange.counts()["data"] <= most, evening
        if evening not in (MORNING_MISSED, *NIGHTS_MISSED):
            check_morning(installation, market, at_kst(evening, time(8, 15)) + timedelta(days=1))
    told = [title for title in receiver.titles if "analysis done" in title]
    expected = [
        f"krx-night-shift: analysis done, {session}"
        for session in sessions_before(market, "2026-09-30")
        if session >= EVENINGS[0] and session not in (MORNING_MISSED, NIGHTS_MISSED[0])
    ]
    assert told == expected, "once each, but for two that a later session had overtaken"
    audit = installation.run(kst(2026, 9, 30, 12), "daily_update", "--audit")
    assert audit.code == EXIT_DONE, audit.stdout


def check_morning(installation: Installation, market: SyntheticMarket, morning: datetime) -> None:
    sessions = sessions_before(market, str(morning.date()))
    with installation.opened(morning) as store:
        check_stored(store, market, sessions)
        check_analysed(store, sessions[-1])
        head = store.sessions.head(sessions[-1])
    assert head is not None
    assert head.confirmed_utc is not None
    check_page(installation, sessions[-1], head.confirmed_utc.astimezone(KST))


def check_page(installation: Installation, session: str, confirmed: datetime) -> None:
    page = (installation.folder / REPORT).read_text(encoding="utf-8")
    is_usual = confirmed.date() == date.fromisoformat(session) + timedelta(days=1)
    since = f"{confirmed:%H:%M}" if is_usual else f"{confirmed:%Y-%m-%d %H:%M}"
    assert f'"session":"{session}","finality":"{FINAL}","since":"{since}"' in page


def test_whoever_keeps_the_old_lines_has_the_evenings_run_do_what_is_left(
    installation: Installation, market: SyntheticMarket, receiver: Receiver
) -> None:
    """But for the morning's message: nothing is analysed on final figures, so NOTIFY_DIGEST=both is
    what tells of these nights."""
    installation.own_settings["NOTIFY_DIGEST"] = "both"
    installation.must(SET_UP, "manual_setup", "--yes", "--sessions", str(SESSIONS))
    for evening in EVENINGS[:5]:
        old = [each for each in night_of(evening) if is_of_the_old_lines(each)]
        live(installation, old)
        sessions = sessions_before(market, str((old[-1].moment).date()))
        with installation.opened(old[-1].moment) as store:
            check_stored(store, market, sessions[:-1])
            newest = store.sessions.head(sessions[-1])
            assert newest is not None
            assert newest.finality == PROVISIONAL
            check_analysed(store, sessions[-1])
    assert receiver.titles == [
        f"krx-night-shift: analysis done, provisional, {evening}" for evening in EVENINGS[:5]
    ]


def is_of_the_old_lines(start: Start) -> bool:
    return start.script == HOURLY_ANALYSIS or start.moment.hour == 19


def test_with_a_key_the_morning_reading_is_the_open_apis(
    installation: Installation, market: SyntheticMarket
) -> None:
    installation.own_settings["KRX_OPENAPI_KEY"] = KEY
    installation.must(SET_UP, "manual_setup", "--yes", "--sessions", "5")
    installation.exchange.reset_counts()
    live(installation, [each for each in night_of(EVENINGS[0]) if each.script == DAILY_UPDATE])
    asked = installation.exchange.counts()
    assert (asked["data"], asked["openapi"]) == (3, 6)
    with installation.opened(kst(2026, 9, 15, 8, 15)) as store:
        check_stored(store, market, EVENINGS[:1])
        head = store.sessions.head(EVENINGS[0])
    assert head is not None
    assert head.source == "openapi"


def test_the_slot_of_ten_past_eight_waits_for_a_reading_that_takes_long(
    installation: Installation, market: SyntheticMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run has been collecting since 08:02, and brings the final figures after 08:10."""
    installation.must(SET_UP, "manual_setup", "--yes", "--sessions", str(SESSIONS))
    live(installation, night_of(EVENINGS[0])[:-2])
    morning = kst(2026, 9, 15, 8, 10)
    settings = installation.loaded_settings()
    waited: list[float] = []
    updating = Store(open_backend(settings), Clock(morning))
    lock = updating.locks.hold(COLLECTION)
    lock.__enter__()

    def sleep(clock: Clock, seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            lock.__exit__(None, None, None)
            updating.close()
            installation.must(morning, DAILY_UPDATE)

    monkeypatch.setattr(Clock, "sleep", sleep)
    ended = installation.must(morning, HOURLY_ANALYSIS)
    assert len(waited) >= 3
    assert ended.log.count("The analysis waits") == 1
    with installation.opened(morning) as store:
        check_stored(store, market, EVENINGS[:1])
        check_analysed(store, EVENINGS[0])


def test_a_site_that_is_late_is_right_in_the_morning(
    installation: Installation, market: SyntheticMarket
) -> None:
    """At 20:35 it still shows what was traded until 20:00 or earlier; that reading counts as the
    one after the after-market, and the morning's replaces it."""
    installation.must(SET_UP, "manual_setup", "--yes", "--sessions", str(SESSIONS))
    evening, session = kst(2026, 9, 14, 20, 35), "2026-09-14"
    site = installation.exchange
    late = site.set_time
    site.set_time = lambda moment: late(moment - timedelta(minutes=30))  # type: ignore[method-assign]
    installation.must(evening, "daily_update")
    installation.must(kst(2026, 9, 14, 20, 40), "daily_update")
    with installation.opened(evening) as store:
        day = store.sessions.load(session)
        assert day is not None
        assert not day.frame["volume"].equals(published(market, session)["volume"])
    site.set_time = late  # type: ignore[method-assign]
    for script, minute in ((DAILY_UPDATE, 2), (HOURLY_ANALYSIS, 10)):
        installation.must(kst(2026, 9, 15, 8, minute), script)
    with installation.opened(kst(2026, 9, 15, 8, 15)) as store:
        check_stored(store, market, [session])
        check_analysed(store, session)

"""Sources: their order, their tries, and the one that is asked instead."""

from collections.abc import Mapping
from contextlib import nullcontext
from datetime import datetime
from typing import Any

import pandas as pd
import pytest

from collectors.exchange.day_table import RAW_COLUMNS
from collectors.exchange.sources import ENOUGH_SECONDS, TRIES, Sources
from collectors.exchange.transport import ANSWER_SECONDS
from tests.fakes import FakeClock
from utils.clock import kst
from utils.date_utils import is_final
from utils.errors import (
    Banned,
    KeyRefused,
    MalformedAnswer,
    NotPublished,
    SourceDown,
    SourceError,
    SourceRefuses,
)

SESSION = "2024-01-22"
NUMBERS = ["10", "10", "10", "10", "0", "3", "30", "50", "5"]
DAY = pd.DataFrame(
    [dict(zip(RAW_COLUMNS.values(), ["000010", "이름", "STK", *NUMBERS], strict=True))]
)
UNUSABLE = DAY.assign(MKTCAP="51")
MORNING = kst(2024, 1, 23, 8)


class Scripted:
    """A source whose answers are given in advance; the last one is repeated."""

    def __init__(
        self, name: str, *answers: pd.DataFrame | SourceError, overnight: bool = False
    ) -> None:
        self.name, self._answers, self._overnight = name, list(answers), overnight
        self.asked = 0

    def shows(self, session: str, now: datetime) -> bool:
        return is_final(session, now) if self._overnight else True

    def fetch_day(self, session: str) -> pd.DataFrame:
        self.asked += 1
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, SourceError):
            raise answer
        return answer

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        self.fetch_day(first)
        return [f"shown by {self.name}"]


class Slow(Scripted):
    """A source each of whose answers takes so many seconds."""

    def __init__(self, clock: FakeClock, seconds: float, *args: Any) -> None:
        super().__init__(*args)
        self._clock, self._seconds = clock, seconds

    def fetch_day(self, session: str) -> pd.DataFrame:
        self._clock.advance(seconds=self._seconds)
        return super().fetch_day(session)


def both(clock: FakeClock, site: Scripted, api: Scripted) -> Sources:
    return Sources([site, api], [api, site], clock, clock.sleep)


def fetch(sources: Sources) -> str:
    return sources.fetch_day(SESSION).source


def test_the_evening_is_asked_from_the_site_alone(clock: FakeClock) -> None:
    site, api = Scripted("site", SourceDown("down")), Scripted("api", DAY, overnight=True)
    with pytest.raises(SourceDown):
        fetch(both(clock, site, api))
    assert (site.asked, api.asked) == (TRIES, 0)


def test_history_is_asked_from_the_open_api_first(clock: FakeClock) -> None:
    clock.set(MORNING)
    site, api = Scripted("site", DAY), Scripted("api", DAY, overnight=True)
    assert fetch(both(clock, site, api)) == "api"
    assert site.asked == 0


def test_the_calendar_is_asked_from_the_site_first(clock: FakeClock) -> None:
    sources = both(clock, Scripted("site", DAY), Scripted("api", DAY))
    assert sources.fetch_sessions(SESSION, SESSION, {}) == ["shown by site"]


@pytest.mark.parametrize(
    "problem",
    [
        KeyRefused("no"),
        SourceRefuses("429"),
        Banned("no"),
        NotPublished("-"),
        MalformedAnswer("odd"),
        SourceDown("x"),
    ],
    ids=lambda problem: problem.kind,
)
def test_whatever_keeps_one_source_from_answering_the_other_is_asked(
    clock: FakeClock, problem: SourceError
) -> None:
    clock.set(MORNING)
    assert fetch(both(clock, Scripted("site", DAY), Scripted("api", problem))) == "site"


def test_a_source_that_refuses_is_left_alone_for_the_rest_of_the_run(clock: FakeClock) -> None:
    clock.set(MORNING)
    api = Scripted("api", KeyRefused("no"))
    sources = both(clock, Scripted("site", DAY), api)
    fetch(sources)
    fetch(sources)
    assert api.asked == 1


def test_an_odd_answer_is_no_reason_to_leave_a_source_alone(clock: FakeClock) -> None:
    clock.set(MORNING)
    sources = both(clock, Scripted("site", DAY), Scripted("api", MalformedAnswer("odd"), DAY))
    assert [fetch(sources), fetch(sources)] == ["site", "api"]


def test_what_a_source_says_of_the_day_goes_before_what_keeps_the_other_from_answering(
    clock: FakeClock,
) -> None:
    clock.set(MORNING)
    for site, api in (
        (Banned("no"), MalformedAnswer("odd")),
        (MalformedAnswer("odd"), KeyRefused("no")),
    ):
        with pytest.raises(MalformedAnswer):
            fetch(both(clock, Scripted("site", site), Scripted("api", api)))


def test_a_source_that_is_left_alone_is_not_compared_either(clock: FakeClock) -> None:
    clock.set(MORNING)
    api = Scripted("api", SourceRefuses("429"))
    sources = both(clock, Scripted("site", DAY), api)
    fetch(sources)
    assert sources.fetch_day_of_other("site", SESSION) is None
    assert api.asked == 1


def test_the_other_source_is_asked_only_for_what_it_can_have_by_now(clock: FakeClock) -> None:
    site, api = Scripted("site", DAY), Scripted("api", DAY, overnight=True)
    sources = both(clock, site, api)
    assert sources.fetch_day_of_other("site", SESSION) is None
    clock.set(MORNING)
    other = sources.fetch_day_of_other("site", SESSION)
    assert other is not None
    assert (other.table.frame["close"].tolist(), other.source) == ([10], "api")
    assert (site.asked, api.asked) == (0, 1)
    assert sources.fetch_day_of_other("api", SESSION) is not None
    assert (site.asked, api.asked) == (1, 1)


def test_one_source_alone_has_no_other(clock: FakeClock) -> None:
    site = Scripted("site", DAY)
    sources = Sources([site], [site], clock, clock.sleep)
    assert sources.fetch_day_of_other("site", SESSION) is None
    assert site.asked == 0


def test_how_the_other_source_fails_is_noted_and_told(clock: FakeClock) -> None:
    clock.set(MORNING)
    noted: list[tuple[str, str | None]] = []
    site, api = Scripted("site", DAY), Scripted("api", UNUSABLE, SourceRefuses("429"))
    sources = Sources(
        [site, api],
        [api, site],
        clock,
        clock.sleep,
        on_health_change=lambda *news: noted.append(news),
    )
    for problem in (MalformedAnswer, SourceRefuses):
        with pytest.raises(problem):
            sources.fetch_day_of_other("site", SESSION)
    assert noted == [("api", "malformed"), ("api", "refused")]


def test_when_none_has_it_the_last_one_says_why(clock: FakeClock) -> None:
    clock.set(MORNING)
    with pytest.raises(Banned):
        fetch(both(clock, Scripted("site", Banned("no")), Scripted("api", KeyRefused("no"))))


def test_a_day_of_which_most_rows_cannot_be_used_is_asked_from_the_other_source(
    clock: FakeClock,
) -> None:
    clock.set(MORNING)
    site, api = Scripted("site", DAY), Scripted("api", UNUSABLE)
    sources = both(clock, site, api)
    assert fetch(sources) == "site"
    assert (site.asked, api.asked) == (1, 1)
    assert fetch(sources) == "site"
    assert api.asked == 2, "an odd answer is no reason to leave it alone"


def test_a_day_with_rows_that_are_set_aside_is_an_answer(clock: FakeClock) -> None:
    clock.set(MORNING)
    odd = pd.concat([DAY, UNUSABLE.assign(ISU_SRT_CD="000020")], ignore_index=True)
    site, api = Scripted("site", DAY), Scripted("api", odd)
    table, source = both(clock, site, api).fetch_day(SESSION)
    assert (source, table.tickers_set_aside) == ("api", {"000020"})
    assert table.frame["ticker"].tolist() == ["000010"]
    assert site.asked == 0


def test_without_a_source_that_has_it_a_session_is_not_published(clock: FakeClock) -> None:
    api = Scripted("api", DAY, overnight=True)
    with pytest.raises(NotPublished, match=SESSION):
        fetch(Sources([api], [api], clock, clock.sleep))
    assert api.asked == 0


def test_an_outage_is_tried_again_with_growing_waits_and_said(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    site = Scripted("site", SourceDown("No answer."))
    with pytest.raises(SourceDown):
        fetch(Sources([site], [site], clock, clock.sleep))
    assert site.asked == TRIES
    assert clock.slept == sorted(clock.slept)
    assert 9 * 60 <= sum(clock.slept) <= 11 * 60
    tries = [record.message[:21] for record in caplog.records]
    assert tries == [f"No answer. Try {number} of 8" for number in range(2, TRIES + 1)]


@pytest.mark.parametrize(("seconds", "tries"), [(1, TRIES), (60, 6), (120, 5)])
def test_tries_that_are_long_are_fewer(clock: FakeClock, seconds: int, tries: int) -> None:
    """A run is held for some eleven minutes by one request, and not for half an hour."""
    site, begun = Slow(clock, seconds, "site", SourceDown("x")), clock.monotonic()
    with pytest.raises(SourceDown):
        fetch(Sources([site], [site], clock, clock.sleep))
    assert site.asked == tries
    assert clock.monotonic() - begun < ENOUGH_SECONDS + ANSWER_SECONDS


def test_what_a_try_has_had_before_it_failed_is_no_reason_to_give_up(clock: FakeClock) -> None:
    """The Open API is asked for hundreds of days in one try."""
    site = Slow(clock, 3600, "site", SourceDown("x"), SourceDown("x"), DAY)
    assert fetch(Sources([site], [site], clock, clock.sleep)) == "site"


def test_an_outage_that_ends_between_two_tries_costs_nothing(clock: FakeClock) -> None:
    site = Scripted("site", SourceDown("x"), SourceDown("x"), DAY)
    assert fetch(Sources([site], [site], clock, clock.sleep)) == "site"


@pytest.mark.parametrize(
    "problem", [Banned("no"), MalformedAnswer("odd"), SourceRefuses("no")], ids=lambda e: e.kind
)
def test_what_a_retry_cannot_help_is_asked_once(clock: FakeClock, problem: SourceError) -> None:
    site = Scripted("site", problem)
    with pytest.raises(type(problem)):
        fetch(Sources([site], [site], clock, clock.sleep))
    assert (site.asked, clock.slept) == (1, [])


def test_how_a_source_fails_is_noted_until_it_answers_well_and_only_what_is_new(
    clock: FakeClock,
) -> None:
    answers = [
        DAY,
        DAY,
        SourceRefuses("429"),
        SourceRefuses("429"),
        MalformedAnswer("odd"),
        NotPublished("-"),
        DAY,
    ]
    noted: list[tuple[str, str | None]] = []
    site = Scripted("site", *answers)
    sources = Sources(
        [site], [site], clock, clock.sleep, on_health_change=lambda *news: noted.append(news)
    )
    for answer in answers:
        with nullcontext() if answer is DAY else pytest.raises(SourceError):
            fetch(sources)
    assert noted == [("site", None), ("site", "refused"), ("site", "malformed"), ("site", None)]

"""Odd days: they wait, and a later reading, a person or the other source has them stored."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest

from collectors.collection.collect import collect_all
from collectors.collection.due import DueSession, due_in_store
from collectors.collection.odd_days import accept
from collectors.collection.stock_data_collector import StockDataCollector
from collectors.exchange.day_table import RAW_COLUMNS
from collectors.exchange.sources import Sources
from tests.fakes import FakeClock
from tests.flow.collection.scripted_source import (
    CLOSED,
    FRIDAY,
    MONDAY,
    TUESDAY,
    WEDNESDAY,
    ScriptedSource,
    collect,
    collect_sessions,
    factors,
    make_collector,
    whole,
)
from utils.clock import kst
from utils.date_utils import TradingCalendar
from utils.errors import (
    ClosedMarket,
    MalformedAnswer,
    OddDay,
    SourceDown,
    SourceRefuses,
    WrongUsage,
)
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.sessions import SessionHead

FIRST, THAT_EVENING = kst(2024, 1, 22, 19), kst(2024, 1, 22, 20, 40)
"""Between these two moments of 2024 lies no checkpoint, and one before each of the next two."""
MORNING, NEXT_EVENING = kst(2024, 1, 23, 8, 2), kst(2024, 1, 23, 19)
PAIR = (("000010", 1010, 10, 100), ("000020", 10_020, 20, 100))
RIGHT = whole(1, *PAIR)
NO_VOLUMES = "volumes: of 42 KOSPI tickers with an opening price 42 have no volume, first 000010"
VALUES_ALONE = "values: of 42 KOSPI tickers with a volume or a value 42 have only one of them"


def without(day: pd.DataFrame, *names: str) -> pd.DataFrame:
    """Return the day with 0 in these columns."""
    return day.assign(**{RAW_COLUMNS[name]: "0" for name in names})


ODD = without(RIGHT, "volume", "value")
ODDER = without(RIGHT, "volume")
OTHER_CLOSES = without(whole(1, ("000010", 1020, 20, 100), PAIR[1]), "volume", "value")


@pytest.fixture
def night(source: ScriptedSource, store: Store, clock: FakeClock) -> ScriptedSource:
    """Friday is stored, and the first reading of Monday is odd."""
    clock.set(FIRST)
    friday = whole(0, ("000010", 1000, 0, 100), ("000020", 10_000, 0, 100))
    source.days = {FRIDAY: friday, MONDAY: ODD}
    collect(make_collector(source, store), FRIDAY)
    return source


def read(
    source: ScriptedSource, store: Store, clock: FakeClock, at: datetime, day: pd.DataFrame
) -> SessionHead:
    """Read Monday once more, in a run of its own."""
    clock.set(at)
    source.days[MONDAY] = day
    return collect(make_collector(source, store), MONDAY).head


def wait(
    source: ScriptedSource, store: Store, clock: FakeClock, at: datetime, day: pd.DataFrame
) -> OddDay:
    """Read Monday once more: it waits."""
    with pytest.raises(OddDay) as waits:
        read(source, store, clock, at, day)
    return waits.value


def first_read(store: Store) -> datetime | None:
    """Return since when Monday waits."""
    waiting = store.waiting.get(MONDAY)
    return None if waiting is None else waiting["first_read_utc"]


def test_an_odd_day_is_not_stored_and_says_what_is_odd_and_how_it_goes_on(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    problem = wait(night, store, clock, FIRST, ODD)
    assert (problem.kind, problem.exit_code, problem.session) == ("odd", 75, MONDAY)
    assert str(problem).startswith(f"{MONDAY} is odd and not stored yet. {NO_VOLUMES}")
    assert f"daily_update.py --accept {MONDAY} reads it at once and stores it" in str(problem)
    assert [head.session for head in store.sessions.heads()] == [FRIDAY]
    (waiting,) = store.waiting.all()
    assert (waiting["_id"], waiting["first_read_utc"], waiting["read_utc"]) == (
        MONDAY,
        FIRST,
        FIRST,
    )
    assert waiting["accepted_utc"] is None
    assert [(each["rule"], each["market"]) for each in waiting["oddities"]] == [
        ("volumes", "KOSPI")
    ]


def test_before_the_next_checkpoint_it_still_waits_since_its_first_reading(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    wait(night, store, clock, FIRST, ODD)
    wait(night, store, clock, THAT_EVENING, ODD)
    (waiting,) = store.waiting.all()
    assert (waiting["first_read_utc"], waiting["read_utc"]) == (FIRST, THAT_EVENING)


def test_a_reading_after_the_next_checkpoint_that_says_the_same_is_stored_with_the_remark(
    night: ScriptedSource, store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    wait(night, store, clock, FIRST, ODD)
    head = read(night, store, clock, MORNING, ODD)
    assert [each.startswith(NO_VOLUMES) for each in head.accepted] == [True]
    assert store.sessions.head(MONDAY) == head
    assert store.waiting.all() == []
    assert "stored all the same: a reading after a later checkpoint says the same" in caplog.text


def test_the_remark_of_an_accepted_day_is_a_warning_of_its_job(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    wait(night, store, clock, FIRST, ODD)
    clock.set(MORNING)
    assert run(night, store, DueSession(MONDAY, read_again=False)) == []
    job, head = store.jobs.get(DAILY_UPDATE, MONDAY), store.sessions.head(MONDAY)
    assert job is not None
    assert head is not None
    assert (job["status"], job["warnings"][:1]) == ("completed", list(head.accepted))


def run(source: ScriptedSource, store: Store, *due: DueSession) -> list[str]:
    """Collect these as a run does. Return why they could not be had."""
    problems = collect_all(
        store, make_collector(source, store), due, lambda: False, lambda each: None
    )
    return [problem.kind for problem in problems]


@pytest.mark.parametrize("other", [OTHER_CLOSES, ODDER], ids=["closes", "oddity"])
def test_a_reading_that_says_something_else_waits_anew(
    night: ScriptedSource, store: Store, clock: FakeClock, other: pd.DataFrame
) -> None:
    wait(night, store, clock, FIRST, ODD)
    wait(night, store, clock, MORNING, other)
    assert first_read(store) == MORNING
    assert len(read(night, store, clock, NEXT_EVENING, other).accepted) in (1, 2)


def test_a_reading_with_fewer_oddities_is_the_same(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    problem = wait(night, store, clock, FIRST, ODDER)
    assert NO_VOLUMES in str(problem)
    assert VALUES_ALONE in str(problem)
    head = read(night, store, clock, MORNING, ODD)
    assert [each.split(":")[0] for each in head.accepted] == ["volumes"]


def test_a_day_that_is_fine_after_all_is_stored_without_a_remark(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    wait(night, store, clock, FIRST, ODD)
    assert read(night, store, clock, THAT_EVENING, RIGHT).accepted == ()
    assert store.waiting.all() == []


def test_a_waiting_day_that_turns_out_closed_waits_no_more(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    wait(night, store, clock, FIRST, ODD)
    night.shown = [FRIDAY, TUESDAY]
    with pytest.raises(ClosedMarket):
        read(night, store, clock, kst(2024, 1, 23, 19), CLOSED)
    assert store.waiting.all() == []


# -- a person


def test_a_day_that_a_person_accepts_is_stored_at_the_next_reading(
    night: ScriptedSource, store: Store, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    wait(night, store, clock, FIRST, ODD)
    clock.set(THAT_EVENING)
    accept(store, MONDAY)
    (waiting,) = store.waiting.all()
    assert waiting["accepted_utc"] == THAT_EVENING
    assert len(read(night, store, clock, THAT_EVENING, ODD).accepted) == 1
    assert "stored all the same: it was accepted with --accept." in caplog.text
    assert store.waiting.all() == []


def test_what_a_person_has_accepted_is_that_reading_and_no_other(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    wait(night, store, clock, FIRST, ODD)
    accept(store, MONDAY)
    wait(night, store, clock, THAT_EVENING, OTHER_CLOSES)
    (waiting,) = store.waiting.all()
    assert (waiting["first_read_utc"], waiting["accepted_utc"]) == (THAT_EVENING, None)
    wait(night, store, clock, THAT_EVENING, OTHER_CLOSES)


def test_what_is_accepted_does_not_excuse_many_more_tickers(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    """Closes and rules are the same; six of 42 tickers are odd, and then all."""
    columns = (RAW_COLUMNS["volume"], RAW_COLUMNS["value"])
    some = RIGHT.assign(**{name: ["0"] * 6 + list(RIGHT[name][6:]) for name in columns})
    wait(night, store, clock, FIRST, some)
    accept(store, MONDAY)
    wait(night, store, clock, THAT_EVENING, ODD)
    read(night, store, clock, MORNING, ODD)
    assert len(read(night, store, clock, NEXT_EVENING, some).accepted) == 1, "fewer than stored"


def test_a_failed_reading_in_between_takes_nothing_back(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    wait(night, store, clock, FIRST, ODD)
    accept(store, MONDAY)
    with pytest.raises(MalformedAnswer):
        read(night, store, clock, FIRST, ODD.iloc[:0])
    assert len(read(night, store, clock, FIRST, ODD).accepted) == 1


def test_only_a_session_that_waits_can_be_accepted_and_those_are_named(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    with pytest.raises(WrongUsage, match=r"that session does not wait. Those that do: none\."):
        accept(store, FRIDAY)
    wait(night, store, clock, FIRST, ODD)
    with pytest.raises(WrongUsage, match=rf"--accept {FRIDAY}: .* Those that do: {MONDAY}\."):
        accept(store, FRIDAY)


# -- the other source


class OtherSource(ScriptedSource):
    """Open API, which may not have the day of a night yet."""

    name = "openapi"
    has_night = True

    def shows(self, session: str, now: datetime) -> bool:
        return self.has_night


def of_two(source: ScriptedSource, other: OtherSource, store: Store) -> StockDataCollector:
    """Return a collector that asks both, the site first."""
    sources = Sources([source, other], [source, other], store.clock, store.clock.sleep)
    return StockDataCollector(sources, store, TradingCalendar(store.calendar.observed()))


def test_a_day_of_which_the_other_source_says_the_same_is_stored_at_once(
    night: ScriptedSource, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    other = OtherSource()
    other.days[MONDAY] = ODD
    head = collect(of_two(night, other, store), MONDAY).head
    assert (head.source, len(head.accepted)) == ("pykrx", 1)
    assert "stored all the same: the other source says the same." in caplog.text
    assert (other.asked, store.waiting.all()) == ([MONDAY], [])


def test_the_other_source_may_write_the_names_differently(
    night: ScriptedSource, store: Store
) -> None:
    other = OtherSource()
    other.days[MONDAY] = ODD.assign(**{RAW_COLUMNS["name"]: "Name"})
    assert len(collect(of_two(night, other, store), MONDAY).head.accepted) == 1


@pytest.mark.parametrize(
    "answer",
    [RIGHT, OTHER_CLOSES, MalformedAnswer("odd"), RIGHT.iloc[:10]],
    ids=["fine", "closes", "unusable", "part"],
)
def test_a_day_of_which_the_other_source_says_something_else_waits(
    night: ScriptedSource, store: Store, answer: pd.DataFrame | MalformedAnswer
) -> None:
    other = OtherSource()
    other.days[MONDAY] = answer
    with pytest.raises(OddDay):
        collect(of_two(night, other, store), MONDAY)
    assert other.asked == [MONDAY]


@pytest.mark.parametrize("problem", [SourceRefuses("429"), SourceDown("500")])
def test_another_source_that_refuses_or_is_down_is_left_alone_from_then_on(
    night: ScriptedSource, store: Store, problem: SourceRefuses | SourceDown
) -> None:
    other = OtherSource()
    other.days[MONDAY] = problem
    collector = of_two(night, other, store)
    with pytest.raises(OddDay):
        collect(collector, MONDAY)
    asked = len(other.asked)
    with pytest.raises(OddDay):
        collect(collector, MONDAY)
    assert len(other.asked) == asked


def test_another_source_that_cannot_have_the_day_yet_is_not_asked(
    night: ScriptedSource, store: Store
) -> None:
    other = OtherSource()
    other.has_night = False
    with pytest.raises(OddDay):
        collect(of_two(night, other, store), MONDAY)
    assert other.asked == []


# -- a stored day is read again


@pytest.fixture
def accepted(night: ScriptedSource, store: Store, clock: FakeClock) -> ScriptedSource:
    """Monday was read twice and is stored with its remark."""
    wait(night, store, clock, FIRST, ODD)
    read(night, store, clock, MORNING, ODD)
    return night


def test_an_accepted_day_that_is_read_the_same_again_does_not_wait_once_more(
    accepted: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    before = store.sessions.head(MONDAY)
    head = read(accepted, store, clock, NEXT_EVENING, ODD)
    assert before is not None
    assert (head.finality, head.revision, head.accepted) == ("final", 1, before.accepted)


@pytest.mark.parametrize("other", [ODDER, OTHER_CLOSES], ids=["oddity", "closes"])
def test_an_accepted_day_that_is_read_differently_waits(
    accepted: ScriptedSource, store: Store, clock: FakeClock, other: pd.DataFrame
) -> None:
    """It excuses the same oddities of the same closes, and not of any later answer."""
    before = store.sessions.head(MONDAY)
    wait(accepted, store, clock, NEXT_EVENING, other)
    assert store.sessions.head(MONDAY) == before


def test_a_fine_reading_takes_the_remark_away(
    accepted: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    head = read(accepted, store, clock, NEXT_EVENING, RIGHT)
    assert (head.accepted, head.revision) == ((), 2)
    stored = store.sessions.head(MONDAY)
    assert stored is not None
    assert stored.accepted == ()


def test_a_stored_day_that_is_odd_when_it_is_read_again_stays_as_it_is(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    before = read(night, store, clock, FIRST, RIGHT)
    run(night, store, DueSession(MONDAY, read_again=False))
    clock.set(MORNING)
    night.days[MONDAY] = ODD
    assert run(night, store, DueSession(MONDAY, read_again=True)) == ["odd"]
    job = store.jobs.get(DAILY_UPDATE, MONDAY)
    assert store.sessions.head(MONDAY) == before
    assert job is not None
    assert job["status"] == "completed"
    (warning,) = job["warnings"]
    stays = f"Not read again: {MONDAY} is odd as it was read now, and stays as it is stored."
    assert warning.startswith(f"{stays} {NO_VOLUMES}")


def test_a_stored_day_is_replaced_by_an_odd_reading_that_another_day_confirms(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    read(night, store, clock, FIRST, RIGHT)
    wait(night, store, clock, MORNING, ODD)
    wait(night, store, clock, NEXT_EVENING, ODD)
    head = read(night, store, clock, kst(2024, 1, 24, 8, 2), ODD)
    assert (head.revision, len(head.accepted)) == (2, 1)
    assert store.waiting.all() == []


# -- next to other sessions


def test_a_day_accepted_behind_a_hole_does_not_wait_at_each_later_reading(
    large: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    large.days[TUESDAY] = large.days[TUESDAY].iloc[:30]  # type: ignore[union-attr]
    clock.set(kst(2024, 1, 23, 19))
    collect(make_collector(large, store), FRIDAY)
    with pytest.raises(OddDay, match="lost"):
        collect(make_collector(large, store), TUESDAY)
    clock.set(kst(2024, 1, 24, 8, 2))
    first = collect(make_collector(large, store), TUESDAY).head
    assert [each.split(":")[0] for each in first.accepted] == ["lost"]
    clock.set(kst(2024, 1, 24, 19))
    again = collect(make_collector(large, store), TUESDAY).head
    assert (again.finality, again.accepted) == ("final", first.accepted)


def test_a_wrong_day_on_which_the_exchange_insists_costs_the_later_ones_their_factors_alone(
    large: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    right, large.days[MONDAY] = large.days[MONDAY], whole(9, *PAIR)
    clock.set(FIRST)
    collect(make_collector(large, store), FRIDAY)
    with pytest.raises(OddDay, match="base_price"):
        collect(make_collector(large, store), MONDAY)
    clock.set(MORNING)
    collect(make_collector(large, store), MONDAY)
    clock.set(kst(2024, 1, 23, 19))
    with pytest.raises(OddDay, match="base_price"):
        collect(make_collector(large, store), TUESDAY)
    assert large.asked[-2:] == [TUESDAY, MONDAY], "the exchange insists"
    clock.set(kst(2024, 1, 24, 8, 2))
    assert len(collect(make_collector(large, store), TUESDAY).head.accepted) == 1
    clock.set(kst(2024, 1, 24, 19))
    assert collect(make_collector(large, store), WEDNESDAY).head.accepted == ()
    assert np.isnan(factors(store, MONDAY) + factors(store, TUESDAY)).all()
    assert factors(store, WEDNESDAY) == [1.0, 1.0]
    large.days[MONDAY] = right
    collect(make_collector(large, store), MONDAY)
    assert (factors(store, MONDAY), factors(store, TUESDAY)) == ([1.0, 0.2], [1.0, 1.0])
    collect(make_collector(large, store), TUESDAY)
    assert [head.accepted for head in store.sessions.heads()] == [()] * 4


def test_several_odd_days_wait_each_by_itself(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    night.days[TUESDAY] = without(whole(2, ("000010", 1011, 1, 100)), "volume", "value")
    for session in (MONDAY, TUESDAY):
        with pytest.raises(OddDay):
            collect(make_collector(night, store), session)
    accept(store, TUESDAY)
    with pytest.raises(OddDay):
        collect(make_collector(night, store), MONDAY)
    collect_sessions(make_collector(night, store), [TUESDAY])
    assert [each["_id"] for each in store.waiting.all()] == [MONDAY]


def test_a_day_that_is_odd_in_another_way_each_time_keeps_no_later_one_waiting(
    night: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 24, 19))
    calendar = TradingCalendar(store.calendar.observed())
    for closes in (1010, 1020, 1030):
        other = whole(1, ("000010", closes, closes - 1000, 100), PAIR[1])
        night.days[MONDAY] = without(other, "volume", "value")
        due = due_in_store(store, calendar, MONDAY, WEDNESDAY, clock.now_kst())
        assert [each.session for each in due] == [MONDAY, TUESDAY, WEDNESDAY]
        assert run(night, store, due[0]) == ["odd"]
    due = due_in_store(store, calendar, MONDAY, WEDNESDAY, clock.now_kst())
    assert [each.session for each in due] == [TUESDAY, WEDNESDAY, MONDAY]

"""One session into the store: factors, revisions, the calendar it learns, and a stored day that is
read once more."""

import numpy as np
import pandas as pd
import pytest

from collectors.collection.collect import collect_all
from collectors.collection.due import DueSession
from collectors.collection.stock_data_collector import StockDataCollector
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
    published,
    whole,
)
from utils.clock import kst
from utils.errors import ClosedMarket, MalformedAnswer, NotPublished, OddDay
from utils.market_day import MarketDay
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE
from utils.store.sqlite import SqliteBackend


def closes(store: Store) -> list[list[int]]:
    """Return the closes of the first two tickers, session by session."""
    return [list(frame["close"][:2]) for _, frame in store.sessions.read(FRIDAY, "2024-01-31")]


def test_a_split_is_a_factor_and_a_corporate_action(
    collector: StockDataCollector, store: Store
) -> None:
    collect(collector, FRIDAY)
    assert collect(collector, MONDAY).actions == 1
    assert factors(store, MONDAY) == [1.0, 0.2]


def test_without_the_session_before_factors_are_pending(
    collector: StockDataCollector, store: Store
) -> None:
    assert collect(collector, MONDAY).actions == 0
    assert np.isnan(factors(store, MONDAY)).all()


def test_they_are_known_when_it_arrives(collector: StockDataCollector, store: Store) -> None:
    later = collect(collector, MONDAY).head
    collect(collector, FRIDAY)
    refound = store.sessions.head(MONDAY)
    assert factors(store, MONDAY) == [1.0, 0.2]
    assert refound is not None
    assert (refound.revision, refound.digest, refound.finality) == (1, later.digest, later.finality)


def test_a_hole_before_the_stored_sessions_leaves_factors_pending(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.days[TUESDAY] = published(("000010", 1011, 1, 100), ("000020", 2_030, 10, 500))
    collect(collector, FRIDAY)
    assert collect(collector, TUESDAY).actions == 0
    assert np.isnan(factors(store, TUESDAY)).all()
    collect(collector, MONDAY)
    assert (factors(store, MONDAY), factors(store, TUESDAY)) == ([1.0, 0.2], [1.0, 1.0])


def test_a_hole_that_turns_out_closed_gives_the_factors_after_it(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.days[TUESDAY] = published(("000010", 1010, 10, 100), ("000020", 2_020, 20, 500))
    collect_sessions(collector, [TUESDAY, FRIDAY])
    assert np.isnan(factors(store, TUESDAY)).all()
    source.days[MONDAY], source.shown = CLOSED, [FRIDAY, TUESDAY]
    collector.learn_calendar(FRIDAY, TUESDAY)
    assert factors(store, TUESDAY) == [1.0, 0.2]


def test_the_day_after_a_hole_is_no_continuation_of_the_day_before_it(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    """It is the answer of the missing day, or nobody knows yet that there was none."""
    large.days[TUESDAY] = large.days[MONDAY]
    collect(collector, FRIDAY)
    with pytest.raises(OddDay, match=f"the closes of {FRIDAY}, and a session lies between"):
        collect(collector, TUESDAY)
    large.days[MONDAY], large.shown = CLOSED, [FRIDAY, TUESDAY]
    collector.learn_calendar(FRIDAY, TUESDAY)
    collect(collector, TUESDAY)
    assert factors(store, TUESDAY) == [1.0, 0.2]


def test_the_day_after_a_hole_lacks_no_tickers(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    large.days[TUESDAY] = large.days[TUESDAY].iloc[:30]
    collect(collector, FRIDAY)
    with pytest.raises(OddDay, match=r"lost: of 42 KOSPI tickers .* 12 are not there any more"):
        collect(collector, TUESDAY)
    assert len(store.sessions.heads()) == 1


def test_a_stored_day_after_a_filled_hole_that_does_not_follow_it_is_read_again(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    right, large.days[TUESDAY] = large.days[TUESDAY], large.days[WEDNESDAY]
    collect(collector, TUESDAY)
    large.days[TUESDAY] = right
    assert [each.head.session for each in collector.collect(MONDAY)] == [MONDAY, TUESDAY]
    assert large.asked == [TUESDAY, MONDAY, TUESDAY], "what was read as evidence is stored"
    assert closes(store) == [[1010, 2020], [1011, 2030]]


def test_a_day_that_the_stored_one_after_it_never_follows_is_stored_in_the_end(
    collector: StockDataCollector, large: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    """Neither of the two can be told to be wrong as long as the exchange insists on both."""
    large.days[TUESDAY] = whole(7, ("000010", 1011, 1, 100), ("000020", 2_030, 10, 500))
    collect(collector, TUESDAY)
    with pytest.raises(OddDay, match=f"{TUESDAY}, which is stored, does not follow it"):
        collect(collector, MONDAY)
    clock.set(kst(2024, 1, 25, 8, 2))
    collect(collector, MONDAY)
    assert [head.session for head in store.sessions.heads()] == [MONDAY, TUESDAY]
    assert np.isnan(factors(store, TUESDAY)).all(), "nothing is known between the two"


def test_an_evening_is_provisional_and_the_morning_final(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock
) -> None:
    collect(collector, FRIDAY)
    evening = collect(collector, MONDAY)
    clock.set(kst(2024, 1, 23, 8))
    morning = collect(collector, MONDAY)
    assert [evening.head.finality, morning.head.finality] == ["provisional", "final"]
    assert (morning.head.revision, morning.changed) == (1, [])


def test_other_cells_are_a_revision_that_names_its_tickers(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock
) -> None:
    collect(collector, FRIDAY)
    collect(collector, MONDAY)
    clock.set(kst(2024, 1, 23, 8))
    source.days[MONDAY] = source.days[MONDAY].assign(ACC_TRDVOL="11")  # type: ignore[union-attr]
    morning = collect(collector, MONDAY)
    assert (morning.head.revision, morning.changed) == (2, ["000010", "000020"])


@pytest.mark.parametrize(
    ("cells", "reopened"),
    [
        ({"ISU_ABBRV": ["새 이름", "이름"]}, []),
        ({"LIST_SHRS": ["101", "500"], "MKTCAP": ["102,010", "1,010,000"]}, []),
        ({"ACC_TRDVOL": ["10", "11"]}, ["000020"]),
        ({"ACC_TRDVAL": ["10,101", "20,200"]}, ["000010"]),
        ({"MKT_ID": ["STK", "KSQ"]}, ["000020"]),
        ({"LIST_SHRS": ["100", "100"], "MKTCAP": ["101,000", "202,000"]}, ["000020"]),
    ],
    ids=["name", "shares", "volume", "value", "market", "split"],
)
def test_only_what_the_analysis_reads_is_analysed_again(
    collector: StockDataCollector,
    source: ScriptedSource,
    store: Store,
    clock: FakeClock,
    cells: dict[str, list[str]],
    reopened: list[str],
) -> None:
    collect_sessions(collector, [FRIDAY, MONDAY])
    new = [{"_id": each, "last_analyzed_date": MONDAY} for each in ("000010", "000020")]
    store.targets.save(new, {})
    clock.set(kst(2024, 1, 23, 8))
    source.days[MONDAY] = source.days[MONDAY].assign(**cells)  # type: ignore[union-attr]
    head = collect(collector, MONDAY).head
    behind = [each["_id"] for each in store.targets.all() if each["last_analyzed_date"] != MONDAY]
    assert (head.revision, behind) == (2, reopened)


def test_a_reading_never_replaces_a_later_one(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    """An answer that was asked for in the evening and comes only after that of the morning."""
    collect_sessions(collector, [FRIDAY, MONDAY])
    early = source.days[MONDAY]
    late = early.assign(ACC_TRDVOL="11")  # type: ignore[union-attr]

    class AnswersLate(ScriptedSource):
        def fetch_day(self, session: str) -> pd.DataFrame:
            clock.set(kst(2024, 1, 23, 8, 2))
            source.days[MONDAY] = late
            collect(make_collector(source, store), MONDAY)
            return super().fetch_day(session)

    slow = AnswersLate()
    slow.days = {MONDAY: early}
    overtaken = collect(make_collector(slow, store), MONDAY)
    assert overtaken.head == store.sessions.head(MONDAY)
    assert (overtaken.head.finality, overtaken.changed) == ("final", [])
    day = store.sessions.load(MONDAY)
    assert day is not None
    assert day.frame["volume"].tolist() == [11, 11]


def test_the_index_series_is_not_asked_before_a_later_day_can_be_in_it(
    collector: StockDataCollector, source: ScriptedSource, clock: FakeClock
) -> None:
    source.days[MONDAY] = CLOSED
    for moment, asked in (((22, 19), 0), ((23, 8, 59), 0), ((23, 9), 1)):
        clock.set(kst(2024, 1, *moment))
        source.asked.clear()
        with pytest.raises(NotPublished):
            collect(collector, MONDAY)
        assert len(source.asked) == 1 + asked


def test_dashes_are_a_closed_day_once_a_later_session_is_shown(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.days[MONDAY], source.shown = CLOSED, [FRIDAY, TUESDAY]
    with pytest.raises(ClosedMarket, match=MONDAY):
        collect(collector, MONDAY)
    assert store.calendar.observed()[MONDAY] is False
    assert not collector.calendar.is_session(MONDAY)


def test_dashes_are_not_known_yet_while_nothing_later_is_shown(
    collector: StockDataCollector, source: ScriptedSource, store: Store
) -> None:
    source.days[MONDAY], source.shown = CLOSED, [FRIDAY]
    with pytest.raises(NotPublished, match=MONDAY):
        collect(collector, MONDAY)
    assert MONDAY not in store.calendar.observed()
    assert store.sessions.heads() == []


def test_a_stored_session_that_an_index_series_lacks_stays_one(
    collector: StockDataCollector,
    source: ScriptedSource,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    collect(collector, FRIDAY)
    source.shown = ["2024-01-18", MONDAY]
    assert collector.learn_calendar("2024-01-18", MONDAY) == ["2024-01-18", FRIDAY, MONDAY]
    assert store.calendar.observed()[FRIDAY] is True
    assert f"lacks {FRIDAY}, which is stored" in caplog.text


def test_one_line_left_out_of_an_index_series_closes_no_session(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    clock.set(kst(2024, 1, 23, 19))
    source.shown = [FRIDAY, TUESDAY]
    collector.learn_calendar(FRIDAY, TUESDAY)
    assert MONDAY not in store.calendar.observed()
    assert collector.calendar.is_session(MONDAY)
    assert source.asked[1:] == [MONDAY], "the day itself was asked"


def test_a_day_that_was_taken_for_closed_is_found_when_the_next_session_does_not_follow(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    take_monday_for_closed(collector, large)
    found = [each.head.session for each in collector.collect(TUESDAY)]
    assert found == [FRIDAY, MONDAY, TUESDAY], "the first one was asked for once more"
    assert [head.session for head in store.sessions.heads()] == [FRIDAY, MONDAY, TUESDAY]
    assert (collector.calendar.is_session(MONDAY), store.calendar.observed()[MONDAY]) == (
        True,
        True,
    )
    assert (factors(store, MONDAY), factors(store, TUESDAY)) == ([1.0, 0.2], [1.0, 1.0])


def take_monday_for_closed(collector: StockDataCollector, source: ScriptedSource) -> None:
    """Friday is stored, and an outage at the exchange made Monday look like a holiday."""
    collect(collector, FRIDAY)
    real, source.days[MONDAY], source.shown = source.days[MONDAY], CLOSED, [FRIDAY, TUESDAY]
    with pytest.raises(ClosedMarket, match=MONDAY):
        collect(collector, MONDAY)
    source.days[MONDAY] = real


def test_what_came_in_on_the_way_is_recorded_though_the_session_in_hand_fails(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    take_monday_for_closed(collector, large)
    large.days[TUESDAY] = whole(7, ("000010", 1520, 10, 100), ("000020", 9_000, -20, 500))
    due, told = [DueSession(TUESDAY, read_again=False)], []
    (problem,) = collect_all(store, collector, due, lambda: False, told.append)
    assert TUESDAY in str(problem)
    assert [each.head.session for each in told] == [FRIDAY, MONDAY]
    assert [
        job["date_kst"] for job in store.jobs.records(DAILY_UPDATE) if job["status"] == "completed"
    ] == [MONDAY, FRIDAY]


def test_what_cannot_be_had_on_the_way_is_a_warning_and_the_session_in_hand_is_refused_itself(
    collector: StockDataCollector,
    large: ScriptedSource,
    store: Store,
    caplog: pytest.LogCaptureFixture,
) -> None:
    take_monday_for_closed(collector, large)
    large.days[MONDAY], large.days[TUESDAY] = whole(6), whole(7)
    with pytest.raises(MalformedAnswer, match=TUESDAY):
        collect(collector, TUESDAY)
    assert f"{MONDAY} is odd and not stored yet" in caplog.text
    assert [head.session for head in store.sessions.heads()] == [FRIDAY]


def test_a_holiday_stays_one_when_the_session_after_it_is_odd(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    collect(collector, FRIDAY)
    large.days[MONDAY], large.shown = CLOSED, [FRIDAY, TUESDAY]
    with pytest.raises(ClosedMarket, match=MONDAY):
        collect(collector, MONDAY)
    with pytest.raises(OddDay, match="base_price"):
        collect(collector, TUESDAY)
    assert store.calendar.observed()[MONDAY] is False
    assert [head.session for head in store.sessions.heads()] == [FRIDAY]


def test_no_day_is_closed_between_two_stored_sessions_that_do_not_follow_each_other(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    collect_sessions(collector, [FRIDAY, TUESDAY])
    large.days[MONDAY], large.shown = CLOSED, [FRIDAY, TUESDAY]
    with pytest.raises(NotPublished, match=MONDAY):
        collect(collector, MONDAY)
    assert MONDAY not in store.calendar.observed()
    assert np.isnan(factors(store, TUESDAY)).all()


def test_an_index_series_without_most_of_its_days_is_malformed(
    collector: StockDataCollector, source: ScriptedSource, store: Store
) -> None:
    source.shown = ["2024-01-02", MONDAY]
    with pytest.raises(MalformedAnswer, match="lacks 13 days that should be sessions"):
        collector.learn_calendar("2024-01-02", MONDAY)
    assert store.calendar.observed() == {}


def test_an_impossible_day_leaves_what_was_stored(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    before = collect(collector, FRIDAY).head
    large.days[MONDAY] = large.days[MONDAY].iloc[:20]
    with pytest.raises(MalformedAnswer, match="less than half of the tickers that KOSPI had"):
        collect(collector, MONDAY)
    assert store.sessions.heads() == [before]


def test_a_stored_day_that_the_next_one_does_not_follow_is_read_once_more_and_corrected(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    right, large.days[FRIDAY] = large.days[FRIDAY], whole(9, ("000010", 800, 0, 100))
    collect(collector, FRIDAY)
    large.days[FRIDAY] = right
    collect(collector, MONDAY)
    assert large.asked == [FRIDAY, MONDAY, FRIDAY]
    assert [head.revision for head in store.sessions.heads()] == [2, 1]
    assert factors(store, MONDAY) == [1.0, 0.2]


def test_a_stored_day_with_too_few_rows_is_corrected_by_the_next_one(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    right, large.days[FRIDAY] = large.days[FRIDAY], large.days[FRIDAY].iloc[:22]
    collect(collector, FRIDAY)
    large.days[FRIDAY] = right
    collect(collector, MONDAY)
    assert [head.count for head in store.sessions.heads()] == [42, 42]


def test_a_day_that_follows_nothing_waits_and_the_stored_one_is_asked_for_once_more(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    before = collect(collector, FRIDAY).head
    large.days[MONDAY] = whole(7, ("000010", 500, 10, 100), ("000020", 5_020, 20, 500))
    with pytest.raises(OddDay, match="base_price: of 42 KOSPI tickers"):
        collect(collector, MONDAY)
    assert large.asked == [FRIDAY, MONDAY, FRIDAY]
    assert [(head.session, head.digest) for head in store.sessions.heads()] == [
        (FRIDAY, before.digest)
    ]


def test_an_exchange_that_shows_the_day_before_each_day_rewrites_nothing(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    large.days["2024-01-18"] = whole(-1, ("000010", 990, 0, 100), ("000020", 9_000, 0, 100))
    collect_sessions(collector, [FRIDAY, MONDAY])
    stored = [head.digest for head in store.sessions.heads()]
    shifted = {TUESDAY: MONDAY, MONDAY: FRIDAY, FRIDAY: "2024-01-18"}
    large.days |= {day: large.days[before] for day, before in shifted.items()}
    with pytest.raises(MalformedAnswer, match="those of the session before once more"):
        collect(collector, TUESDAY)
    assert [head.digest for head in store.sessions.heads()] == stored


def test_the_next_sessions_answer_never_replaces_a_stored_one(
    collector: StockDataCollector, large: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    collect_sessions(collector, [FRIDAY, MONDAY])
    large.days[MONDAY] = large.days[TUESDAY]
    for hour in (2, 19):
        clock.set(kst(2024, 1, 25, hour))
        with pytest.raises(MalformedAnswer, match="base prices of KOSPI are the closes of 2024-01"):
            collect(make_collector(large, store), MONDAY)
    assert closes(store)[1] == [1010, 2_020]


@pytest.mark.parametrize("evenings", [1, 2, 3, 4, 5])
def test_wrong_days_that_were_accepted_are_all_corrected_by_the_first_true_one(
    source: ScriptedSource, store: Store, clock: FakeClock, evenings: int
) -> None:
    sessions = [FRIDAY, MONDAY, TUESDAY, WEDNESDAY, "2024-01-25", "2024-01-26", "2024-01-29"]
    right = {session: whole(number) for number, session in enumerate(sessions)}
    wrong = {session: whole(20 + number) for number, session in enumerate(sessions)}
    first, last = len(sessions) - 1 - evenings, len(sessions) - 1
    source.days = right | {each: wrong[each] for each in sessions[first:last]}
    clock.set(kst(2024, 1, 29, 8, 2))
    collect_sessions(make_collector(source, store), sessions[:first])
    with pytest.raises(OddDay):
        collect(make_collector(source, store), sessions[first])
    clock.set(kst(2024, 1, 29, 18, 30))
    collect_sessions(make_collector(source, store), sessions[first:last])
    source.days = right
    found = [each.head.session for each in make_collector(source, store).collect(sessions[last])]
    assert found[-1 - evenings :] == sessions[first:]
    assert [frame["close"].iloc[0] for _, frame in store.sessions.read(FRIDAY, sessions[last])] == [
        5_000 + 100 * number for number in range(len(sessions))
    ]


def test_a_day_that_follows_the_session_before_a_wrong_one_is_stored_in_the_end(
    collector: StockDataCollector, large: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    """The exchange insists on a Monday that neither neighbour fits."""
    collect(collector, FRIDAY)
    large.days[MONDAY] = whole(8)
    with pytest.raises(OddDay):
        collect(collector, MONDAY)
    clock.set(kst(2024, 1, 25, 8, 2))
    collect(collector, MONDAY)
    large.days[TUESDAY] = whole(1)
    with pytest.raises(OddDay, match="base_price"):
        collect(collector, TUESDAY)
    assert large.asked[-2:] == [TUESDAY, MONDAY], "Monday is suspected"
    clock.set(kst(2024, 1, 25, 18, 30))
    collect(collector, TUESDAY)
    assert [head.session for head in store.sessions.heads()] == [FRIDAY, MONDAY, TUESDAY]
    assert np.isnan(factors(store, MONDAY) + factors(store, TUESDAY)).all()
    large.days[MONDAY], large.days[TUESDAY] = whole(1), whole(2)
    make_collector(large, store)
    collect_sessions(collector, [MONDAY, TUESDAY])
    assert factors(store, MONDAY) == factors(store, TUESDAY) == [1.0, 1.0]


def test_a_session_that_is_read_again_loses_no_tickers(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    before = collect(collector, FRIDAY).head
    large.days[FRIDAY] = large.days[FRIDAY].iloc[:30]
    with pytest.raises(OddDay, match=r"lost: of 42 KOSPI tickers .* 12 are not there any more"):
        collect(collector, FRIDAY)
    assert store.sessions.heads() == [before]


def test_a_damaged_session_is_read_again_when_the_next_one_comes(
    collector: StockDataCollector, store: Store
) -> None:
    whole = collect(collector, FRIDAY).head
    store.backend.update("stock_data.sessions", {"_id": FRIDAY}, {"digest": "0" * 64})
    collect(collector, MONDAY)
    assert store.sessions.heads()[0].digest == whole.digest
    assert factors(store, MONDAY) == [1.0, 0.2]


def test_next_to_damage_that_cannot_be_corrected_nothing_is_known(
    collector: StockDataCollector, source: ScriptedSource, store: Store
) -> None:
    collect(collector, FRIDAY)
    store.backend.update("stock_data.sessions", {"_id": FRIDAY}, {"digest": "0" * 64})
    source.days[FRIDAY] = MalformedAnswer("odd")
    collect(collector, MONDAY)
    assert np.isnan(factors(store, MONDAY)).all()


def test_a_wrongly_stored_day_with_strange_tickers_is_corrected_when_the_day_before_it_comes(
    collector: StockDataCollector, large: ScriptedSource, store: Store
) -> None:
    right = large.days[MONDAY]
    strangers = [(f"80{number:02}00", 5, 0, 100) for number in range(10)]
    large.days[MONDAY] = pd.concat([right, published(*strangers)], ignore_index=True)
    collect(collector, MONDAY)
    large.days[MONDAY] = right
    collect(collector, FRIDAY)
    assert [head.count for head in store.sessions.heads()] == [42, 42]
    assert factors(store, MONDAY) == [1.0, 0.2]


def test_factors_are_found_anew_in_what_is_stored(
    collector: StockDataCollector, store: Store
) -> None:
    collect(collector, FRIDAY)
    collect(collector, MONDAY)
    day = store.sessions.load(MONDAY)
    assert day is not None
    store.sessions.save(MarketDay(MONDAY, day.frame.assign(factor=0.5), day.read_utc, day.source))
    collector.refind_factors(MONDAY)
    assert factors(store, MONDAY) == [1.0, 0.2]
    assert len(store.backend.find("stock_data.corporate_actions", {"session": MONDAY})) == 1


def test_the_name_of_the_first_source_stays(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    collect(collector, FRIDAY)
    source.name, source.days[FRIDAY] = "openapi", source.days[FRIDAY].replace({"이름": "Name"})  # type: ignore[union-attr]
    assert collect(collector, FRIDAY).changed == []
    assert store.sessions.heads()[0].source == "openapi"


def test_a_wrong_name_of_the_first_source_gives_way_to_that_of_the_session_before(
    collector: StockDataCollector, source: ScriptedSource, store: Store, clock: FakeClock
) -> None:
    right = source.days[MONDAY]
    source.days[MONDAY] = right.replace({"이름": "잘못"})  # type: ignore[union-attr]
    collect_sessions(collector, [FRIDAY, MONDAY])
    source.name, source.days[MONDAY] = "openapi", right
    assert collect(collector, MONDAY).changed == ["000010", "000020"]
    assert collect(collector, MONDAY).frame["name"].tolist() == ["이름", "이름"]


def test_order_of_arrival_does_not_matter(
    source: ScriptedSource, clock: FakeClock, tmp_path_factory: pytest.TempPathFactory
) -> None:
    clock.set(kst(2024, 1, 24, 9))
    source.days[TUESDAY] = published(("000010", 1011, 1, 100), ("000020", 2_030, 10, 500))

    def stored_after(order: list[str]) -> list[tuple[str, list[float]]]:
        store = Store(SqliteBackend(tmp_path_factory.mktemp("data")), clock)
        collect_sessions(make_collector(source, store), order)
        return [(head.digest, factors(store, head.session)) for head in store.sessions.heads()]

    expected = stored_after([FRIDAY, MONDAY, TUESDAY])[1:]
    for order in ([TUESDAY, MONDAY, FRIDAY], [MONDAY, TUESDAY, FRIDAY], [TUESDAY, FRIDAY, MONDAY]):
        assert stored_after(order)[1:] == expected

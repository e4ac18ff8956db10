"""The day since 2026-09-14: what the after-market adds, and what the site shows of it by the
time."""

from dataclasses import fields
from datetime import datetime, timedelta

import numpy as np
import pytest

from sandbox import after_market
from sandbox.after_market import LEAST_SHARE, MOST_SHARE
from sandbox.answers import day_rows
from sandbox.market import Day, tick_down, tick_up
from sandbox.publication import shown
from sandbox.synthetic import SyntheticMarket
from utils.clock import KST, kst
from utils.date_utils import AFTER_MARKET_SINCE

EXAM_DAY = "2026-11-19"
SINCE, UNTIL = kst(2026, 9, 14, 9, 20), kst(2026, 9, 15, 8)
SESSION = "2026-09-14"
AFTER = ("volume", "value", "after_volume", "after_value")
WITHOUT_TRADES = ("open", "high", "low", "change", "fluctuation", "ratio")


@pytest.fixture(scope="module", params=["small", "full"])
def market(request, small_market, full_market):
    return {"small": small_market, "full": full_market}[request.param]


@pytest.fixture(scope="module")
def without(market):
    """The same market without an after-market."""
    return SyntheticMarket(len(market.day(market.sessions[0])), after_market_since=None)


@pytest.fixture(scope="module")
def days(market):
    return [market.day(session) for session in market.sessions if session >= AFTER_MARKET_SINCE]


def _alone(day: Day):
    return (day.open == 0) & (day.after_volume > 0)


def _columns(day: Day, *names: str) -> dict[str, list[object]]:
    return {name: getattr(day, name).tolist() for name in names}


def _names_but(*left_out: str) -> list[str]:
    return [each.name for each in fields(Day) if each.name not in ("session", *left_out)]


def test_volume_and_value_are_the_total_of_both(market, without, days):
    for day in days:
        regular = without.day(day.session)
        assert (day.volume - day.after_volume == regular.volume).all()
        assert (day.value - day.after_value == regular.value).all()


def test_nothing_else_of_the_market_is_another_one(market, without, days):
    assert market.sessions == without.sessions
    assert market.events == without.events
    for day in days:
        regular, alone = without.day(day.session), _alone(day)
        names = _names_but(*AFTER)
        assert _columns(day.take(~alone), *names) == _columns(regular.take(~alone), *names)
        names = _names_but(*AFTER, "high", "low")
        assert _columns(day.take(alone), *names) == _columns(regular.take(alone), *names)
    before = [each for each in market.sessions if each < AFTER_MARKET_SINCE]
    for session in before[::20]:
        day, same = market.day(session), without.day(session)
        assert _columns(day, *_names_but()) == _columns(same, *_names_but())
        assert not day.after_volume.any()


def test_the_share_of_the_after_market_is_the_measured_one(days):
    for day in days:
        traded = day.take((day.open > 0) & (day.market_id != "KNX"))
        share = traded.after_volume / traded.volume
        assert share.min() >= LEAST_SHARE
        assert share.max() <= MOST_SHARE
        assert np.median(share) == pytest.approx(0.11, abs=0.06)


def test_konex_and_a_trade_off_hours_have_no_after_market(market, days):
    off_hours = {event.code for event in market.events if event.kind == "off_hours_trade"}
    for day in days:
        konex = day.of_market("KNX")
        assert len(konex) > 0
        assert not konex.after_volume.any()
        halted = day.take(np.isin(day.code, [*off_hours]) & (day.open == 0))
        assert not halted.after_volume.any()


def test_values_of_the_after_market_lie_between_low_and_high(days):
    for day in days:
        assert (day.low * day.after_volume <= day.after_value).all()
        assert (day.after_value <= day.high * day.after_volume).all()


def test_tickers_trade_in_the_after_market_alone_in_most_sessions(market, days):
    counts = [int(_alone(day).sum()) for day in days]
    if len(days[0]) > 2_000:
        assert min(counts) >= 1
        assert np.mean(counts) < 10
    else:
        assert np.mean(np.array(counts) > 0) > 0.5


def test_a_row_of_the_after_market_alone_keeps_its_close_and_has_no_open(market, days):
    touched = {event.code for event in market.events}
    for day in days:
        alone = day.take(_alone(day))
        assert not set(alone.code) & touched
        assert set(alone.market_id) <= {"STK", "KSQ"}
        assert not alone.change.any()
        assert not alone.fluctuation.any()
        assert (alone.low > 0).all()
        assert (alone.low <= alone.high).all()
        assert (np.abs(alone.high / alone.close - 1) <= 0.30).all()
        assert (tick_up(alone.high) == alone.high).all()
        assert (tick_down(alone.low) == alone.low).all()
        assert (alone.volume == alone.after_volume).all()


def test_such_rows_have_one_price_two_or_the_close(full_market):
    days = [full_market.day(each) for each in full_market.sessions if each >= AFTER_MARKET_SINCE]
    kinds = set()
    for day in days[:10]:
        alone = day.take(_alone(day))
        kinds |= set(zip(alone.high == alone.low, alone.low == alone.close, strict=True))
    assert {(True, True), (True, False), (False, False)} <= {(bool(a), bool(b)) for a, b in kinds}


def test_the_index_holds_the_totals_of_its_members(market, without):
    for market_id in ("STK", "KSQ"):
        series, regular = market.index(market_id), without.index(market_id)
        for name in ("open", "high", "low", "close", "change", "market_cap"):
            assert (getattr(series, name) == getattr(regular, name)).all()
        for position in (0, series.sessions.index(SESSION), len(series.sessions) - 1):
            members = market.day(series.sessions[position]).of_market(market_id)
            assert series.volume[position] == members.volume.sum()
            assert series.value[position] == members.value.sum()


def test_everything_shown_only_grows_until_the_morning(market):
    earlier = shown(market, SESSION, SINCE)
    moment = SINCE
    while moment < UNTIL:
        moment += timedelta(minutes=20)
        later = shown(market, SESSION, moment)
        assert (earlier.volume <= later.volume).all(), moment
        assert (earlier.after_value <= later.after_value).all(), moment
        earlier = later
    assert _columns(earlier, *_names_but()) == _columns(market.day(SESSION), *_names_but())


def _part_shown(market: SyntheticMarket, session: str, moment: datetime) -> float:
    """Return the part of the after-market that is shown, over all tickers."""
    day = shown(market, session, moment)
    return float(day.after_volume.sum() / market.day(session).after_volume.sum())


@pytest.mark.parametrize(
    ("hour", "minute", "part"),
    [(16, 19, 0.0), (18, 20, 0.5), (19, 0, 2 / 3), (20, 20, 1.0), (23, 0, 1.0)],
)
def test_the_site_shows_the_after_market_from_16_20_to_20_20(full_market, hour, minute, part):
    moment = kst(2026, 9, 14, hour, minute)
    assert _part_shown(full_market, SESSION, moment) == pytest.approx(part, abs=0.01)


def test_on_exam_day_it_is_an_hour_later(full_market):
    at = [KST.localize(datetime(2026, 11, 19, hour, 20)) for hour in (17, 20, 21)]
    parts = [_part_shown(full_market, EXAM_DAY, moment) for moment in at]
    assert parts == pytest.approx([0, 0.75, 1], abs=0.01)


def test_the_readings_of_a_night_all_differ(market, days):
    for day in (each for each in days if each.session != EXAM_DAY):
        date = datetime.fromisoformat(day.session)
        evening, night = (
            shown(market, day.session, KST.localize(date + timedelta(hours=hour, minutes=minute)))
            for hour, minute in ((19, 0), (20, 40))
        )
        unlike = (evening.volume != night.volume).mean(), (night.volume != day.volume).mean()
        assert unlike[0] > 0.5, day.session
        assert 0 < unlike[1] < 0.15, day.session
        assert ((night.volume != day.volume) == (night.value != day.value)).all()
        for reading in (evening, night):
            traded = reading.take(day.open > 0)
            assert _columns(traded, "open", "high", "low", "close") == _columns(
                day.take(day.open > 0), "open", "high", "low", "close"
            )


def test_what_is_shown_in_the_evening_is_in_order(full_market):
    for minutes in range(0, 17 * 60, 47):
        day = shown(full_market, SESSION, kst(2026, 9, 14, 15, 40) + timedelta(minutes=minutes))
        traded = day.take(day.high > 0)
        assert (traded.low * traded.volume <= traded.value).all()
        assert (traded.value <= traded.high * traded.volume).all()
        still = day.take((day.high == 0) & (day.open == 0) & (day.after_volume == 0))
        assert not any(getattr(still, name).any() for name in WITHOUT_TRADES)


def test_before_16_20_a_ticker_of_the_after_market_alone_is_a_row_without_trades(full_market):
    final = full_market.day(SESSION)
    alone = _alone(final)
    before = shown(full_market, SESSION, kst(2026, 9, 14, 16, 19)).take(alone)
    assert not any(getattr(before, name).any() for name in ("volume", "value", *WITHOUT_TRADES))
    after = shown(full_market, SESSION, kst(2026, 9, 14, 20, 20)).take(alone)
    assert _columns(after, *_names_but()) == _columns(final.take(alone), *_names_but())


def test_the_site_and_the_open_api_show_the_totals(at, small_market):
    day = small_market.day(SESSION)
    assert at(2026, 9, 15, 8).day("20260914") == day_rows(day)
    rows = at(2026, 9, 15, 8).openapi("sto/ksq_bydd_trd", "20260914").json()["OutBlock_1"]
    assert [int(row["ACC_TRDVOL"]) for row in rows] == day.of_market("KSQ").volume.tolist()


def test_it_can_begin_on_another_day_or_never():
    def after(since: str | None) -> list[bool]:
        market = SyntheticMarket(
            60, first="2026-08-03", last="2026-10-30", after_market_since=since
        )
        days = ("2026-08-28", "2026-09-01", "2026-09-30")
        return [bool(market.day(day).after_volume.any()) for day in days]

    assert after("2026-09-01") == [False, True, True]
    assert after(None) == [False, False, False]
    assert after("2027-01-04") == [False, False, False]


def test_without_candidates_nobody_trades_in_the_after_market_alone(small_market):
    day = small_market.day("2026-09-10")
    nobody = np.zeros(len(day), dtype=bool)
    found = after_market.with_after_market(day, nobody, np.random.default_rng(1))
    assert not _alone(found).any()
    assert found.after_volume.any()

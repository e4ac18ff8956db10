"""Laws the synthetic market keeps, as they were measured on the real one (docs/exchange.md)."""

import re
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest

from sandbox.market import isin_of, ratio_of, tick_up
from sandbox.scenarios import FREQUENCIES, HUGE_VOLUME
from sandbox.synthetic import SyntheticMarket, open_days

CLASSES = set(
    "split consolidation rights_issue bonus_issue share_listing auction_resumption "
    "auction_with_shares market_transfer "
    "spin_off halted_rebase off_tick share_collapse first_session liquidation delisted "
    "spac_merger rename huge_volume "
    "off_hours_trade".split()
)


@pytest.fixture(scope="module", params=["small", "full"])
def market(request, small_market, full_market):
    return {"small": small_market, "full": full_market}[request.param]


@pytest.fixture(scope="module")
def days(market):
    return [market.day(session) for session in market.sessions]


@pytest.fixture(scope="module")
def rows(days):
    """Every row of every session, by code: (session number, day, place in the day)."""
    found = defaultdict(dict)
    for number, day in enumerate(days):
        for position, code in enumerate(day.code):
            found[code][number] = (day, position)
    return found


def _row(market, rows, event):
    day = market.day(event.session)
    return day, day.code.tolist().index(event.code)


def _events(market, kind):
    return [event for event in market.events if event.kind == kind]


def test_every_class_of_event_happens(market):
    assert {event.kind for event in market.events} == CLASSES
    assert len(FREQUENCIES) == 19


def test_market_cap_is_close_times_shares(days):
    assert all((day.market_cap == day.close * day.shares).all() for day in days)


def test_prices_are_in_order_and_value_between_them(days):
    for day in days:
        traded = day.take(day.open > 0)
        assert (traded.low <= np.minimum(traded.open, traded.close)).all()
        assert (traded.high >= np.maximum(traded.open, traded.close)).all()
        assert (traded.low * traded.volume <= traded.value).all()
        assert (traded.value <= traded.high * traded.volume).all()


def test_halted_rows_keep_the_close_and_show_zeros(days):
    halted = 0
    for day in days:
        still = day.take((day.open == 0) & (day.after_volume == 0))
        halted += len(still)
        assert not any(
            column.any() for column in (still.high, still.low, still.change, still.fluctuation)
        )
        assert (still.close > 0).all()
    assert 0.02 < halted / sum(map(len, days)) < 0.10


def test_the_full_market_halts_as_often_as_the_real_one(full_market):
    days = [full_market.day(session) for session in full_market.sessions[::20]]
    assert sum((day.volume == 0).sum() for day in days) / sum(map(len, days)) == pytest.approx(
        0.033, abs=0.004
    )


def test_prices_are_on_the_tick_but_for_off_tick_closes(market, days):
    after = {(event.session, event.code) for event in _events(market, "off_tick")}
    for today, tomorrow in pairwise(days):
        for column in (today.open, today.high, today.low):
            assert (tick_up(column) == column).all()
        off = today.code[tick_up(today.close) != today.close]
        assert {(tomorrow.session, code) for code in off} <= after


def test_the_base_is_the_previous_close_unless_an_event_says_otherwise(market, days):
    events = {(event.session, event.code): event for event in market.events}
    previous: dict[str, int] = {}
    for day in days:
        for code, base in zip(day.code, day.base.tolist(), strict=True):
            if previous.get(code, base) != base:
                event = events[day.session, code]
                assert (event.previous_close, event.base) in ((previous[code], base), (0, base))
        previous = dict(zip(day.code, day.close.tolist(), strict=True))


def test_nobody_appears_or_leaves_without_an_event(market, days):
    events = {(event.session, event.code, event.kind) for event in market.events}
    for before, day in pairwise(days):
        assert all(
            (day.session, code, "first_session") in events
            for code in set(day.code) - set(before.code)
        )
        assert all(
            (day.session, code, "delisted") in events for code in set(before.code) - set(day.code)
        )


def test_the_events_tell_what_the_rows_show(market, rows):
    for event in market.events:
        if event.kind == "delisted":
            continue
        day, position = _row(market, rows, event)
        assert (day.base[position], day.shares[position]) == (event.base, event.shares_after), event


def test_auctions_open_at_their_base_and_only_they(market, rows):
    number_of = {session: number for number, session in enumerate(market.sessions)}
    for event in market.events:
        if event.kind in ("delisted", "first_session") or event.base == event.previous_close:
            continue
        day, position = _row(market, rows, event)
        before, spot = rows[event.code][number_of[event.session] - 1]
        resumed = before.volume[spot] == 0 or before.market_id[spot] != day.market_id[position]
        auction = event.kind in (
            "auction_resumption",
            "auction_with_shares",
            "market_transfer",
            "spin_off",
        )
        assert (resumed and day.open[position] == day.base[position]) == auction, event


def test_true_factors_follow_the_rule_of_their_class(market):
    for event in market.events:
        if event.kind in (
            "split",
            "consolidation",
            "rights_issue",
            "bonus_issue",
            "halted_rebase",
            "spin_off",
        ):
            assert event.true_factor == event.base / event.previous_close
            assert abs(event.true_factor - 1) > 0.0148
        elif event.kind == "auction_with_shares":
            assert event.true_factor == event.shares_before / event.shares_after
        else:
            assert event.true_factor == 1


def test_off_tick_closes_are_rounded_up_by_next_to_nothing(market):
    for event in _events(market, "off_tick"):
        assert 1 < event.base / event.previous_close <= 1.0015


def test_new_shares_come_weeks_after_the_ex_date(market):
    listed = {(event.code): event.session for event in _events(market, "share_listing")}
    for event in _events(market, "rights_issue") + _events(market, "bonus_issue"):
        assert event.shares_before == event.shares_after
        assert listed[event.code] > event.session


def test_the_bonus_issue_falls_below_the_threshold_and_returns(full_market, days):
    crossed = 0
    for event in _events(full_market, "bonus_issue"):
        crossed += (
            event.previous_close * event.shares_before >= 10**11 > event.base * event.shares_after
        )
    assert crossed >= 20


def test_moves_beyond_the_limit_are_first_sessions_liquidations_or_the_collapse(market, days):
    special = {
        event.code
        for event in market.events
        if event.kind in ("first_session", "liquidation", "share_collapse")
    }
    for day in days:
        wild = np.abs(day.ratio) > 3_000
        assert set(day.code[wild]) <= special
        assert (np.abs(day.ratio[day.market_id == "KNX"]) <= 1_500).all() or wild.any()


def test_the_share_collapse_leaps_without_a_rebase(market, rows):
    (event,) = _events(market, "share_collapse")
    day, position = _row(market, rows, event)
    assert event.base == event.previous_close
    assert event.shares_before / event.shares_after == pytest.approx(1_500, rel=0.01)
    assert day.ratio[position] == pytest.approx(2_994_800, rel=0.01)


def test_a_first_session_can_end_300_percent_up(full_market):
    ratios = [
        day.ratio[position]
        for event in _events(full_market, "first_session")
        for day, position in [_row(full_market, None, event)]
    ]
    assert max(ratios) == pytest.approx(30_000, abs=50)


def test_volume_and_shares_exceed_32_bits(market, days):
    assert max((day.volume - day.after_volume).max() for day in days) == HUGE_VOLUME > 2**31
    assert all((day.shares > 2**31).sum() == 2 for day in days)


def test_exactly_two_traded_rows_have_no_prices(days):
    assert sum(((day.volume > 0) & (day.high == 0)).sum() for day in days) == 2


def test_codes_and_markets_are_those_of_the_exchange(days):
    for day in days[::50]:
        assert all(re.fullmatch("[0-9A-Z]{6}", code) for code in day.code)
        assert len(set(day.code)) == len(day)
        assert set(zip(day.market_id, day.market_name, strict=True)) == {
            ("STK", "KOSPI"), ("KSQ", "KOSDAQ"), ("KSQ", "KOSDAQ GLOBAL"), ("KNX", "KONEX"),
        }  # fmt: skip
        assert 0.4 < np.mean([code.startswith("0") for code in day.code]) < 0.65
        assert any(not code.isdecimal() for code in day.code)
        assert any(code[-1] != "0" for code in day.code)


def test_a_ticker_is_used_again_by_another_company(market, rows):
    again = [event for event in _events(market, "first_session") if event.flag == "reused_ticker"]
    assert again
    for event in again:
        numbers = sorted(rows[event.code])
        assert len(numbers) < numbers[-1] - numbers[0] + 1
        names = {day.name[position] for day, position in rows[event.code].values()}
        assert len(names) == 2


def test_the_full_market_has_the_sizes_of_the_real_one(full_market):
    for session in full_market.sessions[::60]:
        day = full_market.day(session)
        assert 0.54 < (day.market_cap >= 10**11).mean() < 0.61
        assert 380e12 < day.market_cap.max() < 520e12


def test_the_threshold_is_crossed_every_day(full_market):
    above = [
        set(day.code[day.market_cap >= 10**11])
        for day in map(full_market.day, full_market.sessions[:40])
    ]
    crossings = [len(after ^ before) for before, after in pairwise(above)]
    assert min(crossings) > 0
    assert 8 < np.mean(crossings) < 30


def test_one_weekday_is_closed_that_no_library_knows(market):
    import holidays

    closed = market.unpredicted_holiday
    assert closed == "2026-08-14"
    assert closed not in holidays.financial_holidays("XKRX", years=2026)
    assert closed not in market.sessions


def test_a_year_can_have_more_holidays_that_nobody_predicts():
    closed = ["2026-03-04", "2025-11-27"]
    market = SyntheticMarket(60, closed=closed)
    assert market.unpredicted_holidays == ["2025-11-27", "2026-03-04", "2026-08-14"]
    assert not set(market.unpredicted_holidays) & set(market.sessions)
    assert (market.sessions[0], market.sessions[-1]) == ("2025-05-02", "2026-12-30")


@pytest.mark.parametrize("day", ["2026-03-07", "2026-03-02", "2027-03-04", "someday"])
def test_a_day_that_is_no_session_cannot_be_closed_unexpectedly(day):
    with pytest.raises(ValueError, match=day):
        SyntheticMarket(60, closed=[day])


def test_the_same_seed_gives_the_same_market_and_another_one_another():
    first, again, other = (
        SyntheticMarket(60, seed, "2026-08-03", "2026-10-30") for seed in (1, 1, 2)
    )
    assert first.events == again.events
    assert (first.day("2026-09-10").close == again.day("2026-09-10").close).all()
    assert first.events != other.events


@pytest.mark.parametrize(
    ("first", "last"),
    [("2026-09-01", "2026-09-04"), ("2026-08-03", "2026-08-31"), ("2026-07-01", "2026-09-30")],
)
def test_short_markets_work_and_three_months_hold_every_event(first, last):
    market = SyntheticMarket(60, first=first, last=last)
    assert len(market.day(market.sessions[-1])) > 50
    if len(market.sessions) > 20:
        assert Counter(event.kind for event in market.events).keys() == CLASSES


@pytest.mark.parametrize(
    ("arguments", "word"),
    [({"tickers": 39}, "40"), ({"first": "2026-09-12", "last": "2026-09-13"}, "session")],
)
def test_a_market_that_cannot_be_is_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        SyntheticMarket(**{"tickers": 60, **arguments})


def test_sessions_leave_out_weekends_and_holidays():
    assert open_days("2026-09-21", "2026-09-28") == [
        "2026-09-21",
        "2026-09-22",
        "2026-09-23",
        "2026-09-28",
    ]


@pytest.mark.parametrize(
    ("change", "base", "ratio"),
    [(200, 32_000, 63), (-400, 64_000, -63), (0, 100, 0), (15_900, 5_300, 30_000)],
)
def test_ratios_are_rounded_half_away_from_zero(change, base, ratio):
    assert ratio_of(np.array([change]), np.array([base])).tolist() == [ratio]


@pytest.mark.parametrize(
    ("code", "isin"),
    [("005930", "KR7005930003"), ("005935", "KR7005931001"), ("095570", "KR7095570008")],
)
def test_isins_have_their_check_digit(code, isin):
    if code.endswith("0"):
        assert isin_of(code) == isin

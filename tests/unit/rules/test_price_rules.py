"""Tick tables and price limits against the examples the exchange publishes itself."""

import numpy as np
import pytest

from collectors.rules.price_rules import price_limits, round_up_to_tick, tick

AFTER, BEFORE = "2023-01-25", "2023-01-20"


@pytest.mark.parametrize("market", ["KOSPI", "KOSDAQ", "KONEX"])
@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (1, 1),
        (1_999, 1),
        (2_000, 5),
        (4_995, 5),
        (5_000, 10),
        (19_990, 10),
        (20_000, 50),
        (49_950, 50),
        (50_000, 100),
        (199_900, 100),
        (200_000, 500),
        (499_500, 500),
        (500_000, 1_000),
        (2_650_000, 1_000),
    ],
)
def test_since_2023_one_table_serves_the_three_markets(market, price, expected):
    assert tick([price], [market], AFTER).tolist() == [expected]


@pytest.mark.parametrize(
    ("price", "kospi", "kosdaq"),
    [
        (999, 1, 1),
        (1_000, 5, 5),
        (5_000, 10, 10),
        (10_000, 50, 50),
        (49_950, 50, 50),
        (50_000, 100, 100),
        (99_900, 100, 100),
        (100_000, 500, 100),
        (500_000, 1_000, 100),
        (1_000_000, 1_000, 100),
    ],
)
def test_until_2023_the_markets_differ_from_100_000_won_up(price, kospi, kosdaq):
    assert tick([price] * 3, ["KOSPI", "KOSDAQ", "KONEX"], BEFORE).tolist() == [
        kospi,
        kosdaq,
        kosdaq,
    ]


@pytest.mark.parametrize(
    ("price", "expected"),
    [(20_025, 20_050), (20_050, 20_050), (199_950, 200_000), (2_002, 2_005), (1_999, 1_999)],
)
def test_rounding_up_uses_the_tick_of_the_price_before_rounding(price, expected):
    assert round_up_to_tick([price], ["KOSPI"], "2025-03-05").tolist() == [expected]


def test_the_exchanges_own_example_of_a_price_limit():
    lowest, highest = price_limits([9_940], ["KOSDAQ"], "2022-01-03")
    assert (lowest.tolist(), highest.tolist()) == ([6_960], [12_900])


@pytest.mark.parametrize(
    ("session", "market", "lowest", "highest"),
    [
        ("2015-06-12", "KOSPI", 8_500, 11_500),
        ("2015-06-15", "KOSPI", 7_000, 13_000),
        ("2015-06-12", "KOSDAQ", 8_500, 11_500),
        ("2015-06-15", "KOSDAQ", 7_000, 13_000),
        ("2024-01-02", "KONEX", 8_500, 11_500),
    ],
)
def test_the_limit_widened_in_2015_but_not_on_konex(session, market, lowest, highest):
    assert [int(price[0]) for price in price_limits([10_000], [market], session)] == [
        lowest,
        highest,
    ]


def test_rows_keep_their_places_whatever_their_market():
    prices, markets = [150_000, 150_000, 150_000, 900], ["KOSDAQ", "KOSPI", "KONEX", "KOSPI"]
    assert tick(np.array(prices), np.array(markets, dtype=object), BEFORE).tolist() == [
        100,
        500,
        100,
        1,
    ]


def test_an_unknown_market_is_refused():
    with pytest.raises(ValueError, match="NASDAQ"):
        tick([1_000, 1_000], ["KOSPI", "NASDAQ"], AFTER)


@pytest.mark.parametrize(("market", "session"), [("KOSPI", "2010-10-01"), ("KONEX", "2013-06-28")])
def test_a_session_before_the_known_rules_is_refused(market, session):
    with pytest.raises(ValueError, match=session):
        tick([1_000], [market], session)

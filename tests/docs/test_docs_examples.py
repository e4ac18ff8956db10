"""The Python example of the README, run as it stands on a small installation of the sandbox's
market."""

from collections.abc import Iterator

import pytest

from sandbox.market import Day
from sandbox.synthetic import SyntheticMarket
from tests.docs.conftest import LAST, SESSIONS, Checkout
from tests.docs.pages import blocks
from utils.store import Store

THEN = "2026-09-01"


@pytest.fixture(scope="module")
def last(market: SyntheticMarket) -> Day:
    return market.day(LAST)


@pytest.fixture(scope="module")
def store(installed: Checkout) -> Iterator[Store]:
    store = installed.store()
    yield store
    store.close()


@pytest.fixture(scope="module")
def printed(installed: Checkout, largest: dict[str, str]) -> list[str]:
    """Lines that the example of the English README prints. In the Korean one only the comments
    differ."""
    (block,) = (block for block in blocks("python") if block.page == "README.md")
    code = block.code
    for theirs, ours in largest.items():
        code = code.replace(theirs, ours)
    return installed.python(code).splitlines()


def test_python_shows_the_means_of_the_last_twenty_closes(
    printed: list[str], market: SyntheticMarket, largest: dict[str, str]
) -> None:
    until = market.sessions.index(LAST) + 1
    days = [market.day(session) for session in market.sessions[until - 20 : until]]
    for ticker in largest.values():
        closes = [int(day.close[list(day.code).index(ticker)]) for day in days]
        assert f"{float(round(sum(closes) / 20))}" in next(
            line for line in printed if line.startswith(LAST)
        )


def test_python_shows_the_market_as_it_was(printed: list[str], market: SyntheticMarket) -> None:
    then = market.day(THEN)
    names = [then.name[position] for position in (-then.market_cap).argsort()[:3]]
    assert printed[-5] == f"{len(then.code)} tickers, the largest: {names}"


def test_python_counts_the_price_earnings_ratios(
    printed: list[str], market: SyntheticMarket, last: Day
) -> None:
    assert printed[-4] == f"{(market.fundamentals(last).eps > 0).sum()} tickers have a PER"


def test_python_shows_a_session_as_published(printed: list[str], last: Day) -> None:
    assert printed[-3] == f"{LAST} {last.value.sum()} won traded"


def test_python_shows_the_panel(printed: list[str], last: Day, largest: dict[str, str]) -> None:
    position = list(last.code).index(largest["005930"])
    assert (
        printed[-2]
        == f"{last.name[position]} {(len(last.code), SESSIONS)} {float(last.close[position])}"
    )


def test_python_shows_the_last_analysis(
    printed: list[str], store: Store, largest: dict[str, str]
) -> None:
    result = store.results.get(largest["005930"])
    assert result is not None
    assert 0 < result["latest"]["rsi_14"] < 100
    assert printed[-1] == f"{LAST} {result['latest']['rsi_14']} {result['signals']}"

"""The exchange of the tests: a local one over HTTP, with an account and a key of the tests' own."""

from datetime import datetime
from functools import cache

from sandbox.exchange import OPENAPI_SERVICES
from sandbox.market import Market
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket

LOGIN_ID, PASSWORD, KEY = "night-tests", "pass-word-of-the-tests", "key-of-the-tests"
SMALL = 60
"""The fewest tickers that a synthetic market has."""


class Exchange(LocalExchange):
    """A `LocalExchange` that knows the account and the key of the tests.

    Args:
        moment: the exchange's time at the start; None: the real one.
        market: what is traded; None: the small one.
    """

    def __init__(self, moment: datetime | None, market: Market | None = None) -> None:
        super().__init__(
            market or small_market(), moment, {LOGIN_ID: PASSWORD}, {KEY: OPENAPI_SERVICES}
        )


@cache
def small_market() -> SyntheticMarket:
    """One of 60 tickers, made once in a test process; nobody changes it."""
    return SyntheticMarket(SMALL)

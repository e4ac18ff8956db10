"""Adjusting on reading: the multipliers that make published prices and volumes comparable with
those of a later session.

This is the only implementation; `sessions.panel`, `load_prices` and the export use it.

- A price is multiplied by every later factor of its ticker, up to the session that is adjusted to.
- A volume is multiplied by shares after / shares before of every later split and consolidation, and
  by nothing else: only there is one share of before so many shares of after, for every holder.
  Rights issues sell new shares, a capital reduction may take them from some holders alone, a market
  transfer or a SPAC merger adds other people's.
- `value`, `market_cap` and `shares` are never adjusted.
- A factor that is not known yet (NaN) counts as 1. `sessions_without_factors` names its session and
  tickers.

A *listing* is a run of stored sessions that all have the ticker. Halted tickers keep their rows (no
gap in 242,545 recorded ticker-days). So a code that is missing in a stored session and comes back
belongs to another company, or to one that was listed anew: its earlier prices have nothing to do
with the later ones. No factor reaches over the gap. The earlier listing is adjusted to its own last
session, as a delisted ticker is. A SPAC that merges keeps its code without a gap and its base price
without a jump (two recorded): its shares are the company's, and its history goes on.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

SHARE_KINDS = ("split", "consolidation")
"""Kinds of corporate actions that turn one share into a fixed number of shares."""
NEW_LISTING = math.nan
"""Entry among a ticker's factors: another listing begins in this session."""


def later_products(factors: Sequence[float]) -> list[float]:
    """Return n + 1 products of n factors, oldest first: number k is that of the factors from k on,
    the last one is 1.

    At a `NEW_LISTING` the product begins again: older factors are not multiplied with later ones.
    """
    products = [1.0]
    for factor in reversed(factors):
        products.append(1.0 if math.isnan(factor) else products[-1] * factor)
    return products[::-1]


def to_whole(numbers: Floats) -> npt.NDArray[np.int64]:
    """Round to the nearest won or share, half up, as the exchange rounds its adjusted prices."""
    return np.floor(numbers + 0.5).astype(np.int64)


def without_noise(prices: Floats) -> Floats:
    """Round to twelve significant digits. Any shape; NaN and 0 stay.

    A price times base / price is then the base again, and equal prices compare as equal.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (11 - np.floor(np.log10(np.abs(prices))))
        rounded = np.rint(prices * scale) / scale
    return np.where(prices == 0, 0.0, rounded)


class Adjustments:
    """Multipliers of each session's prices and volumes, gathered from the sessions, oldest first.

    `add` every session up to the one that is adjusted to, then ask. Only multipliers other than 1
    are kept, so years of the whole market need little memory.

    Args:
        actions: the documents of `stock_data.corporate_actions` for these sessions; without them
            volumes stay.
        previous_session: the exchange's session before a day. A session that is added without it
            has a hole before it, so its factors are not known. Without this argument no holes are
            looked for.
        set_aside: session -> tickers whose row in it is set aside. Their listing goes on.
    """

    def __init__(
        self,
        actions: Iterable[Mapping[str, Any]] = (),
        previous_session: Callable[[str], str] | None = None,
        set_aside: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.sessions_without_factors: dict[str, list[str]] = {}
        """Session -> tickers whose factor is not known, all behind a hole. The first session is
        left out: its factors adjust nothing."""
        self._previous_session, self._set_aside = previous_session, set_aside or {}
        self.sessions: list[str] = []
        """Sessions that were added so far."""
        self._moves: dict[str, list[tuple[str, float]]] = {}
        self._prices, self._volumes = _Changes(), _Changes()
        self._previous: list[str] = []
        self._listed: set[str] = set()
        self._seen: set[str] = set()
        for action in actions:
            if action["kind"] in SHARE_KINDS:
                ratio = action["shares_after"] / action["shares_before"]
                self._moves.setdefault(action["session"], []).append((action["ticker"], ratio))

    def add(self, session: str, tickers: list[str], factor: Floats) -> None:
        """Add the next session: its tickers, and the factor of each (NaN: not known)."""
        self.sessions.append(session)
        self._add_new_listings(session, tickers)
        if len(self.sessions) == 1:
            return
        unknown = np.isnan(factor) | self._is_behind_hole(session)
        if unknown.any():
            self.sessions_without_factors[session] = [
                tickers[row] for row in np.flatnonzero(unknown)
            ]
        for row in np.flatnonzero((factor != 1) & ~np.isnan(factor)):
            self._prices.add(tickers[row], session, float(factor[row]))
        for ticker, ratio in self._moves.get(session, ()):
            self._volumes.add(ticker, session, ratio)

    def prices(self, session: str, tickers: Sequence[str]) -> Floats:
        """Return the multipliers of these tickers' prices in that session, shape (tickers,)."""
        return self._prices.at(session, tickers)

    def volumes(self, session: str, tickers: Sequence[str]) -> Floats:
        """Return the multipliers of their volumes, shape (tickers,)."""
        return self._volumes.at(session, tickers)

    def price_matrix(self, sessions: Sequence[str], tickers: Sequence[str]) -> Floats:
        """Return `prices` of many sessions, shape (sessions, tickers)."""
        return self._prices.over(sessions, tickers)

    def volume_matrix(self, sessions: Sequence[str], tickers: Sequence[str]) -> Floats:
        """Return `volumes` of many sessions, shape (sessions, tickers)."""
        return self._volumes.over(sessions, tickers)

    def listed_since(self) -> dict[str, str]:
        """Return the first session of each ticker's last listing, for tickers that had been
        delisted."""
        return self._prices.last_listings()

    def _is_behind_hole(self, session: str) -> bool:
        return (
            self._previous_session is not None
            and self._previous_session(session) != self.sessions[-2]
        )

    def _add_new_listings(self, session: str, tickers: list[str]) -> None:
        set_aside = self._set_aside.get(session, ())
        if tickers == self._previous and not set_aside:  # as in most sessions
            return
        listed = {*tickers, *set_aside}
        came = listed - self._listed
        for ticker in came & self._seen:
            self._prices.add(ticker, session, NEW_LISTING)
            self._volumes.add(ticker, session, NEW_LISTING)
        self._seen |= came
        self._previous, self._listed = [] if set_aside else tickers, listed


class _Changes:
    """Factors of each ticker, with the sessions from which on they hold."""

    def __init__(self) -> None:
        self._sessions: dict[str, list[str]] = {}
        self._factors: dict[str, list[float]] = {}
        self._products: dict[str, list[float]] = {}

    def add(self, ticker: str, session: str, factor: float) -> None:
        self._sessions.setdefault(ticker, []).append(session)
        self._factors.setdefault(ticker, []).append(factor)
        self._products.pop(ticker, None)

    def at(self, session: str, tickers: Sequence[str]) -> Floats:
        products = np.ones(len(tickers))
        for position, ticker in enumerate(tickers):
            if ticker in self._sessions:
                products[position] = self._later(ticker)[
                    bisect_right(self._sessions[ticker], session)
                ]
        return products

    def over(self, sessions: Sequence[str], tickers: Sequence[str]) -> Floats:
        products, days = np.ones((len(sessions), len(tickers))), np.asarray(sessions)
        for position, ticker in enumerate(tickers):
            if ticker in self._sessions:
                passed = np.searchsorted(self._sessions[ticker], days, side="right")
                products[:, position] = np.asarray(self._later(ticker))[passed]
        return products

    def last_listings(self) -> dict[str, str]:
        return {
            ticker: session
            for ticker, factors in self._factors.items()
            for session, factor in zip(self._sessions[ticker], factors, strict=True)
            if math.isnan(factor)  # the last one of them stays
        }

    def _later(self, ticker: str) -> list[float]:
        if ticker not in self._products:
            self._products[ticker] = later_products(self._factors[ticker])
        return self._products[ticker]

"""Truth of the exchange: its sessions and the final cells of each, past all answers and parsers."""

from functools import lru_cache

import pandas as pd

from sandbox.market import Day
from sandbox.synthetic import SyntheticMarket
from tests.fakes import read_at
from utils.market_day import FINAL, INTEGER_COLUMNS, MarketDay

MARKET_OF = {"STK": "KOSPI", "KSQ": "KOSDAQ", "KNX": "KONEX"}
_OWN_NAMES = ("open", "high", "low", "close", "change", "volume", "value", "market_cap", "shares")
assert _OWN_NAMES == INTEGER_COLUMNS


class Truth:
    def __init__(self, market: SyntheticMarket) -> None:
        self._market = market
        self.digest = lru_cache(maxsize=None)(self._digest)
        self.frame = lru_cache(maxsize=None)(self._frame)

    def sessions(self, first: str, last: str) -> list[str]:
        return [session for session in self._market.sessions if first <= session <= last]

    def is_session(self, day: str) -> bool:
        return bool(self.sessions(day, day))

    def targets(self, first: str, last: str, min_market_cap: int) -> list[str]:
        """Return the targets of the last session for somebody who has seen every session since the
        first."""
        frame = self.frame(last)
        caps = frame["market_cap"] / frame["ticker"].map(self._awaited(first, last)).fillna(1)
        large = frame["market"].isin(["KOSPI", "KOSDAQ"]) & (caps >= min_market_cap)
        return list(frame.loc[large, "ticker"])

    def _awaited(self, first: str, last: str) -> dict[str, float]:
        """Return code -> the factor of its issue, while the new shares are not listed: by the
        ledger, which knows."""
        awaited = {}
        for event in self._market.events:
            if event.kind in ("rights_issue", "bonus_issue") and first < event.session <= last:
                awaited[event.code] = event.true_factor
            if event.kind == "share_listing" and event.session <= last:
                awaited.pop(event.code, None)
        return awaited

    def eps(self, session: str) -> list[int]:
        """Earnings per share, won, for the tickers of `frame`; -1 where the exchange has no
        figure."""
        facts = self._market.fundamentals(self._market.day(session))
        known = dict(zip(facts.day.code, facts.eps.tolist(), strict=True))
        return [known.get(ticker, -1) for ticker in self.frame(session)["ticker"]]

    def _digest(self, session: str) -> str:
        return MarketDay(session, self.frame(session), read_at(session, FINAL), "").digest()

    def _frame(self, session: str) -> pd.DataFrame:
        """The twelve published columns, sorted by ticker."""
        day: Day = self._market.day(session)
        texts = {
            "ticker": day.code,
            "name": day.name,
            "market": [MARKET_OF[each] for each in day.market_id],
        }
        numbers = {name: getattr(day, name) for name in _OWN_NAMES}
        return pd.DataFrame(texts | numbers).sort_values("ticker", ignore_index=True)

"""Factors of a session, as far as two stored days can tell."""

import numpy as np
import pandas as pd

from collectors.rules.corporate_actions import Actions, find_actions
from collectors.rules.integrity import bases_that_continue
from utils.market_day import MarketDay

LEAST_CONTINUED = 0.9
"""Part of a market's tickers in both days. With fewer bases that continue the closes before, one of
the two days is not what it is stored as, and nothing can be said of factors between them. Measured:
at least 99.8 %; at most 15 % two sessions apart. Some 50 of 1,500 companies were rebased on
2001-12-27 (https://hankyung.com/amp/2001122669081)."""
MOST_REBASED = 5
"""Tickers of a market, however small it is. Measured: four of the whole market at most."""


def actions_between(previous: MarketDay | None, day: MarketDay) -> Actions:
    """Return what `find_actions` finds, but for tickers of which it cannot be known: those whose
    row of the session before is set aside, and those of markets that do not follow it. Their
    factors are NaN.

    Args:
        previous: the exchange's session right before; None when it is not stored.
    """
    if previous is None:
        return find_actions(None, day.frame, day.session)
    actions = find_actions(previous.frame, day.frame, day.session)
    tickers, markets = day.frame["ticker"], day.frame["market"]
    apart = markets_apart(day.frame, previous.frame)
    unknown = (tickers.isin(previous.tickers_set_aside) | markets.isin(apart)).to_numpy()
    if not unknown.any():
        return actions
    pending = set(tickers[unknown])
    found = [action for action in actions.found if action.ticker not in pending]
    return Actions(np.where(unknown, np.nan, actions.factor), found)


def markets_apart(frame: pd.DataFrame, previous: pd.DataFrame) -> list[str]:
    """Return the markets whose base prices do not continue the closes of the session before."""
    continued = bases_that_continue(frame, previous).groupby(frame["market"])
    apart = (continued.mean() < LEAST_CONTINUED) & (
        continued.count() - continued.sum() > MOST_REBASED
    )
    return [str(market) for market in apart.index[apart]]

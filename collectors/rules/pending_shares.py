"""Pending shares: from the ex-date of an issue to the listing of its new shares a market cap is too
low.

On the ex-date the base price falls by the factor, and the listed shares stay as they are until the
new ones are listed. Until then the market cap is counted with shares before / factor: a 1:1 bonus
issue halves nobody's market cap, and a rights issue counts with what the company was worth before
the money came in.

No share is pending any more when most of the new shares are listed. Recorded: nine issues whose new
shares came, 11 to 17 sessions after the ex-date and at least 91 % of them (docs/exchange.md).
Treasury shares get none, and meanwhile conversions add some per cent, so neither "all" nor "any"
can be the sign. Rights issues take about two months; stock dividends go ex in December and are
listed after the shareholders' meeting of March. Shares that have not come within `LONGEST_WAIT`
sessions, as after an issue that was called off, are no longer waited for.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

import numpy as np
import pandas as pd

from collectors.rules.corporate_actions import EX_RIGHTS
from collectors.rules.price_rules import Ints
from utils.store.backend import Document

LONGEST_WAIT = 90
"""Stored sessions, the ex-date among them."""
MOST = 0.8
"""Part of the new shares: when so many have come, they are listed."""
LEAST_LEFT = 0.9
"""Part of the shares before: below it, a reduction or another company has come between."""
_IN_ORDER = itemgetter("ticker", "session")


def pending_shares(frame: pd.DataFrame, actions: Iterable[Document]) -> Ints:
    """Return how many shares of each row are to be listed yet, mostly 0. Shape (rows,); the frame
    is not changed.

    Args:
        frame: a typed market day.
        actions: the documents of `stock_data.corporate_actions` of the last `LONGEST_WAIT`
            sessions, this one included.
    """
    listed, pending = frame["shares"].tolist(), np.zeros(len(frame), dtype=np.int64)
    position = {ticker: row for row, ticker in enumerate(frame["ticker"])}
    issues = sorted((each for each in actions if each["kind"] == EX_RIGHTS), key=_IN_ORDER)
    for ticker, of_ticker in groupby(issues, key=itemgetter("ticker")):
        if (row := position.get(ticker)) is not None:
            pending[row] = _expected(list(of_ticker), listed[row]) - listed[row]
    return pending


def _expected(issues: Sequence[Document], shares: int) -> int:
    """Return the shares that one ticker will have after its issues, oldest first: one may go ex
    before the shares of another are there."""
    before = expected = 0
    for issue in issues:
        entitled = _still_expected(before, expected, issue["shares_before"])
        before, expected = issue["shares_before"], int(entitled / issue["factor"])
    return _still_expected(before, expected, shares)


def _still_expected(before: int, expected: int, shares: int) -> int:
    """Return `expected` while the listed shares are still about those `before`, else `shares`."""
    are_listed = shares >= before + MOST * (expected - before)
    return shares if are_listed or shares < LEAST_LEFT * before else max(expected, shares)

"""Comparison of the data site and the Open API on a session that both have."""

import logging
from datetime import timedelta

from collectors.exchange.day_table import DayTable
from collectors.exchange.openapi import OpenApiSource
from collectors.exchange.sources import Sources
from collectors.rules.integrity import lacks_many_tickers_of
from utils.errors import SourceError
from utils.market_day import FINAL, INTEGER_COLUMNS, MarketDay, differing_tickers
from utils.store import Store

AGAIN_AFTER = timedelta(days=30)
_COMPARED = ["ticker", "market", *INTEGER_COLUMNS]
"""All but the names: the sources may write one differently."""
log = logging.getLogger(__name__)


def cross_check(sources: Sources, store: Store) -> None:
    """Ask the other source for the newest final session, once a month, and remember whether it says
    the same.

    Nothing happens while only one source is set up. Differences are logged. That the other source
    cannot be asked is no failure of the night.
    """
    final = [head for head in store.sessions.heads() if head.finality == FINAL]
    if not final or _was_compared_lately(store):
        return
    session, source = final[-1].session, final[-1].source
    if (day := store.sessions.load(session)) is None:
        return
    try:
        if (fetched := sources.fetch_day_of_other(source, session)) is None:
            return
    except SourceError as problem:
        log.warning("The sources could not be compared on %s: %s", session, problem)
        return
    other = fetched.table
    if lacks_many_tickers_of(other.frame, day.frame):
        log.warning(
            "The sources could not be compared on %s: the other one lacks tickers.", session
        )
        return
    differing = _differing(day, other)
    store.sources.record_comparison(OpenApiSource.name, session, len(differing))
    if differing:
        log.error(
            "The Open API and the data site differ on %s in %d of %d tickers, first %s. The data "
            "site goes first until they agree; the next run compares them again.",
            *(session, len(differing), len(day.frame), differing[0]),
        )
    else:
        log.info("The Open API and the data site agree on %s, cell by cell.", session)


def _differing(day: MarketDay, other: DayTable) -> list[str]:
    """Return the tickers whose cells differ, but for those whose row is set aside in either."""
    set_aside = day.tickers_set_aside | other.tickers_set_aside
    differing = differing_tickers(day.frame, other.frame, _COMPARED)
    return [ticker for ticker in differing if ticker not in set_aside]


def may_go_first(store: Store, source: str) -> bool:
    """Return True when that source may be preferred: it has not been found to differ."""
    comparison = store.sources.comparison(source)
    return comparison is None or not comparison["differing"]


def _was_compared_lately(store: Store) -> bool:
    """Return True when no new comparison is needed. After a difference every run compares again,
    since it may have been of one answer."""
    comparison = store.sources.comparison(OpenApiSource.name)
    if comparison is None or comparison["differing"]:
        return False
    return bool(store.clock.now_utc() - comparison["compared_utc"] < AGAIN_AFTER)

"""Judgement on a day that was read: impossible, odd, or fine."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

from collectors.rules.market_rules import (
    PAIR_RULES,
    Oddity,
    check_is_of_its_day,
    lost,
    oddities,
    repeated_or_continued,
)
from utils.errors import MalformedAnswer
from utils.market_day import MarketDay

MOST_SET_ASIDE = 0.005
"""Part of a market's rows that may be set aside without the market being odd; one row always
may. Measured: none."""
MORE_OF_THE_SAME = 1.1
"""Times as many tickers as before that an oddity may be about and still be the same: volumes grow
from one checkpoint to the next."""
Extents: TypeAlias = Mapping[tuple[str, str], int]
"""Rule and market of each oddity -> the number of its tickers."""


@dataclass(frozen=True)
class Judgement:
    """Result of the rules for one day: why it is impossible, what is odd about it by itself, and
    what is odd next to the session before it."""

    impossible: MalformedAnswer | None
    alone: tuple[Oddity, ...]
    pair: tuple[Oddity, ...]

    @property
    def oddities(self) -> tuple[Oddity, ...]:
        return (*self.alone, *self.pair)

    def follows(self, known: Extents = MappingProxyType({})) -> bool:
        """Return True when the day can be the one right after, odd at most in ways that are
        known."""
        return self.impossible is None and is_within(extents_of(self.pair), known)


def judge(day: MarketDay, previous: MarketDay | None) -> Judgement:
    """Return what the rules say of a day.

    Args:
        previous: the exchange's session right before; None when it is not stored.
    """
    frame, session = day.frame, day.session
    before = None if previous is None else previous.frame
    try:
        check_is_of_its_day(frame, session, before)
    except MalformedAnswer as impossible:
        return Judgement(impossible, (), ())
    if previous is None:
        return Judgement(None, (*_many_set_aside(day), *oddities(frame, session, None)), ())
    set_aside = day.tickers_set_aside | previous.tickers_set_aside
    found = oddities(frame, session, before, set_aside)
    alone = [each for each in found if each.rule not in PAIR_RULES]
    pair = [each for each in found if each.rule in PAIR_RULES]
    if day.source_of_names != previous.source_of_names:
        pair = [each for each in pair if each.rule != "names"]
    return Judgement(None, (*_many_set_aside(day), *alone), tuple(pair))


def with_known_tickers(day: MarketDay, previous: MarketDay | None) -> MarketDay:
    """Return the day with the right ticker for each row that is set aside because of its code: that
    of the one ticker of the session before that is missing and has the row's name."""
    if previous is None or not day.set_aside:
        return day
    here = {*day.frame["ticker"], *day.tickers_set_aside}
    missing = previous.frame[~previous.frame["ticker"].isin(here)]
    by_name = missing.drop_duplicates("name", keep=False).set_index("name")["ticker"]
    listed = set(previous.frame["ticker"])
    known = tuple(
        each if each.ticker in listed else replace(each, ticker=by_name.get(each.name, each.ticker))
        for each in day.set_aside
    )
    return replace(day, set_aside=known)


def extents_of(found: Iterable[Oddity]) -> Extents:
    return {(each.rule, each.market): each.count for each in found}


def is_within(found: Extents, known: Extents) -> bool:
    """Return whether a reading is odd in no other way than is known, and in none much more."""
    return all(count <= MORE_OF_THE_SAME * known.get(key, 0) for key, count in found.items())


def beyond_gap(day: MarketDay, earlier: MarketDay) -> list[Oddity]:
    """Return what is odd about a day some sessions after an earlier one: it lacks its tickers, or
    it follows it as if there were no session between."""
    gone = loses_tickers(day, earlier)
    if gone or (told := repeated_or_continued(day.frame, earlier.frame)) is None:
        return gone
    return [Oddity("base_price", "", f"{told} {earlier.session}, and a session lies between")]


def loses_tickers(day: MarketDay, other: MarketDay) -> list[Oddity]:
    """Return what is odd about a day that lacks tickers of an earlier session, or of an earlier
    reading of its own."""
    set_aside = day.tickers_set_aside | other.tickers_set_aside
    return lost(day.frame, day.session, other.frame, set_aside)


def _many_set_aside(day: MarketDay) -> list[Oddity]:
    """Return the markets of which more rows are set aside than may be."""
    rows = Counter(day.frame["market"])
    found = []
    tickers = {(each.ticker, each.market) for each in day.set_aside}
    for market, count in Counter(market for _, market in tickers).items():
        all_rows = count + (rows[market] if market else len(day.frame))
        if count > max(1, MOST_SET_ASIDE * all_rows):
            first = next(each for each in day.set_aside if each.market == market)
            rows_of = f"{market} rows" if market else "rows"
            what = f"{count} of {all_rows} {rows_of} cannot be used, first {first.ticker}"
            found.append(Oddity("set_aside", market, f"{what}: {first.reason}", count))
    return found

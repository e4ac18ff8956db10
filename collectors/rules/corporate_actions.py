"""Corporate actions as the exchange's own rows show them: what happened to whom, and the session's
adjustment factor.

Base price = close - change. Where it differs from the close of the previous session *of the
exchange* something happened, and the first of `RULES` that has an answer decides. An adjusted
earlier price is the price times all later factors. The facts behind the rules were measured on
489,645 real ticker-days (docs/exchange.md).

    rule            when                                                  factor
    spin_off        auction, fewer shares, more than they can explain     base / previous close
    auction_shares  auction, shares changed in this session               shares before / after
    auction         auction, same shares: base holds a real return        1
    halted_base     the base price moved on a day without trading         base / previous close
    base            everything else: the exchange kept the value          base / previous close
    collapse        no rebase, shares beyond 2x, close over 30 % off      1

*Auction*: the ticker had no opening price the day before, or comes from another market, and its
first price is its base price; but for a split, whose base price is theoretical. Not an action,
factor 1: a close off its tick whose next base price is that close rounded up; a ticker's first
session, also of a code that was in use before and had gone; share counts alone, also those of a
merger into a listed shell. Nothing is remembered across sessions: through a halt of months every
session is compared with the one before, because a halted ticker keeps its row and its close.

What rows cannot tell, and what is therefore not claimed:
- Rights issue, bonus issue and stock dividend look alike on their ex-date: `ex_rights`.
- A capital reduction resumes by auction, a consolidation at its theoretical price: that, and
  nothing else, separates `capital_reduction` from `consolidation` here.
- New shares at an auction (flag `new_shares`) may have been sold at market price, as they were
  before both recorded moves from KONEX to KOSDAQ; then 1 is nearer the truth than shares before /
  after (docs/exchange.md).
- A ticker that nobody traded yesterday, that goes ex-rights today and opens exactly at its base
  price is taken for an auction. None is among the recorded days.
- A change of shares earlier in a halt than on its last day: two neighbouring sessions do not show
  it. The day itself is remarked on (`integrity.remarks_on`), and an auction that ends further away
  than auctions may is `unexplained`.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from collectors.rules.price_rules import OFF_TICK_CLOSES_SINCE, Ints, TextArray, round_up_to_tick

SPLIT = "split"
CONSOLIDATION = "consolidation"
EX_RIGHTS = "ex_rights"
HALTED_REBASE = "halted_rebase"
CAPITAL_REDUCTION = "capital_reduction"
AUCTION_RESUMPTION = "auction_resumption"
MARKET_TRANSFER = "market_transfer"
SPIN_OFF = "spin_off"
SHARE_COLLAPSE = "share_collapse"
REBASE = "rebase"
"""Kind of an action whose base price rose while the shares do not say why: flag `unexplained`.
Never seen in the recorded days."""

_WARNINGS = {
    "collapse": "shares and price jumped and the base price did not follow, do not trade on it",
    "unexplained": "the base price moved and the rows do not say why",
}
"""Flags worth a warning. Measured: none of the 57 recorded actions in 234,426 ticker-days."""

OFF_TICK_LIMIT = 1.0015
"""Half a tick of 5 at 2,000 won is 0.125 %; the smallest action of a traded ticker is 1.48 %."""
COLLAPSE_SHARES = 2
COLLAPSE_MOVE_PERCENT = 30
LEAST_SPLIT = 1.9
"""Par values are 100, 200, 500, 1,000, 2,500 and 5,000 won, so splits and consolidations move the
shares twofold or more, but for the fractions that are paid out."""
TICKS_IN_PRICE = 200
"""No tick is more than 1/200 of its price from 1,000 won up, in any table of `price_rules`; below,
a tick is 1 won."""
AUCTION_SPAN = 2.02
"""An auction ends between half and twice its theoretical price, here with 1 % for its tick (the
exchange's notices: 2,040 won, from 1,020 to 4,080). Recorded: from 0.5 to 1.64 times."""
AUCTION_HALF = 2
"""An auction finds at least half of the theoretical price, so what two shares became costs as much
as one did."""
LEAST_SPIN_OFF = 1.1
"""Shares before / after. With fewer cancelled than that the price is a return."""
SPIN_OFF_LOSS = 0.10
"""Least part of the market cap that a spin-off takes away; a reduction by itself takes nothing."""
SIMPLE_DENOMINATOR = 20
SIMPLE_ERROR = 1e-5

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class CorporateAction:
    """Corporate action of one ticker in one session.

    Prices are in won; `rule` is the row of the module's table that decided. `flag` is None, or the
    word for what the rows cannot tell: `collapse` (do not trade on it), `spin_off`, `new_shares`,
    `unexplained` (a base price that rose, or an auction beyond what auctions may come to).
    """

    ticker: str
    session: str
    kind: str
    previous_close: int
    base_price: int
    factor: float
    shares_before: int
    shares_after: int
    flag: str | None
    rule: str

    def document(self) -> dict[str, Any]:
        """Return the action as `stock_data.corporate_actions` keeps it."""
        return {"_id": f"{self.ticker}:{self.session}"} | asdict(self)


@dataclass(frozen=True, eq=False)
class Actions:
    """Corporate actions of one session: `factor`, one per row of the day, NaN while unknown, and
    `found`, sorted by ticker."""

    factor: npt.NDArray[np.float64]
    found: list[CorporateAction]

    def documents(self) -> list[dict[str, Any]]:
        return [action.document() for action in self.found]

    def remarks(self) -> list[str]:
        """Return one warning for each flag worth one, with the first ticker and their number."""
        flagged = {
            flag: [action.ticker for action in self.found if action.flag == flag]
            for flag in _WARNINGS
        }
        return [
            f"{flag}: {_WARNINGS[flag]}: first {tickers[0]}, {len(tickers)} in all."
            for flag, tickers in flagged.items()
            if tickers
        ]


@dataclass(frozen=True)
class Pair:
    """One ticker in two neighbouring sessions, with everything the rules look at. Prices in won."""

    ticker: str
    previous_close: int
    base_price: int
    shares_before: int
    shares_after: int
    halted_before: bool
    halted: bool
    opened_at_base: bool
    moved: bool

    @property
    def by_base(self) -> float:
        return self.base_price / self.previous_close

    @property
    def by_shares(self) -> float:
        return self.shares_before / self.shares_after

    @property
    def keeps_value(self) -> bool:
        """True when the change of shares alone explains the base price, up to its tick."""
        before, after = (
            self.previous_close * self.shares_before,
            self.base_price * self.shares_after,
        )
        return abs(after - before) <= max(self.shares_after, before / TICKS_IN_PRICE)

    @property
    def is_split(self) -> bool:
        return self.shares_after >= LEAST_SPLIT * self.shares_before and self.keeps_value

    @property
    def is_consolidation(self) -> bool:
        return self.shares_before >= LEAST_SPLIT * self.shares_after and self.keeps_value

    @property
    def is_auction(self) -> bool:
        # After a split the base price is theoretical, and opening there is chance: Samsung
        # Electronics on 2018-05-04.
        return (
            (self.halted_before or self.moved)
            and not self.halted
            and self.opened_at_base
            and not self.is_split
        )

    @property
    def is_beyond_auctions(self) -> bool:
        """True when the price is further from the expected one than a resumption's auction may
        go."""
        return (
            not self.moved and not 1 / AUCTION_SPAN <= self.by_base / self.by_shares <= AUCTION_SPAN
        )


@dataclass(frozen=True)
class Verdict:
    """Decision of a rule about a `Pair`."""

    kind: str
    factor: float
    rule: str
    flag: str | None = None


@dataclass(frozen=True, eq=False)
class Pairs:
    """Tickers of both sessions, as columns of equal length; `rows` are theirs in the current
    frame."""

    rows: npt.NDArray[np.intp]
    ticker: TextArray
    market: TextArray
    previous_close: Ints
    close: Ints
    base_price: Ints
    shares_before: Ints
    shares_after: Ints
    halted_before: Bools
    halted: Bools
    opened_at_base: Bools
    moved: Bools

    def pair(self, position: int) -> Pair:
        return Pair(
            **{field.name: getattr(self, field.name).item(position) for field in fields(Pair)}
        )


def find_actions(previous: pd.DataFrame | None, current: pd.DataFrame, session: str) -> Actions:
    """Return the adjustment factors and corporate actions of `session`.

    Args:
        previous: the typed frame (`MarketDay.frame`) of the exchange's session right before; None
            when it is not stored. Any older session would invent an action for about 90 % of all
            tickers, so never pass one.
        current: the typed frame of `session`; neither frame is changed, the order of their rows
            does not matter.
        session: `YYYY-MM-DD`, says which tick table is in force.

    Returns:
        Factors aligned with the rows of `current`: 1.0 where nothing happened or the ticker is new,
        all NaN (not known yet) without `previous`.

    Raise `ValueError` when a ticker stands in a frame twice.
    """
    if previous is None:
        return Actions(np.full(len(current), np.nan), [])
    pairs = _pair(previous, current)
    rebased = _rebased(pairs, session)
    factor, found = np.ones(len(current)), []
    for position in np.flatnonzero(rebased | _collapsed(pairs)):
        pair = pairs.pair(int(position))
        verdict = _decide(pair) if rebased[position] else COLLAPSE
        factor[pairs.rows[position]] = verdict.factor
        found.append(_action(pair, verdict, session))
    return Actions(factor, sorted(found, key=lambda action: action.ticker))


def _pair(previous: pd.DataFrame, current: pd.DataFrame) -> Pairs:
    index = pd.Index(previous["ticker"])
    if not index.is_unique or not current["ticker"].is_unique:
        raise ValueError("a ticker stands in the day twice")
    at = index.get_indexer(pd.Index(current["ticker"]))
    rows = np.flatnonzero(at >= 0)
    before = {
        name: previous[name].to_numpy()[at[rows]]
        for name in ("open", "close", "volume", "shares", "market")
    }
    after = {
        name: current[name].to_numpy()[rows]
        for name in ("ticker", "open", "close", "change", "shares", "market")
    }
    base = after["close"] - after["change"]
    return Pairs(
        rows=rows,
        ticker=after["ticker"],
        market=after["market"],
        previous_close=before["close"],
        close=after["close"],
        base_price=base,
        shares_before=before["shares"],
        shares_after=after["shares"],
        # Trades outside the regular session alone leave a volume, but no opening price.
        halted_before=(before["volume"] == 0) | (before["open"] == 0),
        halted=after["open"] == 0,
        opened_at_base=after["open"] == base,
        moved=after["market"] != before["market"],
    )


def _rebased(pairs: Pairs, session: str) -> Bools:
    """Return True for pairs whose base price is neither the previous close nor that close rounded
    up to its tick."""
    # A row without prices or shares holds nothing to compare; that it came at all is for the
    # integrity check to say.
    numbers = (pairs.previous_close, pairs.base_price, pairs.shares_before, pairs.shares_after)
    comparable: Bools = np.logical_and.reduce([column > 0 for column in numbers])
    auction = pairs.halted_before & ~pairs.halted & pairs.opened_at_base
    reduced = auction & (
        pairs.shares_before >= LEAST_SPIN_OFF * pairs.shares_after
    )  # and found the old price again
    rebased: Bools = comparable & ((pairs.base_price != pairs.previous_close) | reduced)
    if session < OFF_TICK_CLOSES_SINCE:
        return rebased
    rounded = pairs.base_price == round_up_to_tick(pairs.previous_close, pairs.market, session)
    off_tick: Bools = rounded & (pairs.base_price <= pairs.previous_close * OFF_TICK_LIMIT)
    return rebased & (reduced | ~off_tick)


def _collapsed(pairs: Pairs) -> Bools:
    """Return True for pairs whose shares and price both jumped.

    Where the base price moved along, that is explained; where it did not, the row is a trap.
    """
    after, before = pairs.shares_after, pairs.shares_before
    shares = (after > COLLAPSE_SHARES * before) | (before > COLLAPSE_SHARES * after)
    both: Bools = shares & (
        100 * np.abs(pairs.close - pairs.base_price) > COLLAPSE_MOVE_PERCENT * pairs.base_price
    )
    return both


def _action(pair: Pair, verdict: Verdict, session: str) -> CorporateAction:
    return CorporateAction(
        ticker=pair.ticker,
        session=session,
        kind=verdict.kind,
        previous_close=pair.previous_close,
        base_price=pair.base_price,
        factor=verdict.factor,
        shares_before=pair.shares_before,
        shares_after=pair.shares_after,
        flag=verdict.flag,
        rule=verdict.rule,
    )


COLLAPSE = Verdict(SHARE_COLLAPSE, 1.0, "collapse", "collapse")


def _spin_off(pair: Pair) -> Verdict | None:
    """Tell a spin-off from a reduction. Both resume by auction with fewer shares; neither sign is
    certain, hence the flag.

    The auction of a reduction ends between half and twice the theoretical price (since July 2002:
    https://hankyung.com/article/2002062890841), so where two or more shares became one, a price
    that has not risen is more than a reduction. And reductions have simple ratios, spin-offs the
    ratio of two balance sheets.
    """
    if not pair.is_auction or pair.moved or pair.by_shares < LEAST_SPIN_OFF:
        return None
    left = pair.by_base / pair.by_shares
    too_cheap = pair.by_shares >= AUCTION_HALF and pair.base_price < pair.previous_close
    if too_cheap or (left < 1 - SPIN_OFF_LOSS and not _is_simple(pair)):
        return Verdict(SPIN_OFF, pair.by_base, "spin_off", "spin_off")
    return None


def _is_simple(pair: Pair) -> bool:
    """True for a ratio that shareholders vote on (1,500:1, 4:3, 20:13), up to the fractions of
    shares that are paid out."""
    simple = Fraction(pair.shares_before, pair.shares_after).limit_denominator(SIMPLE_DENOMINATOR)
    return abs(float(simple) / pair.by_shares - 1) < SIMPLE_ERROR


def _auction(pair: Pair) -> Verdict | None:
    """Judge a price found in an auction: only the shares say which part of its jump is no
    return."""
    if not pair.is_auction:
        return None
    fewer, more = pair.shares_after < pair.shares_before, pair.shares_after > pair.shares_before
    kind = MARKET_TRANSFER if pair.moved else CAPITAL_REDUCTION if fewer else AUCTION_RESUMPTION
    flag = "new_shares" if more else "unexplained" if pair.is_beyond_auctions else None
    if not fewer and not more:
        return Verdict(kind, 1.0, "auction", flag)
    return Verdict(kind, pair.by_shares, "auction_shares", flag)


def _base(pair: Pair) -> Verdict:
    """Judge a base price that the exchange moved by what the action took or gave: value
    continues."""
    rule = "halted_base" if pair.halted else "base"
    kind = _kind(pair)
    return Verdict(kind, pair.by_base, rule, "unexplained" if kind == REBASE else None)


def _kind(pair: Pair) -> str:
    if pair.is_split:
        return SPLIT
    if pair.is_consolidation:
        return CONSOLIDATION
    if pair.halted:
        return HALTED_REBASE
    return EX_RIGHTS if pair.base_price < pair.previous_close else REBASE


RULES: tuple[Callable[[Pair], Verdict | None], ...] = (_spin_off, _auction, _base)
"""Asked in this order; the last one always has an answer."""


def _decide(pair: Pair) -> Verdict:
    return next(verdict for rule in RULES if (verdict := rule(pair)) is not None)

"""Who is a target: the active tickers of the chosen markets at or above the market cap threshold."""

import logging
from collections.abc import Collection
from dataclasses import dataclass

import pandas as pd

from utils.errors import StoreError
from utils.settings import Settings
from utils.store import Store
from utils.store.backend import Document

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TargetPlan:
    """What would bring the targets up to a session: the new ones, what is to change of known ones (ticker -> fields),
    and how many there would be."""

    new: list[Document]
    changes: dict[str, Document]
    active: int


@dataclass(frozen=True)
class TargetChanges:
    """What a refresh came to: tickers that entered and left, and how many targets there are now."""

    entered: list[str]
    left: list[str]
    active: int


def refresh_targets(
    store: Store, frame: pd.DataFrame, session: str, min_market_cap: int, markets: Collection[str]
) -> TargetChanges:
    """Bring `system_info.target_tickers` up to the session. A target that falls below or is delisted becomes inactive;
    it is never deleted, and its earlier memberships stay in its `history`.

    Args:
        frame: the session's typed market day.
        min_market_cap: won, inclusive.
        markets: names of markets such as KOSPI.
    """
    plan = plan_targets(store.targets(), frame, session, min_market_cap, markets)
    store.save_targets(plan.new, plan.changes)
    back = [ticker for ticker, fields in plan.changes.items() if fields.get("is_active") is True]
    left = sorted(ticker for ticker, fields in plan.changes.items() if fields.get("is_active") is False)
    entered = sorted([*(target["_id"] for target in plan.new), *back])
    log.info("%s: %d targets, %d entered, %d left.", session, plan.active, len(entered), len(left))
    return TargetChanges(entered, left, plan.active)


def refresh_from_newest(store: Store, settings: Settings) -> TargetChanges:
    """`refresh_targets` with the newest stored session. Raises `StoreError` when it cannot be read."""
    newest = store.load_session(store.session_heads()[-1].session)
    if newest is None:
        raise StoreError("The newest session cannot be read. Check disk and database.")
    return refresh_targets(store, newest.frame, newest.session, settings.min_market_cap, settings.markets)


def plan_targets(
    targets: Collection[Document], frame: pd.DataFrame, session: str, min_market_cap: int, markets: Collection[str]
) -> TargetPlan:
    """What `refresh_targets` would write, given all that are or were targets. Nothing is changed."""
    eligible = frame[frame["market"].isin(list(markets)) & (frame["market_cap"] >= min_market_cap)]
    rows = eligible[["ticker", "name", "market", "market_cap"]].to_dict("records")
    facts: dict[str, Document] = {row["ticker"]: {str(name): value for name, value in row.items()} for row in rows}
    known = {target["_id"]: target for target in targets}
    new = [_new_target(row, session) for ticker, row in facts.items() if ticker not in known]
    back = {ticker: _coming_back(known[ticker], session) for ticker in facts if _is_inactive(known.get(ticker))}
    left = [ticker for ticker, target in known.items() if target["is_active"] and ticker not in facts]
    still = {
        ticker: _differences(known[ticker], row | back.get(ticker, {}))
        for ticker, row in facts.items()
        if ticker in known
    }
    gone = {ticker: {"is_active": False, "removed_date": session} for ticker in left}
    return TargetPlan(new, {ticker: fields for ticker, fields in (still | gone).items() if fields}, len(facts))


def _differences(target: Document, wanted: Document) -> Document:
    return {name: value for name, value in wanted.items() if target.get(name) != value}


def _is_inactive(target: Document | None) -> bool:
    return target is not None and not target["is_active"]


def _new_target(row: Document, session: str) -> Document:
    return {
        "_id": row["ticker"],
        **row,
        "is_active": True,
        "added_date": session,
        "removed_date": None,
        "last_analyzed_date": None,
        "attempts": 0,
        "retry_after_utc": None,
        "last_error": None,
        "claimed_by": None,
        "history": [],
    }


def _coming_back(target: Document, session: str) -> Document:
    earlier = {"added_date": target["added_date"], "removed_date": target["removed_date"]}
    return {
        "is_active": True,
        "added_date": session,
        "removed_date": None,
        "history": [*target["history"], earlier],
    }

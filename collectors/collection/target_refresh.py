"""Targets that follow the newest session: who enters, leaves and comes back, and what is known of
each ticker."""

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

import pandas as pd

from collectors.rules.pending_shares import LONGEST_WAIT, pending_shares
from collectors.rules.target_rule import BY_FILE, TargetRule
from utils.date_utils import neighbours
from utils.errors import Damaged
from utils.store import Store
from utils.store.backend import Document
from utils.ticker_kind import kind_of

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Newest:
    """Newest session and what is stored around it.

    Attributes:
        previous: the stored session before it; None when there is none.
        before: who was listed in that one: ticker -> name and market; of a row that is set aside
            there those of the session before it.
        actions: the corporate actions of the last `LONGEST_WAIT` sessions.
        set_aside: tickers whose rows in the newest session are set aside: nothing is known of them.
    """

    session: str
    frame: pd.DataFrame
    previous: str | None = None
    before: dict[str, Document] = field(default_factory=dict)
    actions: list[Document] = field(default_factory=list)
    set_aside: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TargetPlan:
    """Changes that make the targets follow a session.

    Attributes:
        new: the new targets.
        changes: what is to change of known ones: ticker -> fields.
        chosen: the targets that there will be: ticker -> why and with what market cap.
    """

    new: list[Document]
    changes: dict[str, Document]
    chosen: dict[str, Document]


@dataclass(frozen=True)
class TargetChanges:
    """Result of a refresh: tickers that entered and left, and how many targets there are now."""

    entered: list[str]
    left: list[str]
    active: int


def refresh_targets(
    store: Store, frame: pd.DataFrame, session: str, rule: TargetRule
) -> TargetChanges:
    """Make `system_info.target_tickers` follow the session, the newest that is stored. It may be
    repeated.

    A target that falls below the threshold or is delisted becomes inactive. It is never deleted,
    and its earlier memberships stay in its `history`.

    Args:
        frame: the session's typed market day.
    """
    newest = read_newest(store, frame, session)
    plan = plan_targets(store.targets.all(), newest, rule)
    unlisted = "TARGETS_FILE, line %d: %s is not listed in %s, delisted or mistyped."
    for line, ticker in rule.by_name.unlisted({*frame["ticker"], *newest.set_aside}):
        log.warning(unlisted, line, ticker, session)
    return _carry_out(store, plan, session)


def _carry_out(store: Store, plan: TargetPlan, session: str) -> TargetChanges:
    store.targets.save(plan.new, plan.changes)
    back = [ticker for ticker, fields in plan.changes.items() if fields.get("is_active") is True]
    left = sorted(
        ticker for ticker, fields in plan.changes.items() if fields.get("is_active") is False
    )
    entered = sorted([*(target["_id"] for target in plan.new), *back])
    if plan.new or plan.changes:
        log.info("%s: %s, %d entered, %d left.", session, _in_words(plan), len(entered), len(left))
    return TargetChanges(entered, left, len(plan.chosen))


def refresh_from_newest(store: Store, rule: TargetRule) -> TargetChanges:
    """Run `refresh_targets` with the newest stored session. Raises `Damaged` when it cannot be
    read."""
    newest = store.sessions.load(store.sessions.heads(count=1)[-1].session)
    if newest is None:
        raise Damaged("The newest session cannot be read. Check disk and database.")
    return refresh_targets(store, newest.frame, newest.session, rule)


def follow_changed_rule(store: Store, rule: TargetRule) -> None:
    """Make a changed threshold, other markets or another file count at once, not only with the next
    session. A damaged newest session is due, and refreshes the targets when it is read again."""
    heads = store.sessions.heads(count=1)
    try:
        newest = store.sessions.load(heads[0].session) if heads else None
    except Damaged:
        return  # it is logged when the run looks for what is due
    if newest is None:
        return
    plan = plan_targets(store.targets.all(), read_newest(store, newest.frame, newest.session), rule)
    if plan.new or plan.changes:
        log.info("The targets were not what the settings make of %s.", newest.session)
        _carry_out(store, plan, newest.session)


def follow_older_session(store: Store, rule: TargetRule) -> None:
    """Refresh the targets after something was learned of an older session, such as shares that are
    to come or a former name. When the newest session is damaged they stay as they are: it is due,
    and refreshes them when it is read again."""
    try:
        refresh_from_newest(store, rule)
    except Damaged as damage:
        log.error("%s The targets stay as they are.", damage)


def extend_to_late_session(store: Store, session: str) -> None:
    """Extend to this session what was said to have ended with the stored session before it. A
    session that arrives after later ones may list a ticker still under a former name or in a former
    market, or one that was taken for delisted."""
    # Not derived anew from the stored names: reading those of 7,800 sessions takes five seconds.
    before, _ = neighbours(session, [head.session for head in store.sessions.heads(session, 2)])
    day = store.sessions.load(session)
    if before is None or day is None:
        return
    listed = _identities(day.frame)
    changes = {
        target["_id"]: _extended(target, listed[target["_id"]], before, session)
        for target in store.targets.all()
        if target["_id"] in listed
    }
    store.targets.save([], {ticker: fields for ticker, fields in changes.items() if fields})


def _extended(target: Document, identity: Document, before: str, session: str) -> Document:
    former: list[Document] = target["former"]
    longer = [
        each | {"until": session} if each == identity | {"until": before} else each
        for each in former
    ]
    wanted: Document = {"former": longer} if former else {}
    if target["delisted_date"] == before:
        wanted["delisted_date"] = session
        if target["removed_date"] == before:
            wanted["removed_date"] = session
    return _differences(target, wanted)


def read_newest(store: Store, frame: pd.DataFrame, session: str) -> Newest:
    """Return the newest session together with what is stored before it. A damaged session before it
    counts as unknown."""
    heads = store.sessions.heads(session, LONGEST_WAIT)
    of_session = [head for head in heads if head.session == session]
    set_aside = of_session[0].tickers_set_aside if of_session else frozenset()
    earlier = [head.session for head in heads if head.session < session][1 - LONGEST_WAIT :]
    if not earlier:
        return Newest(session, frame, set_aside=set_aside)
    actions = store.sessions.actions(earlier[0], session)
    before = _listed_in(store, earlier[-1])
    held = next(head.tickers_set_aside for head in heads if head.session == earlier[-1])
    if held and len(earlier) > 1:
        before = _listed_in(store, earlier[-2], held) | before
    return Newest(session, frame, earlier[-1], before, actions, set_aside)


def plan_targets(targets: Collection[Document], newest: Newest, rule: TargetRule) -> TargetPlan:
    """Return what `refresh_targets` would write, given all that are or were targets. Nothing is
    changed."""
    known = {target["_id"]: target for target in targets}
    listed = _identities(newest.frame)
    chosen = rule.choose(newest.frame, pending_shares(newest.frame, newest.actions))
    new = [
        _new_target(ticker, listed[ticker], caps, newest)
        for ticker, caps in chosen.items()
        if ticker not in known
    ]
    changes = {
        ticker: _differences(
            target, _updated(target, listed.get(ticker), chosen.get(ticker), newest)
        )
        for ticker, target in known.items()
        if ticker not in newest.set_aside
    }
    kept = {
        ticker: target
        for ticker, target in known.items()
        if ticker in newest.set_aside and target["is_active"]
    }
    changed = {ticker: fields for ticker, fields in changes.items() if fields}
    return TargetPlan(new, changed, chosen | kept)


def _in_words(plan: TargetPlan) -> str:
    """Return a text such as `1511 targets (2 by TARGETS_FILE, 3 with shares to come)`."""
    chosen = plan.chosen.values()
    counts = {
        "by TARGETS_FILE": sum(each["chosen_by"] == BY_FILE for each in chosen),
        "with shares to come": sum(
            each["corrected_market_cap"] != each["market_cap"] for each in chosen
        ),
    }
    special = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"{len(chosen)} targets" + (f" ({special})" if special else "")


def _listed_in(
    store: Store, session: str, tickers: frozenset[str] | None = None
) -> dict[str, Document]:
    """Return `_identities` of these tickers (None: of all) in the stored session."""
    try:
        day = store.sessions.load(session)
    except Damaged as damage:
        log.error("%s", damage)
        return {}
    if day is None:
        return {}
    frame = day.frame
    return _identities(frame if tickers is None else frame[frame["ticker"].isin(tickers)])


def _identities(frame: pd.DataFrame) -> dict[str, Document]:
    """Return ticker -> name and market in that session."""
    columns = (frame[name].tolist() for name in ("ticker", "name", "market"))
    return {
        ticker: {"name": name, "market": market}
        for ticker, name, market in zip(*columns, strict=True)
    }


def _differences(target: Document, wanted: Document) -> Document:
    return {name: value for name, value in wanted.items() if target.get(name) != value}


def _new_target(ticker: str, identity: Document, caps: Document, newest: Newest) -> Document:
    return {
        "_id": ticker,
        "ticker": ticker,
        **_identity_fields({"_id": ticker, "delisted_date": None, "former": []}, identity, newest),
        **caps,
        "is_active": True,
        "added_date": newest.session,
        "removed_date": None,
        "last_analyzed_date": None,
        "attempts": 0,
        "retry_after_utc": None,
        "last_error": None,
        "claimed_by": None,
        "history": [],
    }


def _updated(
    target: Document, identity: Document | None, caps: Document | None, newest: Newest
) -> Document:
    """Return the fields of a known target as the newest session makes them.

    Args:
        identity: its name and market; None when it is not listed.
        caps: why and with what market cap it is a target; None when it is none.
    """
    if identity is None:
        return _delisted(target, newest)
    fields = _identity_fields(target, identity, newest)
    if caps is not None:
        return fields | caps | ({} if target["is_active"] else _returned(target, newest.session))
    left = {"is_active": False, "removed_date": newest.session}
    return fields | (left if target["is_active"] else {})


def _delisted(target: Document, newest: Newest) -> Document:
    """Return the fields of a target that is not listed: it ends with the stored session before the
    first that does not list it."""
    known, last = target["delisted_date"], newest.previous or newest.session
    if known is not None and target["_id"] not in newest.before:
        last = known
    leaves = target["is_active"] or target["removed_date"] == known
    return {"delisted_date": last} | ({"is_active": False, "removed_date": last} if leaves else {})


def _returned(target: Document, session: str) -> Document:
    earlier = {"added_date": target["added_date"], "removed_date": target["removed_date"]}
    return {
        "is_active": True,
        "added_date": session,
        "removed_date": None,
        "history": [*target["history"], earlier],
    }


def _identity_fields(target: Document, identity: Document, newest: Newest) -> Document:
    """Return the fields of a listed ticker that do not depend on being a target."""
    if identity["name"] == target["_id"]:  # the exchange has shown no name (`plain_name`)
        identity = identity | {"name": target.get("name", target["_id"])}
    kind, former = kind_of(target["_id"], identity["name"]), _former(target, identity, newest)
    return identity | {"kind": kind, "delisted_date": None, "former": former}


def _former(target: Document, identity: Document, newest: Newest) -> list[Document]:
    """Return earlier names and markets, each with the last session in which they were seen. They
    are read from the stored session before and not remembered, so a refresh can be repeated: with a
    revision, and when a session in between has arrived."""
    former: list[Document] = target["former"]
    if target["delisted_date"]:  # it is listed again
        last, until = {name: target[name] for name in identity}, target["delisted_date"]
    elif target["_id"] in newest.before:
        last, until = newest.before[target["_id"]], newest.previous
    else:
        return former
    if last["name"] == target["_id"]:  # no name was shown then
        last = last | {"name": identity["name"]}
    if former and (former[-1]["until"] == until or former[-1].items() >= last.items()):
        former = former[:-1]  # said anew
    return former if last == identity else [*former, last | {"until": until}]

"""Contents of the page as one JSON document: the whole market, and targets with their results."""

from collections.abc import Sequence
from datetime import date, timedelta
from math import isfinite
from typing import Any

import pandas as pd

from collectors.analysis.indicators.catalogue import GROUPS, INDICATOR_NAMES
from collectors.analysis.indicators.patterns import PATTERNS
from collectors.analysis.indicators.ranks import RANK_NAMES
from collectors.analysis.indicators.signals import SIGNALS
from collectors.views.report import breadth
from collectors.views.report.charts import (
    CLOUD_SESSIONS,
    SERIES,
    UNITS,
    Chart,
    cloud_ahead,
    pack,
    untraded_sessions,
)
from utils.clock import KST
from utils.errors import NotStored
from utils.market_day import FINAL, Panel
from utils.progress import progress_bar
from utils.store import Store
from utils.store.backend import Document
from utils.store.sessions import SessionHead

ROWS = (
    *("ticker", "name", "market", "market_cap", "session", "close"),
    *("value", "percent", "signals", "patterns"),
)
_SIGNAL_POSITIONS = {each.name: position for position, each in enumerate(SIGNALS)}
_PATTERN_POSITIONS = {each.name: position for position, each in enumerate(PATTERNS)}


def analysed_session(store: Store) -> str | None:
    """Return the newest session that any active target was analysed for."""
    analysed = [target["last_analyzed_date"] for target in store.targets.active()]
    return max(filter(None, analysed), default=None)


def contents(store: Store, session: str) -> dict[str, Any]:
    """Return everything on the page. Percentages in percent, money in won, volume in shares.

    Raise `NotStored` when the session is not stored, `Damaged` when it is damaged.
    """
    head, day = store.sessions.head(session), store.sessions.load(session)
    if head is None or day is None:
        raise NotStored(
            f"Session {session} is not stored, so there is nothing to report on. Run "
            "daily_update.py."
        )
    moves = breadth.with_moves(day.frame, session)
    targets = store.targets.active()
    shown = _Targets(moves, session, store.sessions.panel(session, CLOUD_SESSIONS))
    with progress_bar("Reading results", len(targets)) as advance:
        for target in targets:
            if (result := store.results.get(target["_id"])) is not None:
                shown.add(result)
            advance(1)
    return {
        "session": session,
        **_of_head(head),
        "written": store.clock.now_kst().isoformat(timespec="minutes"),
        "targets": len(targets),
        "analyzed": shown.rows["session"].count(session),
        "breadth": breadth.breadth(moves),
        "movers": breadth.movers(moves),
        "trend": breadth.trend(store, session),
        "catalogue": _catalogue(),
        "series": list(SERIES),
        "units": {
            name: position for position, names in enumerate(UNITS.values()) for name in names
        },
        "rows": shown.rows,
        "latest": shown.latest,
        "ranks": shown.ranks,
        "charts": shown.charts,
        "sessions": list(shown.positions),
        "actions": _actions(store, set(shown.rows["ticker"]), list(shown.positions)),
    }


def _of_head(head: SessionHead) -> dict[str, Any]:
    """Return the rows that are set aside, the remarks of an odd day, the finality and, in `since`,
    KST: since when the session is final or, while it is provisional, when it was read last.

    The day stands before the time where it is not the usual one: that after the session, or the
    session's own.
    """
    moment = (head.confirmed_utc or head.read_utc).astimezone(KST)
    usual = date.fromisoformat(head.session) + timedelta(days=head.finality == FINAL)
    shown = f"{moment:%H:%M}" if moment.date() == usual else f"{moment:%Y-%m-%d %H:%M}"
    return {
        "finality": head.finality,
        "since": shown,
        "set_aside": [[each.ticker, each.name, each.reason] for each in head.set_aside],
        "accepted": list(head.accepted),
    }


class _Targets:
    """Targets as parallel lists, in the order in which they are added. Of each result, which is
    large, only what the page shows is kept."""

    def __init__(self, moves: pd.DataFrame, session: str, panel: Panel) -> None:
        self._session, self._ahead = session, cloud_ahead(panel)
        self._untraded = untraded_sessions(panel)
        self._moves = moves.set_index("ticker")[["percent", "value"]].to_dict("index")
        self.rows: dict[str, list[Any]] = {name: [] for name in ROWS}
        self.latest: dict[str, list[float | int | None]] = {name: [] for name in INDICATOR_NAMES}
        self.ranks: dict[str, list[float | int | None]] = {name: [] for name in RANK_NAMES}
        self.charts: list[Chart] = []
        self.positions: dict[str, int] = {}
        """Position of each session in the list of sessions."""

    def add(self, result: Document) -> None:
        for name, value in self._row(result).items():
            self.rows[name].append(value)
        for name, values in self.latest.items():
            values.append(short(result["latest"].get(name)))
        for name, values in self.ranks.items():
            values.append(short(result["ranks"].get(name), decimals=0))
        for session in result["history"]["session"]:
            self.positions.setdefault(session, len(self.positions))
        ahead = self._ahead.get(result["_id"]) if result["session"] == self._session else None
        untraded = self._untraded.get(result["_id"], set())
        self.charts.append(pack(result["history"], self.positions, ahead, untraded))

    def _row(self, result: Document) -> dict[str, Any]:
        """Return the cells of a row.

        The change is that from the exchange's base price, as everybody quotes it. For a target that
        is behind it is the return over one session.
        """
        today = self._moves.get(result["_id"], {}) if result["session"] == self._session else {}
        patterns = [(each["name"], each["direction"]) for each in result["patterns"]]
        return {
            "ticker": result["_id"],
            **{name: result[name] for name in ("name", "market", "market_cap", "session", "close")},
            "value": today.get("value"),
            "percent": short(today.get("percent", result["latest"]["return_1"])),
            "signals": [
                _SIGNAL_POSITIONS[name] for name in result["signals"] if name in _SIGNAL_POSITIONS
            ],
            "patterns": [
                [_PATTERN_POSITIONS[name], direction]
                for name, direction in patterns
                if name in _PATTERN_POSITIONS
            ],
        }


def _catalogue() -> dict[str, Any]:
    """Return names in both languages, `[name, English, Korean, ..]`, in the order that rows refer
    to."""
    return {
        "signals": [
            [each.name, each.title, each.korean, each.direction, each.meaning] for each in SIGNALS
        ],
        "patterns": [[each.name, each.title, each.korean] for each in PATTERNS],
        "groups": [
            [
                group.title,
                [[each.name, each.title, each.korean, each.unit] for each in group.indicators],
            ]
            for group in GROUPS
        ],
    }


def short(value: float | None, decimals: int = 2) -> float | int | None:
    """Round to so many decimals below 1,000, to none above; None for what does not exist."""
    if value is None or not isfinite(value):
        return None
    rounded = round(value, decimals if abs(value) < 1_000 else 0)
    return int(rounded) if rounded == int(rounded) else rounded


def _actions(
    store: Store, tickers: set[str], sessions: Sequence[str]
) -> dict[str, list[list[Any]]]:
    """Return the corporate actions `[session, kind, factor, flag]` by ticker, oldest first."""
    found: dict[str, list[list[Any]]] = {}
    if sessions:
        actions = store.sessions.actions(min(sessions), max(sessions))
        for action in sorted(actions, key=lambda each: each["session"]):
            if action["ticker"] in tickers:
                known = [action["session"], action["kind"], action["factor"], action["flag"]]
                found.setdefault(action["ticker"], []).append(known)
    return found

"""The steps of an evening over a span of sessions, for `daily_update` to take in order."""

import logging
from datetime import datetime
from functools import cached_property

from collectors.collection.collect import (
    DueSession,
    damaged_sessions,
    due_in_store,
    heal_all,
    settle_calendar,
    turn_of_older,
)
from collectors.collection.collect_datasets import datasets_due, for_one_night, heal_datasets
from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.collection.target_refresh import (
    extend_to_late_session,
    follow_changed_rule,
    follow_older_session,
    refresh_targets,
)
from collectors.exchange.connect import make_calendar, make_sources
from collectors.exchange.sources import Sources
from collectors.rules.target_rule import TargetRule, target_rule
from collectors.upkeep.audit import Audit, audit
from utils.cli import Shift
from utils.date_utils import LAST_DAY, TradingCalendar
from utils.errors import SourceError
from utils.notifications.announcements import announce_flagged_actions
from utils.progress import progress_bar
from utils.scope import required_scope, with_earlier_choices

log = logging.getLogger(__name__)


class Evening:
    """What one run of `daily_update` works on. The exchange is asked for nothing before a step
    needs it.

    Args:
        first: the first session it is about; None is the first one that is kept.
        last: the last one; None is the last one there is.
    Raises:
        WrongUsage: nothing is set up yet, or `TARGETS_FILE` cannot be used; from a step that asks
            the exchange also when no source is set up.
    """

    def __init__(self, shift: Shift, first: str | None, last: str | None) -> None:
        self._shift, self._store = shift, shift.store
        self._scope = required_scope(shift.store)
        self._first, self._last = first or str(self._scope["first_session"]), last
        self._until = last or LAST_DAY.isoformat()
        self._is_whole = first is None and last is None
        self._turn_until: str | None = None
        self.rule: TargetRule = target_rule(with_earlier_choices(shift.settings, self._scope))
        """Who is to be a target."""

    @cached_property
    def sources(self) -> Sources:
        return make_sources(self._shift.settings, self._store, self._shift.pause)

    @cached_property
    def collector(self) -> StockDataCollector:
        return StockDataCollector(self.sources, self._store, self._calendar())

    def last_session(self) -> str:
        """The last session up to the day that was asked for, or the one that this night is
        about."""
        calendar = self._calendar()
        return (
            calendar.last_sessions(self._last, 1)[0]
            if self._last
            else calendar.session_of_night(self._now())
        )

    def want(self) -> None:
        """Whoever asks for earlier sessions than before wants them, and all since, kept right from
        now on."""
        before = self._scope["first_session"]
        if self._first < before:
            log.info(
                "Everything since %s is wanted from now on; before, it was since %s.",
                self._first,
                before,
            )
            self._store.save_scope(
                self._scope["min_market_cap"], self._scope["markets"], self._first
            )

    def follow_changed_rule(self) -> None:
        """Nothing has to be due for what was changed in the settings to count."""
        follow_changed_rule(self._store, self.rule)

    def settle_calendar(self) -> list[SourceError]:
        return settle_calendar(self.collector, self._first, self._now())

    def due(self) -> list[DueSession]:
        """What is damaged, then what is due, oldest first. What no longer can be known for a hole
        is unknown now."""
        self.collector.settle_behind_holes(self._first, self._until)
        due = self._due(self.collector.calendar)
        self._begin_turn()
        return [
            *damaged_sessions(
                self._store, self._first, self._until, but={each.session for each in due}
            ),
            *due,
        ]

    def heal(self, due: list[DueSession]) -> list[SourceError]:
        """Bring these in; what could not be had of single sessions."""
        with progress_bar("Collecting sessions", len(due)) as advance:

            def then(collected: Collected) -> None:
                self._after_session(collected)
                advance(1)

            return heal_all(self._store, self.collector, due, self._is_to_stop, then)

    def heal_beside_prices(self, thorough: bool = False) -> None:
        """Bring in what the sessions lack of the other datasets. `thorough`: however many requests
        that takes."""
        chosen = self._shift.settings.beside_prices
        heal_datasets(
            self._store, self.sources, chosen, self._first, self._until, self._is_to_stop, thorough
        )

    def end_turn(self) -> None:
        """The next run reads back others of the older sessions. Before this, what was found damaged
        has been asked for; a run that dies has the same turn again."""
        if self._turn_until:
            self._store.end_read_back(self._turn_until)

    def look_over(self) -> Audit:
        """Everything that is wrong with what is stored; reads the store only."""
        datasets = self._shift.settings.datasets_at_hand
        return audit(
            self._store, self._calendar(), self._first, self.last_session(), self.rule, datasets
        )

    def say_what_is_due(self) -> None:
        """As far as it can be known without asking the exchange."""
        for due in self._due(self._calendar()):
            log.info("%s is due (%s).", due.session, "to confirm" if due.to_confirm else "missing")
        for name in self._shift.settings.datasets_at_hand:
            for lacking in for_one_night(
                datasets_due(self._store, [name], self._first, self._until, self._now())
            ):
                log.info("%s is due (%s).", lacking.session, name)
        log.info("Dry run: nothing was asked, nothing written.")

    def _after_session(self, collected: Collected) -> None:
        """The targets follow the newest session, and what an older one has to say about it."""
        settings, head, actions = self._shift.settings, collected.head, collected.actions
        log.info(
            "%s: %s, %d tickers, corporate actions: %d.",
            head.session,
            head.finality,
            head.count,
            actions,
        )
        if collected.is_newest:
            refresh_targets(self._store, collected.frame, head.session, self.rule)
            if settings.notify_urls:
                announce_flagged_actions(
                    self._store, head.session, collected.frame, settings.language
                )
        else:
            extend_to_late_session(self._store, head.session)
            follow_older_session(self._store, self.rule)

    def _begin_turn(self) -> None:
        """A run about a span of its own reads back what is in it, and is nobody's turn."""
        if self._is_whole and (
            turn := turn_of_older(self._store.session_heads(), self._store.read_back_until())
        ):
            self._turn_until = turn[-1].session

    def _due(self, calendar: TradingCalendar) -> list[DueSession]:
        last = self._last or calendar.session_of_night(self._now())
        return due_in_store(self._store, calendar, self._first, last, self._now())

    def _calendar(self) -> TradingCalendar:
        return make_calendar(self._shift.settings, self._store)

    def _now(self) -> datetime:
        return self._shift.clock.now_kst()

    def _is_to_stop(self) -> bool:
        return self._shift.stop.requested

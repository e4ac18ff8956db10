"""Steps of `daily_update` over a span of sessions, for the script to take in order."""

import logging
from collections.abc import Collection
from datetime import datetime
from functools import cached_property

from collectors.collection.collect import collect_all
from collectors.collection.collect_datasets import DatasetCollector, for_one_run
from collectors.collection.due import (
    DueSession,
    datasets_due,
    due_by_damage,
    due_in_store,
    shown_without_prices,
    unknown_days,
)
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
from utils.date_utils import LAST_DAY, TradingCalendar
from utils.errors import MalformedAnswer, SourceError
from utils.notifications.announcements import announce_flagged_actions, announce_odd_days
from utils.progress import progress_bar
from utils.run import Run
from utils.scope import required_scope, with_earlier_choices
from utils.store.jobs import COMPLETED, DAILY_UPDATE

log = logging.getLogger(__name__)


class DailyUpdate:
    """Run of `daily_update`. The exchange is asked for nothing before a step needs it.

    Args:
        first: the first session it is about; None is the first one that is kept.
        last: the last one; None is the last one there is.
    Raises:
        WrongUsage: nothing is set up yet, or `TARGETS_FILE` cannot be used; from a step that asks
            the exchange also when no source is set up.
    """

    def __init__(self, run: Run, first: str | None, last: str | None) -> None:
        self._run, self._store = run, run.store
        self._scope = required_scope(run.store)
        self.first, self._last = first or str(self._scope["first_session"]), last
        self._until = last or LAST_DAY.isoformat()
        self.rule: TargetRule = target_rule(with_earlier_choices(run.settings, self._scope))
        """Rule that chooses the targets."""

    @cached_property
    def sources(self) -> Sources:
        return make_sources(self._run.settings, self._store, self._run.pause)

    @cached_property
    def collector(self) -> StockDataCollector:
        return StockDataCollector(self.sources, self._store, self.calendar())

    def calendar(self) -> TradingCalendar:
        """Return what is known of the days, without asking."""
        return make_calendar(self._run.settings, self._store)

    def last_session(self) -> str:
        """Return the last session up to the day that was asked for; without one, that of this
        night."""
        if self._last:
            return self.calendar().last_sessions(self._last, 1)[0]
        return self.calendar().session_of_night(self._now())

    def extend_scope(self) -> None:
        """Extend the scope to `first`, when that is earlier: everything since is kept from now
        on."""
        scope, first = self._scope, self.first
        if first < scope["first_session"]:
            kept = "Everything since %s is kept from now on, not since %s."
            log.info(kept, first, scope["first_session"])
            self._store.scope.save(scope["min_market_cap"], scope["markets"], first)

    def follow_changed_rule(self) -> None:
        """Make changed settings count, whether anything is due or not; with the newest session
        lost, not before it is there again."""
        heads = self._store.sessions.heads(count=1)
        records = self._store.jobs.records(DAILY_UPDATE, last=1)
        completed = [each["date_kst"] for each in records if each["status"] == COMPLETED]
        if heads and all(session <= heads[0].session for session in completed):
            follow_changed_rule(self._store, self.rule)

    def learn_calendar(self) -> list[SourceError]:
        """Learn what was open, in one request, and only when that is not known of some weekday that
        nobody collects. An odd answer is returned as a problem: what is predicted can be collected
        all the same."""
        now, calendar = self._now(), self.collector.calendar
        without_prices = shown_without_prices(self._store)
        unknown = unknown_days(calendar, self.first, now, without_prices)
        try:
            if unknown:
                first, last = calendar.previous_session(unknown[0]), now.date().isoformat()
                self.collector.learn_calendar(first, last, without_prices)
        except MalformedAnswer as problem:
            log.error("%s", problem)
            return [problem]
        return []

    def forget_factors_after_holes(self) -> None:
        """Make the factors after a lost session unknown, until it is there again."""
        self.collector.forget_factors_after_holes(self.first, self._until)

    def due(self) -> list[DueSession]:
        """Return what is damaged, then what is due, oldest first."""
        due = self._due(self.collector.calendar)
        known = {each.session for each in due}
        if not self._last and self.first == self._scope["first_session"]:
            self._forget_waits(known)
        return [*due_by_damage(self._store, self.first, self._until, except_for=known), *due]

    def _forget_waits(self, due: Collection[str]) -> None:
        """Forget what waits of stored sessions that are not read any more."""
        waiting = [each["_id"] for each in self._store.waiting.all()]
        stored = [each for each in waiting if self._store.sessions.head(each) is not None]
        self._store.waiting.forget(*(each for each in stored if each not in due))

    def collect(self, due: list[DueSession]) -> list[SourceError]:
        """Collect these. Return why single sessions could not be had."""
        with progress_bar("Collecting sessions", len(due)) as advance:

            def after_session(collected: Collected) -> None:
                self._after_session(collected)
                advance(1)

            problems = collect_all(
                self._store, self.collector, due, self._is_to_stop, after_session
            )
        if self._run.settings.notify_urls:
            announce_odd_days(self._store)
        return problems

    def collect_datasets(self, thorough: bool = False, fills_up: bool = True) -> None:
        """Collect the datasets that the sessions lack; see `DatasetCollector`."""
        chosen, stop = self._run.settings.extra_datasets, self._is_to_stop
        collector = DatasetCollector(self._store, self.sources, stop, thorough, fills_up)
        collector.collect(chosen, self.first, self._until)

    def say_what_is_due(self) -> None:
        """Log what is due, without asking the exchange and without reading sessions back."""
        for each in self._due(self.calendar()):
            reason = "to read again" if each.read_again else "missing"
            reason = "to read a week later" if each.week_later else reason
            log.info("%s is due (%s).", each.session, reason)
        for name in self._run.settings.datasets_at_hand:
            due = datasets_due(self._store, [name], self.first, self._until, self._now())
            for lacking in for_one_run(due):
                log.info("%s is due (%s).", lacking.session, name)
        log.info("Dry run: nothing was asked, nothing written.")

    def _after_session(self, collected: Collected) -> None:
        """Make the targets follow the newest session, or what an older one tells of them."""
        store, settings, head = self._store, self._run.settings, collected.head
        session, frame = head.session, collected.frame
        figures = (head.finality, head.count, collected.actions)
        log.info("%s: %s, %d tickers, corporate actions: %d.", session, *figures)
        if collected.is_newest:
            refresh_targets(store, frame, session, self.rule)
            if settings.notify_urls:
                announce_flagged_actions(store, session, frame, settings.language)
        else:
            extend_to_late_session(store, session)
            follow_older_session(store, self.rule)

    def _due(self, calendar: TradingCalendar) -> list[DueSession]:
        last = self._last or calendar.session_of_night(self._now())
        return due_in_store(self._store, calendar, self.first, last, self._now())

    def _now(self) -> datetime:
        return self._run.clock.now_kst()

    def _is_to_stop(self) -> bool:
        return self._run.stop.requested

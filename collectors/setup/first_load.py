"""The past sessions that a setup loads: which they are, and bringing them in."""

import logging

from collectors.collection.collect import collect_all, raise_worst
from collectors.collection.due import due_in_store
from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.collection.target_refresh import extend_to_late_session, refresh_from_newest
from collectors.rules.target_rule import TargetRule
from collectors.setup.texts import Words
from utils.cli import Shift
from utils.errors import MalformedAnswer, WrongUsage
from utils.progress import progress_bar

log = logging.getLogger(__name__)


def sessions_to_load(shift: Shift, collector: StockDataCollector, count: int) -> list[str]:
    """The last `count` sessions that are due, as the exchange itself shows them. One request,
    unless the prediction takes closed days for sessions: then one more, further back. Raises
    `WrongUsage` when there are not so many."""
    now = shift.clock.now_kst()
    sessions: list[str] = []
    for margin in (0, 5, 25):
        guess = collector.calendar.last_sessions(
            collector.calendar.session_of_night(now), count + margin
        )
        shown = collector.learn_calendar(guess[0], now.date().isoformat())
        if not shown:
            raise MalformedAnswer(f"The exchange's index series shows no session since {guess[0]}.")
        sessions = [session for session in shown if collector.calendar.is_due(session, now)][
            -count:
        ]
        if len(sessions) == count:
            return sessions
    raise WrongUsage(
        f"The exchange shows only {len(sessions)} sessions up to now. Choose no more with --sessions."
    )


def load(
    shift: Shift, collector: StockDataCollector, sessions: list[str], rule: TargetRule, words: Words
) -> None:
    """Bring in what is due of these sessions; with the last one its targets, so it is complete with
    them. Targets that are known already follow every session, so that no rename is missed."""
    due = due_in_store(
        shift.store, collector.calendar, sessions[0], sessions[-1], shift.clock.now_kst()
    )
    log.info("Wanted: %d sessions from %s to %s.", len(sessions), sessions[0], sessions[-1])
    log.info("To load: %d of them.", len(due))
    known = bool(shift.store.targets())
    with progress_bar(words("loading"), len(due), log_every=25) as advance:

        def after_session(collected: Collected) -> None:
            advance(1)
            if collected.head.session == sessions[-1] or (known and collected.is_newest):
                refresh_from_newest(shift.store, rule)
            elif known:
                extend_to_late_session(shift.store, collected.head.session)

        problems = collect_all(
            shift.store, collector, due, lambda: shift.stop.requested, after_session
        )
    raise_worst(problems)

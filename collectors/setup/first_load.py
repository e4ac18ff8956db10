"""First load: the past sessions that a setup loads."""

import logging

from collectors.collection.collect import collect_all, is_odd_and_old, raise_worst
from collectors.collection.due import due_in_store
from collectors.collection.stock_data_collector import Collected, StockDataCollector
from collectors.collection.target_refresh import extend_to_late_session, refresh_from_newest
from collectors.rules.target_rule import TargetRule
from utils.errors import MalformedAnswer, WrongUsage
from utils.progress import progress_bar
from utils.run import Run

log = logging.getLogger(__name__)


def sessions_to_load(run: Run, collector: StockDataCollector, count: int) -> list[str]:
    """Return the last `count` sessions that are due, as the exchange itself shows them.

    That takes one request; where the prediction takes closed days for sessions, one more, further
    back. Raise `WrongUsage` when there are not so many.
    """
    now = run.clock.now_kst()
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
        f"The exchange shows only {len(sessions)} sessions up to now. Choose no more with "
        "--sessions."
    )


def load(
    run: Run, collector: StockDataCollector, sessions: list[str], rule: TargetRule, label: str
) -> None:
    """Collect what is due of these sessions, and with the last one its targets: then it is
    complete.

    Targets that are known already follow every session, so that no rename is missed.

    Args:
        label: what the progress bar is called.
    """
    due = due_in_store(
        run.store, collector.calendar, sessions[0], sessions[-1], run.clock.now_kst()
    )
    log.info("Wanted: %d sessions from %s to %s.", len(sessions), sessions[0], sessions[-1])
    log.info("To load: %d of them.", len(due))
    known = bool(run.store.targets.all())
    with progress_bar(label, len(due), log_every=25) as advance:

        def after_session(collected: Collected) -> None:
            advance(1)
            if collected.head.session == sessions[-1] or (known and collected.is_newest):
                refresh_from_newest(run.store, rule)
            elif known:
                extend_to_late_session(run.store, collected.head.session)

        problems = collect_all(run.store, collector, due, lambda: run.stop.requested, after_session)
    # An old day that is odd waits for the updates of the night; it keeps no setup from its end.
    raise_worst([each for each in problems if not is_odd_and_old(each, sessions[-1])])

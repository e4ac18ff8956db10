"""One hour of a night: the session to analyse, the queue until it is time to leave, the record."""

import logging
from contextlib import AbstractContextManager
from datetime import timedelta

from collectors.analysis.analysis_queue import AnalysisQueue
from collectors.analysis.technical_analyzer import TechnicalAnalyzer
from utils.date_utils import TradingCalendar, has_checkpoint_passed
from utils.errors import NotCollected, NotPublished, WrongUsage
from utils.job_status import JobRun
from utils.market_day import Panel
from utils.notifications.announcements import announce_unfinished_night
from utils.progress import progress_bar, waiting
from utils.run import Run
from utils.scope import required_scope
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.locks import COLLECTION
from utils.store.targets import Progress

PANEL_SESSIONS = 300
"""Sessions read. With more no indicator differs by a millionth: see docs/indicators.md."""
POLL_SECONDS = 5
log = logging.getLogger(__name__)


def choose_session(run: Run, calendar: TradingCalendar, asked: str | None) -> str:
    """Return the session of the night, once `daily_update` has completed it. As long as the
    exchange shows no prices of it, it may be a closure that nobody predicted: then the session
    before it.

    Raise `NotCollected` before that, `WrongUsage` for a day that was no session or lies before the
    first session that is kept.
    """
    session = asked or calendar.session_of_night(run.clock.now_kst())
    while asked is None and _has_no_prices(run.store, session):
        session = calendar.previous_session(session)
    if not calendar.is_session(session):
        raise WrongUsage(
            f"--session {session}: the exchange is closed on that day. Choose a session."
        )
    first = required_scope(run.store)["first_session"]
    if session < first:
        raise WrongUsage(
            f"--session {session}: the first session that is kept is {first}. Choose a later one."
        )
    if not run.store.jobs.is_completed(DAILY_UPDATE, session):
        raise NotCollected(
            f"daily_update has not completed {session} yet. "
            "This run leaves; a later one looks again."
        )
    return session


def _has_no_prices(store: Store, session: str) -> bool:
    job = store.jobs.get(DAILY_UPDATE, session)
    return job is not None and (job["error"] or {}).get("kind") == NotPublished.kind


def wait_for_update(run: Run, calendar: TradingCalendar) -> None:
    """Wait while another run is collecting and the session of the night is still to be read: after
    08:10 no hour of the night would analyse what it brings. `ANALYSIS_TIME_LIMIT_MINUTES` ends the
    wait too, and so does a stop request."""
    store, clock, told = run.store, run.clock, False
    until = clock.now_utc() + timedelta(minutes=run.settings.analysis_time_limit_minutes)
    while (
        not run.stop.requested
        and _is_to_be_read(store, calendar.session_of_night(clock.now_kst()))
        and store.locks.is_held_by_another(COLLECTION)
    ):
        if clock.now_utc() >= until:
            log.warning("Another run is still collecting. The analysis takes what is stored.")
            return
        if not told:
            log.info("Another run is collecting. The analysis waits for its end.")
            told = True
        clock.sleep(POLL_SECONDS)


def _is_to_be_read(store: Store, session: str) -> bool:
    """Return whether the session is not stored, or a checkpoint has passed since it was read."""
    head, now = store.sessions.head(session), store.clock.now_utc()
    return head is None or has_checkpoint_passed(session, head.checkpoint_utc, now)


def lock_of_this_host(store: Store) -> AbstractContextManager[None]:
    """Own this host's lock of the analysis inside the block. Raise `LockHeld` when another run
    does."""
    return store.locks.hold(f"{HOURLY_ANALYSIS}@{store.identity.host}")


def analyse_what_is_left(run: Run, calendar: TradingCalendar, session: str, quota: int) -> int:
    """Analyse the session's targets that are not analysed yet, at most `quota`, unless it is done
    and recorded. Return how many were analysed."""
    progress = run.store.targets.progress(session)
    # The analysis of a later session has begun, and takes the place of a record of this one.
    is_overtaken = progress.ahead > 0
    is_recorded = is_overtaken or run.store.jobs.is_completed(HOURLY_ANALYSIS, session)
    is_done = progress.analyzed == progress.tickers and is_recorded
    return 0 if is_done else analyse(run, calendar, session, quota)


def analyse(run: Run, calendar: TradingCalendar, session: str, quota: int) -> int:
    """Analyse batches until the quota, the time limit, a stop request or the end of the queue.
    Return how many targets were analysed."""
    settings, store, clock = run.settings, run.store, run.clock
    deadline = clock.monotonic() + 60 * settings.analysis_time_limit_minutes
    if store.jobs.give_up_before(HOURLY_ANALYSIS, before=session) and settings.notify_urls:
        announce_unfinished_night(store, session, settings.language)
    with JobRun(store, HOURLY_ANALYSIS, session, shared=True) as job:
        source = store.sessions.panel_source(session, PANEL_SESSIONS)
        with waiting("Reading sessions"):
            panel = store.sessions.panel(session, PANEL_SESSIONS)
            analyzer = TechnicalAnalyzer(panel)
        queue = AnalysisQueue(
            store,
            analyzer,
            session,
            quota,
            may_go_on=lambda: not run.stop.requested and clock.monotonic() < deadline,
            is_current=lambda: store.sessions.panel_source(session, PANEL_SESSIONS) == source,
        )
        store.targets.pass_over(session, _set_aside(store, session))
        before = store.targets.progress(session)
        try:
            _drain(queue, job, min(before.tickers - before.analyzed, quota))
            if queue.is_current() and not store.targets.progress(session).pending:
                store.results.save_ranks(session, analyzer.ranks(), except_for=queue.analyzed)
        finally:
            # After a revision that came in meanwhile what was read before does not count.
            if not queue.is_current():
                store.targets.reopen(session, calendar.previous_session(session), queue.analyzed)
        progress = store.targets.progress(session)
        _record(job, progress, panel)
    told = "%s: %d analysed, %d cannot be analysed, %d left for later runs."
    log.info(told, session, len(queue.analyzed), progress.failed, progress.pending)
    return len(queue.analyzed)


def _set_aside(store: Store, session: str) -> dict[str, str]:
    """Return ticker -> why its row in the session is set aside: there is nothing to analyse."""
    head = store.sessions.head(session)
    rows = () if head is None else head.set_aside
    return {each.ticker: f"The row of {session} is set aside: {each.reason}." for each in rows}


def _record(job: JobRun, progress: Progress, panel: Panel) -> None:
    job.record(
        tickers=progress.tickers,
        analyzed=progress.analyzed,
        pending=progress.pending,
        failed=progress.failed,
        warnings=[f"{each}: factors not known yet" for each in panel.sessions_without_factors],
    )
    if progress.analyzed < progress.tickers:
        job.leave_unfinished()


def _drain(queue: AnalysisQueue, job: JobRun, expected: int) -> None:
    """Analyse batch after batch, until nothing more is left for this run."""
    with progress_bar("Analysing targets", expected) as advance:
        shown = 0
        while queue.step():
            job.record()
            advance(len(queue.analyzed) - shown)
            shown = len(queue.analyzed)

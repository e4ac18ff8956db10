#!/usr/bin/env python3
"""Every hour of the night: analyse the next targets of the session, stalest then largest first, until none is left."""

import argparse
import logging
import sys

from collectors.analysis_queue import AnalysisQueue
from collectors.announcements import announce_night, announce_unfinished_night
from collectors.report import analysed_session, is_current, write_report
from collectors.sheet import show_ticker
from collectors.status import show_status
from collectors.technical_analyzer import TechnicalAnalyzer
from collectors.wiring import make_calendar, required_scope
from utils.cli import Shift, check_not_future, date_option, run
from utils.date_utils import TradingCalendar
from utils.errors import EXIT_DONE, NotCollected, NotNow, WrongUsage
from utils.job_status import JobRun
from utils.progress import progress_bar
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS

PANEL_SESSIONS = 300
"""No indicator differs by a millionth when it is given more: see docs/indicators.md."""
log = logging.getLogger("hourly_analysis")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    by_hand = args.session or args.ticker or args.status or args.dry_run
    return run("hourly_analysis", args, lambda shift: work(shift, args), is_watched=not by_hand)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--session", type=date_option, metavar="D", help="instead of the session this night is about")
    parser.add_argument("--quota", dest="analysis_quota", metavar="N", help="at most so many targets in this run")
    parser.add_argument("--time-limit", dest="analysis_time_limit_minutes", metavar="MINUTES", help="for this run")
    parser.add_argument("--ticker", metavar="CODE", help="show one ticker's result as a sheet")
    parser.add_argument("--report", action="store_true", help="write the HTML page about the newest analysed session")
    parser.add_argument("--status", action="store_true", help="show where things stand")
    parser.add_argument("--json", action="store_true", help="with --status: for a program")
    parser.add_argument("--dry-run", action="store_true", help="say what would be analysed, write nothing")
    args = parser.parse_args(argv)
    if args.json and not args.status:
        parser.error("--json goes with --status")
    if args.report and any(value for name, value in vars(args).items() if name != "report"):
        parser.error("--report does not go with another option: it shows what is analysed, and analyses nothing")
    return args


def work(shift: Shift, args: argparse.Namespace) -> int:
    if args.status:
        show_status(shift.store, make_calendar(shift.settings, shift.store), shift.settings, args.json)
        return EXIT_DONE
    if args.ticker:
        return show_one(shift, args.ticker)
    if args.report:
        return report_now(shift)
    check_not_future("--session", args.session, shift.clock.now_kst())
    log.info("Using the %s.", shift.store.description)
    scope, calendar = required_scope(shift.store), make_calendar(shift.settings, shift.store)
    session = choose_session(shift, calendar, args.session, scope["first_session"])
    progress = shift.store.analysis_progress(session)
    log.info("%s: %d of %d targets analysed.", session, progress.analyzed, progress.tickers)
    if args.dry_run:
        return EXIT_DONE
    is_recorded = shift.store.is_completed(HOURLY_ANALYSIS, session) or progress.ahead
    is_done = progress.analyzed == progress.tickers and is_recorded
    with shift.store.lock(f"{HOURLY_ANALYSIS}@{shift.store.identity.host}"):  # when done, too: a dead run's is cleared
        left = progress.tickers - progress.analyzed
        analysed = 0 if is_done else analyse(shift, calendar, session, left)
        report_of_the_night(shift, session, analysed)
    if shift.settings.wants_digest and not args.session:
        announce_night(shift.store, session, shift.settings.language)
    return EXIT_DONE


def choose_session(shift: Shift, calendar: TradingCalendar, asked: str | None, first: str) -> str:
    """The session of the night, once `daily_update` has completed it. Raises `NotCollected` before, `WrongUsage` for a
    day that was none or lies before the first session that is kept."""
    session = asked or calendar.session_of_night(shift.clock.now_kst())
    if not calendar.is_session(session):
        raise WrongUsage(f"--session {session}: the exchange is closed on that day. Choose a session.")
    if session < first:
        raise WrongUsage(f"--session {session}: the first session that is kept is {first}. Choose a later one.")
    if not shift.store.is_completed(DAILY_UPDATE, session):
        raise NotCollected(f"daily_update has not completed {session} yet. This run leaves; the next one looks again.")
    return session


def analyse(shift: Shift, calendar: TradingCalendar, session: str, left: int) -> int:
    """One hour's share: batches until the quota, the time limit, a stop request or the end of the queue.

    How many targets were analysed.
    """
    settings, store, clock = shift.settings, shift.store, shift.clock
    deadline = clock.monotonic() + 60 * settings.analysis_time_limit_minutes
    if store.give_up_jobs(HOURLY_ANALYSIS, before=session) and settings.notify_urls:
        announce_unfinished_night(store, session, settings.language)
    with JobRun(store, HOURLY_ANALYSIS, session, shared=True) as job:
        heads = store.session_heads()
        panel = store.load_panel(session, PANEL_SESSIONS)
        queue = AnalysisQueue(
            store,
            TechnicalAnalyzer(panel),
            session,
            settings.analysis_quota,
            may_go_on=lambda: not shift.stop.requested and clock.monotonic() < deadline,
            is_current=lambda: store.session_heads() == heads,
        )
        drain(queue, job, min(left, settings.analysis_quota))
        if store.session_heads() != heads:  # a revision came in meanwhile: what was read before it does not count
            store.reopen_targets(session, calendar.previous_session(session), queue.analyzed)
        progress = store.analysis_progress(session)
        job.record(
            tickers=progress.tickers,
            analyzed=progress.analyzed,
            pending=progress.pending,
            failed=progress.failed,
            warnings=[f"{unsettled}: factors not known yet" for unsettled in panel.unsettled],
        )
        if progress.analyzed < progress.tickers:
            job.leave_unfinished()
    log.info(
        "%s: %d analysed, %d cannot be analysed, %d left for the next hours.",
        session,
        len(queue.analyzed),
        progress.failed,
        progress.pending,
    )
    return len(queue.analyzed)


def report_now(shift: Shift) -> int:
    """Raises `NotNow` as long as nothing is analysed."""
    session = analysed_session(shift.store)
    if session is None:
        raise NotNow("No target is analysed yet, so there is nothing to report on. Run hourly_analysis.py first.")
    path = shift.settings.report_file or shift.settings.data_dir / "report.html"
    write_report(shift.store, path, session)
    log.info("%s: the report is in %s.", session, path)
    return EXIT_DONE


def drain(queue: AnalysisQueue, job: JobRun, expected: int) -> None:
    """Batch after batch, until nothing more is left for this run."""
    with progress_bar("Analysing targets", expected) as advance:
        shown = 0
        while queue.step():
            job.record()
            advance(len(queue.analyzed) - shown)
            shown = len(queue.analyzed)


def report_of_the_night(shift: Shift, session: str, analysed: int) -> None:
    """After the last target, where REPORT_FILE is set. The session's job stays completed whatever happens here: a page
    that could not be written, or that another host knows nothing of, is written by the next run."""
    path, store = shift.settings.report_file, shift.store
    if path is None or analysed_session(store) != session or store.analysis_progress(session).pending:
        return
    if analysed or not is_current(store, path, session):
        write_report(store, path, session)
        log.info("%s: the report is in %s.", session, path)


def show_one(shift: Shift, ticker: str) -> int:
    document = shift.store.analysis(ticker)
    if document is None:
        known = shift.store.target(ticker) is not None
        reason = (
            "it waits for its analysis." if known else "it is no target. `daily_update.py --export` shows all tickers."
        )
        raise WrongUsage(f"--ticker {ticker}: there is no result; {reason}")
    show_ticker(document)
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())

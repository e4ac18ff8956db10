#!/usr/bin/env python3
"""Every hour of the night: analyse the next targets of the session, stalest then largest first,
until none is left."""

import argparse
import logging

import utils.interpreter  # noqa: F401
from collectors.analysis.night import (
    analyse_what_is_left,
    choose_session,
    lock_of_this_host,
    wait_for_update,
)
from collectors.exchange.connect import make_calendar
from collectors.views.report import bring_report_up_to_date, report_now
from collectors.views.status import show_status
from collectors.views.ticker_view import show_result
from utils.cli import check_not_future, date_option, parse_with_status, run_script
from utils.errors import EXIT_DONE
from utils.notifications.announcements import announce_night
from utils.output import start
from utils.run import Run
from utils.settings import REPORT_NAME

log = logging.getLogger("hourly_analysis")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    by_hand = args.session or args.ticker or args.report or args.status or args.dry_run
    return run_script("hourly_analysis", args, lambda run: work(run, args), is_watched=not by_hand)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--session",
        type=date_option,
        metavar="D",
        help="instead of the session this night is about",
    )
    parser.add_argument(
        "--quota", dest="analysis_quota", metavar="N", help="at most so many targets in this run"
    )
    parser.add_argument(
        "--time-limit", dest="analysis_time_limit_minutes", metavar="MINUTES", help="for this run"
    )
    parser.add_argument("--ticker", metavar="CODE", help="show one ticker's result")
    parser.add_argument(
        "--report",
        action="store_true",
        help="write the HTML page about the newest analysed session",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be analysed, write nothing"
    )
    args = parse_with_status(parser, argv)
    if args.report and any(value for name, value in vars(args).items() if name != "report"):
        parser.error(
            "--report does not go with another option: "
            "it shows what is analysed, and analyses nothing"
        )
    return args


def work(run: Run, args: argparse.Namespace) -> int:
    settings = run.settings
    if args.status:
        show_status(run, args.json)
        return EXIT_DONE
    if args.ticker:
        show_result(run.store, args.ticker)
        return EXIT_DONE
    if args.report:
        report_now(run.store, settings.report_file or settings.data_dir / REPORT_NAME)
        return EXIT_DONE
    check_not_future("--session", args.session, run.clock.now_kst())
    log.info("Using the %s.", run.store.description)
    calendar = make_calendar(settings, run.store)
    if not (args.session or args.dry_run):
        wait_for_update(run, calendar)
    session = choose_session(run, calendar, args.session)
    progress = run.store.targets.progress(session)
    log.info("%s: %d of %d targets analysed.", session, progress.analyzed, progress.tickers)
    if args.dry_run:
        return EXIT_DONE
    # Held also when all is done: so the lock of a dead run is cleared.
    with lock_of_this_host(run.store):
        analysed = analyse_what_is_left(run, calendar, session, settings.analysis_quota)
        bring_report_up_to_date(
            run.store,
            settings.report_file,
            session,
            has_new_results=analysed > 0,
            raises_problems=settings.report_file_is_chosen,
        )
    if settings.wants_digest and not args.session:
        announce_night(run.store, session, settings)
    return EXIT_DONE


if __name__ == "__main__":
    start(main)

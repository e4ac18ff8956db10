#!/usr/bin/env python3
"""Run once by a person, and again at any time: check everything, load the past sessions, choose the
targets, analyse them and write the report."""

import argparse
import logging
import sys

import utils.interpreter  # noqa: F401
from collectors.analysis.night import analyse_what_is_left, choose_session, lock_of_this_host
from collectors.collection.collect_datasets import DatasetCollector
from collectors.collection.stock_data_collector import StockDataCollector
from collectors.collection.target_refresh import refresh_from_newest
from collectors.exchange.connect import make_calendar, make_sources
from collectors.exchange.cross_check import cross_check
from collectors.rules.target_rule import target_rule
from collectors.setup.context import location
from collectors.setup.conversation import converse
from collectors.setup.dialogue import Dialogue
from collectors.setup.ending import (
    Left,
    agrees_to_analyse,
    offer_cron_lines,
    say_how_to_analyse,
    say_what_comes_next,
    say_where_the_report_is,
)
from collectors.setup.first_load import load, sessions_to_load
from collectors.setup.texts import TEXTS
from collectors.upkeep.audit import audit_sessions
from collectors.views.report import bring_report_up_to_date
from collectors.views.status import show_status
from utils.cli import parse_with_status, run_script, run_script_without_store, setting_options
from utils.clock import Clock
from utils.cron.crontab import change_crontab
from utils.errors import EXIT_DONE, Damaged, LockHeld, NotCollected, WrongUsage
from utils.job_status import JobRun
from utils.notifications.trial import check_services, try_services
from utils.output import start
from utils.run import Run
from utils.scope import overruled_every_night, with_earlier_choices
from utils.settings import Settings, language_of_locale
from utils.store import Store, open_store
from utils.store.jobs import MANUAL_SETUP
from utils.store.locks import COLLECTION
from utils.texts import LANGUAGES, Texts

log = logging.getLogger("manual_setup")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if args.cron:
        return run_script_without_store(
            "manual_setup", args, lambda *given: change_crontab(args.cron, *given)
        )
    asks = sys.stdin.isatty() and not (args.yes or args.dry_run or args.status)
    texts = Texts(TEXTS, args.lang or language_of_locale())
    return run_script(
        "manual_setup",
        args,
        lambda run: work(run, args, asks, texts),
        ask_first=lambda: not asks or converse(texts, setting_options(args), args.reset),
        open_it=opened_to_be_emptied if args.reset and not args.dry_run else open_store,
    )


def opened_to_be_emptied(settings: Settings, clock: Clock) -> Store:
    """Return the store, whatever its layout, also where something in it cannot be found."""
    return open_store(settings, clock, any_version=True, before=lambda backend: None)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument(
        "--min-market-cap", metavar="KRW", help="least market cap of a target, in won"
    )
    parser.add_argument(
        "--sessions", dest="history_sessions", metavar="N", help="how many past sessions to load"
    )
    parser.add_argument("--markets", metavar="KOSPI,KOSDAQ", help="where targets are chosen from")
    parser.add_argument(
        "--lang", choices=LANGUAGES, help="the language of the questions (by default the locale's)"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="ask nothing, check settings, database, exchange and notifications, load nothing",
    )
    parser.add_argument(
        "--reset", action="store_true", help="delete all that is stored and begin anew"
    )
    parser.add_argument(
        "--cron",
        metavar="DO",
        choices=("print", "install", "remove"),
        help="nothing but this with the lines in your crontab: print, install or remove",
    )
    args = parse_with_status(parser, argv)
    if (args.cron or args.status) and sum(
        map(bool, (args.cron, args.status, args.dry_run, args.reset))
    ) > 1:
        parser.error(
            "--cron and --status do nothing else. "
            "Leave out --dry-run, --reset and the other of the two."
        )
    return args


def work(run: Run, args: argparse.Namespace, asks: bool, texts: Texts) -> int:
    """Ask about `--reset`, load, offer the cron lines, then analyse and write the report."""
    if args.status:
        show_status(run, args.json)
        return EXIT_DONE
    log.info("Using the %s.", run.store.description)
    check_services(run.settings)
    for remark in overruled_every_night(setting_options(args)):
        log.warning("%s", remark)
    settings = with_earlier_choices(run.settings, None if args.reset else run.store.scope.get())
    if args.reset and not args.dry_run:
        with run.stop.while_asking():
            confirm_reset(run, asks, args.yes, texts)
    with run.store.locks.hold(COLLECTION):
        newest = set_up(run, settings, args, texts)
    # The lock is free again: no evening waits for an answer, or for the analysis.
    if newest is None or run.stop.requested:
        return EXIT_DONE
    if not asks or wants_the_analysis(run, texts):
        analyse_now(run, newest, texts)
    else:
        say_how_to_analyse(texts)
    return EXIT_DONE


def wants_the_analysis(run: Run, texts: Texts) -> bool:
    """Offer the cron lines, then ask. Who leaves at one of the two questions wants no analysis."""
    try:
        offer_cron_lines(run, texts)
        return agrees_to_analyse(run, texts)
    except Left:
        return False


def confirm_reset(run: Run, asks: bool, agreed: bool, texts: Texts) -> None:
    store, sessions = run.store, run.store.sessions.count()
    if not agreed and not asks:
        stored = f"{sessions} sessions and all results in the {store.description}"
        raise WrongUsage(f"--reset deletes {stored}. Say --yes with it if you mean it.")
    question = texts(
        "reset", sessions=sessions, location=location(texts, run.settings, store.description)
    )
    if asks and not Dialogue(texts).agrees(question, default=False):
        raise WrongUsage(texts("not_deleted"))


def set_up(run: Run, settings: Settings, args: argparse.Namespace, texts: Texts) -> str | None:
    """Load what is missing of the last sessions, choose the targets, audit, say what comes next.
    Return the newest session, None after a dry run."""
    rule = target_rule(settings)
    if run.store.is_of_another_version:  # --reset: nothing in it can be read
        run.store.reset()
    store, sources = run.store, make_sources(run.settings, run.store, run.pause)
    collector = StockDataCollector(sources, store, make_calendar(run.settings, store))
    sessions = sessions_to_load(run, collector, settings.history_sessions)
    if args.dry_run:
        end_dry_run(run, len(sessions))
        return None
    if args.reset:  # only now that there is something to load instead
        store.reset()
        collector = StockDataCollector(sources, store, collector.calendar)
    with JobRun(store, MANUAL_SETUP, sessions[-1]) as job:
        store.scope.save(settings.min_market_cap, settings.markets, sessions[0])
        load(run, collector, sessions, rule, texts("loading"))
        targets = refresh_from_newest(store, rule).active
        waiting = {each["_id"] for each in store.waiting.all()}
        found = audit_sessions(store, collector.calendar, sessions[0], sessions[-1])
        if findings := [each for each in found if each.session not in waiting]:
            wrong = "\n".join(map(str, findings))
            raise Damaged(f"What is stored is not whole. Run daily_update.py --repair.\n{wrong}")
        job.record(tickers=targets)
    DatasetCollector(
        store,
        sources,
        lambda: run.stop.requested,
        thorough=True,
        label=lambda name: texts("loading_dataset", name=name),
    ).collect(settings.extra_datasets, sessions[0], sessions[-1])
    cross_check(sources, store)
    say_what_comes_next(run, len(sessions), targets, texts)
    return sessions[-1]


def end_dry_run(run: Run, count: int) -> None:
    log.info("Dry run: settings, database and exchange work. %d sessions would be there.", count)
    try_services(run.settings, run.clock)


def analyse_now(run: Run, newest: str, texts: Texts) -> None:
    """Analyse every target of the newest session, as the hours of a night would, write the report
    and say where it is. Another run that is at work on it is left alone."""
    store, calendar = run.store, make_calendar(run.settings, run.store)
    try:
        session = choose_session(run, calendar, newest)
        with lock_of_this_host(store):
            analysed = analyse_what_is_left(run, calendar, session, len(store.targets.active()))
            is_there = bring_report_up_to_date(
                store,
                run.settings.report_file,
                session,
                has_new_results=analysed > 0,
                raises_problems=True,
            )
    except (LockHeld, NotCollected) as problem:
        log.warning("Nothing is analysed now: %s", problem)
        return
    if is_there:
        say_where_the_report_is(run.settings, texts)


if __name__ == "__main__":
    start(main)

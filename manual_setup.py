#!/usr/bin/env python3
"""Run once by a person, and again at any time: check everything, load the past sessions, choose the targets."""

import argparse
import logging
import sys

from collectors.audit import audit_sessions
from collectors.cross_check import cross_check
from collectors.dataset_healing import heal_datasets
from collectors.guide import LANGUAGES, Dialogue, Words, converse, place
from collectors.healing import due_in_store, heal_all, raise_worst
from collectors.stock_data_collector import Collected, StockDataCollector
from collectors.target_rule import TargetRule, target_rule
from collectors.targets import refresh_from_newest
from collectors.wiring import make_calendar, make_sources, overruled_every_night, with_earlier_choices
from utils.cli import Shift, run, run_without_store, setting_options
from utils.crontab import advice, can_be_installed, change_crontab, install
from utils.errors import EXIT_DONE, MalformedAnswer, StoreError, WrongUsage
from utils.job_status import JobRun
from utils.notifications.trial import check_services, try_services
from utils.progress import progress_bar
from utils.settings import PROJECT, Settings, language_of_locale
from utils.store.jobs import MANUAL_SETUP
from utils.store.locks import COLLECTION

log = logging.getLogger("manual_setup")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    if args.cron:
        return run_without_store("manual_setup", args, lambda *given: change_crontab(args.cron, *given))
    asks = sys.stdin.isatty() and not (args.yes or args.dry_run)
    words = Words(args.lang or language_of_locale())
    return run(
        "manual_setup",
        args,
        lambda shift: work(shift, args, asks, words),
        ask_first=lambda: not asks or converse(words, setting_options(args), args.reset),
    )


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--min-market-cap", metavar="KRW", help="least market cap of a target, in won")
    parser.add_argument("--sessions", dest="history_sessions", metavar="N", help="how many past sessions to load")
    parser.add_argument("--markets", metavar="KOSPI,KOSDAQ", help="where targets are chosen from")
    parser.add_argument("--lang", choices=LANGUAGES, help="the language of the questions (by default the locale's)")
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="ask nothing, check settings, database, exchange and notifications, load nothing",
    )
    parser.add_argument("--reset", action="store_true", help="delete all that is stored and begin anew")
    parser.add_argument(
        "--cron",
        metavar="DO",
        choices=("print", "install", "remove"),
        help="nothing but this with the lines in your crontab: print, install or remove",
    )
    args = parser.parse_args(argv)
    if args.cron and (args.dry_run or args.reset):
        parser.error("--cron does nothing else. Leave out --dry-run and --reset.")
    return args


def work(shift: Shift, args: argparse.Namespace, asks: bool, words: Words) -> int:
    """Every question is answered, but for what `--reset` would delete; then everything that needs no person."""
    log.info("Using the %s.", shift.store.description)
    check_services(shift.settings)
    for remark in overruled_every_night(setting_options(args)):
        log.warning("%s", remark)
    settings = with_earlier_choices(shift.settings, None if args.reset else shift.store.scope())
    if args.reset and not args.dry_run:
        with shift.stop.while_asking():
            confirm_reset(shift, asks, args.yes, words)
    with shift.store.lock(COLLECTION):
        code = set_up(shift, settings, args, words)
    if asks and not shift.stop.requested:
        offer_cron_lines(shift, words)  # with the lock free again, so that no evening waits for the answer
    return code


def confirm_reset(shift: Shift, asks: bool, agreed: bool, words: Words) -> None:
    store, sessions = shift.store, len(shift.store.session_heads())
    if not agreed and not asks:
        stored = f"{sessions} sessions and all results in the {store.description}"
        raise WrongUsage(f"--reset deletes {stored}. Say --yes with it if you mean it.")
    question = words("reset", sessions=sessions, place=place(words, shift.settings, store.description))
    if asks and not Dialogue(words).agrees(question, default=False):
        raise WrongUsage(words("not_deleted"))


def set_up(shift: Shift, settings: Settings, args: argparse.Namespace, words: Words) -> int:
    """Load what is missing of the last sessions, choose the targets, check it all, say what comes next."""
    rule = target_rule(settings)
    store, sources = shift.store, make_sources(shift.settings, shift.store, shift.pause)
    collector = StockDataCollector(sources, store, make_calendar(shift.settings, store))
    sessions = sessions_to_load(shift, collector, settings.history_sessions)
    if args.dry_run:
        log.info("Dry run: settings, database and exchange work. %d sessions would be there.", len(sessions))
        try_services(shift.settings, shift.clock)
        return EXIT_DONE
    if args.reset:  # only now that there is something to load instead
        store.reset()
        collector = StockDataCollector(sources, store, collector.calendar)
    with JobRun(store, MANUAL_SETUP, sessions[-1]) as job:
        store.save_scope(settings.min_market_cap, settings.markets, sessions[0])
        load(shift, collector, sessions, rule, words)
        targets = refresh_from_newest(store, rule).active
        if findings := audit_sessions(store, collector.calendar, sessions[0], sessions[-1]):
            wrong = "\n".join(map(str, findings))
            raise StoreError(f"What is stored is not whole. Run daily_update.py --repair.\n{wrong}")
        job.record(tickers=targets)
    heal_datasets(
        *(store, sources, settings.beside_prices, sessions[0], sessions[-1], lambda: shift.stop.requested),
        thorough=True,
    )
    cross_check(sources, store)
    say_what_comes_next(shift, len(sessions), targets, words)
    return EXIT_DONE


def sessions_to_load(shift: Shift, collector: StockDataCollector, count: int) -> list[str]:
    """The last `count` sessions that are due, as the exchange itself shows them. One request, unless the prediction
    takes closed days for sessions: then one more, further back. Raises `WrongUsage` when there are not so many."""
    now = shift.clock.now_kst()
    sessions: list[str] = []
    for margin in (0, 5, 25):
        guess = collector.calendar.last_sessions(collector.calendar.session_of_night(now), count + margin)
        shown = collector.learn_calendar(guess[0], now.date().isoformat())
        if not shown:
            raise MalformedAnswer(f"The exchange's index series shows no session since {guess[0]}.")
        sessions = [session for session in shown if collector.calendar.is_due(session, now)][-count:]
        if len(sessions) == count:
            return sessions
    raise WrongUsage(f"The exchange shows only {len(sessions)} sessions up to now. Choose no more with --sessions.")


def load(shift: Shift, collector: StockDataCollector, sessions: list[str], rule: TargetRule, words: Words) -> None:
    """Bring in what is due of these sessions; with the last one its targets, so it is complete with them."""
    due = due_in_store(shift.store, collector.calendar, sessions[0], sessions[-1], shift.clock.now_kst())
    log.info("%d sessions from %s to %s, %d to load.", len(sessions), sessions[0], sessions[-1], len(due))
    with progress_bar(words("loading"), len(due), log_every=25) as advance:

        def after_session(collected: Collected) -> None:
            advance(1)
            if collected.head.session == sessions[-1]:
                refresh_from_newest(shift.store, rule)

        problems = heal_all(shift.store, collector, due, lambda: shift.stop.requested, after_session)
    raise_worst(problems)


def say_what_comes_next(shift: Shift, sessions: int, targets: int, words: Words) -> None:
    settings = shift.settings
    kept = place(words, settings, shift.store.description)
    state, lines = advice(settings, shift.clock)
    sys.stdout.write(
        f"\n{words('done', sessions=sessions, targets=targets, place=kept)}\n\n{words('next')}\n\n"
        f"1. {words(state)}\n\n{lines}\n"
        f"2. {words('next_look')}\n   {sys.executable} {PROJECT / 'daily_update.py'} --status\n"
        f"3. {words('next_told' if settings.notify_urls else 'next_notify')}\n"
    )


def offer_cron_lines(shift: Shift, words: Words) -> None:
    if not can_be_installed(shift.settings, shift.clock):
        return
    try:
        with shift.stop.while_asking():
            agreed = Dialogue(words).agrees(words("cron_offer"), default=False)
    except (KeyboardInterrupt, EOFError):
        agreed = False  # everything else is done
    if agreed:
        install(shift.settings, shift.clock)


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Run once by a person, and again at any time: check everything, load the past sessions, choose the targets."""

import argparse
import logging
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.prompt import Confirm, Prompt

from collectors.audit import audit_sessions
from collectors.cross_check import cross_check
from collectors.dataset_healing import heal_datasets
from collectors.healing import due_in_store, heal_all, raise_worst
from collectors.stock_data_collector import Collected, StockDataCollector
from collectors.targets import refresh_from_newest
from collectors.wiring import make_calendar, make_sources, with_earlier_choices
from utils.cli import Shift, run
from utils.cron import cron_lines
from utils.errors import EXIT_DONE, MalformedAnswer, StoreError, WrongUsage
from utils.job_status import JobRun
from utils.settings import PROJECT, Settings, load_settings
from utils.store import Store
from utils.store.jobs import MANUAL_SETUP
from utils.store.locks import COLLECTION

log = logging.getLogger("manual_setup")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    return run("manual_setup", args, lambda shift: work(shift, args))


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--yes", action="store_true", help="ask nothing")
    parser.add_argument("--min-market-cap", metavar="KRW", help="least market cap of a target, in won")
    parser.add_argument("--sessions", dest="history_sessions", metavar="N", help="how many past sessions to load")
    parser.add_argument("--markets", metavar="KOSPI,KOSDAQ", help="where targets are chosen from")
    parser.add_argument("--dry-run", action="store_true", help="check settings, database and exchange, load nothing")
    parser.add_argument("--reset", action="store_true", help="delete all that is stored and begin anew")
    return parser.parse_args(argv)


def work(shift: Shift, args: argparse.Namespace) -> int:
    """Every question first, then everything that needs no person."""
    log.info("Using the %s.", shift.store.description)
    asks = sys.stdin.isatty() and not args.yes
    settings = with_earlier_choices(shift.settings, None if args.reset else shift.store.scope())
    with shift.stop.while_asking():
        settings = ask(settings) if asks else settings
        if args.reset:
            confirm_reset(shift.store, asks, args.yes)
    with shift.store.lock(COLLECTION):
        return set_up(shift, settings, args)


def ask(settings: Settings) -> Settings:
    """Three questions, each answered by Enter with what holds now."""
    questions = {
        "min_market_cap": ("Least market cap of a target, in won", str(settings.min_market_cap)),
        "markets": ("Markets to choose targets from", ",".join(settings.markets)),
        "history_sessions": ("How many past sessions to load", str(settings.history_sessions)),
    }
    answers: dict[str, object] = {}
    for name, (question, default) in questions.items():
        answers[name] = getattr(_ask_one(name, question, default), name)
    return settings.model_copy(update=answers)


def _ask_one(name: str, question: str, default: str) -> Settings:
    while True:
        try:
            return load_settings({name: Prompt.ask(question, default=default)})
        except WrongUsage as wrong:
            Console(highlight=False).print(str(wrong), markup=False)


def confirm_reset(store: Store, asks: bool, agreed: bool) -> None:
    stored = f"{len(store.session_heads())} sessions and all results in the {store.description}"
    if not agreed and not asks:
        raise WrongUsage(f"--reset deletes {stored}. Say --yes with it if you mean it.")
    if asks and not Confirm.ask(f"Delete {stored}?", default=False):
        raise WrongUsage("Nothing was deleted. Leave out --reset to keep what is stored.")


def set_up(shift: Shift, settings: Settings, args: argparse.Namespace) -> int:
    """Load what is missing of the last sessions, choose the targets, check it all, say what comes next."""
    store, sources = shift.store, make_sources(shift.settings, shift.store, shift.pause)
    collector = StockDataCollector(sources, store, make_calendar(shift.settings, store))
    sessions = sessions_to_load(shift, collector, settings.history_sessions)
    if args.dry_run:
        log.info("Dry run: settings, database and exchange work. %d sessions would be there.", len(sessions))
        return EXIT_DONE
    if args.reset:  # only now that there is something to load instead
        store.reset()
        collector = StockDataCollector(sources, store, collector.calendar)
    with JobRun(store, MANUAL_SETUP, sessions[-1]) as job:
        store.save_scope(settings.min_market_cap, settings.markets, oldest_wanted(store, sessions[0]))
        load(shift, collector, sessions, settings)
        targets = refresh_from_newest(store, settings).active
        if findings := audit_sessions(store, collector.calendar, sessions[0], sessions[-1]):
            wrong = "\n".join(map(str, findings))
            raise StoreError(f"What is stored is not whole. Run daily_update.py --repair.\n{wrong}")
        job.record(tickers=targets)
    heal_datasets(
        *(store, sources, settings.beside_prices, sessions[0], sessions[-1], lambda: shift.stop.requested),
        thorough=True,
    )
    cross_check(sources, store)
    say_what_comes_next(shift, len(sessions), targets)
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


def oldest_wanted(store: Store, first: str) -> str:
    """Loading fewer sessions than before forgets none."""
    scope = store.scope()
    return first if scope is None else min(first, str(scope["first_session"]))


def load(shift: Shift, collector: StockDataCollector, sessions: list[str], settings: Settings) -> None:
    """Bring in what is due of these sessions; with the last one its targets, so it is complete with them."""
    due = due_in_store(shift.store, collector.calendar, sessions[0], sessions[-1], shift.clock.now_kst())
    log.info("%d sessions from %s to %s, %d to load.", len(sessions), sessions[0], sessions[-1], len(due))
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal) as progress:
        bar = progress.add_task("Loading sessions", total=len(due))

        def after_session(collected: Collected) -> None:
            progress.advance(bar)
            done = int(progress.tasks[bar].completed)
            if not console.is_terminal and (done % 25 == 0 or done == len(due)):
                log.info("%d of %d sessions loaded, up to %s.", done, len(due), collected.head.session)
            if collected.head.session == sessions[-1]:
                refresh_from_newest(shift.store, settings)

        problems = heal_all(shift.store, collector, due, lambda: shift.stop.requested, after_session)
    raise_worst(problems)


def say_what_comes_next(shift: Shift, sessions: int, targets: int) -> None:
    python, settings = Path(sys.executable).absolute(), shift.settings
    lines = cron_lines(PROJECT, python, settings.log_dir, shift.clock.host_utc_offsets())
    sys.stdout.write(
        f"\n{sessions} sessions and {targets:,} targets are in the {shift.store.description}.\n"
        "Put these lines into your crontab (crontab -e); they are right for this host's time zone:\n\n"
        + "\n".join(lines)
        + "\n\n`daily_update.py --status` shows where things stand.\n"
    )


if __name__ == "__main__":
    sys.exit(main())

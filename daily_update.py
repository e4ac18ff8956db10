#!/usr/bin/env python3
"""Every evening: bring in every session that is due, oldest first, confirm yesterday's, refresh the targets."""

import argparse
import logging
import sys
from pathlib import Path

from collectors.announcements import announce_flagged_actions
from collectors.audit import Audit, audit, show_audit, show_repair
from collectors.cross_check import cross_check
from collectors.dataset_healing import datasets_due, for_one_night, heal_datasets
from collectors.export import check_export_file, export
from collectors.healing import (
    DueSession,
    damaged_sessions,
    due_in_store,
    failure_recorded,
    heal_all,
    raise_worst,
    settle_calendar,
)
from collectors.repair import leaves_datasets_to_read, repair
from collectors.sources import Sources
from collectors.status import show_status
from collectors.stock_data_collector import Collected, StockDataCollector
from collectors.target_rule import TargetRule, target_rule
from collectors.targets import follow_older_session, refresh_targets
from collectors.wiring import make_calendar, make_sources, required_scope, with_earlier_choices
from utils.cli import Shift, check_span, date_option, run
from utils.date_utils import FIRST_DAY, LAST_DAY, TradingCalendar
from utils.errors import EXIT_DONE, EXIT_FAILED, SourceError
from utils.progress import progress_bar
from utils.store import Store
from utils.store.locks import COLLECTION

ALONE = ("--audit", "--repair", "--export", "--status", "--dry-run")
"""Each of these is a run of its own kind."""
log = logging.getLogger("daily_update")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    return run("daily_update", args, lambda shift: work(shift, args), is_watched=args == parse([]))


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--from", dest="first", type=date_option, metavar="D", help="only sessions from this day")
    parser.add_argument("--to", dest="last", type=date_option, metavar="D", help="only sessions up to this day")
    parser.add_argument("--audit", action="store_true", help="tell what is wrong with what is stored; write nothing")
    parser.add_argument("--repair", action="store_true", help="mend what the audit finds")
    parser.add_argument("--export", type=Path, metavar="FILE", help="write what is stored to a .csv or .parquet file")
    parser.add_argument("--ticker", metavar="CODE", help="with --export: only this ticker")
    parser.add_argument("--status", action="store_true", help="show where things stand")
    parser.add_argument("--json", action="store_true", help="with --status or --audit: for a program")
    parser.add_argument("--dry-run", action="store_true", help="say what is due, ask and write nothing")
    args = parser.parse_args(argv)
    if args.ticker and not args.export:
        parser.error("--ticker goes with --export")
    if args.json and not (args.status or args.audit):
        parser.error("--json goes with --status or --audit")
    asked = [option for option in ALONE if getattr(args, option.strip("-").replace("-", "_"))]
    if len(asked) > 1:
        parser.error(f"{asked[1]} does not go with {asked[0]}")
    return args


def work(shift: Shift, args: argparse.Namespace) -> int:
    check_span(args.first, args.last, shift.clock.now_kst())
    if args.status:
        show_status(shift.store, make_calendar(shift.settings, shift.store), shift.settings, args.json)
        return EXIT_DONE
    if args.export:
        return export_prices(shift, args)
    log.info("Using the %s.", shift.store.description)
    scope = required_scope(shift.store)
    first = args.first or scope["first_session"]
    if args.audit:
        show_audit(found := look_over(shift, first, args.last), args.json)
        return EXIT_FAILED if found.findings else EXIT_DONE
    if args.dry_run:
        return say_what_is_due(shift, first, args.last)
    with shift.store.lock(COLLECTION), failure_recorded(shift.store, last_session(shift, args.last)):
        return mend(shift, first, args.last) if args.repair else update(shift, first, args.last)


def update(shift: Shift, first: str, last: str | None) -> int:
    """The steps of the evening: settle the calendar, heal what is due, oldest first, refresh the targets; then what
    stands beside the prices."""
    rule = rule_in_force(shift)
    sources = make_sources(shift.settings, shift.store, shift.pause)
    collector = StockDataCollector(sources, shift.store, make_calendar(shift.settings, shift.store))
    problems = settle_calendar(collector, first, shift.clock.now_kst())
    want_since(shift.store, first)
    due = due_sessions(shift, collector.calendar, first, last)
    damaged = damaged_sessions(shift.store, first, last or LAST_DAY.isoformat(), but={each.session for each in due})
    if not due and not damaged:
        log.info("Nothing to do: every session up to now is there.")
    problems += heal(shift, collector, [*damaged, *due], rule)
    heal_beside_prices(shift, sources, first, last)
    raise_worst(problems)
    cross_check(sources, shift.store)
    return EXIT_DONE


def want_since(store: Store, first: str) -> None:
    """Whoever asks for earlier sessions than before wants them, and all since, kept right from now on."""
    scope = required_scope(store)
    if first < scope["first_session"]:
        log.info("Everything since %s is wanted from now on; before, it was since %s.", first, scope["first_session"])
        store.save_scope(scope["min_market_cap"], scope["markets"], first)


def mend(shift: Shift, first: str, last: str | None) -> int:
    """Mend what is wrong, look again, say what is left."""
    rule = rule_in_force(shift)
    sources = make_sources(shift.settings, shift.store, shift.pause)
    collector = StockDataCollector(sources, shift.store, make_calendar(shift.settings, shift.store))
    found = look_over(shift, first, last)
    problems = repair(shift.store, collector, found, rule, lambda due: heal(shift, collector, due, rule))
    if leaves_datasets_to_read(found):
        heal_beside_prices(shift, sources, first, last, thorough=True)
    show_repair(found, left := look_over(shift, first, last))
    raise_worst(problems)
    return EXIT_FAILED if left.needs_person else EXIT_DONE


def look_over(shift: Shift, first: str, last: str | None) -> Audit:
    """Everything that is wrong with what is stored; reads the store only."""
    calendar = make_calendar(shift.settings, shift.store)
    until, chosen = last_session(shift, last), shift.settings.datasets_at_hand
    return audit(shift.store, calendar, first, until, rule_in_force(shift), chosen)


def last_session(shift: Shift, asked: str | None) -> str:
    """The last session up to the day that was asked for, or the one that this night is about."""
    calendar = make_calendar(shift.settings, shift.store)
    return calendar.last_sessions(asked, 1)[0] if asked else calendar.session_of_night(shift.clock.now_kst())


def due_sessions(shift: Shift, calendar: TradingCalendar, first: str, last: str | None) -> list[DueSession]:
    now = shift.clock.now_kst()
    return due_in_store(shift.store, calendar, first, last or calendar.session_of_night(now), now)


def heal(shift: Shift, collector: StockDataCollector, due: list[DueSession], rule: TargetRule) -> list[SourceError]:
    with progress_bar("Collecting sessions", len(due)) as advance:

        def then(collected: Collected) -> None:
            after_session(shift, rule, collected)
            advance(1)

        return heal_all(shift.store, collector, due, lambda: shift.stop.requested, then)


def heal_beside_prices(shift: Shift, sources: Sources, first: str, last: str | None, thorough: bool = False) -> None:
    chosen, until = shift.settings.beside_prices, last or LAST_DAY.isoformat()
    heal_datasets(shift.store, sources, chosen, first, until, lambda: shift.stop.requested, thorough)


def after_session(shift: Shift, rule: TargetRule, collected: Collected) -> None:
    """The targets follow the newest session, and what an older one has to say about it."""
    store, settings, head = shift.store, shift.settings, collected.head
    log.info("%s: %s, %d tickers, %d corporate actions.", head.session, head.finality, head.count, collected.actions)
    if collected.is_newest:
        refresh_targets(store, collected.frame, head.session, rule)
        if settings.notify_urls:
            announce_flagged_actions(store, head.session, collected.frame, settings.language)
    else:
        follow_older_session(store, rule)


def rule_in_force(shift: Shift) -> TargetRule:
    """Who is to be a target. Raises `WrongUsage` when `TARGETS_FILE` cannot be used."""
    return target_rule(with_earlier_choices(shift.settings, shift.store.scope()))


def say_what_is_due(shift: Shift, first: str, last: str | None) -> int:
    """As far as it can be known without asking the exchange."""
    calendar = make_calendar(shift.settings, shift.store)
    for due in due_sessions(shift, calendar, first, last):
        log.info("%s is due (%s).", due.session, "to confirm" if due.to_confirm else "missing")
    now, until = shift.clock.now_kst(), last or LAST_DAY.isoformat()
    for name in shift.settings.datasets_at_hand:
        for lacking in for_one_night(datasets_due(shift.store, [name], first, until, now)):
            log.info("%s is due (%s).", lacking.session, name)
    log.info("Dry run: nothing was asked, nothing written.")
    return EXIT_DONE


def export_prices(shift: Shift, args: argparse.Namespace) -> int:
    check_export_file(args.export)
    first, last = args.first or str(FIRST_DAY), args.last or shift.clock.now_kst().date().isoformat()
    rows = export(shift.store, args.export, first, last, args.ticker, shift.settings.beside_prices)
    log.info("%s: %d rows.", args.export, rows)
    return EXIT_DONE


if __name__ == "__main__":
    sys.exit(main())

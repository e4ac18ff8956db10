#!/usr/bin/env python3
"""Every evening and every morning: collect every session that is due, oldest first, read again what
the exchange has changed since, refresh the targets."""

import argparse
import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path

import utils.interpreter  # noqa: F401
from collectors.collection.collect import failure_recorded, raise_worst
from collectors.collection.due import collects_nothing_new
from collectors.collection.odd_days import accept
from collectors.collection.update import DailyUpdate
from collectors.exchange.cross_check import cross_check
from collectors.upkeep.audit import Audit, audit, audit_damages, show_audit, show_repair
from collectors.upkeep.copy_store import copy_store, copy_target
from collectors.upkeep.damage import open_repaired
from collectors.upkeep.repair import leaves_datasets_to_read, repair
from collectors.views.export import check_export_file, export
from collectors.views.status import show_status
from utils.cli import check_span, date_option, parse_with_status, run_script
from utils.clock import Clock
from utils.date_utils import FIRST_DAY
from utils.errors import EXIT_DONE, EXIT_FAILED
from utils.output import start
from utils.run import Run
from utils.settings import Settings
from utils.store import Store, open_store
from utils.store.locks import COLLECTION

ALONE = ("--audit", "--repair", "--export", "--copy-to", "--status", "--dry-run", "--accept")
"""Each of these is a run of its own kind."""
log = logging.getLogger("daily_update")


def main(argv: list[str] | None = None) -> int:
    args = parse(argv)
    return run_script(
        "daily_update",
        args,
        lambda run: work(run, args),
        is_watched=args == parse([]),
        open_it=way_of_opening(args),
    )


def way_of_opening(args: argparse.Namespace) -> Callable[[Settings, Clock], Store]:
    """Return how to open the store: an audit tells what is damaged, a run that collects repairs it,
    any other needs it whole."""
    if args.audit:
        return partial(open_store, before=lambda backend: None)
    reads = args.export or args.copy_to or args.status or args.dry_run
    return open_store if reads else partial(open_repaired, args.repair)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--from", dest="first", type=date_option, metavar="D", help="only sessions from this day"
    )
    parser.add_argument(
        "--to", dest="last", type=date_option, metavar="D", help="only sessions up to this day"
    )
    parser.add_argument(
        "--audit", action="store_true", help="tell what is wrong with what is stored; write nothing"
    )
    parser.add_argument("--repair", action="store_true", help="repair what the audit finds")
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write what is stored to a .csv or .parquet file",
    )
    parser.add_argument("--ticker", metavar="CODE", help="with --export: only this ticker")
    parser.add_argument(
        "--copy-to",
        type=copy_target,
        metavar="TO",
        help="copy the whole store into another database",
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what is due, ask and write nothing"
    )
    parser.add_argument(
        "--accept", type=date_option, metavar="D", help="update, with a session that waits as odd"
    )
    args = parse_with_status(parser, argv, "--audit")
    if args.ticker and not args.export:
        parser.error("--ticker goes with --export")
    asked = [option for option in ALONE if getattr(args, option.strip("-").replace("-", "_"))]
    if len(asked) > 1:
        parser.error(f"{asked[1]} does not go with {asked[0]}")
    if (args.accept or args.copy_to) and (args.first or args.last):
        parser.error("--accept and --copy-to go with no other option")
    return args


def work(run: Run, args: argparse.Namespace) -> int:
    check_span(args.first, args.last, run.clock.now_kst())
    if args.status:
        show_status(run, args.json)
        return EXIT_DONE
    if args.export:
        return export_prices(run, args)
    if args.copy_to:
        copy_store(run, args.copy_to)
        return EXIT_DONE
    log.info("Using the %s.", run.store.description)
    if args.audit and (damaged := audit_damages(run.store)):
        show_audit(damaged, args.json)
        return EXIT_FAILED
    steps = DailyUpdate(run, args.first, args.last)
    if args.audit:
        show_audit(found := audit_all(run, steps), args.json)
        return EXIT_FAILED if found.findings else EXIT_DONE
    if args.dry_run:
        steps.say_what_is_due()
        return EXIT_DONE
    with run.store.locks.hold(COLLECTION), failure_recorded(run.store, steps.last_session()):
        if args.accept:
            accept(run.store, args.accept)
        return repair_findings(run, steps) if args.repair else update(run, steps)


def update(run: Run, steps: DailyUpdate) -> int:
    """Take the steps of an update."""
    steps.follow_changed_rule()
    problems = steps.learn_calendar()
    steps.extend_scope()
    steps.forget_factors_after_holes()
    due = steps.due()
    if not due:
        log.info("Nothing to do: every session up to now is there.")
    problems += steps.collect(due)
    # Once a night, by the run that collects its session.
    steps.collect_datasets(fills_up=not collects_nothing_new(due))
    raise_worst(problems)
    cross_check(steps.sources, run.store)
    return EXIT_DONE


def repair_findings(run: Run, steps: DailyUpdate) -> int:
    """Repair what is wrong, look again, say what is left."""
    found = audit_all(run, steps)
    problems = repair(run.store, steps.collector, found, steps.rule, steps.collect)
    if leaves_datasets_to_read(found):
        steps.collect_datasets(thorough=True)
    show_repair(found, left := audit_all(run, steps))
    raise_worst(problems)
    return EXIT_FAILED if left.needs_person else EXIT_DONE


def audit_all(run: Run, steps: DailyUpdate) -> Audit:
    """Return everything that is wrong with what is stored. Only the store is read."""
    first, last = steps.first, steps.last_session()
    datasets = run.settings.datasets_at_hand
    return audit(run.store, steps.calendar(), first, last, steps.rule, datasets)


def export_prices(run: Run, args: argparse.Namespace) -> int:
    check_export_file(args.export)
    first = args.first or str(FIRST_DAY)
    last = args.last or run.clock.now_kst().date().isoformat()
    rows = export(run.store, args.export, first, last, args.ticker, run.settings.extra_datasets)
    log.info("%s: %d rows.", args.export, rows)
    return EXIT_DONE


if __name__ == "__main__":
    start(main)

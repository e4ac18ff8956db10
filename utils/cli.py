"""Option types, start-up and exit codes of the three scripts."""

import argparse
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from rich.console import Console

from utils.clock import Clock
from utils.date_utils import OutOfCalendar, parse_date, predicted_open
from utils.errors import EXIT_DONE, EXIT_FAILED, EXIT_NOT_NOW, NightShiftError, WrongUsage
from utils.logs import setup_logging
from utils.notifications.watch import Watch
from utils.outside_text import visible
from utils.run import Run
from utils.settings import Settings, load_settings, remarks
from utils.store import Store, open_store

log = logging.getLogger(__name__)


def setting_options(args: argparse.Namespace) -> dict[str, str]:
    """Return the options that were given and whose `dest` is a setting: setting (lower case) ->
    text."""
    return {
        name: text
        for name, text in vars(args).items()
        if name in Settings.model_fields and text is not None
    }


def run_script(
    script: str,
    args: argparse.Namespace,
    work: Callable[[Run], int],
    is_watched: bool = False,
    ask_first: Callable[[], bool] = lambda: True,
    open_it: Callable[[Settings, Clock], Store] = open_store,
) -> int:
    """Open the store, do the work and return the exit code. See `run_script_without_store`.

    Args:
        open_it: opens the store.
    """
    with_store = partial(_with_store, work, open_it)
    return run_script_without_store(script, args, with_store, is_watched, ask_first)


def run_script_without_store(
    script: str,
    args: argparse.Namespace,
    work: Callable[[Settings, Clock], int],
    is_watched: bool = False,
    ask_first: Callable[[], bool] = lambda: True,
) -> int:
    """Do work that needs no database, and return the exit code.

    Options whose `dest` is the name of a setting outweigh that setting and are validated like it.

    Args:
        is_watched: report the run to the monitor, and to people when it matters
            (`utils.notifications.watch`).
        ask_first: called before the settings are read, and may change them. False: there is nothing
            to do.
    """
    with ExitStack() as at_the_end, _caught(script) as outcome:
        if ask_first():
            settings, clock, redact = _start_up(script, args)
            if is_watched:
                watch = Watch(script, settings, clock, redact)
                at_the_end.enter_context(_watched(script, watch, outcome))
            outcome.code = work(settings, clock)
    return outcome.code


@dataclass
class _Outcome:
    """Result of a run."""

    code: int = EXIT_DONE
    error: Exception | None = None
    is_interrupted: bool = False


@contextmanager
def _caught(what: str) -> Iterator[_Outcome]:
    """Turn any exception of the block into the run's outcome, and log it.

    This is the scripts' one broad `except`. The log blanks secrets; before it is set up, no secret
    is known.
    """
    outcome = _Outcome()
    try:
        yield outcome
    except NightShiftError as error:
        outcome.code, outcome.error = error.exit_code, error
        level = logging.WARNING if error.exit_code == EXIT_NOT_NOW else logging.ERROR
        _say(f"{what}: {error}", level)
    except (KeyboardInterrupt, EOFError):
        outcome.code, outcome.is_interrupted = EXIT_FAILED, True
        _say(f"{what}: interrupted. Nothing is lost; run it again to go on.", logging.WARNING)
    except Exception as error:  # logged with its traceback
        outcome.code, outcome.error = EXIT_FAILED, error
        log.critical("%s stopped by an error it does not know.", what, exc_info=error)


@contextmanager
def _watched(script: str, watch: Watch, outcome: _Outcome) -> Iterator[None]:
    """Report the run inside the block: its start and, when its outcome is logged, its result.

    A run that a person has interrupted is not reported. Reporting never changes the outcome.
    """
    watch.begin()
    yield
    if not outcome.is_interrupted:
        with _caught(f"{script}, reporting the run,"):
            watch.tell(outcome.error)


def _start_up(
    script: str, args: argparse.Namespace
) -> tuple[Settings, Clock, Callable[[str], str]]:
    """Return the settings, the clock and what blanks secrets, once the log is set up."""
    settings = load_settings(setting_options(args))
    clock = Clock(settings.kst_now)
    redact = setup_logging(script, settings, clock, to_file=not getattr(args, "status", False))
    for remark in remarks():
        log.warning("%s", remark)
    return settings, clock, redact


def _with_store(
    work: Callable[[Run], int],
    open_it: Callable[[Settings, Clock], Store],
    settings: Settings,
    clock: Clock,
) -> int:
    store = open_it(settings, clock)
    try:
        run = Run(settings, clock, store)
        run.stop.listen()
        code = work(run)
        if run.stop.requested:
            log.warning("Stopped by %s after the work in hand.", run.stop.signal_name)
        return code
    finally:
        store.close()


def _say(message: str, level: int) -> None:
    """Log the message or, before there is a log, write it to stderr."""
    if logging.getLogger().handlers:
        log.log(level, "%s", message)
    else:
        sys.stderr.write(visible(message) + "\n")


def screen(highlight: bool = True) -> Console:
    """Return the console for answers to a person: stdout, as wide as the terminal, else wide enough
    for every table. It shows strings as they are: a name may hold `[bold]` or `:warning:`."""
    width = None if sys.stdout.isatty() else 120
    return Console(file=sys.stdout, highlight=highlight, width=width, markup=False, emoji=False)


def parse_with_status(
    parser: argparse.ArgumentParser, argv: list[str] | None, *others: str
) -> argparse.Namespace:
    """Parse with `--status` and `--json`, which every script has. `--json` is allowed with these
    other options too."""
    companions = " or ".join(["--status", *others])
    parser.add_argument(
        "--status", action="store_true", help="show what was asked for and where things stand"
    )
    parser.add_argument("--json", action="store_true", help=f"with {companions}: for a program")
    args = parser.parse_args(argv)
    if args.json and not any(getattr(args, option.strip("-")) for option in ("--status", *others)):
        parser.error(f"--json goes with {companions}")
    return args


def date_option(text: str) -> str:
    """Return a day of the calendar, given as YYYY-MM-DD; an argparse type."""
    try:
        predicted_open(parse_date(text))
    except OutOfCalendar as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a date. Write it as 2024-01-22."
        ) from None
    return text


def check_not_future(option: str, day: str | None, now: datetime) -> None:
    """Raise `WrongUsage` when the day of that option lies after today, KST."""
    today = now.date().isoformat()
    if day is not None and day > today:
        raise WrongUsage(
            f"{option} {day} is in the future; today is {today} KST. Choose an earlier day."
        )


def check_span(first: str | None, last: str | None, now: datetime) -> None:
    """Raise `WrongUsage` when `--from` and `--to` are not in order, or lie in the future."""
    check_not_future("--from", first, now)
    check_not_future("--to", last, now)
    if first is not None and last is not None and first > last:
        raise WrongUsage(f"--from {first} is after --to {last}. Swap them.")

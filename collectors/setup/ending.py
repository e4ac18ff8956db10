"""End of a setup: what is there now, and what comes next."""

import shlex
import sys

from collectors.setup.context import location
from collectors.setup.demo import is_demo
from collectors.setup.dialogue import Dialogue
from utils.cron import daemon
from utils.cron.crontab import advice, can_be_installed, install
from utils.run import Run
from utils.settings import PROJECT, Settings
from utils.texts import Texts


class Left(Exception):
    """The person has left with Ctrl-C or Ctrl-D instead of answering. All that was done stays."""


def say_what_comes_next(run: Run, sessions: int, targets: int, texts: Texts) -> None:
    kept = location(texts, run.settings, run.store.description)
    steps = (_after_the_demo if is_demo(run.settings) else _every_night)(run, texts)
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    done = texts("done", sessions=sessions, targets=targets, location=kept)
    sys.stdout.write(f"\n{done}\n\n{texts('next')}\n\n{numbered}\n")


def _every_night(run: Run, texts: Texts) -> tuple[str, ...]:
    state, lines, problem = advice(run.settings, run.clock)
    cron = f"{texts(state, detail=problem)}\n\n{lines}"
    if daemon.is_stopped():
        cron += f"\n   {texts('cron_not_running')}\n"
    told = "next_told" if run.settings.notify_urls else "next_notify"
    look = f"{texts('next_look')}\n{_command('daily_update.py', '--status')}"
    if run.settings.report_file is not None:
        look += f"\n   {texts('next_report', path=run.settings.report_file)}"
    return cron, look, texts(told)


def _after_the_demo(run: Run, texts: Texts) -> tuple[str, ...]:
    """Return the steps without cron: an invented market has no evening to wait for."""
    look = f"{texts('demo_look')}\n{_command('daily_update.py', '--status')}"
    return look, texts("demo_real")


def _command(script: str, *options: str) -> str:
    """Return a command that can be copied into a shell, whatever the folder is called."""
    return "   " + shlex.join((sys.executable, str(PROJECT / script), *options))


def offer_cron_lines(run: Run, texts: Texts) -> None:
    """Install them after a yes. Raise `Left` when the person leaves instead of answering."""
    if is_demo(run.settings) or not can_be_installed(run.settings, run.clock):
        return
    if _agrees(run, texts, "cron_offer", default=False):
        install(run.settings, run.clock)


def agrees_to_analyse(run: Run, texts: Texts) -> bool:
    """Ask. Raise `Left` when the person leaves instead of answering."""
    has_page = run.settings.report_file is not None
    question = "analyse_now" if has_page else "analyse_now_without_report"
    return _agrees(run, texts, question, default=True)


def say_how_to_analyse(texts: Texts) -> None:
    sys.stdout.write(f"\n{texts('not_analysed')}\n{_command('hourly_analysis.py')}\n")


def say_where_the_report_is(settings: Settings, texts: Texts) -> None:
    if settings.report_file is not None:
        address = settings.report_file.as_uri()
        sys.stdout.write(f"\n{texts('report', path=settings.report_file, address=address)}\n")


def _agrees(run: Run, texts: Texts, question: str, default: bool) -> bool:
    try:
        with run.stop.while_asking():
            return Dialogue(texts).agrees(texts(question), default)
    except (KeyboardInterrupt, EOFError) as leaving:
        raise Left from leaving

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
    return cron, f"{texts('next_look')}\n{_looks(run.settings)}", texts(told)


def _after_the_demo(run: Run, texts: Texts) -> tuple[str, ...]:
    """Return the steps without cron: an invented market has no evening to wait for."""
    return f"{texts('demo_look')}\n{_looks(run.settings)}", texts("demo_real")


def _looks(settings: Settings) -> str:
    """Return the commands that show what there is, and where the report is."""
    report = settings.report_file
    page = _command("hourly_analysis.py", "--report") if report is None else f"   {report}"
    return _command("daily_update.py", "--status") + "\n" + page


def _command(script: str, *options: str) -> str:
    """Return a command that can be copied into a shell, whatever the folder is called."""
    return "   " + shlex.join((sys.executable, str(PROJECT / script), *options))


def offer_cron_lines(run: Run, texts: Texts) -> bool:
    """Install them after a yes. Return False when the person leaves instead of answering."""
    if is_demo(run.settings) or not can_be_installed(run.settings, run.clock):
        return True
    agreed = _answer(run, texts, "cron_offer", default=False)
    if agreed:
        install(run.settings, run.clock)
    return agreed is not None


def agrees_to_analyse(run: Run, texts: Texts) -> bool:
    return _answer(run, texts, "analyse_now", default=True) is True


def say_where_the_report_is(settings: Settings, texts: Texts) -> None:
    if settings.report_file is not None:
        address = settings.report_file.as_uri()
        sys.stdout.write(f"\n{texts('report', path=settings.report_file, address=address)}\n")


def _answer(run: Run, texts: Texts, question: str, default: bool) -> bool | None:
    """Return the answer; None for Ctrl-C and Ctrl-D, since everything else is done."""
    try:
        with run.stop.while_asking():
            return Dialogue(texts).agrees(texts(question), default)
    except (KeyboardInterrupt, EOFError):
        return None

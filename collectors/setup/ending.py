"""End of a setup: what is there now, and what comes next."""

import shlex
import sys

from collectors.setup.context import location
from collectors.setup.demo import is_demo
from collectors.setup.dialogue import Dialogue
from utils.cron import daemon
from utils.cron.crontab import advice, can_be_installed, install
from utils.run import Run
from utils.settings import PROJECT
from utils.texts import Texts


def say_what_comes_next(run: Run, sessions: int, targets: int, texts: Texts) -> None:
    kept = location(texts, run.settings, run.store.description)
    steps = (_after_the_demo if is_demo(run.settings) else _every_night)(run, texts)
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    done = texts("done", sessions=sessions, targets=targets, location=kept)
    sys.stdout.write(f"\n{done}\n\n{texts('next')}\n\n{numbered}\n")


def _every_night(run: Run, texts: Texts) -> tuple[str, str, str]:
    state, lines, problem = advice(run.settings, run.clock)
    cron = f"{texts(state, detail=problem)}\n\n{lines}"
    if daemon.is_stopped():
        cron += f"\n   {texts('cron_not_running')}\n"
    told = "next_told" if run.settings.notify_urls else "next_notify"
    return cron, f"{texts('next_look')}\n{_LOOKS}", texts(told)


def _after_the_demo(_: Run, texts: Texts) -> tuple[str, str, str]:
    """Return the steps without cron: an invented market has no evening to wait for."""
    analyse = _command("hourly_analysis.py")
    return (
        f"{texts('demo_analyse')}\n{analyse}",
        f"{texts('demo_look')}\n{_LOOKS}",
        texts("demo_real"),
    )


def _command(script: str, *options: str) -> str:
    """Return a command that can be copied into a shell, whatever the folder is called."""
    return "   " + shlex.join((sys.executable, str(PROJECT / script), *options))


_LOOKS = _command("daily_update.py", "--status") + "\n" + _command("hourly_analysis.py", "--report")


def offer_cron_lines(run: Run, texts: Texts) -> None:
    if is_demo(run.settings) or not can_be_installed(run.settings, run.clock):
        return
    try:
        with run.stop.while_asking():
            agreed = Dialogue(texts).agrees(texts("cron_offer"), default=False)
    except (KeyboardInterrupt, EOFError):
        agreed = False  # everything else is done
    if agreed:
        install(run.settings, run.clock)

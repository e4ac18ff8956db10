"""The end of a setup: what is there now, and what comes next."""

import shlex
import sys

from collectors.setup.context import location
from collectors.setup.demo import is_demo
from collectors.setup.dialogue import Dialogue
from utils.cli import Shift
from utils.cron import daemon
from utils.cron.crontab import advice, can_be_installed, install
from utils.settings import PROJECT
from utils.texts import Texts


def say_what_comes_next(shift: Shift, sessions: int, targets: int, texts: Texts) -> None:
    kept = location(texts, shift.settings, shift.store.description)
    steps = (_after_the_demo if is_demo(shift.settings) else _every_night)(shift, texts)
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    done = texts("done", sessions=sessions, targets=targets, location=kept)
    sys.stdout.write(f"\n{done}\n\n{texts('next')}\n\n{numbered}\n")


def _every_night(shift: Shift, texts: Texts) -> tuple[str, str, str]:
    state, lines, problem = advice(shift.settings, shift.clock)
    cron = f"{texts(state, detail=problem)}\n\n{lines}"
    if daemon.is_stopped():
        cron += f"\n   {texts('cron_not_running')}\n"
    told = "next_told" if shift.settings.notify_urls else "next_notify"
    return cron, f"{texts('next_look')}\n{_LOOKS}", texts(told)


def _after_the_demo(_: Shift, texts: Texts) -> tuple[str, str, str]:
    """No cron: an invented market has no evening to wait for."""
    analyse = _command("hourly_analysis.py")
    return (
        f"{texts('demo_analyse')}\n{analyse}",
        f"{texts('demo_look')}\n{_LOOKS}",
        texts("demo_real"),
    )


def _command(script: str, *options: str) -> str:
    """To be copied into a shell, whatever the folder is called."""
    return "   " + shlex.join((sys.executable, str(PROJECT / script), *options))


_LOOKS = _command("daily_update.py", "--status") + "\n" + _command("hourly_analysis.py", "--report")


def offer_cron_lines(shift: Shift, texts: Texts) -> None:
    if is_demo(shift.settings) or not can_be_installed(shift.settings, shift.clock):
        return
    try:
        with shift.stop.while_asking():
            agreed = Dialogue(texts).agrees(texts("cron_offer"), default=False)
    except (KeyboardInterrupt, EOFError):
        agreed = False  # everything else is done
    if agreed:
        install(shift.settings, shift.clock)

"""The end of a setup: what is there now, and what comes next."""

import shlex
import sys

from collectors.setup.demo import is_demo
from collectors.setup.dialogue import Dialogue
from collectors.setup.guide import place
from collectors.setup.texts import Words
from utils.cli import Shift
from utils.cron import daemon
from utils.cron.crontab import advice, can_be_installed, install
from utils.settings import PROJECT


def say_what_comes_next(shift: Shift, sessions: int, targets: int, words: Words) -> None:
    kept = place(words, shift.settings, shift.store.description)
    steps = (_after_the_demo if is_demo(shift.settings) else _every_night)(shift, words)
    numbered = "\n".join(f"{number}. {step}" for number, step in enumerate(steps, 1))
    done = words("done", sessions=sessions, targets=targets, place=kept)
    sys.stdout.write(f"\n{done}\n\n{words('next')}\n\n{numbered}\n")


def _every_night(shift: Shift, words: Words) -> tuple[str, str, str]:
    state, lines, problem = advice(shift.settings, shift.clock)
    cron = f"{words(state, detail=problem)}\n\n{lines}"
    if daemon.is_stopped():
        cron += f"\n   {words('cron_not_running')}\n"
    told = "next_told" if shift.settings.notify_urls else "next_notify"
    return cron, f"{words('next_look')}\n{_LOOKS}", words(told)


def _after_the_demo(_: Shift, words: Words) -> tuple[str, str, str]:
    """No cron: an invented market has no evening to wait for."""
    analyse = _command("hourly_analysis.py")
    return (
        f"{words('demo_analyse')}\n{analyse}",
        f"{words('demo_look')}\n{_LOOKS}",
        words("demo_real"),
    )


def _command(script: str, *options: str) -> str:
    """To be copied into a shell, whatever the folder is called."""
    return "   " + shlex.join((sys.executable, str(PROJECT / script), *options))


_LOOKS = _command("daily_update.py", "--status") + "\n" + _command("hourly_analysis.py", "--report")


def offer_cron_lines(shift: Shift, words: Words) -> None:
    if is_demo(shift.settings) or not can_be_installed(shift.settings, shift.clock):
        return
    try:
        with shift.stop.while_asking():
            agreed = Dialogue(words).agrees(words("cron_offer"), default=False)
    except (KeyboardInterrupt, EOFError):
        agreed = False  # everything else is done
    if agreed:
        install(shift.settings, shift.clock)

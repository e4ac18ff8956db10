"""The end of a setup: what is there now, and what comes next."""

import shlex
import sys

from collectors.guide.dialogue import Dialogue
from collectors.guide.guide import place
from collectors.guide.texts import Words
from utils.cli import Shift
from utils.crontab import advice, can_be_installed, install
from utils.settings import PROJECT


def say_what_comes_next(shift: Shift, sessions: int, targets: int, words: Words) -> None:
    settings = shift.settings
    kept = place(words, settings, shift.store.description)
    state, lines = advice(settings, shift.clock)
    looks = (("daily_update.py", "--status"), ("hourly_analysis.py", "--report"))
    commands = "\n".join(f"   {_command(*look)}" for look in looks)
    sys.stdout.write(
        f"\n{words('done', sessions=sessions, targets=targets, place=kept)}\n\n{words('next')}\n\n"
        f"1. {words(state)}\n\n{lines}\n"
        f"2. {words('next_look')}\n{commands}\n"
        f"3. {words('next_told' if settings.notify_urls else 'next_notify')}\n"
    )


def _command(script: str, *options: str) -> str:
    """To be copied into a shell, whatever the folder is called."""
    return shlex.join((sys.executable, str(PROJECT / script), *options))


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

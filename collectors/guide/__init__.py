"""The first ten minutes: `manual_setup.py` at a terminal asks, tries each answer at once and keeps
it in `.env`."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from collectors.guide.choices import ask_markets, ask_sessions, ask_threshold
from collectors.guide.database import ask_database
from collectors.guide.demo import is_demo
from collectors.guide.dialogue import Dialogue
from collectors.guide.ending import offer_cron_lines, say_what_comes_next
from collectors.guide.exchange import ask_exchange
from collectors.guide.guide import Guide, place
from collectors.guide.texts import LANGUAGES, Words
from collectors.guide.trials import is_set_up, try_database
from utils.clock import Clock
from utils.env_file import check_writable
from utils.errors import LockHeld, NightShiftError, StoreError, WrongUsage
from utils.settings import ENV_FILE, load_settings
from utils.store import can_be_looked_at

__all__ = [
    "LANGUAGES",
    "Dialogue",
    "Words",
    "converse",
    "offer_cron_lines",
    "place",
    "say_what_comes_next",
]

QUESTIONS = (
    ("database", ask_database),
    ("exchange", ask_exchange),
    ("markets", ask_markets),
    ("threshold", ask_threshold),
    ("sessions", ask_sessions),
)
"""Name of the heading, and the function that asks."""


def converse(words: Words, options: Mapping[str, str], fresh: bool) -> bool:
    """The whole conversation; whether to begin with the work now. Ctrl-C and Ctrl-D leave with
    `NightShiftError`.

    Args:
        options: setting (lower case) -> text from the command line; what is set there is not asked.
        fresh: what was chosen in an earlier setup counts no more (`--reset`).
    """
    dialogue = Dialogue(words)
    guide = Guide(dialogue, words, options, Clock(load_settings(options).kst_now), fresh)
    try:
        with _log_lines_held_back():
            _check_before_any_question(guide)
            _ask_everything(guide)
            _keep_the_language(guide)
            guide.write_held()
        dialogue.say("")
        if ENV_FILE.exists():
            dialogue.hint(words("kept", file=ENV_FILE))
        if dialogue.agrees(words("begin"), default=True):
            return True
    except (KeyboardInterrupt, EOFError):
        dialogue.say("")
        raise NightShiftError(words("left")) from None
    except LockHeld as held:
        raise LockHeld(words("problem_locked", detail=held)) from None
    dialogue.say(words("not_begun", file=ENV_FILE))
    return False


def _check_before_any_question(guide: Guide) -> None:
    """That the answers can be kept, and that nobody is at work where the data is kept now."""
    try:
        check_writable(guide.env_file)
    except WrongUsage as problem:
        raise WrongUsage(
            guide.words("env_unwritable", file=guide.env_file, detail=problem)
        ) from None
    settings = guide.settings()
    if can_be_looked_at(settings):
        with (
            guide.dialogue.waiting(guide.words("trying_database")),
            suppress(StoreError),
        ):  # question 1 is about that
            try_database(settings, guide.clock)
            guide.has_nights = is_set_up(settings, guide.clock) and not is_demo(settings)


def _ask_everything(guide: Guide) -> None:
    guide.dialogue.welcome()
    for number, (name, ask) in enumerate(QUESTIONS, 1):
        guide.dialogue.heading(number, name)
        ask(guide)


def _keep_the_language(guide: Guide) -> None:
    """For what is told at night: cron has no locale to tell the language by."""
    if guide.words.language != LANGUAGES[0] and guide.settings().notify_lang is None:
        guide.keep({"notify_lang": guide.words.language})


@contextmanager
def _log_lines_held_back() -> Iterator[None]:
    """The log is not set up before its folder is known, and a person at a question reads no log
    lines."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)

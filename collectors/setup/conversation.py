"""Conversation of `manual_setup.py` at a terminal. Each answer is tried at once and kept in `.env`,
except those that `SetupContext.keep` holds until the last question."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from collectors.setup.choices import ask_markets, ask_sessions, ask_threshold
from collectors.setup.context import SetupContext
from collectors.setup.database import ask_database
from collectors.setup.demo import is_demo
from collectors.setup.dialogue import Dialogue
from collectors.setup.exchange import ask_exchange
from collectors.setup.trials import is_set_up, try_database
from utils.clock import Clock
from utils.env_file import check_writable
from utils.errors import LockHeld, NightShiftError, StoreError, WrongUsage
from utils.settings import ENV_FILE, load_settings
from utils.store import can_be_looked_at
from utils.texts import LANGUAGES, Texts

QUESTIONS = (
    ("database", ask_database),
    ("exchange", ask_exchange),
    ("markets", ask_markets),
    ("threshold", ask_threshold),
    ("sessions", ask_sessions),
)
"""Name of the heading, and the function that asks."""


def converse(texts: Texts, options: Mapping[str, str], fresh: bool) -> bool:
    """Hold the whole conversation. Return True if the work is to begin now.

    Args:
        options: setting (lower case) -> text from the command line; what is set there is not asked.
        fresh: what was chosen in an earlier setup counts no more (`--reset`).
    Raises:
        NightShiftError: Ctrl-C or Ctrl-D.
    """
    dialogue = Dialogue(texts)
    setup = SetupContext(dialogue, texts, options, Clock(load_settings(options).kst_now), fresh)
    try:
        with _log_lines_held_back():
            _check_before_any_question(setup)
            _ask_everything(setup)
            _keep_the_language(setup)
            setup.write_held()
        dialogue.say("")
        if ENV_FILE.exists():
            dialogue.hint(texts("kept", file=ENV_FILE))
        if dialogue.agrees(texts("begin"), default=True):
            return True
    except (KeyboardInterrupt, EOFError):
        dialogue.say("")
        raise NightShiftError(texts("left_held" if setup.held else "left")) from None
    except LockHeld as held:
        raise LockHeld(texts("problem_locked", detail=held)) from None
    dialogue.say(texts("not_begun", file=ENV_FILE))
    return False


def _check_before_any_question(setup: SetupContext) -> None:
    """Check that answers can be kept, and that nobody is at work where the data is kept now."""
    try:
        check_writable(setup.env_file)
    except WrongUsage as problem:
        raise WrongUsage(
            setup.texts("env_unwritable", file=setup.env_file, detail=problem)
        ) from None
    settings = setup.settings()
    if can_be_looked_at(settings):
        # A database that fails is for question 1.
        with setup.dialogue.waiting(setup.texts("trying_database")), suppress(StoreError):
            try_database(settings, setup.clock)
            setup.has_nights = is_set_up(settings, setup.clock) and not is_demo(settings)


def _ask_everything(setup: SetupContext) -> None:
    setup.dialogue.welcome()
    for number, (name, ask) in enumerate(QUESTIONS, 1):
        setup.dialogue.heading(number, name)
        ask(setup)


def _keep_the_language(setup: SetupContext) -> None:
    """Keep the language for what is told at night: cron has no locale to tell it by."""
    if setup.texts.language != LANGUAGES[0] and setup.settings().notify_lang is None:
        setup.keep({"notify_lang": setup.texts.language})


@contextmanager
def _log_lines_held_back() -> Iterator[None]:
    """Hold log lines back: the log's folder is not known yet, and nobody at a question reads
    them."""
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)

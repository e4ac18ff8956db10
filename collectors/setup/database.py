"""Question where to keep the data: the embedded database, or a MongoDB that is tried at once."""

import re
from pathlib import Path
from urllib.parse import quote

from collectors.setup.context import SetupContext, location
from collectors.setup.trials import try_database
from utils.errors import StoreError, Unopenable
from utils.logs import Redaction
from utils.settings import Settings
from utils.store import put_aside

EMBEDDED, MONGODB = 1, 2
LOCAL = "mongodb://localhost:27017/"
_USER_WITHOUT_PASSWORD = re.compile(r"(mongodb(?:\+srv)?://)([^:/?#@]+)@(.*)")


def ask_database(setup: SetupContext) -> None:
    """Ask, and keep the answer once it works.

    Raise `StoreError` where it does not work and the environment leaves no choice.
    """
    texts, dialogue = setup.texts, setup.dialogue
    if setup.tell_if_decided(("mongodb_uri",), value="MONGODB_URI"):
        _try_and_say(setup, {})
        return
    present = setup.settings().mongodb_uri
    uri = present.get_secret_value() if present else ""
    while True:
        choice = dialogue.choose(
            [texts("database_here"), texts("database_mongodb")], MONGODB if uri else EMBEDDED
        )
        uri = _ask_uri(setup, uri or LOCAL) if choice == MONGODB else ""
        try:
            _try_and_say(setup, {"mongodb_uri": uri})
        except Unopenable:
            continue  # it has been explained, and the file is to stay
        except StoreError as problem:
            dialogue.explain(problem)
        else:
            setup.keep({"mongodb_uri": uri})
            return


def _ask_uri(setup: SetupContext, present: str) -> str:
    """Ask for an address. The present one is shown without its password, and Enter is all of it."""
    texts, dialogue = setup.texts, setup.dialogue
    shown = Redaction([])(present)
    dialogue.hint(texts("uri_hint"))
    typed = dialogue.ask(texts("uri"), shown, str)
    if typed == shown:
        return present
    if (parts := _USER_WITHOUT_PASSWORD.fullmatch(typed)) is None:
        return typed
    scheme, user, rest = parts.groups()
    password = dialogue.ask_hidden(texts("uri_password", user=user), needed=False)
    return f"{scheme}{user}:{quote(password, safe='')}@{rest}" if password else typed


def _try_and_say(setup: SetupContext, answers: dict[str, str]) -> None:
    settings = setup.settings(answers)
    try:
        description = _try(setup, settings)
    except Unopenable as problem:
        _offer_to_put_aside(setup, settings.data_dir, problem)
        description = _try(setup, settings)
    setup.dialogue.works(
        setup.texts("database_works", location=location(setup.texts, settings, description))
    )


def _try(setup: SetupContext, settings: Settings) -> str:
    with setup.dialogue.waiting(setup.texts("trying_database")):
        return try_database(settings, setup.clock)


def _offer_to_put_aside(setup: SetupContext, folder: Path, problem: Unopenable) -> None:
    """Ask whether to put a file aside that cannot be opened, and do so. Raise the problem when it
    is to stay."""
    setup.dialogue.explain(problem)
    if not setup.dialogue.agrees(setup.texts("put_aside", folder=folder), default=False):
        raise problem
    aside = put_aside(folder, f"damaged-{setup.clock.now_kst():%Y%m%d-%H%M%S}")
    setup.dialogue.say(setup.texts("is_put_aside", file=aside))

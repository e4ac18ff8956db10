"""Where to keep the data: the embedded database, or a MongoDB that is tried at once."""

import re
from urllib.parse import quote

from collectors.guide.guide import Guide, place
from collectors.guide.trials import try_database
from utils.errors import StoreError
from utils.logs import Redaction

EMBEDDED, MONGODB = 1, 2
LOCAL = "mongodb://localhost:27017/"
_USER_WITHOUT_PASSWORD = re.compile(r"(mongodb(?:\+srv)?://)([^:/?#@]+)@(.*)")


def ask_database(guide: Guide) -> None:
    """Kept once it works. Raises `StoreError` where it does not and the environment leaves no
    choice."""
    words, dialogue = guide.words, guide.dialogue
    if guide.tell_if_decided(("mongodb_uri",), value="MONGODB_URI"):
        _try_and_say(guide, {})
        return
    present = guide.settings().mongodb_uri
    uri = present.get_secret_value() if present else ""
    while True:
        way = dialogue.choose(
            [words("database_here"), words("database_mongodb")], MONGODB if uri else EMBEDDED
        )
        uri = _ask_uri(guide, uri or LOCAL) if way == MONGODB else ""
        try:
            _try_and_say(guide, {"mongodb_uri": uri})
        except StoreError as problem:
            dialogue.explain(problem)
        else:
            guide.keep({"mongodb_uri": uri})
            return


def _ask_uri(guide: Guide, present: str) -> str:
    """The present one is shown without its password, and Enter is all of it."""
    words, dialogue = guide.words, guide.dialogue
    shown = Redaction([])(present)
    dialogue.hint(words("uri_hint"))
    typed = dialogue.ask(words("uri"), shown, str)
    if typed == shown:
        return present
    if (parts := _USER_WITHOUT_PASSWORD.fullmatch(typed)) is None:
        return typed
    scheme, user, rest = parts.groups()
    password = dialogue.ask_hidden(words("uri_password", user=user), needed=False)
    return f"{scheme}{user}:{quote(password, safe='')}@{rest}" if password else typed


def _try_and_say(guide: Guide, answers: dict[str, str]) -> None:
    settings = guide.settings(answers)
    with guide.dialogue.waiting(guide.words("trying_database")):
        description = try_database(settings, guide.clock)
    guide.dialogue.works(
        guide.words("database_works", place=place(guide.words, settings, description))
    )

"""Addresses that hold secrets, as notification services and heartbeat monitors give them: what may
be shown of them."""

import re
from collections.abc import Iterator
from urllib.parse import unquote

_BETWEEN = re.compile(r"[\s,]+(?=[a-z0-9]+://)", re.IGNORECASE)
_FORM = re.compile(
    r"[a-z0-9]+://(?:(?P<user>[^/?]*)@)?(?P<host>[^/?]*)(?P<path>[^?]*)\??(?P<query>.*)",
    re.IGNORECASE,
)
_SECRET_NAME = re.compile(r"key|token|secret|pass|pw|auth", re.IGNORECASE)
_SHORTEST, _LONG, _VERY_LONG = 4, 8, 20


def split_addresses(text: str) -> list[str]:
    """The addresses in a list, parted by commas or spaces. A comma within one is a comma of its
    own."""
    return [each for each in _BETWEEN.split(text.strip(" ,\t\r\n")) if each]


def is_address(text: str) -> bool:
    """Whether it has the form `scheme://` and something."""
    return bool(re.fullmatch(r"[a-z0-9]+://\S+", text, re.IGNORECASE))


def scheme_of(address: str) -> str:
    """What stands before `://`: the kind of service, and all of an address that may be shown."""
    return address.partition("://")[0].lower()


def secret_parts(address: str) -> set[str]:
    """The address itself and every part of it that may be secret, for blanking wherever a library
    shows them alone.

    Which part is the secret differs from service to service: user and password, a token in place of
    the host, words of the path. A host's name and short plain words are none, or the log could not
    be read any more.
    """
    found = _FORM.fullmatch(address)
    parts = {address, address.partition("://")[2]} | (set(_parts(found)) if found else set())
    return {form for part in parts for form in (part, unquote(part)) if form}


def _parts(address: re.Match[str]) -> Iterator[str]:
    user, _, password = (address["user"] or "").partition(":")
    yield password
    yield from filter(_looks_secret, (user, *re.split(r"[/,;]+", address["path"])))
    if "." not in address["host"]:  # no host at all, but a token
        yield from (
            word
            for word in address["host"].split(":")
            if len(word) >= _LONG and word != "localhost"
        )
    for name, _, value in (pair.partition("=") for pair in address["query"].split("&")):
        if _SECRET_NAME.search(name) and len(value) >= _SHORTEST:
            yield value


def _looks_secret(word: str) -> bool:
    return len(word) >= _VERY_LONG or (len(word) >= _LONG and bool(re.search(r"[A-Z0-9]", word)))

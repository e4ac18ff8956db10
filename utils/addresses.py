"""Addresses that hold secrets, as notification services and heartbeat monitors give them."""

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
    """Return the addresses of a list, separated by commas or spaces.

    A comma inside an address belongs to it.
    """
    return [each for each in _BETWEEN.split(text.strip(" ,\t\r\n")) if each]


def is_address(text: str) -> bool:
    """Return whether the text has the form `scheme://` and something."""
    return bool(re.fullmatch(r"[a-z0-9]+://\S+", text, re.IGNORECASE))


def scheme_of(address: str) -> str:
    """Return what stands before `://`: the kind of service. Nothing else of an address may be
    shown."""
    return address.partition("://")[0].lower()


def secret_parts(address: str) -> set[str]:
    """Return the address and every part of it that may be secret, for blanking in texts of
    libraries.

    The secret part differs from service to service: user and password, a token in place of the
    host, words of the path. A host's name and short plain words are not taken for secrets, or the
    log could not be read any more.
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

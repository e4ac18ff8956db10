"""Text from outside, such as a name from the exchange: what may be in it, made harmless for what
shows it.

A name is made plain once, where it comes in (`plain_name`). What is dangerous in one kind of output
alone is taken care of there: `without_markup` and `for_message` for messages, `for_spreadsheet` for
CSV. The terminal and the page show all text as it is.
"""

import json
import re

MOST_OF_NAME = 100
"""Characters of a name that are kept; the longest of 3,117 recorded ones has 14."""
_MOST_QUOTED = 40
_BLANK = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Characters that count as letters or marks and yet show nothing."""
_MARKUP = {ord(each): ord(each) + 0xFEE0 for each in "*_~`|[]<>@#\\/:"}
"""Characters that services take for markup, links or mentions -> their full-width forms."""
_MENTION = re.compile(r"(?<![\w*])@(?=[\w&!])")
_QUOTED = re.compile(r"""(?<!\w)(['"])(?:(?!\1)[^\\\n]|\\.)*\1(?!\w)""")
"""Text as `quoted` gives it; the apostrophe of a word begins and ends none."""
_FORMULA = re.compile(r"""((?:^|[;,|"'\t])\s*)(?=[=+\-@＝＋－＠])""")


def plain_name(name: object, otherwise: str) -> str:
    """Return a name as one line of at most `MOST_OF_NAME` visible characters.

    Control, bidirectional and other invisible characters are left out, and space of every kind and
    length becomes one. The same name always becomes the same: stored names are compared.

    Args:
        otherwise: stands in its place when nothing is in it, `-` alone (an empty cell), or no text.
    """
    if not isinstance(name, str):
        return otherwise
    seen = name if name.isprintable() else "".join(map(_shown, name))
    plain = " ".join(_BLANK.sub("", seen).split())[:MOST_OF_NAME].rstrip()
    return otherwise if plain in ("", "-") else plain


def _shown(letter: str) -> str:
    return letter if letter.isprintable() else " " if letter.isspace() else ""


def quoted(text: object) -> str:
    """Return the beginning of a text in quotation marks, on one line, for an error message."""
    return repr(str(text)[:_MOST_QUOTED])


def beginning(text: object) -> str:
    """Return the same without quotation marks and markup, for what is a code or a date in all
    likelihood."""
    return "/".join(map(without_markup, quoted(text)[1:-1].split("/")))


def visible(text: str) -> str:
    """Return a text with every character that is not seen, except the line break, as JSON escapes
    it: a terminal obeys none of them, and every encoding can write them."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() or each == "\n" else _escape(each) for each in text)


def _escape(letter: str) -> str:
    return json.dumps(letter)[1:-1]


def without_markup(name: str) -> str:
    """Return a name in which no messaging service finds markup, a link or a mention: the characters
    for these become full-width."""
    return name.translate(_MARKUP)


def for_message(text: str) -> str:
    """Return a message in which no service finds somebody to call, such as `@everyone`, or markup
    in what an error quotes. Addresses such as `user@host` stay."""
    return _MENTION.sub("＠", _QUOTED.sub(lambda found: without_markup(found[0]), text))


def for_spreadsheet(name: str) -> str:
    """Return a name that a spreadsheet shows and does not compute: an apostrophe stands before what
    begins like a formula, also behind what another separator than the comma would split."""
    return _FORMULA.sub(r"\1'", name)

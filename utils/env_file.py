"""The file `.env`: read without substitution, and changed setting by setting."""

import io
import os
import re
import tempfile
import unicodedata
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from utils.errors import WrongUsage
from utils.whole_file import whole_file

_BLANK = r"[^\S\r\n]*"
_UP_TO_VALUE = re.compile(rf"\s*(?:export[^\S\r\n]+)?(?:'[^']+'|[^=#\s]+){_BLANK}={_BLANK}")
_VALUE = re.compile(
    rf"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|(?:[^\r\n]*?)(?={_BLANK}(?:\r|\n|$)|[^\S\r\n]+\#)""",
    re.DOTALL,
)
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z0-9_./:@,%+=-]*")
_NOT_IN_A_LINE = ("Cc", "Cs", "Zl", "Zp")
"""Unicode's control characters, surrogates, line and paragraph separators."""


def read_env_file(env_file: Path) -> dict[str, str]:
    """Return name -> text as it is written; empty when there is no file.

    Nothing is substituted in a text, so a password may hold `$`. Raises `WrongUsage` for a line
    that cannot be understood, without showing it: it may hold a password.
    """
    statements = _statements(env_file, _text_of(env_file))
    return {each.key: each.value for each in statements if each.key and each.value is not None}


def change_env_file(
    env_file: Path, changes: Mapping[str, str], template: Path | None = None
) -> None:
    """Give these settings these values. Every comment, every other setting and the order stay, byte
    for byte.

    A setting that the file only shows commented out is put below that line, any other at the end.
    The file is replaced whole or not at all, and only its owner may read it (mode 0600).

    Args:
        changes: name -> text; an empty text means the default.
        template: the text that a new file starts from.
    Raises:
        WrongUsage: a line that cannot be understood, a value that no line can hold, a file that
            cannot be written.
    """
    text = before = _text_of(env_file) or _text_of(template)
    for name, value in changes.items():
        text = _with_setting(_statements(env_file, text), name, value, text)
    try:
        if text != before:
            with whole_file(_real(env_file), mode=0o600) as fresh:
                fresh.write_bytes(text.encode("utf-8"))
        elif env_file.exists():
            env_file.chmod(0o600)
    except OSError as error:
        raise _unwritable(env_file, error) from None


def check_writable(env_file: Path) -> None:
    """Raise `WrongUsage` where `change_env_file` could not write."""
    try:
        descriptor, name = tempfile.mkstemp(dir=_real(env_file).parent, prefix=".env.")
        os.close(descriptor)
        Path(name).unlink()
    except OSError as error:
        raise _unwritable(env_file, error) from None


def _unwritable(env_file: Path, error: OSError) -> WrongUsage:
    return WrongUsage(
        f"{env_file} cannot be written ({error.strerror}). "
        "Correct its permissions, or free space on the disk."
    )


def _real(env_file: Path) -> Path:
    """Return the file that is to be replaced. A link is followed, so it stays a link."""
    return Path(os.path.realpath(env_file))


def _text_of(file: Path | None) -> str:
    if file is None or not file.is_file():
        return ""
    try:
        return file.read_bytes().decode("utf-8")
    except (UnicodeDecodeError, OSError) as error:
        raise WrongUsage(
            f"{file} cannot be read ({error}). Save it as UTF-8 text this user may read."
        ) from None


def _statements(env_file: Path, text: str) -> list[Binding]:
    """Return every line (or quoted value of several lines) with its text."""
    statements = list(parse_stream(io.StringIO(text)))
    if broken := [
        str(each.original.line)
        for each in statements
        if each.error or (each.key and each.value is None)
    ]:
        raise WrongUsage(f"{env_file}, line {', '.join(broken)}: not of the form NAME=value.")
    return statements


def _with_setting(statements: list[Binding], name: str, value: str, text: str) -> str:
    """Return the file's text after one change. The setting may stand there several times, in
    capitals or not."""
    lines = [each.original.string for each in statements]
    known = [
        position for position, each in enumerate(statements) if (each.key or "").upper() == name
    ]
    if all(statements[position].value == value for position in known) and (known or not value):
        return text
    for position in known:
        lines[position] = _changed(statements[position], value)
    if not known:
        newline = "\r\n" if "\r\n" in text else "\n"
        shown = [position for position, line in enumerate(lines) if _is_shown(name, line)]
        position = shown[-1] + 1 if shown else len(lines)
        gap = newline if position and not lines[position - 1].endswith(("\n", "\r")) else ""
        lines.insert(position, f"{gap}{name}={_quoted(name, value)}{newline}")
    return ("\ufeff" if text.startswith("\ufeff") else "") + "".join(lines)


def _is_shown(name: str, line: str) -> bool:
    return re.match(rf"#{_BLANK}{name}{_BLANK}=", line.strip()) is not None


def _changed(statement: Binding, value: str) -> str:
    """Return the statement with another value; the spelling of its name and its comment stay."""
    line = statement.original.string
    start = _UP_TO_VALUE.match(line)
    old = None if start is None else _VALUE.match(line, start.end())
    if start is None or old is None:
        raise WrongUsage(
            f"{statement.key} in .env stands in a line that this program cannot change. "
            "Change it there."
        )
    behind = line[old.end() :]
    return (
        line[: start.end()]
        + _quoted(str(statement.key), value)
        + (" " if behind.startswith("#") else "")
        + behind
    )


def _quoted(name: str, value: str) -> str:
    if any(unicodedata.category(character) in _NOT_IN_A_LINE for character in value):
        raise WrongUsage(
            f"{name}: a value with line breaks or control characters cannot stand in .env."
        )
    if _NEEDS_NO_QUOTES.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"

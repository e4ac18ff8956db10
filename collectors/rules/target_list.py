"""Exceptions of `TARGETS_FILE`: tickers that are always and tickers that are never targets,
whatever they are worth.

One a line, + for always and - for never; what follows a # is a comment, and empty lines mean
nothing:

    # of my own
    +005930   # Samsung Electronics
    -005935
"""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from utils.errors import WrongUsage
from utils.outside_text import quoted

ALWAYS, NEVER = "+", "-"
_MOST_LINES = 20
"""Wrong lines that are named: it may be another file altogether."""
_ENTRY = re.compile(r"([+-])\s*([0-9A-Z]{6})", re.ASCII)
_SAYS = {ALWAYS: "always", NEVER: "never"}


@dataclass(frozen=True)
class TargetList:
    """Tickers of the file, each with the number of its line."""

    always: Mapping[str, int] = field(default_factory=dict)
    never: Mapping[str, int] = field(default_factory=dict)

    def unlisted(self, listed: Collection[str]) -> list[tuple[int, str]]:
        """Return line and ticker of the entries that are not among these, in order of lines."""
        return sorted(
            (line, each)
            for each, line in {**self.always, **self.never}.items()
            if each not in listed
        )


def read_target_list(path: Path | None) -> TargetList:
    """Return the entries of the file, if any. Raise `WrongUsage` that names the wrong lines, 20 at
    most."""
    if path is None:
        return TargetList()
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUsage(
            f"TARGETS_FILE: {path} cannot be read ({error}). Save it as UTF-8 text this user may "
            "read, or unset it."
        ) from None
    entries: dict[str, tuple[str, int]] = {}
    if wrong := list(_read_entries(text, entries)):
        left_out = [f"  ... and {len(wrong) - _MOST_LINES} more"] if wrong[_MOST_LINES:] else []
        raise WrongUsage(
            f"TARGETS_FILE: {path} cannot be used. Correct these lines:\n"
            + "\n".join(wrong[:_MOST_LINES] + left_out)
        )
    signed = {
        sign: {each: line for each, (its, line) in entries.items() if its == sign} for sign in _SAYS
    }
    return TargetList(signed[ALWAYS], signed[NEVER])


def _read_entries(text: str, entries: dict[str, tuple[str, int]]) -> Iterator[str]:
    """Fill `entries`, ticker -> sign and line. Yield a text for each line that is no entry."""
    for number, line in enumerate(text.splitlines(), start=1):
        if not (written := line.split("#")[0].strip()):
            continue
        found = _ENTRY.fullmatch(written)
        if found is None:
            yield (
                f"  line {number}: {quoted(written)} is no entry. Write + (always) or - (never) "
                "and a code of six digits and capital letters, such as +005930; a comment begins "
                "with #."
            )
        elif found[2] in entries:
            sign, earlier = entries[found[2]]
            again = (
                "once more"
                if sign == found[1]
                else f"{_SAYS[found[1]]} a target here, {_SAYS[sign]} there"
            )
            yield (
                f"  line {number}: {found[2]} stands in line {earlier} already, "
                f"{again}. Keep one of the two."
            )
        else:
            entries[found[2]] = (found[1], number)

"""The documents as they are written: their fenced blocks, and the commands that are named between
them."""

import re
from dataclasses import dataclass

from utils.settings import PROJECT

READMES = ("README.md", "README.ko.md")
PAGES = (*READMES, *sorted(f"docs/{path.name}" for path in (PROJECT / "docs").glob("*.md")))


@dataclass(frozen=True)
class Block:
    """Fenced code: where it begins, under which heading, in which language (empty: none is
    said)."""

    page: str
    line: int
    heading: str
    language: str
    code: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def read(page: str) -> str:
    return (PROJECT / page).read_text(encoding="utf-8")


def blocks(*languages: str) -> list[Block]:
    """Every block of every page, or those in these languages."""
    return [
        block
        for page in PAGES
        for block in _blocks_of(page)
        if not languages or block.language in languages
    ]


def _blocks_of(page: str) -> list[Block]:
    found, heading = [], ""
    parts = re.split(r"^(```.*\n(?:.*\n)*?```|#+ .*)$", read(page), flags=re.MULTILINE)
    for number, part in enumerate(parts):
        if part.startswith("```"):
            language, _, code = part[3:].partition("\n")
            line = "".join(parts[:number]).count("\n") + 1
            found.append(Block(page, line, heading, language, code.removesuffix("```")))
        elif part.startswith("#"):
            heading = part.lstrip("# ")
    return found


def inline_code() -> list[tuple[str, str]]:
    """Return (page, code) of everything between single backticks, a command that is broken over two
    lines included."""
    return [
        (page, " ".join(code.split()))
        for page in PAGES
        for code in re.findall(
            r"`([^`]+)`", re.sub(r"^```.*\n(?:.*\n)*?```$", "", read(page), flags=re.MULTILINE)
        )
    ]

"""The words of docs/glossary.md are the only ones for what they name: those that they have replaced
are nowhere in the tree."""

import io
import re
import subprocess
import tokenize
from functools import cache

import pytest

from utils.settings import PROJECT

TEXTS = (".py", ".md", ".js", ".html", ".css", ".toml", ".example", ".yaml", "Makefile", "run")
OWN = "tests/test_glossary.py"
PRODUCT = ("collectors/", "utils/", "manual_setup.py", "daily_update.py", "hourly_analysis.py")
NAMES = {
    "Blow": "FaultContext",
    "Evening": "DailyUpdate",
    "Guide": "SetupContext",
    "House": "Installation",
    "SWITCHES": "REGISTRY",
    "Shift": "Run",
    "Shown": "NewestDay",
    "Situation": "StoreSnapshot",
    "Suite": "Installation",
    "Switch": "FaultKind",
    "Words": "Texts",
    "_lasting": "_with_retries",
    "_note_news": "on_health_change",
    "beat_locks": "locks.renew",
    "begin_turn": "is gone",
    "end_turn": "is gone",
    "house": "installation",
    "look_at": "take_snapshot",
    "look_over": "audit",
    "publish_datasets": "has_datasets",
    "suite": "installation",
    "taken_for_closed": "sessions_taken_for_closed",
    "taken_on_the_way": "is gone: `collect` yields each session",
}
"""An identifier that is not used any more -> the one in its place."""
NAMES_IN_THE_PRODUCT = {
    "note": "on_health_change",
    "place": "position, row, location",
    "places": "positions",
    "shift": "run",
    "turn": "is gone",
    "want": "extend_scope",
    "way": "access",
}
"""The same for plain words, which elsewhere may well mean something else."""
PARTS = {
    "barring": "bars",
    "beat|beats": "renew",
    "beside": "dataset",
    "cast": "roster",
    "doubts?|doubted|vouch|vouched|may_be_wrong": "recheck",
    "guide": "setup",
    "heal|heals|healed|healing|mend|mends|mended|mending": "collect, repair",
    "hopeless": "tried_too_often",
    "marketwide": "whole_market",
    "settles?|settled|settling|unsettles?|unsettled": "refind, learn, close, known",
    "sheets?": "view",
    "spoils?|spoilt|spoiled|spoilers?": "row_faults, change",
    "strikes?|struck": "effects, hits",
    "wiring": "connect, scope",
}
"""A word that is no part of an identifier any more, such as `heal` in `heal_all` -> the one in its
place."""
SENTENCES = {
    r"(?<!self-)heal(s|ed|ing)?": "collect",
    r"mend(s|ed|ing)?|(bring|brings|brought|bringing)( \w+)? in": "collect, repair",
    r"beside( \w+)? (prices|closes)": "dataset",
    r"(un)?settl(e|es|ed|ing)": "learn, refind, close, known",
    r"doubt(s|ed|ful)?|vouch\w*": "recheck",
    r"hopeless\w*": "tried too often",
    r"(?<!line )strikes?|struck|spoil(s|t|ed)?": "hit, change",
}
"""A word that is in no sentence any more -> the one in its place."""


def is_product(name: str) -> bool:
    return name.startswith(PRODUCT)


def pattern(words: dict[str, str], before: str = r"\b", after: str = r"\b") -> re.Pattern[str]:
    return re.compile(f"{before}(?:{'|'.join(words)}){after}", re.IGNORECASE)


PART, SENTENCE = pattern(PARTS, "(?:^|_)", "(?:$|_)"), pattern(SENTENCES)
ANYWHERE = re.compile(rf"\b(?:{'|'.join(NAMES)})\b|(?<![a-zA-Z])(?i:{'|'.join(PARTS)})(?![a-zA-Z])")
"""Old words in a source, in its texts too: most sources hold none and need no closer look."""


@cache
def texts() -> dict[str, str]:
    """Return name -> text of every file of the repository that holds words of ours, this one
    apart."""
    names = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.split("\0")
    return {
        name: (PROJECT / name).read_text(encoding="utf-8")
        for name in names
        if name.endswith(TEXTS) and name != OWN and (PROJECT / name).is_file()
    }


def identifiers(source: str) -> set[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {token.string for token in tokens if token.type == tokenize.NAME}


def old_names(source: str, in_product: bool = True) -> set[str]:
    """Return the identifiers of a Python source that are, or hold, a word that was replaced."""
    if not in_product and not ANYWHERE.search(source):
        return set()
    exact = NAMES.keys() | (NAMES_IN_THE_PRODUCT.keys() if in_product else set())
    return {name for name in identifiers(source) if name in exact or PART.search(name)}


def old_words(text: str) -> list[str]:
    """Return the lines of a text in which a word stands that was replaced."""
    return [line.strip() for line in text.splitlines() if SENTENCE.search(line)]


def test_no_identifier_is_an_old_word() -> None:
    found = {
        name: names
        for name, text in texts().items()
        if name.endswith(".py") and (names := old_names(text, is_product(name)))
    }
    assert not found


def test_no_file_is_named_with_an_old_word() -> None:
    parts = {name: re.split(r"[/.]", name) for name in texts()}
    assert not [name for name, each in parts.items() if any(map(PART.search, each))]


def test_no_sentence_holds_an_old_word() -> None:
    assert not {name: lines for name, text in texts().items() if (lines := old_words(text))}


@pytest.mark.parametrize(
    "source", ["heal_all(1)", "x.settle_factors", "class Shift: pass", "place = 1", "BESIDE = {}"]
)
def test_the_walk_really_sees_an_old_name(source: str) -> None:
    assert old_names(source)
    assert not old_names("health = collect('heal', remediate=1, heartbeat=2)  # heal")


@pytest.mark.parametrize(
    "line",
    ["It heals by itself.", "columns beside the prices", "bring it in", "nothing is settled"],
)
def test_the_search_really_sees_an_old_word(line: str) -> None:
    assert old_words(line)
    assert not old_words(
        "The self-healing night recommends what brings inner peace besides prices."
    )


def test_every_word_is_explained_once_and_in_korean() -> None:
    page = texts()["docs/glossary.md"]
    rows = [line.strip("|").split("|") for line in page.splitlines() if line.startswith("| ")]
    words = [row[0].strip() for row in rows if row[0].strip() != "word"]
    assert len(words) == len(set(words)) > 50
    assert all(len(row) == 3 and all(cell.strip() for cell in row) for row in rows)
    korean = [row[2] for row in rows if row[2].strip() != "Korean"]
    assert all(re.search(r"[가-힣]", cell) for cell in korean)

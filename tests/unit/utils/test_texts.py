"""Sentences in two languages: every table whole in both of them."""

import re
from string import Formatter

import pytest

from collectors.setup.texts import TEXTS
from utils.notifications import texts as notifications
from utils.texts import LANGUAGES, Table, Texts

TABLES = pytest.mark.parametrize(
    "table",
    [TEXTS, notifications.TEXTS, notifications.HEADLINES],
    ids=["setup", "notifications", "headlines"],
)


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@TABLES
def test_both_languages_say_the_same_things(table: Table) -> None:
    for key, (english, korean) in table.items():
        assert fields(english) == fields(korean), key
        assert not re.search("[가-힣]", english.replace("2000억", "").replace("1조 5000억", "")), (
            key
        )
        words = re.sub(r"\{\w+\}", "", english)
        assert re.search("[가-힣]", korean) or not re.search(r"\w{3}", words), key


@TABLES
def test_korean_sentences_are_formal(table: Table) -> None:
    """합니다, 하십시오; never 해요."""
    for key, (_, korean) in table.items():
        assert not re.search(r"요[.!?)]|요$", korean.removesuffix("까요?")), key


def test_a_sentence_is_said_in_the_language_with_its_fields() -> None:
    table = {"found": ("{count:,} found", "{count:,}개 찾음")}
    said = [Texts(table, language)("found", count=1234) for language in LANGUAGES]
    assert said == ["1,234 found", "1,234개 찾음"]
    assert "found" in Texts(table, "en")
    assert "lost" not in Texts(table, "en")


def test_what_no_table_says_is_refused() -> None:
    texts = Texts({"found": ("{count} found", "{count}개 찾음")}, "ko")
    with pytest.raises(KeyError, match="lost"):
        texts("lost")
    with pytest.raises(KeyError, match="count"):
        texts("found")
    with pytest.raises(ValueError, match="not in"):
        Texts({}, "fr")

"""The sentences in both languages: the same blanks to fill in, none that nobody says, one style."""

import re
from string import Formatter

import pytest

from collectors.setup.demo import DEMO_ADDRESS
from collectors.setup.texts import TEXTS
from sandbox.synthetic import LAST
from utils.settings import PROJECT, language_of_locale

CODE = "".join(
    path.read_text(encoding="utf-8")
    for path in [
        PROJECT / "manual_setup.py",
        PROJECT / "utils" / "cron" / "crontab.py",
        PROJECT / "collectors" / "first_load.py",
        *(PROJECT / "collectors" / "guide").glob("*.py"),
    ]
    if path.name != "texts.py"
)


def blanks(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("name", TEXTS)
def test_both_languages_say_the_same_things(name: str) -> None:
    english, korean = TEXTS[name]
    assert blanks(english) == blanks(korean)
    assert english != korean or not re.search(r"\w{3}", re.sub(r"\{\w+\}", "", english))


@pytest.mark.parametrize("name", [name for name in TEXTS if not name.startswith("problem_")])
def test_every_sentence_is_said_somewhere(name: str) -> None:
    assert re.search(rf"""['"]{name}['"]""", CODE)


@pytest.mark.parametrize("name", TEXTS)
def test_korean_sentences_are_formal(name: str) -> None:
    """합니다, 하십시오; never 해요."""
    assert not re.search(r"요[.!?)]|요$", TEXTS[name][1].removesuffix("까요?")), TEXTS[name][1]


@pytest.mark.parametrize(
    ("locale", "language"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "ko_KR.UTF-8"}, "ko"),
        ({"LANG": "ko_KR.UTF-8", "LC_MESSAGES": "C"}, "en"),
        ({"LANG": ""}, "en"),
        ({}, "en"),
    ],
)
def test_the_locale_of_messages_decides(
    locale: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in locale.items():
        monkeypatch.setenv(name, value)
    assert language_of_locale() == language


def test_the_demo_exchange_is_started_where_it_is_looked_for() -> None:
    port = DEMO_ADDRESS.rsplit(":", 1)[1]
    assert all(f"python -m sandbox --port {port}" in text for text in TEXTS["demo_hint"])


def test_the_settings_page_says_until_when_the_demo_market_goes_on() -> None:
    page = (PROJECT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert f"Its market ends on {LAST}" in " ".join(page.split())

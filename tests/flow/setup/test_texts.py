"""The sentences of the conversation: none that nobody says."""

import re

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
        *(PROJECT / "collectors" / "setup").glob("*.py"),
    ]
    if path.name != "texts.py"
)


def test_every_sentence_is_said_somewhere() -> None:
    """Those of problems are found by the kind of the error."""
    said = {name for name in TEXTS if re.search(rf"""['"]{name}['"]""", CODE)}
    assert {name for name in TEXTS if not name.startswith("problem_")} <= said


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

"""The end of the conversation: whether the cron lines are to go into the crontab."""

import pytest

from collectors.setup.texts import TEXTS
from tests.fakes import fake_crontab
from tests.process.conversation.terminal import CTRL_C, LOGIN_ID, PASSWORD, Newcomer

pytestmark = pytest.mark.process

NOT_NOW = "n"
ANSWERS = ("1", "1", LOGIN_ID, PASSWORD, "", "", "2", "y")


@pytest.mark.parametrize(
    ("answer", "installed"), [("y", True), ("", False), (CTRL_C, False)], ids=repr
)
def test_the_lines_go_into_the_crontab_only_after_a_yes(
    answer: str, installed: bool, newcomer: Newcomer
) -> None:
    crontab = fake_crontab(newcomer.folder)
    talk = newcomer.talk(*ANSWERS, answer, *([] if answer == CTRL_C else [NOT_NOW]))
    assert (talk.code, talk.unsaid, talk.says(TEXTS["cron_offer"][0])) == (0, [], True), talk.shown
    assert crontab.read_text().startswith("@daily true\n# krx-night-shift: begin ") is installed
    assert installed or crontab.read_text() == "@daily true\n"


def test_a_crontab_that_has_the_lines_is_not_asked_about(newcomer: Newcomer) -> None:
    fake_crontab(newcomer.folder)
    newcomer.talk(*ANSWERS, "y", NOT_NOW)
    again = newcomer.talk(*[""] * 8, NOT_NOW)
    assert (again.code, again.says(TEXTS["cron_installed"][0])) == (0, True), again.shown
    assert not again.says(TEXTS["cron_offer"][0])


def test_a_damaged_crontab_is_told_at_the_end(newcomer: Newcomer) -> None:
    crontab = fake_crontab(newcomer.folder)
    damaged = f"# krx-night-shift: begin {newcomer.folder}\n"
    crontab.write_text(damaged, encoding="utf-8")
    talk = newcomer.talk(*ANSWERS, NOT_NOW)
    assert (talk.code, talk.unsaid, crontab.read_text(encoding="utf-8")) == (0, [], damaged), (
        talk.shown
    )
    assert talk.says("does not take the lines as it is: The marker lines of")
    assert not talk.says(TEXTS["cron_missing"][0])

"""Context of a setup: the settings as answered so far, and keeping an answer that works. Every
question works with it."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from collectors.setup.dialogue import Dialogue
from collectors.setup.trials import NewestDay, is_set_up
from utils.clock import Clock
from utils.env_file import change_env_file
from utils.scope import with_earlier_choices
from utils.settings import ENV_FILE, PROJECT, Settings, load_settings, set_in_environment
from utils.store import open_store
from utils.texts import Texts

TEMPLATE = PROJECT / ".env.example"
MOST_LOGINS = 3
"""Logins with one ID that may be refused in a row: the exchange locks an account after five."""


@dataclass
class SetupContext:
    """One conversation.

    Args:
        options: setting (lower case) -> text from the command line.
        fresh: with `--reset` what was chosen before counts no more.
        newest_day: gives the questions after the one for the exchange their numbers; None while
            it cannot be had.
        has_nights: the database in use when the conversation begins is set up, for real data.
        held: answers that lead away from such a database (see `keep`).
    """

    dialogue: Dialogue
    texts: Texts
    options: Mapping[str, str]
    clock: Clock
    fresh: bool = False
    env_file: Path = ENV_FILE
    newest_day: NewestDay | None = None
    has_nights: bool = False
    held: dict[str, str] = field(default_factory=dict)

    def settings(self, answers: Mapping[str, str] | None = None) -> Settings:
        """Return the settings that hold now, or would hold with these answers (setting in lower
        case -> text)."""
        return load_settings({**self.held, **(answers or {}), **self.options}, self.env_file)

    def settings_of_setup(self) -> Settings:
        """Return the settings that hold now, with the threshold and the markets of an earlier
        setup of this database."""
        settings = self.settings()
        if self.fresh:
            return settings
        with closing(open_store(settings, self.clock)) as store:
            return with_earlier_choices(settings, store.scope.get())

    def keep(self, answers: Mapping[str, str]) -> None:
        """Write answers into `.env`, where the next start finds them.

        Answers that lead from a database that is set up to one that is not are held until the last
        question (`write_held`): the scripts of the night could do nothing there before.
        """
        is_news = not self.held
        self.held |= answers
        if not self.has_nights or is_set_up(self.settings(), self.clock):
            self.write_held()
        elif is_news:
            self.dialogue.hint(self.texts("held"))

    def write_held(self) -> None:
        """Write what `keep` has not written yet."""
        change_env_file(
            self.env_file, {name.upper(): text for name, text in self.held.items()}, TEMPLATE
        )
        self.held.clear()

    def tell_if_decided(self, names: tuple[str, ...], value: str) -> bool:
        """Return True where an option or the environment leaves nothing to ask of these settings,
        and say so.

        Args:
            value: what they come to, for a person.
        """
        by_option = any(name in self.options for name in names)
        if by_option or set_in_environment(name.upper() for name in names):
            self.dialogue.say(
                self.texts("by_option" if by_option else "by_environment", value=value)
            )
            return True
        return False


def location(texts: Texts, settings: Settings, description: str) -> str:
    """Say where everything is kept. `description` is the store's."""
    return description if settings.mongodb_uri else texts("embedded", folder=settings.data_dir)

"""How far a conversation has come that no completed setup has followed yet: a small file beside
`.env`."""

from pathlib import Path

from utils.env_file import change_env_file, read_env_file
from utils.settings import ENV_FILE

WAY, ACCEPTED = "WAY", "ACCEPTED"
"""Steps within the question for the exchange: the way to it that was chosen, and an account that
was accepted."""
_ANSWERED = "answered"


class Progress:
    """The steps that are answered. The answers themselves stand in `.env`, so this holds no
    secret."""

    def __init__(self, env_file: Path = ENV_FILE) -> None:
        self._file = env_file.with_name(".env.unfinished")

    @property
    def is_begun(self) -> bool:
        return self._file.is_file()

    def note(self, step: str, what: str = _ANSWERED) -> None:
        """This step need not be asked again."""
        change_env_file(self._file, {step.upper(): what})

    def noted(self, step: str) -> str:
        """What was noted of that step; empty while it is not answered."""
        return read_env_file(self._file).get(step.upper(), "")

    def forget(self) -> None:
        """The next start asks every question again."""
        self._file.unlink(missing_ok=True)

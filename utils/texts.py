"""Sentences for people in the project's languages."""

from collections.abc import Mapping

LANGUAGES = ("en", "ko")
Table = Mapping[str, tuple[str, str]]
"""Key -> the sentence in English and in Korean, with the same fields in braces."""


class Texts:
    """Texts of one table in one language: `texts("begin")`, `texts("heading", number=1,
    title="...")`."""

    def __init__(self, table: Table, language: str) -> None:
        """Raise ValueError for another language than those of `LANGUAGES`."""
        self.language = language
        self._column = LANGUAGES.index(language)
        self._table = table

    def __call__(self, key: str, /, **values: object) -> str:
        """Return the sentence with its fields filled in. Raise KeyError for an unknown key and for
        a field without a value."""
        return self._table[key][self._column].format(**values)

    def __contains__(self, key: str) -> bool:
        return key in self._table

"""The part of mongosh that the documents use, over pymongo: `db.getSiblingDB(..)`, calls one after
another, `const`."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pymongo

TOKEN = re.compile(r'\s*(?://.*)?("(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?|[\w$]+|[^\s\w])')
CALLS = {
    "find": lambda of, where=None, fields=None: of.find(where or {}, fields),
    "distinct": lambda of, field, where: of.distinct(field, where),
    "aggregate": lambda of, pipeline: of.aggregate(pipeline),
    "deleteOne": lambda of, where: of.delete_one(where),
    "dropDatabase": lambda of: of.client.drop_database(of.name),
    "sort": lambda of, by: of.sort(list(by.items())),
    "limit": lambda of, count: of.limit(count),
}
WORDS = {"true": True, "false": False, "null": None}


class Mongosh:
    """Shell that runs one statement a line.

    Args:
        prefix: of the databases' names on this server.
    """

    def __init__(self, client: "pymongo.MongoClient[Any]", prefix: str) -> None:
        self._client, self._prefix = client, prefix
        self._named: dict[str, Any] = {}

    def run(self, line: str) -> Any:
        """Return what the statement gives: documents as a list, values as they are."""
        self._tokens = TOKEN.findall(line.strip())
        name = self._tokens[1] if self._tokens[0] == "const" else ""
        if name:
            del self._tokens[:3]
        value = self._value()
        assert not self._tokens, self._tokens
        if hasattr(value, "next"):
            value = list(value)
        self._named[name] = value
        return value

    def _value(self) -> Any:
        token = self._take()
        if token == "{":
            return dict(self._until("}", pairs=True))
        if token == "[":
            return list(self._until("]"))
        if token == "db":
            return self._called(None)
        if token[0] in '"-' or token[0].isdigit():
            return json.loads(token)
        return WORDS[token] if token in WORDS else self._named[token]

    def _called(self, value: Any) -> Any:
        """Return the value of `db`, followed by names and calls."""
        while self._tokens[:1] == ["."]:
            self._take(".")
            name = self._take()
            if self._tokens[:1] != ["("]:
                value = value[name]
                continue
            self._take("(")
            given = list(self._until(")"))
            value = (
                self._client[self._prefix + given[0]]
                if name == "getSiblingDB"
                else CALLS[name](value, *given)
            )
        return value

    def _until(self, end: str, pairs: bool = False) -> Iterator[Any]:
        while self._tokens[0] != end:
            if pairs:
                key = self._take().strip('"')
                self._take(":")
                yield key, self._value()
            else:
                yield self._value()
            if self._tokens[0] != end:
                self._take(",")
        self._take(end)

    def _take(self, expected: str = "") -> str:
        token = self._tokens.pop(0)
        assert not expected or token == expected, f"{token} in place of {expected}"
        return token

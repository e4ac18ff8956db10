"""Decisions as tables: each row names the facts it needs and what follows from them."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias, TypeVar

T = TypeVar("T")
Rows: TypeAlias = Sequence[tuple[Mapping[str, object], T]]
"""(name of a fact -> the value it needs, what follows), in the order in which they are tried."""


def first_that_fits(rows: Rows[T], facts: object) -> T:
    """Return what follows from the first row whose facts are all as it needs them."""
    return next(
        step
        for needs, step in rows
        if all(getattr(facts, name) == value for name, value in needs.items())
    )

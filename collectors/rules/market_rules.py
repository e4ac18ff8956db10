"""Rules about whole markets."""

from dataclasses import dataclass

import pandas as pd

from collectors.rules.integrity import (
    lacks_many_tickers_of,
    share_of_continued_bases,
)
from utils.errors import MalformedAnswer


@dataclass(frozen=True)
class Oddity:
    rule: str
    market: str
    text: str


def check_is_of_its_day(frame: pd.DataFrame, session: str, previous: pd.DataFrame) -> None:
    numbers = ["ticker", "close", "volume", "value"]
    if frame[numbers].equals(previous[numbers]) and frame["volume"].any():
        raise MalformedAnswer(
            f"The answer for {session} is not stored: it repeats the session before, cell by cell."
        )


def oddities(
    frame: pd.DataFrame,
    session: str,
    previous: pd.DataFrame | None,
    set_aside: frozenset[str] = frozenset(),
) -> list[Oddity]:
    if previous is None:
        return []
    found = []
    if lacks_many_tickers_of(frame, previous):
        found.append(Oddity("gone", "", "tickers are gone"))
    if lacks_many_tickers_of(previous, frame):
        found.append(Oddity("new", "", "tickers are new"))
    if share_of_continued_bases(frame, previous) < 0.98:
        found.append(Oddity("base_price", "", "bases"))
    return found


def other_day(frame: pd.DataFrame, other: pd.DataFrame) -> str | None:
    return None

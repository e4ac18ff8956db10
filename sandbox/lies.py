"""Catalogue of lies: every fault of the exchange with its values, its markets and its extents, and
what each must come to.

What it comes to holds for a market as large as the real one, of which 0.5 % of KOSPI are four rows,
and for a store that holds the month before.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from itertools import product

from sandbox.cells import MARKET_IDS
from sandbox.faults import Fault
from sandbox.registry import REGISTRY, About


class ComesTo(Enum):
    """Outcome of a lie, where the run hears it at every try."""

    REFUSED = "refused"
    """Nothing is stored: it is impossible, or it is no answer at all."""
    WAITS = "waits"
    """It is odd: not stored yet."""
    SET_ASIDE = "set aside"
    """It is stored without the rows that are wrong."""
    STORED = "stored"
    """It is stored as it came: nothing in it is wrong, or it is corrected later."""


class Reading(Enum):
    """Reading of a session: from and until when, as days after the session and KST."""

    EVENING = (0, "18:00", 0, "20:30")
    AFTER_MARKET = (0, "20:30", 1, "07:30")
    MORNING = (1, "07:30", 1, "18:00")
    WEEK_LATER = (0, "18:00", 1, "18:00")
    """The night of the fifth session after it."""


SESSIONS_LATER = 5
"""Between a session and its last reading."""


@dataclass(frozen=True)
class Lie:
    """Fault with its parameters, and what it comes to.

    `kinds` are the kinds of requests that it can be told to: data, openapi, login, page.
    """

    fault: str
    comes_to: ComesTo
    value: str | None = None
    market: str | None = None
    rows: str | None = None

    @property
    def name(self) -> str:
        """The fault with its parameters, such as `negative, 3% of KOSPI`."""
        value = f" {self.value}" if self.value is not None else ""
        rows = ", all" if self.rows is None else f", {self.rows}"
        return f"{self.fault}{value}{rows} of {self.market or 'all markets'}"

    @property
    def kinds(self) -> tuple[str, ...]:
        about = REGISTRY[self.fault]
        return (*about.kinds, *about.also)

    @property
    def is_of_a_day(self) -> bool:
        """True for a lie about one day, which every other day's answer is free of."""
        return REGISTRY[self.fault].about is not About.ANYTHING

    def told(self, session: str, reading: Reading, kind: str, later: str | None = None) -> Fault:
        """Return the fault that tells the lie of a session at one reading.

        Args:
            kind: of the requests that it is told to, one of `kinds`.
            later: the fifth session after it, which the last reading is made on.
        Raises:
            ValueError: the last reading without that session.
        """
        if reading is Reading.WEEK_LATER and later is None:
            raise ValueError("the reading of a week later needs the session on which it is made")
        night = later if reading is Reading.WEEK_LATER and later is not None else session
        since_days, since, until_days, until = reading.value
        return Fault(
            self.fault,
            kind=kind,
            date=session if self.is_of_a_day and kind in ("data", "openapi") else None,
            since=f"{_after(night, since_days)}T{since}",
            until=f"{_after(night, until_days)}T{until}",
            value=self.value,
            market=self.market,
            rows=self.rows,
        )

    def told_on(
        self, sessions: Sequence[str], evenings: int, readings: Iterable[Reading], kind: str
    ) -> tuple[Fault, ...]:
        """Return the faults that tell the lie of the first so many sessions, at these readings.

        Args:
            sessions: consecutive ones, `SESSIONS_LATER` more than `evenings` when it is told at the
                last reading.
        """
        told = product(range(evenings), readings)
        return tuple(
            self.told(
                sessions[position],
                reading,
                kind,
                sessions[position + SESSIONS_LATER] if reading is Reading.WEEK_LATER else None,
            )
            for position, reading in told
        )


def _after(day: str, days: int) -> str:
    return (date.fromisoformat(day) + timedelta(days)).isoformat()


# -- the catalogue

_NO_ANSWER = (
    *("logout", "wrong_password", "password_due", "elsewhere", "unauthorized"),
    *("ban", "ban_page", "forbidden", "forbidden_empty", "maintenance", "unknown_page"),
    *("server_error", "too_many", "hang", "drip", "endless", "reset", "die", "outage"),
    *("truncated", "not_json", "too_large", "deep", "empty", "no_block"),
    *("no_column", "renamed_column", "no_rows", "few_rows", "all_dashes", "late"),
)
_HARMLESS = ("extra_columns", "after_market_only", "revised")
_ODD_ROWS = (
    *("bad_cell", "no_number", "beyond_64_bits", "zero_close", "zero_shares", "odd_code"),
    *("unknown_market", "broken_order", "wrong_cap", "negative"),
)
_ROWS_TWICE = ("duplicated_rows", "conflicting_rows")
_WRONG_MARKETS = {
    "no_volume": ("100%", "50%"),
    "no_value": ("100%", "50%"),
    "swapped_turnover": ("100%", "50%"),
    "thousandfold_value": ("100%", "50%"),
    "tenfold_prices": ("33%",),
    "doubled_shares": ("100%", "33%"),
    "sudden_halts": ("20%", "60%"),
    "unchanged_closes": ("100%",),
    "beyond_limit": ("20%",),
    "wrong_bases": ("2%", "5%", "40%"),
    "shifted_names": ("100%",),
    "swapped_markets": ("30%",),
    "new_tickers": ("60",),
    "missing_tickers": ("60",),
}
"""Fault of a whole market -> extents."""
_UNNOTICED = {
    ("sudden_halts", "KONEX", "20%"),
    ("wrong_bases", "KONEX", "2%"),
    ("wrong_bases", "KONEX", "5%"),
}
"""Of these in a market so small as many come on true days: a later reading corrects them."""
_MARKETS = (None, *MARKET_IDS)
_LARGE_MARKETS = (None, "KOSPI", "KOSDAQ")
"""Markets of which a few rows are less than 0.5 %."""
_BAD_CELLS = (None, "", "-", "1.5", "1e6", "٣")
_NUMBERS = ("TDD_OPNPRC", "CMPPREVDD_PRC", "ACC_TRDVOL", "MKTCAP", "LIST_SHRS")


def _odd_rows(fault: str) -> list[Lie]:
    """Return the lies about one row, three, 0.4 % and 3 % of the rows of a market."""
    few = [("1", None), ("3", None), ("1", "KOSDAQ"), ("0.4%", "KOSPI"), ("0.4%", "KOSDAQ")]
    return _few_and_many(fault, few)


def _rows_twice(fault: str) -> list[Lie]:
    """Return the same of rows that are listed twice, each of which is two odd rows."""
    few = [("1", None), ("2", None), ("1", "KOSPI"), ("0.2%", "KOSPI"), ("0.2%", "KOSDAQ")]
    return _few_and_many(fault, few)


def _few_and_many(fault: str, few: Sequence[tuple[str, str | None]]) -> list[Lie]:
    return [
        *(Lie(fault, ComesTo.SET_ASIDE, rows=rows, market=market) for rows, market in few),
        *(Lie(fault, ComesTo.WAITS, rows="3%", market=market) for market in _LARGE_MARKETS),
    ]


def _other_sessions() -> list[Lie]:
    """Return the lies of another session's answer: the one before, a week or a month old, and the
    next one's, which nothing stored tells of yet."""
    old = ("-1", "-5", "-20")
    return [
        *(Lie("other_day", ComesTo.REFUSED, value=value) for value in old),
        *(
            Lie("other_figures", ComesTo.REFUSED, value=value, market=market)
            for value, market in product(old, _MARKETS)
        ),
        *(Lie("other_figures", ComesTo.WAITS, value="1", market=market) for market in _MARKETS),
        Lie("other_market", ComesTo.REFUSED),
        *(Lie("other_market", ComesTo.REFUSED, market=market) for market in MARKET_IDS),
    ]


def _parts_of_answers() -> list[Lie]:
    """Return the lies of an answer that lacks a whole market, most of one, or its prices."""
    return [
        *(Lie("no_rows", ComesTo.WAITS, market=market) for market in MARKET_IDS),
        *(Lie("few_rows", ComesTo.WAITS, market=market) for market in ("KOSPI", "KONEX")),
        *(Lie("all_dashes", ComesTo.WAITS, market=market) for market in ("KOSPI", "KONEX")),
    ]


def _wrong_markets() -> list[Lie]:
    """Return the lies about many rows of a market, each of them well-formed."""
    told = [
        (fault, market, rows)
        for fault, extents in _WRONG_MARKETS.items()
        for market, rows in product(_MARKETS, extents)
    ]
    return [
        Lie(
            fault,
            ComesTo.STORED if (fault, market, rows) in _UNNOTICED else ComesTo.WAITS,
            market=market,
            rows=rows,
        )
        for fault, market, rows in told
    ]


LIES: tuple[Lie, ...] = (
    *(Lie(fault, ComesTo.REFUSED) for fault in _NO_ANSWER),
    *(Lie(fault, ComesTo.STORED) for fault in _HARMLESS),
    Lie("odd_names", ComesTo.STORED, rows="1"),
    *(Lie("odd_names", ComesTo.WAITS, market=market) for market in _MARKETS),
    *_parts_of_answers(),
    *_other_sessions(),
    *(lie for fault in _ODD_ROWS for lie in _odd_rows(fault)),
    *(lie for fault in _ROWS_TWICE for lie in _rows_twice(fault)),
    *(Lie("bad_cell", ComesTo.SET_ASIDE, value=text, rows="1") for text in _BAD_CELLS[1:]),
    *(Lie("no_number", ComesTo.SET_ASIDE, value=column, rows="1") for column in _NUMBERS),
    *(Lie("beyond_64_bits", ComesTo.SET_ASIDE, value=column, rows="1") for column in _NUMBERS),
    *_wrong_markets(),
)
"""Every lie; each name stands for one."""
FIGURES_OF_LIES = tuple(lie for lie in LIES if lie.is_of_a_day)
"""Lies in an answer for a day, as against an answer that does not come or is refused."""

"""Answers of the exchange: an HTTP answer is classified, and a table of text becomes a typed day,
or an error that names its kind."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from html import unescape
from typing import Any

import numpy as np
import pandas as pd

from utils.errors import (
    AnswerCutOff,
    Banned,
    KeyRefused,
    LoggedOut,
    MalformedAnswer,
    NotPublished,
    SourceDown,
    SourceRefuses,
)
from utils.market_day import INTEGER_COLUMNS, MARKETS
from utils.outside_text import plain_name, quoted
from utils.store.further_columns import MOST_FURTHER, is_free_name

RAW_COLUMNS = {
    "ticker": "ISU_SRT_CD",
    "name": "ISU_ABBRV",
    "market": "MKT_ID",
    "open": "TDD_OPNPRC",
    "high": "TDD_HGPRC",
    "low": "TDD_LWPRC",
    "close": "TDD_CLSPRC",
    "change": "CMPPREVDD_PRC",
    "volume": "ACC_TRDVOL",
    "value": "ACC_TRDVAL",
    "market_cap": "MKTCAP",
    "shares": "LIST_SHRS",
}
"""Our columns -> the exchange's. LIST_SHRS is filled even on closed days: no sign of
publication."""

_UNUSED_COLUMNS = "ISU_CD MKT_NM SECT_TP_NM FLUC_TP_CD FLUC_RT lateInfoMsgCd BAS_DD".split()
"""Columns that the data site (lateInfoMsgCd: on closed weekdays) or the Open API has besides."""
_SHOWN_WHEN_PUBLISHED = ("open", "high", "low", "close", "volume", "market_cap")
_INTEGERS = re.compile(r"(?:-?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,19})\n)*", re.ASCII)
_INTEGER = re.compile(r"-?(?:\d{1,3}(?:,\d{3}){1,6}|\d{1,19})", re.ASCII)
_FIGURE = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?", re.ASCII)
_MOST_EXACT = 2**53
"""Up to here a float holds every whole number."""
_TICKER = re.compile(r"[0-9A-Z]{6}")
_INVISIBLE = re.compile(r"<style\b.*?(?:</style>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_SCRIPT = re.compile(r"<script\b[^<>]*>(.*?)(?:</script>|\Z)", re.IGNORECASE | re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_MOST_BRACKETS, _DEEPEST, _MOST_COMMAS = 200_000, 100, 1_000_000
"""In JSON of the exchange at most: a day has 6,000 brackets, on three levels, and 130,000
commas."""
_MOST_NAMES = 200
"""Different names in one JSON answer: each may become a column, as long as all rows."""
_MOST_OF_A_PAGE = 1 << 18
"""Characters of a web page that are read."""
_ALERT = re.compile(r"""alert\s*\(\s*(["'])(.*?)\1""", re.IGNORECASE | re.DOTALL)
_RESTRICTED = re.compile(r"제한|차단|비정상|restricted|blocked", re.IGNORECASE)
_MAINTENANCE = re.compile(r"점검|maintenance", re.IGNORECASE)
_AUTOMATED = re.compile(
    r"자동(?!(?:적?으로)?\s*(?:\S{1,20}\s+){0,3}(?:이동|전환|연결|로그))|비정상"
    r"|(?:(?<![\d.월/-])(?<!월 )1일|24시간|하루)\s*(?:동안|간)"
    r"|automat(?!ically\s+(?:redirect|return|forward|reload))",
    re.IGNORECASE,
)
"""Words of the ban; not those of a page that moves on by itself, a date, or office hours."""
_ESCAPED = re.compile(r"\\u([0-9a-f]{4})", re.IGNORECASE)


def classify_response(status: int, body: bytes, wants_json: bool) -> None:
    """Let an answer pass, or raise the error that it stands for.

    Raise `LoggedOut`, `Banned`, `KeyRefused`, `SourceRefuses`, `SourceDown`, `AnswerCutOff` or
    `MalformedAnswer`.
    """
    start = body[:4096].decode("utf-8", errors="replace").lstrip("\ufeff \r\n\t")
    if start.startswith("LOGOUT"):
        raise LoggedOut("The exchange says LOGOUT: the session is not logged in.")
    is_page = wants_json and start.startswith("<")
    text = _text_of_page(body) if is_page or status >= 400 else ""
    if _says_banned(text, status):
        raise Banned(
            "The exchange has detected automated use and restricts access for one day. Leave it "
            "alone until then, also in a browser; after 24 hours the next run goes on by itself."
        )
    _check_status(status, wants_json)
    if is_page and _MAINTENANCE.search(text):
        raise SourceDown("The exchange answers with a web page instead of data: maintenance.")
    if is_page:
        raise SourceRefuses(
            "The exchange answers with a web page instead of data, and it does not say that this "
            "is maintenance. It may be a ban that every further try renews, so it is left alone "
            "until the next run."
        )
    if wants_json and not body.strip():
        raise AnswerCutOff("The exchange's answer is empty.")
    if wants_json and not start.startswith("{"):
        raise MalformedAnswer(
            f"The exchange's answer is no JSON object: it starts with {quoted(start)}."
        )
    if wants_json and not _can_be_parsed(body):
        raise MalformedAnswer("The exchange's answer is nested too deep, or has too many parts.")


def parse_json(body: bytes) -> Any:
    """Return the content of a body that `classify_response` has let pass. Numbers are the text that
    they are sent as: one too long for any type would cost the day.

    It is UTF-8, whatever its head says: what is taken for another encoding becomes other names.
    A list or an object in a row's cell is its text too. Raise `AnswerCutOff` or `MalformedAnswer`.
    """
    names: set[str] = set()

    def with_few_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        cells = dict(pairs)
        names.update(cells)
        if len(names) > _MOST_NAMES:
            raise MalformedAnswer(f"The exchange's answer has over {_MOST_NAMES} columns.")
        return cells

    try:
        answer = json.loads(
            # A letter that is cut off at the end is left out: the JSON ends there too.
            getincrementaldecoder("utf-8-sig")().decode(body),
            parse_int=str,
            parse_float=str,
            object_pairs_hook=with_few_names,
        )
    except json.JSONDecodeError:
        raise AnswerCutOff("The exchange's answer is not whole: it ends within its JSON.") from None
    except UnicodeDecodeError:
        raise MalformedAnswer("The exchange's answer is not in UTF-8.") from None
    blocks = [block for block in answer.values() if isinstance(block, list)]
    for row in [row for block in blocks for row in block if isinstance(row, dict)]:
        row |= {name: str(cell) for name, cell in row.items() if isinstance(cell, list | dict)}
    return answer


def _can_be_parsed(body: bytes) -> bool:
    """Return whether a parser of JSON gets through: it goes as deep as the brackets are nested, and
    makes an object of each pair. Brackets within texts are taken for others, so the limits are
    wide."""
    brackets = body.translate(None, _NO_BRACKETS)
    if len(brackets) > _MOST_BRACKETS or body.count(b",") > _MOST_COMMAS:
        return False
    steps = np.where(np.isin(np.frombuffer(brackets, np.uint8), list(b"[{")), 1, -1)
    return bool(steps.cumsum().max(initial=0) <= _DEEPEST)


def _check_status(status: int, wants_json: bool) -> None:
    if status == 401:
        raise KeyRefused("The exchange does not accept the key for this service (HTTP 401).")
    if status == 403:
        raise SourceRefuses(
            "The exchange refuses this request for now (HTTP 403), and it does not say that it has "
            "detected automated use. The next run asks again."
        )
    if status == 429:
        raise SourceRefuses("The exchange answers that there were too many requests (HTTP 429).")
    if status >= 500:
        raise SourceDown(f"The exchange's server reports an error (HTTP {status}).")
    if status >= 400:
        raise MalformedAnswer(
            f"The exchange does not know this request (HTTP {status}). An update may be needed."
        )
    if status >= 300 and wants_json:
        raise MalformedAnswer(
            f"The exchange sends us elsewhere (HTTP {status}). An update may be needed."
        )


def _text_of_page(body: bytes) -> str:
    """Return the text that a person would see of a web page or in JSON, alerts included: styles
    and scripts say `block` for other reasons."""
    page = body.decode("utf-8-sig", errors="replace")[:_MOST_OF_A_PAGE]
    if "\ufffd" in page:  # or it is UTF-8 with a letter that is cut off
        page += body.decode("cp949", errors="replace")[:_MOST_OF_A_PAGE]
    page = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), page)
    alerts = " ".join(
        text for script in _SCRIPT.findall(page) for _, text in _ALERT.findall(script)
    )
    try:
        return unescape(_INVISIBLE.sub(" ", _SCRIPT.sub(" ", page)) + alerts)
    except ValueError:  # a character reference with thousands of digits
        return ""


def _says_banned(text: str, status: int) -> bool:
    """True for a restriction, but not for one that is meant for maintenance. An answer of another
    status than 200 has to speak of automated use: a server in between also says that it blocks."""
    if not _RESTRICTED.search(text):
        return False
    speaks_of_us = bool(_AUTOMATED.search(text))
    return speaks_of_us or (status == 200 and not _MAINTENANCE.search(text))


def parse_day(raw: pd.DataFrame, session: str) -> pd.DataFrame:
    """Return the exchange's whole-market table as the columns of `MarketDay.frame` but the factor,
    sorted by ticker. Names are plain (`plain_name`): no name costs the day.

    Args:
        raw: one row per ticker, all values text with thousands commas, the columns of
            `RAW_COLUMNS`.
    Raises:
        NotPublished: every price is `-`: closed, too early, or a fault; the answer itself cannot
            say which.
        MalformedAnswer: no rows, a missing column, a duplicated or odd code, an unknown market, an
            odd number.
    """
    missing = [column for column in RAW_COLUMNS.values() if column not in raw.columns]
    if missing or raw.empty:
        what = "no rows" if raw.empty else f"no column {', '.join(missing)}"
        raise MalformedAnswer(f"The exchange's answer for {session} has {what}.")
    texts = {name: [str(cell) for cell in raw[column]] for name, column in RAW_COLUMNS.items()}
    if all(cell == "-" for name in _SHOWN_WHEN_PUBLISHED for cell in texts[name]):
        raise NotPublished(f"The exchange shows no prices for {session}: closed, or not out yet.")
    _check_tickers(texts["ticker"], session)
    columns: dict[str, object] = {
        "ticker": texts["ticker"],
        "name": list(map(plain_name, raw[RAW_COLUMNS["name"]], texts["ticker"])),
        "market": _markets(texts["market"], session),
    }
    for name in INTEGER_COLUMNS:
        columns[name] = _integers(texts[name], RAW_COLUMNS[name], texts["ticker"], session)
    return pd.DataFrame(columns).sort_values("ticker", ignore_index=True)


@dataclass(frozen=True)
class UnknownColumns:
    """Columns of an answer that this program does not know."""

    kept: dict[str, np.ndarray]
    """Further columns of the day (see `MarketDay.further`)."""
    left_out: dict[str, str]
    """Name -> why it is not kept."""


def unknown_columns(raw: pd.DataFrame) -> UnknownColumns:
    """Return the unknown columns of an answer that `parse_day` has taken: those that hold nothing
    but numbers, and why the others are left out. No column is a reason to refuse the day."""
    known = {*RAW_COLUMNS.values(), *_UNUSED_COLUMNS}
    names = [name for name in raw.columns if name not in known]
    rows = np.argsort(raw[RAW_COLUMNS["ticker"]].to_numpy(dtype=str))
    found = UnknownColumns({}, {})
    for name in names:
        try:
            figures = _figures(name, raw[name])
            if len(found.kept) == MOST_FURTHER:
                raise ValueError(f"{MOST_FURTHER} others are kept")
            found.kept[name] = figures[rows]
        except ValueError as reason:
            found.left_out[name] = str(reason)
    return found


def _figures(name: str, column: Iterable[object]) -> np.ndarray:
    """Return a column as float64, NaN where there is no figure. Raise `ValueError` when it holds
    anything else, or cannot be kept under its name."""
    if not is_free_name(name):
        raise ValueError("the name is odd, or one of our own")
    cells = ["-" if cell is None or cell != cell or cell == "" else str(cell) for cell in column]
    if odd := [cell for cell in cells if cell != "-" and not _FIGURE.fullmatch(cell)]:
        raise ValueError(f"{quoted(odd[0])} is no number")
    figures = np.array([np.nan if cell == "-" else float(cell.replace(",", "")) for cell in cells])
    if np.isnan(figures).all():
        raise ValueError("it shows no number")
    if np.nanmax(np.abs(figures)) > _MOST_EXACT:
        raise ValueError("a number is too large to be kept as it came")
    return figures


def parse_index_dates(dates: Sequence[str]) -> list[str]:
    """Return sessions, oldest first, from days like `2021/01/22`. Raise `MalformedAnswer`."""
    if odd := [each for each in dates if not _is_date(each)]:
        raise MalformedAnswer(
            f"The exchange's index series holds {quoted(odd[0])} where a date belongs."
        )
    return sorted(each.replace("/", "-") for each in dates)


def _is_date(text: str) -> bool:
    if not re.fullmatch(r"\d{4}/\d{2}/\d{2}", str(text), re.ASCII):
        return False
    try:
        return bool(date.fromisoformat(text.replace("/", "-")))
    except ValueError:
        return False


def _check_tickers(tickers: list[str], session: str) -> None:
    if odd := [ticker for ticker in tickers if not _TICKER.fullmatch(ticker)]:
        raise MalformedAnswer(
            f"The exchange's answer for {session} holds {quoted(odd[0])} where a ticker belongs."
        )
    if len(set(tickers)) < len(tickers):
        twice = next(
            ticker for position, ticker in enumerate(tickers) if ticker in tickers[:position]
        )
        raise MalformedAnswer(f"The exchange's answer for {session} lists {twice} twice.")


def _markets(market_ids: list[str], session: str) -> list[str]:
    if unknown := set(market_ids) - MARKETS.keys():
        raise MalformedAnswer(
            f"The exchange's answer for {session} names an unknown market "
            f"{quoted(sorted(unknown)[0])}."
        )
    return [MARKETS[market_id] for market_id in market_ids]


def _integers(cells: list[str], column: str, tickers: list[str], session: str) -> np.ndarray:
    """Convert text with thousands commas to int64. The whole column is checked in one match; only a
    bad one is searched."""
    text = "\n".join(cells) + "\n"
    if text.count("\n") == len(cells) and _INTEGERS.fullmatch(text):
        try:
            return np.array(list(map(int, text.replace(",", "").split())), dtype=np.int64)
        except OverflowError:
            pass  # named below, with its ticker
    position = next(position for position, cell in enumerate(cells) if not _is_int64(cell))
    raise MalformedAnswer(
        f"The exchange's answer for {session} holds {quoted(cells[position])} in {column} of "
        f"{tickers[position]}: no whole number."
    )


def _is_int64(cell: str) -> bool:
    return bool(_INTEGER.fullmatch(cell)) and abs(int(cell.replace(",", ""))) < 2**63

"""Answers of the exchange: each HTTP answer passes, or becomes an error that names its kind."""

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Sequence
from datetime import date
from html import unescape
from typing import Any

import numpy as np

from utils.errors import (
    AnswerCutOff,
    Banned,
    KeyRefused,
    LoggedOut,
    MalformedAnswer,
    SourceDown,
    SourceRefuses,
)
from utils.outside_text import quoted

_INVISIBLE = re.compile(r"<style\b.*?(?:</style>|\Z)|<[^<>]*>", re.IGNORECASE | re.DOTALL)
_SCRIPT = re.compile(r"<script\b[^<>]*>(.*?)(?:</script>|\Z)", re.IGNORECASE | re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_MOST_BRACKETS, _DEEPEST, _MOST_COMMAS, _MOST_QUOTES = 30_000, 100, 1_000_000, 2_000_000
"""In JSON of the exchange at most: a day has 6,000 brackets, on three levels, 50,000 commas between
its texts, and 200,000 quotation marks."""
_TEXT = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
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
    makes an object of each pair and of each text. What stands within a text does not count."""
    if body.count(b'"') > _MOST_QUOTES:
        return False
    structure = _TEXT.sub(b"", body)
    brackets = structure.translate(None, _NO_BRACKETS)
    if len(brackets) > _MOST_BRACKETS or structure.count(b",") > _MOST_COMMAS:
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

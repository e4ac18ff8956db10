"""Answers of the exchange: each HTTP answer passes, or becomes an error that names its kind."""

import re
from collections.abc import Sequence
from datetime import date
from html import unescape

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
_MOST_BRACKETS, _DEEPEST = 200_000, 100
"""In JSON of the exchange at most: a day has 6,000, on three levels."""
_MOST_OF_A_PAGE = 1 << 18
"""Characters of a web page that are read."""
_ALERT = re.compile(r"""alert\s*\(\s*(["'])(.*?)\1""", re.IGNORECASE | re.DOTALL)
_RESTRICTED = re.compile(r"제한|차단|비정상|restricted|blocked", re.IGNORECASE)
_MAINTENANCE = re.compile(r"점검|maintenance", re.IGNORECASE)
_AUTOMATED = re.compile(r"자동|비정상|(?<!\d)1일|24시간|automat", re.IGNORECASE)


def classify_response(status: int, body: bytes, wants_json: bool) -> None:
    """Let an answer pass, or raise the error that it stands for.

    Raise `LoggedOut`, `Banned`, `KeyRefused`, `SourceRefuses`, `SourceDown`, `AnswerCutOff` or
    `MalformedAnswer`.
    """
    start = body[:4096].decode("utf-8", errors="replace").lstrip("\ufeff \r\n\t")
    if start.startswith("LOGOUT"):
        raise LoggedOut("The exchange says LOGOUT: the session is not logged in.")
    is_page = wants_json and start.startswith("<")
    text = _text_of_page(body) if is_page or status == 403 else ""
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


def _can_be_parsed(body: bytes) -> bool:
    """Return whether a parser of JSON gets through: it goes as deep as the brackets are nested, and
    makes an object of each pair. Brackets within texts are taken for others, so the limits are
    wide."""
    brackets = body.translate(None, _NO_BRACKETS)
    if len(brackets) > _MOST_BRACKETS:
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
    """Return the text that a person would see of a web page, alerts included: styles and scripts
    say `block` for other reasons."""
    try:
        page = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        page = body.decode("cp949", errors="replace")
    page = page[:_MOST_OF_A_PAGE]
    alerts = " ".join(
        text for script in _SCRIPT.findall(page) for _, text in _ALERT.findall(script)
    )
    try:
        return unescape(_INVISIBLE.sub(" ", _SCRIPT.sub(" ", page)) + alerts)
    except ValueError:  # a character reference with thousands of digits
        return ""


def _says_banned(text: str, status: int) -> bool:
    """True for a restriction, but not for one that is meant for maintenance. An answer of status
    403 has to speak of automated use: a server in between also says that it blocks."""
    if status not in (200, 403) or not _RESTRICTED.search(text):
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

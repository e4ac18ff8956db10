"""Official Open API of the exchange, for history and for the morning's final reading.

One request per market and session, with a key. A session appears the next morning at about 08:00,
so an evening cannot be collected here.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pandas as pd
import requests

from collectors.exchange.day_table import RAW_COLUMNS
from collectors.exchange.transport import Gate, GuardedAdapter, translated_failures
from utils.date_utils import is_final, weekdays
from utils.errors import KeyRefused, MalformedAnswer
from utils.outside_text import quoted

DAILY_LIMIT = 10_000
"""Requests on one day that the terms of the Open API allow."""
_ROOT = "/svc/apis/"
_DAY_SERVICES = {
    "STK": ("sto/stk_bydd_trd", "유가증권 일별매매정보"),
    "KSQ": ("sto/ksq_bydd_trd", "코스닥 일별매매정보"),
    "KNX": ("sto/knx_bydd_trd", "코넥스 일별매매정보"),
}
"""MKT_ID -> the service and the name under which it is applied for."""
_INDEX_SERVICE = ("idx/kospi_dd_trd", "KOSPI 시리즈 일별시세정보")
_LEVEL = re.compile(r"[\d,]+(\.\d+)?", re.ASCII)
_KONEX_OPENED = "2013-07-01"
_DIFFERENT_NAMES = {"ISU_CD": "ISU_SRT_CD", "ISU_NM": "ISU_ABBRV"}
"""Columns of the Open API -> those of the data site."""
_EXPECTED = {*RAW_COLUMNS.values()} - {"MKT_ID"}


class OpenApiSource:
    """Open API as a source of days and sessions.

    Args:
        key: sent as the header AUTH_KEY, never shown.
        base_url: the exchange's or a local exchange.
    """

    name = "openapi"

    def __init__(self, key: str, base_url: str, gate: Gate) -> None:
        self._base_url, self._gate = base_url.rstrip("/"), gate
        self._http = requests.Session()
        self._http.mount(self._base_url, GuardedAdapter(gate))
        self._http.headers["AUTH_KEY"] = key
        self._refusals: dict[str, KeyRefused] = {}
        self._sessions: dict[str, bool] = {}
        """Answers about days so far, so that a second try does not ask for them all again."""

    def shows(self, session: str, now: datetime) -> bool:
        """Return True from the next morning on."""
        return is_final(session, now)

    def fetch_day(self, session: str) -> pd.DataFrame:
        """Fetch the whole market of one day in one request per market: raw text with the columns of
        the data site.

        A market without rows, or a day without prices, has every price as `-`, like a closed day at
        the data site.
        """
        parts = {
            market: self._day_of(market, session)
            for market in _DAY_SERVICES
            if _existed(market, session)
        }
        empty = [market for market, rows in parts.items() if rows.empty]
        if empty and len(empty) < len(parts):
            service, _ = _DAY_SERVICES[empty[0]]
            raise MalformedAnswer(
                f"The Open API has no rows for {session} in {service}, but in the other markets."
            )
        table = pd.concat(
            [rows.assign(MKT_ID=market) for market, rows in parts.items()], ignore_index=True
        )
        if len(empty) == len(parts):
            return _closed_day()
        twice = [new for old, new in _DIFFERENT_NAMES.items() if {old, new} <= {*table.columns}]
        return table.drop(columns=twice).rename(columns=_DIFFERENT_NAMES)

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        """Fetch the days from first to last, both inclusive, that were sessions: one request for
        every weekday that is not `known` yet and is out by now."""
        now = self._gate.clock.now_kst()
        days = [day for day in weekdays(first, last) if day in known or is_final(day, now)]
        for day in days:
            if day not in known and day not in self._sessions:
                self._sessions[day] = self._was_session(day)
        answered = self._sessions | dict(known)
        return [day for day in days if answered[day]]

    def _was_session(self, day: str) -> bool:
        """Return True for a session; a holiday has rows with empty levels, or none."""
        rows = self._get(*_INDEX_SERVICE, day)
        levels = [str(level) for level in rows.get("CLSPRC_IDX", ()) if str(level) not in ("", "-")]
        if odd := [level for level in levels if not _LEVEL.fullmatch(level)]:
            raise MalformedAnswer(
                f"The Open API's index for {day} holds {quoted(odd[0])} where a level belongs."
            )
        return bool(levels)

    def _day_of(self, market: str, session: str) -> pd.DataFrame:
        """Return the rows of one market. A column that it lacks would cost it every row, beside the
        other markets' cells of that column."""
        rows = self._get(*_DAY_SERVICES[market], session)
        missing = _EXPECTED - {*rows.rename(columns=_DIFFERENT_NAMES)}
        if missing and not rows.empty:
            service, _ = _DAY_SERVICES[market]
            raise MalformedAnswer(
                f"The Open API's answer of {service} for {session} has no column "
                f"{', '.join(sorted(missing))}."
            )
        return rows

    def _get(self, service: str, title: str, day: str) -> pd.DataFrame:
        """Return the rows of one service for one day. A refused service is asked only once."""
        if service in self._refusals:
            raise self._refusals[service]
        try:
            return _rows(self._request(service, day), service, day)
        except KeyRefused:
            self._refusals[service] = KeyRefused(
                f"The Open API does not accept KRX_OPENAPI_KEY for {service} (HTTP 401). Each "
                f"service is applied for by itself at openapi.krx.co.kr: apply there for {title}. "
                "A key ends after a year."
            )
            raise self._refusals[service] from None

    def _request(self, service: str, day: str) -> Any:
        with translated_failures():
            url = f"{self._base_url}{_ROOT}{service}"
            asked = {"basDd": day.replace("-", "")}
            return self._http.get(url, params=asked, allow_redirects=False).json()


def _existed(market: str, session: str) -> bool:
    return market != "KNX" or session >= _KONEX_OPENED


def _rows(answer: Any, service: str, day: str) -> pd.DataFrame:
    """Return the rows as they came, `-` for empty cells. Raise `MalformedAnswer` when there is no
    block or another day's."""
    block = answer.get("OutBlock_1") if isinstance(answer, dict) else None
    if not isinstance(block, list) or not all(isinstance(row, dict) for row in block):
        raise MalformedAnswer(
            f"The Open API's answer of {service} for {day} has no block OutBlock_1."
        )
    shown = [{name: "-" if cell == "" else cell for name, cell in row.items()} for row in block]
    table = pd.DataFrame(shown)
    if not table.empty and set(table.get("BAS_DD", ())) != {day.replace("-", "")}:
        raise MalformedAnswer(f"The Open API's answer of {service} for {day} tells of another day.")
    return table


def _closed_day() -> pd.DataFrame:
    """Return the data site's answer for a closed day, in one row that names nobody."""
    return pd.DataFrame([dict.fromkeys(RAW_COLUMNS.values(), "-")])

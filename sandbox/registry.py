"""Registry of the exchange's faults: the effect, the requests and the value of each."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any

from sandbox import cells, delivery, effects, market_faults, row_faults
from sandbox.answers import Rows
from sandbox.effects import Effect
from sandbox.exchange import error_page, login_answer, openapi_error
from sandbox.messages import Response

KINDS = ("page", "login", "data", "openapi", "other")
_BAN_PAGE = (
    "<html><head><title>접속 제한 안내</title></head><body><h1>서비스 이용이 제한되었습니다</h1>"
    "<p>자동화된 프로그램에 의한 비정상적인 접속이 감지되어, "
    "감지 시점부터 1일간 접속이 차단됩니다.</p></body></html>"
)
_EDGE_PAGE = (
    "<html><head><title>403 Forbidden</title></head><body><h1>Request blocked</h1>"
    "<p>You have no permission to access this resource.</p><p>Support ID: 4711</p></body></html>"
)
_UNKNOWN_PAGE = (
    "<html><head><title>Request Rejected</title></head><body>Support ID: 4711</body></html>"
)
_MAINTENANCE_PAGE = (
    "<html><head><title>시스템 점검 안내</title></head><body><h1>시스템 점검 중입니다</h1>"
    "<p>점검 시간에는 서비스 이용이 제한됩니다. 이용에 불편을 드려 죄송합니다.</p></body></html>"
)


class About(Enum):
    """Requests that a fault makes sense for, unless it names one."""

    ANYTHING = "anything"
    DAY = "one day"
    DAY_OR_SERIES = "one day, or a series over it"


@dataclass(frozen=True)
class FaultKind:
    """Kind of fault. It hits requests of `kinds` unless the fault names a kind; it may also name
    one of `also`.

    `read` checks a value (None: the kind takes none). `extent` is how many rows it changes unless
    the fault says it, such as `1` or `20%` (None: that cannot be said). `by_market` allows a fault
    of one market alone.
    """

    effect: Effect
    kinds: tuple[str, ...] = ("data",)
    also: tuple[str, ...] = ()
    about: About = About.ANYTHING
    read: Callable[[str], Any] | None = None
    default: Any = None
    needs_date: bool = False
    extent: str | None = None
    by_market: bool = False


# -- values


def _status(text: str) -> int:
    status = HTTPStatus(int(text))
    if status < HTTPStatus.INTERNAL_SERVER_ERROR:
        raise ValueError("a server error is 500 or above")
    return status


def _seconds(text: str) -> float:
    return _positive(float(text))


def _share(text: str) -> float:
    share = _positive(float(text))
    if share >= 1:
        raise ValueError("a share is below 1")
    return share


def _count(text: str) -> int:
    return int(_positive(int(text)))


def _positive(number: float) -> float:
    if not 0 < number < float("inf"):
        raise ValueError("a positive number is needed")
    return number


def _word(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text


def _part(text: str) -> str:
    if text not in delivery.ENDLESS:
        raise ValueError(f"one of {', '.join(delivery.ENDLESS)} is needed")
    return text


def _session(text: str) -> str | int:
    """Read a date, or a distance in sessions such as -5."""
    try:
        distance = int(text)
    except ValueError:
        return date.fromisoformat(text).isoformat()
    if not distance:
        raise ValueError("another session is needed")
    return distance


# -- the registry

_column = partial(
    FaultKind, also=("openapi",), about=About.DAY, read=_word, default=cells.CLOSE, by_market=True
)
_table = partial(FaultKind, also=("openapi",), about=About.DAY, by_market=True)


def _rows(change: Callable[..., Rows | None], extent: str, **more: Any) -> FaultKind:
    """Return the kind of a fault that changes so many rows, unless it says another number."""
    return _table(effects.with_row_fault(change), extent=extent, **more)


_json = partial(FaultKind, also=("login", "openapi"))
_page = partial(FaultKind, also=("page", "login", "openapi"))
_login = partial(FaultKind, kinds=("login",))

FIGURES: dict[str, FaultKind] = {
    "conflicting_rows": _rows(row_faults.conflicting_rows, "1"),
    "no_number": _rows(row_faults.no_number, "1", read=_word, default=cells.CLOSE),
    "beyond_64_bits": _rows(row_faults.beyond_64_bits, "1", read=_word, default=cells.VALUE),
    "zero_close": _rows(row_faults.zero_close, "1"),
    "zero_shares": _rows(row_faults.zero_shares, "1"),
    "odd_code": _rows(row_faults.odd_code, "1"),
    "unknown_market": _rows(row_faults.unknown_market, "1", also=()),
    "other_figures": _table(effects.other_figures, read=_session, default=-1),
    "other_market": FaultKind(effects.other_market, ("openapi",), about=About.DAY, by_market=True),
    "no_volume": _rows(market_faults.no_volume, "100%"),
    "no_value": _rows(market_faults.no_value, "100%"),
    "swapped_turnover": _rows(market_faults.swapped_turnover, "100%"),
    "thousandfold_value": _rows(market_faults.thousandfold_value, "100%"),
    "tenfold_prices": _rows(market_faults.tenfold_prices, "33%"),
    "doubled_shares": _rows(market_faults.doubled_shares, "100%"),
    "sudden_halts": _rows(market_faults.sudden_halts, "20%"),
    "unchanged_closes": _rows(market_faults.unchanged_closes, "100%"),
    "beyond_limit": _rows(market_faults.beyond_limit, "20%"),
    "wrong_bases": _rows(market_faults.wrong_bases, "5%"),
    "shifted_names": _rows(market_faults.shifted_names, "100%"),
    "swapped_markets": _rows(market_faults.swapped_markets, "30%", also=()),
    "new_tickers": _rows(market_faults.new_tickers, "60"),
    "missing_tickers": _rows(market_faults.missing_tickers, "60"),
}
"""Faults of an answer that is out in time and can be read, and that tells something wrong."""

REGISTRY: dict[str, FaultKind] = {
    "logout": FaultKind(effects.log_out),
    "wrong_password": _login(
        effects.answering(login_answer("CD003", "아이디 또는 비밀번호가 일치하지 않습니다."))
    ),
    "password_due": _login(
        effects.answering(login_answer("CD010", "비밀번호를 변경하신 지 3개월이 지났습니다."))
    ),
    "elsewhere": _login(effects.answering(login_answer("CD011", "이미 접속중인 아이디입니다."))),
    "unauthorized": FaultKind(
        effects.answering(openapi_error(HTTPStatus.UNAUTHORIZED, "Unauthorized Key")), ("openapi",)
    ),
    "ban": _page(effects.answering(Response(HTTPStatus.FORBIDDEN, _BAN_PAGE.encode()))),
    "ban_page": _page(effects.answering(Response(HTTPStatus.OK, _BAN_PAGE.encode()))),
    "forbidden": _page(effects.answering(Response(HTTPStatus.FORBIDDEN, _EDGE_PAGE.encode()))),
    "forbidden_empty": _page(effects.answering(Response(HTTPStatus.FORBIDDEN, b""))),
    "maintenance": _page(effects.answering(Response(HTTPStatus.OK, _MAINTENANCE_PAGE.encode()))),
    "unknown_page": _page(effects.answering(Response(HTTPStatus.OK, _UNKNOWN_PAGE.encode()))),
    "server_error": _page(
        effects.server_error, read=_status, default=int(HTTPStatus.SERVICE_UNAVAILABLE)
    ),
    "too_many": _page(effects.answering(error_page(HTTPStatus.TOO_MANY_REQUESTS))),
    "hang": _page(effects.undelivered(delivery.hang)),
    "drip": _page(effects.drip, read=_seconds, default=0.2),
    "endless": _page(effects.endless, read=_part, default="continue"),
    "reset": _page(effects.undelivered(delivery.reset)),
    "die": _page(effects.die),
    "outage": FaultKind(effects.undelivered(delivery.close), KINDS),
    "truncated": _json(effects.truncate),
    "not_json": _json(
        effects.answering(Response(HTTPStatus.OK, b"The service is temporarily out of order."))
    ),
    "too_large": _page(effects.too_large, read=_count, default=65),
    "deep": _json(effects.answering(Response(HTTPStatus.OK, b'{"OutBlock_1":' + b"[" * 100_000))),
    "empty": _page(effects.answering(effects.NOTHING)),
    "no_block": FaultKind(effects.without_block, also=("openapi",)),
    "no_column": _column(effects.with_row_fault(row_faults.no_column)),
    "renamed_column": _column(effects.with_row_fault(row_faults.renamed_column)),
    "extra_columns": _table(effects.with_row_fault(row_faults.extra_columns)),
    "odd_names": _rows(row_faults.odd_names, "100%"),
    "no_rows": _table(effects.with_row_fault(row_faults.no_rows)),
    "few_rows": _table(effects.with_row_fault(row_faults.few_rows), read=_share, default=0.1),
    "all_dashes": _table(effects.with_row_fault(row_faults.all_dashes)),
    "duplicated_rows": _rows(row_faults.duplicated_rows, "3"),
    "bad_cell": _rows(row_faults.bad_cell, "1", read=str, default="N/A"),
    "other_day": _table(effects.other_day, read=_session, default=-1, by_market=False),
    "broken_order": _rows(row_faults.broken_order, "1"),
    "after_market_only": _rows(row_faults.after_market_only, "1"),
    "wrong_cap": _rows(row_faults.wrong_cap, "1"),
    "negative": _rows(row_faults.negative, "1"),
    "late": FaultKind(
        effects.late, ("data", "openapi"), about=About.DAY_OR_SERIES, needs_date=True
    ),
    "revised": FaultKind(effects.revised, about=About.DAY, read=_count, default=5),
    **FIGURES,
}

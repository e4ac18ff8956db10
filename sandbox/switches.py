"""The registry of the exchange's failures: what each does, which requests it is for, which value it
takes."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from enum import Enum
from functools import partial
from http import HTTPStatus
from typing import Any

from sandbox import delivery, spoilers, strikes
from sandbox.exchange import error_page, login_answer, openapi_error
from sandbox.messages import Response
from sandbox.strikes import Strike

KINDS = ("page", "login", "data", "openapi", "other")
_BAN_PAGE = (
    "<html><head><title>접속 제한 안내</title></head><body><h1>서비스 이용이 제한되었습니다</h1>"
    "<p>자동화된 프로그램에 의한 비정상적인 접속이 감지되어, 감지 시점부터 1일간 접속이 차단됩니다.</p></body></html>"
)
_UNKNOWN_PAGE = (
    "<html><head><title>Request Rejected</title></head><body>Support ID: 4711</body></html>"
)
_MAINTENANCE_PAGE = (
    "<html><head><title>시스템 점검 안내</title></head><body><h1>시스템 점검 중입니다</h1>"
    "<p>점검 시간에는 서비스 이용이 제한됩니다. 이용에 불편을 드려 죄송합니다.</p></body></html>"
)


class About(Enum):
    """Which requests a switch makes sense for, unless it is told one by name."""

    ANYTHING = "anything"
    DAY = "one day"
    DAY_OR_SERIES = "one day, or a series over it"


@dataclass(frozen=True)
class Switch:
    """`kinds` are struck unless the fault names one, `also` only then. `read` checks a value (None:
    it takes none)."""

    strike: Strike
    kinds: tuple[str, ...] = ("data",)
    also: tuple[str, ...] = ()
    about: About = About.ANYTHING
    read: Callable[[str], Any] | None = None
    default: Any = None
    needs_date: bool = False


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


def _iso_date(text: str) -> str:
    return date.fromisoformat(text).isoformat()


# -- the registry

_column = partial(Switch, also=("openapi",), about=About.DAY, read=_word, default=spoilers.CLOSE)
_table = partial(Switch, also=("openapi",), about=About.DAY)
_json = partial(Switch, also=("login", "openapi"))
_page = partial(Switch, also=("page", "login", "openapi"))
_login = partial(Switch, kinds=("login",))

SWITCHES: dict[str, Switch] = {
    "logout": Switch(strikes.log_out),
    "wrong_password": _login(
        strikes.answering(login_answer("CD003", "아이디 또는 비밀번호가 일치하지 않습니다."))
    ),
    "password_due": _login(
        strikes.answering(login_answer("CD010", "비밀번호를 변경하신 지 3개월이 지났습니다."))
    ),
    "elsewhere": _login(strikes.answering(login_answer("CD011", "이미 접속중인 아이디입니다."))),
    "unauthorized": Switch(
        strikes.answering(openapi_error(HTTPStatus.UNAUTHORIZED, "Unauthorized Key")), ("openapi",)
    ),
    "ban": _page(strikes.answering(error_page(HTTPStatus.FORBIDDEN))),
    "ban_page": _page(strikes.answering(Response(HTTPStatus.OK, _BAN_PAGE.encode()))),
    "maintenance": _page(strikes.answering(Response(HTTPStatus.OK, _MAINTENANCE_PAGE.encode()))),
    "unknown_page": _page(strikes.answering(Response(HTTPStatus.OK, _UNKNOWN_PAGE.encode()))),
    "server_error": _page(
        strikes.server_error, read=_status, default=int(HTTPStatus.SERVICE_UNAVAILABLE)
    ),
    "too_many": _page(strikes.answering(error_page(HTTPStatus.TOO_MANY_REQUESTS))),
    "hang": _page(strikes.undelivered(delivery.hang)),
    "drip": _page(strikes.drip, read=_seconds, default=0.2),
    "reset": _page(strikes.undelivered(delivery.reset)),
    "die": _page(strikes.die),
    "outage": Switch(strikes.undelivered(delivery.close), KINDS),
    "truncated": _json(strikes.truncate),
    "not_json": _json(
        strikes.answering(Response(HTTPStatus.OK, b"The service is temporarily out of order."))
    ),
    "empty": _page(strikes.answering(strikes.NOTHING)),
    "no_block": Switch(strikes.without_block, also=("openapi",)),
    "no_column": _column(strikes.spoiling(spoilers.no_column)),
    "renamed_column": _column(strikes.spoiling(spoilers.renamed_column)),
    "no_rows": _table(strikes.spoiling(spoilers.no_rows)),
    "few_rows": _table(strikes.spoiling(spoilers.few_rows), read=_share, default=0.1),
    "all_dashes": _table(strikes.spoiling(spoilers.all_dashes)),
    "duplicated_rows": _table(strikes.spoiling(spoilers.duplicated_rows)),
    "bad_cell": _table(strikes.spoiling(spoilers.bad_cell), read=str, default="N/A"),
    "other_day": _table(strikes.other_day, read=_iso_date),
    "broken_order": _table(strikes.spoiling(spoilers.broken_order)),
    "wrong_cap": _table(strikes.spoiling(spoilers.wrong_cap)),
    "negative": _table(strikes.spoiling(spoilers.negative)),
    "late": Switch(strikes.late, ("data", "openapi"), about=About.DAY_OR_SERIES, needs_date=True),
    "revised": Switch(strikes.revised, about=About.DAY, read=_count, default=5),
}

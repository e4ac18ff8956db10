"""The exchange behind the transport: accounts, web sessions, what is asked for and what is out by
its clock."""

import threading
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from itertools import count

from sandbox import answers
from sandbox.market import Day, IndexSeries, Market
from sandbox.messages import Request, Response
from sandbox.publication import Phase, elapsed, is_final, phase_of, shown, volume_share
from utils.clock import Clock

LOGIN_PATHS = (
    "/contents/MDC/COMS/client/MDCCOMS001.cmd",
    "/contents/MDC/COMS/client/view/login.jsp",
)
LOGIN_POST_PATH = "/contents/MDC/COMS/client/MDCCOMS001D1.cmd"
DATA_PATH = "/comm/bldAttendant/getJsonData.cmd"
OPENAPI_ROOT = "/svc/apis/"
STATISTICS = "dbms/MDC/STAT/standard/"
COOKIE = "JSESSIONID"
IDLE_LIMIT = timedelta(minutes=60)

OPENAPI_DAYS = {"sto/stk_bydd_trd": "STK", "sto/ksq_bydd_trd": "KSQ", "sto/knx_bydd_trd": "KNX"}
OPENAPI_INDICES = {"idx/kospi_dd_trd": "STK", "idx/kosdaq_dd_trd": "KSQ"}
OPENAPI_SERVICES = frozenset({*OPENAPI_DAYS, *OPENAPI_INDICES})
_INDEX_OF = {("1", "001"): "STK", ("2", "001"): "KSQ"}
_DATE_PARAMETERS = ("trdDd", "strtDd", "endDd", "basDd")


@dataclass(frozen=True)
class Record:
    """A request that came in. `kind`: page (of the login), login (the POST), data, openapi, other.

    `name` is the bld without its folder, the Open API service, or the path; `dates` are the date
    parameters as sent.
    """

    kind: str
    name: str
    dates: Mapping[str, str]
    at: datetime

    @property
    def day(self) -> str | None:
        """The date of a request about one day, YYYY-MM-DD if it was well formed; None of any
        other."""
        sent = self.dates.get("trdDd") or self.dates.get("basDd")
        return f"{sent[:4]}-{sent[4:6]}-{sent[6:]}" if sent else None


@dataclass
class _WebSession:
    account: str | None
    last_seen: datetime


class BadRequestError(Exception):
    """Parameters the exchange cannot answer."""


Interceptor = Callable[[Request], Response | None]


class Exchange:
    """Answers requests as the exchange does at the time of its clock.

    A request passes `interceptors` in order; the first that returns a response has answered it. The
    last one knows every path, so whatever is put before it can refuse, change or delay.

    Args:
        market: what is traded.
        clock: the exchange's time; may be replaced at any moment.
        accounts: passwords by login id.
        openapi_keys: the services each Open API key has applied for.
    """

    def __init__(
        self,
        market: Market,
        clock: Clock,
        accounts: Mapping[str, str] | None = None,
        openapi_keys: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.market = market
        self.clock = clock
        self.interceptors: list[Interceptor] = [self._guard_login, self._guard_openapi, self._route]
        self._accounts = dict({"demo": "demo"} if accounts is None else accounts)
        self._openapi_keys = dict(
            {"demo-key": OPENAPI_SERVICES} if openapi_keys is None else openapi_keys
        )
        self._sessions: dict[str, _WebSession] = {}
        self._numbers = count(1)
        self._records: list[Record] = []
        self._lock = threading.RLock()

    def answer(self, request: Request) -> Response:
        record = self.record_of(request)
        with self._lock:
            self._records.append(record)
        return _first_answer(request, self.interceptors)

    def answer_behind(self, interceptor: Interceptor, request: Request) -> Response:
        """What the interceptors after this one answer; nothing is recorded."""
        return _first_answer(request, self.interceptors[self.interceptors.index(interceptor) + 1 :])

    def record_of(self, request: Request) -> Record:
        """What a request asks for, at the time of the clock."""
        kind, name = _kind_and_name(request)
        sent = {**request.query, **request.form}
        dates = {parameter: sent[parameter] for parameter in _DATE_PARAMETERS if parameter in sent}
        return Record(kind, name, dates, self.clock.now_kst())

    def forget_web_session(self, request: Request) -> None:
        """The request's web session ends: whoever uses it is logged out."""
        with self._lock:
            self._sessions.pop(request.cookies.get(COOKIE, ""), None)

    def counts(self) -> dict[str, int]:
        """Requests since the start or the last reset, by kind."""
        tally = Counter(record.kind for record in self.requests())
        return {kind: tally[kind] for kind in ("data", "login", "openapi", "page", "other")}

    def requests(self) -> list[Record]:
        with self._lock:
            return list(self._records)

    def reset_counts(self) -> None:
        with self._lock:
            self._records.clear()

    # -- interceptors

    def _guard_login(self, request: Request) -> Response | None:
        if request.path != DATA_PATH or self._is_logged_in(request):
            return None
        return Response(HTTPStatus.BAD_REQUEST, b"LOGOUT")

    def _guard_openapi(self, request: Request) -> Response | None:
        service = openapi_service(request)
        if service is None or service in self._openapi_keys.get(
            request.headers.get("auth_key", ""), ()
        ):
            return None
        return openapi_error(HTTPStatus.UNAUTHORIZED, "Unauthorized Key")

    def _route(self, request: Request) -> Response | None:
        try:
            return self._answer_path(request)
        except BadRequestError as error:
            return error_page(HTTPStatus.BAD_REQUEST, str(error))

    def _answer_path(self, request: Request) -> Response | None:
        service = openapi_service(request)
        if service is not None and request.method == "GET":
            return self._openapi(service, request)
        if (request.method, request.path) == ("POST", DATA_PATH):
            return self._data(request)
        if (request.method, request.path) == ("POST", LOGIN_POST_PATH):
            return self._log_in(request)
        if request.method == "GET" and request.path in LOGIN_PATHS:
            return self._login_page(request)
        return None

    # -- accounts and web sessions

    def _login_page(self, request: Request) -> Response:
        page = "<html><head><title>KRX Data Marketplace</title></head><body>로그인</body></html>"
        with self._lock:
            _, cookie = self._web_session(request)
        return Response(HTTPStatus.OK, page.encode(), headers=cookie)

    def _log_in(self, request: Request) -> Response:
        account = request.form.get("mbrId", "")
        with self._lock:
            key, cookie = self._web_session(request)
            if not account or self._accounts.get(account) != request.form.get("pw"):
                return login_answer("CD003", "아이디 또는 비밀번호가 일치하지 않습니다.", cookie)
            elsewhere = [other for other in self._live_sessions(account) if other != key]
            if elsewhere and request.form.get("skipDup") != "Y":
                return login_answer("CD011", "이미 접속중인 아이디입니다.", cookie)
            for other in elsewhere:
                del self._sessions[other]
            self._sessions[key] = _WebSession(account, self.clock.now_utc())
        return login_answer("CD001", "정상", cookie)

    def _web_session(self, request: Request) -> tuple[str, dict[str, str]]:
        """The request's web session, a new one when it has none, and the header that tells it."""
        key = request.cookies.get(COOKIE, "")
        if key in self._sessions:
            return key, {}
        key = f"{next(self._numbers):032X}"
        self._sessions[key] = _WebSession(None, self.clock.now_utc())
        return key, {"Set-Cookie": f"{COOKIE}={key}; Path=/; HttpOnly"}

    def _is_logged_in(self, request: Request) -> bool:
        key = request.cookies.get(COOKIE, "")
        with self._lock:
            session = self._sessions.get(key)
            if session is None or session.account is None or not self._is_alive(session):
                return False
            session.last_seen = self.clock.now_utc()
            return True

    def _live_sessions(self, account: str) -> list[str]:
        return [
            key
            for key, session in self._sessions.items()
            if session.account == account and self._is_alive(session)
        ]

    def _is_alive(self, session: _WebSession) -> bool:
        return self.clock.now_utc() - session.last_seen < IDLE_LIMIT

    # -- the data site

    def _data(self, request: Request) -> Response:
        now = self.clock.now_kst()
        name = request.form.get("bld", "").removeprefix(STATISTICS)
        if name not in BLOCKS:
            return error_page(HTTPStatus.NOT_FOUND)
        rows = (
            self._index(request.form, now)
            if name == "MDCSTAT00301"
            else self._rows(name, request.form, now)
        )
        return Response(HTTPStatus.OK, answers.body(BLOCKS[name], rows, now))

    def _rows(self, name: str, form: Mapping[str, str], now: datetime) -> answers.Rows:
        market_id = form.get("mktId", "")
        if name == "MDCSTAT01901":
            return answers.listing_rows(
                self.market.listings(self._roster(f"{now:%Y-%m-%d}", now).of_market(market_id))
            )
        date = read_date(form.get("trdDd"))
        phase = phase_of(self.market, date, now)
        if phase.has_numbers:
            return self._open_rows(name, shown(self.market, date, now).of_market(market_id))
        return self._closed_rows(
            name, self._roster(date, now).of_market(market_id), phase is Phase.WEEKEND
        )

    def _open_rows(self, name: str, day: Day) -> answers.Rows:
        if name == "MDCSTAT03501":
            return answers.fundamental_rows(self.market.fundamentals(day))
        if name == "MDCSTAT03701":
            return answers.holding_rows(self.market.holdings(day))
        return answers.day_rows(day)

    def _closed_rows(self, name: str, roster: Day, weekend: bool) -> answers.Rows:
        if name == "MDCSTAT03501":
            return answers.closed_fundamental_rows(self.market.fundamentals(roster).day, weekend)
        if name == "MDCSTAT03701":
            return answers.closed_holding_rows(roster, weekend)
        return answers.closed_day_rows(roster, weekend)

    def _roster(self, date: str, now: datetime) -> Day:
        """Who is listed on a date, as far as today knows."""
        return self.market.roster(min(date, f"{now:%Y-%m-%d}"))

    def _index(self, form: Mapping[str, str], now: datetime) -> answers.Rows:
        market_id = _INDEX_OF.get((form.get("indIdx", ""), form.get("indIdx2", "")))
        if market_id is None:
            return []
        first, last = read_date(form.get("strtDd")), read_date(form.get("endDd"))
        series = self.market.index(market_id)
        wanted = range(bisect_left(series.sessions, first), bisect_right(series.sessions, last))
        phases = {
            position: phase_of(self.market, series.sessions[position], now) for position in wanted
        }
        positions = [position for position, phase in phases.items() if phase.has_numbers]
        if positions and phases[positions[-1]] is Phase.RUNNING:
            series = running_index(
                series, positions[-1], elapsed(self.market, series.sessions[positions[-1]], now)
            )
        return answers.index_rows(series, positions)

    # -- the Open API

    def _openapi(self, service: str, request: Request) -> Response:
        if service not in OPENAPI_SERVICES:
            return openapi_error(HTTPStatus.NOT_FOUND, "Not Found")
        try:
            date = read_date(request.query.get("basDd"))
        except BadRequestError as error:
            return openapi_error(HTTPStatus.BAD_REQUEST, str(error))
        rows = self._openapi_rows(service, date, self.clock.now_kst())
        return Response(
            HTTPStatus.OK, answers.dump({"OutBlock_1": rows}), "application/json; charset=utf-8"
        )

    def _openapi_rows(self, service: str, date: str, now: datetime) -> answers.Rows:
        phase = phase_of(self.market, date, now)
        if phase is Phase.WEEKEND or not is_final(date, now):
            return []
        if service in OPENAPI_INDICES:
            return self._openapi_index_rows(OPENAPI_INDICES[service], date, phase)
        market_id = OPENAPI_DAYS[service]
        if phase is Phase.HOLIDAY:
            return answers.openapi_holiday_rows(self._roster(date, now).of_market(market_id), date)
        return answers.openapi_day_rows(self.market.day(date).of_market(market_id))

    def _openapi_index_rows(self, market_id: str, date: str, phase: Phase) -> answers.Rows:
        if phase is Phase.HOLIDAY:
            return answers.openapi_index_holiday_rows(market_id, date)
        series = self.market.index(market_id)
        return answers.openapi_index_rows(series, market_id, bisect_left(series.sessions, date))


BLOCKS = {
    "MDCSTAT01501": "OutBlock_1",
    "MDCSTAT00301": "output",
    "MDCSTAT01901": "OutBlock_1",
    "MDCSTAT03501": "output",
    "MDCSTAT03701": "output",
}


def _first_answer(request: Request, interceptors: Iterable[Interceptor]) -> Response:
    for intercept in interceptors:
        response = intercept(request)
        if response is not None:
            return response
    return error_page(HTTPStatus.NOT_FOUND)


def openapi_service(request: Request) -> str | None:
    """`sto/stk_bydd_trd` of a request to the Open API, None of any other."""
    return (
        request.path.removeprefix(OPENAPI_ROOT) if request.path.startswith(OPENAPI_ROOT) else None
    )


def running_index(series: IndexSeries, position: int, part: float) -> IndexSeries:
    """The series with the session at `place` only `part` of the way from its open to its close."""
    if (
        series.close is None
        or series.open is None
        or series.high is None
        or series.low is None
        or series.change is None
    ):
        return series
    columns = {name: getattr(series, name).copy() for name in _INDEX_COLUMNS}
    opened, close = int(series.open[position]), int(series.close[position])
    level = opened + int((close - opened) * part)
    columns["close"][position] = level
    columns["change"][position] = level - (close - int(series.change[position]))
    columns["high"][position] = max(opened, level)
    columns["low"][position] = min(opened, level)
    for name in ("volume", "value"):
        columns[name][position] = int(columns[name][position] * volume_share(part))
    return IndexSeries(series.sessions, **columns)


_INDEX_COLUMNS = ("open", "high", "low", "close", "change", "volume", "value", "market_cap")


def read_date(text: str | None) -> str:
    """20260910 as 2026-09-10; BadRequestError when it is no date."""
    if text is None or len(text) != 8 or not text.isdecimal():
        raise BadRequestError(f"not a date (YYYYMMDD): {text!r}")
    try:
        return f"{datetime.strptime(text, '%Y%m%d'):%Y-%m-%d}"
    except ValueError as error:
        raise BadRequestError(f"not a date (YYYYMMDD): {text!r}") from error


def error_page(status: HTTPStatus, detail: str = "") -> Response:
    title = f"{status.value} {status.phrase}"
    page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1><p>{detail}</p></body></html>"
    return Response(status, page.encode())


def _kind_and_name(request: Request) -> tuple[str, str]:
    service = openapi_service(request)
    if service is not None:
        return "openapi", service
    if request.path == DATA_PATH:
        return "data", request.form.get("bld", "").removeprefix(STATISTICS)
    if request.path == LOGIN_POST_PATH:
        return "login", request.path
    return ("page" if request.path in LOGIN_PATHS else "other"), request.path


def login_answer(code: str, message: str, cookie: Mapping[str, str] | None = None) -> Response:
    return Response(
        HTTPStatus.OK,
        answers.dump({"_error_code": code, "_error_message": message}),
        headers=cookie or {},
    )


def openapi_error(status: HTTPStatus, message: str) -> Response:
    body = answers.dump({"respMsg": message, "respCode": str(status.value)})
    return Response(status, body, "application/json; charset=utf-8")

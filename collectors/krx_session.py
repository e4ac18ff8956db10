"""The exchange's data site through pykrx: the only module that imports pykrx.

pykrx logs in, prints, waits without a timeout and swallows failures. Here its own session object logs in once, and
one transport under it rewrites the host, bounds the time, spaces the requests and checks every answer before pykrx
sees it, so pykrx's `fetch` runs unmodified and what fails leaves as an error of ours.
"""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import requests
from requests.adapters import HTTPAdapter

from collectors.answers import classify_response, parse_index_dates
from utils.errors import LoggedOut, LoginRefused, MalformedAnswer, PasswordChangeDue, SourceDown, WrongUsage
from utils.settings import environment_for_imports

SITE = "https://data.krx.co.kr"
CONNECT_SECONDS, READ_SECONDS = 10, 60
_LONGEST_SPAN = timedelta(days=700)
"""pykrx itself splits longer spans, with waits and without our checks."""
_LOGIN_POST = "/contents/MDC/COMS/client/MDCCOMS001D1.cmd"
_OK, _CHANGE_PASSWORD = "CD001", "CD010"
log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Account:
    """KRX_ID and KRX_PW. Never shown: it has no repr."""

    login_id: str
    password: str


class PykrxSource:
    """The exchange's data site.

    Args:
        account: None when there is none; every request then says what to set.
        base_url: the exchange's site or a local exchange.
        before_request: called before each request is sent; it may wait (spacing) or raise (source closed).
        cache_dir: where libraries that pykrx imports may keep their caches.
    """

    name = "pykrx"

    def __init__(
        self, account: Account | None, base_url: str, before_request: Callable[[], None], cache_dir: Path
    ) -> None:
        self._account = account
        self._transport = Transport(base_url, before_request)
        self._cache_dir = cache_dir
        self._session: Any = None
        self._refusal: LoginRefused | None = None

    def fetch_day(self, session: str) -> pd.DataFrame:
        """The whole market of one day in one request (MDCSTAT01501): raw text, one row per ticker."""
        return self._fetch(lambda core: core.전종목시세().fetch(_compact(session), "ALL"))

    def fetch_sessions(self, first: str, last: str) -> list[str]:
        """The days from first to last, both inclusive, that the KOSPI index series (MDCSTAT00301) shows: open days."""
        shown: list[str] = []
        for start, end in _spans(date.fromisoformat(first), date.fromisoformat(last)):
            table = self._fetch(_index_series(start, end))
            if not table.empty and "TRD_DD" not in table.columns:
                raise MalformedAnswer("The exchange's index series has no column TRD_DD.")
            shown += parse_index_dates([] if table.empty else list(table["TRD_DD"]))
        return shown

    def log_in(self) -> None:
        """Log in now instead of at the first request. Raises `LoginRefused`, `WrongUsage` or what the answer was."""
        if self._refusal is not None:
            raise self._refusal  # wrong credentials are tried once, not per request: the account would be locked
        if self._account is None:
            raise WrongUsage("KRX_ID and KRX_PW are not set. Put the account of the exchange's data site into .env.")
        auth, _ = _import_pykrx(self._cache_dir)
        session = _checked_session(auth, self._transport)
        self._transport.login_code = ""
        try:
            with _translated(), redirect_stdout(io.StringIO()):
                auth.login_krx(self._account.login_id, self._account.password, session.session)
            self._check_login(self._transport.login_code)
        except LoginRefused as refusal:
            self._refusal = refusal
            raise
        auth.set_auth_session(session)
        self._session = session
        log.info("Logged in to the exchange.")

    def _fetch(self, request: Callable[[ModuleType], pd.DataFrame]) -> pd.DataFrame:
        if self._session is None:
            self.log_in()
        try:
            return self._ask(request)
        except LoggedOut:
            log.warning("The exchange has logged us out; logging in once more.")
            self.log_in()
            return self._ask(request)

    def _ask(self, request: Callable[[ModuleType], pd.DataFrame]) -> pd.DataFrame:
        _, core = _import_pykrx(self._cache_dir)
        with _translated(), redirect_stdout(io.StringIO()):
            return request(core)

    def _check_login(self, code: str) -> None:
        if code == _CHANGE_PASSWORD:
            raise PasswordChangeDue(
                f"The exchange wants a new password ({code}). Change it at {SITE}, then set KRX_PW in .env."
            )
        if code != _OK:
            raise LoginRefused(
                f"The exchange refuses the login ({code or 'no code'}). Correct KRX_ID and KRX_PW in .env; "
                "several wrong tries lock the account."
            )


class Transport(HTTPAdapter):
    """Under pykrx's session: every request is spaced, bounded in time and sent to `base_url`, every answer checked."""

    def __init__(self, base_url: str, before_request: Callable[[], None]) -> None:
        super().__init__()
        self._base_url = base_url.rstrip("/")
        self._before_request = before_request
        self.login_code = ""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self._before_request()
        # A copy goes out, so the cookies stay with the exchange's own host name.
        outgoing = request.copy()
        outgoing.url = str(request.url).replace(SITE, self._base_url, 1)
        kwargs["timeout"] = (CONNECT_SECONDS, READ_SECONDS)
        response = super().send(outgoing, *args, **kwargs)
        classify_response(response.status_code, response.content, wants_json=request.method == "POST")
        if str(request.url).endswith(_LOGIN_POST):
            self.login_code = str(response.json().get("_error_code", ""))
        return response


def _import_pykrx(cache_dir: Path) -> tuple[ModuleType, ModuleType]:
    """pykrx's `auth` and `core`. Its import would log in with KRX_ID and KRX_PW and print the id: it sees neither."""
    with environment_for_imports(cache_dir, without=("KRX_ID", "KRX_PW")), redirect_stdout(io.StringIO()):
        from pykrx.website.comm import auth
        from pykrx.website.krx.market import core
    return auth, core


def _checked_session(auth: ModuleType, transport: Transport) -> Any:
    """pykrx's own session object over our transport."""

    class CheckedSession(auth.KRXSession):  # type: ignore[name-defined,misc]
        """Valid until the exchange says LOGOUT, not for an hour by the clock; cookies stay in the cookie jar."""

        def is_valid(self, buffer_seconds: int = 300) -> bool:
            return True

        def get_headers(self) -> dict[str, str]:
            headers: dict[str, str] = super().get_headers()
            del headers["Cookie"]  # it is empty, and an empty header hides the jar
            return headers

    session = CheckedSession()
    session.session.mount(SITE, transport)
    return session


def _index_series(start: date, end: date) -> Callable[[ModuleType], pd.DataFrame]:
    def request(core: ModuleType) -> pd.DataFrame:
        table: pd.DataFrame = core.개별지수시세().fetch("001", "1", f"{start:%Y%m%d}", f"{end:%Y%m%d}")
        return table

    return request


def _compact(session: str) -> str:
    return session.replace("-", "")


def _spans(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + _LONGEST_SPAN, last)
        yield first, end
        first = end + timedelta(days=1)


@contextmanager
def _translated() -> Iterator[None]:
    """What requests and pykrx raise, as errors of ours."""
    try:
        yield
    except requests.exceptions.JSONDecodeError:
        raise MalformedAnswer("The exchange's answer is no valid JSON: probably cut off on the way.") from None
    except requests.Timeout:
        raise SourceDown(f"The exchange did not answer within {READ_SECONDS} seconds.") from None
    except requests.RequestException as error:
        raise SourceDown(f"The exchange cannot be reached ({type(error).__name__}).") from None
    except KeyError as error:
        raise MalformedAnswer(f"The exchange's answer has no block {error}.") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise MalformedAnswer(f"The exchange's answer is not of its known form ({type(error).__name__}).") from error

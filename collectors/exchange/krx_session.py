"""Data site of the exchange through pykrx. No other module imports pykrx.

pykrx logs in, prints, waits without a timeout and swallows failures. Here its own session object
logs in once. One transport under it rewrites the host, bounds the time, spaces the requests and
checks every answer before pykrx sees it. So pykrx's `fetch` runs unmodified, and every failure
leaves as an error of ours.
"""

import hashlib
import io
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import requests

from collectors.exchange.answers import parse_index_dates
from collectors.exchange.transport import Gate, GuardedAdapter, translated_failures
from utils.clock import KST
from utils.errors import (
    LoggedInElsewhere,
    LoggedOut,
    LoginRefused,
    MalformedAnswer,
    PasswordChangeDue,
    SourceRefuses,
)
from utils.outside_text import beginning
from utils.settings import environment_for_imports

SITE = "https://data.krx.co.kr"
MOST_LOGINS = 4
"""Logins that succeed in one run: the first one, and one more after each LOGOUT."""
OLD_PASSWORD_DAYS = 80
"""Age from which on every login warns."""
PASSWORD_DAYS = 90
"""Age at which the exchange refuses a password (CD010): three months."""
_LONGEST_SPAN = timedelta(days=700)
"""pykrx itself splits longer spans, with waits and without our checks."""
_INDICES = {"KOSPI": ("001", "1"), "KOSDAQ": ("001", "2")}
"""Composite index -> its code and that of its family (`indIdx2`, `indIdx`)."""
_LOGIN_POST = "/contents/MDC/COMS/client/MDCCOMS001D1.cmd"
_OK, _CHANGE_PASSWORD, _ELSEWHERE = "CD001", "CD010", "CD011"
_MOST_REDIRECTS = 5
_CLOUD_ADVICE = (
    " No login has ever succeeded from here: the site often refuses the addresses of cloud hosts. "
    "From such a host the Open API answers: set KRX_OPENAPI_KEY in .env and leave KRX_ID and "
    "KRX_PW empty."
)
"""For a store whose hosts the site has never let in."""
log = logging.getLogger(__name__)


@dataclass(frozen=True, repr=False)
class Account:
    """Account of KRX_ID and KRX_PW. Never shown: it has no repr."""

    login_id: str
    password: str

    def mark(self) -> str:
        """Return a mark of the password: 16 bits of scrypt, too few to find a password by."""
        return _mark(self.password, salt=self.login_id)

    def id_mark(self) -> str:
        """Return a mark of the login ID, made in the same way."""
        return _mark(self.login_id, salt=SITE)


@lru_cache(maxsize=4)
def _mark(secret: str, salt: str) -> str:
    return hashlib.scrypt(secret.encode(), salt=salt.encode(), n=2**14, r=8, p=1).hex()[:4]


class PykrxSource:
    """Data site of the exchange as a source.

    Args:
        base_url: the exchange's site or a local exchange.
        cache_dir: where libraries that pykrx imports may keep their caches.
    """

    name = "pykrx"

    def __init__(self, account: Account, base_url: str, gate: Gate, cache_dir: Path) -> None:
        self._account, self._gate = account, gate
        self._transport = Transport(base_url, gate)
        self._cache_dir = cache_dir
        self._session: Any = None
        self._refusal: SourceRefuses | None = None
        self._logins_left = MOST_LOGINS

    def shows(self, session: str, now: datetime) -> bool:
        """Return True from the morning of its day on. On closed days every price is `-`."""
        return session <= now.date().isoformat()

    def fetch_day(self, session: str) -> pd.DataFrame:
        """Fetch the market of one day in one request (MDCSTAT01501): raw text, one row per
        ticker."""
        return self._fetch(lambda core: core.전종목시세().fetch(_compact(session), "ALL"))

    def fetch_sessions(self, first: str, last: str, known: Mapping[str, bool]) -> list[str]:
        """Fetch the open days from first to last, both inclusive, as the KOSPI index series
        (MDCSTAT00301) shows them.

        One request shows up to 700 days, so nothing is gained from what is `known`.
        """
        shown: list[str] = []
        for start, end in _spans(date.fromisoformat(first), date.fromisoformat(last)):
            table = self._fetch(_index_series("KOSPI", start, end))
            if not table.empty and "TRD_DD" not in table.columns:
                raise MalformedAnswer("The exchange's index series has no column TRD_DD.")
            shown += parse_index_dates([] if table.empty else list(table["TRD_DD"]))
        return shown

    def fetch_dataset(self, name: str, session: str) -> pd.DataFrame:
        """Fetch one dataset of the whole market of one day in one request: raw text, one row per
        ticker that it lists.

        Args:
            name: `fundamentals` (MDCSTAT03501) or `foreign` (MDCSTAT03701).
        """
        request = _DATASET_REQUESTS[name]
        return self._fetch(lambda core: request(core, _compact(session)))

    def fetch_index(self, index: str, first: str, last: str) -> pd.DataFrame:
        """Fetch the series of the KOSPI or KOSDAQ index (MDCSTAT00301), one request for up to 700
        days: raw text, one row per session from first to last, both inclusive."""
        spans = _spans(date.fromisoformat(first), date.fromisoformat(last))
        return pd.concat(
            [self._fetch(_index_series(index, start, end)) for start, end in spans],
            ignore_index=True,
        )

    def log_in(self) -> None:
        """Log in now instead of at the first request. Raise `LoginRefused`, `LoggedInElsewhere` or
        the error of the answer."""
        if self._refusal is not None:
            # Wrong credentials are tried once, not per request: the account would be locked.
            raise self._refusal
        if not self._logins_left:
            raise LoggedOut(
                "The exchange logs us out again and again: somebody else may be at work with this "
                "account."
            )
        auth, _ = _import_pykrx(self._cache_dir)
        session = _checked_session(auth, self._transport)
        self._transport.login_code = ""
        try:
            with _translated(), redirect_stdout(io.StringIO()):
                auth.login_krx(self._account.login_id, self._account.password, session.session)
            self._check_login(self._transport.login_code)
        except (LoginRefused, LoggedInElsewhere) as refusal:
            self._refusal = refusal
            if type(refusal) is LoginRefused:  # a password that is due is the right one
                self._gate.login_refused(self._account.id_mark(), self._account.mark())
            raise
        self._gate.login_accepted(self._account.id_mark())
        auth.set_auth_session(session)
        self._session = session
        self._logins_left -= 1
        log.info("Logged in to the exchange.")
        self._remember_password_age()

    def _check_earlier_refusals(self) -> None:
        """Raise `LoginRefused` where one more refusal could lock the account. A person who tries a
        login knows that."""
        last = self._gate.given_up_since(self._account.id_mark(), self._account.mark())
        if last is not None:
            raise LoginRefused(
                "The exchange refuses KRX_ID and KRX_PW, the last time on "
                f"{last.astimezone(KST):%Y-%m-%d %H:%M} KST, and they are not tried again: after "
                "five wrong tries it locks the account. Correct them in .env. If they are right, "
                f"log in by hand at {SITE} and run manual_setup.py in a terminal."
            )

    def _remember_password_age(self) -> None:
        days = self._gate.password_age(self._account.mark()).days
        if days >= OLD_PASSWORD_DAYS:
            log.warning(
                "KRX_PW has been in use for %d days, and the exchange wants a new one every three "
                "months. Change it at %s, then set KRX_PW in .env.",
                days,
                SITE,
            )

    def _fetch(self, request: Callable[[ModuleType], pd.DataFrame]) -> pd.DataFrame:
        if self._session is None:
            self._check_earlier_refusals()
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
                f"The exchange wants a new password ({code}). Change it at {SITE}, then set KRX_PW "
                "in .env."
            )
        if code == _ELSEWHERE:
            raise LoggedInElsewhere(
                f"The exchange says that KRX_ID is logged in elsewhere ({code}) and does not let "
                "us take over. Log out there, or give this machine an account of its own."
            )
        if code != _OK:
            raise LoginRefused(
                f"The exchange refuses the login ({code or 'no code'}). Correct KRX_ID and KRX_PW "
                "in .env; several wrong tries lock the account."
            )


class Transport(GuardedAdapter):
    """Transport under pykrx's session: sends all to `base_url`, notes how a login was answered."""

    def __init__(self, base_url: str, gate: Gate) -> None:
        super().__init__(gate)
        self._base_url = base_url.rstrip("/")
        self.login_code = ""

    def wants_json(self, request: requests.PreparedRequest) -> bool:
        return request.method == "POST"

    def advice_when_forbidden(self) -> str:
        return "" if self._gate.has_logged_in() else _CLOUD_ADVICE

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        if not str(request.url).startswith(f"{SITE}/"):
            raise MalformedAnswer(
                "The exchange's site sends us to another host. An update may be needed."
            )
        # A copy goes out, so the cookies stay with the exchange's own host name.
        outgoing = request.copy()
        outgoing.url = str(request.url).replace(SITE, self._base_url, 1)
        response = super().send(outgoing, *args, **kwargs)
        if str(request.url).endswith(_LOGIN_POST):
            self.login_code = _login_code(response.json())
        return response


def _login_code(answer: Any) -> str:
    if not isinstance(answer, dict) or "_error_code" not in answer:
        raise MalformedAnswer(
            "The exchange's answer to the login has no _error_code. An update may be needed."
        )
    return beginning(answer["_error_code"])


def _import_pykrx(cache_dir: Path) -> tuple[ModuleType, ModuleType]:
    """Return pykrx's `auth` and `core`. Their import would log in with KRX_ID and KRX_PW and print
    the id, so it sees neither."""
    with (
        environment_for_imports(cache_dir, without=("KRX_ID", "KRX_PW")),
        redirect_stdout(io.StringIO()),
    ):
        from pykrx.website.comm import auth
        from pykrx.website.krx.market import core
    return auth, core


def _checked_session(auth: ModuleType, transport: Transport) -> Any:
    """Return pykrx's own session object over our transport."""

    class CheckedSession(auth.KRXSession):  # type: ignore[name-defined,misc]
        """Session that is valid until the exchange says LOGOUT, not for an hour by the clock.
        Cookies stay in the cookie jar."""

        def is_valid(self, buffer_seconds: int = 300) -> bool:
            return True

        def get_headers(self) -> dict[str, str]:
            headers: dict[str, str] = super().get_headers()
            del headers["Cookie"]  # it is empty, and an empty header hides the jar
            return headers

    session = CheckedSession()
    session.session.max_redirects = _MOST_REDIRECTS
    for scheme in ("https://", "http://"):  # wherever the site may send us
        session.session.mount(scheme, transport)
    return session


def _index_series(index: str, start: date, end: date) -> Callable[[ModuleType], pd.DataFrame]:
    def request(core: ModuleType) -> pd.DataFrame:
        table: pd.DataFrame = core.개별지수시세().fetch(
            *_INDICES[index], f"{start:%Y%m%d}", f"{end:%Y%m%d}"
        )
        return table

    return request


_DATASET_REQUESTS: dict[str, Callable[[ModuleType, str], pd.DataFrame]] = {
    "fundamentals": lambda core, day: core.PER_PBR_배당수익률_전종목().fetch(day, "ALL"),
    "foreign": lambda core, day: core.외국인보유량_전종목().fetch(day, "ALL", 0),
}


def _compact(session: str) -> str:
    return session.replace("-", "")


def _spans(first: date, last: date) -> Iterator[tuple[date, date]]:
    while first <= last:
        end = min(first + _LONGEST_SPAN, last)
        yield first, end
        first = end + timedelta(days=1)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise errors of ours instead of those of pykrx."""
    try:
        with translated_failures():
            yield
    except KeyError as error:
        raise MalformedAnswer(f"The exchange's answer has no block {error}.") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise MalformedAnswer(
            f"The exchange's answer is not of its known form ({type(error).__name__})."
        ) from error

"""HTTP to the exchange: every request is spaced and counted, bounded in time as a whole, every
answer classified."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError, ReadTimeoutError

from collectors.exchange.answers import classify_response, parse_json
from collectors.exchange.deadline import POOLS, TooSlow, call_in_time
from utils.clock import KST, Clock
from utils.errors import Banned, MalformedAnswer, SourceDown, SourceRefuses
from utils.store import Store

CONNECT_SECONDS = 10
SILENCE_SECONDS = 60
"""Longest pause within an answer."""
ANSWER_SECONDS = 120
"""Longest time from connecting to the last byte of an answer, however steadily it drips."""
LARGEST_ANSWER = 64 << 20
"""Bytes of an answer's body once it is unpacked; a day of the whole market has one million."""
BAN_LASTS = timedelta(hours=24)
FORBIDDEN = 403
_PIECE = 1 << 16
log = logging.getLogger(__name__)


class Gate:
    """Gate that every request to one source passes, in whatever process. It spaces the requests,
    counts them, and stays closed while the source is blocked.

    Args:
        interval: the least time between two requests.
        pause: waits so many seconds; it may raise when a stop is requested.
        daily_limit: requests on one day (KST), None for no limit.
    """

    def __init__(
        self,
        source: str,
        store: Store,
        interval: timedelta,
        pause: Callable[[float], None],
        daily_limit: int | None = None,
    ) -> None:
        self._source, self._store, self._interval = source, store, interval
        self._pause, self._daily_limit = pause, daily_limit

    @property
    def clock(self) -> Clock:
        return self._store.clock

    def wait_for_turn(self) -> None:
        """Book a request in the store, wait for its turn and renew the locks.

        Raise `Banned` or `QuotaUsed` when it must not be sent.
        """
        wait = self._store.sources.next_request(
            self._source, self._interval, self._daily_limit
        ).total_seconds()
        if wait > max(1.0, 2 * self._interval.total_seconds()):
            log.info("%s is asked in %d seconds.", self._source, wait)
        self._pause(wait)
        self._store.locks.renew()

    def password_age(self, mark: str) -> timedelta:
        """Return how long the source has taken the password that this mark tells from others."""
        return self.clock.now_utc() - self._store.sources.record_password(self._source, mark)

    def login_refused(self, mark: str, password_mark: str) -> None:
        """Count a refusal for the login ID and the password with these marks: the exchange locks
        accounts."""
        self._store.sources.record_refused_login(self._source, mark, password_mark)

    def given_up_since(self, mark: str, password_mark: str) -> datetime | None:
        """See `SourceRecords.given_up_since`."""
        return self._store.sources.given_up_since(self._source, mark, password_mark)

    def has_logged_in(self) -> bool:
        """See `SourceRecords.has_logged_in`."""
        return self._store.sources.has_logged_in(self._source)

    def login_accepted(self, mark: str) -> None:
        """Forget the refusals for the login ID with this mark: a good login ends their row."""
        self._store.sources.forget_refused_logins(self._source, mark)

    def heed_stop(self) -> None:
        """Leave a request that is not answered yet when a stop was requested."""
        self._pause(0)

    def close(self) -> datetime:
        """Close the gate for a day after a ban by the exchange. Return when it opens again, KST."""
        until = self.clock.now_utc() + BAN_LASTS
        self._store.sources.block(self._source, until, Banned.kind)
        return until.astimezone(KST)


class GuardedAdapter(HTTPAdapter):
    """Adapter of a `requests.Session`. Every response that it returns can be an answer; everything
    else is an error of ours or of requests."""

    def __init__(self, gate: Gate) -> None:
        super().__init__()
        self._gate = gate
        self._spent = 0.0
        """Seconds that the redirects which have led to the next request have taken."""
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        manager.pool_classes_by_scheme = POOLS
        return manager

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        self._gate.wait_for_turn()
        kwargs |= {"timeout": (CONNECT_SECONDS, SILENCE_SECONDS), "stream": True}
        response = self._ask_in_time(request, partial(self._ask, request, *args, **kwargs))
        try:
            classify_response(
                response.status_code, response.content, wants_json=self.wants_json(request)
            )
        except Banned as ban:
            raise Banned(
                f"{ban} It is asked again from {self._gate.close():%Y-%m-%d %H:%M} KST on."
            ) from None
        except SourceRefuses as refusal:
            if response.status_code == FORBIDDEN and type(refusal) is SourceRefuses:
                raise SourceRefuses(f"{refusal}{self.advice_when_forbidden()}") from None
            raise
        response.json = partial(parse_json, response.content)  # type: ignore[method-assign]
        return response

    def advice_when_forbidden(self) -> str:
        """Return what is added to the message of an answer 403 that is no ban."""
        return ""

    def wants_json(self, request: requests.PreparedRequest) -> bool:
        """Return True when a web page would be the wrong answer to this request."""
        return True

    def _ask_in_time(
        self, request: requests.PreparedRequest, ask: Callable[[], requests.Response]
    ) -> requests.Response:
        """Return the answer. One deadline holds for a request and all to which it is redirected."""
        now, spent, self._spent = self._gate.clock.monotonic, self._spent, 0.0
        begun = now()
        try:
            response = call_in_time(ask, ANSWER_SECONDS - spent, now, self._gate.heed_stop)
        except TooSlow:
            text = f"no whole answer within {ANSWER_SECONDS} seconds"
            raise requests.ReadTimeout(text, request=request) from None
        if response.is_redirect:
            self._spent = spent + now() - begun
        return response

    def _ask(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send the request and read its answer piece by piece, so that none is larger than it may
        be. It knows neither the store nor the time: it runs in a thread of its own."""
        response = super().send(request, *args, **kwargs)
        pieces, size = [], 0
        try:
            while piece := response.raw.read1(_PIECE, decode_content=True):
                pieces.append(piece)
                size += len(piece)
                if size > LARGEST_ANSWER:
                    raise MalformedAnswer(
                        f"The exchange's answer is larger than {LARGEST_ANSWER >> 20} MB."
                    )
        except ReadTimeoutError as error:
            raise requests.ReadTimeout(error, request=response.request) from None
        except HTTPError as error:
            raise requests.ConnectionError(error, request=response.request) from None
        finally:
            response.raw.close()
        response._content = b"".join(pieces)  # where requests itself keeps a body it has read
        return response


@contextmanager
def translated_failures() -> Iterator[None]:
    """Raise errors of ours instead of those of requests."""
    try:
        yield
    except requests.Timeout as error:
        raise SourceDown(f"The exchange{_at(error)} did not answer in time.") from None
    except requests.RequestException as error:
        raise SourceDown(
            f"The exchange{_at(error)} cannot be reached ({type(error).__name__}).{_advice(error)}"
        ) from None


def _at(error: requests.RequestException) -> str:
    """Return host and port alone: the rest of an address may hold secrets."""
    if error.request is None or not error.request.url:
        return ""
    address = urlsplit(error.request.url)
    return f" at {address.hostname}" + (f":{address.port}" if address.port else "")


def _advice(error: requests.RequestException) -> str:
    """Return advice where KRX_BASE_URL names a local exchange that was not started."""
    refused = any(
        isinstance(getattr(each, "reason", None), NewConnectionError) for each in error.args
    )
    is_local = _at(error).startswith((" at 127.", " at localhost", " at ::1"))
    return (
        " No local exchange is running there: start it with `python -m sandbox`, or take "
        "KRX_BASE_URL and KRX_OPENAPI_BASE_URL out of .env."
        if refused and is_local
        else ""
    )

"""Pings to a monitor that works like healthchecks: start, success, and fail with the end of the
log.

https://healthchecks.io/docs/http_api/ : the address itself is success; `/start`, `/fail` and `/log`
behind its path are the other events. The posted text is kept with the ping.
"""

from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import requests
import tenacity

from utils.clock import Clock
from utils.notifications.bounded import within

START, SUCCESS, FAIL, LOG = "/start", "", "/fail", "/log"
PING_SECONDS = 2.0
"""Limit for one ping in all. Both pings of a run and its messages together take ten seconds."""
TRIES = 3
PAUSE_SECONDS = 0.2
MOST_BYTES = 10_000


def ping(address: str, event: str, body: str, clock: Clock) -> str:
    """Send one of the four events, in `PING_SECONDS` at most. Return an empty text, or the reason
    of the failure without secrets."""
    answers = within(PING_SECONDS, {event: lambda: _send(address, event, body, clock)})
    return answers.get(event, f"no answer within {PING_SECONDS:g} seconds")


def _send(address: str, event: str, body: str, clock: Clock) -> str:
    """Send the ping; after a network error again, twice at most. A refusal is not tried again."""
    retry = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(requests.RequestException),
        stop=tenacity.stop_after_attempt(TRIES),
        wait=tenacity.wait_fixed(PAUSE_SECONDS),
        sleep=clock.sleep,
        reraise=True,
    )
    try:
        response = retry(
            requests.post, _address_of(address, event), body.encode(), timeout=PING_SECONDS
        )
    except (requests.RequestException, ValueError) as error:  # its text holds the address
        return type(error).__name__
    return "" if response.ok else f"HTTP {response.status_code}"


def _address_of(address: str, event: str) -> str:
    """Return the address with the event at the end of its path, before a query."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(path=parts.path.rstrip("/") + event))


def tail_of(file: Path) -> str:
    """Return the last lines of a log, `MOST_BYTES` at most. Secrets were blanked when they were
    written."""
    try:
        with file.open("rb") as lines:
            length = lines.seek(0, 2)
            lines.seek(max(0, length - MOST_BYTES))
            tail = lines.read()
    except OSError:
        return ""
    return (tail if length <= MOST_BYTES else tail.partition(b"\n")[2]).decode(
        "utf-8", errors="replace"
    )

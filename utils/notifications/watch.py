"""Watch over a run of a script: pings the monitor, records incidents, sends what was not told yet.

None of it changes the outcome of the run. It takes ten seconds at most, and only when a service
does not answer.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import datetime
from typing import Protocol

from utils.clock import Clock
from utils.errors import (
    EXIT_NOT_NOW,
    Banned,
    Damaged,
    LockHeld,
    NightShiftError,
    NotCollected,
    NotNow,
    OddDay,
    SourceRefuses,
    StoreError,
)
from utils.job_status import describe_error
from utils.notifications import heartbeat, messenger
from utils.notifications.database_incident import DatabaseIncident
from utils.notifications.texts import STILL_REFUSED, message
from utils.settings import Settings
from utils.store import Store, open_store
from utils.store.backend import Document
from utils.store.jobs import DAILY_UPDATE, FAILED

EVERYDAY = (LockHeld.kind, NotNow.kind, NotCollected.kind, OddDay.kind)
"""Kinds that are no incident: another run is at work, a person stopped this one, the daily update
has reported it, or each session is announced by itself."""
EVENINGS_REFUSED = 3
"""In a row, until people are told once more: what does not end by itself needs a person."""
log = logging.getLogger(__name__)


class Watch:
    """Watch over one run, between `begin` and `tell`.

    Only `daily_update` pings the monitor, because the monitor waits for the session of the day.
    Exit code 75 is neither success nor failure: the monitor's grace time decides whether the
    session is late.
    """

    def __init__(
        self, script: str, settings: Settings, clock: Clock, redact: Callable[[str], str]
    ) -> None:
        self._script, self._settings, self._clock, self._redact = script, settings, clock, redact

    def begin(self) -> None:
        """Tell the monitor that the run begins."""
        self._ping(heartbeat.START)

    def tell(self, error: Exception | None) -> None:
        """Tell the monitor that the run ended well or with that error, and people when it
        matters."""
        try:
            self._ping_end(error)
            if self._settings.notify_addresses:
                Notifier(self._settings, self._clock, self._redact).tell(self._script, error)
        except (StoreError, OSError) as problem:
            log.warning("Incidents could not be read or recorded: %s", problem)
        except KeyboardInterrupt:
            log.warning("Interrupted while sending; the next run sends the rest.")

    def _ping_end(self, error: Exception | None) -> None:
        if error is None:
            self._ping(heartbeat.SUCCESS)
        elif not isinstance(error, NightShiftError) or error.exit_code != EXIT_NOT_NOW:
            log_file = self._settings.log_dir / f"{self._script}.log"
            self._ping(heartbeat.FAIL, heartbeat.tail_of(log_file))

    def _ping(self, event: str, body: str = "") -> None:
        address = self._settings.heartbeat_address if self._script == DAILY_UPDATE else None
        if address and (problem := heartbeat.ping(address, event, body, self._clock)):
            log.warning(
                "The ping %r did not reach the monitor of HEARTBEAT_URL: %s.", event or "/", problem
            )


class IncidentKeeper(Protocol):
    """Keeper of incidents: the store, or a file beside the logs."""

    def claim_untold(self) -> list[Document]: ...

    def close_claim(self, incident: Document, told: bool) -> None: ...


class Notifier:
    """Records the outcome of a run, then sends all incidents not told yet to NOTIFY_URLS in one
    message."""

    def __init__(self, settings: Settings, clock: Clock, redact: Callable[[str], str]) -> None:
        self._settings, self._clock, self._redact = settings, clock, redact

    def tell(self, script: str, error: Exception | None) -> None:
        """Record the outcome and tell what is untold. Raise `StoreError` or `OSError` when it
        cannot be recorded."""
        with self._keepers(script, error) as keepers:
            untold = [(keeper, each) for keeper in keepers for each in keeper.claim_untold()]
            if untold:
                told = self._send(*message([each for _, each in untold], self._settings.language))
                for keeper, incident in untold:
                    keeper.close_claim(incident, told)

    def _send(self, title: str, body: str) -> bool:
        """Return whether the message has reached anybody. One service is enough: repeating would
        send it to the others again."""
        title, body = self._redact(title), self._redact(body)
        answers = messenger.send(self._settings.notify_addresses, title, body)
        failed = {name: problem for name, problem in answers.items() if problem}
        if told := len(failed) < len(answers):
            log.info("Told: %s", title)
        if failed:
            problems = "; ".join(f"{name}: {problem}" for name, problem in failed.items())
            log.warning(
                "Not told %s%s",
                f"everybody ({title}): " if told else "anybody; the next run tries: ",
                problems,
            )
        return told

    @contextmanager
    def _keepers(self, script: str, error: Exception | None) -> Iterator[list[IncidentKeeper]]:
        """Yield those that keep untold incidents; without a usable database only the file beside
        the logs. A database with something damaged in it is usable while it can be written."""
        of_this_host = DatabaseIncident(self._settings.log_dir, self._clock)
        keepers: list[IncidentKeeper] = [of_this_host]
        with ExitStack() as opened:
            try:
                if isinstance(error, StoreError) and not isinstance(error, Damaged):
                    raise error
                store = opened.enter_context(closing(open_store(self._settings, self._clock)))
                _record(store, script, error)
                store.incidents.untold()  # what is damaged there cannot be told from there
            except StoreError as problem:
                of_this_host.open(problem.kind, str(problem))
            else:
                of_this_host.resolve()
                keepers.append(store.incidents)
            yield keepers


def _record(store: Store, script: str, error: Exception | None) -> None:
    if error is None:
        store.incidents.resolve(script)
        return
    described = describe_error(error)
    if described["kind"] not in EVERYDAY:
        until = _closed_until(store) if isinstance(error, Banned) else None
        store.incidents.open(script, described["kind"], described["message"], until)
    if described["kind"] == SourceRefuses.kind and _is_still_refused(store):
        told = (
            f"{described['message']} It has been so for {EVENINGS_REFUSED} sessions in a row. What "
            "to do: docs/what-to-do.md, The site refuses us."
        )
        store.incidents.open(script, STILL_REFUSED, told)


def _is_still_refused(store: Store) -> bool:
    """Return whether the updates of the newest sessions have all ended with a refusal that is no
    ban."""
    newest = store.jobs.records(DAILY_UPDATE, EVENINGS_REFUSED)
    refused = [
        each
        for each in newest
        if each["status"] == FAILED and each["error"]["kind"] == SourceRefuses.kind
    ]
    return len(refused) == EVENINGS_REFUSED


def _closed_until(store: Store) -> datetime | None:
    """Return the latest end of the bans of all sources."""
    banned = [
        each["blocked_until_utc"] for each in store.sources.all() if each["reason"] == Banned.kind
    ]
    return max((until for until in banned if until > store.clock.now_utc()), default=None)

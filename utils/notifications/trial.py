"""Trial of the notifications in `manual_setup`: somebody is there to correct the settings."""

import logging

from utils.addresses import scheme_of
from utils.clock import Clock
from utils.errors import NightShiftError, WrongUsage
from utils.notifications import heartbeat, messenger
from utils.notifications.texts import trial_message
from utils.settings import Settings

log = logging.getLogger(__name__)


def check_services(settings: Settings) -> None:
    """Log who will be notified. Raise `WrongUsage` for addresses that apprise cannot use, by
    their number."""
    if unknown := messenger.unknown_services(settings.notify_addresses):
        raise WrongUsage(
            f"NOTIFY_URLS: apprise cannot use {', '.join(unknown)}. Addresses are described at "
            "https://github.com/caronc/apprise; docs/notifications.md has examples."
        )
    services = ", ".join(map(scheme_of, settings.notify_addresses)) or "off (NOTIFY_URLS)"
    monitor = "on" if settings.heartbeat_url else "off (HEARTBEAT_URL)"
    log.info("Notifications: %s.", services)
    log.info("Heartbeat: %s.", monitor)


def try_services(settings: Settings, clock: Clock) -> None:
    """Send a test message to every service, and a ping that is neither success nor failure to the
    monitor.

    Raises `NightShiftError` naming those that were not reached, and why.
    """
    answers = messenger.send(settings.notify_addresses, *trial_message(settings.language))
    if settings.heartbeat_address is not None:
        body = trial_message(settings.language)[1]
        answers["HEARTBEAT_URL"] = heartbeat.ping(
            settings.heartbeat_address, heartbeat.LOG, body, clock
        )
    for name in (name for name, problem in answers.items() if not problem):
        log.info("Told: %s.", name)
    if problems := [f"{name}: {problem}" for name, problem in answers.items() if problem]:
        raise NightShiftError("Notifications do not work. " + "; ".join(problems))

"""Trials of database, account and key. Requests go through the same gate as all others."""

from contextlib import closing
from dataclasses import dataclass

import pandas as pd

from collectors.exchange.connect import make_calendar, open_api_source, site_source
from collectors.exchange.day_table import parse_day
from collectors.exchange.krx_session import Account, PykrxSource
from collectors.exchange.sources import Source
from utils.clock import Clock
from utils.date_utils import TradingCalendar, is_final
from utils.errors import MalformedAnswer, NotPublished, SourceError, WrongUsage
from utils.settings import Settings
from utils.store import Store, can_be_looked_at, open_store
from utils.store.locks import COLLECTION

_DAYS_TRIED = 3
"""A holiday that nobody predicted has no prices; two in a row have been seen."""


@dataclass(frozen=True)
class NewestDay:
    """Newest final session as the exchange shows it: its typed market day (see `parse_day`)."""

    session: str
    frame: pd.DataFrame


def try_database(settings: Settings, clock: Clock) -> str:
    """Try that the database can be written, and make what it needs. Return its description for a
    person.

    Raise `StoreError`, and `LockHeld` while a job collects into it: the exchange lets an account in
    once, so trying it would throw that job out.
    """
    with closing(open_store(settings, clock)) as store, store.locks.hold(COLLECTION):
        return store.description


def is_set_up(settings: Settings, clock: Clock) -> bool:
    """Return whether a setup has begun to load into that database."""
    if not can_be_looked_at(settings):
        return False
    with closing(open_store(settings, clock)) as store:
        return store.scope.get() is not None


def try_account(settings: Settings, clock: Clock) -> NewestDay | SourceError:
    """Return the newest final session, or why that cannot be had although the login works.

    That is one login and one request. Raise what keeps the login from working, and `StoreError` for
    the database that counts the requests.
    """
    with closing(open_store(settings, clock)) as store:
        site = site_source(settings, store, clock.sleep)
        if site is None:
            raise WrongUsage("KRX_ID and KRX_PW are needed.")
        site.log_in()
        try:
            return _newest_day(site, store, settings)
        except SourceError as problem:
            return problem


def refused_logins(settings: Settings, clock: Clock, login_id: str) -> int:
    """Return how many logins with that ID the exchange has refused in a row, earlier runs
    included."""
    with closing(open_store(settings, clock)) as store:
        return store.sources.refused_logins(PykrxSource.name, Account(login_id, "").id_mark())


def forget_refused_logins(settings: Settings, clock: Clock, login_id: str) -> None:
    with closing(open_store(settings, clock)) as store:
        store.sources.forget_refused_logins(PykrxSource.name, Account(login_id, "").id_mark())


def try_key(settings: Settings, clock: Clock) -> NewestDay | SourceError:
    """Return the newest final session, after one request to each service. Raise as
    `try_account`."""
    with closing(open_store(settings, clock)) as store:
        source = open_api_source(settings, store, clock.sleep)
        if source is None:
            raise WrongUsage("KRX_OPENAPI_KEY is needed.")
        try:
            newest_day = _newest_day(source, store, settings)
            source.fetch_sessions(newest_day.session, newest_day.session, {})
            return newest_day
        except (MalformedAnswer, NotPublished) as problem:
            return problem


def _newest_day(source: Source, store: Store, settings: Settings) -> NewestDay:
    """Return the newest of the last few days, or raise the last one's `SourceError`."""
    *others, last = _newest_sessions(make_calendar(settings, store), store.clock)
    for session in others:
        try:
            return NewestDay(session, parse_day(source.fetch_day(session), session).frame)
        except NotPublished:
            continue
    return NewestDay(last, parse_day(source.fetch_day(last), last).frame)


def _newest_sessions(calendar: TradingCalendar, clock: Clock) -> list[str]:
    """Return the last few final sessions, newest first."""
    now = clock.now_kst()
    last = calendar.session_of_night(now)
    newest = last if is_final(last, now) else calendar.previous_session(last)
    return calendar.last_sessions(newest, _DAYS_TRIED)[::-1]

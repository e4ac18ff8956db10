"""Questions for markets, threshold and number of sessions, each with its result today."""

from contextlib import closing

import numpy as np
from rich.table import Table

from collectors.collection.due import due_in_store
from collectors.exchange.connect import make_calendar
from collectors.rules.target_rule import target_rule
from collectors.setup.context import SetupContext
from collectors.setup.money import read_won, say_won
from collectors.setup.trials import NewestDay
from utils.date_utils import weekdays
from utils.errors import WrongUsage
from utils.settings import DatasetName, Market, Settings
from utils.store import open_store

THRESHOLDS = (50 * 10**9, 100 * 10**9, 300 * 10**9, 500 * 10**9, 10**12)
"""Amounts in won that the table shows besides the present one."""
LEAST_USUAL = 10**9
"""Won. Hardly a listed company is worth less."""
SESSIONS_OF_52_WEEKS = 260
"""Weekdays of 52 weeks: as many as the indicators that look back furthest need."""
_IN_KOREAN = {"코스피": Market.KOSPI, "코스닥": Market.KOSDAQ, "코넥스": Market.KONEX}
_OTHER_REQUESTS = 5
"""Requests besides those for days: a login of three, the index series, and one to spare."""
_LEAST_SECONDS = 0.1
"""Seconds for one request when no wait is set."""


def ask_markets(setup: SetupContext) -> None:
    texts, dialogue, newest = setup.texts, setup.dialogue, setup.newest_day
    present = tuple(setup.settings_of_setup().markets)
    if newest is not None:
        sizes = newest.frame["market"].value_counts()
        counts = ", ".join(f"{market} {sizes.get(market, 0):,}" for market in Market)
        dialogue.say(texts("markets_shown", session=newest.session, counts=counts))
    if setup.tell_if_decided(("markets",), value=",".join(present)):
        return
    chosen = dialogue.ask(
        texts("markets_question"), ",".join(present), lambda answer: _markets(setup, answer)
    )
    if chosen != present:
        setup.keep({"markets": ",".join(chosen)})


def _markets(setup: SetupContext, answer: str) -> tuple[Market, ...]:
    said = [word.strip().upper() for word in answer.split(",") if word.strip()]
    try:
        named = [_IN_KOREAN.get(word) or Market(word) for word in said]
    except ValueError:
        named = []
    if not named:
        raise WrongUsage(setup.texts("wrong_markets"))
    return tuple(dict.fromkeys(named))


def ask_threshold(setup: SetupContext) -> None:
    texts, dialogue, newest = setup.texts, setup.dialogue, setup.newest_day
    settings = setup.settings_of_setup()
    present = settings.min_market_cap
    if newest is not None:
        dialogue.show(_threshold_table(setup, newest, settings))
    if setup.tell_if_decided(("min_market_cap",), value=say_won(present, texts.language)):
        return
    dialogue.hint(texts("threshold_hint"))
    chosen = _meant_amount(setup, present)
    if newest is not None:
        targets = _targets(newest, settings, chosen)
        dialogue.works(
            texts("targets_today", targets=targets, amount=say_won(chosen, texts.language))
        )
    if chosen != present:
        setup.keep({"min_market_cap": str(chosen)})


def _meant_amount(setup: SetupContext, present: int) -> int:
    """Return the amount that is meant.

    Ask back where it is so little that its unit was forgotten, as in `1000` for 1000억. Zero is all
    tickers.
    """
    texts, dialogue = setup.texts, setup.dialogue
    shown = say_won(present, texts.language)
    while True:
        amount = dialogue.ask(
            texts("threshold_question"), shown, lambda answer: _amount(setup, answer)
        )
        is_usual = amount in (0, present) or amount >= LEAST_USUAL
        if is_usual or dialogue.agrees(texts("little_amount", amount=amount), default=False):
            return amount


def _threshold_table(setup: SetupContext, newest: NewestDay, settings: Settings) -> Table:
    table = Table(box=None, padding=(0, 2))
    table.add_column(setup.texts("threshold_column"), justify="right")
    table.add_column(setup.texts("targets_column", session=newest.session), justify="right")
    for least in sorted({*THRESHOLDS, settings.min_market_cap}):
        style = "bold" if least == settings.min_market_cap else ""
        targets = f"{_targets(newest, settings, least):,}"
        table.add_row(say_won(least, setup.texts.language), targets, style=style)
    return table


def _targets(newest: NewestDay, settings: Settings, least: int) -> int:
    """Count the targets as far as the day alone can tell: pending shares do not count."""
    rule = target_rule(settings.model_copy(update={"min_market_cap": least}))
    return len(rule.choose(newest.frame, np.zeros(len(newest.frame), dtype=np.int64)))


def _amount(setup: SetupContext, answer: str) -> int:
    try:
        return read_won(answer)
    except ValueError:
        raise WrongUsage(setup.texts("wrong_amount")) from None


def ask_sessions(setup: SetupContext) -> None:
    texts, dialogue = setup.texts, setup.dialogue
    present = setup.settings().history_sessions
    try:
        dialogue.say(_estimate(setup, present))
    except WrongUsage:  # allowed as a number, and yet before the calendar begins
        dialogue.wrong(texts("wrong_sessions"))
    if setup.tell_if_decided(("history_sessions",), value=str(present)):
        return
    chosen = dialogue.ask(
        texts("sessions_question"), str(present), lambda answer: _sessions(setup, answer)
    )
    if chosen != present:
        setup.keep({"history_sessions": str(chosen)})
        dialogue.say(_estimate(setup, chosen))
    if chosen < SESSIONS_OF_52_WEEKS:
        dialogue.wrong(texts("few_sessions", count=chosen, least=SESSIONS_OF_52_WEEKS))


def _sessions(setup: SetupContext, answer: str) -> int:
    """Return the number that was typed. Raise `WrongUsage` also for one before the calendar
    begins."""
    try:
        count = setup.settings({"history_sessions": answer}).history_sessions
        _estimate(setup, count)
    except WrongUsage:
        raise WrongUsage(setup.texts("wrong_sessions")) from None
    return count


def _estimate(setup: SetupContext, count: int) -> str:
    """Say what so many sessions cost, less those that are stored already."""
    settings, texts = setup.settings(), setup.texts
    with closing(open_store(settings, setup.clock)) as store:
        now, calendar = store.clock.now_kst(), make_calendar(settings, store)
        sessions = calendar.last_sessions(calendar.session_of_night(now), count)
        missing = len(due_in_store(store, calendar, sessions[0], sessions[-1], now))
        known = store.calendar.observed()
    if not missing:
        return texts("nothing_to_load", count=count)
    days = [day for day in weekdays(sessions[0], sessions[-1]) if day not in known]
    others = _OTHER_REQUESTS if settings.krx_id else len(days)
    requests = missing * requests_a_session(settings) + others
    time = _time(setup, requests * max(settings.krx_request_interval_seconds, _LEAST_SECONDS))
    return texts("estimate", count=count, missing=missing, requests=requests, time=time)


def requests_a_session(settings: Settings) -> int:
    """Return the requests that a final session takes.

    Prices take one of the data site or three of the Open API, every other dataset one of the data
    site.
    """
    prices = 3 if settings.krx_openapi_key else 1
    # A few requests fetch all of an index.
    return prices + len(set(settings.datasets_at_hand) - {DatasetName.INDICES})


def _time(setup: SetupContext, seconds: float) -> str:
    if seconds < 90:
        return setup.texts("a_minute")
    if seconds < 90 * 60:
        return setup.texts("minutes", count=round(seconds / 60))
    return setup.texts("hours", count=round(seconds / 3600))

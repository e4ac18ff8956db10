"""Markets, threshold and number of sessions, each with what it would come to today."""

from contextlib import closing

import numpy as np
from rich.table import Table

from collectors.collection.due import due_in_store
from collectors.exchange.connect import make_calendar
from collectors.rules.target_rule import target_rule
from collectors.setup.guide import Guide
from collectors.setup.money import read_won, say_won
from collectors.setup.trials import Shown
from utils.date_utils import weekdays
from utils.errors import WrongUsage
from utils.settings import Dataset, Market, Settings
from utils.store import open_store

THRESHOLDS = (50 * 10**9, 100 * 10**9, 300 * 10**9, 500 * 10**9, 10**12)
"""Won. What the table shows beside the present one."""
LEAST_USUAL = 10**9
"""Won. Hardly a listed company is worth less."""
SESSIONS_OF_52_WEEKS = 260
"""Their weekdays: what the indicators that look back furthest need."""
_IN_KOREAN = {"코스피": Market.KOSPI, "코스닥": Market.KOSDAQ, "코넥스": Market.KONEX}
_OTHER_REQUESTS = 5
"""A login of three, the index series, and one to spare."""
_LEAST_SECONDS = 0.1
"""For one request where nothing is waited for in between."""


def ask_markets(guide: Guide) -> None:
    words, dialogue, shown = guide.words, guide.dialogue, guide.shown
    present = tuple(guide.settings_of_setup().markets)
    if shown is not None:
        sizes = shown.frame["market"].value_counts()
        counts = ", ".join(f"{market} {sizes.get(market, 0):,}" for market in Market)
        dialogue.say(words("markets_shown", session=shown.session, counts=counts))
    if guide.tell_if_decided(("markets",), value=",".join(present)):
        return
    chosen = dialogue.ask(
        words("markets_question"), ",".join(present), lambda answer: _markets(guide, answer)
    )
    if chosen != present:
        guide.keep({"markets": ",".join(chosen)})


def _markets(guide: Guide, answer: str) -> tuple[Market, ...]:
    said = [word.strip().upper() for word in answer.split(",") if word.strip()]
    try:
        named = [_IN_KOREAN.get(word) or Market(word) for word in said]
    except ValueError:
        named = []
    if not named:
        raise WrongUsage(guide.words("wrong_markets"))
    return tuple(dict.fromkeys(named))


def ask_threshold(guide: Guide) -> None:
    words, dialogue, shown = guide.words, guide.dialogue, guide.shown
    settings = guide.settings_of_setup()
    present = settings.min_market_cap
    if shown is not None:
        dialogue.show(_threshold_table(guide, shown, settings))
    if guide.tell_if_decided(("min_market_cap",), value=say_won(present, words.language)):
        return
    dialogue.hint(words("threshold_hint"))
    chosen = _meant_amount(guide, present)
    if shown is not None:
        targets = _targets(shown, settings, chosen)
        dialogue.works(
            words("targets_today", targets=targets, amount=say_won(chosen, words.language))
        )
    if chosen != present:
        guide.keep({"min_market_cap": str(chosen)})


def _meant_amount(guide: Guide, present: int) -> int:
    """Asked back where it is so little that its unit was forgotten, as in `1000` for 1000억. Zero is
    all tickers."""
    words, dialogue = guide.words, guide.dialogue
    shown = say_won(present, words.language)
    while True:
        amount = dialogue.ask(
            words("threshold_question"), shown, lambda answer: _amount(guide, answer)
        )
        is_usual = amount in (0, present) or amount >= LEAST_USUAL
        if is_usual or dialogue.agrees(words("little_amount", amount=amount), default=False):
            return amount


def _threshold_table(guide: Guide, shown: Shown, settings: Settings) -> Table:
    table = Table(box=None, padding=(0, 2))
    table.add_column(guide.words("threshold_column"), justify="right")
    table.add_column(guide.words("targets_column", session=shown.session), justify="right")
    for least in sorted({*THRESHOLDS, settings.min_market_cap}):
        style = "bold" if least == settings.min_market_cap else ""
        targets = f"{_targets(shown, settings, least):,}"
        table.add_row(say_won(least, guide.words.language), targets, style=style)
    return table


def _targets(shown: Shown, settings: Settings, least: int) -> int:
    """As far as the day alone can tell: shares that are to be listed yet do not count."""
    rule = target_rule(settings.model_copy(update={"min_market_cap": least}))
    return len(rule.choose(shown.frame, np.zeros(len(shown.frame), dtype=np.int64)))


def _amount(guide: Guide, answer: str) -> int:
    try:
        return read_won(answer)
    except ValueError:
        raise WrongUsage(guide.words("wrong_amount")) from None


def ask_sessions(guide: Guide) -> None:
    words, dialogue = guide.words, guide.dialogue
    present = guide.settings().history_sessions
    try:
        dialogue.say(_estimate(guide, present))
    except WrongUsage:  # allowed as a number, and yet before the calendar begins
        dialogue.wrong(words("wrong_sessions"))
    if guide.tell_if_decided(("history_sessions",), value=str(present)):
        return
    chosen = dialogue.ask(
        words("sessions_question"), str(present), lambda answer: _sessions(guide, answer)
    )
    if chosen != present:
        guide.keep({"history_sessions": str(chosen)})
        dialogue.say(_estimate(guide, chosen))
    if chosen < SESSIONS_OF_52_WEEKS:
        dialogue.wrong(words("few_sessions", count=chosen, least=SESSIONS_OF_52_WEEKS))


def _sessions(guide: Guide, answer: str) -> int:
    """Raises `WrongUsage` also when the calendar does not go back so far."""
    try:
        count = guide.settings({"history_sessions": answer}).history_sessions
        _estimate(guide, count)
    except WrongUsage:
        raise WrongUsage(guide.words("wrong_sessions")) from None
    return count


def _estimate(guide: Guide, count: int) -> str:
    """What so many sessions come to, less what is stored already."""
    settings, words = guide.settings(), guide.words
    with closing(open_store(settings, guide.clock)) as store:
        now, calendar = store.clock.now_kst(), make_calendar(settings, store)
        sessions = calendar.last_sessions(calendar.session_of_night(now), count)
        missing = len(due_in_store(store, calendar, sessions[0], sessions[-1], now))
        known = store.observed_calendar()
    if not missing:
        return words("nothing_to_load", count=count)
    days = [day for day in weekdays(sessions[0], sessions[-1]) if day not in known]
    requests = missing * requests_a_session(settings) + (
        _OTHER_REQUESTS if settings.krx_id else len(days)
    )
    time = _time(guide, requests * max(settings.krx_request_interval_seconds, _LEAST_SECONDS))
    return words("estimate", count=count, missing=missing, requests=requests, time=time)


def requests_a_session(settings: Settings) -> int:
    """Of a final session: its prices in one request of the data site or three of the Open API,
    every other dataset in one of the data site."""
    prices = 3 if settings.krx_openapi_key else 1
    return prices + len(
        set(settings.datasets_at_hand) - {Dataset.INDICES}
    )  # a few requests bring all of an index


def _time(guide: Guide, seconds: float) -> str:
    if seconds < 90:
        return guide.words("a_minute")
    if seconds < 90 * 60:
        return guide.words("minutes", count=round(seconds / 60))
    return guide.words("hours", count=round(seconds / 3600))

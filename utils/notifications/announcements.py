"""Announcements about a session that are no failures: corporate actions to look at, a day that
waits, the night's result, and a night that was not finished."""

import pandas as pd

from utils.market_day import FINAL
from utils.notifications.texts import (
    FLAGGED,
    NIGHT,
    ODD_DAY,
    PROVISIONAL_NIGHT,
    UNFINISHED,
    listing,
    night_line,
    unfinished_line,
)
from utils.outside_text import without_markup
from utils.settings import Settings
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS, is_enough


def announce_flagged_actions(
    store: Store, session: str, frame: pd.DataFrame, language: str
) -> None:
    """Announce the session's corporate actions that the rows alone cannot explain, once a session.

    Args:
        frame: the session as it was published, for the names.
    """
    flagged = [
        action for action in store.sessions.actions(session, session) if action["flag"] is not None
    ]
    if not flagged:
        return
    names = dict(zip(frame["ticker"], map(without_markup, frame["name"]), strict=True))
    lines = [
        f"{each['ticker']} {names.get(each['ticker'], '')}: {each['flag']} ({each['kind']}), "
        f"{each['previous_close']:,} -> {each['base_price']:,}, factor {each['factor']:.6g}"
        for each in flagged
    ]
    store.incidents.announce(DAILY_UPDATE, FLAGGED, session, listing(lines, language))


def announce_odd_days(store: Store) -> None:
    """Announce each day that waits because it is odd, once a session."""
    for day in store.waiting.all():
        store.incidents.announce(DAILY_UPDATE, ODD_DAY, day["_id"], day["message"])


def announce_night(store: Store, session: str, settings: Settings) -> None:
    """Announce the night's result in one line, once every target is analysed or has failed too
    often, and the session is final. While it is provisional, only where the evening's line is
    wanted too."""
    head, progress = store.sessions.head(session), store.targets.progress(session)
    done = progress.pending == 0 and is_enough(progress.analyzed, progress.tickers)
    if head is None or not done:
        return
    kind = NIGHT if head.finality == FINAL else PROVISIONAL_NIGHT
    is_wanted = kind == NIGHT or settings.wants_evening_digest
    if not is_wanted or store.incidents.is_announced(kind, session):
        return
    line = night_line(
        settings.language,
        store.results.signal_counts(session),
        finality=head.finality,
        session=session,
        tickers=head.count,
        revision=head.revision,
        targets=progress.tickers,
        analyzed=progress.analyzed,
    )
    store.incidents.announce(HOURLY_ANALYSIS, kind, session, line)


def announce_unfinished_night(store: Store, session: str, language: str) -> None:
    """Announce that this session replaces one whose analysis was not finished."""
    store.incidents.announce(
        HOURLY_ANALYSIS, UNFINISHED, session, unfinished_line(language, session)
    )

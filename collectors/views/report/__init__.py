"""Report on the newest analysed session: one HTML page that fetches nothing when it is read."""

import logging
from pathlib import Path

from collectors.views.report.contents import analysed_session
from collectors.views.report.page import is_current, write_report
from utils.errors import NotNow
from utils.store import Store

__all__ = ["analysed_session", "is_current", "report_now", "report_of_the_night", "write_report"]
log = logging.getLogger(__name__)


def report_now(store: Store, path: Path) -> None:
    """Write the report on the newest analysed session. Raise `NotNow` while nothing is analysed."""
    session = analysed_session(store)
    if session is None:
        raise NotNow(
            "No target is analysed yet, so there is nothing to report on. Run hourly_analysis.py "
            "first."
        )
    write_report(store, path, session)
    log.info("%s: the report is in %s.", session, path)


def report_of_the_night(store: Store, path: Path | None, session: str, analysed: int) -> None:
    """Write the report after the last target, where REPORT_FILE is set.

    The session's job stays completed whatever happens here. A page that could not be written, or
    that another host knows nothing of, is written by the next run.
    """
    if (
        path is None
        or analysed_session(store) != session
        or store.targets.progress(session).pending
    ):
        return
    if analysed or not is_current(store, path, session):
        write_report(store, path, session)
        log.info("%s: the report is in %s.", session, path)

"""Report on the newest analysed session: one HTML page that fetches nothing when it is read."""

import logging
from pathlib import Path

from collectors.views.report.contents import analysed_session
from collectors.views.report.page import PageNotWritten, is_current, write_report
from utils.errors import NotNow
from utils.store import Store

__all__ = [
    "PageNotWritten",
    "analysed_session",
    "bring_report_up_to_date",
    "is_current",
    "report_now",
    "write_report",
]
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


def bring_report_up_to_date(
    store: Store,
    path: Path | None,
    session: str,
    *,
    has_new_results: bool,
    raises_problems: bool,
) -> bool:
    """Write the report on the session if its last target is analysed and the page is outdated.
    Return whether the page is there; False without a path, and while targets wait.

    It is outdated when targets were analysed again, or when the session was read again since. The
    session's job stays completed whatever happens here. A page that could not be written, or that
    another host knows nothing of, is written by the next run.

    Args:
        has_new_results: this run has analysed targets of the session.
        raises_problems: raise `PageNotWritten`. Else it is a warning: nobody chose the place.
    """
    if (
        path is None
        or analysed_session(store) != session
        or store.targets.progress(session).pending
    ):
        return False
    if not has_new_results and is_current(store, path, session):
        return True
    try:
        write_report(store, path, session)
    except PageNotWritten as problem:
        if raises_problems:
            raise
        log.warning("%s", problem)
        return False
    log.info("%s: the report is in %s.", session, path)
    return True

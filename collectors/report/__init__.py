"""The report: one HTML page about the newest analysed session, whole in itself. Nothing is fetched when it is read."""

from collectors.report.contents import analysed_session
from collectors.report.page import is_current, write_report

__all__ = ["analysed_session", "is_current", "write_report"]

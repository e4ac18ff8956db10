"""Summary of what some tests tell also when all went well: lines under a heading at the end of the
run."""

import pytest

from tests import server

CRASH_POINTS = "crash points"
SIMULATED_NIGHTS = "simulated nights"
BROKEN_CONNECTIONS = "broken connections"
"""Tests record a line of text under these names (`record_property`)."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])
    ]
    for title in (CRASH_POINTS, BROKEN_CONNECTIONS, SIMULATED_NIGHTS):
        lines = [
            text for report in reports for name, text in report.user_properties if name == title
        ]
        if lines:
            terminalreporter.section(title)
            terminalreporter.write("\n".join(lines) + "\n")
    server.tell(terminalreporter)

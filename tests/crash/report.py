"""How many points were tried, shown at the end of the tests whether all went well or not."""

import pytest

TRIED = "crash points"
"""Tests record a line of text under this name."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    lines = [text for report in reports for name, text in report.user_properties if name == TRIED]
    if lines:
        terminalreporter.section(TRIED)
        terminalreporter.write("\n".join(lines) + "\n")

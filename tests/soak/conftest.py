"""Two machines per test process, and a line about every simulated world at the end."""

from collections.abc import Iterator, Sequence

import pytest

from tests.crash.scenes import BARE
from tests.soak.machine import Machine

LIVED = "simulated nights"


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Machine]]:
    environment = BARE | {"MPLCONFIGDIR": str(tmp_path_factory.mktemp("matplotlib"))}
    machines = [Machine(environment), Machine(environment)]
    yield machines
    for machine in machines:
        machine.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was lived through, also when all went well."""
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    lines = [text for report in reports for name, text in getattr(report, "user_properties", []) if name == LIVED]
    if lines:
        terminalreporter.section(LIVED)
        terminalreporter.write("\n".join(lines) + "\n")

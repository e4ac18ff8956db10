"""The cron daemon: one that is installed and not running is told from the processes."""

from pathlib import Path

import pytest

from utils.cron.daemon import is_stopped


@pytest.mark.parametrize(
    ("program", "processes", "stopped"),
    [
        ("cron", {"1": "systemd", "77": "cron"}, False),
        ("crond", {"1": "crond"}, False),
        ("crond", {"1": "systemd", "77": "crontab"}, True),
        ("cron", {"77": "bash"}, False),  # those of others are hidden
        ("cron", {}, False),
        ("anacron", {"1": "systemd", "77": "bash"}, False),  # the daemon has another name
    ],
    ids=str,
)
def test_a_daemon_that_is_installed_and_not_running(
    program: str, processes: dict[str, str], stopped: bool, tmp_path: Path
) -> None:
    (tmp_path / program).write_text("#!/bin/sh\n")
    (tmp_path / program).chmod(0o755)
    for number, name in processes.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text(f"{name}\n")
    (tmp_path / "5").mkdir()  # it ended in this moment
    assert is_stopped(str(tmp_path), tmp_path) is stopped

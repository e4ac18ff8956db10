"""The cron lines without a conversation: shown at the end of the setup, put in and taken out by
`--cron`."""

from tests.fakes import fake_crontab
from tests.night.suite import Suite
from utils.clock import kst

NOW = kst(2026, 9, 10, 19)


def test_without_a_crontab_command_the_setup_names_the_timers_and_cron_is_refused(
    suite: Suite,
) -> None:
    nothing = str(suite.folder / "nothing")
    done = suite.run(NOW, "manual_setup.py", "--yes", "--sessions", "2", PATH=nothing)
    assert "take the systemd timers" in done.stdout
    done = suite.run(NOW, "manual_setup.py", "--cron", "install", PATH=nothing)
    assert (done.returncode, "take the systemd timers of docs/cron.md" in done.stderr) == (
        2,
        True,
    ), done.stderr


def test_the_lines_come_out_again_whatever_the_database_says(suite: Suite) -> None:
    crontab = fake_crontab(suite.folder)
    nowhere = {"MONGODB_URI": "mongodb://127.0.0.1:1/", "PATH": str(suite.folder / "bin")}
    for action, has_block in (("install", True), ("remove", False)):
        done = suite.run(NOW, "manual_setup.py", "--cron", action, **nowhere)
        assert done.returncode == 0, done.stderr
        assert ("daily_update.py" in crontab.read_text()) is has_block
    assert crontab.read_text() == "@daily true\n"


def test_who_is_not_asked_gets_no_cron_lines(suite: Suite) -> None:
    crontab = fake_crontab(suite.folder)
    done = suite.run(
        NOW, "manual_setup.py", "--yes", "--sessions", "2", PATH=str(suite.folder / "bin")
    )
    assert done.returncode == 0, done.stderr
    assert "`manual_setup.py --cron install` puts them into your crontab:" in done.stdout
    assert crontab.read_text() == "@daily true\n"

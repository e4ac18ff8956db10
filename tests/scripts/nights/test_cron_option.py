"""The cron lines without a conversation: shown at the end of the setup, put in and taken out by
`--cron`."""

from tests.fakes import fake_crontab
from tests.harness import Installation
from utils.clock import kst

NOW = kst(2026, 9, 10, 19)


def test_without_a_crontab_command_the_setup_names_the_timers_and_cron_is_refused(
    installation: Installation,
) -> None:
    nothing = str(installation.folder / "nothing")
    done = installation.run(NOW, "manual_setup", "--yes", "--sessions", "2", PATH=nothing)
    assert "take the systemd timers" in done.stdout
    done = installation.run(NOW, "manual_setup", "--cron", "install", PATH=nothing)
    assert (done.code, "take the systemd timers of docs/cron.md" in done.stderr) == (
        2,
        True,
    ), done.stderr


def test_the_lines_come_out_again_whatever_the_database_says(installation: Installation) -> None:
    crontab = fake_crontab(installation.folder)
    nowhere = {"MONGODB_URI": "mongodb://127.0.0.1:1/", "PATH": str(installation.folder / "bin")}
    for action, has_block in (("install", True), ("remove", False)):
        done = installation.run(NOW, "manual_setup", "--cron", action, **nowhere)
        assert done.code == 0, done.stderr
        assert ("daily_update.py" in crontab.read_text()) is has_block
    assert crontab.read_text() == "@daily true\n"


def test_an_earlier_block_of_three_lines_is_told_from_the_right_one_and_replaced(
    installation: Installation,
) -> None:
    crontab = fake_crontab(installation.folder)
    path = {"PATH": str(installation.folder / "bin")}
    installation.must(NOW, "manual_setup", "--yes", "--sessions", "2")
    assert installation.run(NOW, "manual_setup", "--cron", "install", **path).code == 0
    lines = crontab.read_text().splitlines(keepends=True)
    later = [line for line in lines if "[1-5]-20:4?" in line or "[2-6]-08:0?" in line]
    later += [line for line in lines if line.startswith(("40 20 ", "2 8 "))]
    assert len(later) == 2
    crontab.write_text("".join(line for line in lines if line not in later))
    shown = " ".join(installation.run(NOW, "daily_update", "--status", **path).stdout.split())
    assert "your crontab lacks lines: daily_update 20:40, daily_update 08:02; `manual_s" in shown
    assert installation.run(NOW, "manual_setup", "--cron", "install", **path).code == 0
    assert crontab.read_text() == "".join(lines)
    shown = installation.run(NOW, "daily_update", "--status", **path).stdout
    assert "your crontab" not in shown


def test_who_is_not_asked_gets_no_cron_lines(installation: Installation) -> None:
    crontab = fake_crontab(installation.folder)
    done = installation.run(
        NOW, "manual_setup", "--yes", "--sessions", "2", PATH=str(installation.folder / "bin")
    )
    assert done.code == 0, done.stderr
    assert "`manual_setup.py --cron install` puts them into your crontab:" in done.stdout
    assert crontab.read_text() == "@daily true\n"

"""Which cron there is: told from the program's own text and from the processes."""

from pathlib import Path

import pytest

from utils.cron_daemon import honours_cron_tz, is_running

CRONIE, DEBIANS = b"\x7fELF\0MAILTO\0CRON_TZ\0TZ\0", b"\x7fELF\0MAILTO\0SHELL\0"


def folders(root: Path, programs: dict[str, bytes]) -> list[Path]:
    for name, content in programs.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_bytes(content)
    return [root / "sbin", root / "local", root / "not there"]


@pytest.mark.parametrize(
    ("programs", "honours"),
    [
        ({"sbin/crond": CRONIE}, True),
        ({"sbin/cron": DEBIANS}, False),
        ({"sbin/crond": CRONIE, "local/crond": CRONIE}, True),
        ({"sbin/crond": CRONIE, "sbin/cron": DEBIANS}, None),
        ({"sbin/anacron": CRONIE}, None),
        ({}, None),
    ],
    ids=["cronie", "Debian's", "cronie twice", "both", "another program", "none"],
)
def test_who_honours_cron_tz(
    programs: dict[str, bytes], honours: bool | None, tmp_path: Path
) -> None:
    assert honours_cron_tz(folders(tmp_path, programs)) is honours


def test_a_program_that_may_not_be_read_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(str(path))

    monkeypatch.setattr(Path, "read_bytes", refused)
    assert honours_cron_tz(folders(tmp_path, {})) is None
    (tmp_path / "sbin").mkdir()
    (tmp_path / "sbin" / "crond").touch()
    assert honours_cron_tz([tmp_path / "sbin"]) is None


@pytest.mark.parametrize(
    ("processes", "running"),
    [
        ({"1": "systemd", "77": "cron"}, True),
        ({"1": "crond"}, True),
        ({"1": "systemd", "77": "crontab"}, False),
        ({"77": "bash"}, None),  # those of others are hidden
        ({}, None),
    ],
    ids=str,
)
def test_whether_cron_is_at_work(
    processes: dict[str, str], running: bool | None, tmp_path: Path
) -> None:
    for number, name in processes.items():
        (tmp_path / number).mkdir()
        (tmp_path / number / "comm").write_text(f"{name}\n")
    (tmp_path / "5").mkdir()  # it ended in this moment
    assert is_running(tmp_path) is running

"""The block in the crontab: put in, replaced and taken out through a `crontab` command that keeps
one file."""

import errno
import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fakes import FakeClock
from utils.cron import crontab, daemon
from utils.cron.crontab import (
    advice,
    can_be_installed,
    change_crontab,
    find_block,
    marker,
    setting_of,
    starts_not_in_crontab,
)
from utils.cron.lines import cron_lines
from utils.cron.schedule import SCHEDULE
from utils.errors import NightShiftError, WrongUsage
from utils.settings import PROJECT, Settings

FAKE = """#!/bin/sh
# As cron's own: no crontab is an error of `-l`, and a last line that does not end is refused.
case "$1" in
-l) [ -e tab ] || { echo "no crontab for you" >&2; exit 1; }; cat tab ;;
-) cat > new; [ -z "$(tail -c 1 new)" ] || {
        echo "new crontab file is missing newline" >&2; exit 1
      }; mv new tab ;;
*) exit 99 ;;
esac
"""
DENIED = '#!/bin/sh\necho "You (you) are not allowed to use this program (crontab)" >&2\nexit 1\n'
BEGIN, END = (
    f"# krx-night-shift: begin {PROJECT}\n".encode(),
    f"# krx-night-shift: end {PROJECT}\n".encode(),
)
OTHER_BEGIN, OTHER_END = (mark.replace(b"\n", b"-two\n") for mark in (BEGIN, END))
CRONTABS = {
    "none": None,
    "empty": b"",
    "jobs": b'MAILTO=""\n\n5 4 * * * tar czf "$(date +\\%F).tgz" ~  \n# caf\xe9\r\n@daily true\n',
    "another checkout": OTHER_BEGIN + b"0 19 * * * true\n" + OTHER_END,
}
Make = Callable[..., Settings]


class Host:
    """A user with a crontab. `cron(...)` is `manual_setup.py --cron ...`."""

    def __init__(self, folder: Path, settings: Settings, clock: FakeClock) -> None:
        self.tab, self.command = folder / "tab", folder / "crontab"
        self.settings, self.clock = settings, clock
        self.answer_with(FAKE)

    def answer_with(self, script: str) -> None:
        self.command.write_text(script.replace("\ncase", f"\ncd '{self.command.parent}'\ncase"))
        self.command.chmod(0o755)

    def cron(self, action: str) -> int:
        return change_crontab(action, self.settings, self.clock)

    def has(self, text: bytes | None) -> None:
        if text is not None:
            self.tab.write_bytes(text)

    def kept(self) -> list[Path]:
        return sorted(self.settings.log_dir.glob("crontab-*.bak"))


def lacking() -> list[str]:
    starts = starts_not_in_crontab()
    assert starts is not None
    return [str(start) for start in starts]


@pytest.fixture
def host(
    tmp_path: Path, make_settings: Make, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Host:
    """Host in UTC, with a cron that is at work."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setattr(daemon, "is_stopped", lambda: False)
    monkeypatch.setattr(clock, "host_keeps_kst", lambda: False)
    settings = make_settings()
    settings.log_dir.mkdir()
    return Host(folder, settings, clock)


@pytest.mark.parametrize("before", CRONTABS.values(), ids=CRONTABS.keys())
def test_every_other_line_is_kept_and_removing_leaves_what_was(
    before: bytes | None, host: Host
) -> None:
    host.has(before)
    assert host.cron("install") == 0
    installed = host.tab.read_bytes()
    assert installed.startswith((before or b"") + BEGIN)
    assert installed.endswith(b"2>&1;; esac\n" + END)
    assert host.cron("remove") == 0
    assert host.tab.read_bytes() == (before or b"")


def test_what_is_installed_is_what_is_printed(
    host: Host, capsys: pytest.CaptureFixture[str]
) -> None:
    host.has(b"@daily true\n")
    host.cron("print")
    assert host.tab.read_bytes() == b"@daily true\n"
    host.cron("install")
    assert host.tab.read_bytes() == b"@daily true\n" + capsys.readouterr().out.encode()


def test_a_last_line_without_an_end_is_ended_because_cron_demands_it(host: Host) -> None:
    host.has(b"@daily true")
    host.cron("install")
    assert host.tab.read_bytes().startswith(b"@daily true\n" + BEGIN)
    host.cron("remove")
    assert host.tab.read_bytes() == b"@daily true\n"


def test_an_earlier_block_is_replaced_where_it_stands(host: Host) -> None:
    host.has(b"@daily one\n" + BEGIN + b"0 19 * * * old\n" + END + b"@daily two\n")
    host.cron("install")
    above, _, rest = host.tab.read_bytes().partition(BEGIN)
    block, _, below = rest.partition(END)
    assert (above, below, b"old" in block) == (b"@daily one\n", b"@daily two\n", False)
    assert (block.count(b"daily_update.py"), block.count(b"hourly_analysis.py")) == (3, 2)


def test_installing_again_changes_nothing(host: Host, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    host.has(b"@daily true\n")
    host.cron("install")
    once = host.tab.read_bytes()
    host.answer_with(FAKE.replace("-) cat", "-) exit 98; cat"))
    host.cron("install")
    assert host.tab.read_bytes() == once
    assert "has the right lines already" in caplog.text
    assert len(host.kept()) == 1


@pytest.mark.parametrize("ours_is_first", [True, False])
def test_two_checkouts_leave_each_other_alone(ours_is_first: bool, host: Host) -> None:
    theirs, ours = OTHER_BEGIN + b"0 1 * * * two\n" + OTHER_END, BEGIN + b"0 1 * * * one\n" + END
    host.has(ours + theirs if ours_is_first else theirs + ours)
    host.cron("install")
    assert theirs in host.tab.read_bytes()
    host.cron("remove")
    assert host.tab.read_bytes() == theirs


@pytest.mark.parametrize(
    "damaged",
    [
        BEGIN + b"0 19 * * * old\n",
        b"0 19 * * * old\n" + END,
        END + BEGIN,
        BEGIN + BEGIN + END,
        BEGIN + END + BEGIN + END,
        BEGIN + OTHER_BEGIN + OTHER_END + END,
        BEGIN + OTHER_END + END,
    ],
    ids=[
        "no end",
        "no begin",
        "turned round",
        "two begins",
        "two blocks",
        "another inside",
        "another's end inside",
    ],
)
@pytest.mark.parametrize("action", ["install", "remove"])
def test_damaged_markers_are_refused_and_nothing_is_changed(
    damaged: bytes, action: str, host: Host
) -> None:
    host.has(b"@daily true\n" + damaged)
    with pytest.raises(WrongUsage, match=r"damaged.*lines [2-5].*Nothing was changed.*crontab -e"):
        host.cron(action)
    assert host.tab.read_bytes() == b"@daily true\n" + damaged


def test_printing_tells_that_the_markers_are_damaged(
    host: Host, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    host.has(marker("begin", PROJECT) + b"\n")
    host.cron("print")
    assert "The marker lines" in caplog.text
    assert "daily_update.py" in capsys.readouterr().out
    assert host.tab.read_bytes() == marker("begin", PROJECT) + b"\n"


def test_markers_are_known_by_their_text_not_by_the_space_around_it() -> None:
    text = b"one\n  " + BEGIN.strip() + b"  \r\nold\n" + END.strip()
    parts = find_block(text, PROJECT)
    assert (parts.above, parts.below) == (b"one\n", b"")


def test_the_crontab_as_it_was_is_kept_for_its_owner_alone(host: Host) -> None:
    host.has(b"PASSWORD=secret\n")
    host.cron("install")
    (kept,) = host.kept()
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (b"PASSWORD=secret\n", 0o600)
    assert kept.name.startswith("crontab-2024-01-22-")
    host.cron("remove")
    assert kept.read_bytes() == b"PASSWORD=secret\n"
    assert len(host.kept()) == 2


def test_a_crontab_that_cannot_be_kept_whole_is_not_replaced(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_full(path: Path, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "no space left")

    host.has(b"@daily true\n")
    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", disk_full)
        with pytest.raises(OSError, match="no space left"):
            host.cron("install")
    assert list(host.settings.log_dir.iterdir()) == []
    assert host.tab.read_bytes() == b"@daily true\n"


def test_removing_what_is_not_there_changes_nothing(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    host.has(b"@daily true\n")
    assert host.cron("remove") == 0
    assert host.tab.read_bytes() == b"@daily true\n"
    assert (host.kept(), "has no block" in caplog.text) == ([], True)


@pytest.mark.parametrize("action", ["install", "remove"])
def test_without_a_crontab_command_systemd_is_named(
    action: str, host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(
        WrongUsage, match=r"no `crontab` command.*systemd timers of docs/cron\.md"
    ) as refused:
        host.cron(action)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("action", ["install", "remove"])
def test_who_may_have_no_crontab_reads_why(action: str, host: Host) -> None:
    host.answer_with(DENIED)
    with pytest.raises(WrongUsage, match="not allowed to use this program"):
        host.cron(action)


def test_busybox_says_in_its_own_words_that_there_is_none(host: Host) -> None:
    host.answer_with(
        FAKE.replace("no crontab for you", "crontab: can't open 'you': No such file or directory")
    )
    host.cron("install")
    assert host.tab.read_bytes().startswith(BEGIN)


def test_lines_that_cron_does_not_take_leave_the_crontab_as_it_was(host: Host) -> None:
    host.has(b"@daily true\n")
    host.answer_with(FAKE.replace("-) cat > new;", '-) echo "errors in crontab file" >&2; exit 1;'))
    with pytest.raises(WrongUsage, match=r"errors in crontab file.*as it was"):
        host.cron("install")
    assert host.tab.read_bytes() == b"@daily true\n"


def test_a_crontab_that_was_not_written_is_noticed(host: Host) -> None:
    host.has(b"@daily true\n")
    host.answer_with(FAKE.replace("mv new tab", "true"))
    with pytest.raises(NightShiftError, match="is not what was written"):
        host.cron("install")


@pytest.mark.parametrize(
    ("above", "shell"),
    [
        (b"SHELL=/usr/bin/fish\n", "/usr/bin/fish"),
        (b"SHELL=/bin/sh\n SHELL = '/bin/tcsh' \n", "/bin/tcsh"),
    ],
)
def test_a_shell_that_reads_the_lines_otherwise_is_refused(
    above: bytes, shell: str, host: Host
) -> None:
    host.has(above)
    with pytest.raises(WrongUsage, match=rf"SHELL={shell}.*SHELL=/bin/sh"):
        host.cron("install")
    assert host.tab.read_bytes() == above


@pytest.mark.parametrize(
    "above", [b"SHELL=/usr/bin/fish\nSHELL=/bin/bash\n", b"#SHELL=/usr/bin/fish\n"]
)
def test_the_shell_that_holds_is_the_last_one(above: bytes, host: Host) -> None:
    host.has(above)
    assert host.cron("install") == 0


@pytest.mark.parametrize(
    ("above", "in_kst", "plain"),
    [
        (b"@daily true\n", True, True),
        (b"#CRON_TZ=UTC\n", True, True),
        (b"CRON_TZ=Asia/Seoul\n", True, False),
        (b"CRON_TZ=\n", True, False),
        (b"CRON_TZ=Asia/Seoul\n", False, False),
        (b"@daily true\n", False, False),
    ],
)
def test_the_lines_are_plain_where_the_host_keeps_kst_and_no_zone_stands_above(
    above: bytes, in_kst: bool, plain: bool, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.clock, "host_keeps_kst", lambda: in_kst)
    host.has(above)
    host.cron("install")
    installed = host.tab.read_bytes()
    assert (b"\n0 19 * * 1-5 cd " in installed, b"KST-9" in installed) == (plain, not plain)


def test_lines_of_an_earlier_form_are_replaced(host: Host) -> None:
    guarded = b'0 * * * * case "$(TZ=KST-9 date +\\%u-\\%H)" in [1-5]-19) old;; esac\n'
    host.has(BEGIN + guarded + END)
    assert advice(host.settings, host.clock)[0] == "cron_missing"
    host.cron("install")
    assert b"old" not in host.tab.read_bytes()
    assert advice(host.settings, host.clock)[0] == "cron_installed"


@pytest.mark.parametrize(
    ("text", "value"),
    [(b"A=1\nA = 2 \n", "2"), (b' A="x y"\n', "x y"), (b"#A=1\nBA=1\n* * * * * A=1 b\n", None)],
)
def test_a_setting_is_the_last_one_of_that_name(text: bytes, value: str | None) -> None:
    assert setting_of(text, "A") == value


@pytest.mark.parametrize("in_kst", [True, False])
def test_of_what_an_earlier_block_started_the_rest_is_lacking_until_the_lines_are_put_in(
    in_kst: bool, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host.clock, "host_keeps_kst", lambda: in_kst)
    first, evening, _, morning, _ = cron_lines(PROJECT, Path("python"), PROJECT, in_kst=in_kst)
    earlier = "".join(f"{line}\n" for line in (first, evening, morning))
    host.has(BEGIN + earlier.encode() + END)
    assert lacking() == ["daily_update 20:40", "daily_update 08:02"]
    host.cron("install")
    assert lacking() == []
    host.cron("remove")
    assert lacking() == [str(start) for start in SCHEDULE]


@pytest.mark.parametrize(
    ("change", "is_known"),
    [
        (("0 19 ", "0  19\t"), True),
        ((str(PROJECT), "/opt/other"), False),
        (("0 19 ", "#0 19 "), False),
        (("0 19 ", "30 21 "), False),
        (("daily_update", "hourly_analysis"), False),
    ],
    ids=["spaces", "another checkout", "a comment", "another time", "another script"],
)
def test_a_line_put_in_by_hand_counts_by_its_time_and_its_script(
    change: tuple[str, str], is_known: bool, host: Host
) -> None:
    first, *others = cron_lines(PROJECT, Path("python"), PROJECT, in_kst=True)
    host.has("".join(f"{line}\n" for line in (first.replace(*change), *others)).encode())
    assert lacking() == ([] if is_known else ["daily_update 19:00"])


def test_of_a_crontab_that_cannot_be_read_nothing_is_said(host: Host) -> None:
    host.answer_with(DENIED)
    assert starts_not_in_crontab() is None


def test_a_line_that_would_start_a_script_twice_is_named(
    host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    (pasted, *_) = cron_lines(PROJECT, Path("python"), PROJECT, in_kst=True)
    host.has(f"# {pasted}\n".encode())
    host.cron("install")
    assert "Another line" not in caplog.text
    host.has(f"{pasted}\n".encode())
    host.cron("install")
    assert f"Another line of your crontab starts a script of this project: {pasted}" in caplog.text


@pytest.mark.parametrize("stopped", [True, False])
def test_a_cron_that_is_not_at_work_is_named(
    stopped: bool, host: Host, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(daemon, "is_stopped", lambda: stopped)
    for action in ("print", "install"):
        caplog.clear()
        host.cron(action)
        assert ("No cron daemon is running" in caplog.text) is stopped


@pytest.mark.parametrize("action", ["print", "install"])
def test_a_folder_that_no_line_can_name_is_refused(
    action: str, host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crontab, "PROJECT", Path("/opt/two\nlines"))
    with pytest.raises(WrongUsage, match="line break"):
        host.cron(action)
    assert not host.tab.exists()


def test_the_advice_follows_what_is_in_the_crontab(
    host: Host, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert advice(host.settings, host.clock)[0] == "cron_missing"
    assert can_be_installed(host.settings, host.clock)
    host.cron("install")
    state, lines, _ = advice(host.settings, host.clock)
    assert (state, lines.startswith(BEGIN.decode())) == ("cron_installed", True)
    assert not can_be_installed(host.settings, host.clock)
    host.has(BEGIN)
    assert advice(host.settings, host.clock)[0] == "cron_refused"
    assert not can_be_installed(host.settings, host.clock)
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert advice(host.settings, host.clock)[0] == "cron_impossible"
    assert not can_be_installed(host.settings, host.clock)

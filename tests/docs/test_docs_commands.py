"""Every command that a document shows is run as it stands, or is named here with what tries it
instead."""

import doctest
import importlib
import re
import shlex
import uuid
from collections.abc import Iterator
from itertools import groupby

import pytest

from sandbox import __main__ as sandbox
from tests.docs.conftest import SERVER, SESSIONS, Checkout
from tests.docs.pages import PAGES, READMES, Block, blocks, inline_code, read
from tests.docs.scenes import SCENES, Scene
from utils.cron.crontab import marker
from utils.settings import PROJECT, load_settings, setting_names

TRIED: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("sh", "console", "crontab", ""), PAGES),
    "python": (*READMES, "docs/screens.md"),
    "js": (*READMES, "docs/how-to.md", "docs/screens.md", "docs/what-to-do.md"),
    "sql": ("docs/documents.md", "docs/what-to-do.md"),
    "csv": ("docs/documents.md",),
    "text": ("docs/settings.md",),
    "ini": ("docs/cron.md",),
}
"""Language of blocks -> the pages on which they are tried: here, and by the tests of the examples,
the screens, the reference and the timers. Without a language they are settings or a picture."""
BY_OTHERS = {
    "make demo": (".ci/run", "make demo"),
    "make test": (".ci/run", "make test"),
    "make test-rest": (".ci/run", "make test-rest"),
    "make test-all": ("Makefile", "test-all: test"),
    "make setup": ("Makefile", "demo: setup"),
    "make bench-scale": (
        "tests/process/test_benchmarks.py",
        "test_histories_are_measured_at_every_size",
    ),
    "make bench": (
        "tests/process/test_benchmarks.py",
        "test_a_quick_run_reports_every_row_with_a_ratio",
    ),
    **dict.fromkeys(
        (
            "docker compose up --detach --wait",
            "docker compose down",
            "docker compose down --volumes",
        ),
        (
            "tests/docs/test_docs_mongodb.py",
            "test_every_folder_of_the_image_is_in_a_volume_that_is_declared",
        ),
    ),
    **dict.fromkeys(
        (
            "systemd-analyze calendar 'Tue..Sat 08:02 Asia/Seoul'",
            "sudo systemctl enable --now krx-daily-update.timer krx-hourly-analysis.timer",
            "sudo systemctl disable --now krx-daily-update.timer krx-hourly-analysis.timer",
        ),
        ("tests/docs/test_docs_cron.py", "test_the_timers_fire_when_cron_would"),
    ),
    **dict.fromkeys(
        ("crontab FILE", "crontab -e", "crontab -l"),
        (
            "tests/process/cron/test_real_crontab.py",
            "test_the_block_goes_in_and_out_and_every_other_line_stays",
        ),
    ),
    "kill 4711": (
        "tests/scripts/nights/test_hours.py",
        "test_sigterm_ends_after_the_target_in_hand_and_nothing_stays_claimed",
    ),
    "kill -9 4711": (
        "tests/storm/crash/test_kill_anywhere.py",
        "test_after_a_kill_at_any_point_the_next_run_makes_it_whole",
    ),
}
"""Commands that need Docker, systemd, an editor or the whole project -> the words of a file that
show where it is tried, as far as it can be."""
BY_NOBODY = ("mongodump", "mongorestore")
"""Tools that are not at hand. The page says that no test runs them."""
OF_OTHER_PROGRAMS = ("--wait", "--oplog")
PROGRAMS = {
    *(command.split()[0] for command in BY_OTHERS),
    *BY_NOBODY,
    "chmod",
    "cp",
    "python",
    "python3",
    "mv",
    "rm",
}
NO_SERVER = "MONGODB_TEST_URI IS NOT SET: WHAT THE DOCUMENTS COPY INTO A MONGODB WAS NOT COPIED"
INTO_A_SERVER = "--copy-to mongodb"
SHORTER = {"--sessions 1000": f"--sessions {SESSIONS + 5}"}
"""Texts that would only take longer as they stand -> shorter ones."""


def sections() -> list[list[Block]]:
    """The blocks of each section that has commands; those of the Korean README are the same as in
    the English one."""
    found = [
        list(each) for _, each in groupby(blocks(), key=lambda block: (block.page, block.heading))
    ]
    with_commands = [
        each for each in found if any(block.language in ("sh", "console") for block in each)
    ]
    return [each for each in with_commands if each[0].page != "README.ko.md"]


def settings_in(block: Block) -> dict[str, str]:
    """The settings that it shows, name to text; none when it shows something else."""
    lines = dict(re.findall(r"^([A-Z_]+)=(.*)$", block.code, re.MULTILINE))
    return lines if block.language == "" and set(lines) <= set(setting_names()) else {}


def commands_of(block: Block) -> list[tuple[str, str]]:
    """Return (command, what it shows) of a console; of a script (all its lines, nothing), less
    those that are not run here."""
    if block.language == "console":
        return re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", block.code, re.MULTILINE)
    if block.language != "sh":
        return []
    lines = [
        line
        for line in block.code.splitlines()
        if line not in BY_OTHERS and line.split()[0] not in BY_NOBODY
    ]
    return [("\n".join(lines), "")]


def with_like_numbers(shown: str) -> str:
    return re.sub(r" +(?=\n)", "", re.sub(r"\d[\d,]*", "0", shown))


def is_as_documented(own: Checkout, expected: str, shown: str) -> bool:
    """Compare but for numbers, for what `...` stands for, and for what is said of a host that has
    no cron daemon at work."""
    shown = re.sub(
        r"^\S+ WARNING No cron daemon is running on this host\..*\n", "", shown, flags=re.MULTILINE
    )
    shown = shown.replace(f"{own.folder}/srv/krx", "/srv/krx").replace(
        str(own.folder), "/home/you/krx-night-shift"
    )
    wanted = with_like_numbers(expected)
    return doctest.OutputChecker().check_output(wanted, with_like_numbers(shown), doctest.ELLIPSIS)


@pytest.fixture
def server() -> Iterator[dict[str, str]]:
    """Settings that outweigh a document's: the server there is, and databases of its own. Empty
    without a server."""
    if not SERVER:
        yield {}
        return
    from utils.store.mongo import connect

    prefix = f"test_{uuid.uuid4().hex[:8]}_"
    yield {"COPY_TO_URI": SERVER, "MONGODB_DB_PREFIX": prefix}
    client = connect(SERVER)
    for name in client.list_database_names():
        if name.startswith(prefix):
            client.drop_database(name)
    client.close()


def run_section(
    own: Checkout,
    section: list[Block],
    limit: str,
    replaced: dict[str, str],
    more: dict[str, str],
) -> None:
    for block in section:
        with (own.folder / ".env").open("a") as env_file:
            env_file.writelines(
                own.here(f"{name}={text}\n") for name, text in settings_in(block).items()
            )
        for command, expected in commands_of(block):
            for there, here in replaced.items():
                command = command.replace(there, here)
            done = own.bash(limit + command, **more)
            limit = ""
            is_right = (
                is_as_documented(own, expected, done.stdout) if expected else done.returncode == 0
            )
            assert is_right, f"{block}\n$ {command}\n{done.stdout}"


@pytest.mark.parametrize(
    "section", sections(), ids=lambda section: f"{section[0].page}: {section[0].heading}"
)
def test_the_commands_of_a_section_do_what_it_says(
    section: list[Block], own: Checkout, largest: dict[str, str], server: dict[str, str]
) -> None:
    scene = SCENES.get(section[0].heading, Scene())
    own = own.at(scene.now)
    copies = any(INTO_A_SERVER in block.code for block in section)
    without = {} if SERVER else {f".venv/bin/python daily_update.py {INTO_A_SERVER}": "true"}
    with scene.matter(own):
        run_section(own, section, scene.limit, SHORTER | largest | without, server | scene.settings)
    if copies and not SERVER:
        pytest.skip(NO_SERVER)


def test_every_scene_is_that_of_a_section() -> None:
    assert set(SCENES) <= {section[0].heading for section in sections()}


def test_no_fence_is_overlooked() -> None:
    for page in PAGES:
        assert 2 * len([block for block in blocks() if block.page == page]) == read(page).count(
            "```"
        ), page


@pytest.mark.parametrize("block", blocks(), ids=str)
def test_a_block_is_one_that_is_tried(block: Block) -> None:
    assert block.page in TRIED.get(block.language, ())


@pytest.mark.parametrize("block", blocks(""), ids=str)
def test_a_block_without_a_language_is_settings_or_a_picture_that_is_true(block: Block) -> None:
    if named := re.findall(r"^([\w.]+(?:/|\.py))", block.code, re.MULTILINE):
        assert all((PROJECT / name).exists() for name in named)
    elif block.code.startswith("# krx-night-shift"):
        begin, end = (
            marker(which, "/home/you/krx-night-shift").decode() for which in ("begin", "end")
        )  # type: ignore[arg-type]
        assert block.code == f"{begin}\n...\n{end}\n"
    elif block.code.startswith("Mon..Fri "):
        timers = (PROJECT / "docs" / "cron.md").read_text(encoding="utf-8")
        assert all(f"\nOnCalendar={line}\n" in timers for line in block.code.splitlines())
    else:
        assert settings_in(block)
        load_settings({name.lower(): text for name, text in settings_in(block).items()})


@pytest.mark.parametrize("block", blocks("crontab"), ids=str)
def test_the_command_of_a_crontab_line_runs(block: Block, own: Checkout) -> None:
    """Run it as cron hands it to the shell: without the five fields, and with its backslashes
    before % taken away."""
    for line in block.code.splitlines():
        fields, command = line.split()[:5], line.split(maxsplit=5)[5]
        assert all(re.fullmatch(r"\*|[\d,-]+", field) for field in fields)
        own.must(command.replace("\\%", "%"))


def commands_in_lines() -> list[tuple[str, str]]:
    """Return (page, command) of what stands between backticks and begins with a program or one of
    the scripts."""
    found = {(page, code.removeprefix(".venv/bin/")) for page, code in inline_code() if " " in code}
    return sorted((page, code) for page, code in found if code.endswith(".py") or is_command(code))


def is_command(code: str) -> bool:
    return code.split()[0] in PROGRAMS or re.match(r"\w+\.py ", code) is not None


@pytest.mark.parametrize(("page", "command"), commands_in_lines())
def test_a_command_between_the_lines_is_one(
    page: str, command: str, capsys: pytest.CaptureFixture[str], installed: Checkout
) -> None:
    if command in BY_OTHERS:
        return
    program, *words = shlex.split(command)
    if command.startswith("python -m sandbox"):
        sandbox._parser().parse_args(words[2:])
    elif program.endswith(".py"):
        parses(program, words, capsys)
    else:
        installed.must(re.sub("^python ", ".venv/bin/python ", command))


def test_an_option_between_the_lines_is_one_of_ours(capsys: pytest.CaptureFixture[str]) -> None:
    for script in ("manual_setup", "daily_update", "hourly_analysis"):
        with pytest.raises(SystemExit):
            importlib.import_module(script).parse(["--help"])
    told = capsys.readouterr().out + sandbox._parser().format_help()
    ours = set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", told, re.MULTILINE))
    named = {code.split()[0] for _, code in inline_code() if code.startswith("--")}
    assert named <= ours | set(OF_OTHER_PROGRAMS)


def parses(script: str, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Return whether it parses as a whole, or up to the value of its last option, which the
    sentence leaves out."""
    try:
        importlib.import_module(script.removesuffix(".py")).parse(words)
    except SystemExit:
        assert f"{words[-1]}: expected one argument" in capsys.readouterr().err


def test_what_others_try_is_tried_there_and_is_still_shown() -> None:
    shown = {code for _, code in inline_code()} | {
        line for block in blocks("sh") for line in block.code.splitlines()
    }
    for command, (where, words) in BY_OTHERS.items():
        assert command in shown, command
        assert words in (PROJECT / where).read_text(encoding="utf-8"), command


def test_a_page_says_of_what_nobody_tries_that_nobody_does() -> None:
    for block in blocks("sh"):
        if any(line.split()[0] in BY_NOBODY for line in block.code.splitlines()):
            assert "no test runs them" in read(block.page)

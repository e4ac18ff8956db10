"""The two READMEs: they say the same, and what they say is so."""

import re
import subprocess
import sys
from collections import Counter

import pytest

from collectors.analysis.indicators.catalogue import INDICATOR_NAMES
from collectors.analysis.indicators.signals import SIGNALS
from utils.errors import EXIT_DONE, EXIT_FAILED, EXIT_NOT_NOW, EXIT_USAGE
from utils.settings import PROJECT, setting_names
from utils.store.schema import COLLECTIONS

READMES = ("README.md", "README.ko.md")
SCRIPTS = ("manual_setup.py", "daily_update.py", "hourly_analysis.py")
VIEW = "stock_data.daily_prices"

in_both = pytest.mark.parametrize("readme", READMES)


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Return (language, code) of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def without_comments(code: str) -> str:
    return re.sub(r"^(#|//) .*\n", "", code, flags=re.MULTILINE)


def sections(text: str) -> list[tuple[str, str]]:
    """Return (heading with its #s, what stands under it) in order, fenced code left out."""
    parts = re.split(r"^(#+ .+)$", without_code(text), flags=re.MULTILINE)
    return list(zip(parts[1::2], parts[2::2], strict=True))


def section(text: str, title: str) -> str:
    return next(body for heading, body in sections(text) if heading.lstrip("# ") == title)


def inline_code(text: str) -> list[str]:
    return re.findall(r"`([^`\n]+)`", text)


def first_cells(text: str) -> list[str]:
    """The inline code that begins each row of the tables."""
    return re.findall(r"^\| `([^`]+)`", text, re.MULTILINE)


def links(text: str) -> list[str]:
    """Relative links, but for the one to the other README; of an anchor (it is in the README's
    language) only the #."""
    found = re.findall(r"\]\((?!http)([^)]+)\)", text)
    return [re.sub(r"#.*", "#", link) for link in found if not link.startswith("README")]


def test_both_have_the_same_headings_in_level_and_number() -> None:
    english, korean = (
        [heading.split()[0] for heading, _ in sections(read(name))] for name in READMES
    )
    assert english == korean


def test_both_show_the_same_commands_and_code() -> None:
    english, korean = (
        [(kind, without_comments(code)) for kind, code in code_blocks(read(name))]
        for name in READMES
    )
    assert english == korean


def test_every_section_names_the_same_things_in_both() -> None:
    pairs = zip(*(sections(read(name)) for name in READMES), strict=True)
    for (heading, english), (_, korean) in pairs:
        assert Counter(inline_code(english)) == Counter(inline_code(korean)), heading
        assert Counter(links(english)) == Counter(links(korean)), heading


@in_both
@pytest.mark.parametrize("script", SCRIPTS)
def test_every_option_of_help_is_in_the_table_and_no_other(readme: str, script: str) -> None:
    shown = subprocess.run(
        [sys.executable, script, "--help"], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    offered = set(re.findall(r"^ +(?:-h, )?(--[a-z-]+)", shown.stdout, re.MULTILINE)) - {"--help"}
    documented = [cell.split()[0] for cell in first_cells(section(read(readme), script))]
    assert sorted(documented) == sorted(offered)


@in_both
def test_every_option_named_anywhere_is_one_of_its_script(readme: str) -> None:
    """Also those of the commands in code blocks."""
    for command in re.findall(r"^\.venv/bin/python (.+)$", read(readme), re.MULTILINE):
        script, *words = command.split()
        documented = {cell.split()[0] for cell in first_cells(section(read(readme), script))}
        assert {word for word in words if word.startswith("--")} <= documented, command


@in_both
def test_the_make_targets_exist(readme: str) -> None:
    named = re.findall(r"^make (\w+)$", read(readme), re.MULTILINE)
    assert {"demo", "test", "setup"} <= set(named)
    for target in named:
        assert re.search(rf"^{target}:", read("Makefile"), re.MULTILINE), target


@in_both
def test_the_exit_codes_are_those_of_the_program(readme: str) -> None:
    codes = [cell for cell in first_cells(read(readme)) if cell.isdecimal()]
    assert codes == [str(code) for code in (EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_NOT_NOW)]


@in_both
def test_every_setting_named_is_a_setting(readme: str) -> None:
    named = set(re.findall(r"\b[A-Z]{3,}(?:_[A-Z]+)+\b", read(readme)))
    assert {"KRX_ID", "KRX_PW", "MONGODB_URI", "DATA_DIR"} <= named <= set(setting_names())


@in_both
def test_the_table_of_collections_is_complete(readme: str) -> None:
    databases = ("stock_data.", "stock_analyzed.", "system_info.")
    named = [cell for cell in first_cells(read(readme)) if cell.startswith(databases)]
    assert sorted(named) == sorted([*COLLECTIONS, VIEW])


def test_the_section_that_the_demo_points_to_is_there() -> None:
    (title,) = re.findall(r"section «(.+?)»", read("sandbox/demo.py"))
    assert f"## {title}" in [heading for heading, _ in sections(read("README.md"))]


@in_both
def test_mongosh_asks_for_names_that_exist(readme: str) -> None:
    (code,) = (code for kind, code in code_blocks(read(readme)) if kind == "js")
    collections = {".".join(pair) for pair in re.findall(r'getSiblingDB\("(\w+)"\)\.(\w+)', code)}
    assert collections == {VIEW, "stock_analyzed.indicators", "system_info.job_status"}
    assert set(re.findall(r'signals: "(\w+)"', code)) <= {signal.name for signal in SIGNALS}
    assert set(re.findall(r"latest\.(\w+)", code)) <= set(INDICATOR_NAMES)

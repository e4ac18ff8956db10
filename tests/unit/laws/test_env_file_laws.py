"""Laws of a changed `.env`, whatever stood in it: the new value reads back exactly, and nothing
else has moved."""

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.laws.strategies import PROFILE
from utils.env_file import change_env_file, read_env_file

pytestmark = pytest.mark.usefixtures("unicode")
LAW = settings(PROFILE, max_examples=80)
OURS = "KRX_PW"
CHARACTERS = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"])
AWKWARD = st.sampled_from("'\"\\#$ =\u00a0`{}&%가")
values = st.text(CHARACTERS | AWKWARD, max_size=12).map(str.strip)
"""Texts that a setting can hold: the settings strip blanks at both ends."""

plain = st.text(st.sampled_from("abc123/:@.\\"), max_size=6)
quoted = st.text(st.sampled_from('abc #$="\\'), max_size=6).map(
    lambda text: "'" + text.replace("\\", "\\\\") + "'"
)
double = st.text(st.sampled_from("abc #$='"), max_size=6).map(lambda text: f'"{text}"')
written = plain | quoted | double
behind = st.sampled_from(["", "", "  ", " # why it is so", "\t#KRX_PW=no"])
before = st.sampled_from(["", "export ", "  "])
equals = st.sampled_from(["=", " = ", "= "])


def lines_of(names: list[str]) -> st.SearchStrategy[str]:
    return st.tuples(before, st.sampled_from(names), equals, written, behind).map("".join)


other = lines_of(["KRX_ID", "OTHERS_TOKEN", "KRX_PW_OLD"]) | st.sampled_from(
    [
        "",
        "   ",
        "# the account's",
        "#KRX_PW=",
        "# KRX_PW='x'",
        "# Quote it: KRX_PW='my #1 word'",
        "#",
    ]
)
files = st.tuples(
    st.lists(other | other | lines_of([OURS, "krx_pw"]), max_size=8),
    st.sampled_from(["\n", "\r\n"]),
    st.booleans(),
)


def is_ours(line: str) -> bool:
    return line.strip().removeprefix("export ").lower().startswith(("krx_pw=", "krx_pw ="))


def content(file: tuple[list[str], str, bool]) -> str:
    lines, newline, ends = file
    return newline.join(lines) + (newline if ends and lines else "")


@LAW
@given(files, values)
def test_the_new_value_reads_back_and_all_else_stays_as_it_was(
    file: tuple[list[str], str, bool], value: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_bytes(content(file).encode())
        others = {name: text for name, text in read_env_file(path).items() if name.upper() != OURS}
        change_env_file(path, {OURS: value})
        after = read_env_file(path)
        assert {text for name, text in after.items() if name.upper() == OURS} <= {value}
        assert value == "" or OURS in {name.upper() for name in after}
        assert {name: text for name, text in after.items() if name.upper() != OURS} == others
        kept = [line for line in file[0] if not is_ours(line)]
        left = re.split(r"\r?\n", path.read_bytes().decode())
        assert [line for line in left if not is_ours(line) and line] == [
            line for line in kept if line
        ]


@LAW
@given(files, values)
def test_the_same_change_again_changes_no_byte(
    file: tuple[list[str], str, bool], value: str
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_bytes(content(file).encode())
        change_env_file(path, {OURS: value})
        once = path.read_bytes() if path.exists() else None
        change_env_file(path, {OURS: value})
        assert (path.read_bytes() if path.exists() else None) == once


@LAW
@given(values)
def test_whatever_a_secret_holds_the_comment_behind_it_stays(value: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / ".env"
        path.write_text(f"{OURS}=old # since May\n", encoding="utf-8")
        change_env_file(path, {OURS: value})
        assert path.read_text(encoding="utf-8").endswith(" # since May\n")
        assert read_env_file(path) == {OURS: value}

"""`.env` changed by the program: comments and other settings stay, nobody else may read it, a
broken one is refused."""

import os
from pathlib import Path

import pytest

from utils.env_file import change_env_file, read_env_file
from utils.errors import WrongUsage
from utils.settings import PROJECT, load_settings

OURS = """# my settings

KRX_ID=me          # the account for this machine
#KRX_PW=
export OTHER_TOKEN="a b"
"""


def test_a_setting_goes_below_the_line_that_shows_it(env_file: Path) -> None:
    env_file.write_text(OURS, encoding="utf-8")
    change_env_file(env_file, {"KRX_PW": "hush", "MARKETS": "KOSPI"})
    expected = OURS.replace("#KRX_PW=\n", "#KRX_PW=\nKRX_PW=hush\n") + "MARKETS=KOSPI\n"
    assert env_file.read_text(encoding="utf-8") == expected


def test_a_known_setting_is_changed_where_it_stands(env_file: Path) -> None:
    env_file.write_text(OURS, encoding="utf-8")
    change_env_file(env_file, {"KRX_ID": "you"})
    assert env_file.read_text(encoding="utf-8") == OURS.replace("KRX_ID=me ", "KRX_ID=you ")


@pytest.mark.parametrize(
    "password", ["pa$$w${HOME}x #1", "it's", 'say "x"', "back\\slash\\", "#1", "한글 암호", "a=b"]
)
def test_the_settings_read_a_password_exactly_as_it_was_given(
    env_file: Path, password: str
) -> None:
    change_env_file(env_file, {"KRX_PW": password})
    read = load_settings(env_file=env_file).krx_pw
    assert read is not None
    assert read.get_secret_value() == password


def test_a_new_file_begins_as_its_template(env_file: Path) -> None:
    template = PROJECT / ".env.example"
    change_env_file(env_file, {"KRX_ID": "me"}, template)
    expected = template.read_text(encoding="utf-8").replace("#KRX_ID=\n", "#KRX_ID=\nKRX_ID=me\n")
    assert env_file.read_text(encoding="utf-8") == expected
    assert read_env_file(env_file) == {"KRX_ID": "me"}


def test_nobody_else_may_read_it(env_file: Path) -> None:
    change_env_file(env_file, {"KRX_PW": "hush"})
    assert env_file.stat().st_mode & 0o777 == 0o600
    env_file.chmod(0o644)
    change_env_file(env_file, {"KRX_PW": "hush"})
    assert env_file.stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link(tmp_path: Path, env_file: Path) -> None:
    (tmp_path / "real").write_text("KRX_ID=me\n", encoding="utf-8")
    env_file.symlink_to(tmp_path / "real")
    change_env_file(env_file, {"KRX_ID": "you"})
    assert env_file.is_symlink()
    assert (tmp_path / "real").read_text(encoding="utf-8") == "KRX_ID=you\n"


@pytest.mark.parametrize("broken", ["KRX_PW: hush-hush", "KRX_PW='hush-hush", "KRX_PW"])
def test_a_broken_file_is_refused_with_the_line_and_left_alone(env_file: Path, broken: str) -> None:
    env_file.write_text(f"# ours\nKRX_ID=me\n{broken}\n", encoding="utf-8")
    before = env_file.read_bytes()
    with pytest.raises(WrongUsage, match="line 3") as caught:
        change_env_file(env_file, {"KRX_ID": "you"})
    assert "hush-hush" not in str(caught.value)
    assert env_file.read_bytes() == before


def test_a_value_that_no_line_can_hold_is_refused(env_file: Path) -> None:
    with pytest.raises(WrongUsage, match="KRX_PW: a value with line breaks") as caught:
        change_env_file(env_file, {"KRX_PW": "hush\nhush"})
    assert ("hush" in str(caught.value), env_file.exists()) == (False, False)


def test_what_cannot_be_written_leaves_the_old_file_and_no_other(
    env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("KRX_ID=me\n", encoding="utf-8")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WrongUsage, match="No space left"):
        change_env_file(env_file, {"KRX_ID": "you"})
    assert [path.name for path in env_file.parent.iterdir()] == [".env"]
    assert env_file.read_text(encoding="utf-8") == "KRX_ID=me\n"


def test_nothing_to_change_makes_no_file(env_file: Path) -> None:
    change_env_file(env_file, {"KRX_OPENAPI_KEY": ""}, PROJECT / ".env.example")
    assert not env_file.exists()

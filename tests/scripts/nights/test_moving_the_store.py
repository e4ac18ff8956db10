"""`daily_update.py --copy-to` as a process: a store moves to the other database, and the next night
goes on there."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

import daily_update
from tests.harness import Installation
from utils.clock import kst
from utils.errors import EXIT_NOT_NOW, EXIT_USAGE
from utils.settings import load_settings
from utils.store.locks import COLLECTION
from utils.store.schema import COPY, SCHEMA
from utils.store.sqlite import FILE_NAME

SETUP, MORNING = kst(2026, 9, 9, 19), kst(2026, 9, 10, 8, 2)
NOON, NEXT_EVENING = kst(2026, 9, 10, 12), kst(2026, 9, 10, 19)
COPY_TO = ("daily_update", "--copy-to")
SECRET = "hush-hush"


@pytest.fixture
def after_a_night(installation: Installation) -> Installation:
    installation.must(SETUP, "manual_setup", "--yes", "--sessions", "3")
    installation.analyse_night(SETUP)
    installation.must(MORNING, "daily_update")
    return installation


def test_to_a_server_and_back_into_a_folder_and_every_night_goes_on(
    after_a_night: Installation, server: dict[str, str], tmp_path: Path
) -> None:
    uri, prefix = server.values()
    done = after_a_night.run(NOON, *COPY_TO, "mongodb", COPY_TO_URI=uri, MONGODB_DB_PREFIX=prefix)
    assert (done.code, "COPY_TO_URI becomes that of MONGODB_URI" in done.stderr) == (
        0,
        True,
    ), done.stderr
    there = replace(after_a_night, own_settings=server)
    assert there.read(NOON) == after_a_night.read(NOON)
    there.must(NEXT_EVENING, "daily_update")
    there.analyse_night(NEXT_EVENING)

    back = tmp_path / "back"
    done = there.run(NEXT_EVENING, *COPY_TO, str(back))
    assert (done.code, f"write DATA_DIR={back}" in done.stderr) == (0, True), done.stderr
    home = replace(after_a_night, own_settings={"DATA_DIR": str(back)})
    assert home.read(NEXT_EVENING) == there.read(NEXT_EVENING)
    assert len(home.read(NEXT_EVENING)["heads"]) == 4
    home.must(NEXT_EVENING, "daily_update", "--audit")
    assert len(after_a_night.read(NOON)["heads"]) == 3


def test_into_another_folder_and_the_audit_finds_nothing(
    after_a_night: Installation, tmp_path: Path
) -> None:
    done = after_a_night.must(NOON, *COPY_TO, str(tmp_path / "new" / "home"))
    assert re.search(
        r"The copy is whole.*take out MONGODB_URI, and write DATA_DIR=.*/new/home", done.stderr
    )
    moved = replace(after_a_night, own_settings={"DATA_DIR": str(tmp_path / "new" / "home")})
    assert moved.read(NOON) == after_a_night.read(NOON)
    moved.must(NOON, "daily_update", "--audit")


def test_what_cannot_be_copied_into_is_refused_before_anything_is_written(
    after_a_night: Installation, tmp_path: Path
) -> None:
    used = after_a_night.folder / "data"
    (tmp_path / "link").symlink_to(used)
    (tmp_path / "file").touch()
    after_a_night.must(NOON, *COPY_TO, str(tmp_path / "new"))
    before = (used / FILE_NAME).read_bytes()
    for to, message in [
        (used, "is what is in use"),
        (tmp_path / "link", "is what is in use"),
        (tmp_path / "new", "is not empty"),
        (tmp_path / "file", "--copy-to"),
        ("mongodb", "COPY_TO_URI is not set"),
        ("~no-such-user/data", "--copy-to ~no-such-user/data"),
    ]:
        done = after_a_night.run(NOON, *COPY_TO, str(to))
        assert (done.code, message in done.stderr) == (EXIT_USAGE, True), done.stderr
        assert "DATA_DIR" not in done.stderr
    assert (used / FILE_NAME).read_bytes() == before


def test_a_wrong_uri_is_said_of_its_own_setting(after_a_night: Installation) -> None:
    uri = f"mongodb://user:{SECRET}@"
    done = after_a_night.run(NOON, *COPY_TO, "mongodb", COPY_TO_URI=uri)
    assert (done.code, "COPY_TO_URI is not a MongoDB URI" in done.stderr) == (
        EXIT_USAGE,
        True,
    ), done.stderr
    assert SECRET not in done.stderr
    assert " MONGODB_URI" not in done.stderr


def test_where_nothing_is_set_up_there_is_nothing_to_copy(
    installation: Installation, tmp_path: Path
) -> None:
    done = installation.run(NOON, *COPY_TO, str(tmp_path / "new"))
    assert (done.code, "Run manual_setup.py first" in done.stderr) == (EXIT_USAGE, True), (
        done.stderr
    )
    assert not (tmp_path / "new").exists()


def test_a_running_job_is_waited_for_by_a_later_run(
    after_a_night: Installation, tmp_path: Path
) -> None:
    store = after_a_night.store(NOON)
    with store.locks.hold(COLLECTION):
        done = after_a_night.run(NOON, *COPY_TO, str(tmp_path / "new"))
    store.close()
    assert (done.code, "Another run holds the lock" in done.stderr) == (EXIT_NOT_NOW, True), (
        done.stderr
    )


def test_no_script_works_with_an_unfinished_copy(
    after_a_night: Installation, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    after_a_night.must(NOON, *COPY_TO, str(new))
    moved = replace(after_a_night, own_settings={"DATA_DIR": str(new)})
    store = moved.store(NOON)
    store.backend.put(
        SCHEMA,
        [{"_id": COPY, "from": f"embedded database {after_a_night.folder / 'data' / FILE_NAME}"}],
    )
    store.close()
    for command in ("manual_setup", "--yes"), ("daily_update",), ("hourly_analysis",):
        done = moved.run(NOON, *command)
        assert (done.code, "holds an unfinished copy" in done.stderr) == (EXIT_USAGE, True), (
            done.stderr
        )
    after_a_night.must(NOON, *COPY_TO, str(new))
    moved.must(NOON, "daily_update", "--audit")


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb://krx:{SECRET}@db.example/",
        f"mongodb+srv://krx:{SECRET}@db.example/?w=1",
        f"mongodb://krx:a@b:{SECRET}@db.example/",
        f"mongodb://db.example/?tls=true&tlsCertificateKeyFilePassword={SECRET}",
        f"mongodb://id@db.example/?authMechanismProperties=AWS_SESSION_TOKEN:{SECRET}",
    ],
)
def test_a_password_among_the_options_is_refused_and_not_repeated(
    uri: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        daily_update.parse(["--copy-to", uri])
    said = capsys.readouterr().err
    assert refusal.value.code == EXIT_USAGE
    assert "COPY_TO_URI" in said
    assert SECRET not in said


@pytest.mark.parametrize(
    "to", ["data", "/srv/a:b@c", "mongodb", "mongodb://h1:27017,h2:27018/?w=1", "mongodb://x509@h/"]
)
def test_what_holds_no_secret_may_stand_among_the_options(to: str) -> None:
    assert daily_update.parse(["--copy-to", to]).copy_to == to


@pytest.mark.parametrize(
    "options",
    [
        ["--copy-to", ""],
        ["--copy-to", "http://db/"],
        ["--copy-to", "a", "--status"],
        ["--copy-to", "a", "--to", "2024-01-22"],
    ],
)
def test_what_is_no_place_or_not_alone_is_refused(options: list[str]) -> None:
    with pytest.raises(SystemExit) as refusal:
        daily_update.parse(options)
    assert refusal.value.code == EXIT_USAGE


def test_the_uri_of_the_copy_is_kept_out_of_the_logs(tmp_path: Path) -> None:
    settings = load_settings({"copy_to_uri": f"mongodb://krx:{SECRET}@h/"}, tmp_path / ".env")
    assert f"mongodb://krx:{SECRET}@h/" in settings.secrets()

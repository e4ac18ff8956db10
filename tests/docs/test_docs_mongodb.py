"""docs/mongodb/compose.yaml, as far as it can be tried without Docker: its names, its ports and its
two scripts."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values

from utils.settings import PROJECT, load_settings

FOLDER = PROJECT / "docs" / "mongodb"
PAGE = (PROJECT / "docs" / "mongodb.md").read_text(encoding="utf-8")
yaml = pytest.importorskip("yaml", reason="PyYAML is not installed: the compose file was not read")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def mongodb(compose: dict[str, Any]) -> dict[str, Any]:
    assert list(compose["services"]) == ["mongodb"]
    return compose["services"]["mongodb"]


def script(command: list[str], before: int) -> str:
    """Script that the container's bash gets. `$$` is how Compose writes `$`; a single one would be
    a variable of the host."""
    assert command[before : before + 2] == ["bash", "-euc"]
    assert not re.search(r"\$", command[before + 2].replace("$$", ""))
    return command[before + 2].replace("$$", "$")


def run(script: str, folder: Path, **environment: str) -> str:
    """Run it with `docker-entrypoint.sh` and `mongosh` that only say what they were called with."""
    for name in ("docker-entrypoint.sh", "mongosh"):
        (folder / name).write_text('#!/bin/sh\nprintf "%s\\n" "$0" "$@"\n')
        (folder / name).chmod(0o755)
    environment["PATH"] = f"{folder}:/usr/bin:/bin"
    return subprocess.run(
        ["bash", "-euc", script], env=environment, capture_output=True, text=True, check=True
    ).stdout.replace(f"{folder}/", "")


def test_only_this_host_can_reach_it(mongodb: dict[str, Any]) -> None:
    assert mongodb["ports"] == ["127.0.0.1:27017:27017"]


def test_every_folder_of_the_image_is_in_a_volume_that_is_declared(
    compose: dict[str, Any], mongodb: dict[str, Any]
) -> None:
    volumes = dict(volume.split(":") for volume in mongodb["volumes"])
    assert sorted(volumes.values()) == ["/data/configdb", "/data/db"]
    assert set(volumes) == set(compose["volumes"])
    assert f"`{compose['name']}_data`" in PAGE


def test_the_password_is_in_the_file_of_the_example_and_nowhere_else(
    mongodb: dict[str, Any],
) -> None:
    example = dotenv_values(FOLDER / f"{mongodb['env_file']}.example", interpolate=False)
    assert example == {"MONGO_INITDB_ROOT_USERNAME": "krx", "MONGO_INITDB_ROOT_PASSWORD": ""}
    assert "environment" not in mongodb
    assert (
        f"docs/mongodb/{mongodb['env_file']}" in (PROJECT / ".gitignore").read_text().splitlines()
    )
    assert f"cp {mongodb['env_file']}.example {mongodb['env_file']}" in PAGE


def test_the_uri_of_the_page_is_the_set_and_the_user_of_the_container(
    mongodb: dict[str, Any], tmp_path: Path
) -> None:
    (uri,) = re.findall(r"^MONGODB_URI=(.+)$", PAGE, re.MULTILINE)
    assert uri == "mongodb://krx:PASSWORD@127.0.0.1:27017/?replicaSet=rs0"
    assert load_settings({"mongodb_uri": uri}, tmp_path / ".env").mongodb_uri is not None
    assert "--replSet rs0 " in script(mongodb["entrypoint"], 0)
    assert '_id: "rs0"' in script(mongodb["healthcheck"]["test"], 1)


def test_the_key_file_is_made_once_and_only_its_owner_reads_it(
    mongodb: dict[str, Any], tmp_path: Path
) -> None:
    start = script(mongodb["entrypoint"], 0).replace("/data/configdb", str(tmp_path))
    shown = run(start, tmp_path)
    key = tmp_path / "keyfile"
    assert re.fullmatch(r"[A-Za-z0-9+/=]{6,1024}", key.read_text())  # MongoDB's own rule
    assert key.stat().st_mode & 0o777 == 0o400
    options = ["mongod", "--replSet", "rs0", "--keyFile", "keyfile", "--bind_ip_all"]
    assert shown.splitlines() == ["docker-entrypoint.sh", *options]
    made = key.read_text()
    run(start, tmp_path)
    assert key.read_text() == made


def test_the_health_check_logs_in_with_the_password_of_the_container(
    mongodb: dict[str, Any], tmp_path: Path
) -> None:
    password = "it's a $ecret"
    known = {"MONGO_INITDB_ROOT_USERNAME": "krx", "MONGO_INITDB_ROOT_PASSWORD": password}
    shown = run(script(mongodb["healthcheck"]["test"], 1), tmp_path, **known)
    assert (
        f"--username\nkrx\n--password\n{password}\n--authenticationDatabase\nadmin\n--eval\n"
        in shown
    )
    assert 'rs.initiate({ _id: "rs0", members: [{ _id: 0, host: "127.0.0.1:27017" }] })' in shown

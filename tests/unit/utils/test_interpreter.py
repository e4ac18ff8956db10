"""A script that is started with the wrong Python, which is the commonest slip of all."""

import subprocess
import sys
import tomllib

import pytest

from utils.interpreter import PACKAGES
from utils.settings import PROJECT

MODULES = {
    "python-dotenv": "dotenv",
    "pydantic-settings": "pydantic_settings",
    "python-json-logger": "pythonjsonlogger",
}


def test_every_direct_dependency_is_looked_for() -> None:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [text.split(">")[0].lower() for text in project["dependencies"]]
    assert sorted(PACKAGES) == sorted(
        MODULES.get(name, name.replace("ta-lib", "talib")) for name in names
    )


@pytest.mark.parametrize("script", ["manual_setup.py", "daily_update.py", "hourly_analysis.py"])
def test_a_python_without_the_packages_is_told_which_to_take(script: str) -> None:
    bare = subprocess.run(
        [sys.executable, "-S", script, "--status"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )  # -S: without site-packages
    assert (bare.returncode, bare.stdout) == (2, "")
    assert bare.stderr.startswith(f"{sys.executable} lacks apprise, dotenv")
    assert bare.stderr.endswith(f"Start the script with {PROJECT / '.venv' / 'bin' / 'python'}.\n")
    assert bare.stderr.count("\n") == 1

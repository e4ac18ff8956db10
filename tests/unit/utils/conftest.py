"""The settings of whoever runs the tests stay outside, and logging is put back as it was."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.harness.fixtures import receiver  # noqa: F401 - a fixture
from utils.settings import Settings, load_settings, setting_names


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*setting_names(), "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    """Path of `.env`; nothing is there yet."""
    return tmp_path / ".env"


@pytest.fixture
def make_settings(tmp_path: Path, env_file: Path) -> Callable[..., Settings]:
    """Function `make_settings(log_format="json")`, with both folders in the test's own."""

    def make(**options: str) -> Settings:
        folders = {"data_dir": str(tmp_path / "data"), "log_dir": str(tmp_path / "logs")}
        return load_settings(folders | options, env_file)

    return make


@pytest.fixture
def logging_put_back() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers = []  # basicConfig(force=True) would close pytest's own
    yield
    for handler in root.handlers:
        handler.close()
    root.handlers = handlers
    root.setLevel(level)

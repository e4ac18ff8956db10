"""Shared by all tests: time is injected, and it is the evening of a Monday, 2024-01-22 19:00 KST,
until moved."""

import pytest
from hypothesis import find
from hypothesis import strategies as st

from tests.fakes import FakeClock
from tests.layers import (  # noqa: F401 - hooks
    pytest_addoption,
    pytest_collection_modifyitems,
    pytest_runtest_call,
)
from tests.server import on_the_server, server  # noqa: F401 - fixtures
from tests.summary import pytest_terminal_summary  # noqa: F401 - the hook
from utils.clock import kst


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(kst(2024, 1, 22, 19))


@pytest.fixture(scope="session")
def unicode() -> None:
    """Hypothesis makes its table of characters when it is first asked for one, in a second."""
    find(st.text(), lambda text: True)

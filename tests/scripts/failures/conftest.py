"""An exchange that is soon given up, and an installation that has four sessions, up to the evening
before."""

import pytest

from tests.harness.fixtures import (  # noqa: F401 - fixtures
    exchange,
    impatient,
    installation,
    installed,
    market,
    prepared,
)


@pytest.fixture(autouse=True)
def given_up_soon(impatient: None) -> None:  # noqa: F811 - the fixture
    """Short timeouts for every test of this folder."""

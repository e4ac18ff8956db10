"""Installations against a small synthetic exchange, over each database."""

from tests.harness.fixtures import (  # noqa: F401 - fixtures
    database,
    exchange,
    installation,
    installation_over,
    market,
    receiver,
)

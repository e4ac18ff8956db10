"""An exchange and an installation that was set up, for the outages."""

from tests.harness.fixtures import exchange, prepared  # noqa: F401 - fixtures

"""The exchange of a newcomer."""

from tests.process.conversation.conftest import exchange, market  # noqa: F401 - fixtures

"""Scope of what setup was asked for, `system_info.scope`."""

from collections.abc import Sequence

from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.schema import SCOPE


class Scope(StorePart):
    """Scope as one document; there is none before `manual_setup` ran."""

    def get(self) -> Document | None:
        """Return the scope: `min_market_cap` (won), `markets`, `first_session`. None before
        `manual_setup` ran."""
        return self.backend.get(SCOPE, "scope")

    def save(self, min_market_cap: int, markets: Sequence[str], first_session: str) -> None:
        """Save what is asked for from now on. Fewer sessions than before forget none."""
        before = self.get()
        first = (
            first_session if before is None else min(first_session, str(before["first_session"]))
        )
        scope = {"min_market_cap": min_market_cap, "markets": list(markets), "first_session": first}
        self.backend.put(SCOPE, [{"_id": "scope", **scope}])

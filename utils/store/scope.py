"""`system_info.scope`: what setup was asked for."""

from collections.abc import Sequence

from utils.store.backend import Document
from utils.store.base import StorePart
from utils.store.schema import SCOPE


class Scope(StorePart):
    """One document, none before `manual_setup` ran."""

    def get(self) -> Document | None:
        """What `manual_setup` was asked for: `min_market_cap` (won), `markets`, `first_session`.
        None before it ran."""
        return self.backend.get(SCOPE, "scope")

    def save(self, min_market_cap: int, markets: Sequence[str], first_session: str) -> None:
        """What is asked for from now on; wanting fewer sessions than before forgets none."""
        before = self.get()
        first = (
            first_session if before is None else min(first_session, str(before["first_session"]))
        )
        scope = {"min_market_cap": min_market_cap, "markets": list(markets), "first_session": first}
        self.backend.put(SCOPE, [{"_id": "scope", **scope}])

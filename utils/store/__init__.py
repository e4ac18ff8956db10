"""Store of all that is kept. `open_store(settings, clock)` returns a `Store`, whichever database is
behind it."""

from utils.store.store import (
    Store,
    can_be_looked_at,
    drop_if_empty,
    open_backend,
    open_store,
    put_aside,
)

__all__ = ["Store", "can_be_looked_at", "drop_if_empty", "open_backend", "open_store", "put_aside"]

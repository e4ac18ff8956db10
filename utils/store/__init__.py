"""What the suite keeps. `open_store(settings, clock)` gives a `Store`, whichever database is behind it."""

from utils.store.store import Store, open_backend, open_store

__all__ = ["Store", "open_backend", "open_store"]

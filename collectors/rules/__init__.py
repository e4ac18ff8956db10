"""Rules of the market as pure functions and data: no store, no network, no clock."""

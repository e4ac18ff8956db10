"""Settings, clock, dates, logging, store: shared by all three scripts. Imports nothing from
`collectors`."""

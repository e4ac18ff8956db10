"""Settings, clock, dates, logs, texts, cron lines, notifications and the store, shared by all three
scripts. Imports nothing from `collectors`."""

"""Analysis: the queue of a night, indicators, signals, patterns and ranks."""

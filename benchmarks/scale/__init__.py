"""Growth of a store over decades: `make bench-scale`, `python -m benchmarks.scale`.

A history is written session by session through the collector. At one, two, four and eight eighths
of it the size and the work over it are measured. Each piece of work is a process of its own, so
that its peak memory is its own.
"""

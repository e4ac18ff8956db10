"""How a store grows over decades: `make bench-scale`, `python -m benchmarks.scale`.

A history is written session by session through the collector, and at one, two, four and eight
eighths of it its size is taken and the work over it is measured. Each piece of work is a process of
its own, so that its peak memory is its own.
"""

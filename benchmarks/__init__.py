"""What the night costs, as ratios against named baselines of the same run: `make bench`, `python -m
benchmarks`.

Only measures and reports; nothing here asserts. Every section is a process of its own (see
`benchmarks.sections`), so that none inherits another's memory, and `benchmarks.__main__` itself
stays small.
"""

"""Costs of the night as ratios against named baselines of the same run: `make bench`, `python -m
benchmarks`.

It only measures and reports; nothing is asserted. Every section is a process of its own (see
`benchmarks.sections`), so none inherits another's memory. `benchmarks.__main__` itself stays small.
"""

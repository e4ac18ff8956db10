"""Collecting: what is due, one session into the store, datasets, targets."""

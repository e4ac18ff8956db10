"""Setup: the conversation of `manual_setup.py`, and the first load."""

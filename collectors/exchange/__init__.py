"""Access to the exchange: its two sources and what their answers mean."""

"""Rules about market days, without store, network or clock."""

"""Upkeep of what is stored: audit, repair and copy."""

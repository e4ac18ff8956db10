"""Views of what is stored: status, one ticker, prices, exports and the report."""

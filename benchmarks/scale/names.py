"""The names of what is measured, as tables show them."""

COLLECT = "collect one more session, 20 in a run"
HEADS = "`sessions.heads()`"
PANEL = "`sessions.panel`, 300 sessions"
EVENING = "an evening with nothing new"
STATUS = "`--status`"
AUDIT = "`--audit`"
PRICES = "`load_prices`, one ticker, all sessions"
EXPORT = "`--export`, one ticker, all sessions"
SIZES = "sizes"
WORKS = (HEADS, PANEL, EVENING, STATUS, AUDIT, PRICES, EXPORT)
SLOWER_THAN_LINEAR = 1.1
"""A slope up to this still counts as linear."""
DOCUMENT_LIMIT = 16 * 1024 * 1024
"""The most bytes that a document of MongoDB may have."""

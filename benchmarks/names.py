"""Names of measured tasks and of their baselines."""

JSON_LOADS = "json.loads of the same body"
BARE = "bare TA-Lib loop with the 61 patterns"
BARE_INDICATORS = "bare TA-Lib loop without patterns"
LIMIT = "400 MB"

COLLECT = "collect one session"
ANALYSIS = "analyse the whole market"
ANALYSIS_WITHOUT_PATTERNS = "analyse the whole market, against the loop without patterns"
QUEUE = "the same through the hourly queue with its claims"
USUAL = "the usual way, fifteen indicators"
USUAL_TO_OURS = "the usual way, against ours"
NIGHT = "a whole night's processor time: three updates, fourteen hours, the page"
MONGODB = "analyse over MongoDB"
MONGODB_OURS = "the same without the time the server takes"

FIRST_LOAD = "first load, by sessions"
COLLECT_BY_TICKERS = "collect one session, by tickers"
ANALYSIS_BY_TICKERS = "analyse, by tickers"
ANALYSIS_BY_SESSIONS = "analyse, by sessions"
PANEL_BY_TICKERS = "load panel, by tickers"
PANEL_BY_SESSIONS = "load panel, by sessions"

MEMORY_FIRST_LOAD = "peak memory of the first load"
MEMORY_ANALYSIS = "peak memory of the analysis"

PAGE_SIZE = "size"
PAGE_WRITTEN = "written"
PAGE_USABLE = "usable after it is opened"
PAGE_SORTED = "sorted by another column"
PAGE_CHART = "a chart opened"
PAGE_LIMITS: dict[str, float] = {PAGE_SIZE: 5_000_000, PAGE_USABLE: 2.0}
"""Limits of the report, bytes and seconds."""

RATIOS = (COLLECT, ANALYSIS, ANALYSIS_WITHOUT_PATTERNS, QUEUE, USUAL, USUAL_TO_OURS, NIGHT)
GROWTHS = (FIRST_LOAD, COLLECT_BY_TICKERS, PANEL_BY_TICKERS, PANEL_BY_SESSIONS, ANALYSIS_BY_TICKERS,
           ANALYSIS_BY_SESSIONS)  # fmt: skip
MEMORIES = (MEMORY_FIRST_LOAD, MEMORY_ANALYSIS)
ROWS = (*RATIOS, *GROWTHS, *MEMORIES)
"""Every row of a report. `MONGODB` and `MONGODB_OURS` are added when MONGODB_TEST_URI names a
server."""

GOALS = {
    COLLECT: 6.0,
    ANALYSIS: 4.0,
    MONGODB: 6.0,
    **dict.fromkeys(GROWTHS, 1.0),
    **dict.fromkeys(MEMORIES, 1.0),
}
"""Largest allowed ratio. Of growth rows: the slope; of memory rows: the part of 400 MB."""
LEAST = {USUAL: 100.0}
"""Smallest expected ratio of the usual way."""
SLOPE_TOLERANCE = 0.1
"""A measured slope up to this much above 1 still counts as linear."""
MEMORY_LIMIT = 400_000_000

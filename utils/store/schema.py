"""Collections and their indexes. `docs/documents.md` explains every field."""

SCHEMA_VERSION = 5
"""Layout of all that is stored; no other is read. 1 to 3 were before the first release."""
COPY = "copy"
"""The `_id` in the collection of the version while the database is being copied into: it is no
store yet."""

TARGETS = "system_info.target_tickers"
JOBS = "system_info.job_status"
CALENDAR = "system_info.calendar"
LOCKS = "system_info.locks"
SOURCES = "system_info.sources"
SCOPE = "system_info.scope"
INCIDENTS = "system_info.incidents"
WAITING = "system_info.waiting_days"
SCHEMA = "system_info.schema"
SESSIONS = "stock_data.sessions"
ACTIONS = "stock_data.corporate_actions"
INDICES = "stock_data.indices"
INDICATORS = "stock_analyzed.indicators"

COLLECTIONS = (
    TARGETS,
    JOBS,
    CALENDAR,
    LOCKS,
    SOURCES,
    SCOPE,
    INCIDENTS,
    WAITING,
    SCHEMA,
    SESSIONS,
    ACTIONS,
    INDICES,
    INDICATORS,
)

HEAD_FIELDS = (
    "finality",
    "source",
    "collected_utc",
    "confirmed_utc",
    "read_utc",
    "checkpoint_utc",
    "revision",
    "digest",
    "count",
    "factor_digest",
    "datasets",
    "further",
    "set_aside",
    "accepted",
    "names_of",
)
"""Fields of a session's document besides its `_id` and its columns."""

ARRAYS = {INDICATORS: "history"}
"""Field of a collection's documents that holds parallel arrays, given as `Columns`."""

OWNERS = ("owner", "claimed_by")
"""Fields that name the run which wrote them: what it has taken (`LOCKS`) or claimed (`TARGETS`)."""

INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    TARGETS: (
        ("is_active", "attempts", "last_analyzed_date", "-corrected_market_cap", "_id"),
        ("claimed_by",),
    ),
    JOBS: (("job_name", "date_kst"),),
    ACTIONS: (("ticker",), ("session",)),
    INDICES: (("session",),),
}
"""Indexes that the program needs, in both databases; a leading minus is descending order."""

_SCREENED = (
    "session",
    "market_cap",
    "signals",
    "latest.rsi_14",
    "ranks.return_20_all",
    "ranks.return_120_all",
)
SCREENS = {INDICATORS: tuple((field,) for field in _SCREENED)}
"""Indexes that people need, in MongoDB alone: SQLite has looked through every result before it is
noticed."""

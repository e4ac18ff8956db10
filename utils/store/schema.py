"""The collections and their indexes, the same in both backends. `docs/documents.md` explains every field."""

SCHEMA_VERSION = 1

TARGETS = "system_info.target_tickers"
JOBS = "system_info.job_status"
CALENDAR = "system_info.calendar"
LOCKS = "system_info.locks"
SOURCES = "system_info.sources"
SCOPE = "system_info.scope"
INCIDENTS = "system_info.incidents"
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
    SCHEMA,
    SESSIONS,
    ACTIONS,
    INDICES,
    INDICATORS,
)

HEAD_FIELDS = ("finality", "source", "collected_utc", "confirmed_utc", "revision", "digest", "count", "datasets")
"""What a session's document holds besides its `_id` and its columns."""

INDEXES: dict[str, tuple[tuple[str, ...], ...]] = {
    TARGETS: (("is_active", "attempts", "last_analyzed_date", "corrected_market_cap"), ("claimed_by",)),
    JOBS: (("job_name", "date_kst"),),
    ACTIONS: (("ticker",), ("session",)),
    INDICES: (("session",),),
    INDICATORS: (("session",), ("market_cap",)),
}

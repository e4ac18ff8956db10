"""Where things stand, for a person (one screen) or a program (JSON): read from the store only."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.table import Table

from collectors.healing import due_in_store
from utils.cli import screen
from utils.clock import KST
from utils.date_utils import TradingCalendar
from utils.market_day import DATASET_COLUMNS
from utils.store import Store
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS
from utils.store.sessions import SessionHead


def status(store: Store, calendar: TradingCalendar) -> dict[str, Any]:
    """What `--status` shows; every value plain JSON, times as ISO 8601 in KST."""
    now = store.clock.now_kst()
    tonight = calendar.session_of_night(now)
    heads, scope = store.session_heads(), store.scope()
    due = [] if scope is None else due_in_store(store, calendar, scope["first_session"], tonight, now)
    progress = store.analysis_progress(tonight)
    last = heads[-1] if heads else None
    return {
        "now": now.isoformat(timespec="seconds"),
        "database": store.description,
        "session_of_night": tonight,
        "set_up": scope is not None,
        "sessions_stored": len(heads),
        "first_session": heads[0].session if heads else None,
        "last_session": last.session if last else None,
        "last_session_finality": last.finality if last else None,
        "last_session_tickers": last.count if last else None,
        "sessions_missing": [each.session for each in due if not each.to_confirm],
        "sessions_to_confirm": [each.session for each in due if each.to_confirm],
        "sessions_with": _sessions_with(heads),
        "targets": progress.tickers,
        "targets_analyzed": progress.analyzed,
        "targets_pending": progress.pending,
        "targets_failed": progress.failed,
        "jobs": [_job(job) for name in (DAILY_UPDATE, HOURLY_ANALYSIS) for job in store.jobs(name, last=3)],
        "sources": [_source(source, now) for source in store.sources()],
    }


def show_status(store: Store, calendar: TradingCalendar, as_json: bool) -> None:
    """Print the status to stdout."""
    facts = status(store, calendar)
    if as_json:
        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    else:
        _show_to_person(facts)


def _sessions_with(heads: Sequence[SessionHead]) -> dict[str, int]:
    """Dataset -> how many of the sessions have it beside their prices."""
    found = Counter(name for head in heads for name, state in head.datasets.items() if state.finality is not None)
    return {name: found[name] for name in DATASET_COLUMNS if found[name]}


def _job(job: dict[str, Any]) -> dict[str, Any]:
    names = ("job_name", "date_kst", "status", "attempts", "start_time_utc", "end_time_utc", "finality", "error")
    return _plain({name: job[name] for name in names})


def _source(source: dict[str, Any], now: datetime) -> dict[str, Any]:
    """A block that is over is no longer shown."""
    blocked = source["blocked_until_utc"]
    over = blocked is not None and blocked <= now
    return _plain(source | ({"blocked_until_utc": None, "reason": None} if over else {}))


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Moments as KST text; the name loses its `_utc` with it."""
    return {
        name.removesuffix("_utc"): value.astimezone(KST).isoformat(timespec="seconds")
        if name.endswith("_utc") and value is not None
        else value
        for name, value in fields.items()
    }


def _show_to_person(facts: dict[str, Any]) -> None:
    console = screen()
    console.print(
        f"[bold]{facts['now'][:16].replace('T', ' ')} KST[/], session of the night {facts['session_of_night']}"
    )
    console.print(facts["database"], highlight=False)
    if not facts["set_up"]:
        console.print("Nothing is set up yet. Run manual_setup.py.")
        return
    console.print(
        f"{facts['sessions_stored']} sessions, {facts['first_session']} to {facts['last_session']} "
        f"({facts['last_session_finality']}, {facts['last_session_tickers']:,} tickers)"
        if facts["sessions_stored"]
        else "No session is stored yet."
    )
    console.print(
        _list("Missing", facts["sessions_missing"]), _list("To confirm", facts["sessions_to_confirm"]), sep="\n"
    )
    if facts["sessions_with"]:
        beside = ", ".join(f"{name} of {count} sessions" for name, count in facts["sessions_with"].items())
        console.print(f"Beside the prices: {beside}")
    console.print(
        f"Analysis: {facts['targets_analyzed']:,} of {facts['targets']:,} targets done, "
        f"{facts['targets_pending']:,} pending, {facts['targets_failed']:,} failed"
    )
    for source in facts["sources"]:
        closed = f", closed until {source['blocked_until']} ({source['reason']})" if source["blocked_until"] else ""
        console.print(f"Source {source['_id']}: {source['today']} requests on {source['date_kst']}{closed}")
    console.print(_job_table(facts["jobs"]))


def _list(title: str, sessions: list[str]) -> str:
    shown = ", ".join(sessions[:5]) + (" ..." if len(sessions) > 5 else "")
    return f"{title}: {len(sessions)} {f'({shown})' if sessions else ''}".rstrip()


def _job_table(jobs: list[dict[str, Any]]) -> Table:
    table = Table("job", "session", "status", "attempts", "finished (KST)", "error", box=None, pad_edge=False)
    for job in jobs:
        error = job["error"]["message"] if job["error"] else ""
        finished = (job["end_time"] or "")[:16].replace("T", " ")
        table.add_row(job["job_name"], job["date_kst"], job["status"], str(job["attempts"]), finished, error)
    return table

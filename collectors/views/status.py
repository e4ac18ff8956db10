"""Status of the installation, for a person (one screen) or a program (JSON), from the store
only."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from collectors.collection.due import due_in_store
from collectors.exchange.connect import make_calendar
from collectors.exchange.krx_session import PASSWORD_DAYS
from collectors.rules.target_rule import BY_FILE
from utils.addresses import scheme_of
from utils.cli import screen
from utils.clock import KST
from utils.cron.crontab import starts_not_in_crontab
from utils.cron.schedule import SCHEDULE, starts
from utils.date_utils import TradingCalendar
from utils.market_day import DATASET_COLUMNS
from utils.notifications.texts import HEADLINES
from utils.output import check_answered
from utils.run import Run
from utils.scope import with_earlier_choices
from utils.settings import Settings
from utils.store import Store
from utils.store.backend import Document
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS, MANUAL_SETUP, RUNNING
from utils.store.locks import COLLECTION, LOCK_LEASE
from utils.store.sessions import SessionHead
from utils.texts import Texts

_SHOWN_JOBS = {MANUAL_SETUP: 1, DAILY_UPDATE: 3, HOURLY_ANALYSIS: 3}
"""Number of the last records shown of each job."""


def status(run: Run) -> dict[str, Any]:
    """Return the facts that `--status` shows; every value plain JSON, times as ISO 8601 in KST."""
    store, settings, now = run.store, run.settings, run.clock.now_kst()
    calendar = make_calendar(settings, store)
    tonight = calendar.session_of_night(now)
    scope, locks = store.scope.get(), store.locks.all()
    first = None if scope is None else scope["first_session"]
    due = [] if first is None else due_in_store(store, calendar, first, tonight, now)
    jobs = [job for name, last in _SHOWN_JOBS.items() for job in store.jobs.records(name, last)]
    lacking, heads = starts_not_in_crontab(), store.sessions.heads()
    return {
        "now": now.isoformat(timespec="seconds"),
        "database": store.description,
        "market": _market(calendar, now),
        "session_of_night": tonight,
        "set_up": scope is not None,
        "scope": None if scope is None else _asked_for(settings, scope),
        **_stored(heads),
        "sessions_missing": sorted(each.session for each in due if not each.read_again),
        "sessions_to_read_again": sorted(each.session for each in due if each.read_again),
        "sessions_waiting": [_waiting(each) for each in store.waiting.all()],
        "set_aside": [row for head in heads for row in _set_aside(head)],
        "accepted": {head.session: list(head.accepted) for head in heads if head.accepted},
        **_analysis(store, tonight),
        "next_runs": {
            job: next(starts(job, now)).isoformat(timespec="seconds")
            for job in (DAILY_UPDATE, HOURLY_ANALYSIS)
        },
        "crontab_lacks": None if lacking is None else [str(start) for start in lacking],
        "locks": [_lock(each, now) for each in locks],
        "jobs": [_job(job, locks, now) for job in jobs],
        "sources": [_source(source, now) for source in store.sources.all()],
        "notifications": _notifications(store, settings),
    }


def show_status(run: Run, as_json: bool) -> None:
    """Print the status to stdout. Raise `NotAnswered` when that cannot take it."""
    facts = status(run)
    if as_json:
        sys.stdout.write(json.dumps(facts, ensure_ascii=False, indent=2) + "\n")
    else:
        _show_to_person(facts)
    check_answered()


def _asked_for(settings: Settings, scope: Document) -> dict[str, Any]:
    """Return the scope in force: the settings outweigh the choices of the setup."""
    in_force = with_earlier_choices(settings, scope)
    return {
        "markets": list(in_force.markets),
        "min_market_cap": in_force.min_market_cap,
        "first_session": scope["first_session"],
    }


def _market(calendar: TradingCalendar, now: datetime) -> dict[str, Any]:
    """Return the state of the market. `open`: in the regular hours of a session by the calendar.
    `until`: its close, or when the market opens next."""
    today = now.date().isoformat()
    hours = calendar.market_hours(today) if calendar.is_session(today) else None
    if hours is None or now > hours.closes:
        is_open, until = False, calendar.market_hours(calendar.next_session(today)).opens
    else:
        is_open = now >= hours.opens
        until = hours.closes if is_open else hours.opens
    return {"open": is_open, "until": until.isoformat(timespec="seconds")}


def _stored(heads: Sequence[SessionHead]) -> dict[str, Any]:
    last = heads[-1] if heads else None
    return {
        "sessions_stored": len(heads),
        "first_session": heads[0].session if heads else None,
        "last_session": last.session if last else None,
        "last_session_finality": last.finality if last else None,
        "last_session_tickers": last.count if last else None,
        "sessions_with": _sessions_with(heads),
    }


def _waiting(day: Document) -> dict[str, Any]:
    """Return a day that waits, and what is odd about it."""
    texts = [each["text"] for each in day["oddities"]]
    moments = {name: day[name] for name in ("first_read_utc", "read_utc", "accepted_utc")}
    return _plain({"session": day["_id"], "oddities": texts, **moments})


def _set_aside(head: SessionHead) -> list[dict[str, str]]:
    names = ("ticker", "name", "market", "reason")
    return [
        {"session": head.session, **{name: getattr(row, name) for name in names}}
        for row in head.set_aside
    ]


def _analysis(store: Store, session: str) -> dict[str, Any]:
    """Count the targets of the session, also those that `TARGETS_FILE` made targets and those that
    are no common shares of a domestic company."""
    progress, active = store.targets.progress(session), store.targets.active()
    kinds = Counter(target["kind"] for target in active if target["kind"])
    return {
        "targets": progress.tickers,
        "targets_analyzed": progress.analyzed,
        "targets_pending": progress.pending,
        "targets_failed": progress.failed,
        "targets_by_file": sum(target["chosen_by"] == BY_FILE for target in active),
        "targets_by_kind": dict(sorted(kinds.items())),
    }


def _sessions_with(heads: Sequence[SessionHead]) -> dict[str, int]:
    """Count the sessions that have each dataset."""
    found = Counter(
        name
        for head in heads
        for name, state in head.datasets.items()
        if state.finality is not None
    )
    return {name: found[name] for name in DATASET_COLUMNS if found[name]}


def _job(job: Document, locks: Sequence[Document], now: datetime) -> dict[str, Any]:
    """Return a job's record. `at_work`: a run with the job's lock is on it; null for an ended
    job."""
    names = "job_name date_kst status attempts start_time_utc end_time_utc".split()
    names += "heartbeat_utc host pid finality error".split()
    lock = HOURLY_ANALYSIS if job["job_name"] == HOURLY_ANALYSIS else COLLECTION
    holders = [
        each
        for each in locks
        if each["_id"].partition("@")[0] == lock
        and not LOCK_LEASE.is_free(each["expires_utc"], now)
    ]
    # Several hosts share an analysis, and its record names the last one that joined.
    at_work = any(
        lock == HOURLY_ANALYSIS or (each["host"], each["pid"]) == (job["host"], job["pid"])
        for each in holders
    )
    return _plain(
        {name: job[name] for name in names}
        | {"at_work": at_work if job["status"] == RUNNING else None}
    )


def _lock(lock: Document, now: datetime) -> dict[str, Any]:
    names = ("_id", "host", "pid", "acquired_utc", "heartbeat_utc", "expires_utc")
    return _plain(
        {name: lock[name] for name in names}
        | {"expired": LOCK_LEASE.is_free(lock["expires_utc"], now)}
    )


def _source(source: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return a source's record, without a block that is over; of the password only its age."""
    blocked, password = source["blocked_until_utc"], source["password"]
    over = blocked is not None and blocked <= now
    shown = source | ({"blocked_until_utc": None, "reason": None} if over else {})
    shown["password_days"] = (
        None if password is None else max((now - password["since_utc"]).days, 0)
    )
    shown["failure"] = source.get("failure")
    return _plain(
        {name: value for name, value in shown.items() if name not in ("password", "refused_logins")}
    )


def _notifications(store: Store, settings: Settings) -> dict[str, Any]:
    """Return the kinds of services that are notified (their addresses are secret), the incidents
    that are open, and how many nobody was notified of."""
    names = ("job_name", "kind", "message", "opened_utc", "told_utc")
    return {
        "services": [scheme_of(address) for address in settings.notify_addresses],
        "digest": settings.wants_digest,
        "heartbeat": settings.heartbeat_url is not None,
        "incidents": [
            _plain({name: each[name] for name in names}) for each in store.incidents.unresolved()
        ],
        "untold": len(store.incidents.untold()),
    }


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Return moments as KST text, also those one level down; their names lose `_utc`."""
    plain = {name.removesuffix("_utc"): _plain_value(value) for name, value in fields.items()}
    inner = {name: value for name, value in plain.items() if isinstance(value, dict)}
    return plain | {
        name: {each.removesuffix("_utc"): _plain_value(value) for each, value in those.items()}
        for name, those in inner.items()
    }


def _plain_value(value: Any) -> Any:
    return (
        value.astimezone(KST).isoformat(timespec="seconds")
        if isinstance(value, datetime)
        else value
    )


def _show_to_person(facts: dict[str, Any]) -> None:
    console = screen()
    console.print(
        Text.assemble(
            (f"{_minute(facts['now'])} KST", "bold"),
            f", session of the night {facts['session_of_night']}",
        )
    )
    market = facts["market"]
    state = "open" if market["open"] else "closed"
    console.print(f"The market is {state} until {_minute(market['until'])}.", highlight=False)
    console.print(facts["database"], highlight=False)
    if not facts["set_up"]:
        console.print("Nothing is set up yet. Run manual_setup.py.")
        return
    grid = Table.grid(padding=(0, 2))
    for title, text in _lines(facts):
        grid.add_row(title, text)
    console.print(grid)
    _show_jobs(console, facts["jobs"])


def _lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    scope = facts["scope"]
    least = f"{', '.join(scope['markets'])}, {scope['min_market_cap']:,} won or more"
    yield "Asked for", f"sessions since {scope['first_session']}; targets of {least}"
    yield "Sessions", _sessions(facts)
    yield "Missing, unfinished", _list(facts["sessions_missing"])
    yield "To read again", _list(facts["sessions_to_read_again"])
    yield from _odd_lines(facts)
    if facts["sessions_with"]:
        held = [f"{name} of {count:,} sessions" for name, count in facts["sessions_with"].items()]
        yield "Datasets", ", ".join(held)
    yield (
        "Analysis",
        f"{facts['targets_analyzed']:,} of {facts['targets']:,} targets done, "
        f"{facts['targets_pending']:,} pending, {facts['targets_failed']:,} failed",
    )
    special = [f"{count:,} {kind}" for kind, count in facts["targets_by_kind"].items()]
    special += [f"{facts['targets_by_file']:,} by TARGETS_FILE"] if facts["targets_by_file"] else []
    if special:
        yield "Among the targets", ", ".join(special)
    next_runs = [f"{script} {_minute(moment)}" for script, moment in facts["next_runs"].items()]
    yield "Next, by the schedule", ", ".join(next_runs) + _crontab(facts["crontab_lacks"])
    for lock in facts["locks"]:
        since = f"{lock['host']}, process {lock['pid']}, since {_minute(lock['acquired'])}"
        gone = ": gone, the lock has expired" if lock["expired"] else ""
        yield (
            f"Lock {lock['_id']}",
            f"{since}, last sign of life {_minute(lock['heartbeat'])}{gone}",
        )
    for source in facts["sources"]:
        yield f"Source {source['_id']}", ", ".join(_source_facts(source))
    yield from _notification_lines(facts["notifications"])


def _odd_lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the days that wait, and the last rows that are set aside."""
    for day in facts["sessions_waiting"]:
        session, since = day["session"], _minute(day["first_read"])
        hint = f"To accept it: daily_update.py --accept {session}"
        if day["accepted"]:
            hint = "It is accepted, and stored when it is read the same."
        what = "; ".join(day["oddities"])
        yield f"Waiting {session}", f"odd as read since {since}: {what}. {hint}"
    if rows := facts["set_aside"]:
        shown = [f"{each['ticker']} of {each['session']} ({each['reason']})" for each in rows[-5:]]
        yield "Rows set aside", f"{len(rows):,}, the last: {', '.join(shown[::-1])}"


def _crontab(lacking: list[str] | None) -> str:
    """Return a remark on the crontab, with the starts of the schedule that it lacks."""
    if lacking == []:
        return ""
    remark = "your crontab cannot be read"
    if lacking is not None:
        some = "their lines" if len(lacking) == len(SCHEDULE) else f"lines: {', '.join(lacking)}"
        remark = f"your crontab lacks {some}; `manual_setup.py --cron install` puts them in"
    return f" ({remark}; systemd timers are not looked at)"


def _sessions(facts: dict[str, Any]) -> str:
    if not facts["sessions_stored"]:
        return "none is stored yet"
    return (
        f"{facts['sessions_stored']:,}, {facts['first_session']} to {facts['last_session']} "
        f"({facts['last_session_finality']}, {facts['last_session_tickers']:,} tickers)"
    )


def _source_facts(source: dict[str, Any]) -> Iterator[str]:
    headline = Texts(HEADLINES, "en")
    blocked = source["blocked_until"]
    failure = source["failure"]
    if blocked:
        yield f"closed until {_minute(blocked)} ({source['reason']})"
    elif failure:
        yield f"{headline(failure['kind'])} since {_minute(failure['since'])} ({failure['kind']})"
    else:
        yield "open"
    yield f"{source['today']:,} requests on {source['date_kst']}"
    if (days := source["password_days"]) is not None:
        yield f"password {days} days old (due after {PASSWORD_DAYS})"
    if comparison := source["comparison"]:
        differing = comparison["differing"]
        result = f"differs in {differing:,} tickers" if differing else "agrees"
        yield f"{result} on {comparison['session']}"


def _notification_lines(facts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    untold = f", {facts['untold']} untold" if facts["untold"] else ""
    heartbeat = "on" if facts["heartbeat"] else "off"
    yield "Notifications", f"{', '.join(facts['services']) or 'off'}{untold}; heartbeat {heartbeat}"
    for each in facts["incidents"]:
        told = "" if each["told"] else " (untold)"
        yield (
            "Incident",
            f"{each['job_name']} since {_minute(each['opened'])}: {each['kind']}{told}",
        )


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")


def _list(sessions: list[str]) -> str:
    if not sessions:
        return "none"
    shown = ", ".join(sessions[:5]) + (", ..." if len(sessions) > 5 else "")
    return f"{len(sessions):,} ({shown})"


def _show_jobs(console: Console, jobs: list[dict[str, Any]]) -> None:
    """Print a narrow line for each job, its remark whole below it."""
    rows = [("job", "session", "status", "attempts", "finished (KST)"), *map(_job_cells, jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    remarks = ["", *map(_remark, jobs)]
    for cells, below in zip(rows, remarks, strict=True):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        console.print(
            line.rstrip(),
            highlight=False,
            no_wrap=True,
            overflow="ignore",
            crop=False,
        )
        if below:
            console.print(Padding(Text(below), (0, 0, 0, 4)))


def _job_cells(job: dict[str, Any]) -> tuple[str, ...]:
    return (
        job["job_name"],
        job["date_kst"],
        job["status"],
        str(job["attempts"]),
        _minute(job["end_time"] or ""),
    )


def _remark(job: dict[str, Any]) -> str:
    if job["error"]:
        return str(job["error"]["message"])
    if job["at_work"] is None:
        return ""
    seen = f"{job['host']}, process {job['pid']}, since {_minute(job['start_time'])}, "
    seen += f"last sign of life {_minute(job['heartbeat'])}"
    return (
        seen if job["at_work"] else f"no run is at it now (the last: {seen}); the next one goes on"
    )

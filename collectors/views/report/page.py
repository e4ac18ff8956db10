"""Page as a file: the template with its style, its script and the contents as JSON."""

import base64
import hashlib
import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from collectors.views.report.contents import contents
from utils.errors import NightShiftError, WrongUsage
from utils.store import Store
from utils.store.jobs import HOURLY_ANALYSIS
from utils.whole_file import whole_file

FOLDER = Path(__file__).parent
SCRIPTS = (
    *("words.js", "numbers.js", "elements.js", "chart.js"),
    *("overview.js", "table.js", "ticker.js", "main.js"),
)
"""Files in the order in which they are read; they share one scope."""
_WRONG_PATH = (
    *(PermissionError, IsADirectoryError, NotADirectoryError),
    *(FileExistsError, FileNotFoundError),
)
_STAMP_WITHIN = 600
"""Bytes from the beginning of a page within which its stamp stands."""


class PageNotWritten(NightShiftError):
    """The page cannot be written now, such as on a full disk."""


class PageUnwritable(WrongUsage, PageNotWritten):
    """The page can never be written there."""


def write_report(store: Store, path: Path, session: str) -> None:
    """Write the page about that analysed session. The file appears whole or not at all.

    Raise `PageUnwritable` when it can never be written there, `PageNotWritten` when it cannot now,
    `NotStored` or `Damaged` when a session is not there or damaged.
    """
    stamp = _stamp(store, session)  # first: what changes meanwhile makes the page outdated
    text = render(contents(store, session), stamp)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with whole_file(path) as partial:
            partial.write_text(text, encoding="utf-8")
    except _WRONG_PATH as error:
        raise PageUnwritable(
            f"The report {path} cannot be written there: {error.strerror}. Set REPORT_FILE to "
            "another path, or to nothing."
        ) from error
    except OSError as error:
        raise PageNotWritten(f"The report {path} cannot be written: {error.strerror}.") from error


def is_current(store: Store, path: Path, session: str) -> bool:
    """Return True when the file is the page of that session as it was last read, and of its
    analysis as far as it has come."""
    try:
        with path.open("rb") as file:
            return _stamp_tag(_stamp(store, session)).encode() in file.read(_STAMP_WITHIN)
    except OSError:
        return False


def render(facts: dict[str, Any], stamp: str) -> str:
    """Return the page that shows `contents`. Only our own script and style may run in it."""
    style = _read("page.css")
    script = "".join(map(_read, SCRIPTS))
    script = f'"use strict";\n{{\n{script}}}\n'
    # Inside a script element HTML ends at `</script`, so no `<` of the data may stand there as
    # itself.
    data = json.dumps(facts, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace(
        "<", "\\u003c"
    )
    sources = f"script-src {_source(script)}; style-src {_source(style)}"
    policy = f"default-src 'none'; {sources}; base-uri 'none'"
    parts = {
        "stamp": _stamp_tag(stamp),
        "policy": policy,
        "style": style,
        "script": script,
        "data": data,
    }
    return Template(_read("page.html")).substitute(parts)


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def _source(text: str) -> str:
    """Return the text as a source that a Content-Security-Policy allows."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _stamp(store: Store, session: str) -> str:
    """Return the stamp of the analysis: its session, how far it is, when its job ended, when the
    session was read and since when it is final."""
    job, progress = store.jobs.get(HOURLY_ANALYSIS, session), store.targets.progress(session)
    head = store.sessions.head(session)
    ended = job["end_time_utc"] if job is not None else None
    state = ended.isoformat() if ended else "unfinished"
    read = f"{head.finality} {head.read_utc.isoformat()}" if head is not None else "not stored"
    return f"{session} {progress.analyzed}/{progress.tickers} {state}, {read}"


def _stamp_tag(stamp: str) -> str:
    return f'<meta name="analysis" content="{escape(stamp)}">'

"""`python -m sandbox.demo`: a setup and one whole night against the local exchange, until
everything is final in the morning.

The scripts run as cron would run them: as processes, each with a clock of its own (KST_NOW),
through pykrx over HTTP into a real database file. Everything is kept in `demo/`; the user's
settings are not read.
"""

import os
import shutil
import subprocess
import sys
from datetime import datetime
from pathlib import Path

from collectors.views.report import is_current
from collectors.views.ticker_view import show_largest
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from utils.clock import KST, Clock, kst
from utils.cron.schedule import starts_between
from utils.errors import EXIT_DONE, EXIT_FAILED
from utils.market_day import FINAL
from utils.settings import PROJECT, load_settings, setting_names
from utils.store import Store, open_store
from utils.store.jobs import DAILY_UPDATE

FOLDER = PROJECT / "demo"
TICKERS = 2700
SET_UP, MORNING = kst(2026, 9, 15, 17), kst(2026, 9, 16, 8, 15)
SESSION = f"{SET_UP:%Y-%m-%d}"
"""The session of the night. The one before it is final when everything is set up."""
LARGEST = 10
LOGIN_ID, PASSWORD = "local-account", "local-password"


def main() -> int:
    clock = Clock()
    started = clock.monotonic()
    shutil.rmtree(FOLDER, ignore_errors=True)
    say(
        f"A local exchange opens: {TICKERS:,} listed tickers, 300 sessions of history, "
        "over HTTP on this machine."
    )
    with LocalExchange(SyntheticMarket(TICKERS), SET_UP, {LOGIN_ID: PASSWORD}) as exchange:
        say(f"1. {SET_UP:%Y-%m-%d %H:%M} KST. A person sets everything up: manual_setup.py --yes")
        done = run(exchange, SET_UP, "manual_setup.py", "--yes") and live_the_night(exchange)
    if not done:
        say(f"The demo failed; the log files in {FOLDER / 'logs'} say why.")
        return EXIT_FAILED
    problem = show_result()
    say(f"The whole night took {clock.monotonic() - started:.0f} seconds.")
    return EXIT_FAILED if problem else EXIT_DONE


def live_the_night(exchange: LocalExchange) -> bool:
    """Start the scripts as cron does until the morning. Return whether every run succeeded."""
    say(
        "2. From now on cron starts the scripts. At 19:00 the exchange shows the regular session "
        "and a part of the after-market, at 20:40 nearly all of it, at 08:02 its last word."
    )
    return all(run_quietly(exchange, *start) for start in starts_between(SET_UP, MORNING))


def run_quietly(exchange: LocalExchange, moment: datetime, job: str) -> bool:
    """Run a script without the lines that every run begins with, so that one in which nothing is
    left has one line. Return whether it succeeded."""
    script = f"{job}.py"
    if job == DAILY_UPDATE:
        say(f"{moment:%Y-%m-%d %H:%M} KST. {script}")
    ended = start(exchange, moment, (script,), subprocess.PIPE)
    lines = ended.stdout.splitlines(keepends=True)
    sys.stdout.writelines(line for line in lines if _SAID_BY_EVERY_RUN not in line)
    sys.stdout.flush()
    return ended.returncode == EXIT_DONE


_SAID_BY_EVERY_RUN = "Using the embedded database"


def run(exchange: LocalExchange, moment: datetime, *command: str) -> bool:
    """Run one script as of that moment in KST with its output shown. Return whether it
    succeeded."""
    return start(exchange, moment, command).returncode == EXIT_DONE


def start(
    exchange: LocalExchange,
    moment: datetime,
    command: tuple[str, ...],
    output: int | None = None,
) -> subprocess.CompletedProcess[str]:
    exchange.set_time(moment)
    environment = {
        **os.environ,
        **demo_settings(exchange.url),
        "KST_NOW": f"{moment:%Y-%m-%dT%H:%M:%S}",
    }
    script = [sys.executable, str(PROJECT / command[0]), *command[1:]]
    together = None if output is None else subprocess.STDOUT
    return subprocess.run(  # noqa: S603 - our scripts
        script, env=environment, stdout=output, stderr=together, text=True, check=False
    )


def demo_settings(url: str, folder: Path = FOLDER) -> dict[str, str]:
    """Return every setting by name: the demo's own, else an empty text, which switches off
    `.env`."""
    own = {
        "DATA_DIR": str(folder / "data"),
        "LOG_DIR": str(folder / "logs"),
        "REPORT_FILE": str(folder / "report.html"),
        "KRX_ID": LOGIN_ID,
        "KRX_PW": PASSWORD,
        "KRX_BASE_URL": url,
        "KRX_REQUEST_INTERVAL_SECONDS": "0",
    }
    return dict.fromkeys(setting_names(), "") | own


def show_result() -> str | None:
    """Show the largest targets and where everything is. Return what is not as it has to be in the
    morning, None when all is."""
    settings = load_settings(
        {name.lower(): value for name, value in demo_settings("http://127.0.0.1").items()}
    )
    store = open_store(settings, Clock())
    try:
        say(f"The market's largest targets, analysed for {SESSION}:")
        show_largest(store, LARGEST)
        problem = show_finality(store, FOLDER / "report.html")
    finally:
        store.close()
    say(
        f"The database is in {settings.data_dir}, the logs in {settings.log_dir}. "
        f"Delete {FOLDER} whenever you like."
    )
    say("For the real exchange: README.md, section «For real use».")
    return problem


def show_finality(store: Store, report: Path) -> str | None:
    """Show since when the session is final, and the page that says so. Return what is wrong."""
    head = store.sessions.head(SESSION)
    if head is None or head.confirmed_utc is None:
        problem = f"{SESSION} is not final, although it is {MORNING:%H:%M} of the next day."
        say(problem)
        return problem
    since = f"{head.confirmed_utc.astimezone(KST):%H:%M}"
    if not (is_current(store, report, SESSION) and says_final(report, since)):
        problem = f"The report {report} is not the page of the session that is final since {since}."
        say(problem)
        return problem
    say(f"{SESSION} is final since {since} of the next day. All targets are analysed on it.")
    say(f"The report says «final since {since}». Open it in a browser: {report.as_uri()}")
    return None


def says_final(report: Path, since: str) -> bool:
    """Return whether the head of the page says that the session is final since then."""
    said = f'"session":"{SESSION}","finality":"{FINAL}","since":"{since}"'
    return said in report.read_text(encoding="utf-8")


def say(text: str) -> None:
    sys.stdout.write(f"\n>>> {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

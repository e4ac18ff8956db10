"""`python -m sandbox.demo`: a whole night against the local exchange: first load, daily update,
hourly analyses.

The three scripts run as cron would run them: as processes, each with a clock of its own (KST_NOW),
through pykrx over HTTP into a real database file. Everything is kept in `demo/`; the user's
settings are not read.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta

from collectors.views.ticker_view import show_largest
from sandbox.server import LocalExchange
from sandbox.synthetic import SyntheticMarket
from utils.clock import Clock, kst
from utils.errors import EXIT_DONE, EXIT_FAILED
from utils.settings import PROJECT, load_settings, setting_names
from utils.store import open_store

FOLDER = PROJECT / "demo"
TICKERS = 2700
SETUP_EVENING = kst(2026, 9, 10, 19)
NEXT_EVENING = SETUP_EVENING + timedelta(days=1)
FIRST_ANALYSIS = NEXT_EVENING + timedelta(minutes=10)
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
    with LocalExchange(SyntheticMarket(TICKERS), SETUP_EVENING, {LOGIN_ID: PASSWORD}) as exchange:
        night = Night(exchange)
        say(
            f"1. {SETUP_EVENING:%Y-%m-%d %H:%M} KST. "
            "A person sets everything up: manual_setup.py --yes"
        )
        done = night.run(SETUP_EVENING, "manual_setup.py", "--yes")
        if done:
            say(
                f"2. {NEXT_EVENING:%Y-%m-%d %H:%M} KST. cron starts daily_update.py: "
                "today's session, yesterday's final"
            )
            done = night.run(NEXT_EVENING, "daily_update.py")
        if done:
            say("3. Ten past every hour, cron starts hourly_analysis.py until no target is left")
            done = night.analyse_all()
    if not done:
        say(f"The demo failed; the log files in {FOLDER / 'logs'} say why.")
        return EXIT_FAILED
    show_result()
    say(f"The whole night took {clock.monotonic() - started:.0f} seconds.")
    return EXIT_DONE


class Night:
    """Runs the scripts at chosen moments against the local exchange."""

    def __init__(self, exchange: LocalExchange) -> None:
        self._exchange = exchange

    def run(self, moment: datetime, *command: str) -> bool:
        """Run one script as of that moment in KST with its output shown. Return whether it
        succeeded."""
        return self._start(moment, command).returncode == EXIT_DONE

    def analyse_all(self) -> bool:
        """Run the hourly analysis until no target is pending. Return whether every run
        succeeded."""
        moment = FIRST_ANALYSIS
        while self.run(moment, "hourly_analysis.py"):
            if not self._pending(moment):
                return True
            moment += timedelta(hours=1)
        return False

    def _pending(self, moment: datetime) -> int:
        shown = self._start(
            moment, ("hourly_analysis.py", "--status", "--json"), stdout=subprocess.PIPE
        )
        return int(json.loads(shown.stdout)["targets_pending"])

    def _start(
        self, moment: datetime, command: tuple[str, ...], stdout: int | None = None
    ) -> subprocess.CompletedProcess[str]:
        self._exchange.set_time(moment)
        environment = {
            **os.environ,
            **demo_settings(self._exchange.url),
            "KST_NOW": f"{moment:%Y-%m-%dT%H:%M:%S}",
        }
        script = [sys.executable, str(PROJECT / command[0]), *command[1:]]
        return subprocess.run(  # noqa: S603 - our scripts
            script, env=environment, stdout=stdout, text=True, check=False
        )


def demo_settings(url: str) -> dict[str, str]:
    """Return every setting by name: the demo's own, else an empty text, which switches off
    `.env`."""
    own = {
        "DATA_DIR": str(FOLDER / "data"),
        "LOG_DIR": str(FOLDER / "logs"),
        "REPORT_FILE": str(FOLDER / "report.html"),
        "KRX_ID": LOGIN_ID,
        "KRX_PW": PASSWORD,
        "KRX_BASE_URL": url,
        "KRX_REQUEST_INTERVAL_SECONDS": "0",
    }
    return dict.fromkeys(setting_names(), "") | own


def show_result() -> None:
    settings = load_settings(
        {name.lower(): value for name, value in demo_settings("http://127.0.0.1").items()}
    )
    store = open_store(settings, Clock())
    try:
        say(f"The market's largest targets, analysed for {NEXT_EVENING:%Y-%m-%d}:")
        show_largest(store, LARGEST)
    finally:
        store.close()
    say(f"The morning's report is {settings.report_file}: open it in a browser.")
    say(
        f"The database is in {settings.data_dir}, the logs in {settings.log_dir}. "
        f"Delete {FOLDER} whenever you like."
    )
    say("For the real exchange: README.md, section «For real use».")


def say(text: str) -> None:
    sys.stdout.write(f"\n>>> {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())

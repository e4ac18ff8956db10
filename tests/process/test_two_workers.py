"""Several machines at once on one store, with clocks minutes apart: real processes, one of them
killed. Every target is analysed once, and one update at a time is at work.

Over a server the machines' own clocks are wrong, as those of hosts without NTP; the embedded
database is one host's. In place of the real time all of them, and the server, are shown the
night's.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import Popen

import pytest

from tests.harness import Installation
from tests.server import Client, is_ferretdb
from utils.clock import kst
from utils.errors import EXIT_DONE, EXIT_NOT_NOW
from utils.settings import PROJECT
from utils.store.locks import LOCK_LEASE

SETUP = kst(2026, 9, 10, 19)
NIGHT = SETUP + timedelta(minutes=10)
SESSION = "2026-09-10"
FRIDAY, MONDAY = kst(2026, 9, 11, 19), kst(2026, 9, 14, 19)
BATCH = 5
MACHINES = ("north", "south", "doomed")
AHEAD = {"north": 12, "south": 3, "doomed": -4}
"""Minutes: by north's clock the claims and the lock of the doomed one are over at once, by its own
for minutes more."""
DIES_AT = 3
"""Number of the target that kills the doomed one."""

WORKER = f"""
import datetime, os, signal, socket, sys
sys.path.insert(0, {str(PROJECT)!r})
machine = os.environ.get("MACHINE")
if machine:
    socket.gethostname = lambda: machine
    from pymongo.database import Database
    from collectors.analysis import analysis_queue
    from collectors.exchange.sources import Sources
    from collectors.analysis.technical_analyzer import TechnicalAnalyzer
    from utils import clock
    from utils.store.targets import Results

    to_the_night = datetime.timedelta(seconds=float(os.environ["TO_THE_NIGHT"]))
    ahead = datetime.timedelta(minutes=float(os.environ["AHEAD"]))
    analysis_queue.BATCH = {BATCH}
    command, fetch_day = Database.command, Sources.fetch_day
    analyze, save, begun = TechnicalAnalyzer.analyze, Results.save, []

    class HostsTime(datetime.datetime):
        @classmethod
        def now(cls, zone):
            return datetime.datetime.now(zone) + to_the_night + ahead

    def command_in_the_night(self, name, *args, **more):
        answer = command(self, name, *args, **more)
        if name == "hello":
            answer["localTime"] += to_the_night
        return answer

    def wait_for_the_others():
        if not begun and os.environ["GATE"]:
            open(os.environ["GATE"]).read()  # ends when every machine has come so far

    def fetch_day_with_the_others(self, session):
        wait_for_the_others()
        begun.append(session)
        return fetch_day(self, session)

    def analyze_with_the_others(self, ticker):
        wait_for_the_others()
        begun.append(ticker)
        if machine == "doomed" and len(begun) == {DIES_AT}:
            os.kill(os.getpid(), signal.SIGKILL)
        return analyze(self, ticker)

    def save_and_note(self, session, results):
        save(self, session, results)
        with open(os.environ["STORED"], "a") as notes:
            notes.writelines(f"{{machine}} {{result['_id']}}\\n" for result in results)

    clock.datetime, Database.command = HostsTime, command_in_the_night
    Sources.fetch_day = fetch_day_with_the_others
    TechnicalAnalyzer.analyze, Results.save = analyze_with_the_others, save_and_note
"""


class Machines:
    """Hosts that share the installation's database; what each has stored is noted in one file."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._installation, self._folder, self._notes = installation, folder, folder / "stored"
        (folder / "sitecustomize.py").write_text(WORKER, encoding="utf-8")
        self._notes.touch()

    def start(self, name: str, moment: datetime, script: str, gate: str = "") -> "Popen[str]":
        """The script on that machine at that moment, whatever its own clock shows then."""
        wrong = AHEAD[name] if "MONGODB_URI" in self._installation.own_settings else 0
        clocks = {
            "TO_THE_NIGHT": str((moment - datetime.now(UTC)).total_seconds()),
            "AHEAD": str(wrong),
            "KST_NOW": "",
        }
        settings = {
            "PYTHONPATH": str(self._folder),
            "MACHINE": name,
            "GATE": gate,
            "STORED": str(self._notes),
        }
        return self._installation.start(moment, script, **settings, **clocks)

    def gate(self, name: str) -> str:
        path = self._folder / f"gate-{name}"
        os.mkfifo(path)
        return str(path)

    @contextmanager
    def at_the_gate(self, name: str, moment: datetime, script: str) -> Iterator["Popen[str]"]:
        """The script on that machine, held before its first work until the block ends."""
        process = self.start(name, moment, script, gate := self.gate(name))
        with open(gate, "w"):  # noqa: PTH123 - waits for its machine
            yield process

    def run_at_once(self, *names: str) -> dict[str, int]:
        """All of them have claimed their first batch before any analyses; the exit code of each."""
        gates = {name: self.gate(name) for name in names}
        processes = {
            name: self.start(name, NIGHT, "hourly_analysis", gate) for name, gate in gates.items()
        }
        opened = [open(gate, "w") for gate in gates.values()]  # noqa: PTH123, SIM115 - waits for its machine
        for gate in opened:
            gate.close()
        return {name: end_of(process)[0] for name, process in processes.items()}

    def stored(self) -> list[tuple[str, str]]:
        """Return (machine, ticker) of every result, in the order in which they were stored."""
        lines = self._notes.read_text(encoding="utf-8").splitlines()
        return [(machine, ticker) for machine, ticker in map(str.split, lines)]


def end_of(process: "Popen[str]") -> tuple[int, str]:
    """Return its exit code and what it said."""
    _, errors = process.communicate(timeout=240)
    return process.returncode, errors


def claims_are_atomic(installation: Installation) -> bool:
    """Return whether the server tests a condition and writes in one step, as SQLite and MongoDB do.
    FerretDB 1.24 looks first and writes then, so two machines that claim in the same instant may
    both have the same targets."""
    uri = installation.own_settings.get("MONGODB_URI")
    if uri is None:
        return True
    with Client(uri) as client:
        return not is_ferretdb(client.server_info())


@pytest.fixture
def machines(installation_over: Installation, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    installation_over.load(SETUP, "--sessions", "20")
    return Machines(installation_over, tmp_path_factory.mktemp("machines"))


def test_no_target_is_analysed_twice_and_none_is_missed_when_one_machine_is_killed(
    installation_over: Installation, machines: Machines
) -> None:
    ended = machines.run_at_once(*MACHINES)
    assert ended == {"north": 0, "south": 0, "doomed": -signal.SIGKILL}
    everybody = {target["_id"] for target in installation_over.read(NIGHT)["targets"]}
    claimed_by_the_dead = {
        target["_id"]
        for target in installation_over.read(NIGHT)["targets"]
        if str(target["claimed_by"]).startswith("doomed:")
    }
    shares = Counter(machine for machine, _ in machines.stored())
    atomic = claims_are_atomic(installation_over)
    assert len(claimed_by_the_dead) == BATCH if atomic else 0 < len(claimed_by_the_dead) <= BATCH
    assert min(shares["north"], shares["south"]) >= BATCH
    # Where others may take a part of its first batch, it stores the rest before it dies.
    assert shares["doomed"] <= (0 if atomic else DIES_AT - 1)
    left, pending = (
        everybody - {ticker for _, ticker in machines.stored()},
        len(claimed_by_the_dead),
    )
    assert left == claimed_by_the_dead if atomic else left <= claimed_by_the_dead
    job = installation_over.read(NIGHT)["analyses"][SESSION]
    assert (job["status"], job["analyzed"], job["pending"]) == (
        "running",
        len(everybody) - pending,
        pending,
    )

    assert (
        end_of(machines.start("south", NIGHT + timedelta(hours=1), "hourly_analysis"))[0]
        == EXIT_DONE
    )
    analysed = Counter(ticker for _, ticker in machines.stored())
    twice = [ticker for ticker, times in analysed.items() if times > 1]
    assert analysed.keys() == everybody
    assert len(twice) <= (0 if atomic else BATCH), twice
    job = installation_over.read(NIGHT)["analyses"][SESSION]
    assert (job["status"], job["analyzed"], job["pending"]) == ("completed", len(everybody), 0)
    assert {
        target["last_analyzed_date"] for target in installation_over.read(NIGHT)["targets"]
    } == {SESSION}


@pytest.mark.parametrize("database", ["mongodb"], indirect=True)
def test_a_second_update_leaves_and_a_dead_ones_lock_is_taken_whatever_the_clocks_show(
    installation_over: Installation, machines: Machines
) -> None:
    with machines.at_the_gate("south", FRIDAY, "daily_update") as working:
        code, said = end_of(machines.start("north", FRIDAY, "daily_update"))
        assert (code, "holds the lock collection: south" in said) == (EXIT_NOT_NOW, True), said
    assert end_of(working)[0] == EXIT_DONE

    with machines.at_the_gate("doomed", MONDAY, "daily_update") as working:
        working.kill()
    assert end_of(working)[0] == -signal.SIGKILL
    early = end_of(
        machines.start("north", MONDAY + LOCK_LEASE.length - timedelta(minutes=1), "daily_update")
    )
    late = end_of(
        machines.start("south", MONDAY + LOCK_LEASE.length + timedelta(minutes=1), "daily_update")
    )
    assert (early[0], late[0]) == (EXIT_NOT_NOW, EXIT_DONE), early[1] + late[1]
    updates = installation_over.read(MONDAY)["jobs"]
    for day in (FRIDAY, MONDAY):
        job = updates[f"{day:%Y-%m-%d}"]
        assert (job["status"], job["attempts"], job["host"]) == ("completed", 1, "south")

"""Several machines at once on one store: real processes, one of them killed, and every target is analysed once."""

import os
import signal
from collections import Counter
from datetime import timedelta
from pathlib import Path
from subprocess import Popen

import pymongo
import pytest

from tests.night.suite import Suite
from utils.clock import kst
from utils.settings import PROJECT

SETUP = kst(2026, 9, 10, 19)
NIGHT = SETUP + timedelta(minutes=10)
SESSION = "2026-09-10"
BATCH = 5
MACHINES = ("north", "south", "doomed")
DIES_AT = 3
"""Which of its targets kills the doomed one."""

WORKER = f"""
import os, signal, socket, sys
sys.path.insert(0, {str(PROJECT)!r})
machine = os.environ.get("MACHINE")
if machine:
    socket.gethostname = lambda: machine
    from collectors import analysis_queue
    from collectors.technical_analyzer import TechnicalAnalyzer
    from utils.store.targets import Targets

    analysis_queue.BATCH = {BATCH}
    analyze, save_analysis, begun = TechnicalAnalyzer.analyze, Targets.save_analysis, []

    def analyze_beside_the_others(self, ticker):
        if not begun and os.environ["GATE"]:
            open(os.environ["GATE"]).read()  # ends when every machine has come so far
        begun.append(ticker)
        if machine == "doomed" and len(begun) == {DIES_AT}:
            os.kill(os.getpid(), signal.SIGKILL)
        return analyze(self, ticker)

    def save_and_note(self, session, results):
        save_analysis(self, session, results)
        with open(os.environ["STORED"], "a") as notes:
            notes.writelines(f"{{machine}} {{result['_id']}}\\n" for result in results)

    TechnicalAnalyzer.analyze, Targets.save_analysis = analyze_beside_the_others, save_and_note
"""


class Machines:
    """Hosts that share the suite's database; what each has stored is noted in one file."""

    def __init__(self, suite: Suite, folder: Path) -> None:
        self._suite, self._folder, self._notes = suite, folder, folder / "stored"
        (folder / "sitecustomize.py").write_text(WORKER, encoding="utf-8")
        self._notes.touch()

    def start(self, name: str, hour: int, gate: str = "") -> "Popen[str]":
        settings = {"PYTHONPATH": str(self._folder), "MACHINE": name, "GATE": gate, "STORED": str(self._notes)}
        return self._suite.start(NIGHT + timedelta(hours=hour), "hourly_analysis.py", **settings)

    def run_at_once(self, *names: str) -> dict[str, int]:
        """All of them have claimed their first batch before any analyses; the exit code of each."""
        gates = {name: str(self._folder / f"gate-{name}") for name in names}
        for gate in gates.values():
            os.mkfifo(gate)
        processes = {name: self.start(name, 0, gate) for name, gate in gates.items()}
        opened = [open(gate, "w") for gate in gates.values()]  # noqa: PTH123, SIM115 - waits for its machine
        for gate in opened:
            gate.close()
        return {name: self.end_of(process) for name, process in processes.items()}

    def end_of(self, process: "Popen[str]") -> int:
        _, errors = process.communicate(timeout=240)
        assert process.returncode in (0, -signal.SIGKILL), errors
        return process.returncode

    def stored(self) -> list[tuple[str, str]]:
        """(machine, ticker) of every result, in the order in which they were stored."""
        lines = self._notes.read_text(encoding="utf-8").splitlines()
        return [(machine, ticker) for machine, ticker in map(str.split, lines)]


def claims_are_atomic(suite: Suite) -> bool:
    """Whether the server tests a condition and writes in one step, as SQLite and MongoDB do. FerretDB 1.24 looks first
    and writes then, so two machines that claim in the same instant may both have the same targets."""
    uri = suite.own_settings.get("MONGODB_URI")
    if uri is None:
        return True
    with pymongo.MongoClient[dict[str, object]](uri) as client:
        return "ferretdbVersion" not in client.admin.command("buildInfo")


@pytest.fixture
def machines(suite_over: Suite, tmp_path_factory: pytest.TempPathFactory) -> Machines:
    suite_over.must(SETUP, "manual_setup.py", "--yes", "--sessions", "20")
    return Machines(suite_over, tmp_path_factory.mktemp("machines"))


def test_no_target_is_analysed_twice_and_none_is_missed_when_one_machine_is_killed(
    suite_over: Suite, machines: Machines
) -> None:
    ended = machines.run_at_once(*MACHINES)
    assert ended == {"north": 0, "south": 0, "doomed": -signal.SIGKILL}
    everybody = {target["_id"] for target in suite_over.read(NIGHT)["targets"]}
    claimed_by_the_dead = {
        target["_id"] for target in suite_over.read(NIGHT)["targets"] if str(target["claimed_by"]).startswith("doomed:")
    }
    shares = Counter(machine for machine, _ in machines.stored())
    assert len(claimed_by_the_dead) == BATCH
    assert min(shares["north"], shares["south"]) >= BATCH > shares["doomed"] == 0
    assert {ticker for _, ticker in machines.stored()} == everybody - claimed_by_the_dead
    job = suite_over.read(NIGHT)["analyses"][SESSION]
    assert (job["status"], job["analyzed"], job["pending"]) == ("running", len(everybody) - BATCH, BATCH)

    assert machines.end_of(machines.start("south", hour=1)) == 0
    analysed = Counter(ticker for _, ticker in machines.stored())
    twice = [ticker for ticker, times in analysed.items() if times > 1]
    assert analysed.keys() == everybody
    assert len(twice) <= (0 if claims_are_atomic(suite_over) else BATCH), twice
    job = suite_over.read(NIGHT)["analyses"][SESSION]
    assert (job["status"], job["analyzed"], job["pending"]) == ("completed", len(everybody), 0)
    assert {target["last_analyzed_date"] for target in suite_over.read(NIGHT)["targets"]} == {SESSION}

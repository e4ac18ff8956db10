"""The command around a copy: stopping it, saying what differs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from collectors.upkeep.copy_store import copy_store
from tests.fakes import FakeClock, market_day, row
from utils.errors import EXIT_FAILED, NightShiftError, NotNow
from utils.run import Run, StopRequest
from utils.settings import load_settings
from utils.store import open_store
from utils.store.copying import StoreCopy
from utils.store.schema import COPY, SCHEMA, TARGETS
from utils.store.sqlite import SqliteBackend

DAYS = ("2024-01-18", "2024-01-19", "2024-01-22")


@pytest.fixture
def run(tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    monkeypatch.delenv("MONGODB_URI", raising=False)
    settings = load_settings({"data_dir": str(tmp_path / "data")}, tmp_path / ".env")
    store = open_store(settings, clock)
    store.scope.save(1, ["KOSPI"], DAYS[0])
    for day in DAYS:
        store.sessions.save(market_day(day, row("005930")))
    yield Run(settings, clock, store, StopRequest())
    store.close()


def stored(folder: Path) -> tuple[list[str], list[str]]:
    """The sessions there, and the documents of its schema collection."""
    backend = SqliteBackend(folder)
    sessions, schema = backend.session_heads(), backend.find(SCHEMA)
    backend.close()
    return [head["_id"] for head in sessions], [document["_id"] for document in schema]


@pytest.mark.parametrize("step", ["copy_session", "copy_documents", "_reads_back"])
def test_a_stop_ends_it_after_the_work_in_hand_and_the_next_run_goes_on(
    run: Run, step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = getattr(StoreCopy, step)

    def asked_to_stop_meanwhile(copy: StoreCopy, *args: object) -> object:
        run.stop.signal_name = "SIGTERM"
        return done(copy, *args)

    monkeypatch.setattr(StoreCopy, step, asked_to_stop_meanwhile)
    with pytest.raises(NotNow, match="goes on"):
        copy_store(run, str(tmp_path / "new"))
    assert stored(tmp_path / "new") == (list(DAYS[:1] if step == "copy_session" else DAYS), [COPY])
    monkeypatch.setattr(StoreCopy, step, done)
    run.stop.signal_name = ""
    copy_store(run, str(tmp_path / "new"))
    assert stored(tmp_path / "new") == (list(DAYS), ["schema"])
    assert run.store.locks.all() == []


def test_what_differs_is_named_ten_at_most_and_the_copy_stays_unfinished(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compare = StoreCopy.differing_documents

    def change_first(copy: StoreCopy, collection: str) -> list[str]:
        if collection == TARGETS:
            run.store.backend.put(TARGETS, [{"_id": f"{number:06}"} for number in range(12)])
        return compare(copy, collection)

    monkeypatch.setattr(StoreCopy, "differing_documents", change_first)
    with pytest.raises(
        NightShiftError, match=rf"{TARGETS} 000000, .* {TARGETS} 000009 and 2 more"
    ) as difference:
        copy_store(run, str(tmp_path / "new"))
    assert difference.value.exit_code == EXIT_FAILED
    assert stored(tmp_path / "new") == (list(DAYS), [COPY])

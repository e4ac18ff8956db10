"""Bits that flip anywhere in the file of a filled embedded database: each is harmless or named, and
what is named is repaired."""

import logging
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sandbox.synthetic import SyntheticMarket
from tests.flow.upkeep.store_under_test import (
    EVENINGS,
    FIRST,
    LAST,
    NOON,
    SCOPE,
    StoreUnderTest,
    at,
    contents,
    open_store,
)
from utils.errors import Damaged, StoreError, Unopenable
from utils.market_day import DATASET_COLUMN_NAMES, DAY_COLUMNS
from utils.store.schema import COLLECTIONS, INDICATORS, SESSIONS
from utils.store.sqlite import FILE_NAME, SqliteBackend

FLIPS = 200
REPAIRED = 30
"""So many of those that are named are repaired too."""


@pytest.fixture(scope="module")
def market() -> SyntheticMarket:
    return SyntheticMarket(60)


@pytest.fixture(scope="module")
def whole(market: SyntheticMarket, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an installation after four nights: sessions, datasets, targets and results."""
    tested = open_store(tmp_path_factory.mktemp("whole"), NOON, market)
    tested.store.scope.save(**SCOPE, first_session=FIRST)
    for evening in EVENINGS:
        tested.clock.set(at(evening, 19))
        tested.evening()
        tested.clock.advance(minutes=10)
        tested.hour()
        tested.clock.set(at(evening, 8, 2) + timedelta(days=1))
        tested.evening()
        tested.hour()
    tested.store.close()
    return tested.folder


def flips(folder: Path) -> Iterator[tuple[int, int]]:
    """Yield positions in the file and bits, the same ones each time."""
    chance, size = random.Random(14), (folder / FILE_NAME).stat().st_size
    for _ in range(FLIPS):
        yield chance.randrange(size), chance.randrange(8)


def flipped(whole: Path, folder: Path, position: int, bit: int) -> Path:
    """Return a copy of the installation in which one bit of the file is another."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(whole, folder)
    with (folder / FILE_NAME).open("r+b") as file:
        file.seek(position)
        (byte,) = file.read(1)
        file.seek(position)
        file.write(bytes([byte ^ 1 << bit]))
    return folder


def plain(value: Any) -> Any:
    """Return a value that can be compared: NaN is NaN."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.tobytes()
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list | tuple) else value


def readers(tested: StoreUnderTest, keys: dict[str, list[str]]) -> dict[str, Callable[[], Any]]:
    """Return everything that can be read, each by a reading of its own."""
    store, backend = tested.store, tested.store.backend
    columns = (*DAY_COLUMNS, *DATASET_COLUMN_NAMES)
    read: dict[str, Callable[[], Any]] = {
        "panel": lambda: vars(store.sessions.panel(LAST, 300)),
        "observed": store.calendar.observed,
        "active": store.targets.active,
        "indices": store.indices.load,
        "actions": lambda: store.sessions.actions(FIRST, LAST),
    }
    for name in COLLECTIONS:
        read[name] = lambda name=name: backend.find(name)  # type: ignore[misc]
        for key in keys[name]:
            read[f"{name} {key}"] = lambda name=name, key=key: backend.get(name, key)  # type: ignore[misc]
    for session in keys[SESSIONS]:
        read[f"columns {session}"] = lambda day=session: list(  # type: ignore[misc]
            backend.read_columns(columns, day, day)
        )
    return read


def read_everything(tested: StoreUnderTest, keys: dict[str, list[str]]) -> dict[str, Any]:
    """Return what each reading gives, or the error that it is refused with."""
    found: dict[str, Any] = {}
    for name, read in readers(tested, keys).items():
        try:
            found[name] = plain(read())
        except StoreError as refusal:
            found[name] = refusal
    return found


def keys_of(tested: StoreUnderTest) -> dict[str, list[str]]:
    return {name: [each["_id"] for each in tested.store.backend.find(name)] for name in COLLECTIONS}


def test_every_flipped_bit_is_harmless_or_named(
    whole: Path, market: SyntheticMarket, tmp_path: Path
) -> None:
    tested = open_store(whole, NOON, market)
    keys = keys_of(tested)
    right = read_everything(tested, keys)
    tested.store.close()
    seen = dict.fromkeys(("harmless", "cannot be opened", "named"), 0)
    for position, bit in flips(whole):
        folder = flipped(whole, tmp_path / "data", position, bit)
        try:
            tested = open_store(folder, NOON, market)
        except StoreError as refusal:
            seen["cannot be opened"] += "manual_setup.py" in str(refusal)
            seen["named"] += "daily_update.py" in str(refusal)
            continue
        found = read_everything(tested, keys)
        refused = {name for name, value in found.items() if isinstance(value, Exception)}
        wrong = {name for name in found.keys() - refused if found[name] != right[name]}
        if wrong:  # an index leads past a document: no script goes on with it
            with pytest.raises(Damaged, match=r"is damaged.*daily_update\.py"):
                tested.store.backend.check_lookups()
        if refused or wrong:
            assert tested.audit().findings, (position, bit, refused)
        seen["named" if refused or wrong else "harmless"] += 1
        tested.store.close()
    assert min(seen["harmless"], seen["named"]) > FLIPS // 5, seen
    assert sum(seen.values()) == FLIPS


def results(tested: StoreUnderTest) -> Any:
    return [
        {name: value for name, value in each.items() if not name.endswith("_utc")}
        for each in tested.store.backend.find(INDICATORS)
    ]


def refused(run: Callable[[], None], advice: str) -> bool:
    try:
        run()
    except Damaged as damage:
        return advice in str(damage)
    return False


def test_what_is_named_is_repaired_by_the_next_run_or_by_a_repair(
    whole: Path, market: SyntheticMarket, tmp_path: Path
) -> None:
    logging.getLogger("collectors").setLevel(logging.CRITICAL)
    tested = open_store(whole, NOON, market)
    right, analysed = contents(tested), results(tested)
    tested.store.close()
    by_hand = repaired = 0
    for position, bit in flips(whole):
        folder = flipped(whole, tmp_path / "data", position, bit)
        with suppress(Unopenable):
            tested = open_store(folder, NOON, market)
            assert isinstance(tested.store.backend, SqliteBackend)
            if not tested.audit().findings:
                continue
            by_hand += refused(tested.evening, "daily_update.py --repair")
            assert tested.repair() == 0, (position, bit)
            tested.hour()
            assert tested.audit().findings == [], (position, bit)
            assert contents(tested) == right, (position, bit)
            assert results(tested) == analysed, (position, bit)
            tested.store.close()
            repaired += 1
            if repaired == REPAIRED:
                break
    assert REPAIRED == repaired > by_hand

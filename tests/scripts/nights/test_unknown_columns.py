"""Nights on which the exchange shows columns that nobody knows: named once, kept, carried over,
copied, and read anew where they are damaged."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from tests.harness import KEY, Installation
from tests.harness.fixtures import installed, prepared  # noqa: F401 - fixtures
from utils.clock import kst
from utils.store.copying import _columns
from utils.store.schema import HEAD_FIELDS

EVENINGS = [kst(2026, 9, 10, 19), kst(2026, 9, 11, 19), kst(2026, 9, 14, 19)]
TONIGHT, FRIDAY, MONDAY = "2026-09-10", "2026-09-11", "2026-09-14"
MORNING = kst(2026, 9, 11, 8, 2)
REGULAR, AFTER, NOTE = "ACC_TRDVOL_REG", "ACC_TRDVOL_AFTER", "TRD_NOTE"
A_RUN = timedelta(minutes=5)
UNKNOWN = "has a column that we do not know"


def stored(installation: Installation, session: str) -> dict[str, list[float]]:
    with installation.opened(EVENINGS[0]) as store:
        found = store.sessions.further(session)
    return {name: np.asarray(found[name]).tolist() for name in found}


def shares(installation: Installation, session: str) -> bool:
    """Return whether the stored further columns are what the local exchange makes of the stored
    volumes."""
    with installation.opened(EVENINGS[0]) as store:
        found, day = store.sessions.further(session), store.sessions.load(session)
    assert day is not None
    volume = day.frame["volume"].to_numpy()
    assert found.keys() == {REGULAR, AFTER}
    return bool(
        (found[AFTER] == volume // 8).all() and (found[REGULAR] == volume - volume // 8).all()
    )


def damage(installation: Installation, session: str) -> None:
    with installation.opened(EVENINGS[0]) as store:
        document = store.backend.session_head(session)
        assert document is not None
        head = {name: document[name] for name in ("_id", *HEAD_FIELDS)}
        columns = _columns(store.backend, head)
        other = np.asarray(columns[AFTER]) + 1
        store.backend.put_session(head, columns | {AFTER: other})


def test_each_is_named_on_the_first_of_three_evenings_and_its_numbers_are_kept_on_all(
    installation_over: Installation,
) -> None:
    installation_over.exchange.fail("extra_columns")
    first = installation_over.must(EVENINGS[0], "manual_setup", "--yes", "--sessions", "2")
    named = [line for line in first.log.splitlines() if UNKNOWN in line]
    assert len(named) == 3
    assert all(" WARNING " in line and "pykrx: MDCSTAT01501" in line for line in named)
    assert [line.split(f"{UNKNOWN}, ")[1] for line in named] == [
        f"{REGULAR}: its numbers are kept with each session.",
        f"{AFTER}: its numbers are kept with each session.",
        f"{NOTE}: it is not kept: '정상' is no number.",
    ]
    for evening in EVENINGS[1:]:
        assert UNKNOWN not in installation_over.must(evening, "daily_update").log
    for session in ("2026-09-09", TONIGHT, FRIDAY, MONDAY):
        assert shares(installation_over, session), session


def test_they_open_no_analysis_and_make_no_revision(installed: Installation) -> None:  # noqa: F811
    installed.must(EVENINGS[0], "daily_update")
    installed.exchange.fail("extra_columns")
    done = installed.must(kst(2026, 9, 14, 8, 2), "daily_update")
    heads = {head.session: head for head in installed.read(EVENINGS[1])["heads"]}
    assert (heads[TONIGHT].finality, heads[TONIGHT].further.keys()) == ("final", {REGULAR, AFTER})
    assert heads["2026-09-08"].further == {}, "a final session is not read again for them"
    assert done.log.count(UNKNOWN) == 3


def test_the_evenings_stay_when_the_open_api_confirms_the_session(
    installed: Installation,  # noqa: F811
) -> None:
    installed.own_settings |= {"KRX_OPENAPI_KEY": KEY}
    installed.exchange.fail("extra_columns", request="MDCSTAT01501")
    installed.must(EVENINGS[0], "daily_update")
    shown = stored(installed, TONIGHT)
    assert len(shown) == 2
    confirmed = installed.must(MORNING, "daily_update")
    head = next(head for head in installed.read(MORNING)["heads"] if head.session == TONIGHT)
    assert (head.source, head.finality) == ("openapi", "final")
    assert all(state.read_utc - EVENINGS[0] < A_RUN for state in head.further.values())
    assert stored(installed, TONIGHT) == shown
    assert UNKNOWN not in confirmed.log


def test_what_the_open_api_shows_itself_is_named_for_it_and_takes_the_place(
    installed: Installation,  # noqa: F811
) -> None:
    installed.own_settings |= {"KRX_OPENAPI_KEY": KEY}
    for request in ("MDCSTAT01501", *(f"sto/{each}_bydd_trd" for each in ("stk", "ksq", "knx"))):
        installed.exchange.fail("extra_columns", request=request)
    # The evening's run confirms the session before from there.
    evening = installed.must(EVENINGS[0], "daily_update")
    assert evening.log.count("openapi: {stk,ksq,knx}_bydd_trd has a column") == 3
    assert UNKNOWN not in installed.must(MORNING, "daily_update").log
    head = next(head for head in installed.read(MORNING)["heads"] if head.session == TONIGHT)
    assert all(MORNING <= state.read_utc < MORNING + A_RUN for state in head.further.values())
    assert shares(installed, TONIGHT)


def test_a_damaged_one_is_named_and_read_anew_by_the_next_run(
    installed: Installation,  # noqa: F811
) -> None:
    installed.exchange.fail("extra_columns")
    installed.must(EVENINGS[0], "daily_update")
    installed.must(MORNING, "daily_update")
    damage(installed, TONIGHT)
    audit = installed.run(MORNING, "daily_update", "--audit", "--json")
    (finding,) = [each for each in json.loads(audit.stdout) if each["rule"] == "digest"]
    assert (finding["session"], finding["repairable"]) == (TONIGHT, True)
    assert f"damaged in {AFTER}" in finding["message"]
    done = installed.must(EVENINGS[1], "daily_update")
    assert f"Session {TONIGHT} is damaged in {AFTER}: not as saved" in done.log
    assert shares(installed, TONIGHT)
    damage(installed, TONIGHT)
    installed.must(EVENINGS[1] + timedelta(minutes=5), "daily_update", "--repair")
    assert shares(installed, TONIGHT)


def test_a_copy_has_them(installed: Installation, tmp_path: Path) -> None:  # noqa: F811
    installed.exchange.fail("extra_columns")
    installed.must(EVENINGS[0], "daily_update")
    installed.must(EVENINGS[0], "daily_update", "--copy-to", str(tmp_path / "copy"))
    copy = installed.with_settings({"DATA_DIR": str(tmp_path / "copy")})
    assert shares(copy, TONIGHT)
    damage(installed, TONIGHT)
    refused = installed.run(EVENINGS[0], "daily_update", "--copy-to", str(tmp_path / "other"))
    assert refused.code == 1
    assert f"Session {TONIGHT} is damaged: {AFTER} are not as they were saved." in refused.log


@pytest.mark.parametrize("name", ["fundamentals", "foreign"])
def test_they_stay_when_datasets_come(installed: Installation, name: str) -> None:  # noqa: F811
    installed.exchange.fail("extra_columns")
    installed.must(EVENINGS[0], "daily_update", DATASETS=f"prices,{name}")
    installed.must(MORNING, "daily_update", DATASETS=f"prices,{name}")
    head = next(head for head in installed.read(MORNING)["heads"] if head.session == TONIGHT)
    assert head.datasets[name].finality == "final"
    assert shares(installed, TONIGHT)

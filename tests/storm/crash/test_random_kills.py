"""kill -9 at random moments of the three scripts: the next run ends as an undisturbed one."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pandas as pd
import pytest

from tests.harness import Exchange
from tests.storm.crash.random_kills import (
    KILLED,
    NIGHT,
    ODD_SESSION,
    WITH_A_ROW_SET_ASIDE,
    Host,
    Scene,
)
from tests.storm.crash.seed import SEED
from tests.storm.forks import Forks
from tests.storm.soak.truth import Truth
from tests.summary import CRASH_POINTS
from utils.errors import EXIT_NOT_NOW

pytestmark = pytest.mark.timeout(1200)
KILLS = int(os.environ.get("RANDOM_KILLS") or 200)
"""All together."""
MOST_LINES = 40


@pytest.fixture
def host(standing_exchange: Exchange, forks: Forks, tmp_path: Path) -> Host:
    return Host(standing_exchange, forks, tmp_path / "host", tmp_path)


@pytest.fixture(params=KILLED)
def scene(request: pytest.FixtureRequest, host: Host) -> Scene:
    return Scene(host, request.param)


def test_the_night_has_an_odd_day_a_row_set_aside_and_other_figures_in_the_morning(
    host: Host, standing_exchange: Exchange
) -> None:
    """Undisturbed it ends as the exchange says, with nothing that waits, is claimed or half
    written."""
    codes, waited, sessions = {}, set(), {}
    for name, run in NIGHT.items():
        codes[name] = host.run(run, run.moment).code
        stored = host.stored()
        if f"system_info.waiting_days {ODD_SESSION}" in stored:
            waited.add(name)
        sessions[name] = stored.get(f"stock_data.sessions {ODD_SESSION}")
    assert {name for name, code in codes.items() if code == EXIT_NOT_NOW} == waited
    assert waited == {"update at 19:00", "analysis at 19:10"}
    accepted, final = sessions["update at 20:40"], sessions["analysis at 08:10"]
    assert accepted is not None
    assert final is not None
    assert (accepted["finality"], bool(accepted["accepted"])) == ("provisional", True)
    assert (final["finality"], final["accepted"], final["revision"]) == ("final", [], 2)
    assert [name for name in stored if name.startswith("system_info.locks ")] == []
    assert [name for name in stored["files"]["names"] if name.endswith(".partial")] == []
    targets = [stored[name] for name in stored if name.startswith("system_info.target_tickers ")]
    active = [each for each in targets if each["is_active"]]
    assert {each["last_analyzed_date"] for each in active} == {ODD_SESSION}
    assert {each["claimed_by"] for each in targets} == {None}
    truth = Truth(standing_exchange.exchange.market)
    with host.installation.opened(NIGHT["analysis at 08:10"].moment) as store:
        days = [store.sessions.load(head.session) for head in store.sessions.heads()]
    assert [day.session for day in days if day.set_aside] == [WITH_A_ROW_SET_ASIDE]
    for day in days:
        told = truth.frame(day.session)
        told = told[~told["ticker"].isin(day.tickers_set_aside)].reset_index(drop=True)
        pd.testing.assert_frame_equal(day.frame[told.columns], told, check_dtype=False)


def test_after_a_kill_at_any_moment_the_next_run_makes_it_whole(
    scene: Scene,
    request: pytest.FixtureRequest,
    record_property: Callable[[str, object], None],
) -> None:
    begun, wrong, kills, rounds = time.monotonic(), [], 0, 0
    while kills < -(-KILLS // len(KILLED)):
        rounds += 1
        killed = scene.kill_some(Random(f"{SEED} {request.node.name} {rounds}"))
        wrong += [f"round {rounds}, {killed} kills: {each}" for each in scene.finish(killed)]
        kills += killed
    seconds = time.monotonic() - begun
    record_property(
        CRASH_POINTS,
        f"{request.node.callspec.id}: killed {kills} times in {rounds} rounds "
        f"(BREAK_SEED={SEED}), {seconds:.0f} s",
    )
    assert not wrong, "\n".join(wrong[:MOST_LINES])

"""The simulated year, `make soak SEED=1`: too long for every day, so its file is not called a
test."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.storm.soak.conftest import SEED
from tests.storm.soak.machine import Machine
from tests.storm.soak.nights import live
from tests.storm.soak.plan import Span, make_plan
from tests.storm.soak.test_soak import MONTH
from tests.storm.soak.world import ACCOUNT_ONLY, BOTH, KEY_ONLY, Roads, opened
from tests.summary import SIMULATED_NIGHTS

YEAR = Span(
    market_from="2025-11-03", setup="2025-12-30", first="2025-12-31", last="2026-12-29", history=20
)
Record = Callable[[str, object], None]
pytestmark = pytest.mark.timeout(3600)


@pytest.mark.parametrize("roads", [BOTH, ACCOUNT_ONLY, KEY_ONLY], ids=lambda roads: roads.name)
def test_after_a_year_in_the_storm_every_session_is_final_and_every_target_analysed(
    roads: Roads, machines: Sequence[Machine], tmp_path: Path, record_property: Record
) -> None:
    with opened(make_plan(SEED, YEAR, roads.kinds), roads, machines, tmp_path, {}) as world:
        record_property(SIMULATED_NIGHTS, live(world))


def test_after_a_month_on_two_hosts_over_a_mongodb_server_the_same_holds(
    machines: Sequence[Machine], server: dict[str, str], tmp_path: Path, record_property: Record
) -> None:
    with opened(make_plan(SEED, MONTH, BOTH.kinds), BOTH, machines, tmp_path, server) as world:
        record_property(SIMULATED_NIGHTS, live(world))

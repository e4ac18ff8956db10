"""Weeks of evenings and mornings in a storm of failures. `make soak` lives through the whole year
(see `year.py`)."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.storm.soak.conftest import SEED
from tests.storm.soak.machine import Machine
from tests.storm.soak.nights import live
from tests.storm.soak.plan import Span, make_plan
from tests.storm.soak.world import ACCOUNT_ONLY, BOTH, KEY_ONLY, Roads, opened
from tests.summary import SIMULATED_NIGHTS

MONTH = Span(
    market_from="2026-08-03", setup="2026-08-31", first="2026-09-01", last="2026-10-02", history=8
)
FORTNIGHT = Span(
    market_from="2026-08-03", setup="2026-09-07", first="2026-09-08", last="2026-09-21", history=8
)


@pytest.mark.parametrize(
    ("roads", "span"),
    [
        pytest.param(BOTH, MONTH, id="a month with account and key"),
        pytest.param(ACCOUNT_ONLY, FORTNIGHT, id="a fortnight with the account"),
        pytest.param(KEY_ONLY, FORTNIGHT, id="a fortnight with the key"),
    ],
)
def test_after_the_storm_every_session_is_final_and_every_target_analysed(
    roads: Roads,
    span: Span,
    machines: Sequence[Machine],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with opened(make_plan(SEED, span, roads.kinds), roads, machines, tmp_path, {}) as world:
        record_property(SIMULATED_NIGHTS, live(world))


def test_after_a_fortnight_on_two_hosts_over_a_mongodb_server_the_same_holds(
    machines: Sequence[Machine],
    server: dict[str, str],
    tmp_path: Path,
    record_property: Callable[[str, object], None],
) -> None:
    with opened(make_plan(SEED, FORTNIGHT, BOTH.kinds), BOTH, machines, tmp_path, server) as world:
        record_property(SIMULATED_NIGHTS, live(world))

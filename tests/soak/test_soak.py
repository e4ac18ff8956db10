"""A month of evenings and mornings in a storm of failures; `make soak` lives through the year."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.soak.conftest import LIVED
from tests.soak.machine import Machine
from tests.soak.nights import live
from tests.soak.plan import Span, make_plan
from tests.soak.world import BOTH, opened

SEED = int(os.environ.get("SOAK_SEED", "1"))
MONTH = Span(market_from="2026-07-15", setup="2026-08-31", first="2026-09-01", last="2026-10-02", history=10)
Record = Callable[[str, object], None]


def test_after_a_month_in_the_storm_every_session_is_final_and_every_target_analysed(
    machines: Sequence[Machine], tmp_path: Path, record_property: Record
) -> None:
    plan = make_plan(SEED, MONTH, BOTH.kinds)
    with opened(plan, BOTH, machines, tmp_path, {}) as world:
        record_property(LIVED, live(world))

"""Two machines per test process."""

import os
from collections.abc import Iterator, Sequence

import pytest

from tests.storm.crash.scenes import BARE
from tests.storm.soak.machine import Machine

SEED = int(os.environ.get("SOAK_SEED", "1"))


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sequence[Machine]]:
    environment = BARE | {"MPLCONFIGDIR": str(tmp_path_factory.mktemp("matplotlib"))}
    machines = [Machine(environment), Machine(environment)]
    yield machines
    for machine in machines:
        machine.close()

"""The page of a whole night: under 5 MB for 1,700 targets."""

from pathlib import Path

import pytest

from collectors.views.report import write_report
from tests.report.conftest import SESSION
from tests.report.nights import analyse, market, store_market
from utils.store import Store

TARGETS = 1_700
MOST_BYTES = 5_000_000


@pytest.fixture
def whole_night(empty_store: Store) -> Store:
    """Every target analysed, each with a full history."""
    one_of_nine_is_of_konex = TARGETS * 9 // 8
    store_market(empty_store, market(one_of_nine_is_of_konex, 137))
    analyse(empty_store, SESSION)
    return empty_store


def test_1700_targets_with_a_full_history_stay_under_5_mb(
    whole_night: Store, tmp_path: Path
) -> None:
    assert len(whole_night.targets(active_only=True)) >= TARGETS
    path = tmp_path / "report.html"
    write_report(whole_night, path, SESSION)
    assert MOST_BYTES / 2 < path.stat().st_size < MOST_BYTES

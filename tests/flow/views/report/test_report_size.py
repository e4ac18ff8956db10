"""The page of a whole night: under 5 MB for 1,700 targets."""

from pathlib import Path

import pytest

from collectors.views.report import write_report
from tests.flow.views.report.conftest import SESSION
from tests.flow.views.report.nights import analyse, market, store_market
from utils.store import Store

TARGETS = 1_700
MOST_BYTES = 5_000_000


@pytest.fixture
def page(empty_store: Store, tmp_path: Path) -> Path:
    """Page of a night in which every target was analysed, each with a full history."""
    one_of_nine_is_of_konex = TARGETS * 9 // 8
    store_market(empty_store, market(one_of_nine_is_of_konex, 137))
    analyse(empty_store, SESSION)
    assert len(empty_store.targets.active()) >= TARGETS
    write_report(empty_store, path := tmp_path / "report.html", SESSION)
    return path


def test_1700_targets_with_a_full_history_stay_under_5_mb(page: Path) -> None:
    assert MOST_BYTES / 2 < page.stat().st_size < MOST_BYTES

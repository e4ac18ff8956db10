"""The page of a whole night: under 5 MB for 1,700 targets."""

from pathlib import Path

from collectors.views.report import write_report
from tests.report.conftest import SESSION
from tests.report.nights import analyse, market, store_market
from utils.store import Store

TARGETS = 1_700
MOST_BYTES = 5_000_000


def test_1700_targets_with_a_full_history_stay_under_5_mb(
    empty_store: Store, tmp_path: Path
) -> None:
    store_market(
        empty_store, market(TARGETS * 9 // 8, 137)
    )  # one of nine is of KONEX and no target
    analyse(empty_store, SESSION)
    assert len(empty_store.targets.active()) >= TARGETS
    path = tmp_path / "report.html"
    write_report(empty_store, path, SESSION)
    assert MOST_BYTES / 2 < path.stat().st_size < MOST_BYTES

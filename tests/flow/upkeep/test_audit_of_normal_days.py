"""No hour of normal days is a finding."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile

import pytest

from collectors.upkeep.audit import Audit
from sandbox.synthetic import SyntheticMarket
from tests.flow.upkeep.store_under_test import SCOPE, StoreUnderTest, at, open_store
from utils.cron.schedule import starts
from utils.errors import NotNow, NotPublished
from utils.store.jobs import DAILY_UPDATE, HOURLY_ANALYSIS


@dataclass(frozen=True)
class Walk:
    """Normal days, from an evening's setup to a noon, audited every hour."""

    first: str
    setup: str
    noon: str
    key: str | None


FROM_THURSDAY_TO_TUESDAY = ("2026-08-04", "2026-08-06", "2026-08-11")
WITH_A_HOLIDAY_NOBODY_PREDICTED_A_WEEKEND_AND_A_PREDICTED_ONE = (
    "2026-08-12",
    "2026-08-13",
    "2026-08-20",
)
WALKS = [
    Walk(*days, key)
    for days in (
        FROM_THURSDAY_TO_TUESDAY,
        WITH_A_HOLIDAY_NOBODY_PREDICTED_A_WEEKEND_AND_A_PREDICTED_ONE,
    )
    for key in (None, "key of the Open API")
]


@pytest.fixture(scope="module", params=WALKS, ids=lambda walk: f"{walk.setup}-{walk.key}")
def walked(
    request: pytest.FixtureRequest,
    market: SyntheticMarket,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Walk, StoreUnderTest, dict[datetime, Audit]]]:
    """The walk, the installation at its end, and the audit of every hour."""
    walk, audits = request.param, {}
    tested = open_store(tmp_path_factory.mktemp("walk"), at(walk.setup, 19), market, walk.key)
    tested.store.scope.save(**SCOPE, first_session=walk.first)
    before, end = at(walk.setup, 18, 59), at(walk.noon, 12)
    scripts: dict[str, Callable[[], None]] = {
        DAILY_UPDATE: tested.evening,
        HOURLY_ANALYSIS: tested.hour,
    }
    starts_of = {
        moment: script
        for job, script in scripts.items()
        for moment in takewhile(lambda moment: moment < end, starts(job, before))
    }
    audited = {at(walk.setup, 19, 5) + timedelta(hours=hours) for hours in range(24 * 14)}
    for now in sorted(starts_of.keys() | {moment for moment in audited if moment < end}):
        tested.clock.set(now)
        if now in audited:
            audits[now] = tested.audit()
        else:
            with suppress(NotNow, NotPublished):
                starts_of[now]()
    yield walk, tested, audits
    tested.store.close()


def test_nothing_is_wrong_at_any_hour_of_normal_days(
    walked: tuple[Walk, StoreUnderTest, dict[datetime, Audit]], market: SyntheticMarket
) -> None:
    walk, tested, audits = walked
    assert {now: audit.findings for now, audit in audits.items() if audit.findings} == {}
    assert len(audits) > 100
    expected = [each for each in market.sessions if walk.first <= each < walk.noon]
    assert [head.session for head in tested.store.sessions.heads()] == expected

"""No hour of normal days is a finding."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest

from collectors.upkeep.audit import Audit
from sandbox.synthetic import SyntheticMarket
from tests.flow.upkeep.store_under_test import SCOPE, StoreUnderTest, at, open_store
from utils.errors import NotNow, NotPublished


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
    while tested.clock.now_kst() < at(walk.noon, 12):
        now = tested.clock.now_kst()
        if now.hour == 19 and now.weekday() < 5:
            with suppress(NotPublished):
                tested.evening()
        tested.clock.advance(minutes=5)
        audits[now] = tested.audit()
        tested.clock.advance(minutes=5)
        if (now.hour >= 19 and now.weekday() < 5) or (now.hour <= 8 and 1 <= now.weekday() < 6):
            with suppress(NotNow):
                tested.hour()
        tested.clock.set(now + timedelta(hours=1))
    yield walk, tested, audits
    tested.store.close()


def test_nothing_is_wrong_at_any_hour_of_normal_days(
    walked: tuple[Walk, StoreUnderTest, dict[datetime, Audit]], market: SyntheticMarket
) -> None:
    walk, tested, audits = walked
    assert {now: audit.findings for now, audit in audits.items() if audit.findings} == {}
    assert len(audits) > 100
    last = "2026-08-10" if walk.noon == "2026-08-11" else "2026-08-19"
    end = last if walk.key else walk.noon
    expected = [each for each in market.sessions if walk.first <= each < end]
    assert [head.session for head in tested.store.sessions.heads()] == expected

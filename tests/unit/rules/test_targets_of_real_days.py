"""The targets of six recorded weeks, night after night, against what the rows themselves say of
each ticker."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from collectors.collection.target_refresh import refresh_targets
from collectors.rules.corporate_actions import find_actions
from collectors.rules.target_rule import TargetRule
from tests.fakes import FakeClock, read_at
from tests.unit.rules.days import real_days
from utils.market_day import FINAL, MARKETS, MarketDay
from utils.store import Store
from utils.store.backend import Document
from utils.store.sqlite import SqliteBackend

YEAR = "2024"
pytestmark = pytest.mark.recorded


@dataclass
class Lived:
    """All that were targets in the end, and what every night changed."""

    targets: dict[str, Document]
    entered: list[int]
    left: list[int]


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Nights with every listed ticker as a target."""
    return live(tmp_path_factory.mktemp("everybody"), TargetRule(0, list(MARKETS.values())))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Lived:
    """Nights with the threshold and the markets that are the defaults."""
    return live(tmp_path_factory.mktemp("large"), TargetRule(100_000_000_000, ["KOSPI", "KOSDAQ"]))


def live(folder: Path, rule: TargetRule) -> Lived:
    store = Store(SqliteBackend(folder), FakeClock(datetime(2024, 3, 1, tzinfo=UTC)))
    previous, entered, left = None, [], []
    for session, frame in real_days(YEAR).items():
        actions = find_actions(previous, frame, session)
        whole = frame.assign(factor=actions.factor)
        day = MarketDay(session, whole, read_at(session, FINAL), "pykrx")
        store.sessions.save(day, actions.documents())
        changes = refresh_targets(store, frame, session, rule)
        entered.append(len(changes.entered))
        left.append(len(changes.left))
        previous = frame
    targets = {target["_id"]: target for target in store.targets.all()}
    store.close()
    return Lived(targets, entered, left)


def rows() -> pd.DataFrame:
    """Ticker, session, name and market of every recorded row, and the next row of its ticker in
    the same line."""
    days = [
        frame[["ticker", "name", "market"]].assign(session=session)
        for session, frame in real_days(YEAR).items()
    ]
    table = pd.concat(days).sort_values(["ticker", "session"], ignore_index=True)
    after = table.groupby("ticker")[["name", "market", "session"]].shift(-1)
    return table.join(after.add_prefix("next_"))


def test_every_rename_and_every_move_is_kept_with_its_last_session_and_no_other(
    everybody: Lived,
) -> None:
    table = rows().dropna()
    changed = table[
        (table["name"] != table["next_name"]) | (table["market"] != table["next_market"])
    ]
    true = changed[["ticker", "name", "market", "session"]].apply(tuple, axis=1).tolist()
    kept = [
        (ticker, each["name"], each["market"], each["until"])
        for ticker, target in everybody.targets.items()
        for each in target["former"]
    ]
    assert sorted(kept) == sorted(true)
    assert len(true) >= 6


def test_every_delisted_ticker_left_with_its_last_session_and_nobody_else_left(
    everybody: Lived,
) -> None:
    newest = max(real_days(YEAR))
    last = rows().groupby("ticker")["session"].max()
    gone = {ticker: session for ticker, session in last.items() if session != newest}
    assert gone
    left = {
        each["_id"]: each["delisted_date"]
        for each in everybody.targets.values()
        if not each["is_active"]
    }
    assert left == gone
    assert all(
        everybody.targets[ticker]["removed_date"] == session for ticker, session in gone.items()
    )


def test_in_the_end_every_ticker_is_known_as_the_newest_session_has_it(everybody: Lived) -> None:
    newest = real_days(YEAR)[max(real_days(YEAR))]
    for ticker, name, market in zip(
        newest["ticker"], newest["name"], newest["market"], strict=True
    ):
        target = everybody.targets[ticker]
        assert (target["is_active"], target["name"], target["market"]) == (True, name, market)


def test_as_many_enter_and_leave_in_a_night_as_was_measured(large: Lived) -> None:
    """About ten, in both directions; the first session brings all."""
    assert 1_386 <= large.entered[0] <= 1_722
    assert 5 <= sum(large.entered[1:]) / len(large.entered[1:]) <= 15
    assert 5 <= sum(large.left) / len(large.left[1:]) <= 15


def test_no_rights_or_bonus_issue_has_thrown_out_one_that_its_price_kept(large: Lived) -> None:
    """336370 and 079370 went ex, too large to fall below; 073010 fell by its price alone."""
    assert [large.targets[ticker]["history"] for ticker in ("336370", "079370")] == [[], []]
    assert [each["removed_date"] for each in large.targets["073010"]["history"]] == ["2024-01-17"]

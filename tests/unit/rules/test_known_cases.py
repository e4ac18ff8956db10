"""Cases that everybody can look up, with the exchange's own numbers, from the rows to the adjusted
price."""

from dataclasses import dataclass, replace
from typing import Any

import pandas as pd
import pytest

from collectors.rules.corporate_actions import CorporateAction, find_actions
from tests.fakes import FakeClock, halted, market_day, row
from utils.clock import kst
from utils.store import Store
from utils.store.sqlite import SqliteBackend


@dataclass(frozen=True)
class Case:
    """The last two sessions of a ticker around its action, and one earlier session to adjust."""

    ticker: str
    earlier: tuple[str, int]
    """Session and close."""
    before: tuple[str, dict[str, Any]]
    after: tuple[str, dict[str, Any]]

    def frames(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        return market_day(self.before[0], self.before[1]).frame, market_day(
            self.after[0], self.after[1]
        ).frame

    def action(self) -> CorporateAction:
        (found,) = find_actions(*self.frames(), self.after[0]).found
        return found

    def opening_at(self, price: int) -> "Case":
        session, cells = self.after
        return replace(self, after=(session, cells | {"open": price}))


def rebased(ticker: str, close: int, base: int, **cells: Any) -> dict[str, Any]:
    return row(ticker, close, change=close - base, **cells)


SAMSUNG = Case(  # Samsung Electronics, fifty to one, halted for three sessions
    "005930",
    earlier=("2018-04-26", 2_607_000),
    before=("2018-05-03", halted("005930", 2_650_000, shares=128_386_494)),
    after=("2018-05-04", rebased("005930", 51_900, 53_000, open=53_000, shares=6_419_324_700)),
)
KISCO = Case(  # five to one; the shares are not on record here, only their ratio
    "000001",
    earlier=("2018-05-08", 71_500),
    before=("2018-05-10", halted("000001", 71_100, shares=3_000_000)),
    after=("2018-05-11", rebased("000001", 14_800, 14_250, open=14_500, shares=15_000_000)),
)
ASIANA = Case(  # Asiana Airlines, one for three
    "020560",
    earlier=("2020-12-24", 4_000),
    before=("2021-01-14", halted("020560", 4_210, shares=223_235_294)),
    after=("2021-01-15", rebased("020560", 15_850, 18_000, open=18_000, shares=74_411_764)),
)
COLLAPSE = Case(  # 1,500 to one, and the exchange left the base price where it was
    "000002",
    earlier=("2024-02-01", 2_080),
    before=("2024-03-04", halted("000002", 2_080, shares=150_000_000)),
    after=("2024-03-05", rebased("000002", 625_000, 2_080, open=624_000, shares=100_000)),
)


@pytest.fixture
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(SqliteBackend(tmp_path_factory.mktemp("data")), FakeClock(kst(2024, 4, 1, 19)))


def adjusted_close(store: Store, case: Case) -> int:
    """The earlier close as the store adjusts it to the session of the action, to the won."""
    store.sessions.save(market_day(case.earlier[0], row(case.ticker, case.earlier[1])))
    factor = float(find_actions(*case.frames(), case.after[0]).factor[0])
    store.sessions.save(market_day(case.after[0], case.after[1] | {"factor": factor}))
    return round(float(store.sessions.panel(case.after[0], 2).close[0, 0]))


@pytest.mark.parametrize("opened", [53_000, 52_900])
def test_samsung_electronics_was_split_fifty_to_one_on_2018_05_04(
    store: Store, opened: int
) -> None:
    """It opened at its base price, as after an auction; a split has none, so it makes no
    difference."""
    case = SAMSUNG.opening_at(opened)
    action = case.action()
    assert (action.kind, action.rule, action.flag) == ("split", "base", None)
    assert (action.previous_close, action.base_price) == (2_650_000, 53_000)
    assert adjusted_close(store, case) == 52_140


@pytest.mark.parametrize("opened", [14_250, 14_500])
def test_kisco_is_adjusted_by_the_base_price_on_its_tick_not_by_the_nominal_ratio(
    store: Store, opened: int
) -> None:
    case = KISCO.opening_at(opened)
    action = case.action()
    assert (action.kind, action.rule, action.flag) == ("split", "base", None)
    assert (action.previous_close, action.base_price) == (71_100, 14_250)
    assert round(71_500 / 5) == 14_300
    assert adjusted_close(store, case) == 14_330


def test_asiana_resumed_by_auction_on_2021_01_15_with_a_third_of_its_shares(store: Store) -> None:
    action = ASIANA.action()
    assert (action.kind, action.rule, action.flag) == ("capital_reduction", "auction_shares", None)
    assert (action.previous_close, action.base_price) == (4_210, 18_000)
    assert action.factor == pytest.approx(3, abs=1e-7)
    # What holders gained in the auction stays in the returns; base / previous close would hide it.
    assert 18_000 / (4_210 * action.factor) - 1 == pytest.approx(0.425, abs=1e-3)
    assert adjusted_close(store, ASIANA) == 12_000


def test_a_reduction_of_1500_to_1_without_a_rebase_is_not_to_be_traded_on(store: Store) -> None:
    action = COLLAPSE.action()
    assert round(100 * COLLAPSE.after[1]["change"] / 2_080) == 29_948  # percent
    assert (action.kind, action.rule, action.flag) == ("share_collapse", "collapse", "collapse")
    assert (action.previous_close, action.base_price, action.factor) == (2_080, 2_080, 1.0)
    assert adjusted_close(store, COLLAPSE) == 2_080
    assert find_actions(*COLLAPSE.frames(), "2024-03-05").remarks() == [
        "collapse: shares and price jumped and the base price did not follow, do not trade on it: "
        "first 000002, 1 in all."
    ]

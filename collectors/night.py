"""How the scripts get their collector: the source of the settings, at the pace that all processes share."""

from collections.abc import Callable
from datetime import timedelta

from collectors.krx_session import Account, PykrxSource
from collectors.stock_data_collector import StockDataCollector
from utils.clock import Clock
from utils.errors import WrongUsage
from utils.settings import Settings
from utils.store import Store
from utils.store.backend import Document


def make_source(settings: Settings, clock: Clock, store: Store) -> PykrxSource:
    """The exchange's data site with the account of the settings; nothing is asked yet."""
    account = None
    if settings.krx_id is not None and settings.krx_pw is not None:
        account = Account(settings.krx_id.get_secret_value(), settings.krx_pw.get_secret_value())
    interval = timedelta(seconds=settings.krx_request_interval_seconds)
    pace = paced(PykrxSource.name, store, clock, interval)
    return PykrxSource(account, str(settings.krx_base_url), pace, settings.data_dir / "cache")


def make_collector(settings: Settings, clock: Clock, store: Store) -> StockDataCollector:
    return StockDataCollector(make_source(settings, clock, store), store, clock)


def paced(source: str, store: Store, clock: Clock, interval: timedelta) -> Callable[[], None]:
    """Called before each request: books it in the store, waits for its turn, tells the locks that we live."""

    def wait_for_turn() -> None:
        clock.sleep(store.next_request(source, interval).total_seconds())
        store.beat_locks()

    return wait_for_turn


def chosen_scope(settings: Settings, store: Store) -> Document:
    """What is to be collected: what `manual_setup` was asked for, unless a setting says otherwise by now.

    Raises `WrongUsage` before `manual_setup` ran.
    """
    scope = store.scope()
    if scope is None:
        raise WrongUsage(f"Nothing is set up in the {store.description}. Run manual_setup.py first.")
    explicit = {"min_market_cap", "markets"} & settings.model_fields_set
    return scope | {name: getattr(settings, name) for name in explicit}

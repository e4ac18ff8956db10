"""Puts the parts together for the scripts: the source and the collector of the settings, what setup was asked for."""

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


def required_scope(store: Store) -> Document:
    """What `manual_setup` was asked for. Raises `WrongUsage` before it ran."""
    if (scope := store.scope()) is None:
        raise WrongUsage(f"Nothing is set up in the {store.description}. Run manual_setup.py first.")
    return scope


def with_earlier_choices(settings: Settings, scope: Document | None) -> Settings:
    """What `manual_setup` was asked for holds until an option or a setting says otherwise."""
    earlier = {} if scope is None else {name: scope[name] for name in ("min_market_cap", "markets")}
    return settings.model_copy(
        update={name: value for name, value in earlier.items() if name not in settings.model_fields_set}
    )

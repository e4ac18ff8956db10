"""Puts the parts together for the scripts: the sources and the collector of the settings, what setup was asked for."""

from collections.abc import Callable
from datetime import timedelta

from collectors.cross_check import may_go_first
from collectors.krx_session import Account, PykrxSource
from collectors.openapi import DAILY_LIMIT, OpenApiSource
from collectors.sources import Source, Sources
from collectors.transport import Gate
from utils.date_utils import TradingCalendar
from utils.errors import WrongUsage
from utils.settings import Settings
from utils.store import Store
from utils.store.backend import Document

Pause = Callable[[float], None]


def make_sources(settings: Settings, store: Store, pause: Pause) -> Sources:
    """Every source that the settings open; nothing is asked yet. Raises `WrongUsage` when they open none.

    The Open API is the permitted road for history, so it goes first there; while it is known to differ from the data
    site it is only asked when that has nothing.
    """
    site, open_api = _site(settings, store, pause), _open_api(settings, store, pause)
    if not site and not open_api:
        raise WrongUsage(
            "Neither KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set. Put the account of the exchange's data site, the "
            "key of its Open API, or both into .env."
        )
    for_history = [*open_api, *site] if may_go_first(store, OpenApiSource.name) else [*site, *open_api]
    return Sources([*site, *open_api], for_history, store.clock, pause, for_datasets=site)


def make_calendar(settings: Settings, store: Store) -> TradingCalendar:
    """What is predicted, what the exchange has shown, and when the sources of the settings can have a session."""
    return TradingCalendar(store.observed_calendar(), settings.same_evening)


def _site(settings: Settings, store: Store, pause: Pause) -> list[PykrxSource]:
    if settings.krx_id is None or settings.krx_pw is None:
        return []
    account = Account(settings.krx_id.get_secret_value(), settings.krx_pw.get_secret_value())
    gate = Gate(PykrxSource.name, store, _interval(settings), pause)
    return [PykrxSource(account, str(settings.krx_base_url), gate, settings.data_dir / "cache")]


def _open_api(settings: Settings, store: Store, pause: Pause) -> list[Source]:
    if settings.krx_openapi_key is None:
        return []
    gate = Gate(OpenApiSource.name, store, _interval(settings), pause, DAILY_LIMIT)
    return [OpenApiSource(settings.krx_openapi_key.get_secret_value(), str(settings.krx_openapi_base_url), gate)]


def _interval(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.krx_request_interval_seconds)


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

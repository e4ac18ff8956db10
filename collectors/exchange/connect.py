"""Connection of the settings with the exchange: its sources and the calendar."""

from collections.abc import Callable
from datetime import timedelta

from collectors.exchange.cross_check import may_go_first
from collectors.exchange.krx_session import Account, PykrxSource
from collectors.exchange.openapi import DAILY_LIMIT, OpenApiSource
from collectors.exchange.sources import Source, Sources
from collectors.exchange.transport import Gate
from utils.date_utils import TradingCalendar
from utils.errors import WrongUsage
from utils.settings import Settings
from utils.store import Store

Pause = Callable[[float], None]


def make_sources(settings: Settings, store: Store, pause: Pause) -> Sources:
    """Return every source that the settings open; nothing is asked yet. Raise `WrongUsage` when
    they open none.

    The Open API is permitted for history by its terms, so it goes first there. While it is known to
    differ from the data site, it is asked only when the data site has nothing.
    """
    site, open_api = site_source(settings, store, pause), open_api_source(settings, store, pause)
    sources: list[Source] = [source for source in (site, open_api) if source is not None]
    if not sources:
        raise WrongUsage(
            "Neither KRX_ID and KRX_PW nor KRX_OPENAPI_KEY are set. Put the account of the "
            "exchange's data site, the key of its Open API, or both into .env."
        )
    for_history = sources[::-1] if may_go_first(store, OpenApiSource.name) else sources
    datasets = [site] if site else []
    return Sources(
        sources,
        for_history,
        store.clock,
        pause,
        for_datasets=datasets,
        on_health_change=store.sources.record_failure,
    )


def make_calendar(settings: Settings, store: Store) -> TradingCalendar:
    """Return the calendar of what is predicted, what the exchange has shown, and when the sources
    of the settings can have a session."""
    return TradingCalendar(store.calendar.observed(), settings.same_evening)


def site_source(settings: Settings, store: Store, pause: Pause) -> PykrxSource | None:
    """Return the exchange's data site; None without an account."""
    if settings.krx_id is None or settings.krx_pw is None:
        return None
    account = Account(settings.krx_id.get_secret_value(), settings.krx_pw.get_secret_value())
    gate = Gate(PykrxSource.name, store, _interval(settings), pause)
    return PykrxSource(account, str(settings.krx_base_url), gate, settings.data_dir / "cache")


def open_api_source(settings: Settings, store: Store, pause: Pause) -> OpenApiSource | None:
    """Return the exchange's Open API; None without a key."""
    if settings.krx_openapi_key is None:
        return None
    gate = Gate(OpenApiSource.name, store, _interval(settings), pause, DAILY_LIMIT)
    return OpenApiSource(
        settings.krx_openapi_key.get_secret_value(), str(settings.krx_openapi_base_url), gate
    )


def _interval(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.krx_request_interval_seconds)

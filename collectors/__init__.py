"""Rules, exchange, collection, analysis, upkeep, setup and views: docs/architecture.md has the map.

For notebooks and other programs: `from collectors import load_prices, load_indices,
StockDataCollector, TechnicalAnalyzer`.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "StockDataCollector": "collectors.collection.stock_data_collector",
    "TechnicalAnalyzer": "collectors.analysis.technical_analyzer",
    "load_indices": "collectors.views.prices",
    "load_prices": "collectors.views.prices",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Import a name when it is asked for: a script that reads no prices need not wait for them."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)

"""What the exchange shows and what is made of it. Imports `utils`; only the scripts import this
package.

For notebooks it offers `load_prices` and `load_indices`: `from collectors import load_prices`.
"""

from typing import Any

__all__ = ["load_indices", "load_prices"]


def __getattr__(name: str) -> Any:
    """Imported when they are asked for: a script that reads no prices need not wait for them."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from collectors import prices

    return getattr(prices, name)
